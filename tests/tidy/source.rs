//! One Rust file as the checks see it: its text, and its code with comments and literals blanked.
//!
//! Blanking keeps every byte's place, so that an offset in the code is one in the text. It must not
//! grow into a parser: brackets and words are enough for what is checked.

use std::ops::Range;

/// A source file.
pub(crate) struct Source {
    /// Path from the root of the workspace, with `/`.
    pub(crate) path: String,
    /// The file as it is.
    pub(crate) text: String,
    /// `text` with spaces in place of comments, strings and characters.
    pub(crate) code: String,
    /// `code` with spaces in place of what is compiled for tests only.
    pub(crate) shipped: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let code = blank_literals(text);
        let mut shipped = code.clone().into_bytes();
        for item in test_items(&code) {
            blank(&mut shipped[item]);
        }
        let shipped = String::from_utf8(shipped).expect("only whole items were blanked");
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            shipped,
        }
    }

    /// `path:line` of an offset, as compilers print it.
    pub(crate) fn place(&self, offset: usize) -> String {
        format!("{}:{}", self.path, line_of(&self.text, offset))
    }

    /// Lines that are not there for tests only.
    pub(crate) fn shipped_lines(&self) -> usize {
        let of_tests: usize = test_items(&self.code)
            .into_iter()
            .map(|item| line_of(&self.code, item.end) - line_of(&self.code, item.start) + 1)
            .sum();
        self.text.lines().count().saturating_sub(of_tests)
    }
}

/// The number of the line, from 1, that `offset` is on.
pub(crate) fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset]
        .iter()
        .filter(|&&byte| byte == b'\n')
        .count()
        + 1
}

/// Offsets at which `word` stands as a whole word.
pub(crate) fn words<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            let before = code.as_bytes()[..at].last().copied();
            let after = code.as_bytes().get(at + word.len()).copied();
            !before.is_some_and(|byte| is_word(byte) || byte == b'#') && !after.is_some_and(is_word)
        })
}

/// Whether a byte can be part of a name.
pub(crate) fn is_word(byte: u8) -> bool {
    byte == b'_' || byte.is_ascii_alphanumeric()
}

/// The name that starts at `at`, after spaces; empty if there is none.
pub(crate) fn name_at(code: &str, at: usize) -> &str {
    let rest = code[at..].trim_start();
    let end = rest
        .bytes()
        .position(|byte| !is_word(byte))
        .unwrap_or(rest.len());
    &rest[..end]
}

/// Where an item ends that starts at `at`: after its `;`, or after its braces.
pub(crate) fn item_end(code: &str, at: usize) -> usize {
    match body(code, at) {
        Some(body) => body.end,
        None => code[at..]
            .find(';')
            .map_or(code.len(), |semicolon| at + semicolon + 1),
    }
}

/// The braces of the item that starts at `at`, unless a `;` ends it before any.
pub(crate) fn body(code: &str, at: usize) -> Option<Range<usize>> {
    let mut nested = 0_i32;
    for (i, byte) in code.bytes().enumerate().skip(at) {
        match byte {
            b'(' | b'[' => nested += 1,
            b')' | b']' => nested -= 1,
            b';' if nested == 0 => return None,
            b'{' if nested == 0 => return Some(i..closing(code, i)),
            _ => {}
        }
    }
    None
}

/// The offset after the brace that closes the one at `open`.
fn closing(code: &str, open: usize) -> usize {
    let mut depth = 0_i32;
    for (i, byte) in code.bytes().enumerate().skip(open) {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => continue,
        }
        if depth == 0 {
            return i + 1;
        }
    }
    code.len()
}

/// Items behind `#[cfg(test)]`, attribute included.
fn test_items(code: &str) -> Vec<Range<usize>> {
    let mut items: Vec<Range<usize>> = Vec::new();
    for attribute in ["#[cfg(test)]", "#[cfg(all(test"] {
        for (start, _) in code.match_indices(attribute) {
            let end = item_end(code, start);
            if !items.iter().any(|item| item.contains(&start)) {
                items.push(start..end);
            }
        }
    }
    items
}

fn blank(bytes: &mut [u8]) {
    for byte in bytes.iter_mut().filter(|byte| **byte != b'\n') {
        *byte = b' ';
    }
}

fn blank_literals(text: &str) -> String {
    let mut out = text.as_bytes().to_vec();
    let mut at = 0;
    while at < out.len() {
        match literal_end(text, at) {
            Some(end) => {
                blank(&mut out[at..end]);
                at = end;
            }
            None if is_word(out[at]) => at += name_at(text, at).len(),
            None => at += 1,
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Where the comment, string or character ends that starts at `at`, if one does.
fn literal_end(text: &str, at: usize) -> Option<usize> {
    let rest = &text.as_bytes()[at..];
    match rest {
        [b'/', b'/', ..] => Some(
            at + rest
                .iter()
                .position(|&byte| byte == b'\n')
                .unwrap_or(rest.len()),
        ),
        [b'/', b'*', ..] => Some(at + block_comment_len(rest)),
        [b'"', ..] => Some(at + string_len(rest)),
        [b'\'', ..] => char_len(rest).map(|len| at + len),
        [b'r' | b'b' | b'c', ..] => prefixed_string_len(rest).map(|len| at + len),
        _ => None,
    }
}

fn block_comment_len(bytes: &[u8]) -> usize {
    let (mut depth, mut at) = (0_i32, 0);
    while at < bytes.len() {
        match &bytes[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return at;
        }
    }
    at
}

/// Length of a string that begins with its quote.
fn string_len(bytes: &[u8]) -> usize {
    let mut at = 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// Length of a character; `None` for a lifetime.
fn char_len(bytes: &[u8]) -> Option<usize> {
    if bytes.get(1) == Some(&b'\\') {
        let close = bytes.iter().skip(3).position(|&byte| byte == b'\'')?;
        return Some(3 + close + 1);
    }
    // A character is one to four bytes long, of which none but the first can begin another.
    let continued = bytes
        .iter()
        .skip(2)
        .take_while(|&&byte| byte & 0b1100_0000 == 0b1000_0000);
    let close = 2 + continued.count();
    (bytes.get(close) == Some(&b'\'')).then_some(close + 1)
}

/// Length of `r".."`, `br#".."#`, `b".."`, `c".."` and `b'.'`; `None` for any other name.
fn prefixed_string_len(bytes: &[u8]) -> Option<usize> {
    let prefix = bytes
        .iter()
        .take_while(|byte| matches!(byte, b'r' | b'b' | b'c'))
        .count();
    let raw = bytes[..prefix].contains(&b'r');
    let rest = &bytes[prefix..];
    let hashes = rest.iter().take_while(|&&byte| byte == b'#').count();
    match rest.get(hashes) {
        Some(b'"') if raw => {
            let close = format!("\"{}", "#".repeat(hashes));
            let body = &rest[hashes + 1..];
            let len = body
                .windows(close.len())
                .position(|window| window == close.as_bytes())?;
            Some(prefix + hashes + 1 + len + close.len())
        }
        Some(b'"') if hashes == 0 => Some(prefix + string_len(rest)),
        Some(b'\'') if hashes == 0 && prefix == 1 && !raw => Some(prefix + char_len(rest)?),
        _ => None,
    }
}
