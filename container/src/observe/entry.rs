//! `Entry`: what a line of the access log says.

use std::net::SocketAddr;
use std::time::Instant;

use super::metrics::RouteName;
use crate::message::{RequestHead, RequestId, SecretPaths, TraceContext, header};

/// What stands for a query that is not shown.
const HIDDEN: &[u8] = b"?***";

/// What lines keep of a request's head: written by the format when the head is there, since the
/// handler takes the head away.
#[derive(Debug, Default)]
pub(super) struct Asked {
    /// The text; a record is used again, and its room with it.
    pub(super) text: Vec<u8>,
    /// Where in it further parts begin, for formats that say something in between.
    pub(super) cuts: [usize; 2],
}

/// What a format can keep of a request.
pub(super) struct Asking<'a> {
    /// What was asked; `None`: it could not be read.
    pub(super) request: Option<Readable<'a>>,
    /// Who asks; `None` at Unix sockets.
    pub(super) peer: Option<SocketAddr>,
}

/// What was asked, as it may be shown.
#[derive(Clone, Copy)]
pub(super) struct Readable<'a> {
    pub(super) head: &'a RequestHead,
    /// What stands for its path and its query; `None`: they do.
    pub(super) shown: Option<&'a str>,
    /// What is not shown elsewhere in it.
    pub(super) secret_paths: &'a SecretPaths,
}

impl<'a> Asking<'a> {
    /// Where its client comes from, or what stands for that; `None` if the client does not say.
    pub(super) fn referer(&self) -> Option<&'a [u8]> {
        let request = self.request?;
        let referer = request.head.header(header::REFERER.as_str())?;
        let secret = request.secret_paths.find(referer);
        Some(secret.map_or(referer, |shown| shown.as_bytes()))
    }

    /// Which program the client is; `None` if it does not say.
    pub(super) fn user_agent(&self) -> Option<&'a [u8]> {
        self.request?.head.header(header::USER_AGENT.as_str())
    }
}

impl Readable<'_> {
    /// The path, or what stands for it.
    pub(super) fn path(&self) -> &[u8] {
        self.shown.map_or(self.head.path_bytes(), str::as_bytes)
    }

    /// The target, or what stands for it: in two parts.
    pub(super) fn target(&self) -> [&[u8]; 2] {
        let target = self.head.target_bytes();
        match self.shown {
            Some(shown) => [shown.as_bytes(), b""],
            None if self.head.query().is_some() && self.secret_paths.find(target).is_some() => {
                [self.head.path_bytes(), HIDDEN]
            }
            None => [target, b""],
        }
    }
}

/// One request, from its head to its answer's last byte.
#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) asked: &'a Asked,
    pub(super) route: &'a RouteName,
    pub(super) id: &'a RequestId,
    /// Its place in a trace, where traces are carried.
    pub(super) trace: Option<&'a TraceContext>,
    pub(super) status: u16,
    /// Bytes of the answer's body.
    pub(super) bytes: u64,
    /// When its head was complete.
    pub(super) received: Instant,
    /// When its answer was complete.
    pub(super) ended: Instant,
    pub(super) spans: Spans,
}

impl Asked {
    /// The text up to the first cut, between the cuts, and from the second cut on.
    pub(super) fn parts(&self) -> [&[u8]; 3] {
        let [first, second] = self.cuts;
        let text = &self.text;
        [&text[..first], &text[first..second], &text[second..]]
    }

    /// Empties it.
    pub(super) fn clear(&mut self) {
        self.text.clear();
        self.cuts = [0; 2];
    }
}

/// How long the parts of a request took, in microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Spans {
    /// From its head to the end of its answer.
    pub(super) total: u64,
    /// From when its handler was asked for, to when that could begin.
    pub(super) waited: u64,
    /// From there to the answer.
    pub(super) ran: u64,
    /// From there to the end of the answer.
    pub(super) written: u64,
}
