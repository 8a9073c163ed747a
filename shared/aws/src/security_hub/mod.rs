//! Security Hub in the accounts of integrations: sessions, calls, and errors.

pub(crate) mod client;
pub(crate) mod credentials;
pub(crate) mod errors;
pub(crate) mod probe;
pub(crate) mod raw;
pub(crate) mod regions;
pub(crate) mod sessions;
