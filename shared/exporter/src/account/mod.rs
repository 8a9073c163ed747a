//! The export of one account: its integration, its filters, and its delivery.

mod export;
mod finish;
mod open;
mod problems;
mod receive;
pub(crate) mod router;
mod select;
mod session;
mod suspend;

pub(crate) use self::export::{AccountExport, Context, Ending, First};
pub(crate) use self::finish::Finished;
pub(crate) use self::problems::{account_locked, integration_disabled, no_integration};
pub(crate) use self::select::{Selected, select};
pub(crate) use self::session::{AccountSession, NotLocked, regions_with_state};
