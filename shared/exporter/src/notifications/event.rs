//! Notification events: one for each change, as email text and as fields for EventBridge rules.

use asff::{AccountId, RegionName};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::connection::{Connection, Problem, RegionStatus};
use crate::model::provider::ProviderId;
use crate::model::schedule::Schedule;

/// The source of all events, which rules match.
pub const SOURCE: &str = "securityhub-exporter";
/// Maximum number of characters of a text that comes from outside. An email shows the whole text; an EventBridge entry is
/// limited to 256 KB.
const TEXT_CHARS_MAX: usize = 1_000;

/// The kind of an event: its detail type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// Security Hub accepts an account's findings, and did not before.
    #[serde(rename = "Integration Connected")]
    Connected,
    /// No Region accepts an account's findings any more.
    #[serde(rename = "Integration Disconnected")]
    Disconnected,
    /// A Region accepts findings from now on.
    #[serde(rename = "Region Available")]
    RegionAvailable,
    /// A Region no longer accepts findings; other Regions do.
    #[serde(rename = "Region Unavailable")]
    RegionUnavailable,
    /// A scan was due and did not arrive.
    #[serde(rename = "Scan Missing")]
    ScanMissing,
    /// The scans of an account no longer have results of a service in a Region, although findings of the service are active.
    #[serde(rename = "Coverage Lost")]
    CoverageLost,
    /// The coverage of the service is no longer lost.
    #[serde(rename = "Coverage Recovered")]
    CoverageRecovered,
    /// An upload had findings of an account whose integration does not accept the upload's source.
    #[serde(rename = "Source Not Authorized")]
    SourceNotAuthorized,
}

impl EventKind {
    /// The detail type, which rules match.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "Integration Connected",
            Self::Disconnected => "Integration Disconnected",
            Self::RegionAvailable => "Region Available",
            Self::RegionUnavailable => "Region Unavailable",
            Self::ScanMissing => "Scan Missing",
            Self::CoverageLost => "Coverage Lost",
            Self::CoverageRecovered => "Coverage Recovered",
            Self::SourceNotAuthorized => "Source Not Authorized",
        }
    }
}

/// An event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The detail type.
    pub kind: EventKind,
    /// The detail.
    pub detail: Detail,
}

