//! `Coverage Lost` and `Coverage Recovered`: the scans of an account have no results of a service in a Region, and have some
//! again. Each is published once, after the export that found it.

use std::collections::{BTreeMap, BTreeSet};

use asff::{AccountId, RegionName};
use jiff::Timestamp;

use super::event::{Detail, Event, EventKind, event_id, single_line};
use super::{Notifications, Notified, update_and_publish};
use crate::model::provider::ProviderId;
use crate::ports::PortError;
use crate::report::Uncovered;
use crate::report::unproven::explain;

/// Maximum number of events that one export publishes for an account; the next exports publish the others. Below the
/// outbox's own limit, so that no event is dropped.
const EVENTS_MAX: usize = 50;

/// What an export found about an account.
#[derive(Clone, Copy, Debug)]
pub struct Coverage<'a> {
    /// The account.
    pub account: AccountId,
    /// The provider through which the account is reached: the account itself, or its organization.
    pub provider: &'a ProviderId,
    /// The run.
    pub run_id: &'a str,
    /// When the run ended. The coverage of a run that ended before the last published one is outdated and is ignored.
    pub at: Timestamp,
    /// All services without results, by Region.
    pub uncovered: &'a [Uncovered],
    /// The time now.
    pub now: Timestamp,
}

/// Publishes the changes that an export found, unless they were published before. Returns the events that the bus accepted.
///
/// # Errors
///
/// If the notification state can't be read or written, or the bus accepts no event: then the next export or check publishes
/// it.
pub async fn publish_coverage<P: Notifications>(ports: &P, coverage: Coverage<'_>) -> Result<Vec<Event>, PortError> {
    let change = |before: &Notified| {
        let mut after = before.clone();
        let events = after.coverage_changed(&coverage);
        after.enqueue(events, coverage.now)
    };
    Ok(update_and_publish(ports, coverage.account, change).await?.1)
}

impl Notified {
    fn coverage_changed(&mut self, coverage: &Coverage<'_>) -> Vec<Event> {
        if self.covered_at.is_some_and(|at| at > coverage.at) {
            return Vec::new();
        }
        let mut uncovered: BTreeMap<RegionName, BTreeMap<&str, &Uncovered>> = BTreeMap::new();
        for lost in coverage.uncovered {
            uncovered.entry(lost.region).or_default().insert(&lost.service, lost);
        }
        let is_lost = |region: &RegionName, service: &str| {
            uncovered.get(region).is_some_and(|services| services.contains_key(service))
        };
        let pairs = |(region, services): (&RegionName, &BTreeSet<String>)| {
            services.iter().map(|service| (*region, service.clone())).collect::<Vec<_>>()
        };
        let recovered: Vec<_> =
            self.uncovered.iter().flat_map(pairs).filter(|(region, service)| !is_lost(region, service)).collect();
        let mut lost: Vec<&Uncovered> = uncovered.values().flat_map(BTreeMap::values).copied().collect();
        lost.retain(|lost| !self.uncovered.get(&lost.region).is_some_and(|known| known.contains(&lost.service)));
        // If not all events can be published, those with the most findings are.
        lost.sort_by_key(|lost| std::cmp::Reverse(lost.findings));
        let mut events = Vec::new();
        for (region, service) in recovered.into_iter().take(EVENTS_MAX) {
            if let Some(services) = self.uncovered.get_mut(&region) {
                services.remove(&service);
            }
            events.push(self.recovered_event(coverage, region, &service));
        }
        self.uncovered.retain(|_, services| !services.is_empty());
        for lost in lost.into_iter().take(EVENTS_MAX - events.len()) {
            self.uncovered.entry(lost.region).or_default().insert(lost.service.clone());
            events.push(self.lost_event(coverage, lost));
        }
        if !events.is_empty() {
            self.covered_at = Some(coverage.at);
        }
        events
    }

    fn lost_event(&self, coverage: &Coverage<'_>, lost: &Uncovered) -> Event {
        let Coverage { account, run_id, .. } = coverage;
        let Uncovered { region, service, reason, findings, since } = lost;
        let mut event = self.coverage_event(EventKind::CoverageLost, coverage, *region, service, *since);
        let detail = &mut event.detail;
        detail.reason = Some(reason.clone());
        detail.findings = Some(*findings);
        detail.since = Some(*since);
        detail.summary = format!("Scans of account {account} have no results for {service} in {region}");
        let stay = if *findings == 1 { "1 active finding stays" } else { &format!("{findings} active findings stay") };
        detail.message =
            single_line(&format!("{stay} active, because {}. First seen in the scan of {since:.0}.", explain(reason)));
        detail.remediation = format!(
            "check the permissions and the Regions of the scanner; to see the findings: hubctl run pending {run_id} | to archive \
             them, if they are resolved: hubctl run approve {run_id} --unproven"
        );
        event
    }

