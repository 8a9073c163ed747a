//! The types with which `shapes` describes the finding format: texts, numbers, lists, objects, maps.

use super::facts::{Part, Slot};
use crate::config::Rules;

/// One node of the format.
#[derive(Debug)]
pub(crate) enum Node {
    /// Only the lengths of the contained strings are checked.
    Any,
    Bool,
    Text(Text),
    Int(Int),
    List(List),
    Object(&'static Object),
    Map(Map),
}

/// A string, with its minimum and maximum length in characters.
#[derive(Debug)]
pub(crate) struct Text {
    pub(crate) min: usize,
    pub(crate) max: usize,
    /// Maximum length of an ARN, if it is larger.
    pub(crate) max_arn: usize,
    pub(crate) form: Form,
    pub(crate) slot: Option<Slot>,
}

/// The form of a string.
#[derive(Debug)]
pub(crate) enum Form {
    Free,
    OneOf(&'static [&'static str]),
    /// The pattern in the service's message, and the test for it.
    Pattern(&'static str, fn(&str) -> bool),
    /// Only these characters.
    Of(Chars),
    /// A path of one to three parts. Its namespace is checked if the world's rules require it.
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

/// An object with known properties.
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) properties: &'static [(&'static str, Node)],
    pub(crate) required: &'static [&'static str],
    /// At least one of these properties is required.
    pub(crate) any_of: &'static [&'static str],
    /// Whether the format has other properties that are not listed here.
    pub(crate) open: bool,
    /// The object, if the import must know which properties it has.
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

/// A set of characters: the pattern for messages, and the test.
#[derive(Debug)]
pub(crate) struct Chars {
    pub(crate) pattern: &'static str,
    pub(crate) holds: fn(char) -> bool,
    /// Whether it is checked regardless of the world's rules.
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

    /// A string that may be empty.
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
