//! AWS adapters of the exporter's ports. The only crate that depends on `aws-sdk-*`.
//!
//! [`Cloud`] implements the exporter's ports, one module for each. Guarantees: the SDK is the only
//! retry layer, except for imports, which the exporter retries; errors, logs, and debug output contain no secrets.

mod check_targets;
mod cloud;
mod config;
mod deployment;
mod dynamodb;
mod errors;
mod organization;
mod queue;
mod raw_call;
mod retries;
mod s3;
mod secrets_manager;
mod security_hub;
mod time;

pub use aws_config::SdkConfig;

pub use check_targets::CheckQueue;
pub use cloud::{Cloud, ManagementConfig, ResourceNames};
pub use config::{sdk_config, sdk_config_of};
pub use deployment::check_function::{CheckFunction, CheckResponse};
pub use deployment::inspect::{AlarmState, FunctionState, Inspector, Resource, RuleState};
pub use deployment::management_function::{Caller, ManageFunction};
pub use deployment::outputs::{Deployment, DeploymentError};
pub use organization::Member;
pub use s3::objects::Writer;
pub use s3::uploads::ListedObject;
pub use security_hub::client::SecurityHub;
pub use security_hub::raw::RawResponse;
