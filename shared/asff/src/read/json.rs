//! Splits JSON into entries, which can be in arrays, in objects with a list of findings (pages of an API), one after another, and
//! in several of these one after another or nested.
//!
//! A malformed entry is reported with its offset, and reading continues at the next entry. Anything that is neither an entry nor
//! a container of entries is reported too: only the other fields of a page are ignored.

use memchr::memmem;

use super::resync::{Marks, Next};
use super::skipped::Skipped;
use super::split::Split;
use super::value::{Scanned, ValueScan};
use super::window::Window;
use super::{BYTE_ORDER_MARK, Ending};

/// Maximum number of searches for the next entry inside an entry that is too long. Each of them searches up to the maximum size
/// of an entry.
const LONG_SEARCHES_MAX: u32 = 16;
/// Maximum nesting of arrays and pages that are searched for entries. Merged files have two or three levels.
const NESTING_MAX: usize = 16;

/// An open container of entries.
#[derive(Debug)]
enum Frame {
    List,
    /// An object with a list of findings, with the state of its scan. It always contains a list frame.
    Page(ValueScan),
}

#[derive(Debug)]
enum Position {
    Between,
    Inside(ValueScan),
    /// In the rest of a page, after its list.
    Rest(ValueScan),
    /// In a value that is not an object, up to the next bracket.
    Stray(Skipped),
    /// In a malformed entry. The search for the next entry begins at this index.
    Damaged(Skipped, usize),
    Over(Ending),
}

/// The characters between two documents or loose entries.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    comma: bool,
    line_break: bool,
    /// Whether a document ended immediately before it.
    after_document: bool,
}

/// Splits one file.
#[derive(Debug)]
pub(super) struct JsonSplitter {
    position: Position,
    frames: Vec<Frame>,
    marks: Marks,
    entry_bytes_max: usize,
    long_searches: u32,
    gap: Gap,
    /// Whether a list ended before, to which loose entries may still belong.
    after_list: bool,
    /// The number of arrays and pages that are not inside others.
    documents: u32,
    /// Whether anything was outside of them.
    loose: bool,
    /// Whether an object with a list of findings has other fields, such as a token for the next page.
    is_page: bool,
}

impl JsonSplitter {
    pub(super) fn new(entry_bytes_max: usize) -> Self {
        Self {
            position: Position::Between,
            frames: Vec::new(),
            marks: Marks::new(),
            entry_bytes_max,
            long_searches: 0,
            gap: Gap::default(),
            after_list: false,
            documents: 0,
            loose: false,
            is_page: false,
        }
    }

    /// Whether the file so far shows where it ends: it is one list, or one object with a list of findings, and nothing else. An
    /// object with other fields may be one page of several.
    pub(super) fn has_end(&self) -> bool {
        self.documents == 1 && !self.loose && !self.is_page && !self.gap.comma
    }

    pub(super) fn next(&mut self, window: &mut Window) -> Split {
        loop {
            let position = std::mem::replace(&mut self.position, Position::Between);
            let (position, split) = match position {
                Position::Between => self.between(window),
                Position::Inside(scan) => self.inside(scan, window),
                Position::Rest(scan) => self.rest(scan, window),
                Position::Stray(skipped) => self.stray(skipped, window),
                Position::Damaged(skipped, from) => self.damaged(skipped, from, window),
                Position::Over(ending) => (Position::Over(ending.clone()), Some(Split::End(ending))),
            };
            self.position = position;
            if let Some(split) = split {
                return split;
            }
        }
    }

    fn between(&mut self, window: &mut Window) -> (Position, Option<Split>) {
        let may_continue = self.skip_gap(window);
        let position = match window.bytes().first() {
            None | Some(_) if may_continue => return (Position::Between, Some(Split::NeedMore)),
            Some(b'{') => Position::Inside(ValueScan::default()),
            Some(b'[') if self.frames.len() < NESTING_MAX => {
                window.consume(1);
                self.open(None);
                Position::Between
            }
            Some(b']') if !self.frames.is_empty() => self.close_list(window),
            // An extra closing bracket after a document is harmless.
            Some(b']' | b'}') if self.gap.after_document && self.frames.is_empty() => {
                window.consume(1);
                self.loose = true;
                Position::Between
            }
            Some(byte) => {
                self.loose |= self.frames.is_empty();
                let closes = matches!(byte, b']' | b'}');
                let why = if closes { "unexpected closing bracket" } else { "an entry is not an object" };
                Position::Stray(Skipped::begin(window, why))
            }
            None if self.frames.is_empty() && self.gap.comma && !self.gap.after_document => {
                truncated(window, "the file ends after a comma")
            }
            None if self.frames.is_empty() => Position::Over(Ending::Complete),
            None => truncated(window, "the list of findings is not closed"),
        };
        (position, None)
    }

