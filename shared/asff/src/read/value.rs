//! Finds the end of one JSON value over any number of calls, without parsing the value.
//!
//! Brackets must match and must be where a value can be, and a string must not contain a raw line break. Damage is therefore
//! detected where it is, and not at the end of the file.

use memchr::memchr3;

/// Maximum nesting of objects and arrays, which is also that of `serde_json`. Prowler's deepest values have about 20 levels.
const DEPTH_MAX: u32 = 128;

/// The state of the scan of one value.
#[derive(Debug, Default)]
pub(super) struct ValueScan {
    /// One bit for each open bracket, the innermost in the lowest bit: 1 for an object.
    objects: u128,
    depth: u32,
    /// The last byte that was neither a space nor within a string. It determines whether a value can follow.
    last: u8,
    in_text: bool,
    /// While the name of a field of the outermost object is read that may be that of a list of findings: the index at which the
    /// name begins. Otherwise 0, at which no name begins.
    name_at: usize,
    /// Whether the next value of the outermost object is the list of findings.
    at_findings: bool,
    /// The number of fields of the outermost object.
    fields: u32,
    /// The number of bytes that were scanned.
    scanned: usize,
}

/// The result for the bytes so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// The value continues.
    More,
    /// The value ends after this number of bytes.
    Whole(usize),
    /// The value is an object with a list of findings, whose entries begin after this number of bytes.
    Findings(usize),
    /// The value is not valid JSON.
    Broken(&'static str),
}

/// The value of `last` after a string, a number, or a literal.
const AFTER_SCALAR: u8 = b'0';
/// The name of the field with a list of findings, in any case: Security Hub's own API writes `Findings`.
const FINDINGS: &[u8] = b"findings";

impl ValueScan {
    /// The number of bytes that were scanned so far, for a message.
    pub(super) fn scanned(&self) -> usize {
        self.scanned
    }

    /// Whether the outermost object has other fields than its list of findings, as far as it was scanned.
    pub(super) fn has_other_fields(&self) -> bool {
        self.fields > 1
    }

    /// Continues after the list of findings, which was the field's value. The bytes so far are no longer in the window.
    pub(super) fn after_findings(&mut self) {
        (self.scanned, self.at_findings, self.last) = (0, false, AFTER_SCALAR);
    }

    /// Discards the bytes that were scanned, unless some of them are still needed. Returns their number.
    pub(super) fn pass(&mut self) -> usize {
        if self.name_at > 0 { 0 } else { std::mem::take(&mut self.scanned) }
    }

    /// Continues in `bytes`, which begin with the opening bracket and contain at least the bytes of the previous call.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> Scanned {
        let mut at = self.scanned;
        loop {
            if self.in_text {
                match skip_text(bytes, at) {
                    Text::Ends(next) => at = next,
                    Text::Continues(next) => {
                        self.scanned = next;
                        return Scanned::More;
                    }
                    Text::LineBreak(found) => {
                        self.scanned = found;
                        return Scanned::Broken("a string contains an unescaped line break");
                    }
                }
                self.in_text = false;
                if self.name_at > 0 {
                    self.at_findings = is_findings(&bytes[self.name_at..at - 1]);
                    self.name_at = 0;
                }
            }
            let Some(step) = self.skip_to_text(bytes, &mut at) else {
                self.scanned = bytes.len();
                return Scanned::More;
            };
            match step {
                Scanned::More => {}
                done => {
                    self.scanned = at;
                    return done;
                }
            }
        }
    }

    /// Scans from `at`, which is outside of strings, to the next quote or to the end of the value.
    fn skip_to_text(&mut self, bytes: &[u8], at: &mut usize) -> Option<Scanned> {
        while let Some(&byte) = bytes.get(*at) {
            *at += 1;
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => {
                    // Prowler indents by up to 24 spaces, so eight are skipped at a time.
                    while bytes[*at..].starts_with(b"        ") {
                        *at += 8;
                    }
                }
                b'"' => {
                    if self.depth == 1 && self.last != b':' {
                        self.begin_name(bytes, *at);
                    }
                    self.in_text = true;
                    self.last = AFTER_SCALAR;
                    return Some(Scanned::More);
                }
                b'[' if self.at_findings && self.depth == 1 && self.last == b':' => {
                    return Some(Scanned::Findings(*at));
                }
                b'{' | b'[' => {
                    if let Err(why) = self.open(byte) {
                        return Some(Scanned::Broken(why));
                    }
                }
                b'}' | b']' => {
                    if self.depth == 0 || (self.objects & 1 == 1) != (byte == b'}') {
                        return Some(Scanned::Broken("unexpected closing bracket"));
                    }
                    self.objects >>= 1;
                    self.depth -= 1;
                    if self.depth == 0 {
                        return Some(Scanned::Whole(*at));
                    }
                    self.last = AFTER_SCALAR;
                }
                b',' | b':' => self.last = byte,
                _ => self.last = AFTER_SCALAR,
            }
        }
        None
    }

    /// Begins a string that may be the name of a field of the outermost object.
    fn begin_name(&mut self, bytes: &[u8], at: usize) {
        self.at_findings = false;
        self.fields = self.fields.saturating_add(1);
        let may_be = bytes.get(at).is_none_or(|first| matches!(first, b'f' | b'F' | b'\\'));
        if may_be && self.objects & 1 == 1 {
            self.name_at = at;
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), &'static str> {
        let is_allowed = match (self.depth, self.objects & 1 == 1) {
            (0, _) => true,
            (_, true) => self.last == b':',
            (_, false) => matches!(self.last, b'[' | b','),
        };
        if !is_allowed {
            return Err("unexpected opening bracket");
        }
        if self.depth == DEPTH_MAX {
            return Err("objects and arrays are nested more than 128 levels deep");
        }
        self.objects = self.objects << 1 | u128::from(bracket == b'{');
        self.depth += 1;
        self.last = bracket;
        Ok(())
    }
}

