//! Serves the applications.
fn main() {}