    /// Skips the separators of entries and documents. Returns whether more of them may follow in the next chunk.
    fn skip_gap(&mut self, window: &mut Window) -> bool {
        loop {
            let bytes = window.bytes();
            let count = bytes.iter().take_while(|byte| is_between(**byte)).count();
            if self.frames.is_empty() {
                self.gap.comma |= bytes[..count].contains(&b',');
                self.gap.line_break |= bytes[..count].contains(&b'\n');
            }
            window.consume(count);
            if window.bytes().starts_with(BYTE_ORDER_MARK) {
                window.consume(BYTE_ORDER_MARK.len());
                continue;
            }
            return !window.at_end && BYTE_ORDER_MARK.starts_with(window.bytes());
        }
    }

    /// Opens a list, in a page if one is given.
    fn open(&mut self, page: Option<ValueScan>) {
        if self.frames.is_empty() {
            self.documents = self.documents.saturating_add(1);
            self.after_list = false;
        }
        self.frames.extend(page.map(Frame::Page));
        self.frames.push(Frame::List);
        self.gap = Gap::default();
    }

    /// Closes the innermost list at its bracket.
    fn close_list(&mut self, window: &mut Window) -> Position {
        window.consume(1);
        self.frames.pop();
        if let Some(Frame::Page(mut scan)) = self.frames.pop_if(|frame| matches!(frame, Frame::Page(_))) {
            scan.after_findings();
            return Position::Rest(scan);
        }
        if self.frames.is_empty() {
            self.after_list = true;
            self.gap = Gap { after_document: true, ..Gap::default() };
        }
        Position::Between
    }

    fn inside(&mut self, mut scan: ValueScan, window: &mut Window) -> (Position, Option<Split>) {
        let available = window.bytes().len();
        match scan.advance(window.bytes()) {
            Scanned::Whole(length) if length <= self.entry_bytes_max => {
                let offset = window.offset();
                let bytes = window.take(length);
                self.marks.learn(&bytes);
                if self.frames.is_empty() {
                    self.loose_entry();
                }
                (Position::Between, Some(Split::Entry { offset, bytes }))
            }
            Scanned::Findings(length) if length <= self.entry_bytes_max && self.frames.len() + 2 <= NESTING_MAX => {
                window.consume(length);
                self.is_page |= scan.has_other_fields();
                self.open(Some(scan));
                (Position::Between, None)
            }
            Scanned::Broken(why) => {
                let reason = format!("{why} at byte {} of the entry", scan.scanned());
                (self.damage(window, reason, 1), None)
            }
            Scanned::Findings(_) | Scanned::Whole(_) | Scanned::More if available > self.entry_bytes_max => {
                let reason = format!("the entry is longer than {} bytes", self.entry_bytes_max);
                self.long_searches += 1;
                let from = if self.long_searches > LONG_SEARCHES_MAX { available } else { 1 };
                (self.damage(window, reason, from), None)
            }
            Scanned::Findings(_) => {
                (self.damage(window, "lists of findings are nested too deeply".to_owned(), 1), None)
            }
            Scanned::Whole(_) | Scanned::More if window.at_end => self.ends_inside(window),
            Scanned::Whole(_) | Scanned::More => (Position::Inside(scan), Some(Split::NeedMore)),
        }
    }

    /// Processes an entry outside of any list. It may belong to the previous list: Prowler writes a second scan to a file with
    /// the same name after the bracket that closed the first, as in `[a,b]{c},{d}]`. Entries of a list are separated by commas,
    /// loose entries by line breaks.
    fn loose_entry(&mut self) {
        self.loose = true;
        let gap = std::mem::take(&mut self.gap);
        let continues = gap.comma || gap.after_document && !gap.line_break;
        if self.after_list && continues {
            self.after_list = false;
            self.frames.push(Frame::List);
        }
    }

    /// The file ends inside an entry. Its damage may hide following entries, which are searched for.
    fn ends_inside(&mut self, window: &Window) -> (Position, Option<Split>) {
        if let Next::At(_) = self.marks.find(window.bytes(), 1) {
            return (self.damage(window, "the entry doesn't end".to_owned(), 1), None);
        }
        let reason = format!("the file ends within the finding that begins at byte {}", window.offset());
        (truncated(window, reason), None)
    }

