//! Checks that a Security Hub behaves as the exporter assumes. Each check imports findings of its own, which are archived from the
//! start where possible, compares what the service does with one assumption, and says what it observed.
//!
//! The crate makes no AWS calls: [`Service`] is the port. A new check is a file in `checks`, a line in its list, and a deviation of
//! the simulator that the check must find.

mod answer;
mod check;
mod checks;
mod clean_up;
mod draft;
mod ledger;
mod preflight;
mod redact;
mod report;
mod run;
mod service;
mod session;
mod stop;
mod target;

pub use answer::{Answer, NoAnswer};
pub use check::{Reason, Verdict};
pub use clean_up::{CleanUp, clean_up};
pub use report::{CheckResult, Counts, Report};
pub use run::{events_max, run};
pub use service::{Call, Service};
pub use session::{Session, Timing};
pub use stop::Stop;
pub use target::{ID_PREFIX, Options, Target};
