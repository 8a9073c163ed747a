//! An order under its id: how it travels, and what became of it.
//!
//! Promise: whoever ordered something can find out what came of it, also that it could not be done.

use std::future::Future;

use jiff::{SignedDuration, Timestamp};
use serde::de::Error as _;
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::chain::Chain;
use super::job::Order;
use crate::ports::PortError;

/// The longest that an invocation of Lambda takes.
const INVOCATION_MAX: SignedDuration = SignedDuration::from_mins(15);
/// The field of a message that has its chain.
const CHAIN: &str = "chain";

/// An order as a message: what [`Order`] says, and an `id` beside it. Somebody who writes one by hand may leave the id
/// out; then nothing is kept of what becomes of it. A message that continues a job has its `chain`, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Placed {
    /// Under which its record is kept. Time-ordered, unique.
    pub id: Option<String>,
    /// What is asked for.
    pub order: Order,
    /// The rounds of the job so far.
    pub chain: Chain,
}

impl Placed {
    /// The first message of a job.
    pub fn new(id: Option<String>, order: Order) -> Self {
        Self { id, order, chain: Chain::default() }
    }
}

impl Serialize for Placed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serde_json::to_value(&self.order).map_err(S::Error::custom)?;
        if let (Some(id), Some(fields)) = (&self.id, value.as_object_mut()) {
            fields.insert("id".to_owned(), id.as_str().into());
        }
        if let (false, Some(fields)) = (self.chain.is_first(), value.as_object_mut()) {
            fields.insert(CHAIN.to_owned(), serde_json::to_value(&self.chain).map_err(S::Error::custom)?);
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
        let chain = fields.remove(CHAIN).map(Chain::deserialize).transpose().map_err(D::Error::custom)?;
        let order = Order::deserialize(Value::Object(fields)).map_err(D::Error::custom)?;
        Ok(Self { id, order, chain: chain.unwrap_or_default() })
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
    /// Its last attempt failed, and its message is in the dead-letter queue. It runs again when it is retried
    /// ([`retry`](super::retry)), or when that message is moved back to the queue.
    Failed,
    /// What it did was undone by a later order; it is not tried again.
    Undone,
}

impl OrderState {
    /// Whether nothing more comes of it, even if its message comes again.
    pub fn is_settled(self) -> bool {
        !matches!(self, Self::Waiting | Self::Failed)
    }

    /// Whether nothing more comes of it by itself.
    pub fn is_complete(self) -> bool {
        self != Self::Waiting
    }

    /// The word that tables show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Done => "done",
            Self::Refused => "refused",
            Self::Failed => "failed",
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
    /// Why it is refused, failed or undone, or what it waits for.
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
    /// It has no message of its own: the invocation that completed the job before it runs it, too.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub inline: bool,
    /// When its last attempt began: after that its message is in the dead-letter queue, even if the attempt was aborted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_attempt_at: Option<Timestamp>,
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
            inline: false,
            last_attempt_at: None,
        }
    }

    /// As it travels.
    pub fn placed(&self) -> Placed {
        Placed::new(Some(self.id.clone()), self.order.clone())
    }

    /// Whether it failed, or its last attempt was aborted: nothing comes of it unless it is retried.
    pub fn is_failed(&self, now: Timestamp) -> bool {
        let is_over = |begun: Timestamp| now.duration_since(begun) > INVOCATION_MAX;
        match self.state {
            OrderState::Failed => true,
            OrderState::Waiting => self.last_attempt_at.is_some_and(is_over),
            OrderState::Done | OrderState::Refused | OrderState::Undone => false,
        }
    }

    /// The record of a failed job that is submitted again: pending, as before. None, if it has not failed.
    pub fn retried(&self, now: Timestamp) -> Option<Self> {
        self.is_failed(now).then(|| Self {
            state: OrderState::Waiting,
            message: Some("it was submitted again".to_owned()),
            settled_at: None,
            inline: false,
            last_attempt_at: None,
            ..self.clone()
        })
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
        let placed = Placed::new(Some("7".to_owned()), order.clone());
        assert_eq!(serde_json::from_str::<Placed>(text).unwrap(), placed);
        assert_eq!(serde_json::to_value(&placed).unwrap(), serde_json::from_str::<Value>(text).unwrap());

        let by_hand = Placed::new(None, order);
        assert_eq!(serde_json::from_str::<Placed>(r#"{"order":"approve","run_id":"r"}"#).unwrap(), by_hand);
        // A word that is misspelt must not widen what is asked for, with an id or without.
        serde_json::from_str::<Placed>(r#"{"id":"7","order":"redrive","code_":"x"}"#).unwrap_err();
        serde_json::from_str::<Placed>(r#"{"id":7,"order":"redrive"}"#).unwrap_err();

        let chain = Chain { rounds: 2, idle_rounds: 1, ..Chain::default() };
        let continued = Placed { chain, ..placed };
        let text = r#"{"id":"7","order":"approve","run_id":"r","chain":{"rounds":2,"idle_rounds":1,"completed":0}}"#;
        assert_eq!(serde_json::to_value(&continued).unwrap(), serde_json::from_str::<Value>(text).unwrap());
        assert_eq!(serde_json::from_str::<Placed>(text).unwrap(), continued);
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
