//! Request heads: the whole input is one, or the beginning of some.

use super::server::{self, Habit};
use super::{cut, split_choice};

/// A head is the same however it is cut, and what it says fits together.
pub(super) fn run(input: &[u8]) {
    let (choice, wire) = split_choice(input);
    let habits = [Habit::Ignore];
    let config = server::narrow_limits;
    let (whole, _) = server::converse(&[wire], config(), &habits);
    let (parts, _) = server::converse(&cut(wire, choice), config(), &habits);
    whole
        .heard
        .iter()
        .for_each(|heard| server::check_head(&heard.head));
    super::pieces::check_same(&whole, &parts);
}