/// An event's detail. Fields are only ever added.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detail {
    /// The ID, which is the same if the event is sent again, because an invocation died after it sent the event and before
    /// it recorded that.
    pub id: String,
    /// The account.
    pub account: AccountId,
    /// The provider through which the account is reached: the account itself, or its organization.
    pub provider: ProviderId,
    /// The Region that became available or unavailable, or whose coverage changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// The Regions that accept findings now.
    pub regions: Vec<RegionName>,
    /// A short name of the reason, such as `hub_not_enabled`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What happened, for an email's subject.
    pub summary: String,
    /// What happened, in a sentence or two.
    pub message: String,
    /// The fix, as a command if possible.
    pub remediation: String,
    /// When the change was found.
    pub at: Timestamp,
    /// When the missing scan was due.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_at: Option<Timestamp>,
    /// The time of the newest scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest_scan_at: Option<Timestamp>,
    /// The service whose coverage was lost or recovered: a check's ID up to the first underscore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// Active findings without evidence, or findings that were not sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub findings: Option<u64>,
    /// The time of the first scan without results.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The run that found the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
    /// The source of the upload: its directory, and its uploader's account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl Event {
    pub(super) fn connected(connection: &Connection) -> Self {
        let account = connection.account;
        let mut event = Self::new(EventKind::Connected, connection, None);
        event.detail.summary = format!("Account {account} is connected to Security Hub");
        event.detail.message = format!("Security Hub accepts its findings in {}.", list_regions(&event.detail.regions));
        event
    }

    pub(super) fn disconnected(connection: &Connection) -> Self {
        let account = connection.account;
        let mut event = Self::new(EventKind::Disconnected, connection, None);
        event.detail.summary =
            format!("Account {account} is disconnected from Security Hub: its findings are not sent");
        let first = || {
            let mut problems = connection.regions.values().filter_map(|region| region.problem.as_ref());
            problems.next()
        };
        event.set_cause(connection.problem.as_ref().or_else(first), "no Region accepts its findings");
        event
    }

    pub(super) fn region_available(connection: &Connection, region: RegionName) -> Self {
        let mut event = Self::new(EventKind::RegionAvailable, connection, Some(region));
        event.detail.summary =
            format!("Security Hub of account {} now accepts findings in {region}", connection.account);
        event.detail.message = "Findings of the next scan are sent there as well.".to_owned();
        event
    }

    pub(super) fn region_unavailable(connection: &Connection, region: RegionName) -> Self {
        let mut event = Self::new(EventKind::RegionUnavailable, connection, Some(region));
        event.detail.summary =
            format!("Security Hub of account {} no longer accepts findings in {region}", connection.account);
        let found = connection.regions.get(&region);
        event.set_cause(found.and_then(|region| region.problem.as_ref()), "the Region does not accept findings");
        event
    }

    pub(super) fn scan_missing(
        connection: &Connection,
        schedule: &Schedule,
        due: Timestamp,
        newest: Option<Timestamp>,
        now: Timestamp,
    ) -> Self {
        let account = connection.account;
        let mut event = Self::new(EventKind::ScanMissing, connection, None);
        let newest_scan = newest.map_or("no scan was ever exported".to_owned(), |newest| {
            format!("the newest exported scan is of {newest:.0}")
        });
        event.detail.id = event_id(EventKind::ScanMissing, account, "", due);
        event.detail.summary = format!("The scan of account {account} is missing");
        event.detail.message =
            format!("A scan was due at {due:.0} (schedule {schedule}) and has not arrived; {newest_scan}.");
        event.detail.remediation = format!(
            "check that Prowler runs and uploads (hubctl run list --account {account}); if its schedule changed, change the \
             provider's scan_schedule"
        );
        event.detail.at = now;
        event.detail.due_at = Some(due);
        event.detail.newest_scan_at = newest;
        event
    }

    fn new(kind: EventKind, connection: &Connection, region: Option<RegionName>) -> Self {
        let enabled = connection.regions.iter().filter(|(_, found)| found.status == RegionStatus::Enabled);
        let place = region.map(|region| region.to_string()).unwrap_or_default();
        let detail = Detail {
            id: event_id(kind, connection.account, &place, connection.checked_at),
            account: connection.account,
            provider: connection.provider.clone(),
            region,
            regions: enabled.map(|(region, _)| *region).collect(),
            reason: None,
            summary: String::new(),
            message: String::new(),
            remediation: "nothing to do".to_owned(),
            at: connection.checked_at,
            due_at: None,
            newest_scan_at: None,
            service: None,
            findings: None,
            since: None,
            run_id: None,
            source: None,
        };
        Self { kind, detail }
    }

    fn set_cause(&mut self, problem: Option<&Problem>, otherwise: &str) {
        let doctor = format!("hubctl doctor --integration {}", self.detail.provider);
        let (message, remediation) =
            problem.map_or((otherwise, None), |found| (&found.message, found.remediation.as_deref()));
        self.detail.reason = problem.map(|problem| problem.reason.clone());
        self.detail.message = single_line(message);
        // Each line is an alternative; an email shows all of them in one line.
        self.detail.remediation = single_line(&remediation.unwrap_or(&doctor).replace('\n', " | "));
    }
}

/// The ID of a change: if the change is published twice, both events have the same ID.
pub(super) fn event_id(kind: EventKind, account: AccountId, place: &str, at: Timestamp) -> String {
    let kind = kind.as_str().to_ascii_lowercase().replace(' ', "-");
    let place = if place.is_empty() { String::new() } else { format!("/{place}") };
    format!("{account}{place}/{kind}/{}", at.as_millisecond())
}

/// The text in one line of bounded length: the email's template shows a line feed as `\n`.
pub(super) fn single_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(TEXT_CHARS_MAX).collect()
}

fn list_regions(regions: &[RegionName]) -> String {
    let names: Vec<_> = regions.iter().map(ToString::to_string).collect();
    match names.len() {
        1 => names.join(""),
        count => format!("{count} Regions: {}", names.join(", ")),
    }
}
