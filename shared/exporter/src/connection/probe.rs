//! The write probe: a finding that can't be stored, regardless of the sender.
//!
//! Security Hub authorizes an import before it validates the finding. A validation error therefore proves that findings
//! would be accepted, and nothing is stored, announced, or billed. As many fields as possible are invalid. If an endpoint
//! that isn't Security Hub stores the finding nevertheless, it is archived from the start.

use asff::{AccountId, Partition, RegionName};
use bytes::Bytes;
use serde_json::json;

use crate::ports::{CallError, ImportOutcome};

/// The ID of the finding, which a user would recognize.
pub const PROBE_ID: &str = "securityhub-exporter-write-probe";

/// The error code of Security Hub for an invalid finding (contract 1.10).
const BROKEN: &str = "InvalidInput";
/// The error codes of a gateway that validates requests itself, in addition to [`BROKEN`] (API Gateway, request validation).
const BROKEN_CODES: [&str; 4] = ["ValidationException", "SerializationException", "BadRequestException", "Http400"];
/// The error code of Security Hub for a finding that the caller may not import (contract 1.10).
const NOT_ALLOWED: &str = "InvalidAccess";

/// The body of the call that imports the probe.
pub fn write_probe_body(partition: Partition, account: AccountId, region: RegionName) -> Bytes {
    let finding = json!({
        "SchemaVersion": "none",
        "Id": PROBE_ID,
        "ProductArn": partition.product_arn(region),
        "GeneratorId": PROBE_ID,
        "AwsAccountId": account.as_str(),
        "CreatedAt": "never",
        "UpdatedAt": "never",
        "Title": "",
        "Description": "",
        "Resources": [],
        "RecordState": "ARCHIVED",
    });
    json!({ "Findings": [finding] }).to_string().into()
}

/// The result of the probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Writing {
    /// Findings are accepted.
    Allowed,
    /// Findings are accepted, and the probe was stored.
    Stored,
    /// The caller may not import findings.
    Denied(String),
    /// Security Hub is not enabled, or the product is not accepted.
    NotAccepted(String),
    /// The response is inconclusive.
    Unknown(CallError),
}

/// Interprets the response to the probe.
pub(super) fn interpret_write(answer: Result<ImportOutcome, CallError>) -> Writing {
    let outcome = match answer {
        Ok(outcome) => outcome,
        Err(CallError::Rejected { code, .. }) if code.starts_with(BROKEN) || BROKEN_CODES.contains(&code.as_str()) => {
            return Writing::Allowed;
        }
        Err(CallError::AccessDenied(message)) => return Writing::Denied(message),
        Err(CallError::InvalidAccess(message)) => return Writing::NotAccepted(message),
        Err(error) => return Writing::Unknown(error),
    };
    match outcome.failed.first() {
        None if outcome.success_count > 0 => Writing::Stored,
        Some(failed) if failed.code.starts_with(BROKEN) => Writing::Allowed,
        Some(failed) if failed.code.starts_with(NOT_ALLOWED) => Writing::NotAccepted(failed.message.clone()),
        Some(failed) => Writing::Unknown(CallError::Transient(format!("{}: {}", failed.code, failed.message))),
        None => Writing::Unknown(CallError::Transient("the write probe was neither stored nor rejected".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::FailedFinding;

    fn failed(code: &str) -> Result<ImportOutcome, CallError> {
        let failed = FailedFinding { id: PROBE_ID.to_owned(), code: code.to_owned(), message: "words".to_owned() };
        Ok(ImportOutcome { success_count: 0, failed_count: 1, failed: vec![failed] })
    }

    #[test]
    fn a_format_error_means_that_findings_are_accepted() {
        assert_eq!(interpret_write(failed("InvalidInput")), Writing::Allowed);
        for code in ["InvalidInputException", "ValidationException"] {
            let rejected = CallError::Rejected { code: code.to_owned(), message: String::new() };
            assert_eq!(interpret_write(Err(rejected)), Writing::Allowed);
        }
    }

    #[test]
    fn an_authorization_error_means_that_findings_are_denied() {
        assert_eq!(interpret_write(Err(CallError::AccessDenied("no".to_owned()))), Writing::Denied("no".to_owned()));
        assert_eq!(interpret_write(failed("InvalidAccess")), Writing::NotAccepted("words".to_owned()));
        assert_eq!(
            interpret_write(Err(CallError::InvalidAccess("off".to_owned()))),
            Writing::NotAccepted("off".to_owned())
        );
    }

    #[test]
    fn any_other_response_is_inconclusive() {
        let undecidable =
            CallError::Rejected { code: "AuthorizerConfigurationException".to_owned(), message: String::new() };
        assert!(matches!(interpret_write(Err(undecidable)), Writing::Unknown(_)));
        assert!(matches!(interpret_write(Err(CallError::Throttled(String::new()))), Writing::Unknown(_)));
        assert!(matches!(interpret_write(failed("InternalError")), Writing::Unknown(_)));
        assert!(matches!(interpret_write(Ok(ImportOutcome::default())), Writing::Unknown(_)));
    }

    #[test]
    fn a_stored_probe_is_detected() {
        let stored = ImportOutcome { success_count: 1, ..ImportOutcome::default() };
        assert_eq!(interpret_write(Ok(stored)), Writing::Stored);
    }
}
