//! A client at work: what it has sent, what it has heard, and whether that is what it was promised.

use container::http1::{AnswerTo, Limits, ResponseError};
use container::testing::{Client as Pipe, Server};
use tests::{Heard, Listener, Random};

use super::plan::{Ask, Client as Plan, Ending, Special, UNREAD_BODY};
use super::world::{CHANNEL, ledger};

/// Bytes of answers that a connection holds, and of a live body: `WRITE_HIGH_WATER` and
/// `LIVE_BODY_BUFFER` of the server.
const HIGH_WATER: u64 = 64 << 10;

/// Bytes that one read takes, and the largest answer that is given in one piece.
const PIECE: u64 = 64 << 10;

/// A client at work.
pub(crate) struct Client<'s> {
    index: usize,
    plan: Plan,
    pipe: Pipe<'s>,
    listener: Listener,
    /// The request that is being sent, and how much of it was.
    current: usize,
    position: usize,
    /// Bytes sent, and received.
    sent: usize,
    received: usize,
    /// Whether it sends no more, and whether it reads no more.
    is_silent: bool,
    is_deaf: bool,
}

/// How much of the promises holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Leniency {
    /// So much time has passed that the server may have lost its patience.
    pub(crate) is_late: bool,
    /// The server was told to drain: idle connections close.
    pub(crate) is_drained: bool,
    /// The server was told to end: everything may be cut.
    pub(crate) is_closed: bool,
}

