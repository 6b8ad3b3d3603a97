//! Sizes and layers.
