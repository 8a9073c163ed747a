//! Access keys in Secrets Manager.

pub(crate) mod access_keys;
pub(crate) mod secret;
