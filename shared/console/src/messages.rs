//! The result of an action, for the page that follows it: stored under a number that is in the URL.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Maximum number of stored messages. An older page shows none.
const MESSAGES_MAX: usize = 16;

/// The result of an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// `good`, `warn`, or `bad`.
    pub(crate) tone: &'static str,
    /// What happened, in a few words.
    pub(crate) title: String,
    /// The details.
    pub(crate) text: String,
    /// The command that fixes it.
    pub(crate) remediation: Option<String>,
}

impl Message {
    /// A message without details.
    pub(crate) fn new(tone: &'static str, title: impl Into<String>) -> Self {
        Self { tone, title: title.into(), text: String::new(), remediation: None }
    }

    /// Adds details.
    pub(crate) fn text(self, text: impl Into<String>) -> Self {
        Self { text: text.into(), ..self }
    }

    /// Adds a remediation.
    pub(crate) fn fix(self, remediation: Option<String>) -> Self {
        Self { remediation, ..self }
    }
}

/// The latest messages, with their numbers.
#[derive(Debug, Default)]
pub(crate) struct Messages(Mutex<(u64, VecDeque<(u64, Message)>)>);

impl Messages {
    /// Stores a message, and returns its number.
    pub(crate) fn keep(&self, message: Message) -> u64 {
        let mut entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.0 += 1;
        let number = entries.0;
        entries.1.push_back((number, message));
        if entries.1.len() > MESSAGES_MAX {
            entries.1.pop_front();
        }
        number
    }

    /// The message of a number.
    pub(crate) fn find(&self, number: &str) -> Option<Message> {
        let number: u64 = number.parse().ok()?;
        let entries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        entries.1.iter().find(|(key, _)| *key == number).map(|(_, message)| message.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_sixteen_messages_are_kept() {
        let messages = Messages::default();
        for number in 0..20 {
            messages.keep(Message::new("good", number.to_string()));
        }
        assert_eq!(messages.find("4"), None);
        assert_eq!(messages.find("5").map(|message| message.title), Some("4".to_owned()));
        assert_eq!(messages.find("x"), None);
    }
}
