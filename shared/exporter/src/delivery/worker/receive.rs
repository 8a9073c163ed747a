//! What a Region's worker does with an entry of the scan: compare it with what was last sent, and send the difference.

use asff::{Identity, Mapped, RecordState, ResourceHash, Stamps, Status, Unsent};

use jiff::Timestamp;

use super::region::{Late, Message, RegionWorker, TakenOver};
use crate::delivery::stamp::{readdress, stamps};
use crate::filter::FilterReason;
use crate::integration::ArchiveScope;
use crate::pack::Outgoing;
use crate::ports::{PortError, Ports};
use crate::quarantine::Entry;
use crate::report::Fate;
use crate::report::reasons::filtered::SUPERSEDED;
use crate::state::{
    Comparison, FindingKey, FindingMeta, Resend, SCANS_APART_MS, ScanCode, SeenInScan, Stored, compare, fingerprint,
};

impl<P: Ports> RegionWorker<P> {
    /// Gives a finding of the scan its fate, or sends it.
    pub(in crate::delivery) async fn take(
        &mut self,
        mut mapped: Box<Mapped>,
        kept: Option<FilterReason>,
    ) -> Result<(), PortError> {
        if kept.is_none() {
            self.open().await?;
        }
        if self.is_anothers(mapped.finding.id.as_str(), mapped.resource_hash) {
            mapped.use_longer_id();
        }
        let identity = self.work.identities.settle(&mut mapped);
        let mut was_sent = self.work.identities.was_sent(&mapped);
        let (key, at_ms) = (FindingKey::of(mapped.finding.id.as_str()), self.time_of(&mapped));
        if matches!(identity, Identity::Duplicate | Identity::Older) {
            let reason = kept.filter(|_| identity == Identity::Duplicate).unwrap_or(FilterReason::Duplicate);
            self.work.counts.add(Fate::Filtered(reason.as_str().to_owned()), 1);
            return Ok(());
        }
        if matches!(identity, Identity::Worse | Identity::Newer) {
            was_sent = self.take_back(&mapped, key, was_sent);
            // What an entry before it said of the finding does not count any more.
            self.work.resolved_late.remove(&key);
        }
        if let Some(kept) = kept {
            let is_resolved = identity == Identity::Newer && was_sent && kept.seen() != SeenInScan::Filtered;
            return self.take_filtered(mapped, kept, key, is_resolved).await;
        }
        if !mapped.repairs.is_empty() {
            self.work.counts.repaired += 1;
        }
        let work = &mut self.work;
        let last = work
            .region_state
            .as_ref()
            .and_then(|region_state| region_state.index.get(key).map(|meta| (*meta, region_state.spoken_ms(meta))));
        if last.is_some_and(|(_, spoken_ms)| spoken_ms >= at_ms + SCANS_APART_MS) {
            work.counts.add(Fate::Filtered(SUPERSEDED.to_owned()), 1);
            return self.see(key, SeenInScan::Wanted, at_ms).await;
        }
        let last = last.map(|(meta, _)| meta);
        self.mark(key, SeenInScan::Wanted, at_ms);
        if self.work.region_state.is_some() {
            let delta = compare(last.as_ref(), mapped.content_hash(), self.ports.now().as_millisecond());
            let done = self.header.has_sent(last.as_ref(), mapped.scanned_at.as_millisecond());
            let skips = self.policy.resend == Resend::Changed || done;
            if delta == Comparison::Same && skips && !was_sent {
                self.work.counts.add(Fate::Unchanged, 1);
                return self.tell(key, SeenInScan::Moved, at_ms).await;
            }
            if !was_sent {
                match self.wait(mapped, key) {
                    None => return Ok(()),
                    Some(back) => mapped = back,
                }
            }
            self.work.report.changes.count(delta);
        }
        let stamps = stamps(&mapped, self.work.repeated.repeats(key), last.as_ref(), self.ports.now());
        self.send(&mapped, key, &stamps, Stored::Active(mapped.status), was_sent).await
    }

