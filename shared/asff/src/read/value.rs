//! Finds where one JSON value ends, over any number of calls, without understanding it.
//!
//! Brackets must match and stand where a value may stand, and a text holds no raw line break: damage shows where it is, not
//! at the end of the file.

use memchr::memchr3;

/// Objects and arrays within each other: what `serde_json` takes as well. Prowler's deepest are about 20.
const DEPTH_MAX: u32 = 128;

/// The place within one value.
#[derive(Debug, Default)]
pub(super) struct ValueScan {
    /// One bit for each open bracket, the innermost lowest: 1 for an object.
    objects: u128,
    depth: u32,
    /// The last byte that was neither a space nor within a text: where a value may stand follows from it.
    last: u8,
    in_text: bool,
    /// Where a name of the outermost object's field begins that can be that of a list of findings, while it is read; otherwise 0,
    /// which is before any.
    name_at: usize,
    /// The field of the outermost object whose value comes next is the list of findings.
    at_findings: bool,
    /// Bytes that were checked.
    scanned: usize,
}

/// What the bytes so far say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scanned {
    /// The value continues.
    More,
    /// It is these many bytes long.
    Whole(usize),
    /// It is an object around a list of findings, which begins behind these many bytes.
    Findings(usize),
    /// It cannot be JSON.
    Broken(&'static str),
}

/// `last` after a text, a number or a word.
const AFTER_SCALAR: u8 = b'0';
/// The field of an object that holds a list of findings, in any case: Security Hub's own API writes `Findings`.
const FINDINGS: &[u8] = b"findings";

impl ValueScan {
    /// Bytes that were checked so far, for a message.
    pub(super) fn scanned(&self) -> usize {
        self.scanned
    }

    /// Goes on behind the list of findings, which is the next field's value: nothing of it is in the bytes any more.
    pub(super) fn after_findings(&mut self) {
        (self.scanned, self.at_findings, self.last) = (0, false, AFTER_SCALAR);
    }

    /// Gives up the bytes that were checked, if none of them is needed any more; how many they are.
    pub(super) fn pass(&mut self) -> usize {
        if self.name_at > 0 { 0 } else { std::mem::take(&mut self.scanned) }
    }

