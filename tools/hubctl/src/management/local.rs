//! The managing API in this process.

use anyhow::Result;
use asff::Partition;
use aws::{Caller, SdkConfig};

use super::Management;
use crate::config::Global;
use crate::exit::{Exit, Failure};

pub(super) async fn connect(_: &Global, _: &SdkConfig, _: Caller, _: Partition) -> Result<Management> {
    Err(Failure::new(Exit::Error, "to be written").into())
}
