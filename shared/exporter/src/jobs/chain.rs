//! A chain of invocations: work that one invocation does not complete continues in the next one, with a message that
//! the function puts in its own queue.
//!
//! Guarantees: a chain ends. Lambda's recursive loop detection is turned off for the function (`RecursiveLoop: Allow`),
//! since it would stop a chain after about 16 invocations even if they make progress; the bounds in this file replace
//! it. After a round without progress, the next one is delayed, with an increasing delay. When a chain ends, its
//! message fails, so that the queue retries it and eventually moves it to the dead-letter queue.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::report::reasons::filtered::ALREADY_EXPORTED;
use crate::report::{RunKind, RunReport, undelivered};

/// Maximum number of rounds of a chain. Each has up to 15 minutes; a first export of a Region with 25 million findings
/// needs that many.
const ROUNDS_MAX: u32 = 100;
/// Maximum number of consecutive rounds without progress. With their delays they last two and a half hours, ten times
/// as long as a run may lock an account. It is below the 16 invocations after which Lambda's loop detection stops a
/// chain, if it is enabled.
const IDLE_ROUNDS_MAX: u32 = 12;
/// The delay after a round without progress; it doubles with each further one. A run locks its account for up to 15
/// minutes.
pub const RETRY_DELAY: Duration = Duration::from_secs(120);
/// The longest delay that SQS accepts.
const RETRY_DELAY_MAX: Duration = Duration::from_secs(900);

/// The progress of the previous rounds. The message of an upload or a job has it as `chain`; a message without it
/// begins a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Chain {
    /// The number of rounds so far.
    pub rounds: u32,
    /// The number of latest rounds in a row that made no progress.
    pub idle_rounds: u32,
    /// The number of findings that were complete after a round: sent, unchanged, or filtered.
    pub completed: u64,
    /// The run of the latest round, if it only waited: the next round continues its record.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run_id: Option<String>,
}

/// The next round of a chain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Round {
    /// The chain in the message of the round.
    pub chain: Chain,
    /// The delay before the round begins.
    pub delay: Duration,
}

impl Chain {
    /// Whether no round precedes.
    pub fn is_first(&self) -> bool {
        *self == Self::default()
    }

    /// The round that follows one with these runs. Without runs, the round only waited for another run.
    ///
    /// # Errors
    ///
    /// Why there is no further round.
    pub fn next(&self, runs: &[RunReport]) -> Result<Round, String> {
        let rounds = self.rounds + 1;
        let completed = self.completed.max(runs.iter().map(completed).sum());
        let run_id = if let [run] = runs { did_nothing(run).then(|| run.run_id.clone()) } else { None };
        if runs.iter().any(|run| self.is_progress(run, completed)) {
            if rounds > ROUNDS_MAX {
                return Err(format!("it is not complete after {rounds} invocations"));
            }
            let chain = Self { rounds, idle_rounds: 0, completed, run_id };
            let waits = runs.iter().filter(|run| run.status.should_retry()).all(is_locked);
            return Ok(Round { chain, delay: if waits { RETRY_DELAY } else { Duration::ZERO } });
        }
        let idle_rounds = self.idle_rounds + 1;
        if rounds > ROUNDS_MAX || idle_rounds > IDLE_ROUNDS_MAX {
            return Err(format!("{idle_rounds} consecutive invocations made no progress"));
        }
        let delay = RETRY_DELAY.saturating_mul(1 << (idle_rounds - 1)).min(RETRY_DELAY_MAX);
        let run_id = run_id.or_else(|| self.run_id.clone().filter(|_| runs.is_empty()));
        Ok(Round { chain: Self { rounds, idle_rounds, completed, run_id }, delay })
    }

    /// Whether the next round starts further ahead than this one did. An export that resends what the previous round
    /// had already sent is not progress.
    fn is_progress(&self, run: &RunReport, completed: u64) -> bool {
        let is_farther = match run.kind {
            RunKind::Export => completed > self.completed,
            _ => run.counts.sent > 0,
        };
        run.counts.archived > 0 || has_read_hub(run) || is_farther
    }
}

/// Whether pages of the hub were read, which the state stores. They count even if each finding in them was known.
fn has_read_hub(run: &RunReport) -> bool {
    let mut regions = run.accounts.values().flat_map(|account| account.regions.values());
    regions.any(|region| region.adopted > 0 || region.pages_read > 0)
}

/// The number of findings for which another run has nothing to do.
fn completed(run: &RunReport) -> u64 {
    let open = run.counts.undelivered_total() + run.counts.region_unavailable_total();
    // Findings of accounts that are completely exported count twice: a round may do nothing but complete more accounts.
    let finished = run.counts.filtered.get(ALREADY_EXPORTED).copied().unwrap_or_default();
    run.counts.read.saturating_sub(open) + finished
}

/// Whether a run had no effect, so that the next one may continue its record.
fn did_nothing(run: &RunReport) -> bool {
    let counts = &run.counts;
    counts.sent + counts.archived + counts.quarantined_total() + counts.malformed == 0
        && counts.region_unavailable_total() + counts.archive_unavailable + counts.archive_rejected_total() == 0
        && run.quarantine.is_none()
        && run.pending.is_none()
        && !has_read_hub(run)
}

