//! Every reason code: why a finding was not sent or not archived, or is unproven. They appear in reports, in the counts of
//! runs, and in notifications.

/// The reasons for which findings are filtered, in addition to [`FilterReason`](crate::selection::filter::FilterReason).
pub mod filtered {
    /// A newer scan was exported before.
    pub const SUPERSEDED: &str = "superseded";
    /// An earlier run exported the same upload for the account.
    pub const ALREADY_EXPORTED: &str = "already_exported";
    /// The integration does not accept scans from the upload's source.
    pub const NOT_AUTHORIZED_SOURCE: &str = "not_authorized_source";
    /// A later run sent or archived the finding.
    pub const MODIFIED_SINCE: &str = "modified_since";
    /// The finding could not be archived; each scan retries that automatically.
    pub const DEFERRED_TO_NEXT_SCAN: &str = "deferred_to_next_scan";
}

/// Why a scan proves nothing about an active finding that is absent from it.
pub mod unproven {
    /// The file was not read to its end.
    pub const FILE_TRUNCATED: &str = "file_truncated";
    /// The file contains scans of the account from several times.
    pub const SEVERAL_SCAN_TIMES: &str = "several_scan_times";
    /// The scan has far fewer results than the last whole scan.
    pub const PARTIAL_SCAN: &str = "partial_scan";
    /// The file has malformed entries that could be the finding.
    pub const MALFORMED_ENTRIES: &str = "malformed_entries";
    /// The check reported MANUAL for the account: often a missing permission of the scanner.
    pub const MANUAL_CHECK: &str = "manual_check";
    /// The scan has no results for the Region.
    pub const NO_REGION_RESULTS: &str = "no_region_results";
    /// The scan has no results for the service in any Region.
    pub const NO_SERVICE_RESULTS: &str = "no_service_results";
    /// The file's format does not show whether it is complete, and the scope is `partial`.
    pub const NO_FILE_END: &str = "no_file_end";

    /// The reason as the end of a sentence, after "because".
    pub fn explain(reason: &str) -> &'static str {
        match reason {
            FILE_TRUNCATED => "the file was not read to its end",
            SEVERAL_SCAN_TIMES => "the file contains several scans of the account",
            PARTIAL_SCAN => "the scan has far fewer results than the last whole scan",
            MALFORMED_ENTRIES => "malformed entries of the file could be these findings",
            MANUAL_CHECK => "the check could not be completed (MANUAL), often for a missing permission",
            NO_REGION_RESULTS => "the scan has no results for the Region",
            NO_SERVICE_RESULTS => "the scan has no results for the service",
            NO_FILE_END => "the file's format does not show whether it is complete",
            _ => "the scan does not prove that they are resolved",
        }
    }
}

/// The reasons for which findings are undelivered.
pub mod undelivered {
    /// The account has no integration.
    pub const NO_INTEGRATION: &str = "no_integration";
    /// The account's integration is disabled.
    pub const INTEGRATION_DISABLED: &str = "integration_disabled";
    /// Another run is exporting a scan of the account.
    pub const ACCOUNT_LOCKED: &str = "account_locked";
    /// The integration's credentials could not be obtained for a transient reason.
    pub const CREDENTIALS_UNAVAILABLE: &str = "credentials_unavailable";
    /// The calls were throttled for longer than the retries last.
    pub const THROTTLED: &str = "throttled";
    /// The service returned errors, or connections failed.
    pub const SERVICE_ERROR: &str = "service_error";
    /// The Region's endpoint did not respond, although it did before; or no Region responded at all.
    pub const UNREACHABLE: &str = "unreachable";
    /// The run's time ended.
    pub const DEADLINE_EXCEEDED: &str = "deadline_exceeded";

    /// The run could not renew its lease on the account, and another run may have acquired the lock.
    pub const LEASE_LOST: &str = "lease_lost";

    /// Whether the cause may resolve itself, so that a retry is worthwhile.
    pub fn is_transient(reason: &str) -> bool {
        [ACCOUNT_LOCKED, CREDENTIALS_UNAVAILABLE, THROTTLED, SERVICE_ERROR, UNREACHABLE, DEADLINE_EXCEEDED, LEASE_LOST]
            .contains(&reason)
    }
}

/// The reasons for which a Region is unavailable.
pub mod unavailable {
    /// The integration doesn't include the Region.
    pub const REGION_NOT_SELECTED: &str = "region_not_selected";
    /// Security Hub is not enabled.
    pub const HUB_NOT_ENABLED: &str = "hub_not_enabled";
    /// Security Hub does not accept findings of the Prowler product.
    pub const PRODUCT_NOT_ACCEPTED: &str = "product_not_accepted";
    /// The account has not enabled the Region.
    pub const REGION_NOT_OPTED_IN: &str = "region_not_opted_in";
    /// The account has enabled the Region, but the Region does not accept the session.
    pub const SESSION_NOT_KNOWN: &str = "session_not_known";
    /// The Region is not in the account's partition.
    pub const WRONG_PARTITION: &str = "wrong_partition";
    /// The endpoint does not respond.
    pub const UNREACHABLE: &str = "unreachable";
    /// A permission is missing.
    pub const ACCESS_DENIED: &str = "access_denied";
    /// A policy denies the call explicitly.
    pub const DENIED_BY_POLICY: &str = "denied_by_policy";
    /// The endpoint stored a finding that Security Hub can't store.
    pub const WRITE_PROBE_STORED: &str = "write_probe_stored";
}
