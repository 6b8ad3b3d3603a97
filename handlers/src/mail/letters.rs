//! `Letters`: what is written to the owners of accounts, from templates that are part of the program.
//!
//! Each letter is there as text and as HTML, and both say the same. Values are escaped in HTML; in
//! either a value stays on its line, so that a name cannot add paragraphs to a letter.

use std::time::Duration;

use minijinja::{Environment, UndefinedBehavior, context};

use crate::store::NewMail;

/// The templates by name. What ends in `.html` is escaped.
const TEMPLATES: [(&str, &str); 7] = [
    ("activation.txt", include_str!("templates/activation.txt")),
    ("activation.html", include_str!("templates/activation.html")),
    ("address.txt", include_str!("templates/address.txt")),
    ("address.html", include_str!("templates/address.html")),
    ("reset.txt", include_str!("templates/reset.txt")),
    ("reset.html", include_str!("templates/reset.html")),
    ("frame.html", include_str!("templates/frame.html")),
];

/// What is written to the owners of accounts, in the name of one service.
///
/// ```
/// use std::time::Duration;
///
/// use handlers::mail::{Letter, Letters};
///
/// let letters = Letters::new("Example");
/// let mail = letters.activation(&Letter {
///     name: "Ada <3",
///     email: "ada@example.org",
///     link: "https://example.org/api/register/confirm/abc",
///     lifetime: Duration::from_secs(24 * 3600),
/// });
/// assert_eq!(mail.to, "ada@example.org");
/// assert_eq!(mail.subject, "Confirm your address for Example");
/// assert!(mail.text.contains("Hello Ada <3,"));
/// assert!(mail.html.contains("Hello Ada &lt;3,"));
/// ```
#[derive(Debug)]
pub struct Letters {
    /// In whose name is written.
    service: String,
    templates: Environment<'static>,
}

/// To whom is written, and what is brought.
#[derive(Clone, Copy)]
pub struct Letter<'a> {
    /// What the reader is called.
    pub name: &'a str,
    /// The address of the reader, which is checked when the mail is sent.
    pub email: &'a str,
    /// The address with the token, percent-encoded. A secret.
    pub link: &'a str,
    /// For how long the link works.
    pub lifetime: Duration,
}

impl Letters {
    /// Letters in the name of this service.
    pub fn new(service: &str) -> Letters {
        let mut templates = Environment::new();
        templates.set_undefined_behavior(UndefinedBehavior::Strict);
        for (name, source) in TEMPLATES {
            let added = templates.add_template(name, source);
            added.expect("the templates are part of the program");
        }
        Letters {
            service: one_line(service),
            templates,
        }
    }

    /// Asks somebody who has registered to confirm the address.
    pub fn activation(&self, letter: &Letter<'_>) -> NewMail {
        let subject = format!("Confirm your address for {}", self.service);
        self.write("activation", subject, letter)
    }

    /// Asks whoever reads there to confirm the new address of an account.
    pub fn address(&self, letter: &Letter<'_>) -> NewMail {
        let subject = format!("Confirm your new address for {}", self.service);
        self.write("address", subject, letter)
    }

    /// Brings somebody who has forgotten the password a link to choose another.
    pub fn reset(&self, letter: &Letter<'_>) -> NewMail {
        let subject = format!("Choose a new password for {}", self.service);
        self.write("reset", subject, letter)
    }

    fn write(&self, template: &str, subject: String, letter: &Letter<'_>) -> NewMail {
        let values = context! {
            service => &self.service,
            subject => &subject,
            name => one_line(letter.name),
            link => letter.link,
            lifetime => in_words(letter.lifetime),
        };
        let render = |kind| {
            let template = self.templates.get_template(&format!("{template}.{kind}"));
            let text = template.and_then(|template| template.render(&values));
            text.expect("the templates fit their values")
        };
        NewMail {
            to: letter.email.to_owned(),
            text: render("txt"),
            html: render("html"),
            subject,
        }
    }
}

/// The same without line ends and other control characters, and with single blanks.
fn one_line(text: &str) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words = words.filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// A span of time as a reader says it: in the largest unit of which it is a whole number.
fn in_words(time: Duration) -> String {
    const UNITS: [(&str, u64); 4] = [
        ("day", 24 * 3600),
        ("hour", 3600),
        ("minute", 60),
        ("second", 1),
    ];
    let seconds = time.as_secs();
    let fits = |&&(_, unit): &&(&str, u64)| seconds >= unit && seconds.is_multiple_of(unit);
    let (name, unit) = UNITS.iter().find(fits).unwrap_or(&UNITS[3]);
    match seconds / unit {
        1 => format!("1 {name}"),
        count => format!("{count} {name}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letter<'a>(name: &'a str, link: &'a str) -> Letter<'a> {
        Letter {
            name,
            email: "ada@example.org",
            link,
            lifetime: Duration::from_secs(3600),
        }
    }

    #[test]
    fn both_parts_of_each_letter_say_all_there_is_to_say() {
        let letters = Letters::new("Example");
        let letter = letter("Ada", "https://example.org/t?a=1&b=2");
        let check = |mail: &NewMail| {
            for said in ["Hello Ada,", "1 hour", "Example"] {
                assert!(mail.text.contains(said), "{said} in {}", mail.text);
                assert!(mail.html.contains(said), "{said} in {}", mail.html);
            }
            assert!(mail.text.contains("\nhttps://example.org/t?a=1&b=2\n"));
            assert!(
                mail.html
                    .contains(">https:&#x2f;&#x2f;example.org&#x2f;t?a=1&amp;b=2</")
            );
            assert!(
                mail.html
                    .contains(&format!("<title>{}</title>", mail.subject))
            );
        };
        let mails = [Letters::activation, Letters::address, Letters::reset];
        let mails = mails.map(|write| write(&letters, &letter));
        mails.iter().for_each(check);
        assert!(mails[0] != mails[1] && mails[1] != mails[2] && mails[2] != mails[0]);
    }

    #[test]
    fn a_name_is_text_and_stays_on_its_line() {
        let letters = Letters::new("Ex\r\nBcc: eve@example.org");
        let name = "<b>Ada</b>\r\n\r\nPay\u{2028}\"here\"\0";
        let mail = letters.reset(&letter(name, "https://example.org/"));
        assert_eq!(
            mail.subject,
            "Choose a new password for Ex Bcc: eve@example.org"
        );
        assert!(mail.text.contains("Hello <b>Ada</b> Pay \"here\",\n"));
        assert!(
            mail.html
                .contains("Hello &lt;b&gt;Ada&lt;&#x2f;b&gt; Pay &quot;here&quot;,")
        );
    }

    #[test]
    fn times() {
        let check = |seconds, words: &str| {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        };
        check(0, "0 seconds");
        check(1, "1 second");
        check(90, "90 seconds");
        check(1800, "30 minutes");
        check(3600, "1 hour");
        check(5400, "90 minutes");
        check(90_000, "25 hours");
        check(86_400, "1 day");
        check(5 * 86_400, "5 days");
    }
}
