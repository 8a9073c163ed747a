//! Traverses the JSON of one finding as a serde visitor that builds nothing.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

use super::super::schema::{List, Map, Node, Object};
use super::walk::{Step, Walk};

/// Validates the next value against its node of the format.
pub(super) struct Check<'w, 'a> {
    pub(super) walk: &'w mut Walk<'a>,
    pub(super) node: &'static Node,
}

impl<'de> DeserializeSeed<'de> for Check<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Check<'_, 'de> {
    fn string(self, value: Cow<'de, str>) {
        self.walk.measure(&value);
        match self.node {
            Node::Text(text) => self.walk.text(text, value),
            other => self.walk.wrong_type(other),
        }
    }

    fn child(&mut self, step: Step<'de>, node: &'static Node) -> Check<'_, 'de> {
        self.walk.path.push(step);
        Check { walk: self.walk, node }
    }

    fn items<A: SeqAccess<'de>>(mut self, list: &List, mut items: A) -> Result<(), A::Error> {
        self.walk.unique = list.unique.then(Vec::new);
        let mut count = 0;
        while items.next_element_seed(self.child(Step::Index(count), list.item))?.is_some() {
            self.walk.path.pop();
            count += 1;
        }
        self.walk.path.pop();
        self.walk.list_end(list, count);
        Ok(())
    }

    fn properties<A: MapAccess<'de>>(mut self, object: &'static Object, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0_u64;
        while let Some(key) = map.next_key_seed(Key)? {
            match object.properties.iter().position(|(name, _)| *name == key) {
                Some(position) => {
                    seen |= 1 << position;
                    let (name, node) = &object.properties[position];
                    map.next_value_seed(self.child(Step::Name(name), node))?;
                    self.walk.path.pop();
                }
                None => {
                    if self.walk.rules.unknown_properties_refused && !object.open {
                        self.walk.fail(format_args!("should NOT have additional properties ('{key}')"));
                    }
                    map.next_value_seed(Check { walk: self.walk, node: &Node::Any })?;
                }
            }
        }
        self.walk.object_end(object, seen);
        Ok(())
    }

    fn pairs<A: MapAccess<'de>>(mut self, rule: &Map, mut map: A) -> Result<(), A::Error> {
        let mut count = 0;
        while let Some(key) = map.next_key_seed(Key)? {
            count += 1;
            self.walk.map_key(rule, &key);
            map.next_value_seed(self.child(Step::Key(key), rule.value))?;
            self.walk.path.pop();
        }
        if count > rule.pairs_max {
            self.walk.fail(format_args!("should NOT have more than {} properties", rule.pairs_max));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Check<'_, 'de> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        if !matches!(self.node, Node::Bool) {
            self.walk.wrong_type(self.node);
        }
        Ok(())
    }

    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        match self.node {
            Node::Int(int) => self.walk.integer(int, value),
            other => self.walk.wrong_type(other),
        }
        Ok(())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<(), E> {
        self.visit_i64(i64::try_from(value).unwrap_or(i64::MAX))
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        self.walk.wrong_type(self.node);
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        self.walk.wrong_type(self.node);
        Ok(())
    }

    fn visit_borrowed_str<E>(self, value: &'de str) -> Result<(), E> {
        self.string(Cow::Borrowed(value));
        Ok(())
    }

    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.string(Cow::Owned(value.to_owned()));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        if let Node::List(list) = self.node {
            return self.items(list, items);
        }
        self.walk.wrong_type(self.node);
        while items.next_element_seed(Check { walk: self.walk, node: &Node::Any })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        match self.node {
            Node::Object(object) => return self.properties(object, map),
            Node::Map(rule) => return self.pairs(rule, map),
            other => self.walk.wrong_type(other),
        }
        while map.next_key_seed(Key)?.is_some() {
            map.next_value_seed(Check { walk: self.walk, node: &Node::Any })?;
        }
        Ok(())
    }
}

/// A key, borrowed if possible.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, str>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, str>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a key")
    }

    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }

    fn visit_str<E>(self, key: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.to_owned()))
    }
}
