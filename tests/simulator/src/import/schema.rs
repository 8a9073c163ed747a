//! The words in which the finding format is written down in `shapes`: texts, numbers, lists, objects, maps.

use super::facts::{Part, Slot};
use crate::config::Rules;

/// One place of the format.
#[derive(Debug)]
pub(crate) enum Node {
    /// Nothing is checked but the length of the strings inside.
    Any,
    Bool,
    Text(Text),
    Int(Int),
    List(List),
    Object(&'static Object),
    Map(Map),
}

/// A string; lengths in characters.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) min: usize,
    pub(crate) max: usize,
    /// The most where the text is an ARN, if that is more.
    pub(crate) max_arn: usize,
    pub(crate) form: Form,
    pub(crate) slot: Option<Slot>,
}

/// What a string must look like.
#[derive(Debug)]
pub(crate) enum Form {
    Free,
    OneOf(&'static [&'static str]),
    /// The pattern as the service prints it, and the test.
    Pattern(&'static str, fn(&str) -> bool),
    /// Only these characters.
    Of(Chars),
    /// A path of one to three parts; its namespace is checked where the world's rules ask for it.
    TypePath,
    Uri,
}

/// A whole number within bounds.
#[derive(Debug)]
pub(crate) struct Int {
    pub(crate) min: i64,
    pub(crate) max: i64,
    pub(crate) slot: Option<Slot>,
}

#[derive(Debug)]
pub(crate) struct List {
    pub(crate) item: &'static Node,
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) unique: bool,
}

/// An object whose properties are known.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) properties: &'static [(&'static str, Node)],
    pub(crate) required: &'static [&'static str],
    /// Of these at least one must be there.
    pub(crate) any_of: &'static [&'static str],
    /// Whether other properties are part of the format although they are not listed here.
    pub(crate) open: bool,
    /// Whether the import wants to know which properties were there.
    pub(crate) part: Option<Part>,
}

/// An object with free keys and string values.
#[derive(Debug)]
pub(crate) struct Map {
    pub(crate) pairs_max: usize,
    pub(crate) key_chars_max: usize,
    pub(crate) key: Chars,
    pub(crate) value: &'static Node,
}

/// A set of characters: as a pattern for messages, and as the test.
#[derive(Debug)]
pub(crate) struct Chars {
    pub(crate) pattern: &'static str,
    pub(crate) holds: fn(char) -> bool,
    /// Checked whatever the world's rules say.
    pub(crate) always: bool,
}

impl Chars {
    pub(crate) fn is_checked(&self, rules: &Rules) -> bool {
        self.always || rules.tag_characters_checked
    }
}

impl Text {
    pub(crate) const fn up_to(max: usize) -> Self {
        Self { min: 1, max, max_arn: max, form: Form::Free, slot: None }
    }

    /// A text that may be empty.
    pub(crate) const fn or_empty(max: usize, form: Form) -> Self {
        Self { min: 0, max, max_arn: max, form, slot: None }
    }

    pub(crate) const fn or_arn(mut self, max: usize) -> Self {
        self.max_arn = max;
        self
    }

    pub(crate) const fn form(mut self, form: Form) -> Self {
        self.form = form;
        self
    }

    pub(crate) const fn slot(mut self, slot: Slot) -> Self {
        self.slot = Some(slot);
        self
    }
}
