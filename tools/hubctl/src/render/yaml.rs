//! Writes and parses YAML. Errors of the parser name the line; a duplicate key is an error.

use std::io;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::hidden;

/// A value as YAML, with line ends and without folding, so that it can be copied and searched. If a character must be escaped,
/// the document is JSON, which is also YAML.
pub(crate) fn text(value: &impl Serialize) -> io::Result<String> {
    let options = serde_saphyr::ser_options! { prefer_block_scalars: false, compact_list_indent: false };
    let mut text = serde_saphyr::to_string_with_options(value, options).map_err(io::Error::other)?;
    if hidden::hides_something(&text) {
        text = hidden::escaped_yaml(&serde_json::to_string_pretty(value)?).into_owned();
    }
    if !text.ends_with('\n') {
        text.push('\n');
    }
    Ok(text)
}

/// Parses a YAML document. JSON is also YAML.
///
/// # Errors
///
/// If the document doesn't match the type; the message states where and why.
pub(crate) fn parse<T: DeserializeOwned>(document: &str) -> Result<T, String> {
    serde_saphyr::from_str(document).map_err(|error| error.without_snippet().to_string())
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use serde_json::{Value, json};

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Named {
        id: String,
    }

    #[test]
    fn written_yaml_parses_to_the_same_value() {
        let value = json!({
            "id": "012345678901", "list": ["a: b", "yes", "1e3", ""], "none": null, "map": { "empty": {}, "number": 3 },
            "long": "arn:aws:iam::123456789012:role/".repeat(9), "lines": "one\ntwo\n", "words": "word ".repeat(40),
        });
        assert_eq!(parse::<Value>(&text(&value).unwrap()).unwrap(), value, "{}", text(&value).unwrap());
    }

    #[test]
    fn hidden_characters_are_escaped_and_parsed_again() {
        let value = json!({ "alias": "a\u{202e}b\u{e0041}\u{1b}\u{1d173}", "role": { "arn": null } });
        let text = text(&value).unwrap();
        assert!(text.is_ascii() && text.contains("a\\U0000202eb"), "{text}");
        assert_eq!(parse::<Value>(&text).unwrap(), value, "{text}");
    }

    #[test]
    fn an_account_id_does_not_need_quotes() {
        assert_eq!(parse::<Named>("id: 012345678901").unwrap().id, "012345678901");
        assert_eq!(parse::<Named>("id: 123456789012").unwrap().id, "123456789012");
    }

    #[test]
    fn an_invalid_document_is_reported_with_its_line() {
        let wrong = parse::<Named>("id: a\nname: b\n").unwrap_err();
        assert!(wrong.contains("line 2") && wrong.contains("name"), "{wrong}");
        assert!(wrong.lines().count() == 1 && !wrong.contains("error:"), "{wrong}");
        assert!(parse::<Named>("id: a\nid: b\n").unwrap_err().contains("id"));
        assert!(parse::<Named>("id: &a [*a]").is_err());
    }
}
