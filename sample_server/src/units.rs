//! Times, sizes and counts as flags take and show them: `500ms`, `2m`, `0.5`; `64KiB`, `2MiB`, `8192`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Longest time taken. Beyond it a limit is none, and points in time would overflow in the end.
const TIME_MAX: Duration = Duration::from_secs(365 * 86_400);

/// The units of times with their seconds, finest first; none of them means seconds.
const TIME_UNITS: [(&str, f64); 4] = [("ms", 1e-3), ("s", 1.0), ("m", 60.0), ("h", 3600.0)];

/// The units of sizes with their bytes, largest first; none of them means bytes.
const SIZE_UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];

/// A span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Time(pub(crate) Duration);

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size(pub(crate) u64);

impl Size {
    /// As a size in memory; what is larger than memory can be is as good as no limit.
    pub(crate) fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromStr for Time {
    type Err = String;

    fn from_str(text: &str) -> Result<Time, String> {
        let wrong = || "not a time such as 500ms, 0.5s or 2m; plain numbers are seconds".to_owned();
        let (number, unit) = split(text);
        let factor = match unit {
            "" => 1.0,
            unit => find(&TIME_UNITS, unit).ok_or_else(wrong)?,
        };
        let number: f64 = number.parse().map_err(|_| wrong())?;
        let time = Duration::try_from_secs_f64(number * factor).map_err(|_| wrong())?;
        if time > TIME_MAX {
            return Err("longer than a year".to_owned());
        }
        Ok(Time(time))
    }
}

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Size, String> {
        let wrong = || "not a size such as 64KiB or 2MiB; plain numbers are bytes".to_owned();
        let (number, unit) = split(text);
        let factor = match unit {
            "" => 1,
            unit => find(&SIZE_UNITS, unit).ok_or_else(wrong)?,
        };
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let bytes = number.checked_mul(factor);
        bytes.map(Size).ok_or_else(|| "too large".to_owned())
    }
}

impl fmt::Display for Time {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.subsec_nanos() {
            0 => write!(formatter, "{}s", self.0.as_secs()),
            _ if self.0 < Duration::from_secs(1) => {
                write!(formatter, "{}ms", self.0.as_secs_f64() * 1e3)
            }
            _ => write!(formatter, "{}s", self.0.as_secs_f64()),
        }
    }
}

impl fmt::Display for Size {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole =
            |&&(_, factor): &&(&str, u64)| self.0 >= factor && self.0.is_multiple_of(factor);
        match SIZE_UNITS.iter().find(whole) {
            Some((unit, factor)) => write!(formatter, "{}{unit}", self.0 / factor),
            None => self.0.fmt(formatter),
        }
    }
}

/// A count of what there must be one of.
pub(crate) fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("not a number from 1 on".to_owned()),
        Ok(number) => Ok(number),
    }
}

/// The number and the unit behind it.
fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| c.is_ascii_alphabetic());
    text.split_at(end.unwrap_or(text.len()))
}

fn find<T: Copy>(units: &[(&str, T)], unit: &str) -> Option<T> {
    let found = units.iter().find(|(name, _)| *name == unit);
    found.map(|(_, factor)| *factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let check = |text: &str, millis, shown: &str| {
            let time: Time = text.parse().unwrap();
            assert_eq!(time.0, Duration::from_millis(millis), "{text}");
            assert_eq!(time.to_string(), shown, "{text}");
        };
        check("500ms", 500, "500ms");
        check("0.5", 500, "500ms");
        check("0.5s", 500, "500ms");
        check("2m", 120_000, "120s");
        check("1.25s", 1_250, "1.25s");
        check("1h", 3_600_000, "3600s");
        check("0", 0, "0s");
        for wrong in [
            "", "s", "-1", "1x", "1 s", "1..2s", "9000h", "inf", "NaN", "1e3", "1M",
        ] {
            assert!(wrong.parse::<Time>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes() {
        let check = |text: &str, bytes, shown: &str| {
            let size: Size = text.parse().unwrap();
            assert_eq!(size.0, bytes, "{text}");
            assert_eq!(size.to_string(), shown, "{text}");
        };
        check("2MiB", 2 << 20, "2MiB");
        check("65536", 65536, "64KiB");
        check("1GiB", 1 << 30, "1GiB");
        check("1000", 1000, "1000");
        check("0", 0, "0");
        for wrong in [
            "",
            "MiB",
            "-1",
            "1.5MiB",
            "2MB",
            "1 KiB",
            "18446744073709551615KiB",
        ] {
            assert!(wrong.parse::<Size>().is_err(), "{wrong}");
        }
    }
}
