//! The Lambda function that manages a deployment: the operators' API, and resources of CloudFormation.
//!
//! `main` wires, [`handler`] tells the two apart and keeps the time, [`runtime::isolation`] gives each request of
//! CloudFormation a process of its own, [`answer`] brings it its answer, and the crate `management` decides.

pub mod config;
pub mod handler;
pub mod response;
