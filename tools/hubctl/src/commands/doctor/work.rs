//! Checks of the deployment's work: enabled integrations, stuck deletions, overdue scans, the newest exports, and assumable
//! roles.

use std::collections::BTreeSet;

use asff::AccountId;
use aws::Cloud;
use exporter::connection::CheckTarget;
use exporter::jobs::{Job, JobRecord, JobState};
use exporter::model::integration::Integration;
use exporter::model::provider::{Provider, ProviderId};
use exporter::model::schedule::Schedule;
use exporter::ports::settings_store::{Page, RunLog as _, SettingsStore, Stored};
use exporter::ports::{AccountLocks as _, PortError};
use exporter::report::{RunKind, RunReport, RunStatus};
use futures::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use management::ports::JobSubmitter as _;

use super::deployment::Finding;
use crate::args::role::matches_pattern;
use crate::render::text;

/// Entries per page.
const PART: usize = 500;
/// Maximum number of pages: more entries than the account quota of an organization.
const PARTS_MAX: usize = 40;
/// Number of newest runs and jobs to check.
const NEWEST: usize = 200;
/// Maximum number of similar problems to list.
const ALIKE_MAX: usize = 5;
/// Maximum duration of a deletion: archiving half a million findings takes less.
const REMOVAL_MAX: SignedDuration = SignedDuration::from_hours(2);
/// Accounts that are read concurrently.
const AT_ONCE: usize = 16;

/// Runs all checks. `only`: these integrations, if any are given.
pub(super) async fn inspect(
    cloud: &Cloud,
    only: &[ProviderId],
    targets: &[CheckTarget],
    role_pattern: Option<&str>,
    now: Timestamp,
) -> Vec<Finding> {
    let wanted = |id: &ProviderId| only.is_empty() || only.contains(id);
    let mut findings = Vec::new();
    let all = match integrations(cloud).await {
        Ok(all) => all,
        Err(error) => return vec![Finding::unknown("integrations", &error)],
    };
    let all: Vec<_> = all.into_iter().filter(|stored| wanted(&stored.value.provider)).collect();
    findings.push(enabled(&all));
    match cloud.jobs(&Page { limit: NEWEST, after: None }).await {
        Ok(jobs) => findings.extend(all.iter().filter_map(|stored| deletion(&stored.value, &jobs.entries, now))),
        Err(error) => findings.push(Finding::unknown("deletions", &error)),
    }
    match providers(cloud).await {
        Ok(providers) => {
            if let Some(pattern) = role_pattern {
                findings.extend(all.iter().filter_map(|stored| role(&stored.value, &providers, pattern)));
            }
            findings.push(scans(cloud, &all, &providers, targets, now).await);
        }
        Err(error) => findings.push(Finding::unknown("providers", &error)),
    }
    match cloud.runs(None, &Page { limit: NEWEST, after: None }).await {
        Ok(newest) => findings.extend(exports(&newest.entries)),
        Err(error) => findings.push(Finding::unknown("exports", &error)),
    }
    findings
}

