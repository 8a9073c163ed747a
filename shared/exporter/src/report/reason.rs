//! Why a scan proves nothing about an active finding that is absent from it.

/// The file was not read to its end.
pub const FILE_TRUNCATED: &str = "file_truncated";
/// The file holds scans of several times of the account.
pub const SEVERAL_SCAN_TIMES: &str = "several_scan_times";
/// The scan has far fewer results than the last whole one.
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

/// The reason in a sentence's end, after "because".
pub fn explain(reason: &str) -> &'static str {
    match reason {
        FILE_TRUNCATED => "the file was not read to its end",
        SEVERAL_SCAN_TIMES => "the file holds several scans of the account",
        PARTIAL_SCAN => "the scan has far fewer results than the last whole scan",
        MALFORMED_ENTRIES => "malformed entries of the file could be these findings",
        MANUAL_CHECK => "the check could not be completed (MANUAL), often for a missing permission",
        NO_REGION_RESULTS => "the scan has no results for the Region",
        NO_SERVICE_RESULTS => "the scan has no results for the service",
        NO_FILE_END => "the file's format does not show whether it is complete",
        _ => "the scan does not prove that they are resolved",
    }
}
