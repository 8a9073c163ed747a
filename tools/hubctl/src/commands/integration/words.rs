//! Describes integrations with the terms of Prowler App's page: connection status, provider, finding filters, last checked,
//! Regions, next scan.

use jiff::Timestamp;
use management::wire::{ConnectionStatus, CredentialsKind};
use management::wire::{
    ConnectionSummary, CredentialsView, IntegrationView, LastRun, PendingUploads, ProviderView, RoleView,
};

use crate::args::choices::{archive_words, resend_words};
use crate::args::filters::filter_words;
use crate::render::{Details, TextStyle, text};

/// Details of an integration. `provider`: `Some` if the integration uses the provider's credentials.
pub(super) fn details(view: &IntegrationView, provider: Option<&ProviderView>) -> Details {
    let mut details = Details::new();
    details.add(TextStyle::Strong, "Provider", named(&view.provider, view.provider_alias.as_deref()));
    let (text_style, state) = state(view);
    details.add(text_style, "State", state);
    connection_facts(&mut details, &view.connection);
    if let Some(run) = &view.last_run {
        let (text_style, words) = last_run(run);
        details.add(text_style, "Last Export", words);
    }
    if let Some(uploads) = pending_uploads(view) {
        details.add(TextStyle::Warning, "Pending Uploads", format!("{uploads} received while disabled"));
        details.add(TextStyle::Plain, "To export them", format!("hubctl integration enable {} --replay", view.id));
    }
    let (text_style, next) = next_scan(view);
    details.add(text_style, "Next Scan", next);
    details.add(TextStyle::Plain, "Finding Filters", filter_words(&view.settings));
    details.add(TextStyle::Plain, "At each scan", resend_words(&view.settings));
    details.add(TextStyle::Plain, "Archives", archive_words(&view.settings));
    for (index, source) in view.settings.scan_sources.iter().flatten().enumerate() {
        details.add(TextStyle::Plain, if index == 0 { "Scan sources" } else { "" }, source.option_value());
    }
    details.add(TextStyle::Plain, "Format", view.settings.format.as_str());
    let own = view.credentials.kind != CredentialsKind::Provider;
    let credentials = provider.filter(|_| !own).map_or(&view.credentials, |provider| &provider.credentials);
    credential_facts(&mut details, credentials, own);
    details.add(TextStyle::Plain, "Created", text::time(view.created_at));
    details.add(TextStyle::Plain, "Changed", changed(view.updated_at, &view.updated_by));
    details
}

/// The last export that has ended: when, what it did, and its run.
fn last_run(run: &LastRun) -> (TextStyle, String) {
    let words = format!("{}, {} (run {})", text::time(run.at), run_words(run), run.id);
    (if run.errors > 0 { TextStyle::Warning } else { TextStyle::Plain }, words)
}

/// Status of the last export, and its findings.
pub(super) fn run_words(run: &LastRun) -> String {
    let mut words = format!("{}, {} sent", run.status.as_str(), text::count(run.sent));
    let others = [(run.archived, "archived"), (run.errors, "errors"), (run.pending, "pending approval")];
    for (number, what) in others.into_iter().filter(|(number, _)| *number > 0) {
        words.push_str(&format!(", {} {what}", text::count(number)));
    }
    words
}

/// Number of uploads that a disabled integration received. `None` if it has none, or is enabled.
pub(super) fn pending_uploads(view: &IntegrationView) -> Option<String> {
    let PendingUploads { runs, more, .. } = view.pending_uploads.as_ref()?;
    let at_least = if *more { "at least " } else { "" };
    (!view.settings.enabled && *runs > 0).then(|| format!("{at_least}{}", text::counted(*runs, "upload", "uploads")))
}

/// Time of the next expected scan, or the time since which it is overdue. An integration that is disabled or being deleted expects none.
fn next_scan(view: &IntegrationView) -> (TextStyle, String) {
    match view.next_scan_at.map(text::time) {
        None if view.settings.enabled && view.deletion_requested_at.is_none() => {
            (TextStyle::Plain, "unknown".to_owned())
        }
        None => (TextStyle::Plain, "none".to_owned()),
        Some(at) if view.next_scan_overdue => (TextStyle::Warning, format!("overdue since {at}")),
        Some(at) => (TextStyle::Plain, at),
    }
}

