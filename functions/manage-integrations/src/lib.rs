//! The Lambda function that manages a deployment: the HTTP API for operators, and CloudFormation custom resources.
//!
//! `main` initializes the function, [`handler`] dispatches HTTP requests and CloudFormation requests and enforces deadlines,
//! [`runtime::isolation`] runs each CloudFormation request in a child process, and [`response`] sends the response to
//! CloudFormation. The crate `management` has the logic.

pub mod config;
pub mod handler;
pub mod response;
