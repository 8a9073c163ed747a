//! `Source Not Authorized`: an upload had findings of an account for which its source isn't authorized. Published once for
//! each account and source, after the export that found it.

use asff::AccountId;
use jiff::{SignedDuration, Timestamp};

use super::event::{Detail, Event, EventKind, event_id, single_line};
use super::{Notifications, Notified, update_and_publish};
use crate::model::integration::Integration;
use crate::ports::PortError;
use crate::report::RunReport;
use crate::report::reasons::filtered::NOT_AUTHORIZED_SOURCE;

/// Maximum number of sources that are remembered for an account. The uploader chooses the directory, and each source causes
/// an email; at the maximum, further sources aren't published until the oldest expires.
const SOURCES_MAX: usize = 20;
/// Time after which a published source is forgotten. If it is still in use, it is published again.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Findings of an account that an export did not send because of their source.
#[derive(Clone, Copy, Debug)]
pub struct Unauthorized<'a> {
    /// The account.
    pub account: AccountId,
    /// Its integration.
    pub integration: &'a Integration,
    /// The run.
    pub run: &'a RunReport,
    /// The time now.
    pub now: Timestamp,
}

/// Publishes that the source of an upload was not authorized for an account, unless this source was published before.
/// Returns the events that the bus accepted.
///
/// # Errors
///
/// If the notification state can't be read or written, or the bus accepts no event: then the next export or check publishes
/// it.
pub async fn publish_unauthorized<P: Notifications>(
    ports: &P,
    found: Unauthorized<'_>,
) -> Result<Vec<Event>, PortError> {
    let change = |before: &Notified| {
        let mut after = before.clone();
        let event = after.unauthorized(&found);
        after.enqueue(event.into_iter().collect(), found.now)
    };
    Ok(update_and_publish(ports, found.account, change).await?.1)
}

impl Notified {
    fn unauthorized(&mut self, found: &Unauthorized<'_>) -> Option<Event> {
        let findings = found.run.accounts.get(&found.account)?.counts.filtered.get(NOT_AUTHORIZED_SOURCE).copied()?;
        self.sources.retain(|_, published_at| found.now.duration_since(*published_at) < REMEMBERED);
        let source = found.run.upload.described_source();
        if self.sources.contains_key(&source) || self.sources.len() >= SOURCES_MAX {
            return None;
        }
        self.sources.insert(source.clone(), found.now);
        let Unauthorized { account, integration, run, now } = found;
        let (provider, run_id) = (&integration.provider, &run.run_id);
        let count = if findings == 1 { "1 finding".to_owned() } else { format!("{findings} findings") };
        let detail = Detail {
            id: event_id(EventKind::SourceNotAuthorized, *account, &source, *now),
            account: *account,
            provider: provider.clone(),
            region: None,
            regions: self.regions.iter().copied().collect(),
            reason: Some(NOT_AUTHORIZED_SOURCE.to_owned()),
            summary: format!("A scan of account {account} came from a source that is not authorized"),
            message: single_line(&format!(
                "{count} of the account in an upload to {source} were not sent, and nothing was archived, because the \
                 integration {provider} does not accept scans from this source."
            )),
            remediation: single_line(&format!(
                "find out who uploaded it: hubctl run show {run_id} | if the source may send findings of the account: {} | \
                 hubctl run replay {run_id}",
                integration.accept_command(&run.upload)
            )),
            at: run.finished_at.unwrap_or(*now),
            due_at: None,
            newest_scan_at: None,
            service: None,
            findings: Some(findings),
            since: None,
            run_id: Some(run_id.clone()),
            source: Some(source),
        };
        Some(Event { kind: EventKind::SourceNotAuthorized, detail })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;
    use crate::model::scan_source::ScanSource;
    use crate::model::upload::UploadInfo;
    use crate::report::{AccountReport, Fate};
    use crate::testing::InMemory;

    const ACCOUNT: &str = "123456789012";
    const RUN: &str = "01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b";
    const DAY: i64 = 24 * 60;

    fn run(key: &str, requester: Option<&str>, minute: i64, fate: &str) -> RunReport {
        let upload = UploadInfo {
            source: format!("s3://scans/{key}"),
            etag: "e".to_owned(),
            bytes: 1,
            modified_at: None,
            requester: requester.map(str::to_owned),
        };
        let mut run = RunReport::new(RUN.to_owned(), upload, at(minute));
        run.finished_at = Some(at(minute));
        let mut report = AccountReport::default();
        report.counts.add(Fate::Filtered(fate.to_owned()), 20);
        run.accounts.insert(ACCOUNT.parse().unwrap(), report);
        run
    }

    /// Publishes the result of a run that ended in this minute. Returns the number of events that the bus accepted.
    async fn export(memory: &InMemory, minute: i64, run: &RunReport) -> usize {
        let account: AccountId = ACCOUNT.parse().unwrap();
        let source = ScanSource { prefix: Some("scans/{account_id}/".to_owned()), uploader_account: None };
        let integration = Integration::new(account).with(|settings| settings.scan_sources = Some(vec![source]));
        let found = Unauthorized { account, integration: &integration, run, now: at(minute) };
        publish_unauthorized(memory, found).await.unwrap().len()
    }

    #[tokio::test]
    async fn each_source_is_published_once_and_again_after_a_month() {
        let memory = InMemory::default();
        let of = |key: &str, by, minute| run(key, by, minute, NOT_AUTHORIZED_SOURCE);
        assert_eq!(export(&memory, 1, &of("a/1.json", None, 1)).await, 1);
        assert_eq!(export(&memory, 2, &of("a/2.json", None, 2)).await, 0, "the same folder");
        assert_eq!(export(&memory, 3, &of("b/2.json", None, 3)).await, 1);
        assert_eq!(export(&memory, 4, &of("a/2.json", Some("210987654321"), 4)).await, 1, "another uploader");
        assert_eq!(export(&memory, 29 * DAY, &of("a/3.json", None, 29 * DAY)).await, 0);
        assert_eq!(export(&memory, 31 * DAY, &of("a/3.json", None, 31 * DAY)).await, 1);
        assert_eq!(
            export(&memory, 31 * DAY, &run("c/3.json", None, 5, "passed")).await,
            0,
            "the upload was authorized"
        );
    }

    #[tokio::test]
    async fn made_up_prefixes_cause_at_most_20_events_per_month() {
        let memory = InMemory::default();
        let mut published = 0;
        for number in 0..100 {
            published +=
                export(&memory, number, &run(&format!("{number}/x"), None, number, NOT_AUTHORIZED_SOURCE)).await;
        }
        assert_eq!(published, SOURCES_MAX);
        assert_eq!(memory.contents().events.len(), SOURCES_MAX);
    }

    #[tokio::test]
    async fn the_source_event_contains_the_count_and_the_command() {
        let memory = InMemory::default();
        export(&memory, 1, &run("uploads/a.json", Some("210987654321"), 1, NOT_AUTHORIZED_SOURCE)).await;
        let sample = include_str!("../../../../events/emitted/source-not-authorized.json");
        let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
        let event = memory.contents().events.pop().unwrap();
        assert_eq!(serde_json::to_value(&event.detail).unwrap(), sample["detail"]);
        assert_eq!(sample["detail-type"], event.kind.as_str());
    }
}
