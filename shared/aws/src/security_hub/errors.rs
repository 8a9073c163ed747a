//! Classifies errors of Security Hub. Several errors are missing in the service's model, so that the HTTP status and the code in
//! the response decide instead of the SDK's types.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::ports::CallError;

use crate::errors::{CallFailure, cause, causes, chain};

/// Maximum length of a non-JSON response in an error.
const RESPONSE_CHARS_MAX: usize = 200;
/// Text of the HTTP client's error for a failed connection: DNS, refused, TLS, or timeout. A test verifies the text.
const CONNECT_ERROR: &str = "client error (Connect)";

const THROTTLED: [&str; 7] = [
    "TooManyRequestsException",
    "LimitExceededException",
    "ThrottlingException",
    "Throttling",
    "ThrottledException",
    "RequestLimitExceeded",
    "SlowDown",
];
const EXPIRED: [&str; 4] = ["ExpiredTokenException", "ExpiredToken", "RequestExpired", "TokenRefreshRequired"];
/// The Region is not opted in (contract 1.10).
const UNRECOGNIZED: [&str; 4] =
    ["UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired", "InvalidAccessKeyId"];
/// Security Hub is not enabled (contract 1.10 and 4.1).
const HUB_DISABLED: [&str; 3] =
    ["InvalidAccessException", "SubscriptionRequiredException", "ResourceNotFoundException"];
/// Codes of an invalid signature: the clock or the secret key is wrong.
const SIGNATURE: [&str; 4] =
    ["InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "IncompleteSignature"];
/// Code of a malformed finding that prevents the authorization decision (contract 1.10). Its status is 500.
const UNDECIDABLE: &str = "AuthorizerConfigurationException";

/// Decodes an error of a call.
pub(crate) fn call_error<E>(error: &CallFailure<E>) -> CallError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if cause::<CredentialsError>(error).is_some() {
        return CallError::Transient(format!("no credentials: {}", causes(error)));
    }
    match error {
        SdkError::TimeoutError(_) | SdkError::ConstructionFailure(_) => CallError::Transient(causes(error)),
        SdkError::DispatchFailure(_) if is_connect_error(error) => CallError::Unreachable(causes(error)),
        _ => match error.raw_response() {
            Some(response) => decode(response.status().as_u16(), error.code(), &message_of(error, response)),
            None => CallError::Transient(causes(error)),
        },
    }
}

fn is_connect_error(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.to_string() == CONNECT_ERROR)
}

/// The service's message, or the beginning of the response body.
pub(crate) fn message_of(error: &impl ProvideErrorMetadata, response: &HttpResponse) -> String {
    match error.message() {
        Some(message) => message.to_owned(),
        None => {
            let body = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
            let excerpt: String = body.chars().take(RESPONSE_CHARS_MAX).collect();
            format!("HTTP {} {}", response.status(), excerpt.trim())
        }
    }
}

/// Classifies a response: first by its code, then by its status.
fn decode(status: u16, code: Option<&str>, message: &str) -> CallError {
    let with_code = || match code {
        Some(code) if !message.contains(code) => format!("{code}: {message}"),
        _ => message.to_owned(),
    };
    let rejected = || CallError::Rejected {
        code: code.map_or(format!("Http{status}"), str::to_owned),
        message: message.to_owned(),
    };
    let is = |codes: &[&str]| code.is_some_and(|code| codes.contains(&code));
    match status {
        _ if is(&THROTTLED) => CallError::Throttled(with_code()),
        _ if is(&EXPIRED) => CallError::ExpiredToken(with_code()),
        _ if is(&UNRECOGNIZED) => CallError::UnrecognizedClient(with_code()),
        _ if is(&HUB_DISABLED) => CallError::InvalidAccess(with_code()),
        _ if is(&[UNDECIDABLE]) => rejected(),
        // The SDK corrects its clock skew with the response, so that a retry may succeed.
        _ if is(&SIGNATURE) && is_clock_error(code, message) => CallError::Transient(with_code()),
        _ if is(&SIGNATURE) => CallError::AccessDenied(with_code()),
        429 => CallError::Throttled(with_code()),
        401 | 403 => CallError::AccessDenied(with_code()),
        408 | 500.. | ..300 => CallError::Transient(with_code()),
        400 | 413 | 414 | 422 | 431 => rejected(),
        // 404 and redirects: the endpoint is not that of Security Hub.
        _ => CallError::Unreachable(with_code()),
    }
}