    /// Counts a finding that a setting or its status filters out. `is_resolved`: it resolves an entry of the file that was
    /// sent.
    async fn take_filtered(
        &mut self,
        mapped: Box<Mapped>,
        kept: FilterReason,
        key: FindingKey,
        is_resolved: bool,
    ) -> Result<(), PortError> {
        if is_resolved && self.policy.archive {
            if !self.last(key).is_some_and(|last| last.is_live()) {
                return self.send_resolved(&mapped, key, self.ports.now()).await;
            }
            // It was active before the scan: whether it is archived depends on the limit.
            self.work.counts.add(Fate::Filtered(kept.as_str().to_owned()), 1);
            self.work.resolved_late.insert(key, Late::Own(mapped, kept));
            return Ok(());
        }
        self.work.counts.add(Fate::Filtered(kept.as_str().to_owned()), 1);
        let at_ms = self.time_of(&mapped);
        self.remember_kept(&mapped, kept, key, at_ms).await?;
        self.see(key, kept.seen(), at_ms).await
    }

    /// What the state has of a finding.
    pub(in crate::delivery) fn last(&self, key: FindingKey) -> Option<FindingMeta> {
        self.work.region_state.as_ref().and_then(|region_state| region_state.index.get(key)).copied()
    }

    /// Sends a finding as it is stamped. `apart`: an earlier version of it may be on its way.
    pub(in crate::delivery) async fn send(
        &mut self,
        mapped: &Mapped,
        key: FindingKey,
        stamps: &Stamps,
        stored: Stored,
        apart: bool,
    ) -> Result<(), PortError> {
        self.send_at(mapped, key, stamps, stored, apart, self.ports.now()).await
    }

    async fn send_at(
        &mut self,
        mapped: &Mapped,
        key: FindingKey,
        stamps: &Stamps,
        stored: Stored,
        apart: bool,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let json = match mapped.encode(stamps) {
            Ok(json) => json,
            Err(_) if self.work.archiving => {
                let code = asff::QuarantineCode::TooLarge.as_str().to_owned();
                *self.work.counts.archive_rejected.entry(code).or_default() += 1;
                return Ok(());
            }
            Err(too_large) => {
                self.work.counts.add(Fate::Quarantined(asff::QuarantineCode::TooLarge.as_str().to_owned()), 1);
                self.quarantine.put(Entry::too_large(mapped, &too_large)).await?;
                // What was not stored here stays where it is.
                return self.tell(key, SeenInScan::Wanted, self.time_of(mapped)).await;
            }
        };
        let meta = FindingMeta {
            key,
            content: mapped.content_hash(),
            resource: mapped.resource_hash.fingerprint(),
            check: fingerprint(mapped.check_id.as_str()),
            first_seen_ms: stamps.first_observed_at.as_millisecond(),
            updated_ms: stamps.updated_at.as_millisecond(),
            sent_ms: now.as_millisecond(),
            stored,
            seen: if self.policy.scope == ArchiveScope::Full { ScanCode::NEWEST } else { ScanCode::UNKNOWN },
            absent: 0,
            foreign: mapped.region != self.header.region,
        };
        self.work.is_keeper |= meta.foreign;
        self.work.identities.note_sent(mapped);
        self.dispatch(Outgoing { id: mapped.finding.id.to_string(), json: json.into(), meta, apart }).await
    }

    /// Remembers that a finding passed that was never sent, where scans of parts may come in any order.
    async fn remember_kept(
        &mut self,
        mapped: &Mapped,
        kept: FilterReason,
        key: FindingKey,
        at_ms: i64,
    ) -> Result<(), PortError> {
        let Some(region_state) = &mut self.work.region_state else { return Ok(()) };
        let is_resolved = matches!(kept.seen(), SeenInScan::Passed | SeenInScan::Muted);
        let known_ms =
            region_state.index.get(key).map(|meta| if meta.is_tombstone() { meta.updated_ms } else { i64::MAX });
        if self.policy.scope == ArchiveScope::Full || !is_resolved || known_ms.is_some_and(|known_ms| known_ms >= at_ms)
        {
            return Ok(());
        }
        let (resource, check) = (mapped.resource_hash.fingerprint(), fingerprint(mapped.check_id.as_str()));
        let meta = FindingMeta::tombstone(key, resource, check, at_ms, self.ports.now().as_millisecond());
        let (finding, generator) = (&mapped.finding, format!("prowler-{}", mapped.check_id));
        let json = serde_json::json!({
            "Id": finding.id, "AwsAccountId": mapped.account, "GeneratorId": generator, "RecordState": "ARCHIVED",
        });
        region_state.record(&meta, json.to_string().as_bytes()).await
    }

