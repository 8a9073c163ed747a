//! Every number of the service, once: unit, reason, and the section of the Security Hub contract it comes from.

/// Findings that one BatchImportFindings call may carry (contract 1.1).
pub(crate) const IMPORT_FINDINGS_MAX: usize = 100;

/// Bytes of one finding as sent: 240 KB (contract 1.1).
pub(crate) const FINDING_BYTES_MAX: usize = 240 * 1024;

/// Bytes of one import call's body: 6 MB (contract 1.1).
pub(crate) const IMPORT_BYTES_MAX: usize = 6 * 1024 * 1024;

/// A single string must be shorter than this many characters (contract 1.1, observed).
pub(crate) const STRING_CHARS_LIMIT: usize = 32_768;

/// Findings that one BatchUpdateFindings call may name (contract 3.2).
pub(crate) const UPDATE_FINDINGS_MAX: usize = 100;

/// Results of one page, and the page when the caller does not say (contract 3.1; the default is our choice).
pub(crate) const PAGE_RESULTS_MAX: usize = 100;

/// Attributes of one GetFindings filter (contract 3.1).
pub(crate) const FILTER_ATTRIBUTES_MAX: usize = 10;

/// Values of one filter attribute (contract 3.1).
pub(crate) const FILTER_VALUES_MAX: usize = 20;

/// Days that an active finding is kept after its last update (contract 1.8).
pub(crate) const ACTIVE_RETENTION_DAYS: i64 = 90;

/// Days that an archived finding is kept after its last update (contract 1.8).
pub(crate) const ARCHIVED_RETENTION_DAYS: i64 = 30;

/// Days that a switched-off hub keeps third-party subscriptions (contract 1.8).
pub(crate) const SUBSCRIPTION_RETENTION_DAYS: i64 = 90;

/// Hours of one day, for spans of days on a clock without calendar.
pub(crate) const HOURS_PER_DAY: i64 = 24;

/// Accounts on a page of `ListAccounts` at most (contract 8, account discovery).
pub(crate) const ORGANIZATION_PAGE_ACCOUNTS_MAX: usize = 20;

/// Shortest session of an assumed role, seconds (contract 6.1).
pub(crate) const SESSION_SECONDS_MIN: i64 = 900;

/// Longest session of an assumed role, seconds (contract 6.1).
pub(crate) const SESSION_SECONDS_MAX: i64 = 43_200;

/// Session length when AssumeRole does not ask for one, and the most that role chaining allows, seconds (contract 6.1).
pub(crate) const CHAINED_SESSION_SECONDS_MAX: i64 = 3_600;

/// Bytes of a request body that the server reads at all: above the 6 MB rule, so that the rule itself can answer.
pub(crate) const REQUEST_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Calls that the call log keeps; the oldest go first. A million findings are 10,000 calls.
pub(crate) const CALLS_KEPT: usize = 100_000;

/// "Imported" events that the event log keeps; the oldest go first.
pub(crate) const EVENTS_KEPT: usize = 100_000;

/// Faults that may be active at once.
pub(crate) const FAULTS_MAX: usize = 1_000;
