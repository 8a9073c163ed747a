//! Splits a CSV file into rows. A line break within quotes doesn't end a row.

use std::sync::Arc;

use memchr::{memchr, memchr2, memmem};

use super::skipped::Skipped;
use super::split::Split;
use super::window::Window;
use super::{BYTE_ORDER_MARK, Columns, Ending};

/// The position within a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cell {
    #[default]
    Begins,
    Plain,
    Quoted,
    /// After a quote within quotes: the end of the cell, or the first half of a doubled quote.
    AfterQuote,
}

/// Finds the end of one row.
#[derive(Debug)]
struct RowScan {
    delimiter: u8,
    cell: Cell,
    scanned: usize,
}

impl RowScan {
    fn new(delimiter: u8) -> Self {
        Self { delimiter, cell: Cell::default(), scanned: 0 }
    }

    /// Continues the search in `bytes`, which begin with the row. Returns the length of the row including its line break, if it
    /// ends in them.
    fn advance(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some(&byte) = bytes.get(self.scanned) {
            let rest = &bytes[self.scanned..];
            let step = match self.cell {
                Cell::Quoted => memchr(b'"', rest),
                Cell::Plain => memchr2(self.delimiter, b'\n', rest),
                Cell::Begins | Cell::AfterQuote => Some(0),
            };
            let Some(step) = step else {
                self.scanned = bytes.len();
                return None;
            };
            self.scanned += step + 1;
            self.cell = match (self.cell, bytes[self.scanned - 1]) {
                (Cell::Quoted, _) => Cell::AfterQuote,
                (_, b'\n') => return Some(self.scanned),
                (_, byte) if byte == self.delimiter => Cell::Begins,
                (Cell::Begins | Cell::AfterQuote, b'"') => Cell::Quoted,
                _ => Cell::Plain,
            };
            debug_assert!(byte == bytes[self.scanned - 1 - step]);
        }
        None
    }
}

/// Splits one CSV file, beginning with its second row.
#[derive(Debug)]
pub(super) struct RowSplitter {
    columns: Arc<Columns>,
    /// The header row, without its line break.
    first_row: Vec<u8>,
    row_bytes_max: usize,
    scan: RowScan,
    /// The marker: a line break and the first cell of every row, which is Prowler's authentication method.
    marker: Option<Vec<u8>>,
    /// A malformed row that is being skipped, with its reason.
    damaged: Option<Skipped>,
    over: Option<Ending>,
}

impl RowSplitter {
    pub(super) fn new(first_row: Vec<u8>, columns: Columns, row_bytes_max: usize) -> Self {
        let scan = RowScan::new(columns.delimiter());
        let columns = Arc::new(columns);
        Self { columns, first_row, row_bytes_max, scan, marker: None, damaged: None, over: None }
    }

    /// The columns of the last row that was returned.
    pub(super) fn columns(&self) -> &Arc<Columns> {
        &self.columns
    }

    /// Whether a row is another header row, as in concatenated CSV files. From then on, its columns are used.
    fn is_first_row(&mut self, row: &[u8]) -> bool {
        let row = row.strip_prefix(BYTE_ORDER_MARK).unwrap_or(row);
        if row == self.first_row {
            return true;
        }
        let delimiter = self.columns.delimiter();
        let first_cell = self.first_row.iter().position(|&byte| byte == delimiter).unwrap_or(self.first_row.len());
        if first_cell == 0 || !row.starts_with(&self.first_row[..first_cell]) {
            return false;
        }
        let columns = Columns::read(row, delimiter);
        columns.map(|columns| (self.columns, self.first_row) = (Arc::new(columns), row.to_vec())).is_ok()
    }

    pub(super) fn next(&mut self, window: &mut Window) -> Split {
        loop {
            if let Some(ending) = &self.over {
                return Split::End(ending.clone());
            }
            let split = if self.damaged.is_some() { self.skip_damaged(window) } else { self.row(window) };
            if let Some(split) = split {
                return split;
            }
        }
    }

    fn row(&mut self, window: &mut Window) -> Option<Split> {
        let offset = window.offset();
        let available = window.bytes().len();
        let Some(length) = self.scan.advance(window.bytes()) else {
            if available > self.row_bytes_max {
                self.damage(window, format!("the row is longer than {} bytes", self.row_bytes_max));
                return None;
            }
            return if window.at_end { self.last_row(window) } else { Some(Split::NeedMore) };
        };
        self.scan = RowScan::new(self.columns.delimiter());
        let row = window.take(length);
        let row = row.slice(..trimmed(&row));
        if row.is_empty() || self.is_first_row(&row) {
            return None;
        }
        self.detect_marker(&row);
        Some(Split::Entry { offset, bytes: row })
    }

    /// Processes the rest of the file, which has no line break at its end.
    fn last_row(&mut self, window: &mut Window) -> Option<Split> {
        let (offset, available) = (window.offset(), window.bytes().len());
        if available == 0 {
            self.over = Some(Ending::Complete);
            return None;
        }
        if self.find_marker(window.bytes()).is_some() {
            self.damage(window, "a quoted cell of the row is not closed".to_owned());
            return None;
        }
        let reason = format!("the file ends within the row that begins at byte {offset}");
        self.over = Some(Ending::Truncated { offset: offset + available as u64, reason });
        let row = window.take(available);
        let whole = self.scan.cell != Cell::Quoted && self.columns.is_whole(&row);
        whole.then_some(Split::Entry { offset, bytes: row })
    }

    fn detect_marker(&mut self, row: &[u8]) {
        let cell = memchr(self.columns.delimiter(), row).filter(|&length| length > 0);
        if let (None, Some(length)) = (&self.marker, cell) {
            self.marker = Some([b"\n", &row[..=length]].concat());
        }
    }

    /// The position of the next row, found by the marker.
    fn find_marker(&self, bytes: &[u8]) -> Option<usize> {
        memmem::find(bytes, self.marker.as_ref()?).map(|found| found + 1)
    }

    fn damage(&mut self, window: &Window, reason: String) {
        self.scan = RowScan::new(self.columns.delimiter());
        self.damaged = Some(Skipped::begin(window, reason));
    }

    fn skip_damaged(&mut self, window: &mut Window) -> Option<Split> {
        let available = window.bytes().len();
        let found = self.find_marker(window.bytes());
        // The marker may be split across two chunks.
        let overlap = self.marker.as_ref().map_or(0, Vec::len);
        let passed = match found {
            Some(next) => next,
            None if window.at_end => available,
            None => available.saturating_sub(overlap),
        };
        let damaged = self.damaged.as_mut()?;
        damaged.pass(window, passed);
        if found.is_none() && !window.at_end {
            return Some(Split::NeedMore);
        }
        if found.is_none() {
            let reason = "the file ends within a malformed row".to_owned();
            self.over = Some(Ending::Truncated { offset: window.offset(), reason });
        }
        self.damaged.take().map(Skipped::end_of_rows)
    }
}

/// The length of a row without its line break.
pub(super) fn trimmed(row: &[u8]) -> usize {
    row.len() - row.iter().rev().take(2).take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
}

/// The length of a file's first row including its line break. `None` if it is incomplete.
pub(super) fn first_row(bytes: &[u8], delimiter: u8) -> Option<usize> {
    RowScan::new(delimiter).advance(bytes)
}
