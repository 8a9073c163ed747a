//! Parts of pages, each with its own template. The templates escape all values.

use askama::Template;
use askama::filters::HtmlSafe;
use jiff::civil::Date;

use super::text::count;
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

/// A cell with a number, which may be unknown. `0` is gray.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/number.html")]
pub(crate) struct Number {
    text: String,
    class: &'static str,
    heading: &'static str,
    aside: String,
}

impl HtmlSafe for Number {}

impl Number {
    /// A number, or an unknown one.
    pub(crate) fn new(heading: &'static str, number: Option<u64>) -> Self {
        let class = match number {
            None => " muted",
            Some(0) => " zero",
            Some(_) => "",
        };
        Self { text: number.map(count).unwrap_or_default(), class, heading, aside: String::new() }
    }

    /// A number of errors.
    pub(crate) fn errors(heading: &'static str, number: Option<u64>) -> Self {
        let class = if number.is_some_and(|number| number > 0) { " bad strong" } else { "" };
        let cell = Self::new(heading, number);
        Self { class: if class.is_empty() { cell.class } else { class }, ..cell }
    }

    /// Adds an explanation.
    pub(crate) fn aside(self, aside: String) -> Self {
        Self { aside, ..self }
    }
}

/// Why numbers of a page are unknown.
#[derive(Clone, Debug, PartialEq, Eq, Template)]
#[template(path = "parts/unread.html")]
pub(crate) struct Unread {
    pub(crate) text: String,
    /// The page with them. Empty: none.
    pub(crate) href: String,
}

impl HtmlSafe for Unread {}

impl Unread {
    /// The schedules of scans could not be read.
    pub(crate) fn schedules() -> Self {
        let text = "It is unknown which scans are missing: the schedules of the providers can't be read.".to_owned();
        Self { text, href: String::new() }
    }

    /// The sums have only days since this one.
    pub(crate) fn since(day: Date) -> Self {
        let text = format!("Sums since {} only: there are too many runs.", day.strftime("%-d %b"));
        Self { text, href: String::new() }
    }
}
