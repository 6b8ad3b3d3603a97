//! `Faults`: all that is wrong with the fields of a request, told at once.

use container::Problem;

use super::field::Field;
use super::rules::Rule;

/// What is wrong with the fields of a request.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<String>);

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
        self.0.push(format!("{name} {fault}"));
    }

    /// Ends the check.
    ///
    /// # Errors
    /// With a 400 that lists all that is wrong.
    pub(super) fn check_none(self) -> Result<(), Problem> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Problem::bad_request(self.0.join("; ")))
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
}
