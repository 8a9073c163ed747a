//! Takes out of an entry what must not leave the scan's bucket.
//!
//! `resources[].data` of a scan holds what Prowler saw of a resource, such as environment variables with secrets in them. What
//! is kept of an entry that cannot be sent is kept without it. Of damaged JSON, where nobody can tell where a `data` ends,
//! only what stands before the first one is kept.

use memchr::memmem;

/// The beginning of a damaged `entry`, up to its first `data` field.
pub(crate) fn before_data(entry: &[u8]) -> &[u8] {
    &entry[..memmem::find(entry, b"\"data\"").unwrap_or(entry.len())]
}

/// What stands for what was taken out.
const NOTHING: &[u8] = b"null";

/// The sound `entry` with the value of every `data` field replaced by `instead`, or by `null`.
pub(crate) fn without_data(entry: &[u8], instead: Option<&[u8]>) -> Vec<u8> {
    let finder = memmem::Finder::new(b"\"data\"");
    let mut kept = Vec::with_capacity(entry.len());
    let mut rest = entry;
    while let Some(found) = finder.find(rest) {
        let key_end = found + b"\"data\"".len();
        let blanks = |from: usize| rest[from..].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        let colon = key_end + blanks(key_end);
        if rest.get(colon) != Some(&b':') {
            kept.extend_from_slice(&rest[..key_end]);
            rest = &rest[key_end..];
            continue;
        }
        let value = colon + 1 + blanks(colon + 1);
        kept.extend_from_slice(&rest[..value]);
        kept.extend_from_slice(instead.unwrap_or(NOTHING));
        rest = value_end(&rest[value..]).map_or(&[], |length| &rest[value + length..]);
    }
    kept.extend_from_slice(rest);
    kept
}

/// Bytes of the value that `bytes` begin with, if it ends.
fn value_end(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => at = text_end(bytes, at + 1)?,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' | b',' if depth == 0 => return Some(at),
            b'}' | b']' => {
                depth -= 1;
                at += 1;
            }
            _ => at += 1,
        }
        if depth == 0 && matches!(byte, b'}' | b']' | b'"') {
            return Some(at);
        }
    }
    None
}

fn text_end(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += memchr::memchr2(b'"', b'\\', bytes.get(at..)?)?;
        if bytes[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(entry: &str) -> String {
        String::from_utf8(without_data(entry.as_bytes(), None)).unwrap()
    }

    #[test]
    fn no_secret_leaves_its_place_data_of_a_resource_is_taken_out() {
        let entry = r#"{"uid":"a","data" : {"metadata":{"env":{"PASSWORD":"se}cr\"et"}}},"b":["data"]}"#;
        assert_eq!(redacted(entry), r#"{"uid":"a","data" : null,"b":["data"]}"#);
        assert_eq!(redacted(r#"{"data":"secret","x":1}"#), r#"{"data":null,"x":1}"#);
        assert_eq!(redacted(r#"{"data":17}"#), r#"{"data":null}"#);
    }

    #[test]
    fn no_secret_leaves_its_place_a_damaged_entry_is_kept_up_to_its_data() {
        let entry = br#"{"uid":"a,"data":{"a":"secret"},"x":"more"#;
        assert_eq!(before_data(entry), br#"{"uid":"a,"#);
        assert_eq!(before_data(b"{\"a\""), b"{\"a\"");
    }
}
