//! View models of pages: pure functions of the data.

pub(crate) mod account;
pub(crate) mod account_numbers;
pub(crate) mod attention;
pub(crate) mod control;
pub(crate) mod failure;
pub(crate) mod fields;
pub(crate) mod history;
pub(crate) mod integration;
pub(crate) mod last_scan;
pub(crate) mod matrix;
pub(crate) mod outcomes;
pub(crate) mod pager;
pub(crate) mod parts;
pub(crate) mod pending_archive;
pub(crate) mod plan;
pub(crate) mod region;
pub(crate) mod region_sums;
pub(crate) mod report;
pub(crate) mod run;
pub(crate) mod settings;
pub(crate) mod sort;
pub(crate) mod tested;
pub(crate) mod text;
