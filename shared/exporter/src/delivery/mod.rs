//! Delivers an account's findings to Security Hub: one worker per Region, and all workers run at the same time.
//!
//! Guarantees: each finding has exactly one outcome when [`AccountDelivery::finish`] returns; a Region that fails does
//! not stop other Regions; memory is bounded by the queues and by the bytes in flight.

mod account;
mod batch;
mod call_rate;
pub(crate) mod deadline;
mod delivered;
mod halt;
pub(crate) mod limit;
pub(crate) mod pack;
mod sender;
mod stamp;
mod suspend;
#[cfg(test)]
mod tests;
mod timed_hub;
mod worker;

pub(crate) use self::account::{AccountDelivery, DeliveryTarget, Judging, Shared, SuspendedDelivery};
pub(crate) use self::call_rate::CallRate;
pub(crate) use self::delivered::AccountDelivered;
pub(crate) use self::stamp::resend_stored;
pub(crate) use self::worker::{Policy, Selector, Verdicts, new_buffer_slots};
pub(crate) use crate::delivery::limit::Limit;
