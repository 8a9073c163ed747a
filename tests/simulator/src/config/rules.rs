//! Rates, and the choices where the contract allows several behaviors or describes none.

use serde::{Deserialize, Serialize};

use super::Deviation;

/// Token buckets per account, Region and operation (contract 1.9).
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rates {
    /// If false, no call is ever throttled.
    pub enabled: bool,
    /// BatchImportFindings.
    pub batch_import_findings: Rate,
    /// BatchUpdateFindings.
    pub batch_update_findings: Rate,
    /// GetFindings.
    pub get_findings: Rate,
    /// Each of the other operations.
    pub other: Rate,
    /// The error of a throttled call.
    pub error: ThrottleError,
}

impl Default for Rates {
    fn default() -> Self {
        let general = Rate { calls_per_second: 10.0, burst: 30.0 };
        Self {
            enabled: true,
            batch_import_findings: general,
            batch_update_findings: general,
            get_findings: Rate { calls_per_second: 3.0, burst: 6.0 },
            other: general,
            error: ThrottleError::TooManyRequestsException,
        }
    }
}

/// A token bucket's rate and size.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// Tokens that are added per second.
    pub calls_per_second: f64,
    /// Capacity of the bucket, in tokens.
    pub burst: f64,
}

/// The error of a throttled call; the status is 429 for both (contract 1.10).
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub enum ThrottleError {
    /// Observed on the real service, but not in its model.
    TooManyRequestsException,
    /// In the model.
    LimitExceededException,
}

/// Choices where the contract allows several behaviors.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rules {
    /// The response to an import if Security Hub is not enabled (contract 1.10, section 9 step 6).
    pub hub_off_import: HubOffImport,
    /// Whether an unauthorized finding fails alone instead of failing the whole call (contract 2.2).
    pub partial_auth: bool,
    /// Status of a body over 6 MB: 400 or 413 (contract section 9 step 3).
    pub oversized_body_status: u16,
    /// Status of `AuthorizerConfigurationException` (contract section 9 step 4).
    pub authorizer_status: u16,
    /// Whether an update that is ignored because it is not newer is billed and causes an event (contract section 10, 1).
    pub ignored_updates_billed: bool,
    /// Time until reads show an import, in milliseconds (contract 3.1).
    pub consistency_lag_ms: u64,
    /// Default number of results on a page of ListEnabledProductsForImport (contract 2.3).
    pub products_page_size: usize,
    /// Lifetime of a NextToken, in seconds (contract section 10, 8).
    pub next_token_seconds: u64,
    /// Whether a finding with an unknown property is rejected; otherwise, the property is dropped silently.
    pub unknown_properties_refused: bool,
    /// Whether a type must begin with one of the five documented namespaces. Disabled by default: Prowler sent others for years
    /// without a report that the service rejects them (contract 1.3, types taxonomy).
    pub type_namespaces_checked: bool,
    /// Whether tags must consist of AWS's own characters. Disabled by default: documented, but the service was not observed to
    /// check it (contract 1.3).
    pub tag_characters_checked: bool,
    /// Whether temporary keys are version 1 tokens, which opt-in Regions reject (contract 6.1).
    pub global_sts_tokens: bool,
    /// Rules of the contract that this world breaks.
    pub deviations: Vec<Deviation>,
}

impl Rules {
    /// Whether this world breaks a rule.
    pub(crate) fn deviates(&self, deviation: Deviation) -> bool {
        self.deviations.contains(&deviation)
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            hub_off_import: HubOffImport::FailedFindings,
            partial_auth: false,
            oversized_body_status: 400,
            authorizer_status: 500,
            ignored_updates_billed: false,
            consistency_lag_ms: 0,
            products_page_size: 5,
            next_token_seconds: 3_600,
            unknown_properties_refused: false,
            type_namespaces_checked: false,
            tag_characters_checked: false,
            global_sts_tokens: false,
            deviations: Vec::new(),
        }
    }
}

/// The response to an import if Security Hub is not enabled.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HubOffImport {
    /// Option A, as documented: status 200, and every finding fails with `InvalidAccess`.
    FailedFindings,
    /// Option B: 401 `InvalidAccessException`.
    InvalidAccess,
    /// As observed: 403 AccessDeniedException.
    AccessDenied,
}