/// Whether the lock of another run of the same account is the only obstacle, and the run did nothing that a retry would
/// repeat.
pub fn is_locked(run: &RunReport) -> bool {
    let mut transient = run.counts.undelivered.keys().filter(|reason| undelivered::is_transient(reason)).peekable();
    let mut regions = run.accounts.values().flat_map(|account| account.regions.values());
    transient.peek().is_some()
        && transient.all(|reason| reason == undelivered::ACCOUNT_LOCKED)
        && run.counts.archive_undelivered == 0
        && regions.all(|region| region.unfinished.is_none())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::model::upload::UploadInfo;
    use crate::report::{AccountReport, Fate, RegionReport, RunStatus};

    fn run(id: &str) -> RunReport {
        let upload =
            UploadInfo { source: String::new(), etag: String::new(), bytes: 0, modified_at: None, requester: None };
        RunReport::new(id.to_owned(), upload, Timestamp::UNIX_EPOCH)
    }

    fn sent(read: u64, sent: u64, unchanged: u64) -> RunReport {
        let mut run = run("busy");
        run.status = RunStatus::Unfinished;
        run.counts.read = read;
        run.counts.add(Fate::Sent, sent);
        run.counts.add(Fate::Unchanged, unchanged);
        run.counts.add(Fate::Undelivered("deadline_exceeded".to_owned()), read - sent - unchanged);
        run
    }

    #[test]
    fn rounds_with_progress_follow_at_once_and_are_bounded() {
        let mut chain = Chain::default();
        for round in 1..=u64::from(ROUNDS_MAX) {
            let next = chain.next(&[sent(1000, 5, 5 * (round - 1))]).unwrap();
            assert_eq!(next.delay, Duration::ZERO);
            chain = next.chain;
        }
        assert_eq!((chain.rounds, chain.idle_rounds, chain.completed), (100, 0, 500));
        let ended = chain.next(&[sent(1000, 5, 500)]).unwrap_err();
        assert_eq!(ended, "it is not complete after 101 invocations");
    }

    #[test]
    fn rounds_without_progress_get_longer_delays_and_end() {
        let mut chain = Chain::default();
        let mut minutes = Vec::new();
        let ended = loop {
            match chain.next(&[run("waits")]) {
                Ok(next) => {
                    minutes.push(next.delay.as_secs() / 60);
                    assert_eq!(next.chain.run_id.as_deref(), Some("waits"), "all rounds share one record");
                    chain = next.chain;
                }
                Err(ended) => break ended,
            }
        };
        assert_eq!(minutes, [2, 4, 8, 15, 15, 15, 15, 15, 15, 15, 15, 15]);
        assert_eq!(ended, "13 consecutive invocations made no progress");
        let waited = Chain::default().next(&[]).unwrap();
        assert_eq!((waited.delay, waited.chain.idle_rounds), (RETRY_DELAY, 1));
    }

    #[test]
    fn resending_the_same_findings_is_not_progress() {
        let first = Chain::default().next(&[sent(1000, 135, 0)]).unwrap().chain;
        assert_eq!((first.idle_rounds, first.completed), (0, 135));
        let second = first.next(&[sent(1000, 135, 0)]).unwrap();
        assert_eq!((second.chain.idle_rounds, second.delay), (1, RETRY_DELAY));
        let third = second.chain.next(&[sent(1000, 100, 135)]).unwrap();
        assert_eq!((third.chain.idle_rounds, third.chain.completed), (0, 235));
    }

    #[test]
    fn hub_pages_are_progress_even_if_all_findings_were_known() {
        let mut reading = run("reads");
        reading.status = RunStatus::Unfinished;
        let region = RegionReport { pages_read: 1, ..RegionReport::default() };
        let account = AccountReport { regions: [("eu-west-1".parse().unwrap(), region)].into(), ..Default::default() };
        reading.accounts.insert("123456789012".parse().unwrap(), account);
        let next = Chain { idle_rounds: 3, ..Chain::default() }.next(&[reading]).unwrap();
        assert_eq!((next.chain.idle_rounds, next.delay, next.chain.run_id), (0, Duration::ZERO, None));
    }

    #[test]
    fn a_chain_in_an_older_or_newer_message_is_understood() {
        let read = |text: &str| serde_json::from_str::<Chain>(text).unwrap();
        assert!(read("{}").is_first());
        assert_eq!(read(r#"{"rounds": 3, "later": true}"#), Chain { rounds: 3, ..Chain::default() });
    }

    #[test]
    fn a_run_waits_only_for_a_locked_account() {
        let mut run = run("run");
        assert!(!is_locked(&run), "a run that failed for another reason");
        run.counts.undelivered.insert(undelivered::ACCOUNT_LOCKED.to_owned(), 3);
        run.counts.undelivered.insert(undelivered::NO_INTEGRATION.to_owned(), 1);
        assert!(is_locked(&run), "permanent reasons do not matter");
        run.counts.archive_undelivered = 1;
        assert!(!is_locked(&run), "the archiving would be repeated");
        run.counts.archive_undelivered = 0;
        run.counts.undelivered.insert(undelivered::THROTTLED.to_owned(), 1);
        assert!(!is_locked(&run));
    }
}