    /// Archives a finding that this run sent, since a newer scan in the same file shows it as resolved.
    pub(in crate::delivery) async fn send_resolved(
        &mut self,
        mapped: &Mapped,
        key: FindingKey,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let last = self.last(key);
        let stamps = stamps(mapped, self.work.repeated.repeats(key), last.as_ref(), now);
        let stamps = Stamps { record_state: RecordState::Archived, ..stamps };
        self.mark(key, SeenInScan::Wanted, self.time_of(mapped));
        self.send_at(mapped, key, &stamps, Stored::Archived(Status::Failed), true, now).await
    }

    /// The time of the scan that an entry is of, in milliseconds since 1970, never in the future.
    fn time_of(&self, mapped: &Mapped) -> i64 {
        self.clamped(mapped.scanned_at)
    }

    fn clamped(&self, scanned_at: jiff::Timestamp) -> i64 {
        match self.header.scanned_at {
            Some(clamped) if scanned_at == self.dated => clamped.as_millisecond(),
            _ => scanned_at.min(self.ports.now()).as_millisecond(),
        }
    }

    /// Whether an earlier scan's finding of another resource has the Id.
    fn is_anothers(&self, id: &str, resource: ResourceHash) -> bool {
        let holder =
            self.work.region_state.as_ref().and_then(|region_state| region_state.index.get(FindingKey::of(id)));
        holder.is_some_and(|holder| holder.resource != 0 && holder.resource != resource.fingerprint())
    }

    /// Keeps what was sent of a finding that is never sent as it is now.
    pub(in crate::delivery) async fn note_unsent(&mut self, mut unsent: Box<Unsent>) -> Result<(), PortError> {
        if self.is_anothers(unsent.id.as_str(), unsent.resource_hash) {
            unsent.use_longer_id();
        }
        self.work.counts.add(Fate::Filtered(FilterReason::Manual.as_str().to_owned()), 1);
        let (key, at_ms) = (FindingKey::of(unsent.id.as_str()), self.clamped(unsent.scanned_at));
        self.work.resolved_late.remove(&key);
        self.see(key, FilterReason::Manual.seen(), at_ms).await
    }

    /// Notes what the scan says of a finding that was perhaps sent before, here or to another Region.
    async fn see(&mut self, key: FindingKey, seen: SeenInScan, at_ms: i64) -> Result<(), PortError> {
        self.mark(key, seen, at_ms);
        self.tell(key, seen, at_ms).await
    }

    /// Notes what a scan of this time says of a finding that the state knows. The newest scan of the file counts.
    pub(in crate::delivery) fn mark(&mut self, key: FindingKey, seen: SeenInScan, at_ms: i64) {
        let Some(region_state) = &mut self.work.region_state else { return };
        let first_ms = self.header.scanned_at.map_or(at_ms, |first| first.as_millisecond());
        let Some(before) = region_state.index.seen(key) else {
            // The state knows it once the account has come to rest.
            if at_ms != first_ms || self.work.times.contains_key(&key) {
                let newest_ms = self.work.times.entry(key).or_insert(at_ms);
                *newest_ms = at_ms.max(*newest_ms);
            }
            return;
        };
        let before_ms = self.work.times.get(&key).copied().unwrap_or(first_ms);
        if before != SeenInScan::Not && at_ms < before_ms {
            return;
        }
        region_state.index.see(key, seen, before != SeenInScan::Not && at_ms > before_ms);
        if at_ms != before_ms {
            self.work.times.insert(key, at_ms);
        }
    }