/// Whether a field's name, without its quotes, is that of a list of findings.
fn is_findings(name: &[u8]) -> bool {
    if name.eq_ignore_ascii_case(FINDINGS) {
        return true;
    }
    // With escape sequences, each letter can have up to six bytes.
    let escaped = name.contains(&b'\\') && name.len() <= FINDINGS.len() * 6;
    escaped
        && std::str::from_utf8(name).is_ok_and(|name| {
            let name: Result<String, _> = serde_json::from_str(&format!("\"{name}\""));
            name.is_ok_and(|name| name.as_bytes().eq_ignore_ascii_case(FINDINGS))
        })
}

/// The result of a search for the end of a string.
enum Text {
    /// The string ends before this index.
    Ends(usize),
    /// The string continues; the search continues at this index.
    Continues(usize),
    /// The string has a raw line break at this index, which is invalid.
    LineBreak(usize),
}

fn skip_text(bytes: &[u8], mut at: usize) -> Text {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr3(b'"', b'\\', b'\n', rest)) {
        let found = at + found;
        match bytes[found] {
            b'"' => return Text::Ends(found + 1),
            b'\n' => return Text::LineBreak(found),
            // The escaped character doesn't matter, but must be available.
            _ if found + 1 == bytes.len() => return Text::Continues(found),
            _ => at = found + 2,
        }
    }
    Text::Continues(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Scanned {
        ValueScan::default().advance(text.as_bytes())
    }

    #[test]
    fn a_value_ends_at_its_own_bracket() {
        for value in [r"{}", r#"{"a":[1,{"b":"}]"}],"c":"\\"}"#, r#"["\"]",[]]"#, r#"{"a" : "\u0000é"}"#] {
            assert_eq!(scan(&format!("{value},{{")), Scanned::Whole(value.len()), "{value}");
        }
    }

    #[test]
    fn an_object_with_findings_is_detected_by_its_own_field_name() {
        for head in [r#"{"Findings":["#, r#"{"a":{"x":[1]},"FINDINGS" : ["#, r#"{"a":"findings","f\u0069ndings":["#] {
            for cut in 0..head.len() {
                let mut scan = ValueScan::default();
                assert_eq!(scan.advance(&head.as_bytes()[..cut]), Scanned::More, "{head} {cut}");
                assert_eq!(scan.advance(head.as_bytes()), Scanned::Findings(head.len()), "{head} {cut}");
            }
        }
        for other in [r#"{"a":{"findings":[]}}"#, r#"{"findings":"x","b":[]}"#, r#"{"a":"findings","b":[]}"#] {
            assert_eq!(scan(other), Scanned::Whole(other.len()), "{other}");
        }
    }

    #[test]
    fn any_two_chunks_have_the_same_result() {
        let text = r#"{"a\\\"":[1,{"b":"}]\\"}],"c":"\""}"#;
        for cut in 0..text.len() {
            let mut scan = ValueScan::default();
            assert_eq!(scan.advance(&text.as_bytes()[..cut]), Scanned::More, "{cut}");
            assert_eq!(scan.advance(text.as_bytes()), Scanned::Whole(text.len()), "{cut}");
        }
    }

    #[test]
    fn damage_is_detected_where_it_is() {
        for broken in [r#"{"a": {"b": 1},{"a": 2}"#, r#"{"a": [1}"#, "{\"a\": \"b,\n", r#"{"a" {"#, r#"[1 {"#] {
            assert!(matches!(scan(broken), Scanned::Broken(_)), "{broken}");
        }
        assert!(matches!(scan(&"[".repeat(10_000)), Scanned::Broken(_)));
        assert_eq!(scan(&"[".repeat(128)), Scanned::More);
    }
}
