//! Quotes the words of printed commands for a shell.

/// A word, quoted for a shell if required.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./:@%+,=".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_is_one_word() {
        assert_eq!(quoted("s3://bucket/prefix"), "s3://bucket/prefix");
        assert_eq!(quoted("it's here"), r"'it'\''s here'");
    }
}
