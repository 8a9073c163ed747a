//! An order under its id: how it travels, and what became of it.
//!
//! Promise: whoever ordered something can find out what came of it, also that it could not be done.

use std::future::Future;

use jiff::Timestamp;
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::Order;
use crate::ports::PortError;

/// An order as a message: what [`Order`] says, and an `id` beside it. Somebody who writes one by hand may leave the id
/// out; then nothing is kept of what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Under which its record is kept. Time-ordered, unique.
    pub id: Option<String>,
    /// What is asked for.
    pub order: Order,
}

impl Serialize for Placed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serde_json::to_value(&self.order).map_err(S::Error::custom)?;
        if let (Some(id), Some(fields)) = (&self.id, value.as_object_mut()) {
            fields.insert("id".to_owned(), id.as_str().into());
        }
        value.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Placed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut fields = Map::deserialize(deserializer)?;
        let id = match fields.remove("id") {
            None => None,
            Some(Value::String(id)) => Some(id),
            Some(_) => return Err(D::Error::custom("the id is no text")),
        };
        let order = Order::deserialize(Value::Object(fields)).map_err(D::Error::custom)?;
        Ok(Self { id, order })
    }
}

/// How an order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// It is on the queue, or at work.
    Waiting,
    /// It was carried out; its runs say with what result.
    Done,
    /// It can't be carried out, for the reason given.
    Refused,
    /// What it did was undone by a later order; it is not tried again.
    Undone,
}

impl OrderState {
    /// Whether nothing more comes of it.
    pub fn is_settled(self) -> bool {
        self != Self::Waiting
    }

    /// The word that tables show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Undone => "undone",
        }
    }
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderRecord {
    /// Time-ordered, unique.
    pub id: String,
    /// What was asked for.
    pub order: Order,
    /// How it stands.
    pub state: OrderState,
    /// Why it is refused or undone, or what it waits for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The runs of its last attempt.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<String>,
    /// Orders that it placed, and that go on with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub then: Vec<String>,
    /// When it was placed.
    pub placed_at: Timestamp,
    /// Who placed it.
    pub placed_by: String,
    /// When it was settled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub settled_at: Option<Timestamp>,
}

impl OrderRecord {
    /// An order that is about to be placed.
    pub fn new(id: String, order: Order, now: Timestamp, by: &str) -> Self {
        Self {
            id,
            order,
            state: OrderState::Waiting,
            message: None,
            runs: Vec::new(),
            then: Vec::new(),
            placed_at: now,
            placed_by: by.to_owned(),
            settled_at: None,
        }
    }

    /// As it travels.
    pub fn placed(&self) -> Placed {
        Placed { id: Some(self.id.clone()), order: self.order.clone() }
    }

    /// An order that goes on with this one. Its id follows from what it is about, so that a second one is the same.
    #[must_use]
    pub fn child(&self, about: &str, order: Order, now: Timestamp) -> Self {
        let root = self.id.split('.').next().unwrap_or_default();
        Self::new(format!("{root}.{about}"), order, now, &self.placed_by)
    }

    /// The same, settled.
    #[must_use]
    pub fn settled(self, state: OrderState, message: Option<String>, now: Timestamp) -> Self {
        Self { state, message, settled_at: Some(now), ..self }
    }
}

/// Remembers orders.
pub trait OrderLog {
    /// The record of an order, read consistently. None: it is unknown, or so old that it is forgotten.
    fn order_record(&self, id: &str) -> impl Future<Output = Result<Option<OrderRecord>, PortError>> + Send;

    /// Writes the record of an order, in one atomic step with making sure that the one of the same id, if there is one, is not
    /// settled. False, and nothing written, if it is: what a person undid stays undone.
    fn record_order(&self, record: &OrderRecord) -> impl Future<Output = Result<bool, PortError>> + Send;

    /// Writes the record of an order that is called off, whatever the one of the same id says.
    fn call_off_order(&self, record: &OrderRecord) -> impl Future<Output = Result<(), PortError>> + Send;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_the_order_with_an_id_beside_it() {
        let order = Order::Approve { run_id: "r".to_owned(), pending: false, unproven: false };
        let text = r#"{"id":"7","order":"approve","run_id":"r"}"#;
        let placed = Placed { id: Some("7".to_owned()), order: order.clone() };
        assert_eq!(serde_json::from_str::<Placed>(text).unwrap(), placed);
        assert_eq!(serde_json::to_value(&placed).unwrap(), serde_json::from_str::<Value>(text).unwrap());

        let by_hand = Placed { id: None, order };
        assert_eq!(serde_json::from_str::<Placed>(r#"{"order":"approve","run_id":"r"}"#).unwrap(), by_hand);
        // A word that is misspelt must not widen what is asked for, with an id or without.
        serde_json::from_str::<Placed>(r#"{"id":"7","order":"redrive","code_":"x"}"#).unwrap_err();
        serde_json::from_str::<Placed>(r#"{"id":7,"order":"redrive"}"#).unwrap_err();
    }

    #[test]
    fn what_goes_on_with_an_order_is_the_same_however_often_it_is_placed() {
        let now = Timestamp::UNIX_EPOCH;
        let first = OrderRecord::new("7".to_owned(), Order::Redrive { run_id: None, code: None }, now, "me");
        let second = first.child("run2", first.order.clone(), now);
        assert_eq!((second.id.as_str(), second.placed_by.as_str()), ("7.run2", "me"));
        assert_eq!(second.child("run3", first.order, now).id, "7.run3", "ids do not grow");
    }
}
