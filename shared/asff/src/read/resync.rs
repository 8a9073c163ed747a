//! Finds the next entry behind a damaged one.
//!
//! Prowler writes the same field first in every entry. A bracket, a quote and that name cannot stand within a JSON text, where
//! quotes are escaped, so they mark an entry wherever the damage has left the nesting.

use memchr::memmem;

/// The first field of an entry in the files we know, until the file itself has shown one.
const FIRST_FIELDS: [&str; 6] = ["message", "metadata", "activity_id", "SchemaVersion", "class_uid", "AwsAccountId"];
/// Longest field name that is learned.
const FIELD_BYTES_MAX: usize = 64;
/// Bytes before the name that are checked: the bracket, the line break and the indentation.
const BEFORE_BYTES_MAX: usize = 64;

/// What marks the beginning of an entry.
#[derive(Debug)]
pub(super) struct Marks {
    /// Names with their quotes.
    names: Vec<memmem::Finder<'static>>,
    learned: bool,
}

/// Where the next entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Its opening bracket.
    At(usize),
    /// Not here; look again from this index when there is more.
    NotBefore(usize),
}

impl Marks {
    pub(super) fn new() -> Self {
        Self { names: FIRST_FIELDS.into_iter().map(finder).collect(), learned: false }
    }

    /// Learns the mark from a sound entry.
    pub(super) fn learn(&mut self, entry: &[u8]) {
        if self.learned {
            return;
        }
        let name = entry.iter().position(|&byte| byte == b'"').and_then(|quote| {
            let blank = entry.get(1..quote)?.iter().all(u8::is_ascii_whitespace);
            let rest = &entry[quote + 1..];
            let length = rest.iter().take(FIELD_BYTES_MAX).position(|&byte| byte == b'"')?;
            std::str::from_utf8(&rest[..length]).ok().filter(|name| blank && !name.is_empty())
        });
        if let Some(name) = name {
            self.names = vec![finder(name)];
            self.learned = true;
        }
    }

    /// The first entry in `bytes` from the index `from`.
    pub(super) fn find(&self, bytes: &[u8], from: usize) -> Next {
        let from = from.min(bytes.len());
        let found = self.names.iter().filter_map(|name| find_one(name, bytes, from)).min();
        match found {
            Some(bracket) => Next::At(bracket),
            None => Next::NotBefore(bytes.len().saturating_sub(BEFORE_BYTES_MAX + FIELD_BYTES_MAX).max(from)),
        }
    }
}

fn finder(name: &str) -> memmem::Finder<'static> {
    memmem::Finder::new(&format!("\"{name}\"")).into_owned()
}

fn find_one(name: &memmem::Finder<'_>, bytes: &[u8], from: usize) -> Option<usize> {
    name.find_iter(&bytes[from..]).find_map(|quote| {
        let quote = from + quote;
        let before = &bytes[quote.saturating_sub(BEFORE_BYTES_MAX).max(from)..quote];
        let blanks = before.iter().rev().take_while(|byte| byte.is_ascii_whitespace()).count();
        let bracket = quote.checked_sub(blanks + 1)?;
        (bracket >= from && bytes[bracket] == b'{').then_some(bracket)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_found_by_its_first_field() {
        let marks = Marks::new();
        let text = br#""x": "{\"message\"", {"b": 1}, {"message"#;
        assert!(matches!(marks.find(text, 0), Next::NotBefore(_)));
        let text = br#""x": "{\"message\"", {"b": 1}, {
    "message": "#;
        assert_eq!(marks.find(text, 0), Next::At(31));
    }

    #[test]
    fn the_first_field_is_learned_once() {
        let mut marks = Marks::new();
        marks.learn(br#"{ "kind": 1 }"#);
        marks.learn(br#"{ "other": 1 }"#);
        assert_eq!(marks.find(br#"{"message": {"other": {"kind": 2}}}"#, 0), Next::At(22));
    }
}
