//! Cuts a table into rows. A line break within quotes does not end a row.

use std::sync::Arc;

use bytes::Bytes;
use memchr::{memchr, memchr2, memmem};

use super::json::Split;
use super::skipped::EXCERPT_BYTES_MAX;
use super::window::Window;
use super::{Columns, Ending};
use crate::outcome::Unreadable;

/// The place within one row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Cell {
    #[default]
    Begins,
    Plain,
    Quoted,
    /// Behind a quote within quotes: the end of the cell, or half of a doubled quote.
    AfterQuote,
}

/// Looks for the end of one row.
#[derive(Debug, Default)]
struct RowScan {
    cell: Cell,
    scanned: usize,
}

impl RowScan {
    /// The length of the row with its line break, if it ends in `bytes`, which begin where the row does.
    fn go_on(&mut self, bytes: &[u8]) -> Option<usize> {
        while let Some(&byte) = bytes.get(self.scanned) {
            let rest = &bytes[self.scanned..];
            let step = match self.cell {
                Cell::Quoted => memchr(b'"', rest),
                Cell::Plain => memchr2(b';', b'\n', rest),
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
                (_, b';') => Cell::Begins,
                (Cell::Begins | Cell::AfterQuote, b'"') => Cell::Quoted,
                _ => Cell::Plain,
            };
            debug_assert!(byte == bytes[self.scanned - 1 - step]);
        }
        None
    }
}

/// Cuts one table, from its second row on.
#[derive(Debug)]
pub(super) struct RowSplitter {
    columns: Arc<Columns>,
    row_bytes_max: usize,
    scan: RowScan,
    /// The end of a line and the first cell of every row: Prowler's name of how it logged in.
    mark: Option<Vec<u8>>,
    /// A row that is left out, with its reason.
    damaged: Option<Unreadable>,
    over: Option<Ending>,
}

impl RowSplitter {
    pub(super) fn new(columns: Arc<Columns>, row_bytes_max: usize) -> Self {
        Self { columns, row_bytes_max, scan: RowScan::default(), mark: None, damaged: None, over: None }
    }

    pub(super) fn next(&mut self, window: &mut Window) -> Split {
        loop {
            if let Some(ending) = &self.over {
                return Split::End(ending.clone());
            }
            let split = if self.damaged.is_some() { self.pass_damage(window) } else { self.row(window) };
            if let Some(split) = split {
                return split;
            }
        }
    }

    fn row(&mut self, window: &mut Window) -> Option<Split> {
        let offset = window.offset();
        let held = window.bytes().len();
        let Some(length) = self.scan.go_on(window.bytes()) else {
            if held > self.row_bytes_max {
                self.damage(window, format!("the row is longer than {} bytes", self.row_bytes_max));
                return None;
            }
            return if window.at_end { self.last_row(window) } else { Some(Split::NeedMore) };
        };
        self.scan = RowScan::default();
        let row = window.take(length);
        let row = row.slice(..trimmed(&row));
        if row.is_empty() {
            return None;
        }
        self.learn_mark(&row);
        Some(Split::Entry { offset, bytes: row })
    }

    /// What is left has no line break behind it.
    fn last_row(&mut self, window: &mut Window) -> Option<Split> {
        let (offset, held) = (window.offset(), window.bytes().len());
        if held == 0 {
            self.over = Some(Ending::Complete);
            return None;
        }
        if self.find_mark(window.bytes()).is_some() {
            self.damage(window, "a quote of the row is not closed".to_owned());
            return None;
        }
        let reason = format!("the file stops within the row that begins at byte {offset}");
        self.over = Some(Ending::Truncated { offset: offset + held as u64, reason });
        let row = window.take(held);
        let whole = self.scan.cell != Cell::Quoted && self.columns.read_row(&row).is_some();
        whole.then_some(Split::Entry { offset, bytes: row })
    }

    fn learn_mark(&mut self, row: &Bytes) {
        let cell = memchr(b';', row).filter(|&length| length > 0);
        if let (None, Some(length)) = (&self.mark, cell) {
            self.mark = Some([b"\n", &row[..=length]].concat());
        }
    }

    /// Where the next row begins, by the mark.
    fn find_mark(&self, bytes: &[u8]) -> Option<usize> {
        memmem::find(bytes, self.mark.as_ref()?).map(|found| found + 1)
    }

    fn damage(&mut self, window: &Window, reason: String) {
        let bytes = window.bytes();
        let excerpt = Bytes::copy_from_slice(&bytes[..bytes.len().min(EXCERPT_BYTES_MAX)]);
        self.scan = RowScan::default();
        let place = crate::Place::default();
        self.damaged = Some(Unreadable { offset: window.offset(), length: 0, reason, excerpt, place });
    }

    fn pass_damage(&mut self, window: &mut Window) -> Option<Split> {
        let held = window.bytes().len();
        let found = self.find_mark(window.bytes());
        // A mark may lie across the end of what is here.
        let kept = self.mark.as_ref().map_or(0, Vec::len);
        let passed = match found {
            Some(next) => next,
            None if window.at_end => held,
            None => held.saturating_sub(kept),
        };
        let damaged = self.damaged.as_mut()?;
        damaged.length += passed as u64;
        window.consume(passed);
        if found.is_none() && !window.at_end {
            return Some(Split::NeedMore);
        }
        if found.is_none() {
            let reason = "the file stops within a damaged row".to_owned();
            self.over = Some(Ending::Truncated { offset: window.offset(), reason });
        }
        let mut damaged = self.damaged.take()?;
        let length = usize::try_from(damaged.length).unwrap_or(usize::MAX);
        damaged.excerpt.truncate(length);
        Some(Split::Unreadable(damaged))
    }
}

/// The length of a row without its line break.
pub(super) fn trimmed(row: &[u8]) -> usize {
    row.len() - row.iter().rev().take(2).take_while(|byte| matches!(byte, b'\n' | b'\r')).count()
}

/// The length of a table's first row with its line break, if it is there.
pub(super) fn first_row(bytes: &[u8]) -> Option<usize> {
    RowScan::default().go_on(bytes)
}
