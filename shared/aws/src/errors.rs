//! Describes the SDK's errors: the action, the service's message, and the request ID.

use std::error::Error;
use std::fmt::Display;

use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use exporter::ports::PortError;

/// Headers with the request ID, for AWS Support.
const REQUEST_ID_HEADERS: [&str; 2] = ["x-amzn-requestid", "x-amz-request-id"];

/// The code of `DynamoDB` for a failed condition.
const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

/// An error of an operation.
pub(crate) type CallFailure<E> = SdkError<E, HttpResponse>;

/// Port error of a failed call.
pub(crate) fn port_error<E>(action: impl Into<String>, error: &CallFailure<E>) -> PortError
where
    E: Error + ProvideErrorMetadata + 'static,
{
    PortError { action: action.into(), message: describe(error) }
}

/// Port error for another reason.
pub(crate) fn failure(action: impl Into<String>, reason: impl Display) -> PortError {
    PortError { action: action.into(), message: reason.to_string() }
}

/// Whether a conditional write was made. False if its condition failed.
pub(crate) fn is_written<T, E>(
    written: Result<T, CallFailure<E>>,
    action: impl FnOnce() -> String,
) -> Result<bool, PortError>
where
    E: Error + ProvideErrorMetadata + 'static,
{
    match written {
        Ok(_) => Ok(true),
        Err(error) if error.code() == Some(CONDITION_FAILED) => Ok(false),
        Err(error) => Err(port_error(action(), &error)),
    }
}

/// Port error of a failed read of an object. Without permission to list the bucket, S3 denies access to an object that doesn't
/// exist (API reference, `GetObject`, "Permissions"). A hint about that is added, unless the message names the denied action.
pub(crate) fn read_error(action: impl Into<String>, bucket: &str, error: &CallFailure<GetObjectError>) -> PortError {
    let mut failure = port_error(action, error);
    let names_the_action = error.message().is_some_and(|message| message.contains("authorized to perform"));
    if error.code() == Some("AccessDenied") && !names_the_action {
        let hint =
            format!("; without s3:ListBucket on {bucket}, S3 also denies access to an object that does not exist");
        failure.message.push_str(&hint);
    }
    failure
}

/// The service's code and message if it responded, otherwise all causes in one line.
pub(crate) fn describe<E>(error: &CallFailure<E>) -> String
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let text = match (error.code(), error.message()) {
        (Some(code), Some(message)) => format!("{code}: {message}"),
        (Some(code), None) => code.to_owned(),
        (None, _) => causes(error),
    };
    match request_id(error) {
        Some(id) => format!("{text} (request {id})"),
        None => text,
    }
}

fn request_id<E>(error: &CallFailure<E>) -> Option<&str> {
    let headers = error.raw_response()?.headers();
    REQUEST_ID_HEADERS.iter().find_map(|name| headers.get(*name))
}

/// An error and its causes, outermost first.
pub(crate) fn chain<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let mut next = Some(error);
    std::iter::from_fn(move || {
        let error = next?;
        next = error.source();
        Some(error)
    })
}

/// An error and its causes in one line; repeated text is omitted.
pub(crate) fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for cause in chain(error) {
        let cause = cause.to_string();
        if !text.ends_with(&cause) {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&cause);
        }
    }
    text
}

/// A cause of a certain kind.
pub(crate) fn cause<'a, C: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a C> {
    chain(error).find_map(|error| error.downcast_ref())
}
