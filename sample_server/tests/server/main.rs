//! The `sample_server` binary as a user runs it: start, log, signals, exit codes.
//!
//! Nothing here sleeps: tests wait for lines of the log and for answers.

mod api_http;
mod docking_api;
mod mail;
mod openapi;
mod process;
mod refusals;
mod restart;
mod run;
mod settings;
mod stages;
mod tools;
mod watching;
