//! The container with the clients and proxies of the real world, over sockets of this machine.
//!
//! Each of them is a program of the system; where one is absent, its tests say `SKIPPED` and pass.

#[path = "clients/chromium.rs"]
mod chromium;
#[path = "clients/curl.rs"]
mod curl;
#[path = "clients/go.rs"]
mod go;
#[path = "clients/load.rs"]
mod load;
#[path = "clients/proxies.rs"]
mod proxies;
#[path = "clients/python.rs"]
mod python;
