//! The export of one account: its integration, its filters, its delivery.

mod export;
mod finish;
mod open;
mod receive;
mod refused;
mod rest;
mod select;
mod session;

pub(crate) use self::export::{AccountExport, Context, Ending, First};
pub(crate) use self::finish::Finished;
pub(crate) use self::refused::{account_locked, integration_disabled, no_integration};
pub(crate) use self::select::{Selected, select};
pub(crate) use self::session::{AccountSession, NotLocked, regions_with_state};
