//! One file per command: its options, its steps, and its output.

pub(crate) mod apply;
pub(crate) mod attention;
pub(crate) mod audit;
pub(crate) mod completion;
pub(crate) mod console;
pub(crate) mod convert;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod integration;
pub(crate) mod job;
pub(crate) mod man;
pub(crate) mod permissions;
pub(crate) mod plan;
pub(crate) mod provider;
pub(crate) mod quarantine;
pub(crate) mod reconcile;
pub(crate) mod run;
pub(crate) mod validate;
pub(crate) mod verify;
