//! CSV rows (RFC 4180), safe for spreadsheets.

use super::hidden;

/// A row with its line end.
pub(crate) fn row<T: AsRef<str>>(cells: impl IntoIterator<Item = T>) -> String {
    let cells: Vec<_> = cells.into_iter().map(|text| cell(text.as_ref())).collect();
    format!("{}\r\n", cells.join(","))
}

fn cell(text: &str) -> String {
    // An apostrophe before text that a spreadsheet would interpret as a formula, as in Prowler's own CSV.
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = hidden::escaped(text, &['\n', '\t']);
    let text = if formula { format!("'{text}") } else { text.into_owned() };
    if text.contains(['"', ',', '\n']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_can_contain_any_text_of_a_scan() {
        let cells = ["arn:aws:iam::1:user/a", "a,b", "say \"no\"", "=cmd()", "two\nlines", "\rb\u{202e}", ""];
        let row = row(cells);
        assert_eq!(
            row,
            "arn:aws:iam::1:user/a,\"a,b\",\"say \"\"no\"\"\",'=cmd(),\"two\nlines\",'\\u{d}b\\u{202e},\r\n"
        );
    }
}
