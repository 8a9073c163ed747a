//! Adapters: what the exporter asks of the world, done by AWS. The only crate that names `aws-sdk-*`.
//!
//! [`Cloud`] implements the exporter's ports, one module for each. Promises: everything that is retried here is retried
//! by the SDK and by nobody else, but for imports, which the exporter retries itself; no secret gets into an error, a log
//! line or a debug text.

mod accounts;
mod carried;
mod check_function;
mod claims;
mod cloud;
mod config;
mod connections;
mod credentials;
mod deployment;
mod errors;
mod function;
mod hub;
mod hub_errors;
mod hubs;
mod inspect;
mod integrations;
mod item;
mod listing;
mod manage;
mod objects;
mod organization;
mod probe;
mod queue;
mod regions;
mod registry;
mod retries;
mod roster;
mod runs;
mod scans;
mod secret;
mod signed;
mod stacks;
mod summary;
mod telling;
mod time;
mod topics;
mod whole;
mod xml;

pub use aws_config::SdkConfig;

pub use check_function::{CheckAnswer, CheckFunction};
pub use cloud::{Cloud, Managing, Names};
pub use config::{sdk_config, sdk_config_of};
pub use deployment::{Deployment, DeploymentError};
pub use hub::SecurityHub;
pub use inspect::{AlarmState, FunctionState, Inspector, Resource, RuleState};
pub use listing::Listed;
pub use manage::{Caller, ManageFunction};
pub use objects::Writer;
pub use organization::Member;
pub use roster::CheckQueue;
