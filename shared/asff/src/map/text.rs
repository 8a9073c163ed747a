//! Shortens texts to a number of characters. As in Security Hub and Prowler, a character is a Unicode code point.

/// Whether `text` has at most `chars_max` characters.
pub(super) fn fits(text: &str, chars_max: usize) -> bool {
    text.len() <= chars_max || text.chars().nth(chars_max).is_none()
}

/// The first `chars_max` characters.
pub(super) fn cut(text: &str, chars_max: usize) -> &str {
    if text.len() <= chars_max {
        return text;
    }
    text.char_indices().nth(chars_max).map_or(text, |(end, _)| &text[..end])
}

/// The text, shortened with `...` to at most `chars_max` characters.
pub(super) fn ellipsis(text: &str, chars_max: usize) -> String {
    if fits(text, chars_max) {
        return text.to_owned();
    }
    [cut(text, chars_max - "...".len()), "..."].concat()
}

/// Whether Security Hub regards a text as empty.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(char::is_whitespace)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_shortened_between_characters() {
        let text = "日本語✓".repeat(100);
        assert_eq!(cut(&text, 5), "日本語✓日");
        assert!(fits(&text, 400) && !fits(&text, 399));
        assert_eq!(ellipsis(&text, 400), text);
        assert_eq!(ellipsis(&text, 6), "日本語...");
        assert_eq!(cut("", 3), "");
    }
}
