//! The reason for a job or a change.

use management::check;
use management::problem::ApiError;

/// The reason, for the audit log.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ReasonOption {
    /// Why, in at most 500 characters on one line; saved in the audit log
    #[arg(long = "reason", value_name = "TEXT", value_parser = parse)]
    pub(crate) text: Option<String>,
}

impl ReasonOption {
    /// The body of a request: the reason, or none.
    pub(crate) fn body(&self) -> Option<serde_json::Value> {
        self.text.as_ref().map(|text| serde_json::json!({ "reason": text }))
    }
}

/// Checks the reason as the API does.
fn parse(text: &str) -> Result<String, String> {
    check::reason(Some(text.to_owned())).map(Option::unwrap_or_default).map_err(|error| match error {
        ApiError::Invalid(errors) => errors.into_iter().map(|error| error.message).collect(),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_the_api_rejects_is_rejected_before_the_request() {
        assert_eq!(parse("SEC-42: accounts closed"), Ok("SEC-42: accounts closed".to_owned()));
        assert!(parse("two\nlines").unwrap_err().starts_with("must have 1 to 500 characters"));
        assert!(parse("").is_err() && parse(&"x".repeat(501)).is_err());
    }
}
