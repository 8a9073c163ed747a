//! The table: one partition per kind of item.

pub(crate) mod account_locks;
pub(crate) mod connection_log;
pub(crate) mod connections;
pub(crate) mod history;
pub(crate) mod integrations;
pub(crate) mod item;
pub(crate) mod jobs;
pub(crate) mod notifications;
pub(crate) mod query_all;
pub(crate) mod query_page;
pub(crate) mod run_item;
pub(crate) mod run_log;
pub(crate) mod runs;
pub(crate) mod settings_store;
pub(crate) mod upload_locks;
