//! Options that several commands share, and their values.

pub(crate) mod choices;
pub(crate) mod credentials;
pub(crate) mod filters;
pub(crate) mod reason;
pub(crate) mod role;
pub(crate) mod settings;
