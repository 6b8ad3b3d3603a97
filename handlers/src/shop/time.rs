//! The time, for people.

use container::extract::Json;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use schemars::JsonSchema;
use serde::Serialize;

use crate::clock;

/// A moment of some year, in UTC: where the server stands is nobody's business.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = Time { month: 5, day: 17, time: "14:03:22.250000".to_owned() })]
pub(super) struct Time {
    /// The month.
    #[schemars(range(min = 1, max = 12))]
    month: i8,
    /// The day of the month.
    #[schemars(range(min = 1, max = 31))]
    day: i8,
    /// The time of day, in microseconds.
    #[schemars(regex(pattern = r"^\d\d:\d\d:\d\d\.\d{6}$"))]
    time: String,
}

/// The time that it is.
pub(super) fn now() -> Json<Time> {
    // A clock beyond the year 9999 is wrong in any case.
    let now = Timestamp::try_from(clock::now()).unwrap_or(Timestamp::MAX);
    let now = now.to_zoned(TimeZone::UTC);
    Json(Time {
        month: now.month(),
        day: now.day(),
        time: now.strftime("%H:%M:%S%.6f").to_string(),
    })
}
