//! The worker of one account and Region: it opens the Region's state, receives findings, sends them, and archives.
//!
//! The modules in the order of the work: `open`, `check_hub`, `receive`, `buffer`, `complete`, then `prepare`, `judge`,
//! and `conclude`. Jobs run `resend` and `reconcile` on the same state.

mod buffer;
mod check_hub;
mod complete;
pub(super) mod conclude;
pub(super) mod judge;
mod open;
mod prepare;
mod receive;
mod reconcile;
pub(super) mod region;
mod repeated;
mod resend;

pub(crate) use self::judge::Verdicts;
pub(crate) use self::region::Policy;
pub(crate) use self::repeated::new_buffer_slots;
pub(crate) use self::resend::Selector;
