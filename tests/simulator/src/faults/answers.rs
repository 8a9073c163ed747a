//! The response to a call that a fault affects, and its duration.

use std::time::Duration;

use super::Effect;
use crate::response::Response;

/// The response that replaces that of the operation: `committed` selects faults after the operation, or those before it.
pub(crate) fn failure(effects: &[Effect], committed: bool) -> Option<Response> {
    effects.iter().find_map(|effect| match effect {
        Effect::Error { status, error_type, message, after_commit } if *after_commit == committed => {
            let usual = usual_error(*status);
            let error_type = error_type.as_deref().unwrap_or(usual.0);
            Some(Response::error(*status, error_type, message.as_deref().unwrap_or(usual.1)))
        }
        Effect::DropConnection { after_commit } if *after_commit == committed => {
            Some(Response { dropped: true, ..Response::error(500, "InternalException", "connection dropped") })
        }
        _ => None,
    })
}

/// The usual error of a status (contract 1.10).
fn usual_error(status: u16) -> (&'static str, &'static str) {
    match status {
        400 => ("InvalidInputException", "Invalid input"),
        401 => ("InvalidAccessException", "Invalid access"),
        403 => ("AccessDeniedException", "Access denied"),
        404 => ("ResourceNotFoundException", "Resource not found"),
        409 => ("ResourceConflictException", "Resource conflict"),
        429 => ("TooManyRequestsException", "Too Many Requests"),
        503 => ("ServiceUnavailableException", "Service Unavailable"),
        _ => ("InternalException", "Internal server error"),
    }
}

/// Additional duration of the call.
pub(crate) fn latency(effects: &[Effect]) -> Duration {
    let ms = effects.iter().map(|effect| match effect {
        Effect::Latency { ms } => *ms,
        _ => 0,
    });
    Duration::from_millis(ms.sum())
}
