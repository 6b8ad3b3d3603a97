//! The request that a connection is dealing with: from its head to the end of its answer.

use std::task::{Context, Poll};

use bytes::Bytes;

use super::pauses::Pauses;
use super::{Driver, FETCH_AHEAD, Feed, Progress};
use crate::handler::{BodyMode, LocalFuture, OnDisconnect, Reply, catch_panic};
use crate::http1::ProtocolError;
use crate::message::{
    Body, BodyError, BodyLength, Frame, HeaderMap, Request, RequestHead, Response,
};
use crate::net::Transport;
use crate::scheduler::{self, Begun, HeldBody, Phase, Shed};
use crate::server::service::{Plan, Target};

/// Bytes of a live request body that wait for its handler: one full read.
const LIVE_BODY_BUFFER: usize = 64 << 10;

/// Where the current request stands.
pub(super) enum Exchange {
    /// There is none.
    None,
    /// Its body is being collected.
    Collecting(Box<Collecting>),
    /// Its handler is at work.
    Handling(Handling),
    /// Its answer's body is being fetched and sent; boxed, since idle connections have room for it
    /// too.
    Sending(Box<Sending>),
}

/// An answer's body on its way.
pub(super) struct Sending {
    body: Body,
    /// What is sent in its pauses.
    pauses: Option<Pauses>,
}

/// A request that waits for its body.
pub(super) struct Collecting {
    head: RequestHead,
    plan: Plan,
    body: HeldBody,
}

/// A handler at work.
pub(super) struct Handling {
    pub(super) reply: LocalFuture<Response>,
    /// What it means when the client goes.
    pub(super) on_disconnect: OnDisconnect,
    /// Whether it waits for its turn, as far as is known: of one on a thread of the pool it is told
    /// only when that has ended.
    pub(super) waits: bool,
}

impl Sending {
    /// The next piece, or what is sent in a pause. A panic of the application's code breaks the
    /// answer like an error.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame, BodyError>>> {
        let polled = catch_panic(|| self.body.poll_frame(context)).unwrap_or_else(|panicked| {
            let error = BodyError::source(format!("it panicked: {}", panicked.message));
            Poll::Ready(Some(Err(error)))
        });
        match &mut self.pauses {
            None => polled,
            Some(pauses) if polled.is_ready() => {
                pauses.interrupted();
                polled
            }
            Some(pauses) => pauses
                .poll(context)
                .map(|filler| Some(Ok(Frame::Data(filler)))),
        }
    }
}

impl<T: Transport + Unpin> Driver<T> {
    /// A request begins.
    pub(super) fn begin(
        &mut self,
        head: RequestHead,
        length: BodyLength,
        context: &mut Context<'_>,
    ) {
        self.history = super::History::Used;
        if self.worker().phase() >= Phase::Leaving {
            self.machine.drain();
        }
        let mut plan = self.worker().service.plan(&head);
        self.begin_record(Some((&head, &plan)));
        self.errors = plan.errors;
        if length == BodyLength::Known(0) {
            plan.body = BodyMode::Ignored;
            return self.call(head, Body::empty(), None, plan, context);
        }
        // What nobody reads needs no limit but that of reading it away.
        if plan.body != BodyMode::Ignored
            && let Err(error) = self.machine.limit_body(plan.body_limit)
        {
            return self.refuse(error);
        }
        match plan.body {
            BodyMode::Ignored => self.call_without_body(head, plan, context),
            BodyMode::Buffered => match self.worker().service.begin_body(&plan, length) {
                Ok(body) => {
                    let now = self.now();
                    self.machine.send_continue(&mut self.output, now);
                    self.exchange = Exchange::Collecting(Box::new(Collecting { head, plan, body }));
                }
                Err(shed) => self.turn_away(head, plan, shed, context),
            },
            BodyMode::Live => {
                let (sender, body) = match length {
                    BodyLength::Known(length) => Body::sized_channel(LIVE_BODY_BUFFER, length),
                    BodyLength::Unknown => Body::channel(LIVE_BODY_BUFFER),
                };
                self.feed = Feed::Live(sender);
                self.call(head, body, None, plan, context);
            }
        }
    }

