//! What a client would rather have: its `Accept` fields (RFC 9110, section 12.5.1).

use std::convert::Infallible;

use container::Request;
use container::handler::{Context, FromHead};

/// The quality of what is wanted most, in thousandths.
const QUALITY_MAX: u16 = 1000;

/// The form of an answer that its client prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// A page, for browsers.
    Page,
    /// Plain text, for everybody else: also for those who like both the same, or neither.
    Text,
}

impl FromHead for Form {
    type Rejection = Infallible;

    fn from_head(request: &Request, _context: &Context) -> Result<Self, Infallible> {
        let fields = request.fields();
        let accepts = fields.filter(|field| field.name.eq_ignore_ascii_case("accept"));
        let accepts = accepts.filter_map(|field| str::from_utf8(field.value).ok());
        // Several fields are one list (RFC 9110, section 5.3).
        let accept = accepts.collect::<Vec<_>>().join(",");
        Ok(Form::preferred(&accept))
    }
}

impl Form {
    fn preferred(accept: &str) -> Form {
        if quality(accept, "text", "html") > quality(accept, "text", "plain") {
            Form::Page
        } else {
            Form::Text
        }
    }
}

/// How much a media type in UTF-8 is wanted, by the most specific range that it is in.
fn quality(accept: &str, kind: &str, subtype: &str) -> u16 {
    if accept.trim().is_empty() {
        return QUALITY_MAX;
    }
    let ranges = split(accept, ',').filter_map(Range::parse);
    let matching = ranges.filter(|range| range.includes(kind, subtype));
    matching
        .max_by_key(Range::specificity)
        .map_or(0, |range| range.quality)
}

/// A range of media types, and how much they are wanted.
struct Range<'a> {
    kind: &'a str,
    subtype: &'a str,
    /// Whether it names the charset that all our texts have.
    has_charset: bool,
    quality: u16,
}

impl<'a> Range<'a> {
    /// `None` for what is no range, and for one with parameters that nothing here has.
    fn parse(text: &'a str) -> Option<Range<'a>> {
        let mut parts = split(text, ';').map(str::trim);
        let (kind, subtype) = parts.next()?.split_once('/')?;
        let mut range = Range {
            kind,
            subtype,
            has_charset: false,
            quality: QUALITY_MAX,
        };
        for parameter in parts.filter(|part| !part.is_empty()) {
            let (name, value) = parameter.split_once('=')?;
            if name.eq_ignore_ascii_case("q") {
                range.quality = thousandths(value)?;
            } else if name.eq_ignore_ascii_case("charset") {
                let charset = value.trim_matches('"');
                range.has_charset = charset.eq_ignore_ascii_case("utf-8").then_some(true)?;
            } else {
                return None;
            }
        }
        Some(range)
    }

    fn includes(&self, kind: &str, subtype: &str) -> bool {
        let has_kind = self.kind.eq_ignore_ascii_case(kind);
        let has_subtype = self.subtype.eq_ignore_ascii_case(subtype);
        match (self.kind, self.subtype) {
            ("*", "*") => true,
            (_, "*") => has_kind,
            _ => has_kind && has_subtype,
        }
    }

    fn specificity(&self) -> (bool, bool, bool) {
        (self.kind != "*", self.subtype != "*", self.has_charset)
    }
}

/// A weight (RFC 9110, section 12.4.2): 0 to 1, with three digits behind the point at most.
fn thousandths(text: &str) -> Option<u16> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(part),
        "1" if part == 0 => Some(QUALITY_MAX),
        _ => None,
    }
}

/// Cuts a text at a separator, but not within quotation marks.
fn split(text: &str, separator: char) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c: char| {
        let was_escaped = std::mem::replace(&mut is_escaped, false);
        match c {
            '\\' if is_quoted && !was_escaped => is_escaped = true,
            '"' if !was_escaped => is_quoted = !is_quoted,
            _ => {}
        }
        c == separator && !is_quoted
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn browsers_prefer_pages() {
        let check = |accept: &str, expected: Form| {
            assert_eq!(Form::preferred(accept), expected, "{accept:?}");
        };
        for browser in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
            "text/html, */*;q=0.1",
            "TEXT/HTML",
            "text/html;charset=utf-8",
            "text/plain;q=0.9, text/html",
            "text/*;q=0.5, text/html;q=0.501",
            "text/plain;q=0, */*",
            r#"text/plain;x="a,text/html;q=0";q=0.1, text/html;q=0.2"#,
            "text/html;charset=\"UTF-8\", text/html;q=0.1, text/plain;q=0.5",
            "text/html;level=1, text/html;q=0.7",
        ] {
            check(browser, Form::Page);
        }
        for other in [
            "",
            "*/*",
            "text/*",
            "text/plain",
            "application/json",
            "text/plain, text/html",
            "text/html;q=0.5, */*",
            "text/html;q=0",
            "text/html;q=0, */*;q=0.1",
            "text/html;q=1.5",
            "text/html;q=0.1234",
            "text/html;q=x",
            "text/html;level=1, text/plain",
            "text/html;charset=latin1",
            "texthtml",
            ",,;,",
            r#"text/plain;x="\",text/html""#,
        ] {
            check(other, Form::Text);
        }
    }
}
