//! An integration as a card, a table row, and a page: its state, its facts, and its buttons, with the labels of Prowler App.

use asff::SeverityLabel;
use exporter::connection::Connection;
use exporter::model::integration::{ArchiveScope, MutedFindings};
use exporter::ports::settings_store::Revision;
use exporter::state::Resend;
use jiff::Timestamp;
use management::service::etag;
use management::wire::{ConnectionStatus, CredentialsKind};
use management::wire::{ConnectionSummary, CredentialsView, IntegrationView, PendingUploads, ProviderView};

use super::parts::{Button, Chip, Remediation, State};
use super::region;
use super::text::{age, clock, count, counted, principal, time};

/// Maximum number of Region chips on a card. A link shows how many more exist.
const CHIPS_MAX: usize = 20;

/// A labeled value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) text: String,
    /// Additional text after the value.
    pub(crate) aside: String,
    /// Target of a link, if any.
    pub(crate) href: String,
    pub(crate) class: &'static str,
}

impl Fact {
    /// A value.
    pub(crate) fn new(label: &'static str, text: impl Into<String>) -> Self {
        Self { label, text: text.into(), ..Self::default() }
    }

    /// Adds text after the value.
    pub(crate) fn aside(self, aside: impl Into<String>) -> Self {
        Self { aside: aside.into(), ..self }
    }

    /// Makes the value a link.
    pub(crate) fn link(self, href: impl Into<String>) -> Self {
        Self { href: href.into(), ..self }
    }

    /// Sets the CSS class.
    pub(crate) fn class(self, class: &'static str) -> Self {
        Self { class, ..self }
    }
}

/// A problem of a connection, with its remediation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionProblem {
    pub(crate) tone: &'static str,
    pub(crate) text: String,
    pub(crate) remediation: Option<Remediation>,
}

/// An integration with its connections.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) view: IntegrationView,
    pub(crate) provider: Option<ProviderView>,
    /// The newest check of the account. `None` if the account wasn't checked, or the provider is an organization.
    pub(crate) connection: Option<Connection>,
}

/// A card of the list of integrations.
pub(crate) struct Card {
    pub(crate) alias: String,
    pub(crate) id: String,
    pub(crate) href: String,
    pub(crate) state: State,
    pub(crate) flags: Vec<Chip>,
    pub(crate) changed: String,
    pub(crate) connection_problem: Option<ConnectionProblem>,
    pub(crate) filters: Vec<Chip>,
    pub(crate) facts: Vec<Fact>,
    pub(crate) regions_summary: String,
    pub(crate) regions: Vec<Chip>,
    pub(crate) buttons: Option<Actions>,
    pub(crate) runs_href: String,
}

/// The buttons of an integration.
pub(crate) struct Actions {
    pub(crate) test: Button,
    pub(crate) switch: Button,
    /// For a disabled integration: enables the integration, and exports its pending uploads.
    pub(crate) replay: Option<Button>,
}

impl Known {
    /// The display name.
    pub(crate) fn alias(&self) -> String {
        self.view.provider_alias.clone().unwrap_or_else(|| self.view.id.clone())
    }

    /// Whether the integration covers an organization.
    pub(crate) fn is_organization(&self) -> bool {
        self.view.provider.starts_with("o-")
    }

    /// The card of the integration.
    pub(crate) fn card(&self, now: Timestamp, may_change: bool) -> Card {
        let view = &self.view;
        let href = format!("/integrations/{}", view.id);
        let (regions_summary, regions) = self.regions(&href);
        Card {
            alias: self.alias(),
            id: view.id.clone(),
            state: connection_state(view.connection.status),
            flags: flags(view, now),
            changed: format!("changed {} by {}", time(view.updated_at, now), principal(&view.updated_by)),
            connection_problem: self.connection_problem(),
            filters: filters(view),
            facts: vec![self.checked(now), self.last_export(now), self.next_scan(now), self.credentials(now)],
            regions_summary,
            regions,
            buttons: may_change.then(|| actions(view, "")),
            runs_href: self.runs_href(),
            href,
        }
    }

    /// Link to the runs of the integration.
    pub(crate) fn runs_href(&self) -> String {
        if self.is_organization() { "/runs".to_owned() } else { format!("/runs?account={}", self.view.provider) }
    }

    /// The most severe problem: that of the account or its Regions, or else that of the connection summary.
    fn connection_problem(&self) -> Option<ConnectionProblem> {
        let connection = &self.view.connection;
        let worst = self.connection.as_ref().and_then(region::worst_problem);
        let problem = worst.or(connection.problem.as_ref())?;
        let tone = if connection.status == ConnectionStatus::Disconnected { "bad" } else { "warn" };
        let text = super::text::sentence(&problem.message);
        let remediation = problem.remediation.as_ref().map(Remediation::new);
        Some(ConnectionProblem { tone, text, remediation })
    }

