//! Archives the findings that a run imported, or that interrupted runs left active.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::draft::Draft;
use crate::session::{Session, now, time};
use crate::stop::Stop;

/// Number of findings per call.
const BATCH_FINDINGS: usize = 100;
/// How much newer the archived version is than the latest version.
const STEP: SignedDuration = SignedDuration::from_millis(1);

/// What a clean-up did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct CleanUp {
    /// Number of findings that were archived.
    pub archived: u64,
    /// Ids of findings that `GetFindings` still returns as active.
    pub left_active: Vec<String>,
    /// Why the clean-up is incomplete. `None` if it is complete.
    pub problem: Option<String>,
}

impl CleanUp {
    /// Whether no finding is active anymore.
    pub fn is_complete(&self) -> bool {
        self.left_active.is_empty() && self.problem.is_none()
    }
}

/// Archives the active findings of the session's run, or of every run if `all_runs` is true.
///
/// # Errors
///
/// If the findings could not be read or archived. Some may then still be active, and the caller must report that.
pub async fn clean_up(session: &Session<'_>, all_runs: bool) -> Result<CleanUp, Stop> {
    let run = (!all_runs).then(|| session.run.clone());
    let mut active = session.ledger().active();
    for finding in session.active(run.as_deref()).await? {
        add(&mut active, session, &finding);
    }
    let mut done = CleanUp { archived: active.len() as u64, ..CleanUp::default() };
    if active.is_empty() {
        return Ok(done);
    }
    done.problem = archive(session, &active).await?;
    let begun = Instant::now();
    loop {
        let left = session.active(run.as_deref()).await?;
        done.left_active = left.iter().filter_map(|finding| finding["Id"].as_str().map(str::to_owned)).collect();
        // A read may still return the previous version.
        if done.left_active.is_empty() || begun.elapsed() >= session.timing.visibility_timeout {
            break;
        }
        sleep(session.timing.settle.max(session.timing.read_interval)).await;
    }
    done.archived = done.archived.saturating_sub(done.left_active.len() as u64);
    Ok(done)
}

fn add(active: &mut BTreeMap<String, Timestamp>, session: &Session<'_>, finding: &Value) {
    let Some(id) = finding["Id"].as_str() else { return };
    let stored = time(finding, "UpdatedAt").unwrap_or(Timestamp::UNIX_EPOCH);
    let sent = session.ledger().updated_at(id).unwrap_or(stored);
    let latest = active.entry(id.to_owned()).or_insert(stored);
    *latest = (*latest).max(stored).max(sent);
}

/// Imports the archived version of each finding. Returns the first rejection.
async fn archive(session: &Session<'_>, active: &BTreeMap<String, Timestamp>) -> Result<Option<String>, Stop> {
    let archived = |(id, latest): (&String, &Timestamp)| {
        let next = latest.saturating_add(STEP).unwrap_or(*latest);
        Draft::with_id(&session.target, id, next.max(now()))
    };
    let drafts: Vec<Draft> = active.iter().map(archived).collect();
    let mut problem = None;
    for batch in drafts.chunks(BATCH_FINDINGS) {
        let imported = session.import(batch).await?;
        if !imported.is_accepted(batch.len() as u64) {
            problem.get_or_insert(imported.text());
        }
    }
    Ok(problem)
}
