//! What may be in the fields of an account and of the key-value resource. Pure.

use super::unseen::is_unseen;
use crate::mail;

/// What is wrong with a text; `None` when nothing is.
pub(super) type Rule = fn(&str) -> Option<&'static str>;

/// The most characters of an account's fields and of keys, as in the original.
const CHARACTERS_MAX: usize = 128;

/// The fewest characters of a password, as in the original.
const PASSWORD_MIN: usize = 8;

/// The most characters of a value: a page of text.
const VALUE_MAX: usize = 4096;

/// What somebody is called. It stands in mail to an address that perhaps is not his, so that it must
/// not be one more thing to open there; and nobody is to look like another.
pub(super) fn name(text: &str) -> Option<&'static str> {
    if text.chars().any(is_unseen) {
        Some("must not have characters that nobody sees")
    } else if text.contains("://") {
        Some("must not have `://`")
    } else {
        key(text)
    }
}

/// What a value is found by.
pub(super) fn key(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("must not be empty")
    } else if is_longer(text, CHARACTERS_MAX) {
        Some("must have at most 128 characters")
    } else if text.chars().any(char::is_control) {
        Some("must not have control characters")
    } else if text.trim() != text {
        Some("must not begin or end with a blank")
    } else {
        None
    }
}

/// An address that mail can be written to, at a host with a dot in its name.
pub(super) fn email(text: &str) -> Option<&'static str> {
    if is_longer(text, CHARACTERS_MAX) {
        Some("must have at most 128 characters")
    } else if mail::domain_of(text).is_ok_and(is_host) && !text.contains(is_odd) {
        None
    } else {
        Some("must be an address such as ann@example.org")
    }
}

/// Whether a domain is the name of a host. An IP address, in brackets or not, may be one of a network
/// that only the mail server reaches; no last part of a name begins as a number does (RFC 3696,
/// section 2).
fn is_host(domain: &str) -> bool {
    let last = domain.rsplit_once('.').map(|(_, last)| last);
    last.is_some_and(|last| last.starts_with(char::is_alphabetic))
}

/// What would give one mailbox another spelling: quotation marks, and what nobody sees.
fn is_odd(c: char) -> bool {
    c == '"' || is_unseen(c)
}

/// A password, as the original wants it. It has an upper bound, so that nobody has megabytes hashed.
pub(super) fn password(text: &str) -> Option<&'static str> {
    if text.chars().count() < PASSWORD_MIN {
        Some("must have at least 8 characters")
    } else if is_longer(text, CHARACTERS_MAX) {
        Some("must have at most 128 characters")
    } else if !text.chars().any(char::is_uppercase) {
        Some("must have an upper-case letter")
    } else if !text.chars().any(char::is_lowercase) {
        Some("must have a lower-case letter")
    } else {
        None
    }
}

/// What is compared with a password: as long as one may be, and that is all that is told of it.
pub(super) fn guess(text: &str) -> Option<&'static str> {
    is_longer(text, CHARACTERS_MAX).then_some("must have at most 128 characters")
}

/// A value. Not every database can keep the character NUL.
pub(super) fn value(text: &str) -> Option<&'static str> {
    if is_longer(text, VALUE_MAX) {
        Some("must have at most 4096 characters")
    } else if text.contains('\0') {
        Some("must not have the character NUL")
    } else {
        None
    }
}

fn is_longer(text: &str, most: usize) -> bool {
    // A character has at least one byte.
    text.len() > most && text.chars().count() > most
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(rule: Rule, good: &[&str], bad: &[(&str, &str)]) {
        for text in good {
            assert_eq!(rule(text), None, "{text}");
        }
        for (text, fault) in bad {
            let told = rule(text).unwrap_or("nothing");
            assert!(told.contains(fault), "{text}: {told}");
        }
    }

    #[test]
    fn keys() {
        let (full, long) = ("ä".repeat(128), "ä".repeat(129));
        check(
            key,
            &["a", "Ann Lee", "李小龙", "a\u{200b}", "http://a", &full],
            &[
                ("", "empty"),
                (&long, "128"),
                (" a", "blank"),
                ("a\u{a0}", "blank"),
                ("a\nb", "control"),
                ("a\0b", "control"),
            ],
        );
    }

    #[test]
    fn names_of_people_are_seen_and_no_links() {
        check(
            name,
            &["a", "Ann Lee", "李小龙", "Éléonore d'Arc", "a/b", "a:b"],
            &[
                ("", "empty"),
                ("a\nb", "control"),
                ("\u{200b}", "sees"),
                ("Bob\u{200b}", "sees"),
                ("\u{202e}evil", "sees"),
                ("a\u{2028}b", "sees"),
                ("http://evil.example/ click here", "://"),
            ],
        );
    }

    #[test]
    fn emails() {
        let long = format!("a@{}.org", "a.".repeat(63));
        check(
            email,
            &[
                "ann@example.org",
                "a.b+c@x-y.example.co.uk",
                "ANN@EXAMPLE.ORG",
                "ann@xn--bcher-kva.example",
                "ann@a1.b2",
            ],
            &[
                ("", "address"),
                ("ann", "address"),
                ("ann@", "address"),
                ("@example.org", "address"),
                ("ann@example", "address"),
                ("ann@@example.org", "address"),
                ("ann lee@example.org", "address"),
                ("ann@example.org\r\nBcc: all@example.org", "address"),
                ("Ann <ann@example.org>", "address"),
                ("ann@[10.0.0.1]", "address"),
                ("ann@[IPv6:fd00::1.2.3.4]", "address"),
                ("ann@127.0.0.1", "address"),
                ("ann@1.1", "address"),
                ("ann@10.0x7f", "address"),
                ("ann@example.org.", "address"),
                ("\"<x>\"@example.org", "address"),
                ("\"a\tb\"@example.org", "address"),
                ("\"a b\"@example.org", "address"),
                ("\"ann\"@example.org", "address"),
                ("ann\u{200b}@example.org", "address"),
                ("ann@example.org,bob@example.org", "address"),
                (&long, "128"),
            ],
        );
    }

    #[test]
    fn passwords() {
        let (full, long) = ("aA".repeat(64), "aA".repeat(65));
        check(
            password,
            &["Abcdefgh", "äÖäÖäÖäÖ", "a B c d e", &full],
            &[
                ("", "at least 8"),
                ("Abcdefg", "at least 8"),
                ("äÖäÖäÖä", "at least 8"),
                ("abcdefgh", "upper-case"),
                ("ABCDEFGH", "lower-case"),
                ("12345678", "upper-case"),
                (&long, "at most 128"),
            ],
        );
    }

    #[test]
    fn values_and_guesses() {
        let (full, long) = ("ä".repeat(4096), "ä".repeat(4097));
        check(
            value,
            &["", "a\nb", &full],
            &[(&long, "4096"), ("\0", "NUL")],
        );
        let long = "a".repeat(129);
        check(guess, &["", "short"], &[(&long, "128")]);
    }
}
