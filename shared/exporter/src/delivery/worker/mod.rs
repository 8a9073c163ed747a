//! The worker of one account and Region: it opens the Region's state, receives findings, sends them, and archives.
//!
//! In the order of its work: `open`, `reach`, `receive`, `wait`, `settle`, then `begin_judging`, `judge`, and `conclude`.
//! `revise` and `reconcile` are what jobs do with the same state.

mod begin_judging;
pub(super) mod conclude;
pub(super) mod judge;
mod open;
mod reach;
mod receive;
mod reconcile;
pub(super) mod region;
mod repeated;
mod revise;
mod settle;
mod wait;

pub(crate) use self::judge::Verdicts;
pub(crate) use self::region::Policy;
pub(crate) use self::repeated::room;
pub(crate) use self::revise::Selector;
