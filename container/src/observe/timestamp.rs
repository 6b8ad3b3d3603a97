//! Dates and times as logs write them, from the clock that the reactor has read already.
//!
//! Dates are made from the monotonic time, which a request's record has anyhow, and the system's
//! clock is looked at once a second; texts are kept as long as they are true.

use std::ops::Range;
use std::time::{Duration, Instant, SystemTime};

use super::text::push_padded;

/// For how long the system's clock is believed to go on as the monotonic one does.
const ANCHOR_AGE_MAX: Duration = Duration::from_secs(1);

/// Names of months, as the Common Log Format has them.
const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Turns instants into texts; one for each worker.
pub(super) struct Timestamps {
    /// An instant, and the time since 1970 at it.
    anchor: Option<(Instant, Duration)>,
    /// The last RFC 3339 text, true for a millisecond.
    rfc3339: Kept,
    /// The last text of the Common Log Format, true for a second.
    common: Kept,
}

/// A text, and when it is true.
#[derive(Default)]
struct Kept {
    during: Option<Range<Instant>>,
    text: Vec<u8>,
}

/// A day of the calendar.
#[derive(Debug, PartialEq, Eq)]
struct Date {
    year: u64,
    /// 1 to 12.
    month: u64,
    /// 1 to 31.
    day: u64,
}

impl Timestamps {
    pub(super) fn new() -> Self {
        Timestamps {
            anchor: None,
            rfc3339: Kept::default(),
            common: Kept::default(),
        }
    }

    /// Puts `2026-05-04T10:20:30.456Z` behind `out` (RFC 3339).
    pub(super) fn rfc3339(&mut self, at: Instant, out: &mut Vec<u8>) {
        if !self.rfc3339.is_true(at) {
            let time = self.since_1970(at);
            let millis = time.as_secs() * 1000 + u64::from(time.subsec_millis());
            let past = Duration::from_nanos(u64::from(time.subsec_nanos() % 1_000_000));
            let text = self.rfc3339.renew(at, past, Duration::from_millis(1));
            push_rfc3339(millis, text);
        }
        out.extend_from_slice(&self.rfc3339.text);
    }

    /// Puts `04/May/2026:10:20:30 +0000` behind `out` (Common Log Format).
    pub(super) fn common(&mut self, at: Instant, out: &mut Vec<u8>) {
        if !self.common.is_true(at) {
            let time = self.since_1970(at);
            let past = Duration::from_nanos(u64::from(time.subsec_nanos()));
            let text = self.common.renew(at, past, Duration::from_secs(1));
            push_common(time.as_secs(), text);
        }
        out.extend_from_slice(&self.common.text);
    }

    fn since_1970(&mut self, at: Instant) -> Duration {
        if let Some((instant, time)) = self.anchor {
            match at.checked_duration_since(instant) {
                Some(later) if later < ANCHOR_AGE_MAX => return time + later,
                Some(_) => {}
                None => return time.saturating_sub(instant.duration_since(at)),
            }
        }
        // A clock before 1970 is wrong in any case.
        let time = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        self.anchor.insert((at, time.unwrap_or_default())).1
    }
}

impl Kept {
    fn is_true(&self, at: Instant) -> bool {
        let during = self.during.as_ref();
        during.is_some_and(|during| during.contains(&at))
    }

    /// Empties the text: from now on it is that of `at`, when `past` of its `unit` is over.
    fn renew(&mut self, at: Instant, past: Duration, unit: Duration) -> &mut Vec<u8> {
        let begin = at.checked_sub(past).unwrap_or(at);
        self.during = Some(begin..at + (unit - past));
        self.text.clear();
        &mut self.text
    }
}

fn push_rfc3339(millis: u64, out: &mut Vec<u8>) {
    let seconds = millis / 1000;
    let Date { year, month, day } = Date::of(seconds / 86_400);
    push_padded(out, year, 4);
    out.push(b'-');
    push_padded(out, month, 2);
    out.push(b'-');
    push_padded(out, day, 2);
    out.push(b'T');
    push_clock(seconds, out);
    out.push(b'.');
    push_padded(out, millis % 1000, 3);
    out.push(b'Z');
}

