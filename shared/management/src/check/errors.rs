//! Collects validation errors by field.

use crate::problem::{ApiError, FieldError};

/// The errors that were found so far.
#[derive(Debug, Default)]
pub struct Errors(Vec<FieldError>);

impl Errors {
    /// Adds an error of a field.
    pub fn add(&mut self, field: &str, message: impl Into<String>) {
        self.0.push(FieldError::new(field, message));
    }

    /// Returns the value if there are no errors.
    ///
    /// # Errors
    ///
    /// Lists all errors.
    pub fn into_result<T>(self, value: T) -> Result<T, ApiError> {
        if self.0.is_empty() { Ok(value) } else { Err(ApiError::Invalid(self.0)) }
    }

    /// Returns both values, or the errors of both.
    ///
    /// # Errors
    ///
    /// The validation errors of both. Any other error takes precedence.
    pub fn both<A, B>(left: Result<A, ApiError>, right: Result<B, ApiError>) -> Result<(A, B), ApiError> {
        match (left, right) {
            (Ok(left), Ok(right)) => Ok((left, right)),
            (Err(ApiError::Invalid(mut errors)), Err(ApiError::Invalid(more))) => {
                errors.extend(more);
                Err(ApiError::Invalid(errors))
            }
            (Err(into_error), _) | (_, Err(into_error)) => Err(into_error),
        }
    }

    /// The collected errors.
    pub(super) fn into_error(self) -> ApiError {
        ApiError::Invalid(self.0)
    }
}
