//! All limits of the service, with their units, reasons, and sections of the Security Hub contract.

/// Maximum number of findings of a BatchImportFindings call (contract 1.1).
pub(crate) const IMPORT_FINDINGS_MAX: usize = 100;

/// Maximum size of a finding as sent, in bytes: 240 KB (contract 1.1).
pub(crate) const FINDING_BYTES_MAX: usize = 240 * 1024;

/// Maximum size of the body of an import call, in bytes: 6 MB (contract 1.1).
pub(crate) const IMPORT_BYTES_MAX: usize = 6 * 1024 * 1024;

/// A single string must be shorter than this many characters (contract 1.1, observed).
pub(crate) const STRING_CHARS_LIMIT: usize = 32_768;

/// Maximum number of findings of a BatchUpdateFindings call (contract 3.2).
pub(crate) const UPDATE_FINDINGS_MAX: usize = 100;

/// Maximum and default number of results of a page (contract 3.1; the default is our choice).
pub(crate) const PAGE_RESULTS_MAX: usize = 100;

/// Maximum number of attributes of a GetFindings filter (contract 3.1).
pub(crate) const FILTER_ATTRIBUTES_MAX: usize = 10;

/// Maximum number of values of a filter attribute (contract 3.1).
pub(crate) const FILTER_VALUES_MAX: usize = 20;

/// Retention of an active finding after its last update, in days (contract 1.8).
pub(crate) const ACTIVE_RETENTION_DAYS: i64 = 90;

/// Retention of an archived finding after its last update, in days (contract 1.8).
pub(crate) const ARCHIVED_RETENTION_DAYS: i64 = 30;

/// Retention of the product subscriptions of a disabled hub, in days (contract 1.8).
pub(crate) const SUBSCRIPTION_RETENTION_DAYS: i64 = 90;

/// Hours of a day, for durations in days without a calendar.
pub(crate) const HOURS_PER_DAY: i64 = 24;

/// Maximum number of accounts on a page of `ListAccounts` (contract 8, account discovery).
pub(crate) const ORGANIZATION_PAGE_ACCOUNTS_MAX: usize = 20;

/// Minimum duration of a session of an assumed role, in seconds (contract 6.1).
pub(crate) const SESSION_SECONDS_MIN: i64 = 900;

/// Maximum duration of a session of an assumed role, in seconds (contract 6.1).
pub(crate) const SESSION_SECONDS_MAX: i64 = 43_200;

/// Default duration of a session, and the maximum for role chaining, in seconds (contract 6.1).
pub(crate) const CHAINED_SESSION_SECONDS_MAX: i64 = 3_600;

/// Maximum size of a request body that the server reads, in bytes: above the 6 MB rule, so that the rule itself can respond.
pub(crate) const REQUEST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Maximum number of calls in the call log; the oldest are removed first. A million findings are 10,000 calls.
pub(crate) const CALLS_KEPT: usize = 100_000;

/// Maximum number of "Imported" events in the event log; the oldest are removed first.
pub(crate) const EVENTS_KEPT: usize = 100_000;

/// Maximum number of active faults.
pub(crate) const FAULTS_MAX: usize = 1_000;
