//! What is known of an account in addition to its findings: when each check last had a result in each Region, the last whole
//! scan, the number of findings that scans archived recently, and the services that have no results now.
//!
//! Guarantees: each account has one object, which is written under the account's lock after its states. If an aborted run
//! did not write it, the next run archives less, not more. An object that can't be parsed is treated as absent.

use std::collections::{BTreeMap, BTreeSet};

use asff::{AccountId, RegionName};
use bytes::Bytes;
use futures::TryStreamExt;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::evidence::{Proof, ScanSize};
use crate::grouped::Grouped;
use crate::ports::{ObjectWriter, Objects, PortError, PutMode};
use crate::report::{EarlierResults, Uncovered, Unproven, is_far_fewer, unproven};
use crate::state::state_prefix;

/// Maximum size of the object in bytes, decompressed: 600 checks in 34 Regions need two million.
const BYTES_MAX: usize = 64 << 20;
/// The fastest level of zstd.
const LEVEL: i32 = 1;
/// Number of days for which findings that earlier scans archived count toward the archive limit.
const ARCHIVED_DAYS: i64 = 7;
/// Number of days after which a check without results is removed.
const CHECK_KEPT_DAYS: i64 = 400;

/// The coverage of one account. See the module's documentation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Coverage {
    /// The last whole scan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) whole: Option<ScanSize>,
    #[serde(default)]
    regions: BTreeMap<RegionName, RegionCoverage>,
    /// The results of each service and Region in earlier whole scans, with which the next scan is compared.
    #[serde(default, skip_serializing_if = "Grouped::is_empty")]
    results: Grouped<EarlierResults>,
    /// Findings that scans archived without approval, by the time of the scan.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    archived: BTreeMap<Timestamp, u64>,
    /// The upload that was exported last, if it was exported completely for the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) finished: Option<FinishedUpload>,
    #[serde(skip)]
    etag: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct RegionCoverage {
    /// The newest scan of the whole account that the Region's state was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    full_at: Option<Timestamp>,
    /// Whether the Region's Security Hub stores findings of other Regions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    holds_copies: bool,
    #[serde(default)]
    checks: BTreeMap<String, CheckTimes>,
    /// Services without results although findings of them are active: the time of the first such scan, and the reason.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    uncovered: BTreeMap<String, (Timestamp, String)>,
}

/// An upload that was exported completely for an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FinishedUpload {
    /// The identity with which the upload is claimed.
    pub(crate) identity: String,
    /// The run that exported the upload. This record is valid only if the run's report exists.
    pub(crate) run_id: String,
    /// The job that the run belonged to. `None` if it belonged to none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) job_id: Option<String>,
    /// A fingerprint of the integration's settings during the run.
    pub(crate) settings: u32,
    /// When the run exported the upload.
    pub(crate) at: Timestamp,
    /// Whether some findings did not reach their destination. The run's report lists them.
    pub(crate) is_degraded: bool,
}

/// When a check had results in a Region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CheckTimes {
    /// The newest scan in which the check has a verdict.
    verdict: Timestamp,
    /// The newest scan in which the check covers the Region completely.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    complete: Option<Timestamp>,
}

impl Coverage {
    fn key(account: AccountId) -> String {
        format!("{}coverage.json.zst", state_prefix(account))
    }

    /// Reads the coverage of an account.
    pub(crate) async fn read(ports: &impl Objects, account: AccountId) -> Result<Self, PortError> {
        let key = Self::key(account);
        let failed = |message: String| PortError { action: format!("read {key}"), message };
        let Some(object) = ports.object(&key).await? else { return Ok(Self::default()) };
        let mut body = object.body;
        let mut packed = Vec::new();
        while let Some(chunk) = body.try_next().await.map_err(|error| failed(error.to_string()))? {
            packed.extend_from_slice(&chunk);
            if packed.len() > BYTES_MAX {
                return Err(failed(format!("the object has more than {BYTES_MAX} bytes")));
            }
        }
        let read = zstd::bulk::decompress(&packed, BYTES_MAX).map_err(|error| error.to_string());
        let read = read.and_then(|json| serde_json::from_slice(&json).map_err(|error| error.to_string()));
        let known: Self = read.unwrap_or_else(|error| {
            tracing::warn!(coverage.key = %key, %error, "the coverage can't be read; it is recorded again by this run");
            Self::default()
        });
        Ok(Self { etag: Some(object.etag), ..known })
    }

