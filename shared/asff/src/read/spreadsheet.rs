//! Detects changes that spreadsheets make to cells that look like numbers or dates, and then save as displayed.

use super::Column;

/// The change that a spreadsheet made to a cell, for users. `None` if no change is visible.
pub(crate) fn changed(column: Column, cell: &str) -> Option<String> {
    let cell = cell.trim();
    let (field, is_changed) = match column {
        Column::AccountUid => ("the account ID", is_rounded(cell) || is_shortened(cell)),
        Column::ResourceUid => ("the resource's uid", is_rounded(cell)),
        Column::Timestamp => ("the time", is_rounded(cell) || is_clock(cell) || is_date(cell)),
        Column::Muted => ("MUTED", !["", "true", "false"].iter().any(|word| cell.eq_ignore_ascii_case(word))),
        _ => return None,
    };
    is_changed.then(|| format!("{field} became {:?}", cell.chars().take(32).collect::<String>()))
}

/// `1.23457E+11`: the file doesn't contain the removed digits.
fn is_rounded(cell: &str) -> bool {
    let Some((number, exponent)) = cell.split_once(['E', 'e']) else { return false };
    let is_number = number.bytes().all(|byte| byte.is_ascii_digit() || b".,-".contains(&byte));
    let digits = exponent.strip_prefix('+').unwrap_or(exponent);
    // Without a sign, it may be a name.
    let signed = exponent.len() > digits.len() || number.contains(['.', ',']);
    is_number && signed && number.starts_with(|letter: char| letter.is_ascii_digit()) && is_digits(digits, 1..=3)
}

/// An account without its leading zeros, or with number separators.
fn is_shortened(cell: &str) -> bool {
    let is_number = cell.bytes().all(|byte| byte.is_ascii_digit() || b".,\' ".contains(&byte));
    is_number && cell.bytes().any(|byte| byte.is_ascii_digit()) && !is_digits(cell, 12..=12)
}

/// `56:24.5`: the minutes and seconds of a time, without the day and the hour.
fn is_clock(cell: &str) -> bool {
    cell.split_once(':').is_some_and(|(minutes, _)| is_digits(minutes, 1..=2))
}

/// A date in the order of some locale, or as a number of days.
fn is_date(cell: &str) -> bool {
    let mut parts = cell.split(['.', '/', '-', ',']);
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    is_digits(first, 1..=2) && is_digits(second, 1..=2) || is_digits(first, 5..=5)
}

fn is_digits(text: &str, count: std::ops::RangeInclusive<usize>) -> bool {
    count.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_by_a_spreadsheet_are_detected() {
        for (column, cell) in [
            (Column::AccountUid, "1.23457E+11"),
            (Column::AccountUid, "1,23457E+11"),
            (Column::AccountUid, "12345678901"),
            (Column::AccountUid, "123456789012.0"),
            (Column::AccountUid, "123,456,789,012"),
            (Column::ResourceUid, "1.23457E+11"),
            (Column::Timestamp, "56:24.5"),
            (Column::Timestamp, "23.11.2026 07:56"),
            (Column::Timestamp, "11/23/2026 7:56"),
            (Column::Timestamp, "46349.33"),
            (Column::Timestamp, "46349"),
            (Column::Timestamp, "1.79542E+09"),
            (Column::Muted, "WAHR"),
            (Column::Muted, "1"),
        ] {
            assert!(changed(column, cell).is_some(), "{column:?} {cell}");
        }
        for (column, cell) in [
            (Column::AccountUid, "123456789012"),
            (Column::AccountUid, ""),
            (Column::AccountUid, "a-guid-of-azure"),
            (Column::ResourceUid, "arn:aws:s3:::1.2E+3"),
            (Column::ResourceUid, "12e34"),
            (Column::ResourceUid, "123456789012"),
            (Column::Timestamp, "2026-11-23 07:56:24.487678"),
            (Column::Timestamp, "2026-11-23T07:56:24Z"),
            (Column::Timestamp, "1795420584"),
            (Column::Muted, "False"),
            (Column::Muted, "TRUE"),
        ] {
            assert_eq!(changed(column, cell), None, "{column:?} {cell}");
        }
    }
}
