//! Validates providers.

use exporter::model::provider::{Provider, ProviderId};

use super::{Errors, schedule};
use crate::problem::ApiError;
use crate::wire::ProviderPatch;

/// Maximum number of characters of an alias, so that it fits in a table column and an email subject.
const ALIAS_CHARS_MAX: usize = 128;

/// Error message for an invalid provider ID.
pub(super) const ID_FORM: &str = "must be a 12-digit account ID, or an organization ID such as o-a1b2c3d4e5";

/// Parses a provider ID.
///
/// # Errors
///
/// If it is neither an account ID nor an organization ID.
pub fn provider_id(field: &str, text: &str) -> Result<ProviderId, ApiError> {
    text.parse().map_err(|_| ApiError::field(field, ID_FORM))
}

/// Validates the settings, and applies them to a provider.
///
/// # Errors
///
/// Lists all invalid fields.
pub fn provider(before: Provider, settings: &ProviderPatch) -> Result<Provider, ApiError> {
    let mut errors = Errors::default();
    if let Some(text) = &settings.alias {
        alias(text, &mut errors);
    }
    if let Some(text) = &settings.scan_schedule
        && let Err(message) = schedule(text)
    {
        errors.add("scan_schedule", message);
    }
    let scan_schedule = settings.scan_schedule.clone();
    errors.into_result(Provider { alias: settings.alias.clone(), scan_schedule, ..before })
}

/// Validates an alias.
pub fn alias(text: &str, errors: &mut Errors) {
    let has_valid_length = (1..=ALIAS_CHARS_MAX).contains(&text.chars().count());
    if !has_valid_length || text.trim().is_empty() || text.chars().any(is_invisible) {
        let message = format!(
            "must have 1 to {ALIAS_CHARS_MAX} characters on one line and not be blank; control, invisible, and bidirectional \
             characters are not allowed"
        );
        errors.add("alias", message);
    }
}

/// Whether a character is invisible: control characters, line separators, and format characters (Unicode, category Cf). They can
/// make a name look like another one, or reorder adjacent text in a table or an email. U+200C and U+200D are allowed, because
/// Persian and emoji require them.
pub(super) fn is_invisible(letter: char) -> bool {
    let is_format = matches!(letter,
        '\u{ad}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}'..='\u{891}' | '\u{8e2}'
        | '\u{180e}' | '\u{200b}' | '\u{200e}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0001}'..='\u{e007f}');
    letter.is_control() || is_format
}
