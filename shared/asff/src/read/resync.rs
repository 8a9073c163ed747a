//! Finds the next entry after a malformed one.
//!
//! Prowler begins every entry with the same field. A bracket, a quote, and that field's name can't occur inside a JSON string,
//! where quotes are escaped, so they mark an entry even if the nesting is damaged.

use memchr::memmem;

/// The first fields of entries in known files, which are used until the file itself has shown its first field.
const FIRST_FIELDS: [&str; 6] = ["message", "metadata", "activity_id", "SchemaVersion", "class_uid", "AwsAccountId"];
/// Maximum length of a field name that is learned, in bytes.
const FIELD_BYTES_MAX: usize = 64;
/// Maximum number of bytes before the name that are examined: the bracket, the line break, and the indentation.
const BEFORE_BYTES_MAX: usize = 64;

/// The patterns that mark the beginning of an entry.
#[derive(Debug)]
pub(super) struct Marks {
    /// The field names, with their quotes.
    names: Vec<memmem::Finder<'static>>,
    learned: bool,
}

/// The position of the next entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The index of its opening bracket.
    At(usize),
    /// Not in these bytes; with more bytes, the search continues at this index.
    NotBefore(usize),
}

impl Marks {
    pub(super) fn new() -> Self {
        Self { names: FIRST_FIELDS.into_iter().map(finder).collect(), learned: false }
    }

    /// Learns the first field from an intact entry.
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