fn is_clock_error(code: Option<&str>, message: &str) -> bool {
    code == Some("RequestTimeTooSkewed")
        || ["expired", "not yet current", "skew"].iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGE: &str = "the service's message";

    fn name(error: &CallError) -> &'static str {
        match error {
            CallError::Throttled(_) => "throttled",
            CallError::Transient(_) | CallError::DeadlineExceeded => "transient",
            CallError::ExpiredToken(_) => "expired",
            CallError::Unreachable(_) => "unreachable",
            CallError::UnrecognizedClient(_) => "unrecognized",
            CallError::AccessDenied(_) => "denied",
            CallError::InvalidAccess(_) => "off",
            CallError::Rejected { .. } => "refused",
        }
    }

    #[test]
    fn every_error_of_the_contract_is_classified() {
        for (status, code, meaning) in [
            (429, "TooManyRequestsException", "throttled"),
            (429, "LimitExceededException", "throttled"),
            (400, "ThrottlingException", "throttled"),
            (429, "", "throttled"),
            (500, "InternalException", "transient"),
            (500, "", "transient"),
            (503, "ServiceUnavailableException", "transient"),
            (504, "", "transient"),
            (408, "RequestTimeoutException", "transient"),
            (200, "", "transient"),
            (403, "ExpiredTokenException", "expired"),
            (400, "ExpiredTokenException", "expired"),
            (403, "UnrecognizedClientException", "unrecognized"),
            (403, "InvalidClientTokenId", "unrecognized"),
            (403, "AccessDeniedException", "denied"),
            (403, "", "denied"),
            (403, "SignatureDoesNotMatch", "denied"),
            (401, "InvalidAccessException", "off"),
            (401, "", "denied"),
            (403, "SubscriptionRequiredException", "off"),
            (404, "ResourceNotFoundException", "off"),
            (400, "InvalidInputException", "refused"),
            (400, "", "refused"),
            (413, "", "refused"),
            (413, "RequestEntityTooLargeException", "refused"),
            (500, "AuthorizerConfigurationException", "refused"),
            (403, "AuthorizerConfigurationException", "refused"),
            (404, "", "unreachable"),
            (301, "", "unreachable"),
        ] {
            let error = decode(status, Some(code).filter(|code| !code.is_empty()), MESSAGE);
            assert_eq!(name(&error), meaning, "{status} {code}");
            assert!(error.to_string().contains(MESSAGE), "{error}");
        }
    }

    #[test]
    fn a_clock_error_is_distinguished_from_a_wrong_key() {
        for (code, message, meaning) in [
            ("InvalidSignatureException", "Signature expired: 20261123T080000Z is now earlier than ...", "transient"),
            ("InvalidSignatureException", "Signature not yet current: ...", "transient"),
            ("RequestTimeTooSkewed", "The difference is too large", "transient"),
            ("InvalidSignatureException", "The request signature we calculated does not match", "denied"),
        ] {
            assert_eq!(name(&decode(403, Some(code), message)), meaning, "{message}");
        }
    }

    #[test]
    fn an_error_without_a_code_is_named_by_its_status() {
        let CallError::Rejected { code, message } = decode(413, None, "Request Too Long") else {
            panic!("not refused")
        };
        assert_eq!((code.as_str(), message.as_str()), ("Http413", "Request Too Long"));
    }
}
