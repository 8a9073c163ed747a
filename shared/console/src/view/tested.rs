//! The result of a connection test, as the message on the next page.

use management::wire::Test;
use management::wire::TestOutcome;

use super::region::fixes;
use super::text::{counted, sentence};
use crate::messages::Message;

/// The result of a connection test. `before` is the action that caused the test, such as `Created`.
pub(crate) fn message(before: &str, test: &Test) -> Message {
    let (tone, title) = match test.outcome {
        TestOutcome::Passed => ("good", "Connection test passed."),
        TestOutcome::Partial => ("warn", "Partially connected."),
        TestOutcome::Failed => ("bad", "Connection test failed."),
        TestOutcome::NotRun => ("warn", "The connection could not be tested."),
    };
    let title = if before.is_empty() { title.to_owned() } else { format!("{before}. {title}") };
    let actions: usize = test.connections.iter().map(|connection| fixes(connection).len()).sum();
    let rest = match actions {
        0 => String::new(),
        number => format!(" {} below.", counted(number as u64, "fix is", "fixes are")),
    };
    Message::new(tone, title).text(format!("{}{rest}", sentence(&test.message)))
}