    /// Tells the Regions that may hold a copy of a finding from an earlier scan what the scan says of it.
    pub(in crate::delivery) async fn tell(
        &mut self,
        key: FindingKey,
        seen: SeenInScan,
        at_ms: i64,
    ) -> Result<(), PortError> {
        if !self.late.is_empty() {
            self.work.untold.push((key, seen, at_ms));
        }
        for keeper in self.fallback.iter().chain(&self.keepers) {
            keeper.send(Message::SeenInScan(key, seen, at_ms)).await.map_err(|error| self.failed(&error))?;
        }
        Ok(())
    }

    /// Takes a finding that its own Region does not take.
    pub(in crate::delivery) async fn take_over(&mut self, mut finding: Outgoing) -> Result<(), PortError> {
        self.open().await?;
        finding.meta.foreign = true;
        self.work.is_keeper = true;
        let (key, stamped_ms) = (finding.meta.key, finding.meta.updated_ms);
        let before = self.work.taken_over.get(&key).copied();
        // Its own Region's batches come back in any order.
        if before.is_some_and(|before| before.stamped_ms > stamped_ms) {
            self.work.counts.add(Fate::Filtered(FilterReason::Duplicate.as_str().to_owned()), 1);
            return Ok(());
        }
        self.work.resolved_late.remove(&key);
        let was_active = self.last(key).is_some_and(|last| last.is_live()) && !self.work.fresh.contains(&key);
        if !finding.meta.is_live() && was_active {
            // Resolved by a newer entry of the file. It was active here before the scan: the end of the file decides.
            self.work.counts.add(Fate::Filtered(FilterReason::Passed.as_str().to_owned()), 1);
            if before.is_some() {
                self.work.resolved_late.insert(key, Late::Redirected(finding));
            } else {
                self.mark(key, FilterReason::Passed.seen(), stamped_ms);
            }
            return Ok(());
        }
        self.send_over(finding).await
    }

    /// Sends a finding that its own Region does not take.
    pub(in crate::delivery) async fn send_over(&mut self, mut finding: Outgoing) -> Result<(), PortError> {
        let (key, stamped_ms) = (finding.meta.key, finding.meta.updated_ms);
        let before = self.work.taken_over.get(&key).copied();
        // Its own scan's time, or a moment later: nothing that the file said of it before counts against it.
        self.mark(key, SeenInScan::Wanted, finding.meta.updated_ms);
        let sent_ms = match before {
            Some(before) if self.sender.take_back(key) => {
                self.work.counts.add(Fate::Filtered(FilterReason::Duplicate.as_str().to_owned()), 1);
                before.left_ms
            }
            Some(before) => Some(before.updated_ms),
            None => None,
        };
        if let Some(sent_ms) = sent_ms {
            finding.meta.updated_ms = finding.meta.updated_ms.max(sent_ms + 1);
            finding.apart = true;
        }
        if let Some(region_state) = &self.work.region_state {
            let last = region_state.index.get(key).copied();
            let now_ms = self.ports.now().as_millisecond();
            let delta = compare(last.as_ref(), finding.meta.content, now_ms);
            let done = self.header.has_sent(last.as_ref(), finding.meta.updated_ms);
            if delta == Comparison::Same && sent_ms.is_none() && (self.policy.resend == Resend::Changed || done) {
                self.work.taken_over.remove(&key);
                self.work.counts.add(Fate::Unchanged, 1);
                return Ok(());
            }
            self.work.report.changes.count(delta);
            if let Some(last) = last {
                finding.meta.first_seen_ms = finding.meta.first_seen_ms.min(last.first_seen_ms);
                finding.meta.updated_ms = finding.meta.updated_ms.max(last.updated_ms + 1);
            }
        }
        let taken_over = TakenOver { stamped_ms, updated_ms: finding.meta.updated_ms, left_ms: sent_ms };
        self.work.taken_over.insert(key, taken_over);
        let lane = self.sender.lane();
        let readdressed = readdress(&finding, &lane.partition.product_arn(lane.region));
        finding.json = readdressed.map_err(|error| self.failed(&error))?.into();
        self.dispatch(finding).await
    }
}
