//! The Lambda function that manages a deployment: the operators' API, and resources of CloudFormation.
//!
//! `main` connects the parts, [`handler`] tells the two kinds of events apart and keeps the deadline, [`runtime::isolation`] runs each
//! request of CloudFormation in a process of its own, [`response`] sends its response, and the crate `management` decides.

pub mod config;
pub mod handler;
pub mod response;
