//! The reasons for which findings are left to a later run.

/// The account has no integration.
pub const NO_INTEGRATION: &str = "no_integration";
/// The account's integration is disabled.
pub const INTEGRATION_DISABLED: &str = "integration_disabled";
/// Another run is exporting a scan of the account.
pub const ACCOUNT_LOCKED: &str = "account_locked";
/// The integration's credentials could not be had just now.
pub const CREDENTIALS_UNAVAILABLE: &str = "credentials_unavailable";
/// Over the quota for longer than we wait.
pub const THROTTLED: &str = "throttled";
/// Errors of the service, or connections that break.
pub const SERVICE_ERROR: &str = "service_error";
/// No answer from the Region's endpoint, which has answered before; or from no Region at all.
pub const UNREACHABLE: &str = "unreachable";
/// The run's time was over.
pub const OUT_OF_TIME: &str = "out_of_time";

/// The run could not renew its hold on the account, and another may have it.
pub const HOLD_LOST: &str = "hold_lost";

/// Whether the cause may pass by itself, so that another try is worth it.
pub fn passes(reason: &str) -> bool {
    [ACCOUNT_LOCKED, CREDENTIALS_UNAVAILABLE, THROTTLED, SERVICE_ERROR, UNREACHABLE, OUT_OF_TIME, HOLD_LOST]
        .contains(&reason)
}
