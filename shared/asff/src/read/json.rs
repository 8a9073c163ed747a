//! Cuts JSON into entries: an array of them, `{"Findings": [...]}`, or one after the other.
//!
//! A damaged entry is reported with its place and its beginning, and reading goes on at the next one.

use bytes::Bytes;
use memchr::memmem;

use super::Ending;
use super::resync::{Marks, Next};
use super::value::{Scanned, ValueScan};
use super::window::Window;
use crate::outcome::Unreadable;
use crate::redact;

/// Bytes of a damaged entry that are kept: enough to see the damage in a finding of usual size.
pub(super) const EXCERPT_BYTES_MAX: usize = 16 * 1024;
/// How often a search for the next entry may begin anew inside an entry that was too long. Each costs up to the longest entry's bytes.
const LONG_SEARCHES_MAX: u32 = 16;
/// Bytes in which `{"Findings": [` must stand if it is there: white space between is all that varies.
const FINDINGS_HEAD_BYTES_MAX: usize = 1024;

/// What the splitter found.
#[derive(Debug)]
pub(super) enum Split {
    NeedMore,
    Entry { offset: u64, bytes: Bytes },
    Unreadable(Unreadable),
    End(Ending),
}

/// How entries lie in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Array,
    FindingsArray,
    Lines,
}

#[derive(Debug)]
enum Place {
    Start,
    Between,
    Inside(ValueScan),
    /// Something that is no object, up to the next bracket.
    Stray(Skipped),
    /// A damaged entry; the next is looked for from this index.
    Damaged(Skipped, usize),
    After,
    Over(Ending),
}

/// What is left out, as it passes by.
#[derive(Debug)]
struct Skipped {
    offset: u64,
    length: u64,
    reason: String,
    excerpt: Vec<u8>,
}

impl Skipped {
    fn begin(window: &Window, reason: String) -> Self {
        let bytes = window.bytes();
        let excerpt = bytes[..bytes.len().min(EXCERPT_BYTES_MAX)].to_vec();
        Self { offset: window.offset(), length: 0, reason, excerpt }
    }

    fn pass(&mut self, window: &mut Window, count: usize) {
        self.length += count as u64;
        window.consume(count);
    }

    fn end(mut self) -> Split {
        self.excerpt.truncate(usize::try_from(self.length).unwrap_or(usize::MAX));
        Split::Unreadable(Unreadable {
            offset: self.offset,
            length: self.length,
            reason: self.reason,
            excerpt: Bytes::copy_from_slice(redact::before_data(&self.excerpt)),
            place: crate::Place::default(),
        })
    }
}

/// Cuts one file.
#[derive(Debug)]
pub(super) struct JsonSplitter {
    place: Place,
    layout: Layout,
    marks: Marks,
    entry_bytes_max: usize,
    long_searches: u32,
    /// More than one document was there, or single entries.
    mixed: bool,
}

impl JsonSplitter {
    pub(super) fn new(entry_bytes_max: usize) -> Self {
        let (place, layout, marks) = (Place::Start, Layout::Lines, Marks::new());
        Self { place, layout, marks, entry_bytes_max, long_searches: 0, mixed: false }
    }

    /// Whether what was read shows where it ends: one list, or one object with a list of findings.
    pub(super) fn has_end(&self) -> bool {
        self.layout != Layout::Lines && !self.mixed
    }

    pub(super) fn next(&mut self, window: &mut Window) -> Split {
        loop {
            let place = std::mem::replace(&mut self.place, Place::Between);
            let (place, split) = match place {
                Place::Start => self.start(window),
                Place::Between => self.between(window),
                Place::Inside(scan) => self.inside(scan, window),
                Place::Stray(skipped) => self.stray(skipped, window),
                Place::Damaged(skipped, from) => self.damaged(skipped, from, window),
                Place::After => self.after(window),
                Place::Over(ending) => (Place::Over(ending.clone()), Some(Split::End(ending))),
            };
            self.place = place;
            if let Some(split) = split {
                return split;
            }
        }
    }

    fn start(&mut self, window: &mut Window) -> (Place, Option<Split>) {
        match (window.bytes().first(), findings_head(window.bytes())) {
            (Some(b'['), _) => {
                self.layout = Layout::Array;
                window.consume(1);
            }
            (_, Head::Is(length)) => {
                self.layout = Layout::FindingsArray;
                window.consume(length);
            }
            (_, Head::MayBe) if !window.at_end => return (Place::Start, Some(Split::NeedMore)),
            _ => self.layout = Layout::Lines,
        }
        (Place::Between, None)
    }

    fn between(&mut self, window: &mut Window) -> (Place, Option<Split>) {
        let blanks = window.bytes().iter().take_while(|byte| is_between(**byte)).count();
        window.consume(blanks);
        let place = match window.bytes().first() {
            Some(b'{') => {
                self.mixed |= self.layout == Layout::Lines;
                Place::Inside(ValueScan::default())
            }
            Some(b'[') if self.layout == Layout::Lines => {
                self.layout = Layout::Array;
                window.consume(1);
                Place::Between
            }
            Some(b'[') => Place::Inside(ValueScan::default()),
            Some(b']') if self.layout != Layout::Lines => {
                window.consume(1);
                Place::After
            }
            Some(_) => Place::Stray(Skipped::begin(window, "an entry is not an object".to_owned())),
            None if !window.at_end => return (Place::Between, Some(Split::NeedMore)),
            None if self.layout == Layout::Lines => Place::Over(Ending::Complete),
            None => Place::Over(Ending::Truncated {
                offset: window.offset(),
                reason: "the list of findings is not closed".to_owned(),
            }),
        };
        (place, None)
    }

