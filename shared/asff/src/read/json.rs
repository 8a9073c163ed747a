//! Cuts JSON into entries, however they lie in the file: in arrays, in objects with a list of findings (pages of an API), one
//! after the other, and several of these in a row or within each other.
//!
//! A damaged entry is reported with its place, and reading continues at the next one. Whatever is neither an entry nor what
//! holds entries together is reported as well: nothing is thrown away unread but the other fields of a page.

use memchr::memmem;

use super::resync::{Marks, Next};
use super::skipped::Skipped;
use super::split::Split;
use super::value::{Scanned, ValueScan};
use super::window::Window;
use super::{BYTE_ORDER_MARK, Ending};

/// How often a search for the next entry may begin again inside an entry that was too long. Each costs up to the longest entry's bytes.
const LONG_SEARCHES_MAX: u32 = 16;
/// Arrays and pages within each other that entries are looked for in. Merged files have two or three.
const NESTING_MAX: usize = 16;

/// What is open around an entry.
#[derive(Debug)]
enum Frame {
    List,
    /// An object with a list of findings, as far as it was read. A list lies within it.
    Page(ValueScan),
}

#[derive(Debug)]
enum Place {
    Between,
    Inside(ValueScan),
    /// Behind a page's list.
    Rest(ValueScan),
    /// Something that is no object, up to the next bracket.
    Stray(Skipped),
    /// A damaged entry; the next is looked for from this index.
    Damaged(Skipped, usize),
    Over(Ending),
}

/// What lies between two documents or loose entries.
#[derive(Clone, Copy, Debug, Default)]
struct Gap {
    comma: bool,
    line_break: bool,
    /// A document ended right before it.
    behind_document: bool,
}

/// Cuts one file.
#[derive(Debug)]
pub(super) struct JsonSplitter {
    place: Place,
    frames: Vec<Frame>,
    marks: Marks,
    entry_bytes_max: usize,
    long_searches: u32,
    gap: Gap,
    /// A list ended before, and loose entries may still belong to it.
    behind_list: bool,
    /// Arrays and pages outside of any other.
    documents: u32,
    /// Something lay outside of them.
    loose: bool,
}

impl JsonSplitter {
    pub(super) fn new(entry_bytes_max: usize) -> Self {
        Self {
            place: Place::Between,
            frames: Vec::new(),
            marks: Marks::new(),
            entry_bytes_max,
            long_searches: 0,
            gap: Gap::default(),
            behind_list: false,
            documents: 0,
            loose: false,
        }
    }

    /// Whether what was read shows where it ends: one list, or one object with a list of findings, and nothing else.
    pub(super) fn has_end(&self) -> bool {
        self.documents == 1 && !self.loose && !self.gap.comma
    }

    pub(super) fn next(&mut self, window: &mut Window) -> Split {
        loop {
            let place = std::mem::replace(&mut self.place, Place::Between);
            let (place, split) = match place {
                Place::Between => self.between(window),
                Place::Inside(scan) => self.inside(scan, window),
                Place::Rest(scan) => self.rest(scan, window),
                Place::Stray(skipped) => self.stray(skipped, window),
                Place::Damaged(skipped, from) => self.damaged(skipped, from, window),
                Place::Over(ending) => (Place::Over(ending.clone()), Some(Split::End(ending))),
            };
            self.place = place;
            if let Some(split) = split {
                return split;
            }
        }
    }

    fn between(&mut self, window: &mut Window) -> (Place, Option<Split>) {
        let may_go_on = self.skip_gap(window);
        let place = match window.bytes().first() {
            None | Some(_) if may_go_on => return (Place::Between, Some(Split::NeedMore)),
            Some(b'{') => Place::Inside(ValueScan::default()),
            Some(b'[') if self.frames.len() < NESTING_MAX => {
                window.consume(1);
                self.open(None);
                Place::Between
            }
            Some(b']') if !self.frames.is_empty() => self.close_list(window),
            // A bracket too much behind a document takes nothing away.
            Some(b']' | b'}') if self.gap.behind_document && self.frames.is_empty() => {
                window.consume(1);
                self.loose = true;
                Place::Between
            }
            Some(byte) => {
                self.loose |= self.frames.is_empty();
                let closes = matches!(byte, b']' | b'}');
                let why = if closes { "a bracket closes that was not opened" } else { "an entry is not an object" };
                Place::Stray(Skipped::begin(window, why))
            }
            None if self.frames.is_empty() && self.gap.comma && !self.gap.behind_document => {
                truncated(window, "the file stops behind a comma")
            }
            None if self.frames.is_empty() => Place::Over(Ending::Complete),
            None => truncated(window, "the list of findings is not closed"),
        };
        (place, None)
    }

