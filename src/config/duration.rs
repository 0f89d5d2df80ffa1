//! Durations as settings spell them: `500ms`, `3s`, `10m`, `1h`, `0`.

use std::time::Duration;

/// What to write, for hints.
pub const EXPECTED: &str = "write a whole number and its unit: \"500ms\", \"3s\", \"10m\", \"1h\", or \"0\"";

/// Reads a duration; none where it is none or too long to count.
#[must_use]
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|char: char| !char.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(60 * 60).map(Duration::from_secs),
        "" if number == 0 => Some(Duration::ZERO),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_with_its_unit() {
        for (text, milliseconds) in [("500ms", 500), ("3s", 3_000), ("10m", 600_000), ("1h", 3_600_000), ("0", 0)] {
            assert_eq!(parse(text), Some(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "3", "s", "-1s", "1.5s", "3 s", "3S", "3d", "99999999999999999999s", "99999999999999999h"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
