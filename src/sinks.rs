//! Followers of the store.
