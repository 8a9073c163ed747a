//! The state of the traversal of a finding, and the rules that each value is validated against.

use std::borrow::Cow;
use std::fmt::{self, Write};

use super::super::facts::Facts;
use super::super::schema::{Form, Int, List, Map, Node, Object, Text};
use super::super::shapes::{TYPE_PATTERN, has_known_namespace, is_type_path, is_uri};
use crate::config::{Deviation, Rules};

/// The state of a traversal.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) rules: &'a Rules,
    pub(super) facts: Facts<'a>,
    pub(super) failures: Vec<String>,
    /// Number of characters of the longest string of the finding.
    pub(super) longest_string: usize,
    /// The current path.
    pub(super) path: Vec<Step<'a>>,
    /// The items of the list of unique strings that is being read, if any.
    pub(super) unique: Option<Vec<Cow<'a, str>>>,
}

/// One step of a path.
#[derive(Debug)]
pub(super) enum Step<'a> {
    Name(&'static str),
    Index(usize),
    Key(Cow<'a, str>),
}

impl<'a> Walk<'a> {
    pub(super) fn new(rules: &'a Rules) -> Self {
        Self { rules, facts: Facts::default(), failures: Vec::new(), longest_string: 0, path: Vec::new(), unique: None }
    }

    /// Adds a failure in the service's format: `data.Resources[0].Details.Other['x'] should ...`.
    pub(super) fn fail(&mut self, what: impl fmt::Display) {
        let mut text = "data".to_owned();
        for step in &self.path {
            let _ = match step {
                Step::Name(name) => write!(text, ".{name}"),
                Step::Index(index) => write!(text, "[{index}]"),
                Step::Key(key) => write!(text, "['{key}']"),
            };
        }
        self.failures.push(format!("{text} {what}"));
    }

    pub(super) fn measure(&mut self, value: &str) {
        // A string can't have more characters than bytes.
        if value.len() > self.longest_string {
            self.longest_string = self.longest_string.max(value.chars().count());
        }
    }

    pub(super) fn text(&mut self, text: &Text, value: Cow<'a, str>) {
        let max = if value.starts_with("arn:") { text.max_arn } else { text.max };
        self.length(&value, text.min, self.shortened(max));
        match &text.form {
            Form::Free => {}
            Form::OneOf(allowed) if allowed.contains(&&*value) => {}
            Form::OneOf(_) => self.fail("should be equal to one of the allowed values"),
            Form::Pattern(_, fits) if fits(&value) => {}
            Form::Pattern(pattern, _) => self.fail(format_args!("should match pattern \"{pattern}\"")),
            Form::Of(chars) if !chars.is_checked(self.rules) || value.chars().all(chars.holds) => {}
            Form::Of(chars) => self.fail(format_args!("should match pattern \"{}\"", chars.pattern)),
            Form::TypePath if !is_type_path(&value) => {
                self.fail(format_args!("should match pattern \"{TYPE_PATTERN}\""));
            }
            Form::TypePath if self.rules.type_namespaces_checked && !has_known_namespace(&value) => {
                self.fail("should be equal to one of the allowed values");
            }
            Form::TypePath => {}
            Form::Uri if is_uri(&value) => {}
            Form::Uri => self.fail("should match format \"uri\""),
        }
        if let Some(slot) = text.slot {
            self.facts.keep_text(slot, value);
        } else if let Some(unique) = &mut self.unique {
            unique.push(value);
        }
    }

    /// The limit at the current path, in a world with deviating limits.
    fn shortened(&self, max: usize) -> usize {
        match self.path.as_slice() {
            [Step::Name("Title")] if self.rules.deviates(Deviation::TitleShort) => 200,
            [Step::Name("Title")] if self.rules.deviates(Deviation::TitleUnlimited) => usize::MAX,
            [Step::Name("Resources"), _, Step::Name("Id")] if self.rules.deviates(Deviation::ResourceIdShort) => 256,
            _ => max,
        }
    }

    fn length(&mut self, value: &str, min: usize, max: usize) {
        if value.len() > max && value.chars().count() > max {
            self.fail(format_args!("should NOT be longer than {max} characters"));
        }
        if value.len() < min && value.chars().count() < min {
            self.fail(format_args!("should NOT be shorter than {min} characters"));
        }
    }

    pub(super) fn integer(&mut self, int: &Int, value: i64) {
        if value < int.min {
            self.fail(format_args!("should be >= {}", int.min));
        }
        if value > int.max {
            self.fail(format_args!("should be <= {}", int.max));
        }
        if let Some(slot) = int.slot {
            self.facts.keep_number(slot, value);
        }
    }

    pub(super) fn wrong_type(&mut self, wanted: &Node) {
        let name = match wanted {
            Node::Any => return,
            Node::Bool => "boolean",
            Node::Text(_) => "string",
            Node::Int(_) => "integer",
            Node::List(_) => "array",
            Node::Object(_) | Node::Map(_) => "object",
        };
        self.fail(format_args!("should be {name}"));
    }

    pub(super) fn list_end(&mut self, list: &List, count: usize) {
        if count > list.max {
            self.fail(format_args!("should NOT have more than {} items", list.max));
        }
        if count < list.min {
            self.fail(format_args!("should NOT have fewer than {} items", list.min));
        }
        let items = self.unique.take().unwrap_or_default();
        for (later, item) in items.iter().enumerate() {
            if let Some(earlier) = items[..later].iter().position(|other| other == item) {
                let twins = format_args!("items ## {later} and {earlier} are identical");
                self.fail(format_args!("should NOT have duplicate items ({twins})"));
                break;
            }
        }
    }

    /// `seen` has a bit for each property of the object that was present.
    pub(super) fn object_end(&mut self, object: &Object, seen: u64) {
        let has = |name: &str| {
            let position = object.properties.iter().position(|(known, _)| *known == name);
            position.is_some_and(|position| seen & (1 << position) != 0)
        };
        for name in object.required.iter().filter(|name| !has(name)) {
            self.fail(format_args!("should have required property '{name}'"));
        }
        if !object.any_of.is_empty() && !object.any_of.iter().any(|name| has(name)) {
            for name in object.any_of {
                self.fail(format_args!("should have required property '{name}'"));
            }
            self.fail("should match some schema in anyOf");
        }
        if let Some(part) = object.part {
            self.facts.keep_presence(part, has);
        }
    }

    pub(super) fn map_key(&mut self, map: &Map, key: &str) {
        let short = key.len() <= map.key_chars_max || key.chars().count() <= map.key_chars_max;
        if !short || key.is_empty() || (map.key.is_checked(self.rules) && !key.chars().all(map.key.holds)) {
            self.fail(format_args!("property name '{key}' is invalid"));
        }
    }
}