impl<'s> Client<'s> {
    pub(crate) fn new(index: usize, plan: Plan, server: &'s Server) -> Client<'s> {
        Client {
            index,
            pipe: server.connect_with(plan.faults),
            plan,
            listener: Listener::new(Limits::default()),
            current: 0,
            position: 0,
            sent: 0,
            received: 0,
            is_silent: false,
            is_deaf: false,
        }
    }

    /// Does one thing: sends some, or hears some. Says whether anything came of it.
    pub(crate) fn act(&mut self, random: &mut Random) -> bool {
        let piece = 1 + random.below(self.plan.piece);
        if random.once_in(2) {
            self.hear(piece)
        } else {
            self.send(piece)
        }
    }

    /// Does what it can, as long as it can, without the server's help.
    pub(crate) fn act_fully(&mut self) -> bool {
        let heard = self.hear(usize::MAX);
        self.send(usize::MAX) || heard
    }

    /// Sends at most so many bytes of the current request.
    fn send(&mut self, most: usize) -> bool {
        if self.is_silent {
            return false;
        }
        let (limit, most) = (self.limit(), most.min(self.limit() - self.sent));
        let Some(ask) = self.plan.asks.get(self.current) else {
            return self.fall_silent();
        };
        if self.sent == limit {
            return self.fall_silent();
        }
        let far_ahead = self.listener.complete() + self.plan.ahead <= self.current;
        if self.position == 0 && far_ahead {
            return self.hears_no_more();
        }
        let wire = match ask.head.len().checked_sub(self.position) {
            Some(left) if left > 0 => &ask.head[self.position..],
            _ if ask.waits_for_leave && !self.has_leave() => return self.hears_no_more(),
            _ => &ask.body[self.position - ask.head.len()..],
        };
        let count = self.pipe.send_only(&wire[..wire.len().min(most)]);
        if count > 0 && self.position == 0 {
            self.listener.expect(ask.kind);
        }
        self.position += count;
        self.sent += count;
        if self.position == ask.head.len() + ask.body.len() {
            self.position = 0;
            self.current += 1;
        }
        count > 0
    }

    /// Bytes after which it stops sending.
    fn limit(&self) -> usize {
        match self.plan.ending {
            Ending::Finish(limit) | Ending::Leave(limit) | Ending::Cut(limit) => limit,
            Ending::Stay | Ending::Stall(_) => usize::MAX,
        }
    }

    /// Whether the server has let it go on, or answered, or has not before it lost its patience.
    fn has_leave(&self) -> bool {
        self.position > self.plan.asks[self.current].head.len()
            || self.listener.interim.len() > self.leaves_used()
    }

    /// Interim answers that belonged to earlier requests.
    fn leaves_used(&self) -> usize {
        let earlier = self.plan.asks[..self.current].iter();
        earlier.filter(|ask| ask.waits_for_leave).count()
    }

    /// A client to which nothing more will be said has nothing to wait for.
    fn hears_no_more(&mut self) -> bool {
        let is_over = self.pipe.is_closed() || self.is_answered_finally();
        is_over && self.fall_silent()
    }

    /// Whether the last answer that there will be is here.
    fn is_answered_finally(&self) -> bool {
        let answers = &self.listener.answers;
        answers.last().is_some_and(Heard::closes)
            || (self.listener.fault.is_some() || self.position > 0 && self.current < answers.len())
    }

    /// Sends no more, in the way that was planned. Always comes to something.
    fn fall_silent(&mut self) -> bool {
        self.is_silent = true;
        match self.plan.ending {
            Ending::Stay | Ending::Stall(_) => {}
            Ending::Finish(_) => self.pipe.finish(),
            Ending::Leave(_) => self.pipe.close(),
            Ending::Cut(_) => self.pipe.cut(),
        }
        true
    }

    /// Reads at most so many bytes.
    fn hear(&mut self, most: usize) -> bool {
        if let Ending::Stall(limit) = self.plan.ending {
            self.is_deaf |= self.received >= limit;
        }
        if self.is_deaf {
            return false;
        }
        let bytes = self.pipe.receive_only(most.min(64 << 10));
        self.received += bytes.len();
        self.listener.hear(&bytes);
        !bytes.is_empty()
    }

    /// Whether it stays, and listens, to the end.
    fn is_faithful(&self) -> bool {
        matches!(self.plan.ending, Ending::Stay | Ending::Finish(_))
    }

    /// What holds at any time: neither side holds more than it may.
    pub(crate) fn check_buffers(&self) {
        let capacity = self.plan.faults.capacity as u64;
        let (given, read) = ledger(|ledger| (ledger.given[self.index], ledger.read[self.index]));
        let held = given.saturating_sub(self.received as u64);
        let most = HIGH_WATER + PIECE + CHANNEL as u64 + capacity;
        // To HEAD, handlers give what nobody gets.
        let has_head = |ask: &Ask| ask.kind == AnswerTo::Head;
        let is_fair = !self.plan.asks.iter().any(has_head);
        assert!(
            held <= most || !is_fair,
            "{held} bytes of answers are held, {most} may"
        );
        let ask = self.plan.asks.get(self.current);
        if let Some(ask) = ask
            && ask.special == Special::Live
            && self.plan.ahead == 1
            && read > 0
        {
            let held = (self.position as u64).saturating_sub(read + ask.head.len() as u64);
            // Framing may cost as much as content.
            let most = 2 * (HIGH_WATER + PIECE) + capacity;
            assert!(held <= most, "{held} bytes of a body are held, {most} may");
        }
    }

    /// What holds at the end.
    pub(crate) fn check(&mut self, leniency: Leniency) {
        let was_reset = self.pipe.was_reset();
        if matches!(self.plan.ending, Ending::Leave(_) | Ending::Cut(_)) && self.is_silent {
            return self.check_answers(true);
        }
        assert!(self.pipe.is_closed() || self.is_deaf, "the server closes");
        if !was_reset {
            self.listener.end();
        }
        // Who sends to a server that has just closed an idle connection loses what it has not read.
        let is_missed = leniency.is_drained && was_reset;
        let may_break = self.is_deaf || leniency.is_late || leniency.is_closed || is_missed;
        self.check_answers(may_break);
        if self.is_faithful() && !leniency.is_closed {
            self.check_nothing_lost(leniency);
        }
    }

    /// Every answer is one to its request, in order; only the last may have broken off.
    fn check_answers(&self, may_break: bool) {
        let answers = &self.listener.answers;
        assert!(
            matches!(self.listener.fault, None | Some(ResponseError::Incomplete)),
            "{:?} after {answers:?}",
            self.listener.fault
        );
        for (index, answer) in answers.iter().enumerate() {
            let ask = &self.plan.asks[index];
            let is_cut_short = index == self.current && self.position > 0;
            // Then the handler that reads live answers as it likes, and others are not asked.
            let is_unfinished = (is_cut_short || may_break)
                && ([400, 408].contains(&answer.status) || ask.special == Special::Live);
            assert!(
                ask.allows(answer) || is_unfinished,
                "{ask:?} was answered {answer:?}: {self:?}"
            );
            let is_broken = answer.end.is_none();
            let allowed = self.is_torn() || may_break;
            assert!(!is_broken || allowed, "{ask:?} broke off: {self:?}");
        }
    }

    /// Whether an answer broke. The reset takes along what its peer has not read yet.
    fn is_torn(&self) -> bool {
        let is_broken = |ask: &Ask| {
            ask.special == Special::Broken && ledger(|ledger| ledger.entered.contains(&ask.id))
        };
        self.pipe.was_reset() && self.plan.asks.iter().any(is_broken)
    }

    /// Who is begun is answered, once; and all are, unless an answer said that it is the last.
    fn check_nothing_lost(&self, leniency: Leniency) {
        let answers = &self.listener.answers;
        let ids = (self.index * 100) as u32..(self.index * 100 + 100) as u32;
        let entered: Vec<u32> = ledger(|ledger| {
            let all = ledger.entered.iter().copied();
            all.filter(|id| ids.contains(id)).collect()
        });
        assert!(
            entered.windows(2).all(|pair| pair[0] < pair[1]),
            "each once, in order: {entered:?}"
        );
        let may_close = leniency.is_late || leniency.is_drained;
        if self.is_torn() || (self.pipe.was_reset() && may_close) {
            // The same, when a client goes on sending to a server that has closed.
            return;
        }
        let begun = entered.last().map_or(0, |id| *id as usize % 100 + 1);
        assert!(begun <= answers.len(), "{entered:?} were begun: {self:?}");
        for (ask, answer) in self.plan.asks.iter().zip(answers) {
            let is_handlers = answer.status == 200;
            assert!(!is_handlers || entered.contains(&ask.id), "{ask:?}");
        }
        let whole = self.current.min(self.plan.asks.len());
        let is_last = |(ask, answer): (&Ask, &Heard)| {
            let is_long = ask.body.len() as u64 > UNREAD_BODY;
            answer.closes() || answer.end.is_none() || ask.closes || is_long
        };
        let has_last = self.plan.asks.iter().zip(answers).any(is_last);
        assert!(
            answers.len() >= whole || has_last || leniency.is_late || leniency.is_drained,
            "{} of {whole} requests were answered: {self:?}",
            answers.len()
        );
    }
}

impl std::fmt::Debug for Client<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Client")
            .field("index", &self.index)
            .field("plan", &self.plan)
            .field("answers", &self.listener.answers)
            .field("fault", &self.listener.fault)
            .field("rest", &String::from_utf8_lossy(&self.listener.rest))
            .field("is_closed", &self.pipe.is_closed())
            .field("was_reset", &self.pipe.was_reset())
            .field("current", &self.current)
            .field("position", &self.position)
            .finish_non_exhaustive()
    }
}
