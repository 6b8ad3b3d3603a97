//! `Faults`: all that is wrong with the fields of a request, told at once.

use container::Problem;

use super::field::Field;
use super::rules::Rule;

/// Faults that are told at most: more than people read at once, and an answer never grows far beyond
/// its request.
const TOLD_MAX: usize = 20;

/// What is wrong with the fields of a request.
#[derive(Debug, Default)]
pub(super) struct Faults {
    /// The first of them.
    told: Vec<String>,
    /// How many more there are.
    more: usize,
}

impl Faults {
    /// The text of a field that has to be there, and to keep this rule.
    pub(super) fn required(&mut self, name: &str, field: Field, rule: Rule) -> String {
        match field {
            Field::Missing => {
                self.add(name, "is missing");
                String::new()
            }
            given => self.optional(name, given, rule).unwrap_or_default(),
        }
    }

    /// The text of a field that may be left out, and has to keep this rule if it is not.
    pub(super) fn optional(&mut self, name: &str, field: Field, rule: Rule) -> Option<String> {
        match field {
            Field::Missing => None,
            Field::NoText => {
                self.add(name, "must be a text");
                None
            }
            Field::Text(text) => {
                self.check(name, &text, rule);
                Some(text)
            }
        }
    }

    /// Notes what is wrong with a text.
    pub(super) fn check(&mut self, name: &str, text: &str, rule: Rule) {
        if let Some(fault) = rule(text) {
            self.add(name, fault);
        }
    }

    /// Notes something that is wrong.
    pub(super) fn add(&mut self, name: &str, fault: &str) {
        if self.told.len() < TOLD_MAX {
            self.told.push(format!("{name} {fault}"));
        } else {
            self.more += 1;
        }
    }

    /// Ends the check.
    ///
    /// # Errors
    /// With a 400 that lists what is wrong, up to [`TOLD_MAX`].
    pub(super) fn check_none(self) -> Result<(), Problem> {
        let told = self.told.join("; ");
        match (self.told.len(), self.more) {
            (0, _) => Ok(()),
            (_, 0) => Err(Problem::bad_request(told)),
            (_, more) => Err(Problem::bad_request(format!("{told}; and {more} more"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(text: &str) -> Option<&'static str> {
        (text.len() > 1).then_some("is too long")
    }

    #[test]
    fn all_faults_are_told_at_once() {
        let text = |text: &str| Field::Text(text.to_owned());
        let mut faults = Faults::default();
        assert_eq!(faults.required("a", Field::Missing, short), "");
        assert_eq!(faults.required("b", Field::NoText, short), "");
        faults.required("c", text("long"), short);
        assert_eq!(faults.required("d", text("x"), short), "x");
        assert_eq!(faults.optional("e", Field::Missing, short), None);
        faults.optional("f", text("long"), short);
        assert_eq!(faults.optional("g", text("y"), short).as_deref(), Some("y"));
        let problem = faults.check_none().expect_err("there are four");
        let told = "a is missing; b must be a text; c is too long; f is too long";
        assert_eq!((problem.status().as_u16(), problem.detail()), (400, told));
        assert!(Faults::default().check_none().is_ok());
    }

    #[test]
    fn what_is_told_is_bounded() {
        let told = |count: usize| {
            let mut faults = Faults::default();
            (0..count).for_each(|_| faults.add("a", "b"));
            faults.check_none().expect_err("there are some")
        };
        let full = ["a b"; TOLD_MAX].join("; ");
        assert_eq!(told(TOLD_MAX).detail(), full);
        assert_eq!(told(TOLD_MAX + 9).detail(), full + "; and 9 more");
    }
}