    /// Answers a request whose body nobody will read: what comes of it is thrown away.
    fn call_without_body(&mut self, head: RequestHead, plan: Plan, context: &mut Context<'_>) {
        self.call(head, Body::empty(), None, plan, context);
        let now = self.now();
        self.machine.discard_body(now);
    }

    /// There is no room for a request, of whose body something is still to come.
    fn turn_away(&mut self, head: RequestHead, plan: Plan, shed: Shed, context: &mut Context<'_>) {
        let target = plan.target.shed(shed);
        self.call_without_body(head, Plan { target, ..plan }, context);
    }

    /// Bytes of the request body have come.
    pub(super) fn body_bytes(&mut self, bytes: &[u8], context: &mut Context<'_>) {
        match (&mut self.exchange, &mut self.feed) {
            (_, Feed::Live(sender)) => sender.send_now(Bytes::copy_from_slice(bytes)),
            (Exchange::Collecting(collecting), _) => {
                if let Err(shed) = collecting.body.append(bytes) {
                    self.stop_collecting(shed, context);
                }
            }
            _ => {}
        }
    }

    /// There is no memory for the rest of a body: what has come of it is dropped.
    fn stop_collecting(&mut self, shed: Shed, context: &mut Context<'_>) {
        if let Exchange::Collecting(collecting) =
            std::mem::replace(&mut self.exchange, Exchange::None)
        {
            let Collecting { head, plan, body } = *collecting;
            drop(body);
            self.note_body();
            self.turn_away(head, plan, shed, context);
        }
    }

    /// The request body is complete.
    pub(super) fn body_ended(&mut self, trailers: HeaderMap, context: &mut Context<'_>) {
        if let Feed::Live(sender) = std::mem::replace(&mut self.feed, Feed::None) {
            sender.finish_with(trailers);
            return;
        }
        match std::mem::replace(&mut self.exchange, Exchange::None) {
            Exchange::Collecting(collecting) => {
                let Collecting { head, plan, body } = *collecting;
                self.note_body();
                self.call(
                    head,
                    body.into_bytes().into(),
                    Some(trailers),
                    plan,
                    context,
                );
            }
            other => self.exchange = other,
        }
    }

    /// The peer broke the protocol, or took too long: what is left is to tell it.
    pub(super) fn refuse(&mut self, error: ProtocolError) {
        if let Feed::Live(sender) = std::mem::replace(&mut self.feed, Feed::None) {
            sender.abort(match error {
                ProtocolError::BodyTooLarge => BodyError::too_large(),
                ProtocolError::BodyTimeout => BodyError::timed_out(),
                _ => BodyError::aborted(),
            });
        }
        // A handler at work hears of it from its body, and answers, if it has not begun to.
        if let Exchange::Handling(_) | Exchange::Sending(_) = self.exchange {
            return;
        }
        self.exchange = Exchange::None;
        self.ensure_record();
        self.answer(super::answer::refusal(error));
    }

    /// Moves the current request on.
    pub(super) fn advance_exchange(&mut self, context: &mut Context<'_>) -> Progress {
        match &mut self.exchange {
            Exchange::None | Exchange::Collecting(_) => Progress::Stuck,
            Exchange::Handling(handling) => {
                // News of a handler whose client has gone is nobody's.
                scheduler::take_begun();
                self.seat.worker().begin_step(self.label);
                let polled = handling.reply.as_mut().poll(context);
                if let Some(begun) = scheduler::take_begun() {
                    handling.waits = begun == Begun::NotYet;
                    self.note_begun(begun);
                }
                match polled {
                    Poll::Ready(response) => {
                        self.exchange = Exchange::None;
                        self.answer(response);
                        Progress::Moved
                    }
                    Poll::Pending => self.watch_departure(context),
                }
            }
            Exchange::Sending(_) => self.fetch(context),
        }
    }