    /// Passes over what separates entries and documents. Whether there may be more of it than is here.
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

    /// Opens a list, within a page if it is one's.
    fn open(&mut self, page: Option<ValueScan>) {
        if self.frames.is_empty() {
            self.documents = self.documents.saturating_add(1);
            self.behind_list = false;
        }
        self.frames.extend(page.map(Frame::Page));
        self.frames.push(Frame::List);
        self.gap = Gap::default();
    }

    /// At the bracket that closes the innermost list.
    fn close_list(&mut self, window: &mut Window) -> Place {
        window.consume(1);
        self.frames.pop();
        if let Some(Frame::Page(mut scan)) = self.frames.pop_if(|frame| matches!(frame, Frame::Page(_))) {
            scan.after_findings();
            return Place::Rest(scan);
        }
        if self.frames.is_empty() {
            self.behind_list = true;
            self.gap = Gap { behind_document: true, ..Gap::default() };
        }
        Place::Between
    }

    fn inside(&mut self, mut scan: ValueScan, window: &mut Window) -> (Place, Option<Split>) {
        let held = window.bytes().len();
        match scan.go_on(window.bytes()) {
            Scanned::Whole(length) if length <= self.entry_bytes_max => {
                let offset = window.offset();
                let bytes = window.take(length);
                self.marks.learn(&bytes);
                if self.frames.is_empty() {
                    self.loose_entry();
                }
                (Place::Between, Some(Split::Entry { offset, bytes }))
            }
            Scanned::Findings(length) if length <= self.entry_bytes_max && self.frames.len() + 2 <= NESTING_MAX => {
                window.consume(length);
                self.open(Some(scan));
                (Place::Between, None)
            }
            Scanned::Broken(why) => {
                let reason = format!("{why}, {} bytes into the entry", scan.scanned());
                (self.damage(window, reason, 1), None)
            }
            Scanned::Findings(_) | Scanned::Whole(_) | Scanned::More if held > self.entry_bytes_max => {
                let reason = format!("the entry is longer than {} bytes", self.entry_bytes_max);
                self.long_searches += 1;
                let from = if self.long_searches > LONG_SEARCHES_MAX { held } else { 1 };
                (self.damage(window, reason, from), None)
            }
            Scanned::Findings(_) => {
                (self.damage(window, "lists of findings lie too deep within each other".to_owned(), 1), None)
            }
            Scanned::Whole(_) | Scanned::More if window.at_end => self.ends_inside(window),
            Scanned::Whole(_) | Scanned::More => (Place::Inside(scan), Some(Split::NeedMore)),
        }
    }

    /// An entry outside of any list. It may belong to the list before it: Prowler writes a second scan into a file of the same name
    /// behind the bracket that closed the first, as `[a,b]{c},{d}]`. Entries of a list are separated by commas, loose ones by line
    /// breaks.
    fn loose_entry(&mut self) {
        self.loose = true;
        let gap = std::mem::take(&mut self.gap);
        let goes_on = gap.comma || gap.behind_document && !gap.line_break;
        if self.behind_list && goes_on {
            self.behind_list = false;
            self.frames.push(Frame::List);
        }
    }

    /// The file ends within an entry. Damage may have swallowed the entries behind it: they are looked for.
    fn ends_inside(&mut self, window: &Window) -> (Place, Option<Split>) {
        if let Next::At(_) = self.marks.find(window.bytes(), 1) {
            return (self.damage(window, "the entry has no end".to_owned(), 1), None);
        }
        let reason = format!("the file stops within the finding that begins at byte {}", window.offset());
        (truncated(window, reason), None)
    }

