//! What RFC 9110 and RFC 9112 ask of an origin server, as tables: a case a line, with the section
//! that decides it, the bytes that are sent, and what has to come back.
//!
//! Every case is run in memory, whole, byte by byte and cut in two at each place, and over a socket.
//! Each answer is read strictly. Where a section leaves a choice, `docs/http.md` says why it is ours.

#[path = "conformance/answers.rs"]
mod answers;
#[path = "conformance/application.rs"]
mod application;
#[path = "conformance/case.rs"]
mod case;
#[path = "conformance/check.rs"]
mod check;
#[path = "conformance/chunks.rs"]
mod chunks;
#[path = "conformance/exchange.rs"]
mod exchange;
#[path = "conformance/fields.rs"]
mod fields;
#[path = "conformance/framing.rs"]
mod framing;
#[path = "conformance/request_line.rs"]
mod request_line;
#[path = "conformance/smuggling.rs"]
mod smuggling;

use check::check;

/// Each area is a test: its name, and its table.
macro_rules! areas {
    ($($name:ident: $cases:expr),+ $(,)?) => {
        $(#[test]
        fn $name() {
            check(&$cases);
        })+
    };
}

areas! {
    request_lines: request_line::cases(),
    empty_lines: request_line::empty_lines(),
    targets: request_line::targets(),
    versions: request_line::versions(),
    field_lines: fields::cases(),
    host: fields::host(),
    content_length: framing::content_length(),
    transfer_encoding: framing::transfer_encoding(),
    chunk_sizes: chunks::sizes(),
    chunk_extensions: chunks::extensions(),
    trailers: chunks::trailers(),
    expectations: exchange::expectations(),
    methods: exchange::methods(),
    keep_alive: exchange::keep_alive(),
    upgrades: exchange::upgrades(),
    limits: exchange::limits(),
    answers: answers::cases(),
    smuggled_requests: smuggling::refusals(),
    smuggled_bodies: smuggling::bodies(),
}
