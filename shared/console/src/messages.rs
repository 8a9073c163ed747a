//! The result of an action, for the page that follows it.

/// Maximum number of stored messages. An older page shows none.
pub(crate) const MESSAGES_MAX: usize = 16;

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
