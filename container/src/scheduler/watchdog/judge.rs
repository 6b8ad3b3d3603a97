//! `Judge`: from what a thread publishes, and when that was looked at, to what is to be said of it.
//! Pure: it has neither clock nor thread.

use std::time::{Duration, Instant};

use crate::reactor::{Label, Step};

/// What counts as too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limit {
    /// How long a step may take before something is said.
    pub(super) first: Duration,
    /// How many times as long it has to take before the same is said again.
    pub(super) factor: u32,
    /// The most that counts between two looks. A watchdog that was not woken for longer was on a
    /// machine that had stopped, or had no processor to spare: so, as likely, had the thread it
    /// watches.
    pub(super) gap_max: Duration,
}

/// What is known of one thread.
#[derive(Debug, Default)]
pub(super) struct Judge {
    /// The step that the last look saw; `None` when it was none.
    seen: Option<Seen>,
}

/// What a look came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    /// What the thread is doing, or was.
    pub(super) label: Label,
    pub(super) stage: Stage,
    /// How long it was seen at it. It is shorter than the truth by less than the time between two
    /// looks at either end.
    pub(super) held: Duration,
}

/// How far a step that takes too long has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The limit has passed.
    Found,
    /// It was found before, and goes on.
    Still,
    /// It was found before, and has ended.
    Over,
}

#[derive(Debug)]
struct Seen {
    step: Step,
    /// The last look.
    at: Instant,
    /// From the first look that saw it to the last.
    held: Duration,
    /// When something is to be said.
    next: Duration,
    is_found: bool,
}

impl Judge {
    /// Takes what the thread does `now`.
    pub(super) fn look(&mut self, step: Step, now: Instant, limit: &Limit) -> Option<Verdict> {
        if let Some(seen) = self.seen.as_mut().filter(|seen| seen.step == step) {
            return seen.go_on(now, limit);
        }
        let begun = (step.label() != Label::IDLE).then(|| Seen::new(step, now, limit));
        let ended = std::mem::replace(&mut self.seen, begun);
        let ended = ended.filter(|ended| ended.is_found);
        ended.map(|ended| ended.verdict(Stage::Over))
    }
}

impl Seen {
    fn new(step: Step, now: Instant, limit: &Limit) -> Self {
        Seen {
            step,
            at: now,
            held: Duration::ZERO,
            next: limit.first,
            is_found: false,
        }
    }

    /// The same step once more.
    fn go_on(&mut self, now: Instant, limit: &Limit) -> Option<Verdict> {
        let gap = now.saturating_duration_since(self.at);
        self.at = now;
        self.held = self.held.saturating_add(gap.min(limit.gap_max));
        if self.held < self.next {
            return None;
        }
        while self.next <= self.held {
            self.next = self.next.saturating_mul(limit.factor.max(2));
        }
        let stage = if self.is_found {
            Stage::Still
        } else {
            Stage::Found
        };
        self.is_found = true;
        Some(self.verdict(stage))
    }

    fn verdict(&self, stage: Stage) -> Verdict {
        Verdict {
            label: self.step.label(),
            stage,
            held: self.held,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reactor::Activity;

    /// What a thread does between two looks.
    enum Does {
        /// Nothing.
        Rest,
        /// A new step with this number.
        Step(usize),
        /// What it did.
        Same,
    }

    use Does::{Rest, Same, Step};

    /// Looks at these times, in milliseconds, each after the thread has done something; and what
    /// is expected of it. The limit is 100 ms, said again at 10 times as long, and no more than
    /// 100 ms count between two looks.
    #[track_caller]
    fn check(looks: &[(u64, Does, Option<(usize, Stage, u64)>)]) {
        let ms = Duration::from_millis;
        let limit = Limit {
            first: ms(100),
            factor: 10,
            gap_max: ms(100),
        };
        let (activity, base) = (Activity::default(), Instant::now());
        let mut judge = Judge::default();
        for (at, does, expected) in looks {
            match does {
                Rest => activity.rest(),
                Step(number) => activity.begin(Label::numbered(*number)),
                Same => {}
            }
            let verdict = judge.look(activity.read(), base + ms(*at), &limit);
            let expected = expected.map(|(number, stage, held)| Verdict {
                label: Label::numbered(number),
                stage,
                held: ms(held),
            });
            assert_eq!(verdict, expected, "after {at} ms");
        }
    }

    #[test]
    fn what_goes_on_beyond_the_limit_is_found_once_and_its_end_is_told() {
        check(&[
            (0, Step(7), None),
            (50, Same, None),
            (100, Same, Some((7, Stage::Found, 100))),
            (150, Same, None),
            (200, Same, None),
            (250, Rest, Some((7, Stage::Over, 200))),
            (300, Same, None),
        ]);
    }

    #[test]
    fn what_ends_within_the_limit_is_not_told() {
        check(&[
            (0, Step(7), None),
            (50, Same, None),
            (99, Same, None),
            (149, Rest, None),
        ]);
    }

    #[test]
    fn one_step_after_the_other_is_no_hold() {
        let step = |at| (at, Step(7), None);
        check(&[0, 50, 100, 150, 200, 250, 300].map(step));
    }

    #[test]
    fn idleness_is_no_hold() {
        check(&[0, 50, 100, 150, 200, 250, 300].map(|at| (at, Same, None)));
        check(&[0, 50, 100, 150, 200, 250, 300].map(|at| (at, Rest, None)));
    }

    #[test]
    fn a_step_that_follows_a_held_one_has_a_time_of_its_own() {
        check(&[
            (0, Step(7), None),
            (100, Same, Some((7, Stage::Found, 100))),
            (200, Step(8), Some((7, Stage::Over, 100))),
            (250, Same, None),
            (300, Same, Some((8, Stage::Found, 100))),
            (350, Step(8), Some((8, Stage::Over, 100))),
        ]);
    }

    #[test]
    fn what_never_ends_is_told_at_growing_intervals() {
        let mut looks = vec![(0, Step(7), None)];
        for at in (100..=10_000).step_by(100) {
            let told = match at {
                100 => Some((7, Stage::Found, at)),
                1_000 | 10_000 => Some((7, Stage::Still, at)),
                _ => None,
            };
            looks.push((at, Same, told));
        }
        check(&looks);
    }

    #[test]
    fn a_watchdog_that_was_not_woken_does_not_blame_others() {
        check(&[
            (0, Step(7), None),
            (50, Same, None),
            // The machine slept for an hour. What counts of it is enough, but no more.
            (3_600_050, Same, Some((7, Stage::Found, 150))),
            (3_600_100, Rest, Some((7, Stage::Over, 150))),
            (3_600_150, Step(8), None),
            (7_200_000, Rest, None),
        ]);
    }
}
