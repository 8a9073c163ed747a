//! What the Lambda functions have in common: how they read their environment, write log lines and metrics, know how
//! much time is left, and survive a panic. Nothing in here knows what a function is for.

pub mod config;
pub mod deadline;
pub mod isolation;
pub mod logs;
pub mod metrics;