    fn recovered_event(&self, coverage: &Coverage<'_>, region: RegionName, service: &str) -> Event {
        let account = coverage.account;
        let mut event = self.coverage_event(EventKind::CoverageRecovered, coverage, region, service, coverage.at);
        event.detail.summary = format!("Scans of account {account} cover {service} in {region} again");
        event.detail.message = "The newest scan has results for it, or no unproven finding is left.".to_owned();
        event
    }

    /// `changed_at` is in the ID, so that the same change has the same ID if it is published twice.
    fn coverage_event(
        &self,
        kind: EventKind,
        coverage: &Coverage<'_>,
        region: RegionName,
        service: &str,
        changed_at: Timestamp,
    ) -> Event {
        let detail = Detail {
            id: event_id(kind, coverage.account, &format!("{region}/{service}"), changed_at),
            account: coverage.account,
            provider: coverage.provider.clone(),
            region: Some(region),
            regions: self.regions.iter().copied().collect(),
            reason: None,
            summary: String::new(),
            message: String::new(),
            remediation: "nothing to do".to_owned(),
            at: coverage.at,
            due_at: None,
            newest_scan_at: None,
            service: Some(service.to_owned()),
            findings: None,
            since: None,
            run_id: Some(coverage.run_id.to_owned()),
            source: None,
        };
        Event { kind, detail }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::InMemory;

    const ACCOUNT: &str = "123456789012";

    fn at(minute: i64) -> Timestamp {
        super::super::tests::at(minute)
    }

    fn uncovered(pairs: &[(&str, &str)]) -> Vec<Uncovered> {
        let pair = |(region, service): &(&str, &str)| Uncovered {
            region: region.parse().unwrap(),
            service: (*service).to_owned(),
            reason: "no_region_results".to_owned(),
            findings: 20,
            since: at(0),
        };
        pairs.iter().map(pair).collect()
    }

    /// Publishes the coverage of a run that ended in this minute. Returns short forms of the events that the bus accepted.
    async fn export(memory: &InMemory, minute: i64, uncovered: &[Uncovered]) -> Vec<String> {
        let provider = ACCOUNT.parse().unwrap();
        let coverage = Coverage {
            account: ACCOUNT.parse().unwrap(),
            provider: &provider,
            run_id: "01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b",
            at: at(minute),
            uncovered,
            now: at(minute),
        };
        let events = publish_coverage(memory, coverage).await.unwrap();
        let short = |event: &Event| {
            let detail = &event.detail;
            format!("{} {} {}", event.kind.as_str(), detail.region.unwrap(), detail.service.as_ref().unwrap())
        };
        events.iter().map(short).collect()
    }

    #[tokio::test]
    async fn each_loss_and_each_recovery_of_coverage_is_published_once() {
        let memory = InMemory::default();
        let both = uncovered(&[("me-central-1", "ec2"), ("me-central-1", "s3")]);
        let lost = ["Coverage Lost me-central-1 ec2", "Coverage Lost me-central-1 s3"];
        assert_eq!(export(&memory, 1, &both).await, lost);
        assert_eq!(export(&memory, 2, &both).await, [""; 0]);
        assert_eq!(export(&memory, 3, &both[..1]).await, ["Coverage Recovered me-central-1 s3"]);
        assert_eq!(export(&memory, 4, &[]).await, ["Coverage Recovered me-central-1 ec2"]);
        assert_eq!(export(&memory, 5, &[]).await, [""; 0]);
        assert_eq!(export(&memory, 6, &both[..1]).await, ["Coverage Lost me-central-1 ec2"], "lost again");
    }

    #[tokio::test]
    async fn an_outdated_export_publishes_nothing() {
        let memory = InMemory::default();
        let pair = uncovered(&[("me-central-1", "ec2")]);
        export(&memory, 1, &pair).await;
        export(&memory, 3, &[]).await;
        assert_eq!(export(&memory, 2, &pair).await, [""; 0]);
    }

    #[tokio::test]
    async fn many_lost_services_are_published_in_bounded_portions() {
        let memory = InMemory::default();
        let names: Vec<String> = (0..120).map(|number| format!("service{number:03}")).collect();
        let pairs: Vec<_> = names.iter().map(|name| ("me-central-1", name.as_str())).collect();
        let all = uncovered(&pairs);
        let mut published = Vec::new();
        for (minute, count) in [(1, 50), (2, 50), (3, 20), (4, 0)] {
            let events = export(&memory, minute, &all).await;
            assert_eq!(events.len(), count);
            published.extend(events);
        }
        published.sort_unstable();
        published.dedup();
        assert_eq!(published.len(), 120);
    }

    #[tokio::test]
    async fn the_coverage_event_contains_the_reason_and_the_command() {
        let memory = InMemory::default();
        export(&memory, 1, &uncovered(&[("me-central-1", "ec2")])).await;
        let sample = include_str!("../../../../events/emitted/coverage-lost.json");
        let sample: serde_json::Value = serde_json::from_str(sample).unwrap();
        let event = memory.contents().events.pop().unwrap();
        assert_eq!(serde_json::to_value(&event.detail).unwrap(), sample["detail"]);
        assert_eq!(sample["detail-type"], event.kind.as_str());
    }
}
