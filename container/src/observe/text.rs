//! Pieces of lines: numbers, and what others have sent, which can never end a line or a field.

/// What stands for a field that is not there.
pub(super) const NONE: &[u8] = b"-";

/// Puts a number behind `out`.
#[inline]
pub(super) fn push_number(out: &mut Vec<u8>, number: u64) {
    let digit = |number| b'0' + (number % 10) as u8;
    match number {
        0..10 => out.push(digit(number)),
        10..100 => out.extend_from_slice(&[digit(number / 10), digit(number)]),
        // Each status, and most sizes and times.
        100..1000 => {
            let digits = [digit(number / 100), digit(number / 10), digit(number)];
            out.extend_from_slice(&digits);
        }
        _ => push_padded(out, number, 1),
    }
}

/// Puts a number of at least `width` digits behind `out`; at most 20.
#[inline]
pub(super) fn push_padded(out: &mut Vec<u8>, mut number: u64, width: usize) {
    let mut digits = [b'0'; 20];
    let mut start = digits.len();
    while number > 0 {
        start -= 1;
        digits[start] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    start = start.min(digits.len() - width);
    out.extend_from_slice(&digits[start..]);
}

/// Puts text behind `out` that stays one word: blanks, control bytes, quotes, backslashes and what
/// is not ASCII become `\xHH`; nothing at all becomes `-`.
pub(super) fn push_word(out: &mut Vec<u8>, text: &[u8]) {
    if text.is_empty() {
        out.extend_from_slice(NONE);
    } else {
        push_escaped(out, text, |byte| byte.is_ascii_graphic());
    }
}

/// Puts text behind `out` that stays between its quotes: what [`push_word`] escapes, blanks
/// excepted.
pub(super) fn push_quoted(out: &mut Vec<u8>, text: &[u8]) {
    push_escaped(out, text, |byte| byte.is_ascii_graphic() || byte == b' ');
}

/// Puts a JSON string behind `out`, quotes included; what is not UTF-8 is replaced by U+FFFD.
pub(super) fn push_json(out: &mut Vec<u8>, text: &[u8]) {
    let is_plain = |byte: &u8| (b' '..0x7f).contains(byte) && *byte != b'"' && *byte != b'\\';
    out.push(b'"');
    if all(text, is_plain) {
        out.extend_from_slice(text);
    } else {
        push_json_escaped(out, &String::from_utf8_lossy(text));
    }
    out.push(b'"');
}

/// RFC 8259, section 7. DEL and the C1 controls need no escape there, but a terminal may obey them.
fn push_json_escaped(out: &mut Vec<u8>, text: &str) {
    for character in text.chars() {
        match character {
            '"' => out.extend_from_slice(br#"\""#),
            '\\' => out.extend_from_slice(br"\\"),
            '\n' => out.extend_from_slice(br"\n"),
            '\r' => out.extend_from_slice(br"\r"),
            '\t' => out.extend_from_slice(br"\t"),
            other if other.is_control() => {
                let code = other as u8;
                out.extend_from_slice(br"\u00");
                push_hex(out, code);
            }
            other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

fn push_escaped(out: &mut Vec<u8>, text: &[u8], is_shown: impl Fn(u8) -> bool) {
    let is_plain = |byte: &u8| is_shown(*byte) & (*byte != b'"') & (*byte != b'\\');
    if all(text, is_plain) {
        return out.extend_from_slice(text);
    }
    for byte in text {
        match byte {
            byte if is_plain(byte) => out.push(*byte),
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', *byte]),
            byte => {
                out.extend_from_slice(br"\x");
                push_hex(out, *byte);
            }
        }
    }
}

/// Whether all bytes are so; looks at every one, which a processor does many at a time.
fn all(text: &[u8], is_plain: impl Fn(&u8) -> bool) -> bool {
    text.iter().fold(true, |all, byte| all & is_plain(byte))
}

fn push_hex(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(DIGITS[usize::from(byte >> 4)]);
    out.push(DIGITS[usize::from(byte & 15)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As a word, within quotes, and as JSON.
    #[track_caller]
    fn check(text: &[u8], word: &str, quoted: &str, json: &str) {
        let shown = |push: fn(&mut Vec<u8>, &[u8])| {
            let mut out = Vec::new();
            push(&mut out, text);
            String::from_utf8(out).unwrap()
        };
        assert_eq!(shown(push_word), word);
        assert_eq!(shown(push_quoted), quoted);
        assert_eq!(shown(push_json), json);
        let parsed: String = serde_json::from_str(json).unwrap();
        assert_eq!(parsed, String::from_utf8_lossy(text));
    }

    #[test]
    fn what_others_send_stays_where_it_is_put() {
        check(b"/users?a=1", "/users?a=1", "/users?a=1", "\"/users?a=1\"");
        check(b"", "-", "", "\"\"");
        check(b"a b", r"a\x20b", "a b", "\"a b\"");
        check(b"a\r\nb", r"a\x0d\x0ab", r"a\x0d\x0ab", r#""a\r\nb""#);
        check(b"\"\\", r#"\"\\"#, r#"\"\\"#, r#""\"\\""#);
        check(
            b"\x1b[1m\0",
            r"\x1b[1m\x00",
            r"\x1b[1m\x00",
            r#""\u001b[1m\u0000""#,
        );
        check(b"\x7f\t", r"\x7f\x09", r"\x7f\x09", r#""\u007f\t""#);
        check("ä".as_bytes(), r"\xc3\xa4", r"\xc3\xa4", "\"ä\"");
        check(b"\xff", r"\xff", r"\xff", "\"\u{fffd}\"");
        check("\u{85}".as_bytes(), r"\xc2\x85", r"\xc2\x85", r#""\u0085""#);
    }

    #[test]
    fn numbers_are_written_in_full() {
        for number in [0, 9, 10, 42, 99, 100, 503, 999, 1000, u64::MAX] {
            let mut out = Vec::new();
            push_number(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), number.to_string());
        }
        for (number, width, expected) in [
            (0, 1, "0"),
            (7, 3, "007"),
            (1234, 2, "1234"),
            (u64::MAX, 1, "18446744073709551615"),
        ] {
            let mut out = Vec::new();
            push_padded(&mut out, number, width);
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }
}