    fn inside(&mut self, mut scan: ValueScan, window: &mut Window) -> (Place, Option<Split>) {
        let held = window.bytes().len();
        match scan.go_on(window.bytes()) {
            Scanned::Whole(length) if length <= self.entry_bytes_max => {
                let offset = window.offset();
                let bytes = window.take(length);
                if bytes[0] == b'[' {
                    let skipped = Skipped {
                        offset,
                        length: length as u64,
                        reason: "an entry is a list, not an object".to_owned(),
                        excerpt: bytes[..length.min(EXCERPT_BYTES_MAX)].to_vec(),
                    };
                    return (Place::Between, Some(skipped.end()));
                }
                self.marks.learn(&bytes);
                (Place::Between, Some(Split::Entry { offset, bytes }))
            }
            Scanned::Broken(why) => {
                let reason = format!("{why}, {} bytes into the entry", scan.scanned());
                (Place::Damaged(Skipped::begin(window, reason), 1), None)
            }
            Scanned::Whole(_) | Scanned::More if held > self.entry_bytes_max => {
                let reason = format!("the entry is longer than {} bytes", self.entry_bytes_max);
                self.long_searches += 1;
                let from = if self.long_searches > LONG_SEARCHES_MAX { held } else { 1 };
                (Place::Damaged(Skipped::begin(window, reason), from), None)
            }
            Scanned::Whole(_) | Scanned::More if window.at_end => self.ends_inside(window),
            Scanned::Whole(_) | Scanned::More => (Place::Inside(scan), Some(Split::NeedMore)),
        }
    }

    /// The file ends within an entry. Damage may have swallowed the entries behind it: they are looked for.
    fn ends_inside(&self, window: &Window) -> (Place, Option<Split>) {
        if let Next::At(_) = self.marks.find(window.bytes(), 1) {
            let skipped = Skipped::begin(window, "the entry has no end".to_owned());
            return (Place::Damaged(skipped, 1), None);
        }
        let ending = Ending::Truncated {
            offset: window.offset() + window.bytes().len() as u64,
            reason: format!("the file stops within the finding that begins at byte {}", window.offset()),
        };
        (Place::Over(ending), None)
    }

    fn stray(&self, mut skipped: Skipped, window: &mut Window) -> (Place, Option<Split>) {
        let stops = |byte: &u8| *byte == b'{' || (*byte == b']' && self.layout != Layout::Lines);
        match window.bytes().iter().position(stops) {
            Some(count) => {
                skipped.pass(window, count);
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

    fn damaged(&self, mut skipped: Skipped, from: usize, window: &mut Window) -> (Place, Option<Split>) {
        match self.find_next(window.bytes(), from) {
            Next::At(count) => {
                skipped.pass(window, count);
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
        if self.layout != Layout::Lines {
            return marked;
        }
        let line = memmem::find(&bytes[from.min(bytes.len())..], b"\n{").map(|found| from + found + 1);
        match (line, marked) {
            (Some(line), Next::At(marked)) => Next::At(line.min(marked)),
            (Some(line), Next::NotBefore(_)) => Next::At(line),
            (None, marked) => marked,
        }
    }

    /// The last entry is damaged: whether the file around it is whole shows in its last byte.
    fn ending_after_damage(&self, window: &Window) -> Ending {
        let last = window.bytes().iter().rev().find(|byte| !byte.is_ascii_whitespace());
        let closed = match self.layout {
            Layout::Array => last == Some(&b']'),
            Layout::FindingsArray | Layout::Lines => last == Some(&b'}'),
        };
        if closed {
            return Ending::Complete;
        }
        Ending::Truncated {
            offset: window.offset() + window.bytes().len() as u64,
            reason: "the file stops within a damaged finding".to_owned(),
        }
    }

    fn after(&mut self, window: &mut Window) -> (Place, Option<Split>) {
        if self.layout == Layout::FindingsArray {
            // What the object holds besides, such as a token for the next page, is not ours.
            window.consume(window.bytes().len());
        }
        let blanks = window.bytes().iter().take_while(|byte| is_between(**byte)).count();
        window.consume(blanks);
        match window.bytes().first() {
            None if window.at_end => (Place::Over(Ending::Complete), None),
            None => (Place::After, Some(Split::NeedMore)),
            Some(_) => {
                self.layout = Layout::Lines;
                self.mixed = true;
                (Place::Between, None)
            }
        }
    }
}

const fn is_between(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t' | b',')
}

/// Whether a file begins with `{"Findings": [`.
enum Head {
    /// It does, in these many bytes.
    Is(usize),
    /// There are too few bytes to tell.
    MayBe,
    IsNot,
}

fn findings_head(bytes: &[u8]) -> Head {
    let mut at = 0;
    for token in ["{", "\"Findings\"", ":", "["] {
        at += bytes[at..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let rest = &bytes[at..];
        if at > FINDINGS_HEAD_BYTES_MAX {
            return Head::IsNot;
        }
        if !rest.starts_with(token.as_bytes()) {
            let may_be = token.as_bytes().starts_with(rest);
            return if may_be { Head::MayBe } else { Head::IsNot };
        }
        at += token.len();
    }
    Head::Is(at)
}
