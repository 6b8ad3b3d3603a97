//! The applications that run on the container.
