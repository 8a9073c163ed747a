//! Checks whether Security Hub behaves as the exporter assumes. Each check imports its own findings, which are archived from the
//! start if possible, compares the behavior of the service with one assumption, and reports what it observed.
//!
//! The crate makes no AWS calls; [`Service`] is the port. To add a check, add a file in `checks`, an entry in the list of checks,
//! and a deviation of the simulator that the check must detect.

mod check;
mod checks;
mod clean_up;
mod draft;
mod ledger;
mod preflight;
mod redact;
mod report;
mod response;
mod run;
mod service;
mod session;
mod stop;
mod target;

pub use check::{Reason, Verdict};
pub use clean_up::{CleanUp, clean_up};
pub use report::{CheckResult, Counts, Report};
pub use response::{NoResponse, ServiceResponse};
pub use run::{events_max, run};
pub use service::{Call, Service};
pub use session::{Session, Timing};
pub use stop::Stop;
pub use target::{ID_PREFIX, Options, Target};