    // Inlined into its callers, since each frame in between is one more copy of the request.
    #[inline(always)]
    fn call(
        &mut self,
        head: RequestHead,
        body: Body,
        trailers: Option<HeaderMap>,
        plan: Plan,
        context: &mut Context<'_>,
    ) {
        let Plan {
            target,
            on_disconnect,
            identity,
            label,
            ..
        } = plan;
        let mut request = Request::from_head(head, body).with_peer(self.peer);
        if let Some(trailers) = trailers.filter(|trailers| !trailers.is_empty()) {
            request.set_trailers(trailers);
        }
        self.note_call(identity, &mut request);
        self.label = label;
        self.worker().begin_step(label);
        match self.reply_to(target, request) {
            Reply::Ready(response) => {
                self.note_begun(scheduler::take_begun().unwrap_or(Begun::AtOnce));
                self.answer(response);
            }
            Reply::Later(mut reply) => {
                let polled = reply.as_mut().poll(context);
                let begun = scheduler::take_begun().unwrap_or(Begun::AtOnce);
                self.note_begun(begun);
                match polled {
                    Poll::Ready(response) => self.answer(response),
                    Poll::Pending => {
                        self.exchange = Exchange::Handling(Handling {
                            reply,
                            on_disconnect,
                            waits: begun == Begun::NotYet,
                        });
                    }
                }
            }
        }
    }

    #[inline]
    fn reply_to(&self, target: Target, request: Request) -> Reply {
        self.worker().service.call(target, request)
    }

    #[inline]
    fn answer(&mut self, mut response: Response) {
        self.note_failure(&mut response);
        self.worker().service.finish(&mut response, self.errors);
        self.respond(response);
    }

    /// Fetches more of the answer's body, unless enough of it waits to be sent.
    fn fetch(&mut self, context: &mut Context<'_>) -> Progress {
        let mut progress = Progress::Stuck;
        if self.seat.worker().phase() >= Phase::Draining
            && let Exchange::Sending(sending) = &mut self.exchange
        {
            sending.body.drain();
        }
        while self.output.pending() < FETCH_AHEAD {
            let Exchange::Sending(sending) = &mut self.exchange else {
                return Progress::Moved;
            };
            self.seat.worker().begin_step(self.label);
            match sending.poll(context) {
                Poll::Pending => {
                    // A stream that waits for news must hear when its reader has gone.
                    self.transport.watch_read(context);
                    if self.transport.is_reset() {
                        self.vanished();
                        return Progress::Moved;
                    }
                    return progress;
                }
                Poll::Ready(Some(Ok(Frame::Data(bytes)))) => {
                    self.note_sent(bytes.len());
                    self.machine.send_body(bytes, &mut self.output);
                }
                Poll::Ready(Some(Ok(Frame::Trailers(trailers)))) => {
                    self.end_answer(Some(&trailers));
                }
                Poll::Ready(None) => self.end_answer(None),
                Poll::Ready(Some(Err(error))) => {
                    log::warn!("the body of an answer broke off: {error}");
                    self.machine.break_answer();
                    self.exchange = Exchange::None;
                }
            }
            if self.machine.is_closed() {
                self.exchange = Exchange::None;
            }
            progress = Progress::Moved;
        }
        progress
    }

    /// The answer's head is written; its body is to follow.
    pub(super) fn send(&mut self, body: Body) {
        let pauses = body.filler().map(Pauses::new);
        self.exchange = Exchange::Sending(Box::new(Sending { body, pauses }));
    }

    fn end_answer(&mut self, trailers: Option<&HeaderMap>) {
        let now = self.now();
        self.machine.finish_body(trailers, &mut self.output, now);
        self.exchange = Exchange::None;
        self.note_fetched();
        self.conclude();
    }
}
