//! Dates and times as logs write them, from the clock that the reactor has read already.
//!
//! Dates are made from the monotonic time, which a request's record has anyhow, and the system's
//! clock is looked at once a second; texts are kept as long as they are true.

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
    /// The last RFC 3339 text, and the millisecond it is of.
    rfc3339: (u64, Vec<u8>),
    /// The last text of the Common Log Format, and the second it is of.
    common: (u64, Vec<u8>),
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
            rfc3339: (0, Vec::new()),
            common: (0, Vec::new()),
        }
    }

    /// Puts `2026-05-04T10:20:30.456Z` behind `out` (RFC 3339).
    pub(super) fn rfc3339(&mut self, at: Instant, out: &mut Vec<u8>) {
        let time = self.since_1970(at);
        let millis = time.as_secs() * 1000 + u64::from(time.subsec_millis());
        let (known, text) = &mut self.rfc3339;
        if *known != millis || text.is_empty() {
            *known = millis;
            text.clear();
            push_rfc3339(millis, text);
        }
        out.extend_from_slice(text);
    }

    /// Puts `04/May/2026:10:20:30 +0000` behind `out` (Common Log Format).
    pub(super) fn common(&mut self, at: Instant, out: &mut Vec<u8>) {
        let seconds = self.since_1970(at).as_secs();
        let (known, text) = &mut self.common;
        if *known != seconds || text.is_empty() {
            *known = seconds;
            text.clear();
            push_common(seconds, text);
        }
        out.extend_from_slice(text);
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
}
