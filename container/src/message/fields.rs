//! The field section of a request as it was received: order, case and repetition kept.
//!
//! Works on bytes that the parser has validated already; it must not be given anything else.
//! A lookup walks the lines, which for the handful of fields a request has costs less than
//! building a map would; the map is there for those who ask (`RequestHead::headers`).

/// One field line: its name as sent, and its value without the blanks around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// The name in the sender's own case; compare it without case.
    pub name: &'a str,
    /// The value; bytes above 0x7F are possible (RFC 9110, section 5.5).
    pub value: &'a [u8],
}

impl Field<'_> {
    /// Whether this is the field called `name`, in whatever case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }
}

/// An iterator over the field lines of a validated field section.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    /// What has not been walked yet; begins at the start of a line.
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    /// Walks `section`: lines that end in CRLF or LF, up to an empty line or the end.
    pub(crate) fn new(section: &'a [u8]) -> Self {
        Fields { rest: section }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        let end = self.rest.iter().position(|&byte| byte == b'\n')?;
        let line = &self.rest[..end];
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        self.rest = &self.rest[end + 1..];
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = std::str::from_utf8(&line[..colon]).ok()?;
        Some(Field {
            name,
            value: trim(&line[colon + 1..]),
        })
    }
}

/// Removes the optional white space (RFC 9110, section 5.6.3) around a value.
fn trim(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] = value {
        value = rest;
    }
    while let [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_order_case_and_repetition() {
        let section = b"Host: a\r\nx-Many:1\r\nX-Many: \t2 \r\nEmpty:\n\r\nrest: no";
        let seen: Vec<_> = Fields::new(section)
            .map(|field| (field.name, field.value))
            .collect();
        let expected: Vec<(&str, &[u8])> = vec![
            ("Host", b"a"),
            ("x-Many", b"1"),
            ("X-Many", b"2"),
            ("Empty", b""),
        ];
        assert_eq!(seen, expected);
    }
}
