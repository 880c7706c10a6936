//! Outside to events: one file a source.
