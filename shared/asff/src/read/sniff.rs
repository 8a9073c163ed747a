//! Detects the kind of a decompressed file from its first bytes.

use super::detected::Detected;
use super::window::Window;
use super::{BYTE_ORDER_MARK, FileRejection, table_head};

/// Maximum number of bytes of a CSV file that are examined, in which its header row must end; Prowler's has 900.
const TABLE_HEAD_BYTES_MAX: usize = 64 * 1024;
/// Maximum number of bytes of markup that are examined.
const MARKUP_BYTES_MAX: usize = 1024;
/// The first bytes of other files that are uploaded by mistake.
const KNOWN: [(&[u8], &str); 9] = [
    (b"PK\x03\x04", "a ZIP archive"),
    (b"\xfd7zXZ", "compressed with xz"),
    (b"BZh", "compressed with bzip2"),
    (b"\x1f\x8b", "compressed twice"),
    (b"\x28\xb5\x2f\xfd", "compressed twice"),
    (b"PAR1", "a Parquet file"),
    (b"%PDF", "a PDF"),
    (b"\xff\xfe", "UTF-16 text, as PowerShell and spreadsheets save it"),
    (b"\xfe\xff", "UTF-16 text, as PowerShell and spreadsheets save it"),
];

/// Detects the content, and consumes what precedes the first entry.
pub(super) fn content(window: &mut Window) -> Detected {
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
        return Detected::NeedMore;
    }
    let at_end = window.at_end;
    let bytes = window.bytes();
    match bytes.first() {
        None if at_end => Detected::Rejected(FileRejection::Empty),
        None => Detected::NeedMore,
        // A closing bracket shows that the beginning is missing; the splitter reports that.
        Some(b'[' | b'{' | b']' | b'}' | 0x1e) => Detected::Json,
        Some(b',') if bytes.iter().all(is_gap) && !at_end => Detected::NeedMore,
        Some(b',') if bytes.iter().find(|byte| !is_gap(byte)).is_some_and(|byte| b"[{".contains(byte)) => {
            Detected::Json
        }
        Some(b'<') if bytes.len() < MARKUP_BYTES_MAX && !at_end => Detected::NeedMore,
        Some(b'<') => Detected::Rejected(markup(&bytes[..bytes.len().min(MARKUP_BYTES_MAX)])),
        Some(_) => match other(&bytes[..bytes.len().min(TABLE_HEAD_BYTES_MAX)]) {
            Some(rejection) => Detected::Rejected(rejection),
            None if bytes.len() < TABLE_HEAD_BYTES_MAX && !at_end => Detected::NeedMore,
            None => table_head::read(window, TABLE_HEAD_BYTES_MAX),
        },
    }
}

/// An HTML page, or XML.
fn markup(head: &[u8]) -> FileRejection {
    let head = head.to_ascii_lowercase();
    let holds = |tag: &str| memchr::memmem::find(&head, tag.as_bytes()).is_some();
    let what = if ["<html", "<!doctype html", "<head", "<body"].iter().any(|tag| holds(tag)) {
        return FileRejection::Html;
    } else if holds("<testsuite") {
        "a JUnit report (XML)"
    } else {
        "XML or another kind of markup"
    };
    FileRejection::UnknownContent { what }
}

fn is_gap(byte: &u8) -> bool {
    *byte == b',' || byte.is_ascii_whitespace()
}

/// The rejection of binary data, or of another known kind of file.
fn other(head: &[u8]) -> Option<FileRejection> {
    let known = KNOWN.iter().find(|(magic, _)| head.starts_with(magic)).map(|(_, what)| *what);
    let binary = memchr::memchr(0, head).is_some().then_some("binary data");
    known.or(binary).map(|what| FileRejection::UnknownContent { what })
}
