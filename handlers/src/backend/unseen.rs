//! Characters that nobody sees, by which two names look alike. Pure.

use std::ops::RangeInclusive;

/// What Unicode 16 has in its general category Cf (format) or calls `Default_Ignorable_Code_Point`,
/// with the lines' and paragraphs' ends of Zl and Zp and the blank pattern of Braille; in order.
const UNSEEN: [RangeInclusive<char>; 26] = [
    '\u{ad}'..='\u{ad}',
    '\u{34f}'..='\u{34f}',
    '\u{600}'..='\u{605}',
    '\u{61c}'..='\u{61c}',
    '\u{6dd}'..='\u{6dd}',
    '\u{70f}'..='\u{70f}',
    '\u{890}'..='\u{891}',
    '\u{8e2}'..='\u{8e2}',
    '\u{115f}'..='\u{1160}',
    '\u{17b4}'..='\u{17b5}',
    '\u{180b}'..='\u{180f}',
    '\u{200b}'..='\u{200f}',
    '\u{2028}'..='\u{202e}',
    '\u{2060}'..='\u{206f}',
    '\u{2800}'..='\u{2800}',
    '\u{3164}'..='\u{3164}',
    '\u{fe00}'..='\u{fe0f}',
    '\u{feff}'..='\u{feff}',
    '\u{ffa0}'..='\u{ffa0}',
    '\u{fff0}'..='\u{fffb}',
    '\u{110bd}'..='\u{110bd}',
    '\u{110cd}'..='\u{110cd}',
    '\u{13430}'..='\u{1343f}',
    '\u{1bca0}'..='\u{1bca3}',
    '\u{1d173}'..='\u{1d17a}',
    '\u{e0000}'..='\u{e0fff}',
];

/// Whether it shows nothing, or only what becomes of its neighbours.
pub(super) fn is_unseen(c: char) -> bool {
    let before = UNSEEN.partition_point(|range| *range.end() < c);
    UNSEEN.get(before).is_some_and(|range| range.contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_in_order() {
        assert!(UNSEEN.is_sorted_by(|one, next| one.end() < next.start()));
    }

    #[test]
    fn what_is_seen_is_told_from_what_is_not() {
        let check = |text: &str, expected: bool| {
            for c in text.chars() {
                assert_eq!(is_unseen(c), expected, "{c:?}");
            }
        };
        // Soft hyphen, joiners, overrides, fillers, marks of the byte order, variants, tags.
        check("\u{ad}\u{200b}\u{200d}\u{202e}\u{2066}\u{3164}", true);
        check("\u{feff}\u{fe0f}\u{e0001}\u{e01ef}\u{2028}\u{2029}", true);
        check("aZ 0-_.\u{a0}\u{3000}äßЖ李龙한글\u{301}😀\u{10ffff}", false);
    }
}
