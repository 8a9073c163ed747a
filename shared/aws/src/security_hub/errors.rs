//! What an error of Security Hub means for us. The service gives several that its model does not have, so the HTTP status
//! and the code in the answer decide, not the SDK's types.

use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::ports::CallError;

use crate::errors::{CallFailure, cause, causes, chain};

/// Characters of an answer that is not JSON which an error repeats.
const ANSWER_CHARS_MAX: usize = 200;
/// How the HTTP client says that it never had a connection: the name does not resolve, nothing listens, no TLS, too long.
/// A test keeps this true.
const NEVER_CONNECTED: &str = "client error (Connect)";

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
/// The Region does not know the caller (contract 1.10).
const UNRECOGNIZED: [&str; 4] =
    ["UnrecognizedClientException", "InvalidClientTokenId", "OptInRequired", "InvalidAccessKeyId"];
/// Security Hub is off (contract 1.10 and 4.1).
const OFF: [&str; 3] = ["InvalidAccessException", "SubscriptionRequiredException", "ResourceNotFoundException"];
/// The signature is not right: a clock that is off, or a wrong secret key.
const SIGNATURE: [&str; 4] =
    ["InvalidSignatureException", "SignatureDoesNotMatch", "RequestTimeTooSkewed", "IncompleteSignature"];
/// One finding keeps the gateway from deciding whether the call is allowed (contract 1.10). Its status is 500.
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
        SdkError::DispatchFailure(_) if never_connected(error) => CallError::Unreachable(causes(error)),
        _ => match error.raw_response() {
            Some(response) => answer(response.status().as_u16(), error.code(), &words(error, response)),
            None => CallError::Transient(causes(error)),
        },
    }
}

fn never_connected(error: &(dyn Error + 'static)) -> bool {
    chain(error).any(|cause| cause.to_string() == NEVER_CONNECTED)
}

/// The service's words, or the beginning of what came in their place.
pub(crate) fn words(error: &impl ProvideErrorMetadata, response: &HttpResponse) -> String {
    match error.message() {
        Some(message) => message.to_owned(),
        None => {
            let body = response.body().bytes().map(String::from_utf8_lossy).unwrap_or_default();
            let excerpt: String = body.chars().take(ANSWER_CHARS_MAX).collect();
            format!("HTTP {} {}", response.status(), excerpt.trim())
        }
    }
}

/// Decodes an answer: first by its code, then by its status.
fn answer(status: u16, code: Option<&str>, words: &str) -> CallError {
    let message = || match code {
        Some(code) if !words.contains(code) => format!("{code}: {words}"),
        _ => words.to_owned(),
    };
    let refused =
        || CallError::Rejected { code: code.map_or(format!("Http{status}"), str::to_owned), message: words.to_owned() };
    let is = |codes: &[&str]| code.is_some_and(|code| codes.contains(&code));
    match status {
        _ if is(&THROTTLED) => CallError::Throttled(message()),
        _ if is(&EXPIRED) => CallError::ExpiredToken(message()),
        _ if is(&UNRECOGNIZED) => CallError::UnrecognizedClient(message()),
        _ if is(&OFF) => CallError::InvalidAccess(message()),
        _ if is(&[UNDECIDABLE]) => refused(),
        // The SDK learns the difference of the clocks from the answer, so the next try may do.
        _ if is(&SIGNATURE) && speaks_of_time(code, words) => CallError::Transient(message()),
        _ if is(&SIGNATURE) => CallError::AccessDenied(message()),
        429 => CallError::Throttled(message()),
        401 | 403 => CallError::AccessDenied(message()),
        408 | 500.. | ..300 => CallError::Transient(message()),
        400 | 413 | 414 | 422 | 431 => refused(),
        // 404 and redirections: whatever answers there, it is not Security Hub.
        _ => CallError::Unreachable(message()),
    }
}

fn speaks_of_time(code: Option<&str>, words: &str) -> bool {
    code == Some("RequestTimeTooSkewed")
        || ["expired", "not yet current", "skew"].iter().any(|word| words.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "the service's words";

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
    fn every_answer_that_the_contract_names_has_its_meaning() {
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
            let error = answer(status, Some(code).filter(|code| !code.is_empty()), SAID);
            assert_eq!(name(&error), meaning, "{status} {code}");
            assert!(error.to_string().contains(SAID), "{error}");
        }
    }

    #[test]
    fn a_clock_that_is_off_is_told_from_a_key_that_is_wrong() {
        for (code, words, meaning) in [
            ("InvalidSignatureException", "Signature expired: 20261123T080000Z is now earlier than ...", "transient"),
            ("InvalidSignatureException", "Signature not yet current: ...", "transient"),
            ("RequestTimeTooSkewed", "The difference is too large", "transient"),
            ("InvalidSignatureException", "The request signature we calculated does not match", "denied"),
        ] {
            assert_eq!(name(&answer(403, Some(code), words)), meaning, "{words}");
        }
    }

    #[test]
    fn a_refusal_without_a_code_is_named_by_its_status() {
        let CallError::Rejected { code, message } = answer(413, None, "Request Too Long") else {
            panic!("not refused")
        };
        assert_eq!((code.as_str(), message.as_str()), ("Http413", "Request Too Long"));
    }
}