/// Adds the connection status.
fn connection_facts(details: &mut Details, connection: &ConnectionSummary) {
    let (text_style, status) = status(connection.status);
    details.add(text_style, "Connection Status", status);
    if let Some(problem) = &connection.problem {
        details.add(TextStyle::Plain, "Problem", &problem.message);
        for (index, way) in problem.remediation.iter().flat_map(|remediation| remediation.lines()).enumerate() {
            details.add(TextStyle::Plain, if index == 0 { "To fix" } else { "" }, way);
        }
    }
    details.add(TextStyle::Plain, "Last Checked", last_checked(connection));
    if connection.accounts > 1 {
        let broken = connection.accounts_disconnected;
        let mut accounts = format!("{}, {} disconnected", text::count(connection.accounts), text::count(broken));
        if connection.accounts_not_reached > 0 {
            accounts.push_str(&format!(", {} unreachable", text::count(connection.accounts_not_reached)));
        }
        details.add(TextStyle::Plain, "Accounts", accounts);
    }
    details.add(TextStyle::Plain, "Regions", regions(connection));
}

/// Adds the credentials.
pub(in crate::commands) fn credential_facts(details: &mut Details, credentials: &CredentialsView, own: bool) {
    let words = credential_words(credentials);
    let since = credentials.since.map_or_else(String::new, |at| format!(", since {}", text::time(at)));
    let from = if own { "" } else { " (from provider)" };
    details.add(TextStyle::Plain, "Credentials", format!("{words}{from}{since}"));
    if let Some(secret) = &credentials.secret {
        details.add(TextStyle::Plain, "Secret", secret);
    }
    if let Some(RoleView { arn, external_id, session_name, duration_seconds }) = &credentials.role {
        details.add(TextStyle::Plain, "Role", arn);
        details.add(TextStyle::Plain, "External ID", external_id.as_deref().unwrap_or("none"));
        if let Some(name) = session_name {
            details.add(TextStyle::Plain, "Session name", name);
        }
        if let Some(seconds) = duration_seconds {
            details.add(TextStyle::Plain, "Duration", format!("{seconds} s"));
        }
    }
}

/// Describes the credentials.
pub(in crate::commands) fn credential_words(credentials: &CredentialsView) -> &'static str {
    match (credentials.kind, &credentials.role) {
        (CredentialsKind::Provider, _) => "the provider's",
        (CredentialsKind::Default, None) => "the deployment's own",
        (CredentialsKind::Default, Some(_)) => "role",
        (CredentialsKind::Static, None) => "access key",
        (CredentialsKind::Static, Some(_)) => "access key and role",
    }
}

/// ID of a provider, with its alias if it has one.
pub(in crate::commands) fn named(id: &str, alias: Option<&str>) -> String {
    alias.map_or_else(|| id.to_owned(), |alias| format!("{id} ({alias})"))
}

/// Time and author of the last change.
pub(in crate::commands) fn changed(at: Timestamp, by: &str) -> String {
    if by.is_empty() { text::time(at) } else { format!("{} by {by}", text::time(at)) }
}

/// State of the integration, with its style.
pub(super) fn state(view: &IntegrationView) -> (TextStyle, String) {
    match view.deletion_requested_at {
        Some(since) => (TextStyle::Warning, format!("being deleted since {}", text::time(since))),
        None if view.settings.enabled => (TextStyle::Good, "enabled".to_owned()),
        None => (TextStyle::Warning, "disabled".to_owned()),
    }
}

/// Connection status, with its style.
pub(super) fn status(status: ConnectionStatus) -> (TextStyle, &'static str) {
    match status {
        ConnectionStatus::Connected => (TextStyle::Good, "Connected"),
        ConnectionStatus::Degraded => (TextStyle::Warning, "Degraded"),
        ConnectionStatus::Disconnected => (TextStyle::Bad, "Disconnected"),
        ConnectionStatus::Unknown => (TextStyle::Plain, "not tested yet"),
    }
}

/// Time of the newest check.
fn last_checked(connection: &ConnectionSummary) -> String {
    let at = connection.last_checked_at.map_or("never".to_owned(), text::time);
    match connection.stale_since {
        Some(since) => format!("{at}, Security Hub unreachable; last successful check {}", text::time(since)),
        None => at,
    }
}

/// The available Regions.
pub(super) fn regions(connection: &ConnectionSummary) -> String {
    let names = if connection.regions.is_empty() {
        "none".to_owned()
    } else {
        text::names(connection.regions.iter(), "Regions")
    };
    if connection.stale_since.is_some() { format!("unreachable; last known: {names}") } else { names }
}