async fn integrations(cloud: &Cloud) -> Result<Vec<Stored<Integration>>, PortError> {
    let mut all = Vec::new();
    let mut page = Page { limit: PART, after: None };
    for _ in 0..PARTS_MAX {
        let part = SettingsStore::integrations(cloud, &page).await?;
        all.extend(part.entries);
        match part.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    Ok(all)
}

async fn providers(cloud: &Cloud) -> Result<Vec<Stored<Provider>>, PortError> {
    let mut all = Vec::new();
    let mut page = Page { limit: PART, after: None };
    for _ in 0..PARTS_MAX {
        let part = SettingsStore::providers(cloud, &page).await?;
        all.extend(part.entries);
        match part.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    Ok(all)
}

/// Whether any integration is enabled.
fn enabled(all: &[Stored<Integration>]) -> Finding {
    const CHECK: &str = "integrations";
    let off: Vec<_> = all.iter().filter(|stored| !stored.value.enabled).collect();
    match (all.len(), off.as_slice()) {
        (0, _) => Finding::bad(
            CHECK,
            "no integrations: findings are not exported",
            "hubctl integration create --provider 123456789012",
        ),
        (total, [first, ..]) if off.len() == total => Finding::bad(
            CHECK,
            format!("all {total} are disabled: findings are not exported"),
            format!("hubctl integration enable {} --replay", first.value.provider),
        ),
        (total, off) => Finding::ok(CHECK, format!("{} of {total} enabled", total - off.len())),
    }
}

/// The finding about a deletion that failed or takes too long.
fn deletion(integration: &Integration, jobs: &[JobRecord], now: Timestamp) -> Option<Finding> {
    const CHECK: &str = "deletions";
    let (since, id) = (integration.deletion_requested_at?, &integration.provider);
    // Newest first.
    let job = jobs.iter().find(|record| {
        record.submitted_at >= since && matches!(&record.job, Job::ArchiveAll { provider, .. } if provider == id)
    });
    let ended = job.filter(|job| matches!(job.state, JobState::Rejected | JobState::Failed | JobState::Canceled));
    let is_late = now.duration_since(since) > REMOVAL_MAX;
    if ended.is_none() && !is_late {
        return None;
    }
    let why = ended.map_or_else(String::new, |job| {
        format!(
            ": job {} has not completed{}",
            job.id,
            job.message.as_deref().map(|message| format!(" ({message})")).unwrap_or_default()
        )
    });
    let message = format!("the deletion of {id}, requested at {}, has not completed{why}", text::time(since));
    Some(Finding::bad(
        CHECK,
        message,
        format!("hubctl integration delete {id} --archive\nOr cancel the deletion: hubctl integration enable {id}"),
    ))
}

/// The finding about a role that the deployment's functions can't assume.
fn role(integration: &Integration, providers: &[Stored<Provider>], pattern: &str) -> Option<Finding> {
    let id = &integration.provider;
    let of_provider = || providers.iter().find(|stored| stored.value.id == *id).map(|stored| &stored.value.credentials);
    let credentials = integration.credentials.as_ref().or_else(of_provider)?;
    let by_us = credentials.secret().is_none();
    let (_, name) = credentials.role()?.arn.split_once(":role/")?;
    (by_us && !matches_pattern(pattern, name)).then(|| {
        Finding::bad(
            "roles",
            format!("{id}: the functions can assume only roles {pattern}, not {name}"),
            format!(
                "deploy with the parameter MemberRoleNamePattern={name}, or use another role: hubctl integration \
                 credentials {id} --role-name NAME"
            ),
        )
    })
}

/// Scans that are overdue.
async fn scans(
    cloud: &Cloud,
    all: &[Stored<Integration>],
    providers: &[Stored<Provider>],
    targets: &[CheckTarget],
    now: Timestamp,
) -> Finding {
    const CHECK: &str = "scans";
    let schedule = |target: &CheckTarget| {
        let id = &target.integration.provider;
        let integration = all.iter().find(|stored| stored.value.provider == *id)?;
        let provider = providers.iter().find(|stored| stored.value.id == *id)?;
        let schedule: Schedule = provider.value.scan_schedule.as_ref()?.parse().ok()?;
        Some((
            target.account,
            schedule,
            integration.value.expects_scans_since(integration.created_at, &provider.value)?,
        ))
    };
    let scheduled: Vec<_> = targets.iter().filter_map(schedule).collect();
    let checks = scheduled.iter().map(|(account, schedule, since)| async move {
        let newest = cloud.lock_status(*account).await?.map(|(newest, _)| newest.newest);
        Ok::<_, PortError>(schedule.missing(newest, *since, now).map(|due| (*account, due)))
    });
    let checks: Vec<_> = futures::stream::iter(checks).buffered(AT_ONCE).collect().await;
    let mut late = Vec::new();
    for answer in checks {
        match answer {
            Ok(found) => late.extend(found),
            Err(error) => return Finding::unknown(CHECK, &error),
        }
    }
    scan_finding(scheduled.len(), &late)
}

fn scan_finding(scheduled: usize, late: &[(AccountId, Timestamp)]) -> Finding {
    const CHECK: &str = "scans";
    let Some((first, _)) = late.first() else {
        return Finding::ok(
            CHECK,
            match scheduled {
                0 => "no provider has a scan schedule".to_owned(),
                _ => format!("none of {scheduled} accounts with a schedule overdue"),
            },
        );
    };
    let each = late.iter().take(ALIKE_MAX).map(|(account, due)| format!("{account} since {}", text::time(*due)));
    let more = late.len().saturating_sub(ALIKE_MAX);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let each = each.collect::<Vec<_>>().join(", ");
    Finding::bad(
        CHECK,
        format!("{} of {scheduled} overdue: {each}{more}", late.len()),
        format!("hubctl run list --account {first}  # to see which scans arrived; then check the scanner"),
    )
}

/// The newest export of each account (of each upload if it has no account): failed, or pending approval.
fn exports(newest_first: &[RunReport]) -> Vec<Finding> {
    const CHECK: &str = "exports";
    let mut seen = BTreeSet::new();
    let (mut failed, mut held) = (Vec::new(), Vec::new());
    for run in newest_first {
        let counts = matches!(run.status, RunStatus::Succeeded | RunStatus::Degraded | RunStatus::Failed);
        if run.kind != RunKind::Export || !counts {
            continue;
        }
        let keys: Vec<String> = match run.accounts.keys().collect::<Vec<_>>().as_slice() {
            [] => vec![run.upload.source.clone()],
            accounts => accounts.iter().map(ToString::to_string).collect(),
        };
        let mut is_newest = false;
        for key in keys {
            let report = key.parse().ok().and_then(|account: AccountId| run.accounts.get(&account));
            let is_held = report.is_some_and(exporter::report::AccountReport::has_pending);
            if seen.insert(key.clone()) {
                is_newest = true;
                if is_held {
                    held.push((run, key));
                }
            }
        }
        if is_newest && run.status == RunStatus::Failed {
            failed.push(run);
        }
    }
    if failed.is_empty() && held.is_empty() {
        return vec![Finding::ok(
            CHECK,
            format!("no account's latest export failed ({} runs checked)", newest_first.len()),
        )];
    }
    let failed = failed.iter().take(ALIKE_MAX).map(|run| {
        let why = run.reasons.first().map(|reason| format!(": {reason}")).unwrap_or_default();
        let message = format!("the latest export of {} failed{why}", run.upload.source);
        Finding::bad(CHECK, message, format!("hubctl run show {}", run.run_id))
    });
    let held = held.iter().take(ALIKE_MAX).map(|(run, account)| {
        let message = format!("resolved findings of {account} are pending approval");
        let id = &run.run_id;
        Finding::bad(
            "archives",
            message,
            format!("hubctl run pending {id}\nIf the scan is right: hubctl run approve {id}"),
        )
    });
    failed.chain(held).collect()
}

#[cfg(test)]
mod tests;
