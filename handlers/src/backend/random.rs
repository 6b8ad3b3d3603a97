//! Random bytes from the system, and how they and hashes are written: as hexadecimal digits.

use std::fmt::Write as _;

/// Bytes that nobody can guess.
///
/// # Panics
/// When the system has no random numbers: nothing could be kept secret then.
pub(super) fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes
}

/// Two digits for each byte, in lower case.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes all there is");
    }
    text
}

/// The bytes that `text` stands for, if it has two digits for each of them and nothing else.
pub(super) fn from_hex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    if digits.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let [high, low] = [pair[0], pair[1]].map(|digit| char::from(digit).to_digit(16));
        *byte = (high? << 4 | low?) as u8;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_read_as_it_is_written() {
        let check = |text: &str, expected: Option<[u8; 3]>| {
            assert_eq!(from_hex(text), expected, "{text}");
        };
        assert_eq!(to_hex(&[0, 0xAB, 0x7f]), "00ab7f");
        check("00ab7f", Some([0, 0xAB, 0x7f]));
        check("00AB7F", Some([0, 0xAB, 0x7f]));
        check("00ab7", None);
        check("00ab7f0", None);
        check("00ab7g", None);
        check("+0ab7f", None);
        check("ä0ab7", None);
        check("", None);
    }

    #[test]
    fn bytes_are_not_the_same_twice() {
        assert_ne!(bytes::<32>(), bytes::<32>());
    }
}
