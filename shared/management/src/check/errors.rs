//! All that is wrong with what was sent, field by field.

use serde::de::DeserializeOwned;

use crate::problem::{ApiError, FieldError};

/// What is wrong so far.
#[derive(Debug, Default)]
pub struct Errors(Vec<FieldError>);

impl Errors {
    /// Notes what is wrong with a field.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    /// The value, if nothing was wrong.
    ///
    /// # Errors
    ///
    /// All that was wrong.
    pub fn end<T>(self, value: T) -> Result<T, ApiError> {
        if self.0.is_empty() { Ok(value) } else { Err(ApiError::Invalid(self.0)) }
    }

    /// Two values, or all that is wrong with either.
    ///
    /// # Errors
    ///
    /// The errors of both; whatever else is wrong comes first.
    pub fn both<A, B>(left: Result<A, ApiError>, right: Result<B, ApiError>) -> Result<(A, B), ApiError> {
        match (left, right) {
            (Ok(left), Ok(right)) => Ok((left, right)),
            (Err(ApiError::Invalid(mut errors)), Err(ApiError::Invalid(more))) => {
                errors.extend(more);
                Err(ApiError::Invalid(errors))
            }
            (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
        }
    }

    /// All that was wrong.
    pub(super) fn refusal(self) -> ApiError {
        ApiError::Invalid(self.0)
    }

    /// A word that a setting may be. None where none, or another, is given.
    pub(super) fn word<T: DeserializeOwned>(&mut self, field: &str, text: Option<&str>, words: &str) -> Option<T> {
        let parsed = serde_json::from_value(text?.into());
        if parsed.is_err() {
            self.add(field, format!("must be {words}"));
        }
        parsed.ok()
    }
}
