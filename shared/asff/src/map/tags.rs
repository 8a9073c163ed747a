//! Separates a tag's key from its value.
//!
//! Prowler writes tags as `key:value`, and both parts may contain colons. If the scan also contains the resource's own list of
//! tags, that determines the key.

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::read::TagKeys;
use crate::resource_tags::{aws_key, is_ambiguous, is_joined, known_tags};

/// A tag.
pub(super) type Tag<'a> = (Cow<'a, str>, Cow<'a, str>);

/// Splits labels of the form `key:value` according to the resource's own tags, or else to the keys that the scan contained
/// before.
pub(super) fn from_labels<'a>(labels: Vec<Cow<'a, str>>, data: Option<&RawValue>, keys: &TagKeys) -> Vec<Tag<'a>> {
    let ambiguous = labels.iter().any(|label| is_ambiguous(label));
    let known = if ambiguous { data.map(known_tags).unwrap_or_default() } else { Vec::new() };
    labels.into_iter().map(|label| split_label(label, &known, keys)).collect()
}

/// Splits `key=value | key=value`.
pub(super) fn from_cell(cell: &str) -> Vec<Tag<'_>> {
    if cell.is_empty() {
        return Vec::new();
    }
    // A value may contain ` | `: a part without `=` belongs to the previous tag.
    let mut tags: Vec<Tag<'_>> = Vec::new();
    for part in cell.split(" | ") {
        match (part.split_once('='), tags.last_mut()) {
            (Some((key, value)), _) => tags.push((key.into(), value.into())),
            (None, Some((_, value))) => {
                let value = value.to_mut();
                value.push_str(" | ");
                value.push_str(part);
            }
            (None, None) => tags.push((part.into(), "".into())),
        }
    }
    tags
}

fn split_label<'a>(label: Cow<'a, str>, known: &[(String, String)], keys: &TagKeys) -> Tag<'a> {
    let place = if is_ambiguous(&label) {
        known
            .iter()
            .find(|(key, value)| is_joined(&label, key, value))
            .map(|(key, _)| key.len())
            .or_else(|| keys.key_of(&label).map(str::len))
            .or_else(|| aws_key(&label))
            .or_else(|| label.find(':'))
    } else {
        label.find(':')
    };
    let Some(place) = place else { return (label, "".into()) };
    match label {
        Cow::Borrowed(label) => (label[..place].into(), label[place + 1..].into()),
        Cow::Owned(label) => (label[..place].to_owned().into(), label[place + 1..].to_owned().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(label: &str, tags: &str) -> (String, String) {
        let data = format!(r#"{{"details":"","metadata":{{"secret":"x","tags":{tags}}}}}"#);
        let data = serde_json::value::RawValue::from_string(data).unwrap();
        let (key, value) = from_labels(vec![label.into()], Some(&data), &TagKeys::default()).remove(0);
        (key.into_owned(), value.into_owned())
    }

    #[test]
    fn keys_with_colons_are_split_correctly_if_the_scan_lists_the_tags() {
        let label = "cost:center:a:b=c|d";
        let expected = ("cost:center".to_owned(), "a:b=c|d".to_owned());
        for tags in [
            r#"[{"Key":"x","Value":"y"},{"Key":"cost:center","Value":"a:b=c|d"}]"#,
            r#"[{"key":"cost:center","value":"a:b=c|d"}]"#,
            r#"[{"x":"y","cost:center":"a:b=c|d"}]"#,
            r#"{"cost:center":"a:b=c|d"}"#,
        ] {
            assert_eq!(split(label, tags), expected, "{tags}");
        }
        for tags in ["null", "[]", "[7]", r#"[{"Key":"cost:center","Value":"other"}]"#, "\"x\""] {
            assert_eq!(split(label, tags), ("cost".to_owned(), "center:a:b=c|d".to_owned()));
        }
    }

    #[test]
    fn keys_that_aws_sets_are_recognized_by_their_form() {
        let (key, value) = split("aws:cloudformation:stack-id:arn:aws:x", "null");
        assert_eq!((key.as_str(), value.as_str()), ("aws:cloudformation:stack-id", "arn:aws:x"));
        let (key, value) = split("plain", "null");
        assert_eq!((key.as_str(), value.as_str()), ("plain", ""));
    }

    #[test]
    fn tags_in_cells_are_split_at_equal_signs() {
        let tags = from_cell("a=b | cost:center=a:b=c|d | empty= | e=f | g");
        let tags: Vec<(&str, &str)> = tags.iter().map(|(key, value)| (&**key, &**value)).collect();
        assert_eq!(tags, [("a", "b"), ("cost:center", "a:b=c|d"), ("empty", ""), ("e", "f | g")]);
        assert!(from_cell("").is_empty());
    }
}
