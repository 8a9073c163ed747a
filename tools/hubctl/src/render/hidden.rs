//! Characters that a terminal hides, or that reorder the text around them: control characters, bidirectional controls, other
//! format characters, and zero-width characters. They are escaped in all output, so that users see what a value contains.

use std::borrow::Cow;

/// Ranges of such characters beyond the control characters, ascending.
///
/// Source: the Unicode Character Database 16.0, the categories Cf, Zl and Zp (UnicodeData.txt), and the property
/// `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt).
const HIDDEN: [(char, char); 25] = [
    ('\u{ad}', '\u{ad}'),
    ('\u{34f}', '\u{34f}'),
    ('\u{600}', '\u{605}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{6dd}', '\u{6dd}'),
    ('\u{70f}', '\u{70f}'),
    ('\u{890}', '\u{891}'),
    ('\u{8e2}', '\u{8e2}'),
    ('\u{115f}', '\u{1160}'),
    ('\u{17b4}', '\u{17b5}'),
    ('\u{180b}', '\u{180f}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{3164}', '\u{3164}'),
    ('\u{fe00}', '\u{fe0f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{ffa0}', '\u{ffa0}'),
    ('\u{fff0}', '\u{fffb}'),
    ('\u{110bd}', '\u{110bd}'),
    ('\u{110cd}', '\u{110cd}'),
    ('\u{13430}', '\u{1343f}'),
    ('\u{1bca0}', '\u{1bca3}'),
    ('\u{1d173}', '\u{1d17a}'),
    ('\u{e0000}', '\u{e0fff}'),
];

/// Whether a terminal would hide or interpret a character.
pub(super) fn is_hidden(letter: char) -> bool {
    // Most text is ASCII.
    if letter.is_ascii() {
        return letter.is_ascii_control();
    }
    letter.is_control() || HIDDEN.iter().any(|(first, last)| (*first..=*last).contains(&letter))
}

/// Escapes such characters as `\u{202e}`, except those in `kept`.
pub(super) fn escaped<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    replaced(text, |letter| is_hidden(letter) && !kept.contains(&letter), |letter| letter.escape_unicode().to_string())
}

/// Escapes lines of output. Color codes are preserved if colors are enabled.
pub(super) fn escaped_lines(text: &str, color: bool) -> Cow<'_, str> {
    const KEPT: [char; 2] = ['\n', '\t'];
    if !color {
        return escaped(text, &KEPT);
    }
    let mut parts = text.split("\u{1b}[");
    let mut out = escaped(parts.next().unwrap_or_default(), &KEPT).into_owned();
    for part in parts {
        // ECMA-48, "Select Graphic Rendition": numbers and semicolons, then m.
        let end = part.find(|letter: char| !letter.is_ascii_digit() && letter != ';');
        let is_color = end.is_some_and(|end| part[end..].starts_with('m'));
        out.push_str(if is_color { "\u{1b}[" } else { "\\u{1b}[" });
        out.push_str(&escaped(part, &KEPT));
    }
    Cow::Owned(out)
}

/// Escapes such characters in a JSON document; its value is unchanged. Outside of strings, JSON contains none of them except line
/// ends.
pub(crate) fn escaped_json(json: &str) -> Cow<'_, str> {
    replaced(json, is_hidden_in_json, |letter| {
        let mut units = [0; 2];
        letter.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
    })
}

/// Like [`escaped_json`], for a YAML document in the form of JSON: YAML has no escapes for surrogate pairs.
pub(super) fn escaped_yaml(json: &str) -> Cow<'_, str> {
    replaced(json, is_hidden_in_json, |letter| format!("\\U{:08x}", u32::from(letter)))
}

/// Whether text has such a character other than a line end.
pub(super) fn hides_something(text: &str) -> bool {
    text.chars().any(is_hidden_in_json)
}

fn is_hidden_in_json(letter: char) -> bool {
    letter != '\n' && is_hidden(letter)
}

fn replaced(text: &str, is_it: impl Fn(char) -> bool, with: impl Fn(char) -> String) -> Cow<'_, str> {
    if !text.chars().any(&is_it) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_it(letter) { out.push_str(&with(letter)) } else { out.push(letter) }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One of each kind: a bidirectional override, an isolate, a mark, a zero-width character, a tag, a filler, a selector, and
    /// others.
    const EACH: &str = "\u{202e}\u{2066}\u{61c}\u{200b}\u{e0041}\u{3164}\u{fe0f}\u{ad}\u{2028}\u{85}\u{7f}\u{1b}";

    #[test]
    fn hidden_and_reordering_characters_are_escaped() {
        assert_eq!(escaped("a\u{202e}b\u{1b}[2J", &[]), "a\\u{202e}b\\u{1b}[2J");
        for letter in EACH.chars() {
            let shown = escaped(&letter.to_string(), &['\n']).into_owned();
            assert!(shown.is_ascii() && shown.starts_with("\\u{"), "{shown}");
        }
        let seen = "Zürich, 東京, עברית, हिन्दी, e\u{301}, 🦀, a\\b";
        assert_eq!(escaped(seen, &[]), seen, "visible characters are unchanged");
        assert_eq!(escaped("one\ntwo", &['\n']), "one\ntwo");
    }

    #[test]
    fn only_color_codes_are_preserved() {
        assert_eq!(escaped_lines("\u{1b}[1;31mbad\u{1b}[0m\n", true), "\u{1b}[1;31mbad\u{1b}[0m\n");
        assert_eq!(escaped_lines("\u{1b}[2Jx\u{1b}]0;t\u{7}\u{1b}[31", true), "\\u{1b}[2Jx\\u{1b}]0;t\\u{7}\\u{1b}[31");
        assert_eq!(escaped_lines("\u{1b}[31mbad", false), "\\u{1b}[31mbad");
    }

    #[test]
    fn a_document_keeps_its_value() {
        let value = serde_json::json!({ "text": EACH, "clef": "\u{1d173}", "plain": "ü\n" });
        let json = escaped_json(&serde_json::to_string_pretty(&value).unwrap()).into_owned();
        assert!(!hides_something(&json), "{json}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&json).unwrap(), value);
    }
}