fn push_common(seconds: u64, out: &mut Vec<u8>) {
    let Date { year, month, day } = Date::of(seconds / 86_400);
    push_padded(out, day, 2);
    out.push(b'/');
    out.extend_from_slice(MONTHS[month as usize - 1].as_bytes());
    out.push(b'/');
    push_padded(out, year, 4);
    out.push(b':');
    push_clock(seconds, out);
    out.extend_from_slice(b" +0000");
}

/// `10:20:30`.
fn push_clock(seconds: u64, out: &mut Vec<u8>) {
    push_padded(out, seconds / 3600 % 24, 2);
    out.push(b':');
    push_padded(out, seconds / 60 % 60, 2);
    out.push(b':');
    push_padded(out, seconds % 60, 2);
}

impl Date {
    /// That of a day counted from 1 January 1970.
    fn of(days: u64) -> Date {
        // Years begin in March here, so that the leap day is a year's last. The year 0 of that
        // calendar began 719,468 days before 1970, and 400 years have 146,097 days.
        let days = days + 719_468;
        let (era, day) = (days / 146_097, days % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        // Months of 31, 30, 31, 30, 31 days come in turns of 153 days.
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + u64::from(month <= 2);
        Date { year, month, day }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_the_formats_want_them() {
        let check = |millis: u64, rfc3339: &str, common: &str| {
            let (mut first, mut second) = (Vec::new(), Vec::new());
            push_rfc3339(millis, &mut first);
            push_common(millis / 1000, &mut second);
            assert_eq!(String::from_utf8(first).unwrap(), rfc3339);
            assert_eq!(String::from_utf8(second).unwrap(), common);
        };
        check(0, "1970-01-01T00:00:00.000Z", "01/Jan/1970:00:00:00 +0000");
        check(
            951_782_399_999,
            "2000-02-28T23:59:59.999Z",
            "28/Feb/2000:23:59:59 +0000",
        );
        check(
            951_868_800_001,
            "2000-03-01T00:00:00.001Z",
            "01/Mar/2000:00:00:00 +0000",
        );
        check(
            1_777_890_030_456,
            "2026-05-04T10:20:30.456Z",
            "04/May/2026:10:20:30 +0000",
        );
        check(
            4_107_542_400_000,
            "2100-03-01T00:00:00.000Z",
            "01/Mar/2100:00:00:00 +0000",
        );
    }

    #[test]
    fn every_day_follows_the_one_before_it() {
        let mut before = Date::of(0);
        for day in 1..=200 * 366 {
            let date = Date::of(day);
            let next_month = before.month % 12 + 1;
            let next = match (date.day, before.day) {
                (1, 28..=31) => (before.year + u64::from(next_month == 1), next_month),
                (_, last) => {
                    assert_eq!(date.day, last + 1, "{date:?}");
                    (before.year, before.month)
                }
            };
            assert_eq!((date.year, date.month), next, "{date:?}");
            before = date;
        }
    }

    #[test]
    fn instants_keep_their_distance() {
        let mut timestamps = Timestamps::new();
        let start = Instant::now();
        let mut of = |after: u64| timestamps.since_1970(start + Duration::from_millis(after));
        let first = of(500);
        assert_eq!(of(700) - first, Duration::from_millis(200));
        // A request that began before the clock was looked at.
        assert_eq!(first - of(0), Duration::from_millis(500));
    }

    #[test]
    fn a_text_is_kept_as_long_as_it_is_true() {
        let mut timestamps = Timestamps::new();
        let start = Instant::now();
        let mut of = |after: u64| {
            let mut out = Vec::new();
            let at = start + Duration::from_micros(after);
            timestamps.rfc3339(at, &mut out);
            let kept = String::from_utf8(out).unwrap();
            let millis = timestamps.since_1970(at).as_millis() as u64;
            let mut fresh = Vec::new();
            push_rfc3339(millis, &mut fresh);
            assert_eq!(kept.as_bytes(), fresh, "after {after} µs");
        };
        // On and back again, over many ends of milliseconds.
        (0..20_000).step_by(130).for_each(&mut of);
        (0..20_000).rev().step_by(170).for_each(&mut of);
    }
}
