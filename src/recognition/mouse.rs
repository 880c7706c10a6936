//! The owner's mouse.
