//! The owner's keystrokes.