    /// The other fields of a page, such as a token for the next one, are not ours. Another list of findings among them is.
    fn rest(&mut self, mut scan: ValueScan, window: &mut Window) -> (Place, Option<Split>) {
        match scan.go_on(window.bytes()) {
            Scanned::Whole(length) => {
                window.consume(length);
                self.gap = Gap { behind_document: true, ..Gap::default() };
                (Place::Between, None)
            }
            Scanned::Findings(length) => {
                window.consume(length);
                self.frames.extend([Frame::Page(scan), Frame::List]);
                (Place::Between, None)
            }
            Scanned::Broken(why) => {
                (self.damage(window, format!("{why}, behind the list of findings of an object"), 1), None)
            }
            Scanned::More if window.at_end => {
                (truncated(window, "the object around the list of findings is not closed"), None)
            }
            Scanned::More => {
                window.consume(scan.pass());
                if window.bytes().len() > self.entry_bytes_max {
                    let reason = format!("the name of a field is longer than {} bytes", self.entry_bytes_max);
                    return (self.damage(window, reason, 1), None);
                }
                (Place::Rest(scan), Some(Split::NeedMore))
            }
        }
    }

    fn damage(&mut self, window: &Window, reason: String, from: usize) -> Place {
        self.loose |= self.frames.is_empty();
        Place::Damaged(Skipped::begin(window, reason), from)
    }

    fn stray(&mut self, mut skipped: Skipped, window: &mut Window) -> (Place, Option<Split>) {
        let in_list = !self.frames.is_empty();
        let stops = |byte: &u8| matches!(byte, b'{' | b'[') || (*byte == b']' && in_list);
        // What it begins with can be a bracket that lies too deep.
        let first = usize::from(!skipped.has_passed());
        match window.bytes().iter().skip(first).position(stops) {
            Some(count) => {
                skipped.pass(window, first + count);
                self.gap = Gap { line_break: true, ..Gap::default() };
                (Place::Between, Some(skipped.end()))
            }
            None => {
                skipped.pass(window, window.bytes().len());
                if window.at_end {
                    (Place::Between, Some(skipped.end()))
                } else {
                    (Place::Stray(skipped), Some(Split::NeedMore))
                }
            }
        }
    }

    fn damaged(&mut self, mut skipped: Skipped, from: usize, window: &mut Window) -> (Place, Option<Split>) {
        match self.find_next(window.bytes(), from) {
            Next::At(count) => {
                skipped.pass(window, count);
                self.gap = Gap { line_break: true, ..Gap::default() };
                (Place::Between, Some(skipped.end()))
            }
            Next::NotBefore(count) if !window.at_end => {
                skipped.pass(window, count);
                (Place::Damaged(skipped, 0), Some(Split::NeedMore))
            }
            Next::NotBefore(_) => {
                let place = Place::Over(self.ending_after_damage(window));
                skipped.pass(window, window.bytes().len());
                (place, Some(skipped.end()))
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

    /// The last entry is damaged: whether the file around it is whole shows in its last byte.
    fn ending_after_damage(&self, window: &Window) -> Ending {
        let last = window.bytes().iter().rev().find(|byte| !byte.is_ascii_whitespace());
        let closes = if matches!(self.frames.first(), Some(Frame::List)) { b']' } else { b'}' };
        if last == Some(&closes) {
            return Ending::Complete;
        }
        Ending::Truncated {
            offset: window.offset() + window.bytes().len() as u64,
            reason: "the file stops within a damaged finding".to_owned(),
        }
    }
}

fn truncated(window: &Window, reason: impl Into<String>) -> Place {
    let offset = window.offset() + window.bytes().len() as u64;
    Place::Over(Ending::Truncated { offset, reason: reason.into() })
}

const fn is_between(byte: u8) -> bool {
    // The last one separates the texts of a JSON text sequence (RFC 7464).
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',' | 0x1e)
}