    fn checked(&self, now: Timestamp) -> Fact {
        let summary = &self.view.connection;
        let Some(at) = summary.last_checked_at else { return Fact::new("Last checked", "never") };
        let fact = Fact::new("Last checked", clock(at, now));
        match summary.stale_since {
            Some(since) => fact.aside(format!("unreachable since {}", clock(since, now))).class("warn"),
            None => fact.aside(age(at, now)),
        }
    }

    /// The last export that has ended.
    pub(crate) fn last_export(&self, now: Timestamp) -> Fact {
        let Some(run) = &self.view.last_run else { return Fact::new("Last export", "none in the last 90 days") };
        let fact = Fact::new("Last export", time(run.at, now)).link(format!("/runs/{}", run.id));
        let mut parts = vec![format!("{} sent", count(run.sent))];
        if run.archived > 0 {
            parts.push(format!("{} archived", count(run.archived)));
        }
        if run.pending > 0 {
            parts.push("archive pending approval".to_owned());
        }
        if run.errors > 0 {
            parts.push(counted(run.errors, "error", "errors"));
        }
        fact.aside(parts.join(", "))
    }

    /// The time of the next expected scan.
    pub(crate) fn next_scan(&self, now: Timestamp) -> Fact {
        let label = "Next scheduled scan";
        let has_schedule = self.provider.as_ref().is_some_and(|provider| provider.scan_schedule.is_some());
        match self.view.next_scan_at {
            None if !self.view.settings.enabled => Fact::new(label, "none").aside("disabled"),
            None if has_schedule => Fact::new(label, "known after the next export"),
            None => Fact::new(label, "unknown").aside("no schedule"),
            Some(at) if self.view.next_scan_overdue => {
                Fact::new(label, format!("missing since {}", clock(at, now))).class("warn")
            }
            Some(at) => Fact::new(label, at.strftime("%a %-d %b %H:%M UTC").to_string()).aside(age(at, now)),
        }
    }

    fn credentials(&self, now: Timestamp) -> Fact {
        let own = self.view.credentials.kind != CredentialsKind::Provider;
        let used = self.provider.as_ref().filter(|_| !own).map_or(&self.view.credentials, |found| &found.credentials);
        let from = if own { "from the integration" } else { "from the provider" };
        Fact::new("Credentials", credentials_since(used, now)).aside(from)
    }

    /// The Regions of a card: those that accept findings, and those that should accept findings but don't.
    fn regions(&self, href: &str) -> (String, Vec<Chip>) {
        let summary = &self.view.connection;
        let mut chips: Vec<Chip> = summary.regions.iter().map(|name| Chip::new(name.to_string())).collect();
        let missing = self.connection.as_ref().map(region::unavailable).unwrap_or_default();
        let text = regions_summary(summary, missing.len(), self.is_organization());
        let more = (chips.len() + missing.len()).saturating_sub(CHIPS_MAX);
        chips.truncate(CHIPS_MAX.saturating_sub(missing.len()));
        chips.extend(
            missing.into_iter().map(|(words, tone)| Chip::new(words).class(tone).link(format!("{href}#regions"))),
        );
        if more > 0 {
            chips.push(Chip::new(format!("and {more} more")).link(format!("{href}#regions")));
        }
        (text, chips)
    }
}

fn regions_summary(summary: &ConnectionSummary, missing: usize, is_organization: bool) -> String {
    let accepting = summary.regions.len();
    if summary.stale_since.is_some() {
        return format!("unreachable; last known: {accepting}");
    }
    match (summary.status, is_organization) {
        (ConnectionStatus::Unknown, _) => "not tested yet".to_owned(),
        (_, true) => format!("{accepting} accept findings in at least one account"),
        _ => format!("{accepting} of {} accept findings", accepting + missing),
    }
}

/// The status of a connection as a state to show.
pub(crate) fn connection_state(status: ConnectionStatus) -> State {
    match status {
        ConnectionStatus::Connected => State::new("good", "Connected"),
        ConnectionStatus::Degraded => State::new("warn", "Degraded"),
        ConnectionStatus::Disconnected => State::new("bad", "Disconnected"),
        ConnectionStatus::Unknown => State::new("plain", "Not tested yet"),
    }
}

/// The state of an integration, and its filter value.
pub(crate) fn state(view: &IntegrationView) -> (&'static str, State) {
    match (view.deletion_requested_at, view.settings.enabled) {
        (Some(_), _) => ("Deleting", State::new("warn", "Deleting")),
        (None, true) => ("Enabled", State::new("good", "Enabled")),
        (None, false) => ("Disabled", State::new("plain", "Disabled")),
    }
}

