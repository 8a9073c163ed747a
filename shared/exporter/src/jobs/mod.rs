//! Jobs that a user submits, as messages of the queue or as payloads of an invocation, and the code that runs them.
//!
//! Guarantee: a job may be delivered twice; the second time, its work is already done.

mod approvable;
mod archive_all;
mod chain;
mod context;
mod delivery;
mod delivery_target;
mod end_run;
mod error;
mod job;
mod job_report;
mod locked_account;
mod processor;
mod progress;
mod progress_writer;
mod queue;
mod reconcile;
mod record;
mod redrive;
mod replay;
mod run;
mod runner;
mod submit;
mod undo_archive;

pub use self::approvable::{ensure_approvable, ensure_run_approvable, newer_run};
pub use self::chain::{Chain, RETRY_DELAY, Round, is_locked};
pub use self::delivery::Delivery;
pub use self::end_run::end_run;
pub use self::error::{JobError, RunnerError};
pub use self::job::Job;
pub use self::job_report::{EXPLAINED_RUNS_MAX, JobReport, read_job_report};
pub use self::processor::{Processed, process};
pub use self::progress::{JobProgress, RegionProgress};
pub use self::progress_writer::INTERVAL as PROGRESS_INTERVAL;
pub use self::queue::Queue;
pub use self::reconcile::Reconcile;
pub use self::record::{JobMessage, JobRecord, JobState, JobStore};
pub use self::redrive::Redrive;
pub use self::run::{accounts_with_state, run_job};
pub use self::runner::{JobRunner, Options};
pub use self::submit::{retry, submit};
pub use crate::ports::report_store::read_report;
