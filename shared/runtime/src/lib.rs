//! Common parts of the Lambda functions: environment, logs, metrics, deadlines, and process isolation.

pub mod config;
pub mod deadline;
pub mod isolation;
pub mod logs;
pub mod metrics;
