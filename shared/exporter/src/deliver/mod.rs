//! Delivers an account's findings to Security Hub: one worker for each Region, all at once.
//!
//! Promises: a finding that goes in has exactly one fate when [`AccountDelivery::finish`] returns; a Region in trouble
//! does not stop another; memory is bounded by the queues and by the bytes in flight.

mod account;
mod batch;
mod begin_judging;
mod conclude;
mod delivered;
mod judge;
mod open;
mod pace;
mod reach;
mod reconcile;
mod region;
mod repeated;
mod rest;
mod revise;
mod sender;
mod settle;
mod stamp;
mod stop;
mod take;
#[cfg(test)]
mod tests;
mod timed;
mod wait;

pub(crate) use self::account::{AccountDelivery, Judging, Resting, Sending, Shared};
pub(crate) use self::delivered::AccountDelivered;
pub(crate) use self::judge::Verdicts;
pub(crate) use self::pace::Pace;
pub(crate) use self::region::Policy;
pub(crate) use self::repeated::room;
pub(crate) use self::revise::Choose;
pub(crate) use self::stamp::once_more;
pub(crate) use crate::limit::Limit;
