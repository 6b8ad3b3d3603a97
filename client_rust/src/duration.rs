//! Durations on the command line and in reports: `500ms`, `10s`, `1m30s`.

use std::time::Duration;

/// The units, each with its nanoseconds; longer names first where one begins with another.
const UNITS: [(&str, f64); 6] = [
    ("ns", 1.0),
    ("us", 1e3),
    ("ms", 1e6),
    ("s", 1e9),
    ("m", 60e9),
    ("h", 3600e9),
];

/// Longest duration taken: none of the commands is meant to run for days.
const LONGEST: Duration = Duration::from_secs(86_400);

/// Parses one or more numbers with units; more than nothing, at most a day.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time such as 500ms, 10s or 1m30s");
    let (mut rest, mut nanoseconds) = (text, 0.0);
    while !rest.is_empty() {
        let end = rest
            .find(|digit: char| !digit.is_ascii_digit() && digit != '.')
            .ok_or_else(wrong)?;
        let number: f64 = rest[..end].parse().map_err(|_| wrong())?;
        let (unit, factor) = UNITS
            .iter()
            .find(|(unit, _)| rest[end..].starts_with(unit))
            .ok_or_else(wrong)?;
        nanoseconds += number * factor;
        rest = &rest[end + unit.len()..];
    }
    let duration = Duration::try_from_secs_f64(nanoseconds / 1e9).map_err(|_| wrong())?;
    match duration {
        Duration::ZERO => Err("the time must be more than 0".to_owned()),
        _ if duration > LONGEST => Err("the time must be at most a day".to_owned()),
        _ => Ok(duration),
    }
}

/// Three digits or so, in the unit that suits: `850us`, `1.25ms`, `12.3s`.
pub(crate) fn show(duration: Duration) -> String {
    let nanoseconds = duration.as_nanos() as f64;
    let (value, unit) = match duration.as_nanos() {
        0..1_000_000 => (nanoseconds / 1e3, "us"),
        1_000_000..1_000_000_000 => (nanoseconds / 1e6, "ms"),
        _ => (nanoseconds / 1e9, "s"),
    };
    match value {
        ..10.0 => format!("{value:.2}{unit}"),
        ..100.0 => format!("{value:.1}{unit}"),
        _ => format!("{value:.0}{unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        let check = |text, expected| assert_eq!(parse(text).ok(), expected, "{text}");
        check("500ms", Some(Duration::from_millis(500)));
        check("1.5s", Some(Duration::from_millis(1500)));
        check("1m30s", Some(Duration::from_secs(90)));
        check("20us", Some(Duration::from_micros(20)));
        for wrong in ["", "0s", "5", "s", "1x", "-1s", "1..2s", "25h"] {
            check(wrong, None);
        }
    }

    #[test]
    fn shown() {
        let check = |nanoseconds, text| assert_eq!(show(Duration::from_nanos(nanoseconds)), text);
        check(1_234, "1.23us");
        check(850_000, "850us");
        check(12_340_000, "12.3ms");
        check(5_000_000_000, "5.00s");
    }
}
