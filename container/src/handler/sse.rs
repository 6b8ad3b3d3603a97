//! Server-sent events: the `text/event-stream` of HTML, section 9.2 ("Server-sent events").
//!
//! An [`SseEvent`] is text; an [`Sse`] is an answer whose body consists of them. When and how
//! events come is the body's affair, not this file's.

use std::error::Error as StdError;
use std::fmt::{self, Write};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use http::{HeaderName, HeaderValue, header};

use super::response::IntoResponse;
use crate::message::{Body, Response};

/// How long nothing has to be sent for a comment to be: below the minute after which proxies tend
/// to cut a silent connection, and what HTML, section 9.2.7 recommends.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A comment without text, and the empty line behind it; to a client it is nothing.
const COMMENT: &[u8] = b":\n\n";

/// What goes before each line of data.
const DATA: &str = "data: ";

/// Bytes for which there is room at once in a field: a number, or a name.
const USUAL_VALUE: usize = 24;

/// Asks a proxy that holds answers back until they are large to pass this one on as it comes; the
/// field that nginx made known for it.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// An answer of server-sent events, for `EventSource` in browsers.
///
/// Its body may be made in any way that bodies are made; each piece of it is one [`SseEvent`], or
/// several:
///
/// ```
/// use container::{Body, Router, Sse, SseEvent, blocking, local_body, sleep};
/// use std::time::Duration;
///
/// async fn ticks() -> Sse {
///     Sse::new(local_body(async |out| {
///         for tick in 0.. {
///             out.send(SseEvent::new(format!("tick {tick}")).id(tick)).await?;
///             sleep(Duration::from_secs(1)).await;
///         }
///         Ok(())
///     }))
/// }
/// fn progress() -> Sse {
///     Sse::new(Body::written_by(|out| {
///         (0..=100).try_for_each(|percent| out.send(SseEvent::new(percent).event("progress")))
///     }))
/// }
/// let router = Router::new().get("/ticks", ticks).get("/progress", blocking(progress));
/// ```
///
/// * While nothing comes for 15 s ([`keep_alive`](Self::keep_alive)) a comment is sent, so that
///   proxies keep the connection and a client that has gone is noticed.
/// * When the container drains, the answer ends, cleanly, between two events, and does not hold up
///   the end. Clients connect again by themselves and say where they were
///   ([`LastEventId`](crate::extract::LastEventId)).
/// * A client that reads no more is cut when `timeouts.write_stall` is over.
/// * A client comes back after each end of the answer. 204 instead of an answer tells it to stop.
#[derive(Debug)]
pub struct Sse {
    body: Body,
    /// How long nothing is sent before a comment is; `None`: for ever.
    keep_alive: Option<Duration>,
}

/// One event, made part by part.
///
/// ```
/// use container::SseEvent;
/// use std::time::Duration;
///
/// let event = SseEvent::new("two\nlines").event("news").id(7).retry(Duration::from_secs(3));
/// assert_eq!(event.to_string(), "event: news\nid: 7\nretry: 3000\ndata: two\ndata: lines\n\n");
/// assert_eq!(SseEvent::comment("still here").to_string(), ": still here\n\n");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SseEvent {
    /// What goes before the data: whole lines.
    lines: String,
    /// The data; `None` where there is none, and nothing happens at the client.
    data: Option<String>,
}

impl Sse {
    /// An answer with this body, each piece of which is one or more whole events.
    pub fn new(events: impl Into<Body>) -> Self {
        Sse {
            body: events.into(),
            keep_alive: Some(KEEP_ALIVE),
        }
    }

    /// An answer with the events of a stream.
    pub fn stream<S, E>(events: S) -> Self
    where
        S: Stream<Item = Result<SseEvent, E>> + Send + 'static,
        E: Into<Box<dyn StdError + Send + Sync>>,
    {
        Sse::new(Body::stream(events))
    }

    /// The same with a comment each time that nothing has been sent for `interval`, in place of
    /// 15 s; `None`: never.
    ///
    /// # Panics
    /// When the interval is zero.
    pub fn keep_alive(mut self, interval: impl Into<Option<Duration>>) -> Self {
        self.keep_alive = interval.into();
        assert!(
            self.keep_alive != Some(Duration::ZERO),
            "a pause takes time"
        );
        self
    }
}

impl IntoResponse for Sse {
    fn into_response(self) -> Response {
        let mut body = self.body.until_drain();
        if let Some(interval) = self.keep_alive {
            body = body.fill_pauses(interval, COMMENT);
        }
        let no_cache = HeaderValue::from_static("no-cache");
        Response::ok("text/event-stream", body)
            .with_header(header::CACHE_CONTROL, no_cache)
            .with_header(UNBUFFERED, HeaderValue::from_static("no"))
    }
}

impl SseEvent {
    /// An event with this data. It may have more than one line; CR, LF and CR LF all end a line,
    /// and arrive as LF.
    pub fn new(data: impl fmt::Display) -> Self {
        SseEvent {
            lines: String::new(),
            data: Some(data.to_string()),
        }
    }

