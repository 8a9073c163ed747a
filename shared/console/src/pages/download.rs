//! Downloads: attachments with names that the console chooses, and cells that a spreadsheet doesn't interpret as formulas.

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};

/// A file to save.
pub(super) fn attachment(kind: &'static str, name: &'static str, text: String) -> Response {
    let disposition = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let disposition = disposition.unwrap_or(HeaderValue::from_static("attachment"));
    let head = [(header::CONTENT_TYPE, HeaderValue::from_static(kind)), (header::CONTENT_DISPOSITION, disposition)];
    (head, text).into_response()
}

/// Rows as CSV (RFC 4180).
pub(super) fn csv<'a>(rows: impl Iterator<Item = Vec<&'a str>>) -> String {
    let lines = rows.map(|cells| cells.into_iter().map(cell).collect::<Vec<_>>().join(","));
    lines.map(|line| format!("{line}\r\n")).collect()
}

fn cell(text: &str) -> String {
    let formula = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { "'" } else { "" };
    format!("\"{formula}{}\"", text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_no_formulas() {
        let rows = [vec!["=cmd|' /C calc'!A0", "+1", "a\"b"], vec!["-x", "@y", "plain, text"]];
        assert_eq!(
            csv(rows.into_iter()),
            "\"'=cmd|' /C calc'!A0\",\"'+1\",\"a\"\"b\"\r\n\"'-x\",\"'@y\",\"plain, text\"\r\n"
        );
    }
}
