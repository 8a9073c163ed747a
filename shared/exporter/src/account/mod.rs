//! The export of one account: its integration, its filters, its delivery.

mod finish;
mod open;
mod receive;
mod rest;
mod session;

pub(crate) use self::finish::Finished;
pub(crate) use self::open::{begin_any, disabled, no_integration, regions_with_state};
pub(crate) use self::session::{ALREADY_EXPORTED, AccountExport, Context, Ending, First, SUPERSEDED};
