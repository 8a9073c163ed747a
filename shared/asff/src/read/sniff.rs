//! Tells by its first bytes what a decompressed file is.

use super::rows::{first_row, trimmed};
use super::window::Window;
use super::{BYTE_ORDER_MARK, Columns, Refusal};

/// Bytes in which a table's first row must end; Prowler's has 900.
const FIRST_ROW_BYTES_MAX: usize = 64 * 1024;
/// Files that people upload by mistake, by their first bytes.
const KNOWN: [(&[u8], &str); 9] = [
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\xfd7zXZ", "compressed by xz"),
    (b"BZh", "compressed by bzip2"),
    (b"\x1f\x8b", "compressed twice"),
    (b"\x28\xb5\x2f\xfd", "compressed twice"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "text in UTF-16"),
    (b"\xfe\xff", "text in UTF-16"),
];

/// What the beginning says.
#[derive(Debug)]
pub(super) enum Told {
    NeedMore,
    Json,
    Table(Columns),
    Refused(Refusal),
}

/// Looks at the beginning; consumes what stands before the first entry.
pub(super) fn content(window: &mut Window) -> Told {
    loop {
        let blanks = window.bytes().iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        window.consume(blanks);
        if window.bytes().starts_with(BYTE_ORDER_MARK) {
            window.consume(BYTE_ORDER_MARK.len());
        } else {
            break;
        }
    }
    if !window.at_end && BYTE_ORDER_MARK.starts_with(window.bytes()) {
        return Told::NeedMore;
    }
    let at_end = window.at_end;
    let bytes = window.bytes();
    match bytes.first() {
        None if at_end => Told::Refused(Refusal::Empty),
        None => Told::NeedMore,
        // With brackets that close, the beginning is lost: the splitter counts that.
        Some(b'[' | b'{' | b']' | b'}' | 0x1e) => Told::Json,
        Some(b',') if bytes.iter().all(is_gap) && !at_end => Told::NeedMore,
        Some(b',') if bytes.iter().find(|byte| !is_gap(byte)).is_some_and(|byte| b"[{".contains(byte)) => Told::Json,
        Some(b'<') => Told::Refused(Refusal::Html),
        Some(_) => {
            let head = &bytes[..bytes.len().min(FIRST_ROW_BYTES_MAX)];
            if let Some(refusal) = other(head) {
                return Told::Refused(refusal);
            }
            match first_row(head) {
                Some(length) => table(window, length),
                None if at_end || bytes.len() >= FIRST_ROW_BYTES_MAX => {
                    table(window, bytes.len().min(FIRST_ROW_BYTES_MAX))
                }
                None => Told::NeedMore,
            }
        }
    }
}

fn is_gap(byte: &u8) -> bool {
    *byte == b',' || byte.is_ascii_whitespace()
}

/// What is no text, or text of a kind that we know.
fn other(head: &[u8]) -> Option<Refusal> {
    let known = KNOWN.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, what)| *what);
    let binary = memchr::memchr(0, head).is_some().then_some("binary data");
    known.or(binary).map(|what| Refusal::UnknownContent { what })
}

fn table(window: &mut Window, first_row: usize) -> Told {
    let row = &window.bytes()[..first_row];
    let row = &row[..trimmed(row)];
    if !row.contains(&b';') {
        return Told::Refused(Refusal::UnknownContent { what: "neither JSON nor Prowler's table" });
    }
    match Columns::read(row) {
        Ok(columns) => {
            window.consume(first_row);
            Told::Table(columns)
        }
        Err(refusal) => Told::Refused(refusal),
    }
}
