//! What the server is as a process: what it inherits, whom it tells, and who succeeds it. Must not
//! know flags or routes.

mod inherited;
mod manager;
mod program;
mod succession;

pub(crate) use inherited::{Inherited, OwnFiles, Sockets};
pub(crate) use manager::Manager;
pub(crate) use succession::{Attended, Estate, Predecessor, Succession};

/// Set for a process that is to succeed another: the other's process id. Its standard input is the
/// way to the other then.
const SUCCEEDS: &str = "SAMPLE_SERVER_SUCCEEDS";

/// What `LISTEN_FDNAMES` calls the server's own sockets; any name but [`ADMIN`] would do.
const SERVER: &str = "server";

/// What `LISTEN_FDNAMES` calls the sockets of who watches the server.
const ADMIN: &str = "admin";

/// Set with it: the names of those sockets, by `:`, whose files, where they have some, belong to the
/// server, and not to whoever started the first of them.
const OWNS_FILES: &str = "SAMPLE_SERVER_OWNS_FILES";