    /// Writes the coverage, unless another process wrote it since it was read.
    pub(crate) async fn write(&self, ports: &impl Objects, account: AccountId) -> Result<(), PortError> {
        let key = Self::key(account);
        let failed = |message: String| PortError { action: format!("write {key}"), message };
        let json = serde_json::to_vec(self).map_err(|error| failed(error.to_string()))?;
        let packed = zstd::bulk::compress(&json, LEVEL).map_err(|error| failed(error.to_string()))?;
        let only = self.etag.clone().map_or(PutMode::Create, PutMode::Update);
        let mut object = ports.create(&key, only).await?;
        object.write(Bytes::from(packed)).await?;
        object.finish().await
    }

    /// The newest scan of the whole account that each Region's state was compared with.
    pub(crate) fn full_at(&self) -> BTreeMap<RegionName, Timestamp> {
        self.regions.iter().filter_map(|(name, region)| Some((*name, region.full_at?))).collect()
    }

    /// Whether the account had no coverage object: the account is new, or was last exported by an earlier version.
    pub(crate) fn is_new(&self) -> bool {
        self.etag.is_none()
    }

    /// The Regions whose Security Hub stores findings of other Regions.
    pub(crate) fn copy_regions(&self) -> impl Iterator<Item = RegionName> + '_ {
        self.regions.iter().filter(|(_, region)| region.holds_copies).map(|(name, _)| *name)
    }

    /// Records whether a Region's Security Hub stores findings of other Regions.
    pub(crate) fn note_copies(&mut self, region: RegionName, holds_copies: bool) {
        if holds_copies || self.regions.contains_key(&region) {
            self.regions.entry(region).or_default().holds_copies = holds_copies;
        }
    }

    /// Whether a newer scan than this one covered a check in a Region completely: then the newer scan decided about every
    /// finding.
    pub(crate) fn is_superseded(&self, check: &str, region: RegionName, scanned_at: Timestamp) -> bool {
        let times = self.regions.get(&region).and_then(|region| region.checks.get(check));
        times.is_some_and(|times| times.complete.is_some_and(|complete| complete > scanned_at))
    }

    /// Whether a newer scan than this one has results of a check in a Region: then this one proves nothing about absence.
    pub(crate) fn has_newer_verdict(&self, check: &str, region: RegionName, scanned_at: Timestamp) -> bool {
        let times = self.regions.get(&region).and_then(|region| region.checks.get(check));
        times.is_some_and(|times| times.verdict > scanned_at)
    }

    /// Findings that were archived without approval by other scans since the days before this one, and by runs of this scan.
    /// Scans of parts of the account arrive in any order, and several may have the same time.
    pub(crate) fn archived_lately(&self, scanned_at: Timestamp) -> (u64, u64) {
        let from = scanned_at.saturating_sub(SignedDuration::from_hours(24 * ARCHIVED_DAYS)).unwrap_or(Timestamp::MIN);
        let all: u64 = self.archived.range(from..).map(|(_, findings)| findings).sum();
        let of_scan = self.archived.get(&scanned_at).copied().unwrap_or_default();
        (all - of_scan, of_scan)
    }

    /// Records how many findings a scan archived without approval.
    pub(crate) fn note_archived(&mut self, scanned_at: Timestamp, findings: u64) {
        if findings > 0 {
            *self.archived.entry(scanned_at).or_default() += findings;
        }
        let from = scanned_at.saturating_sub(SignedDuration::from_hours(24 * ARCHIVED_DAYS)).unwrap_or(Timestamp::MIN);
        // An older partial scan may still arrive; twice the time is enough.
        let keep = from.saturating_sub(SignedDuration::from_hours(24 * ARCHIVED_DAYS)).unwrap_or(Timestamp::MIN);
        self.archived.retain(|time, _| *time >= keep);
    }

    /// Records what a scan covered, except in the `failed` Regions, whose states weren't saved. `full`: the Regions whose
    /// state was compared with a scan of the whole account. `approved`: following scans are compared with this one even if
    /// it looks partial.
    pub(crate) fn note_scan(
        &mut self,
        proof: &Proof,
        scanned_at: Timestamp,
        failed: &BTreeSet<RegionName>,
        full: &BTreeSet<RegionName>,
        approved: bool,
    ) {
        for (region, check, is_complete) in proof.covered() {
            if failed.contains(&region) {
                continue;
            }
            let checks = &mut self.regions.entry(region).or_default().checks;
            let complete = is_complete.then_some(scanned_at);
            match checks.get_mut(check) {
                None => drop(checks.insert(check.to_owned(), CheckTimes { verdict: scanned_at, complete })),
                Some(times) => {
                    times.verdict = times.verdict.max(scanned_at);
                    times.complete = times.complete.max(complete);
                }
            }
        }
        for region in full {
            let region = self.regions.entry(*region).or_default();
            region.full_at = region.full_at.max(Some(scanned_at));
        }
        if let Some(whole) = proof.as_whole_scan(scanned_at, approved)
            && self.whole.is_none_or(|last| (last.scanned_at, last.verdicts) <= (whole.scanned_at, whole.verdicts))
        {
            self.whole = Some(whole);
        }
        let keep =
            scanned_at.saturating_sub(SignedDuration::from_hours(24 * CHECK_KEPT_DAYS)).unwrap_or(Timestamp::MIN);
        for region in self.regions.values_mut() {
            region.checks.retain(|_, times| times.verdict >= keep);
        }
    }

    /// The results of each service and Region in scans before this one.
    pub(crate) fn results_before(&self, scanned_at: Timestamp) -> Grouped<EarlierResults> {
        let mut results = self.results.clone();
        results.services.retain(|_, earlier| earlier.scanned_at < scanned_at);
        results.regions.retain(|_, earlier| earlier.scanned_at < scanned_at);
        results
    }

    /// Records the results of a whole scan. `waiting` counts active findings that the scan does not show and that stay active for
    /// now. While a service or Region has waiting findings, a scan with far fewer results of it does not replace the earlier
    /// results. Otherwise the second of two incomplete scans, which archives the findings, would be compared with the first.
    pub(crate) fn note_results(&mut self, results: &Grouped<u64>, waiting: &Grouped<u64>, scanned_at: Timestamp) {
        note_groups(&mut self.results.services, &results.services, &waiting.services, scanned_at);
        note_groups(&mut self.results.regions, &results.regions, &waiting.regions, scanned_at);
    }

    /// Records which services have no results now, and lists them with the number of their active findings.
    pub(crate) fn note_uncovered(
        &mut self,
        proof: &Proof,
        unproven: &Unproven,
        scanned_at: Timestamp,
    ) -> Vec<Uncovered> {
        const REASONS: [&str; 3] = [unproven::MANUAL_CHECK, unproven::NO_REGION_RESULTS, unproven::NO_SERVICE_RESULTS];
        if proof.is_conclusive() {
            let services = proof.services();
            let missing = |region: &RegionName, service: &str| {
                let reasons = unproven.get(region).and_then(|services| services.get(service));
                reasons.is_some_and(|reasons| reasons.keys().any(|reason| REASONS.contains(&reason.as_str())))
            };
            for (name, region) in &mut self.regions {
                let found = services.get(name);
                region.uncovered.retain(|service, _| {
                    !found.is_some_and(|found| found.contains(service.as_str())) || missing(name, service)
                });
            }
            for (name, services) in unproven {
                for (service, reasons) in services {
                    let Some(why) = reasons.keys().find(|why| REASONS.contains(&why.as_str())) else { continue };
                    let uncovered = &mut self.regions.entry(*name).or_default().uncovered;
                    uncovered.entry(service.clone()).or_insert_with(|| (scanned_at, why.clone()));
                }
            }
        }
        let mut listed = Vec::new();
        for (name, region) in &self.regions {
            for (service, (since, why)) in &region.uncovered {
                let reasons = unproven.get(name).and_then(|services| services.get(service));
                let findings = reasons.map_or(0, |reasons| {
                    reasons
                        .iter()
                        .filter(|(why, _)| REASONS.contains(&why.as_str()))
                        .map(|(_, findings)| findings)
                        .sum()
                });
                let (service, reason) = (service.clone(), why.clone());
                listed.push(Uncovered { region: *name, service, reason, findings, since: *since });
            }
        }
        listed
    }
}

fn note_groups<N: Ord + Clone>(
    earlier: &mut BTreeMap<N, EarlierResults>,
    results: &BTreeMap<N, u64>,
    waiting: &BTreeMap<N, u64>,
    scanned_at: Timestamp,
) {
    let names: BTreeSet<N> = earlier.keys().chain(results.keys()).cloned().collect();
    for name in names {
        let found = results.get(&name).copied().unwrap_or_default();
        let is_waiting = waiting.get(&name).is_some_and(|findings| *findings > 0);
        let stays = earlier.get(&name).is_some_and(|earlier| {
            let is_newer = (earlier.scanned_at, earlier.results) > (scanned_at, found);
            is_newer || (is_waiting && is_far_fewer(found, earlier.results))
        });
        if stays {
            continue;
        }
        if found > 0 {
            earlier.insert(name, EarlierResults { results: found, scanned_at });
        } else {
            earlier.remove(&name);
        }
    }
}