    /// Skips the other fields of a page, such as a token for the next one. Another list of findings among them is read.
    fn rest(&mut self, mut scan: ValueScan, window: &mut Window) -> (Position, Option<Split>) {
        match scan.advance(window.bytes()) {
            Scanned::Whole(length) => {
                window.consume(length);
                self.is_page |= scan.has_other_fields();
                self.gap = Gap { after_document: true, ..Gap::default() };
                (Position::Between, None)
            }
            Scanned::Findings(length) => {
                window.consume(length);
                self.frames.extend([Frame::Page(scan), Frame::List]);
                (Position::Between, None)
            }
            Scanned::Broken(why) => {
                (self.damage(window, format!("{why} after the list of findings of an object"), 1), None)
            }
            Scanned::More if window.at_end => {
                (truncated(window, "the object that contains the list of findings is not closed"), None)
            }
            Scanned::More => {
                window.consume(scan.pass());
                if window.bytes().len() > self.entry_bytes_max {
                    let reason = format!("the name of a field is longer than {} bytes", self.entry_bytes_max);
                    return (self.damage(window, reason, 1), None);
                }
                (Position::Rest(scan), Some(Split::NeedMore))
            }
        }
    }

    fn damage(&mut self, window: &Window, reason: String, from: usize) -> Position {
        self.loose |= self.frames.is_empty();
        Position::Damaged(Skipped::begin(window, reason), from)
    }

    fn stray(&mut self, mut skipped: Skipped, window: &mut Window) -> (Position, Option<Split>) {
        let in_list = !self.frames.is_empty();
        let stops = |byte: &u8| matches!(byte, b'{' | b'[') || (*byte == b']' && in_list);
        // The first byte can be a bracket that is nested too deeply.
        let first = usize::from(!skipped.has_passed());
        match window.bytes().iter().skip(first).position(stops) {
            Some(count) => {
                skipped.pass(window, first + count);
                self.gap = Gap { line_break: true, ..Gap::default() };
                (Position::Between, Some(skipped.end()))
            }
            None => {
                skipped.pass(window, window.bytes().len());
                if window.at_end {
                    (Position::Between, Some(skipped.end()))
                } else {
                    (Position::Stray(skipped), Some(Split::NeedMore))
                }
            }
        }
    }

    fn damaged(&mut self, mut skipped: Skipped, from: usize, window: &mut Window) -> (Position, Option<Split>) {
        match self.find_next(window.bytes(), from) {
            Next::At(count) => {
                skipped.pass(window, count);
                self.gap = Gap { line_break: true, ..Gap::default() };
                (Position::Between, Some(skipped.end()))
            }
            Next::NotBefore(count) if !window.at_end => {
                skipped.pass(window, count);
                (Position::Damaged(skipped, 0), Some(Split::NeedMore))
            }
            Next::NotBefore(_) => {
                let position = Position::Over(self.ending_after_damage(window));
                skipped.pass(window, window.bytes().len());
                (position, Some(skipped.end()))
            }
        }
    }

    fn find_next(&self, bytes: &[u8], from: usize) -> Next {
        let marked = self.marks.find(bytes, from);
        if !self.frames.is_empty() {
            return marked;
        }
        let rest = &bytes[from.min(bytes.len())..];
        let line = memmem::find_iter(rest, b"\n").find(|at| matches!(rest.get(at + 1), Some(b'{' | b'[')));
        match (line.map(|found| from + found + 1), marked) {
            (Some(line), Next::At(marked)) => Next::At(line.min(marked)),
            (Some(line), Next::NotBefore(_)) => Next::At(line),
            (None, marked) => marked,
        }
    }

    /// The last entry is malformed: the last byte shows whether the rest of the file is complete.
    fn ending_after_damage(&self, window: &Window) -> Ending {
        let last = window.bytes().iter().rev().find(|byte| !byte.is_ascii_whitespace());
        let closes = if matches!(self.frames.first(), Some(Frame::List)) { b']' } else { b'}' };
        if last == Some(&closes) {
            return Ending::Complete;
        }
        Ending::Truncated {
            offset: window.offset() + window.bytes().len() as u64,
            reason: "the file ends within a malformed finding".to_owned(),
        }
    }
}

fn truncated(window: &Window, reason: impl Into<String>) -> Position {
    let offset = window.offset() + window.bytes().len() as u64;
    Position::Over(Ending::Truncated { offset, reason: reason.into() })
}

const fn is_between(byte: u8) -> bool {
    // 0x1e separates the documents of a JSON text sequence (RFC 7464).
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | 0x1e)
}