    /// Goes on in `bytes`, which begin with the opening bracket and are at least as many as the last time.
    pub(super) fn go_on(&mut self, bytes: &[u8]) -> Scanned {
        let mut at = self.scanned;
        loop {
            if self.in_text {
                match skip_text(bytes, at) {
                    Text::Ends(next) => at = next,
                    Text::GoesOn(next) => {
                        self.scanned = next;
                        return Scanned::More;
                    }
                    Text::LineBreak(found) => {
                        self.scanned = found;
                        return Scanned::Broken("a text holds a raw line break");
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

    /// From `at` outside of texts to behind the next quote, or to the end of the value.
    fn skip_to_text(&mut self, bytes: &[u8], at: &mut usize) -> Option<Scanned> {
        while let Some(&byte) = bytes.get(*at) {
            *at += 1;
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => {
                    // Prowler indents by up to 24 spaces: eight at once.
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
                        return Some(Scanned::Broken("a bracket closes that was not opened"));
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

    /// At a text that may be the name of a field of the outermost object.
    fn begin_name(&mut self, bytes: &[u8], at: usize) {
        self.at_findings = false;
        let may_be = bytes.get(at).is_none_or(|first| matches!(first, b'f' | b'F' | b'\\'));
        if may_be && self.objects & 1 == 1 {
            self.name_at = at;
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), &'static str> {
        let may_stand_here = match (self.depth, self.objects & 1 == 1) {
            (0, _) => true,
            (_, true) => self.last == b':',
            (_, false) => matches!(self.last, b'[' | b','),
        };
        if !may_stand_here {
            return Err("a bracket opens where no value can stand");
        }
        if self.depth == DEPTH_MAX {
            return Err("objects and arrays lie more than 128 deep within each other");
        }
        self.objects = self.objects << 1 | u128::from(bracket == b'{');
        self.depth += 1;
        self.last = bracket;
        Ok(())
    }
}

/// Whether a field's name, as it is between its quotes, is that of a list of findings.
fn is_findings(name: &[u8]) -> bool {
    if name.eq_ignore_ascii_case(FINDINGS) {
        return true;
    }
    // With escapes, each letter takes up to six bytes.
    let escaped = name.contains(&b'\\') && name.len() <= FINDINGS.len() * 6;
    escaped
        && std::str::from_utf8(name).is_ok_and(|name| {
            let name: Result<String, _> = serde_json::from_str(&format!("\"{name}\""));
            name.is_ok_and(|name| name.as_bytes().eq_ignore_ascii_case(FINDINGS))
        })
}

/// What lies between a place within a text and its end.
enum Text {
    /// It ends before this index.
    Ends(usize),
    /// It continues; look again from this index.
    GoesOn(usize),
    /// It holds what no JSON text may hold, at this index.
    LineBreak(usize),
}

fn skip_text(bytes: &[u8], mut at: usize) -> Text {
    while let Some(found) = bytes.get(at..).and_then(|rest| memchr3(b'"', b'\\', b'\n', rest)) {
        let found = at + found;
        match bytes[found] {
            b'"' => return Text::Ends(found + 1),
            b'\n' => return Text::LineBreak(found),
            // What is escaped does not matter, but it must be there.
            _ if found + 1 == bytes.len() => return Text::GoesOn(found),
            _ => at = found + 2,
        }
    }
    Text::GoesOn(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Scanned {
        ValueScan::default().go_on(text.as_bytes())
    }

    #[test]
    fn a_value_ends_at_its_own_bracket() {
        for value in [r"{}", r#"{"a":[1,{"b":"}]"}],"c":"\\"}"#, r#"["\"]",[]]"#, r#"{"a" : "\u0000é"}"#] {
            assert_eq!(scan(&format!("{value},{{")), Scanned::Whole(value.len()), "{value}");
        }
    }

    #[test]
    fn an_object_around_findings_shows_by_the_name_of_its_own_field() {
        for head in [r#"{"Findings":["#, r#"{"a":{"x":[1]},"FINDINGS" : ["#, r#"{"a":"findings","f\u0069ndings":["#] {
            for cut in 0..head.len() {
                let mut scan = ValueScan::default();
                assert_eq!(scan.go_on(&head.as_bytes()[..cut]), Scanned::More, "{head} {cut}");
                assert_eq!(scan.go_on(head.as_bytes()), Scanned::Findings(head.len()), "{head} {cut}");
            }
        }
        for other in [r#"{"a":{"findings":[]}}"#, r#"{"findings":"x","b":[]}"#, r#"{"a":"findings","b":[]}"#] {
            assert_eq!(scan(other), Scanned::Whole(other.len()), "{other}");
        }
    }

    #[test]
    fn any_two_pieces_give_the_same_end() {
        let text = r#"{"a\\\"":[1,{"b":"}]\\"}],"c":"\""}"#;
        for cut in 0..text.len() {
            let mut scan = ValueScan::default();
            assert_eq!(scan.go_on(&text.as_bytes()[..cut]), Scanned::More, "{cut}");
            assert_eq!(scan.go_on(text.as_bytes()), Scanned::Whole(text.len()), "{cut}");
        }
    }

    #[test]
    fn damage_shows_where_it_is() {
        for broken in [r#"{"a": {"b": 1},{"a": 2}"#, r#"{"a": [1}"#, "{\"a\": \"b,\n", r#"{"a" {"#, r#"[1 {"#] {
            assert!(matches!(scan(broken), Scanned::Broken(_)), "{broken}");
        }
        assert!(matches!(scan(&"[".repeat(10_000)), Scanned::Broken(_)));
        assert_eq!(scan(&"[".repeat(128)), Scanned::More);
    }
}
