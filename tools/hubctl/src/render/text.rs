//! Formats numbers, sizes, and times.

use jiff::Timestamp;

use super::hidden;
use super::style::TextStyle;

/// Maximum number of names to list; more are counted.
const NAMES_MAX: usize = 12;

/// A count with thousands separators.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count with its noun: `1 finding`, `2 findings`.
pub(crate) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

/// A size with a suitable unit.
pub(crate) fn bytes(number: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GB", 1_000_000_000), ("MB", 1_000_000), ("KB", 1_000)];
    UNITS.into_iter().find(|(_, size)| number >= *size).map_or_else(
        || counted(number, "byte", "bytes"),
        |(unit, size)| {
            let tenths = number / (size / 10);
            format!("{}.{} {unit}", count(tenths / 10), tenths % 10)
        },
    )
}

/// Names, or only their number if there are many. `many` is the noun.
pub(crate) fn names<T: ToString>(names: impl ExactSizeIterator<Item = T>, many: &str) -> String {
    if names.len() > NAMES_MAX {
        return counted(names.len() as u64, many, many);
    }
    names.map(|name| name.to_string()).collect::<Vec<_>>().join(", ")
}

/// A time to the second, in UTC.
pub(crate) fn time(time: Timestamp) -> String {
    let text = format!("{time:.0}");
    text.replace('T', " ").replace('Z', " UTC")
}

/// The last `chars_max` characters, with an ellipsis at the beginning.
pub(crate) fn end(text: &str, chars_max: usize) -> String {
    let chars = text.chars().count();
    if chars <= chars_max {
        return text.to_owned();
    }
    let kept: String = text.chars().skip(chars - chars_max.saturating_sub(3)).collect();
    format!("...{kept}")
}

/// Text with control characters escaped, so that a scan can't move the cursor, change colors, or hide and reorder letters.
pub(crate) fn harmless(text: &str) -> String {
    hidden::escaped(text, &[]).into_owned()
}

/// Like [`harmless`], for several lines.
pub(crate) fn harmless_lines(text: &str) -> String {
    text.lines().map(harmless).collect::<Vec<_>>().join("\n")
}

/// Text in the color of its style.
pub(crate) fn styled(text_style: TextStyle, text: &str, color: bool) -> String {
    let code = match text_style {
        _ if !color => return text.to_owned(),
        TextStyle::Plain => return text.to_owned(),
        TextStyle::Strong => "1",
        TextStyle::Good => "32",
        TextStyle::Warning => "33",
        TextStyle::Bad => "31",
    };
    format!("\u{1b}[{code}m{text}\u{1b}[0m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_have_a_comma_between_thousands() {
        let texts: Vec<_> = [0, 7, 999, 1_000, 12_345, 1_234_567].into_iter().map(count).collect();
        assert_eq!(texts, ["0", "7", "999", "1,000", "12,345", "1,234,567"]);
        assert_eq!(counted(1, "finding", "findings"), "1 finding");
    }

    #[test]
    fn sizes_are_truncated_and_not_rounded() {
        let texts: Vec<_> =
            [1, 999, 1_000, 1_999, 322_024, 700_000_000, 2_000_000_000].into_iter().map(bytes).collect();
        assert_eq!(texts, ["1 byte", "999 bytes", "1.0 KB", "1.9 KB", "322.0 KB", "700.0 MB", "2.0 GB"]);
    }

    #[test]
    fn text_of_a_scan_can_not_control_the_terminal() {
        assert_eq!(harmless("a\u{1b}[2Jb\r\n\u{202e}c"), "a\\u{1b}[2Jb\\u{d}\\u{a}\\u{202e}c");
        assert_eq!(end("äöüäöü", 5), "...öü");
    }

    #[test]
    fn times_are_in_utc() {
        let at: Timestamp = "2026-11-23T07:56:24.5Z".parse().unwrap();
        assert_eq!(time(at), "2026-11-23 07:56:24 UTC");
    }
}
