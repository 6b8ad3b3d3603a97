//! Seeing what the container does: its access log, its metrics, its dashboard, and the names that
//! requests have in them.

#[path = "observe/access_log.rs"]
mod access_log;
#[path = "observe/admin.rs"]
mod admin;
#[path = "observe/dashboard.rs"]
mod dashboard;
#[path = "observe/names.rs"]
mod names;
#[path = "observe/panics.rs"]
mod panics;
