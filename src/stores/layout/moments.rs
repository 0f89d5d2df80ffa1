//! Moments as versions: in the keys layout a version of an environment is a time.
//!
//! Spelled as RFC 3339 in UTC with whole seconds, `2026-03-01T09:30:00Z`, which a person can type; what is read may
//! also have a space for the `T`, lack the `Z`, the time of day, or be seconds since the Unix epoch.

use crate::domain::environment::Timestamp;
use crate::domain::snapshot::VersionId;

const DAY: u64 = 86_400;

/// The moment as a version.
pub(super) fn spelled(moment: Timestamp) -> VersionId {
    VersionId(moment.rfc3339())
}

/// The moment a version names.
pub(super) fn read(version: &VersionId) -> Option<Timestamp> {
    let text = version.0.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse().ok().map(Timestamp);
    }
    let text = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    let (day, time) = text.split_once(['T', 't', ' ']).unwrap_or((text, "00:00:00"));
    let [year, month, day] = numbers(day, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let legal = (1970..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1;
    if !legal || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let moment = Timestamp(days(year, month, day) * DAY + hour * 3600 + minute * 60 + second);
    // A day that the month does not have would be one of the next.
    let spelled = format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
    (moment.rfc3339() == spelled).then_some(moment)
}

fn numbers(text: &str, separator: char) -> Option<[u64; 3]> {
    let parts: Vec<u64> = text
        .split(separator)
        .map(|part| part.bytes().all(|byte| byte.is_ascii_digit()).then(|| part.parse().ok()).flatten())
        .collect::<Option<_>>()?;
    parts.try_into().ok()
}

/// The days from the epoch to a date. Years begin in March here, so that leap days are last
/// (<https://howardhinnant.github.io/date_algorithms.html>).
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let march_month = if month > 2 { month - 3 } else { month + 9 };
    let of_year = (153 * march_month + 2) / 5 + day - 1;
    let of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + of_year;
    (era * 146_097 + of_era).saturating_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> VersionId {
        VersionId(text.to_owned())
    }

    #[test]
    fn a_moment_is_spelled_as_people_write_it() {
        assert_eq!(spelled(Timestamp(0)), version("1970-01-01T00:00:00Z"));
        assert_eq!(spelled(Timestamp(951_827_696)), version("2000-02-29T12:34:56Z"));
        assert_eq!(spelled(Timestamp(1_772_357_400)), version("2026-03-01T09:30:00Z"));
    }

    #[test]
    fn what_is_spelled_is_read_back() {
        for day in (0..60_000).step_by(13) {
            let moment = Timestamp(day * DAY + day % DAY);
            assert_eq!(read(&spelled(moment)), Some(moment));
        }
    }

    #[test]
    fn people_may_spell_it_shorter() {
        let moment = Some(Timestamp(1_772_357_400));
        assert_eq!(read(&version("2026-03-01 09:30:00")), moment);
        assert_eq!(read(&version("1772357400")), moment);
        assert_eq!(read(&version("2026-03-01")), Some(Timestamp(1_772_323_200)));
    }

    #[test]
    fn what_is_no_moment_is_none() {
        for text in
            ["", "yesterday", "2026-02-29T00:00:00Z", "2026-13-01", "2026-01-01T24:00:00Z", "2026-01-01T+1:00:00"]
        {
            assert_eq!(read(&version(text)), None, "{text}");
        }
    }
}