    /// No event, but a comment: to a client it is nothing.
    pub fn comment(text: impl fmt::Display) -> Self {
        let mut comment = SseEvent {
            lines: String::new(),
            data: None,
        };
        for line in lines(&text.to_string()) {
            comment.lines.extend([": ", line, "\n"]);
        }
        comment
    }

    /// The same with a name, which chooses the listeners at the client; `message` without. CR, LF
    /// and NUL are left out: they would end it, and what comes behind them would be read as
    /// another field.
    pub fn event(mut self, name: impl fmt::Display) -> Self {
        self.field("event", name);
        self
    }

    /// The same with an id, with which a client asks to go on after this event. CR, LF and NUL are
    /// left out, as in a name.
    pub fn id(mut self, id: impl fmt::Display) -> Self {
        self.field("id", id);
        self
    }

    /// The same with the time, in whole milliseconds, that a client waits before it comes back,
    /// from now on.
    pub fn retry(mut self, pause: Duration) -> Self {
        self.field("retry", pause.as_millis());
        self
    }

    /// Always with the space that a client takes off, so that one in the value is not taken for it.
    fn field(&mut self, name: &str, value: impl fmt::Display) {
        self.lines.reserve(name.len() + USUAL_VALUE);
        self.lines.push_str(name);
        self.lines.push_str(": ");
        write!(OneLine(&mut self.lines), "{value}").expect("a string takes what it is given");
        self.lines.push('\n');
    }

    fn data(&self) -> impl Iterator<Item = &str> {
        self.data.iter().flat_map(|data| lines(data))
    }

    /// Bytes of it as it is sent.
    fn length(&self) -> usize {
        let data = self.data().map(|line| DATA.len() + line.len() + 1);
        self.lines.len() + data.sum::<usize>() + 1
    }

    fn write_to(&self, output: &mut impl Write) -> fmt::Result {
        output.write_str(&self.lines)?;
        for line in self.data() {
            output.write_str(DATA)?;
            output.write_str(line)?;
            output.write_char('\n')?;
        }
        output.write_char('\n')
    }
}

/// The event as it is sent, with the empty line that ends it.
impl fmt::Display for SseEvent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_to(formatter)
    }
}

impl From<SseEvent> for Bytes {
    fn from(event: SseEvent) -> Self {
        let mut sent = String::with_capacity(event.length());
        let written = event.write_to(&mut sent);
        written.expect("a string takes what it is given");
        sent.into()
    }
}

/// Leaves out what would end a line, and what is no text.
struct OneLine<'a>(&'a mut String);

impl Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend(text.split(['\r', '\n', '\0']));
        Ok(())
    }
}

/// The lines of a text, by all three line ends that the format knows.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let ends_line = |byte| byte == b'\r' || byte == b'\n';
        let Some(end) = text.bytes().position(ends_line) else {
            return rest.take();
        };
        let after = &text[end..];
        rest = after.strip_prefix("\r\n").or(after.get(1..));
        Some(&text[..end])
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(event: &SseEvent, sent: &str) {
        assert_eq!(event.to_string(), sent);
    }

    #[test]
    fn data_keeps_its_lines() {
        check(&SseEvent::new("a"), "data: a\n\n");
        check(&SseEvent::new(""), "data: \n\n");
        check(&SseEvent::new(" a "), "data:  a \n\n");
        check(&SseEvent::new("a\nb"), "data: a\ndata: b\n\n");
        check(&SseEvent::new("a\r\nb\rc"), "data: a\ndata: b\ndata: c\n\n");
        check(&SseEvent::new("a\n"), "data: a\ndata: \n\n");
        check(&SseEvent::new("\r\r\n"), "data: \ndata: \ndata: \n\n");
        check(
            &SseEvent::new("id: 7\n\ndata: x"),
            "data: id: 7\ndata: \ndata: data: x\n\n",
        );
        check(&SseEvent::new("\u{2028}ä\0"), "data: \u{2028}ä\0\n\n");
    }

    #[test]
    fn nothing_can_be_injected() {
        let event = || SseEvent::new("x");
        check(&event().id("1\r\ndata: y"), "id: 1data: y\ndata: x\n\n");
        check(&event().event("a\nb\rc\0d"), "event: abcd\ndata: x\n\n");
        check(&event().id("\0"), "id: \ndata: x\n\n");
        check(&SseEvent::comment("a\n\ndata: b"), ": a\n: \n: data: b\n\n");
        check(&SseEvent::comment("a\0"), ": a\0\n\n");
    }

    #[test]
    fn parts_stand_alone() {
        let nothing = SseEvent::comment("");
        check(&nothing, ": \n\n");
        check(
            &nothing.id(9).retry(Duration::from_millis(1500)),
            ": \nid: 9\nretry: 1500\n\n",
        );
    }
}
