//! Failures, as messages.

use super::text::sentence;
use crate::client::Failed;
use crate::messages::Message;
use crate::ports::Unavailable;

/// A failed request as a message.
pub(crate) fn failure_message(failed: &Failed) -> Message {
    match failed {
        Failed::Problem(problem) => Message::new("bad", sentence(&problem.title))
            .text(sentence(&problem.detail))
            .fix(problem.remediation.clone()),
        Failed::Unavailable(error) => unavailable_message("The deployment can't be reached.", error),
        Failed::Lost => Message::new("bad", "The change may have been applied.").text(
            "The response was lost. Compare the current values with those that you requested before you repeat the change.",
        ),
    }
}

/// A failed port call as a message. The title states what failed.
pub(crate) fn unavailable_message(title: &'static str, error: &Unavailable) -> Message {
    let title = if error.is_denied { "AWS denied the request. Nothing was changed." } else { title };
    Message::new("bad", title).text(sentence(&error.message)).fix(error.remediation.clone())
}
