//! The Lambda function that manages a deployment: the operators' API, and resources of CloudFormation.
//!
//! `main` wires, [`handler`] tells the two apart and keeps the time, [`answer`] brings CloudFormation its answer, and the
//! crate `management` decides.

pub mod answer;
pub mod config;
pub mod handler;
