//! `Activity`: what a thread is doing, in one word that any thread can read. Must not lock nor read
//! a clock: it is written before every poll of a task.

use std::sync::atomic::{AtomicU64, Ordering};

/// The lower bits of the word, which hold the label; the steps are counted in the others. That
/// count wraps around after 2^40 steps, days after whoever compares two of them has looked.
const LABEL_BITS: u32 = 24;

/// The bits of the label.
const LABEL_MASK: u64 = (1 << LABEL_BITS) - 1;

/// Labels below this one have no number.
const FIRST_NUMBER: u32 = 2;

/// The largest number that a label can have.
const NUMBER_MAX: usize = (LABEL_MASK - FIRST_NUMBER as u64) as usize;

/// What a thread says that it is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Label(u32);

/// A thread's word: a label and the number of the step. Its own thread writes it, by plain stores.
#[derive(Debug, Default)]
pub struct Activity {
    word: AtomicU64,
}

/// One reading. Two that are equal are of the same step: the thread has done nothing else between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step(u64);

impl Label {
    /// Nothing.
    pub const IDLE: Label = Label(0);

    /// Something without a number.
    pub const UNNUMBERED: Label = Label(1);

    /// Something with a number, whose meaning is the caller's; those above 16,777,213 are not told
    /// from what has none.
    #[inline]
    pub fn numbered(number: usize) -> Label {
        if number > NUMBER_MAX {
            return Label::UNNUMBERED;
        }
        Label(number as u32 + FIRST_NUMBER)
    }

    /// Its number.
    pub fn number(self) -> Option<usize> {
        self.0
            .checked_sub(FIRST_NUMBER)
            .map(|number| number as usize)
    }
}

impl Default for Label {
    fn default() -> Self {
        Label::UNNUMBERED
    }
}

impl Activity {
    /// A new step begins, whatever the last one was.
    #[inline]
    pub fn begin(&self, label: Label) {
        let next = (self.word.load(Ordering::Relaxed) | LABEL_MASK).wrapping_add(1);
        self.word
            .store(next | u64::from(label.0), Ordering::Relaxed);
    }

    /// Nothing is being done.
    #[inline]
    pub fn rest(&self) {
        let step = self.word.load(Ordering::Relaxed) & !LABEL_MASK;
        self.word.store(step, Ordering::Relaxed);
    }

    /// What is being done now.
    pub fn read(&self) -> Step {
        Step(self.word.load(Ordering::Relaxed))
    }
}

impl Step {
    /// What it is.
    pub fn label(self) -> Label {
        Label((self.0 & LABEL_MASK) as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_apart_and_keep_their_labels() {
        let activity = Activity::default();
        let mut before = activity.read();
        assert_eq!(before.label(), Label::IDLE);
        for label in [Label::numbered(0), Label::numbered(0), Label::UNNUMBERED] {
            activity.begin(label);
            let step = activity.read();
            assert_eq!(step.label(), label);
            assert_ne!(step, before);
            assert_eq!(step, activity.read());
            before = step;
        }
        activity.rest();
        assert_eq!(activity.read().label(), Label::IDLE);
        activity.begin(Label::UNNUMBERED);
        assert_ne!(
            activity.read(),
            before,
            "a rest in between is not forgotten"
        );
    }

    #[test]
    fn numbers_fit_or_are_none() {
        let check = |number, expected| {
            assert_eq!(Label::numbered(number).number(), expected, "{number}");
        };
        check(0, Some(0));
        check(16_777_213, Some(16_777_213));
        check(16_777_214, None);
        check(usize::MAX, None);
        assert_eq!(Label::IDLE.number(), None);
    }

    #[test]
    fn the_count_of_steps_wraps_around() {
        let activity = Activity::default();
        activity.word.store(u64::MAX, Ordering::Relaxed);
        activity.begin(Label::UNNUMBERED);
        assert_eq!(activity.read(), Step(1));
    }
}
