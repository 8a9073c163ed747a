//! Validates providers, integrations, and credentials that come from the API or from a template.
//!
//! Guarantees: all errors are reported at once, each with its field; no error repeats a value that may be a secret.

mod credentials;
mod errors;
mod integration;
mod provider;
mod reason;
mod schedule;
mod settings;

pub use credentials::{Key, ValidCredentials, for_provider, of_integration, of_provider};
pub use errors::Errors;
pub(crate) use integration::REGIONS_MAX;
pub use integration::{integration, patchable_settings};
pub use provider::{alias, provider, provider_id};
pub use reason::{REASON_CHARS_MAX, reason};
pub use schedule::schedule;
pub use settings::Settings;
