//! Which findings an integration sends. Every finding filtered has a reason, and the reason is counted.

use asff::{ScanFormat, SeverityLabel, Status};

use crate::model::integration::{Integration, MutedFindings};
use crate::state::SeenInScan;

/// Why a finding is filtered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FilterReason {
    /// The integration exports the scan in another format.
    OtherFormat,
    /// The finding passed, and only failed findings are sent.
    Passed,
    /// The finding is muted.
    Muted,
    /// The check requires a manual verdict.
    Manual,
    /// The finding's severity is below the integration's minimum.
    LowSeverity,
    /// The severity is below the minimum and the finding passed, so an earlier failed finding is resolved.
    LowSeverityPassed,
    /// The file already has the same finding, with the same or a worse status.
    Duplicate,
}

impl FilterReason {
    /// The reason's name in reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OtherFormat => "other_format",
            Self::Passed => "passed",
            Self::Muted => "muted",
            Self::Manual => "manual",
            Self::LowSeverity | Self::LowSeverityPassed => "low_severity",
            Self::Duplicate => "duplicate",
        }
    }
}

impl FilterReason {
    /// What a finding that is filtered for this reason means for the finding that was sent before.
    pub(crate) fn seen(self) -> SeenInScan {
        match self {
            Self::Passed | Self::LowSeverityPassed => SeenInScan::Passed,
            Self::Muted => SeenInScan::Muted,
            Self::OtherFormat | Self::LowSeverity => SeenInScan::Filtered,
            // MANUAL isn't a setting: the finding counts as active.
            Self::Manual => SeenInScan::Manual,
            Self::Duplicate => SeenInScan::Wanted,
        }
    }
}

/// Decides whether an integration sends a finding of this status and severity.
pub fn filter(
    integration: &Integration,
    format: ScanFormat,
    status: Status,
    severity: SeverityLabel,
) -> Option<FilterReason> {
    if integration.format != format {
        return Some(FilterReason::OtherFormat);
    }
    match status {
        Status::Warning if omits_muted(integration) => return Some(FilterReason::Muted),
        Status::Passed if integration.only_failed => return Some(FilterReason::Passed),
        _ => {}
    }
    integration.severity_min.filter(|&minimum| severity < minimum).map(|_| match status {
        Status::Passed => FilterReason::LowSeverityPassed,
        _ => FilterReason::LowSeverity,
    })
}

fn omits_muted(integration: &Integration) -> bool {
    match integration.muted {
        MutedFindings::AsProwler => integration.only_failed,
        MutedFindings::Omit => true,
        MutedFindings::Send => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn integration(change: impl FnOnce(&mut Integration)) -> Integration {
        let mut integration = Integration::new("123456789012".parse::<asff::AccountId>().unwrap());
        change(&mut integration);
        integration
    }

    fn decide(integration: &Integration, status: Status, severity: SeverityLabel) -> Option<FilterReason> {
        filter(integration, ScanFormat::Ocsf, status, severity)
    }

    #[test]
    fn by_default_only_failed_findings_are_sent() {
        let integration = integration(|_| {});
        assert_eq!(decide(&integration, Status::Failed, SeverityLabel::Informational), None);
        assert_eq!(decide(&integration, Status::Passed, SeverityLabel::Critical), Some(FilterReason::Passed));
        assert_eq!(decide(&integration, Status::Warning, SeverityLabel::Critical), Some(FilterReason::Muted));
    }

    #[test]
    fn muted_findings_follow_their_own_setting() {
        let all = integration(|i| i.only_failed = false);
        assert_eq!(decide(&all, Status::Warning, SeverityLabel::Low), None);
        let omit = integration(|i| (i.only_failed, i.muted) = (false, MutedFindings::Omit));
        assert_eq!(decide(&omit, Status::Warning, SeverityLabel::Low), Some(FilterReason::Muted));
        let send = integration(|i| i.muted = MutedFindings::Send);
        assert_eq!(decide(&send, Status::Warning, SeverityLabel::Low), None);
    }

    #[test]
    fn the_minimum_severity_is_still_sent() {
        let integration = integration(|i| i.severity_min = Some(SeverityLabel::Medium));
        assert_eq!(decide(&integration, Status::Failed, SeverityLabel::Low), Some(FilterReason::LowSeverity));
        assert_eq!(decide(&integration, Status::Failed, SeverityLabel::Medium), None);
        assert_eq!(decide(&integration, Status::Failed, SeverityLabel::Critical), None);
    }

    #[test]
    fn a_finding_that_passes_is_passed_whatever_its_severity() {
        let integration = integration(|i| (i.only_failed, i.severity_min) = (false, Some(SeverityLabel::High)));
        let reason =
            |status| decide(&integration, status, SeverityLabel::Low).map(|reason| (reason.as_str(), reason.seen()));
        assert_eq!(reason(Status::Passed), Some(("low_severity", SeenInScan::Passed)));
        assert_eq!(reason(Status::Failed), Some(("low_severity", SeenInScan::Filtered)));
    }

    #[test]
    fn a_scan_in_another_format_is_not_exported_twice() {
        let integration = integration(|_| {});
        let reason = filter(&integration, ScanFormat::Csv, Status::Failed, SeverityLabel::High);
        assert_eq!(reason, Some(FilterReason::OtherFormat));
    }
}
