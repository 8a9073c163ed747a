//! Options that several commands have, and what their values may be.

pub(crate) mod choices;
pub(crate) mod credentials;
pub(crate) mod filters;
pub(crate) mod role;
pub(crate) mod settings;
