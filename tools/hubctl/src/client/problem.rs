//! Converts problems of the management API (RFC 9457) to failures with message, hint, and exit code.

use bytes::Bytes;
use serde::Deserialize;

use crate::exit::{Exit, Failure};
use crate::render::text;

/// Maximum number of characters to show of a response that is not a problem document.
const EXCERPT_CHARS_MAX: usize = 300;

/// A problem document. Missing members are empty.
#[derive(Debug, Default, Deserialize)]
struct Problem {
    #[serde(default)]
    title: String,
    #[serde(default)]
    detail: String,
    /// The command, or the change, that fixes it.
    #[serde(default)]
    remediation: Option<String>,
    #[serde(default)]
    errors: Vec<FieldError>,
}

/// An invalid field.
#[derive(Debug, Deserialize)]
struct FieldError {
    #[serde(default)]
    field: String,
    #[serde(default)]
    message: String,
}

/// The failure for an error response.
pub(super) fn failure(words: &str, response: &http::Response<Bytes>) -> Failure {
    let status = response.status().as_u16();
    let problem: Option<Problem> = serde_json::from_slice(response.body()).ok();
    let Some(problem) = problem.filter(|problem| !problem.title.is_empty() || !problem.detail.is_empty()) else {
        let excerpt: String = String::from_utf8_lossy(response.body()).chars().take(EXCERPT_CHARS_MAX).collect();
        return Failure::new(exit(status), format!("{words}: HTTP {status} {}", text::harmless(excerpt.trim())));
    };
    let failure = Failure::new(exit(status), message(&problem));
    match problem.remediation.or_else(|| hint(status).map(str::to_owned)) {
        Some(hint) => failure.hint(text::harmless(&hint)),
        None => failure,
    }
}

/// The detail, and a line for each invalid field.
fn message(problem: &Problem) -> String {
    let detail = if problem.detail.is_empty() { &problem.title } else { &problem.detail };
    let mut message = text::harmless(detail);
    for FieldError { field, message: what } in &problem.errors {
        let line = match field.trim_start_matches(['/', '#']) {
            "" => what.clone(),
            field => format!("{}: {what}", option_of(field)),
        };
        message.push_str("\n       ");
        message.push_str(&text::harmless(&line));
    }
    message
}

/// The name of the option that sets a field.
fn option_of(field: &str) -> String {
    let field = field.replace('/', ".");
    // An option has all values of a list: `regions.1` is one of --regions.
    let last = field.rsplit('.').find(|part| part.parse::<usize>().is_err()).unwrap_or_default();
    let option = match last {
        "arn" => "role-arn".to_owned(),
        "secret_access_key" | "access_key_id" => "access-key-file".to_owned(),
        "duration_seconds" => "duration".to_owned(),
        name => name.replace('_', "-"),
    };
    format!("{field} (--{option})")
}

/// Exit code for a status.
fn exit(status: u16) -> Exit {
    match status {
        400 | 415 | 422 => Exit::Usage,
        401 | 403 => Exit::Credentials,
        _ => Exit::Error,
    }
}

/// Hint for a status, if the API returns none.
fn hint(status: u16) -> Option<&'static str> {
    match status {
        404 => Some("to list the resources: hubctl integration list, hubctl provider list"),
        412 | 428 => Some("it was modified by another request: read it again, and retry"),
        429 | 503 => Some("retry in a moment"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16, body: &str) -> Failure {
        let response = http::Response::builder().status(status).body(Bytes::from(body.to_owned())).unwrap();
        failure("PATCH /integrations/1", &response)
    }

    #[test]
    fn invalid_fields_are_reported_with_their_options() {
        let body = r#"{"type":"urn:x","title":"Invalid","status":422,"detail":"two settings are wrong","errors":[
            {"field":"archive_limit_percent","message":"is 0 to 100"},
            {"field":"/credentials/role/arn","message":"is no role"}]}"#;
        let failure = refused(422, body);
        assert_eq!(failure.exit, Exit::Usage);
        insta::assert_snapshot!(failure.message, @r"
        two settings are wrong
               archive_limit_percent (--archive-limit-percent): is 0 to 100
               credentials.role.arn (--role-arn): is no role
        ");
    }

    #[test]
    fn each_error_status_has_an_exit_code_and_a_hint() {
        for (status, exit) in [(400, 2), (401, 4), (403, 4), (404, 1), (409, 1), (412, 1), (422, 2), (500, 1), (503, 1)]
        {
            assert_eq!(refused(status, r#"{"title":"no"}"#).exit as u8, exit, "{status}");
        }
        assert!(refused(412, r#"{"title":"no"}"#).hint.unwrap().contains("modified by another request"));
        let own = refused(409, r#"{"title":"exists","remediation":"hubctl integration show 1"}"#);
        assert_eq!(own.hint.as_deref(), Some("hubctl integration show 1"));
    }

    #[test]
    fn a_response_that_is_not_a_problem_is_shown_unchanged() {
        let failure = refused(502, "<html>\u{1b}[2J bad gateway");
        assert!(failure.message.starts_with("PATCH /integrations/1: HTTP 502 <html>"), "{}", failure.message);
        assert!(!failure.message.contains('\u{1b}'));
    }
}
