//! The head of a CSV file: lines that spreadsheets and PowerShell write before the header row, the delimiter, and changes by such
//! programs.

use super::columns::DELIMITER;
use super::detected::Detected;
use super::rows::{first_row, trimmed};
use super::window::Window;
use super::{Columns, FileRejection};

/// The possible delimiters: Prowler's, and those of spreadsheets and PowerShell.
const DELIMITERS: [u8; 3] = [DELIMITER, b',', b'\t'];
/// Maximum number of lines before the header row.
const LINES_BEFORE_MAX: usize = 3;
/// Names that only Prowler's header row has.
const OWN_NAMES: [&str; 2] = ["CHECK_ID", "ACCOUNT_UID"];
/// Bytes that have no letter in Windows-1252, but occur in damaged files.
const NO_LETTERS: [u8; 7] = [0x81, 0x8d, 0x8f, 0x90, 0x9d, 0xfe, 0xff];

/// Reads the header row. The examined part of the file is in the window.
pub(super) fn read(window: &mut Window, head_bytes_max: usize) -> Detected {
    for _ in 0..LINES_BEFORE_MAX {
        let line = first_line(window.bytes());
        if !is_before_table(line) {
            break;
        }
        window.consume(line.len());
    }
    let head = &window.bytes()[..window.bytes().len().min(head_bytes_max)];
    if head.is_empty() {
        return Detected::Rejected(FileRejection::UnknownContent { what: "a CSV file without a header row" });
    }
    let found = DELIMITERS.map(|delimiter| table(head, delimiter));
    match found.into_iter().reduce(better) {
        Some(Ok((length, columns))) => match eight_bit(head) {
            Some(rejection) => Detected::Rejected(rejection),
            None => {
                let first_row = head[..trimmed(&head[..length])].to_vec();
                window.consume(length);
                Detected::Table(columns, first_row)
            }
        },
        Some(Err(rejection)) => Detected::Rejected(rejection),
        None => Detected::NeedMore,
    }
}

type Found = Result<(usize, Columns), FileRejection>;

/// The columns according to one delimiter, and the length of their row.
fn table(head: &[u8], delimiter: u8) -> Found {
    let length = first_row(head, delimiter).unwrap_or(head.len());
    let row = &head[..trimmed(&head[..length])];
    if !row.contains(&delimiter) {
        return Err(FileRejection::UnknownContent { what: "neither JSON nor a CSV file of Prowler" });
    }
    match Columns::read(row, delimiter) {
        Ok(columns) => Ok((length, columns)),
        // Text that isn't CSV has commas too.
        Err(FileRejection::NotProwlerTable { .. }) if delimiter != DELIMITER && saved_again(row).is_none() => {
            Err(FileRejection::UnknownContent { what: "neither JSON nor a CSV file of Prowler" })
        }
        Err(rejection) => Err(saved_again(row).unwrap_or(rejection)),
    }
}

/// The more informative one of two results.
fn better(one: Found, other: Found) -> Found {
    let rank = |found: &Found| match found {
        Ok(_) => 3,
        Err(FileRejection::UnknownContent { .. }) => 0,
        Err(FileRejection::NotProwlerTable { .. }) => 1,
        Err(_) => 2,
    };
    if rank(&other) > rank(&one) { other } else { one }
}

/// The rejection of a header row of Prowler's that another program changed. `None` if it isn't that.
fn saved_again(row: &[u8]) -> Option<FileRejection> {
    let text = String::from_utf8_lossy(row);
    let what = if !OWN_NAMES.iter().all(|name| text.contains(name)) {
        return None;
    } else if text.starts_with('"') && text.matches('"').count() == 2 {
        in_one_cell()
    } else if text.contains('\r') {
        "its lines end with CR only".to_owned()
    } else {
        return None;
    };
    Some(FileRejection::SavedAgain { what })
}

/// The reason for a file in which each row became one cell.
pub(super) fn in_one_cell() -> String {
    "each row is one quoted cell, because a program expected commas instead of Prowler's semicolons, and text after a \
     comma is lost (PowerShell: Import-Csv -Delimiter ';')"
        .to_owned()
}

/// The first line including its line break.
fn first_line(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(b'\n', bytes).map_or(bytes.len(), |end| end + 1)]
}

/// Whether a line is `sep=;`, which names the delimiter for Excel, or the type that PowerShell writes: the CSV file doesn't need
/// it.
fn is_before_table(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let begins = |with: &[u8]| line.get(..with.len()).is_some_and(|head| head.eq_ignore_ascii_case(with));
    line.is_empty() && line.len() < 2 || begins(b"#TYPE ") || (begins(b"sep=") || begins(b"\"sep=")) && line.len() <= 7
}

/// Rejects text in a single-byte encoding: more lines than damage would affect are not UTF-8, and no line has a multi-byte UTF-8
/// letter. It can't be determined which encoding it is, and which letters it could not represent.
fn eight_bit(head: &[u8]) -> Option<FileRejection> {
    let mut bad = 0;
    for line in head.split(|&byte| byte == b'\n') {
        match std::str::from_utf8(line) {
            Ok(text) if text.is_ascii() => {}
            Ok(_) => return None,
            // A letter may be split at the end of the available bytes.
            Err(error) if error.error_len().is_none() && line.as_ptr_range().end == head.as_ptr_range().end => {}
            Err(_)
                if line.iter().any(|byte| NO_LETTERS.contains(byte) || (*byte < b' ' && !b"\t\r".contains(byte))) =>
            {
                return None;
            }
            Err(_) => bad += 1,
        }
    }
    let what = "its encoding is not UTF-8 but one such as Windows-1252, which may have changed the names of resources"
        .to_owned();
    (bad > 1).then_some(FileRejection::SavedAgain { what })
}