fn flags(view: &IntegrationView, now: Timestamp) -> Vec<Chip> {
    match view.deletion_requested_at {
        Some(since) => vec![Chip::new(format!("Deletion requested {}", time(since, now))).class("warn")],
        None if view.settings.enabled => Vec::new(),
        None => {
            let waiting = view.pending_uploads.as_ref();
            let waiting = waiting.map(|uploads| Chip::new(pending_uploads(uploads)).class("warn"));
            [Chip::new("Disabled").class("off")].into_iter().chain(waiting).collect()
        }
    }
}

/// The uploads that wait for a disabled integration.
pub(crate) fn pending_uploads(uploads: &PendingUploads) -> String {
    let at_least = if uploads.more { "at least " } else { "" };
    format!("{at_least}{} pending", counted(uploads.runs, "upload", "uploads"))
}

/// The filters of an integration, with the labels of Prowler App.
pub(crate) fn filters(view: &IntegrationView) -> Vec<Chip> {
    let mut chips = vec![Chip::new(if view.settings.only_failed { "Failed only" } else { "All findings" })];
    if let Some(severity) = view.settings.severity_min {
        chips.push(Chip::new(severity_label(severity)));
    }
    match view.settings.muted {
        MutedFindings::AsProwler => {}
        MutedFindings::Omit => chips.push(Chip::new("Muted omitted")),
        MutedFindings::Send => chips.push(Chip::new("Muted as WARNING")),
    }
    chips.push(Chip::new(if view.settings.archive_previous_findings { "Archive previous" } else { "Keep previous" }));
    chips
}

fn severity_label(severity: SeverityLabel) -> &'static str {
    match severity {
        SeverityLabel::Informational => "Informational and above",
        SeverityLabel::Low => "Low and above",
        SeverityLabel::Medium => "Medium and above",
        SeverityLabel::High => "High and above",
        SeverityLabel::Critical => "Critical only",
    }
}

/// A short description of credentials.
pub(crate) fn credentials(credentials: &CredentialsView) -> String {
    let role = credentials.role.as_ref().map(|role| role.arn.rsplit('/').next().unwrap_or_default());
    match (credentials.kind, role) {
        (CredentialsKind::Provider, _) => "The provider's".to_owned(),
        (CredentialsKind::Default, None) => "The deployment's own".to_owned(),
        (CredentialsKind::Default, Some(role)) => format!("Role {role}"),
        (CredentialsKind::Static, None) => "Access key".to_owned(),
        (CredentialsKind::Static, Some(role)) => format!("Access key and role {role}"),
    }
}

/// The same, and since when they are set.
pub(crate) fn credentials_since(used: &CredentialsView, now: Timestamp) -> String {
    let since = used.since.map(|at| format!(", since {} ({})", time(at, now), age(at, now)));
    format!("{}{}", credentials(used), since.unwrap_or_default())
}

/// Description of the findings that are archived.
pub(crate) fn archiving(view: &IntegrationView) -> String {
    if !view.settings.archive_previous_findings {
        return "Keep previous: nothing is archived".to_owned();
    }
    let what = match view.settings.archive_scope {
        ArchiveScope::Full => format!(
            "Findings that a newer scan shows as resolved, or that are absent from {}",
            super::text::counted(view.settings.absent_scans.into(), "scan", "consecutive scans")
        ),
        ArchiveScope::Partial => "Findings that a newer scan of the same check and Region shows as resolved".to_owned(),
        ArchiveScope::Observed => "Findings that a newer scan shows as passed or muted".to_owned(),
    };
    format!("{what}; more than {}% of the active findings requires approval", view.settings.archive_limit_percent)
}

/// Description of the findings that are sent in each scan.
pub(crate) fn sending(view: &IntegrationView) -> &'static str {
    match view.settings.resend {
        Resend::Changed => "New and changed findings, plus a monthly refresh",
        Resend::Always => "All findings, as Prowler does",
    }
}

/// The buttons. Each is a form that carries the version that the page shows.
pub(crate) fn actions(view: &IntegrationView, class: &'static str) -> Actions {
    let etag = version_of(view);
    let address = |verb: &str| format!("/integrations/{}/{verb}", view.id);
    let is_enabled = view.settings.enabled && view.deletion_requested_at.is_none();
    let (verb, label) = if is_enabled { ("disable", "Disable") } else { ("enable", "Enable") };
    let hint = "Check credentials, Security Hub, Regions, and export permissions now";
    Actions {
        test: Button::new(address("test"), "Test").class(class).hint(hint),
        replay: (!is_enabled)
            .then(|| Button::new(format!("{}?replay=1", address(verb)), "Enable and replay").field("etag", &*etag)),
        switch: Button::new(address(verb), label).field("etag", etag),
    }
}

/// The `ETag` of the version that a page shows, even if the integration was read as part of a list.
pub(crate) fn version_of(view: &IntegrationView) -> String {
    etag(Revision { version: view.version, created_at: view.created_at })
}
