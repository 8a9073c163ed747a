//! Parts of pages, each with its own template. The templates escape all values.

use askama::Template;
use askama::filters::HtmlSafe;

use crate::messages::Message;

/// A state, shown as a symbol, a word, and a color.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/state.html")]
pub(crate) struct State {
    /// `good`, `warn`, `bad`, `plain`, or `busy`.
    pub(crate) tone: &'static str,
    /// The state as text.
    pub(crate) word: String,
}

impl HtmlSafe for State {}

impl State {
    /// A state.
    pub(crate) fn new(tone: &'static str, word: impl Into<String>) -> Self {
        Self { tone, word: word.into() }
    }
}

/// A block with one or more commands to copy.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/remediation.html")]
pub(crate) struct Remediation {
    /// The commands.
    pub(crate) text: String,
}

impl HtmlSafe for Remediation {}

impl Remediation {
    /// A block with commands to copy.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

/// The result of an action, or a problem of a page.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/note.html")]
pub(crate) struct Note {
    tone: &'static str,
    role: &'static str,
    title: String,
    text: String,
    remediation: Option<Remediation>,
}

impl HtmlSafe for Note {}

impl From<Message> for Note {
    fn from(message: Message) -> Self {
        let Message { tone, title, text, remediation } = message;
        let role = if tone == "good" { "status" } else { "alert" };
        Self { tone, role, title, text, remediation: remediation.map(Remediation::new) }
    }
}

/// A button that makes a change.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/button.html")]
pub(crate) struct Button {
    action: String,
    label: String,
    class: &'static str,
    hint: &'static str,
    fields: Vec<(&'static str, String)>,
}

impl HtmlSafe for Button {}

impl Button {
    /// A button.
    pub(crate) fn new(action: impl Into<String>, label: impl Into<String>) -> Self {
        Self { action: action.into(), label: label.into(), class: "", hint: "", fields: Vec::new() }
    }

    /// Sets the CSS class.
    pub(crate) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    /// Adds an explanation.
    pub(crate) fn hint(self, hint: &'static str) -> Self {
        Self { hint, ..self }
    }

    /// Adds a hidden field.
    pub(crate) fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }
}

/// A small label.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/chip.html")]
pub(crate) struct Chip {
    class: &'static str,
    text: String,
    href: String,
}

impl HtmlSafe for Chip {}

impl Chip {
    /// A label.
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { class: "", text: text.into(), href: String::new() }
    }

    /// Sets the CSS class.
    pub(crate) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }

    /// Makes the label a link.
    pub(crate) fn link(self, href: impl Into<String>) -> Self {
        Self { href: href.into(), ..self }
    }
}
