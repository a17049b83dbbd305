//! How a letter becomes a message and leaves.
