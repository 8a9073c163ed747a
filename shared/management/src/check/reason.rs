//! Validates the reason for a job or a deletion.

use super::provider::is_invisible;
use crate::problem::ApiError;

/// Maximum number of characters of a reason: a sentence or two, and a link to a ticket.
pub const REASON_CHARS_MAX: usize = 500;

/// Validates a reason from a body or a parameter.
///
/// # Errors
///
/// If it is blank, too long, or has characters that are not allowed.
pub fn reason(text: Option<String>) -> Result<Option<String>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let fits = (1..=REASON_CHARS_MAX).contains(&text.chars().count());
    if !fits || text.trim().is_empty() || text.chars().any(is_invisible) {
        let message = format!(
            "must have 1 to {REASON_CHARS_MAX} characters on one line and not be blank; control, invisible, and bidirectional \
             characters are not allowed"
        );
        return Err(ApiError::field("reason", message));
    }
    Ok(Some(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_line_of_visible_characters() {
        let accepts = |text: &str| reason(Some(text.to_owned())).is_ok();
        assert_eq!(reason(None).unwrap(), None);
        assert!(accepts("x") && accepts("SEC-42: die Konten sind geschlossen, <b>siehe</b> Ticket 🤷‍♀️"));
        assert!(accepts(&"ü".repeat(REASON_CHARS_MAX)) && !accepts(&"ü".repeat(REASON_CHARS_MAX + 1)));
        for wrong in ["", "  ", "two\nlines", "tab\t", "\u{1b}[31mred", "\u{202e}turned", "\u{0}", "\u{85}"] {
            assert!(!accepts(wrong), "{wrong:?}");
        }
    }
}
