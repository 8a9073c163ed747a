//! How a Region's worker processes an entry of the scan: compares it with what was last sent, and sends the difference.

use asff::{Identity, Mapped, RecordState, ResourceHash, Stamps, Status, Unsent};

use jiff::Timestamp;

use super::region::{LateResolution, Message, RedirectedVersion, RegionWorker};
use crate::delivery::pack::Outgoing;
use crate::delivery::stamp::{compute_stamps, retarget};
use crate::model::integration::ArchiveScope;
use crate::ports::{PortError, Ports};
use crate::quarantine::Entry;
use crate::report::Fate;
use crate::report::reasons::filtered::SUPERSEDED;
use crate::selection::filter::FilterReason;
use crate::state::{
    Comparison, FindingKey, FindingMeta, Resend, SCANS_APART_MS, ScanCode, SeenInScan, Stored, compare, fingerprint,
};

impl<P: Ports> RegionWorker<P> {
    /// Determines the outcome of a finding of the scan, or sends the finding.
    pub(in crate::delivery) async fn receive(
        &mut self,
        mut mapped: Box<Mapped>,
        filtered: Option<FilterReason>,
    ) -> Result<(), PortError> {
        if filtered.is_none() {
            self.open().await?;
        }
        if self.is_id_taken(mapped.finding.id.as_str(), mapped.resource_hash) {
            mapped.use_longer_id();
        }
        let identity = self.state.deduplicator.deduplicate(&mut mapped);
        let mut was_sent = self.state.deduplicator.was_sent(&mapped);
        let (key, at_ms) = (FindingKey::from_id(mapped.finding.id.as_str()), self.scan_ms(&mapped));
        if matches!(identity, Identity::Duplicate | Identity::Older) {
            let reason = filtered.filter(|_| identity == Identity::Duplicate).unwrap_or(FilterReason::Duplicate);
            self.state.counts.add(Fate::Filtered(reason.as_str().to_owned()), 1);
            return Ok(());
        }
        if matches!(identity, Identity::Worse | Identity::Newer) {
            was_sent = self.retract(&mapped, key, was_sent);
            // An earlier entry of the finding no longer counts.
            self.state.late_resolutions.remove(&key);
            self.state.unverified.remove(&key);
        }
        if let Some(filtered) = filtered {
            let is_resolved = identity == Identity::Newer && was_sent && filtered.seen() != SeenInScan::Filtered;
            return self.receive_filtered(mapped, filtered, key, is_resolved).await;
        }
        if !mapped.repairs.is_empty() {
            self.state.counts.repaired += 1;
        }
        let work = &mut self.state;
        let last = work.region_state.as_ref().and_then(|region_state| {
            region_state.index.get(key).map(|meta| (*meta, region_state.last_mentioned_ms(meta)))
        });
        if last.is_some_and(|(_, last_mentioned_ms)| last_mentioned_ms >= at_ms + SCANS_APART_MS) {
            work.counts.add(Fate::Filtered(SUPERSEDED.to_owned()), 1);
            return self.mark_and_forward(key, SeenInScan::Wanted, at_ms).await;
        }
        let last = last.map(|(meta, _)| meta);
        self.mark_seen(key, SeenInScan::Wanted, at_ms);
        if self.state.region_state.is_some() {
            let delta = compare(last.as_ref(), mapped.content_hash(), self.ports.now().as_millisecond());
            let done = self.header.has_sent(last.as_ref(), mapped.scanned_at.as_millisecond());
            let skips = self.policy.resend == Resend::Changed || done;
            if delta == Comparison::Same && skips && !was_sent && !self.is_unverified_hub_disabled() {
                self.state.counts.add(Fate::Unchanged, 1);
                // If the hub may have been emptied since, a copy in another Region may be the only one: it stays as it is.
                let is_unverified = self.state.report.hub_unverified.is_some();
                if is_unverified {
                    self.state.unverified.insert(key);
                }
                let seen = if is_unverified { SeenInScan::Wanted } else { SeenInScan::Moved };
                return self.forward_mark(key, seen, at_ms).await;
            }
            if !was_sent {
                match self.buffer(mapped, key) {
                    None => return Ok(()),
                    Some(returned) => mapped = returned,
                }
            }
            self.state.report.changes.count(delta);
        }
        let stamps = compute_stamps(&mapped, self.state.repeated.repeat_count(key), last.as_ref(), self.ports.now());
        self.send(&mapped, key, &stamps, Stored::Active(mapped.status), was_sent).await
    }

    /// Counts a finding that a setting or its status filters out. `is_resolved`: the entry resolves a finding that was
    /// sent because of an older entry of the file.
    async fn receive_filtered(
        &mut self,
        mapped: Box<Mapped>,
        filtered: FilterReason,
        key: FindingKey,
        is_resolved: bool,
    ) -> Result<(), PortError> {
        if is_resolved && self.policy.archive {
            if !self.last_sent(key).is_some_and(|last| last.is_active()) {
                return self.send_resolved(&mapped, key, self.ports.now()).await;
            }
            // The finding was active before the scan: whether it is archived depends on the limit.
            self.state.counts.add(Fate::Filtered(filtered.as_str().to_owned()), 1);
            self.state.late_resolutions.insert(key, LateResolution::Own(mapped, filtered));
            return Ok(());
        }
        self.state.counts.add(Fate::Filtered(filtered.as_str().to_owned()), 1);
        let at_ms = self.scan_ms(&mapped);
        self.record_tombstone(&mapped, filtered, key, at_ms).await?;
        self.mark_and_forward(key, filtered.seen(), at_ms).await
    }

    /// What the state has about a finding.
    pub(in crate::delivery) fn last_sent(&self, key: FindingKey) -> Option<FindingMeta> {
        self.state.region_state.as_ref().and_then(|region_state| region_state.index.get(key)).copied()
    }

    /// Sends a finding with these stamps. `apart`: an earlier version of it may be in flight.
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
            Err(_) if self.state.archiving => {
                let code = asff::QuarantineCode::TooLarge.as_str().to_owned();
                *self.state.counts.archive_rejected.entry(code).or_default() += 1;
                return Ok(());
            }
            Err(too_large) => {
                self.state.counts.add(Fate::Quarantined(asff::QuarantineCode::TooLarge.as_str().to_owned()), 1);
                self.quarantine.put(Entry::too_large(mapped, &too_large)).await?;
                // The finding was not stored in this Region, so that a copy in another Region stays as it is.
                return self.forward_mark(key, SeenInScan::Wanted, self.scan_ms(mapped)).await;
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
        self.state.holds_copies |= meta.foreign;
        self.state.deduplicator.note_sent(mapped);
        self.send_or_defer(Outgoing { id: mapped.finding.id.to_string(), json: json.into(), meta, apart }).await
    }

    /// Records that a finding which was never sent passed or is muted. Scans of parts of the account can arrive in any
    /// order, and an older one must not send the finding.
    async fn record_tombstone(
        &mut self,
        mapped: &Mapped,
        filtered: FilterReason,
        key: FindingKey,
        at_ms: i64,
    ) -> Result<(), PortError> {
        let Some(region_state) = &mut self.state.region_state else { return Ok(()) };
        let is_resolved = matches!(filtered.seen(), SeenInScan::Passed | SeenInScan::Muted);
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

    /// Archives a finding that this run sent, since a newer entry of the same file shows it as resolved.
    pub(in crate::delivery) async fn send_resolved(
        &mut self,
        mapped: &Mapped,
        key: FindingKey,
        now: Timestamp,
    ) -> Result<(), PortError> {
        let last = self.last_sent(key);
        let stamps = compute_stamps(mapped, self.state.repeated.repeat_count(key), last.as_ref(), now);
        let stamps = Stamps { record_state: RecordState::Archived, ..stamps };
        self.mark_seen(key, SeenInScan::Wanted, self.scan_ms(mapped));
        self.send_at(mapped, key, &stamps, Stored::Archived(Status::Failed), true, now).await
    }

    /// The time of an entry's scan, in milliseconds since 1970, never in the future.
    fn scan_ms(&self, mapped: &Mapped) -> i64 {
        self.clamp_ms(mapped.scanned_at)
    }

    fn clamp_ms(&self, scanned_at: jiff::Timestamp) -> i64 {
        match self.header.scanned_at {
            Some(clamped) if scanned_at == self.scan_time => clamped.as_millisecond(),
            _ => scanned_at.min(self.ports.now()).as_millisecond(),
        }
    }

    /// Whether the state has the ID for a finding of another resource.
    fn is_id_taken(&self, id: &str, resource: ResourceHash) -> bool {
        let known =
            self.state.region_state.as_ref().and_then(|region_state| region_state.index.get(FindingKey::from_id(id)));
        known.is_some_and(|known| known.resource != 0 && known.resource != resource.fingerprint())
    }

    /// Counts a finding that is never sent with its present status (MANUAL), and marks it, so that an earlier version
    /// of it in Security Hub stays as it is.
    pub(in crate::delivery) async fn receive_unsent(&mut self, mut unsent: Box<Unsent>) -> Result<(), PortError> {
        if self.is_id_taken(unsent.id.as_str(), unsent.resource_hash) {
            unsent.use_longer_id();
        }
        self.state.counts.add(Fate::Filtered(FilterReason::Manual.as_str().to_owned()), 1);
        let (key, at_ms) = (FindingKey::from_id(unsent.id.as_str()), self.clamp_ms(unsent.scanned_at));
        self.state.late_resolutions.remove(&key);
        self.state.unverified.remove(&key);
        self.mark_and_forward(key, FilterReason::Manual.seen(), at_ms).await
    }

    /// Marks how the scan shows a finding that may have been sent before, in this Region and in others.
    async fn mark_and_forward(&mut self, key: FindingKey, seen: SeenInScan, at_ms: i64) -> Result<(), PortError> {
        self.mark_seen(key, seen, at_ms);
        self.forward_mark(key, seen, at_ms).await
    }

    /// Marks how a scan with this time shows a finding that the state has. The newest scan of the file counts.
    pub(in crate::delivery) fn mark_seen(&mut self, key: FindingKey, seen: SeenInScan, at_ms: i64) {
        let Some(region_state) = &mut self.state.region_state else { return };
        let first_ms = self.header.scanned_at.map_or(at_ms, |first| first.as_millisecond());
        let Some(before) = region_state.index.seen(key) else {
            // The state has the finding after the account was suspended and resumed.
            if at_ms != first_ms || self.state.times.contains_key(&key) {
                let newest_ms = self.state.times.entry(key).or_insert(at_ms);
                *newest_ms = at_ms.max(*newest_ms);
            }
            return;
        };
        let before_ms = self.state.times.get(&key).copied().unwrap_or(first_ms);
        if before != SeenInScan::Not && at_ms < before_ms {
            return;
        }
        region_state.index.mark(key, seen, before != SeenInScan::Not && at_ms > before_ms);
        if at_ms != before_ms {
            self.state.times.insert(key, at_ms);
        }
    }

    /// Notifies the Regions that may have a copy of a finding from an earlier scan how this scan shows it.
    pub(in crate::delivery) async fn forward_mark(
        &mut self,
        key: FindingKey,
        seen: SeenInScan,
        at_ms: i64,
    ) -> Result<(), PortError> {
        if !self.late_copy_regions.is_empty() {
            self.state.deferred_marks.push((key, seen, at_ms));
        }
        for copy_region in self.fallback.iter().chain(&self.copy_regions) {
            copy_region.send(Message::SeenInScan(key, seen, at_ms)).await.map_err(|error| self.error(&error))?;
        }
        Ok(())
    }

    /// Receives a finding that its own Region does not accept.
    pub(in crate::delivery) async fn receive_redirected(&mut self, mut finding: Outgoing) -> Result<(), PortError> {
        self.open().await?;
        finding.meta.foreign = true;
        self.state.holds_copies = true;
        let (key, stamped_ms) = (finding.meta.key, finding.meta.updated_ms);
        let before = self.state.redirected.get(&key).copied();
        // The batches of the finding's own Region can be completed in any order.
        if before.is_some_and(|before| before.stamped_ms > stamped_ms) {
            self.state.counts.add(Fate::Filtered(FilterReason::Duplicate.as_str().to_owned()), 1);
            return Ok(());
        }
        self.state.late_resolutions.remove(&key);
        let was_active =
            self.last_sent(key).is_some_and(|last| last.is_active()) && !self.state.newly_active.contains(&key);
        if !finding.meta.is_active() && was_active {
            // A newer entry of the file resolves the finding. It was active in this Region before the scan: whether it
            // is archived is decided at the end of the file.
            self.state.counts.add(Fate::Filtered(FilterReason::Passed.as_str().to_owned()), 1);
            if before.is_some() {
                self.state.late_resolutions.insert(key, LateResolution::Redirected(finding));
            } else {
                self.mark_seen(key, FilterReason::Passed.seen(), stamped_ms);
            }
            return Ok(());
        }
        self.send_redirected(finding).await
    }

    /// Sends a finding that its own Region does not accept.
    pub(in crate::delivery) async fn send_redirected(&mut self, mut finding: Outgoing) -> Result<(), PortError> {
        let (key, stamped_ms) = (finding.meta.key, finding.meta.updated_ms);
        let before = self.state.redirected.get(&key).copied();
        // `updated_ms` is the finding's scan time or slightly later, so that this mark overrides earlier entries of the
        // file.
        self.mark_seen(key, SeenInScan::Wanted, finding.meta.updated_ms);
        let sent_ms = match before {
            Some(before) if self.sender.remove_unsent(key) => {
                self.state.counts.add(Fate::Filtered(FilterReason::Duplicate.as_str().to_owned()), 1);
                before.sent_ms
            }
            Some(before) => Some(before.updated_ms),
            None => None,
        };
        if let Some(sent_ms) = sent_ms {
            finding.meta.updated_ms = finding.meta.updated_ms.max(sent_ms + 1);
            finding.apart = true;
        }
        if let Some(region_state) = &self.state.region_state {
            let last = region_state.index.get(key).copied();
            let now_ms = self.ports.now().as_millisecond();
            let delta = compare(last.as_ref(), finding.meta.content, now_ms);
            let done = self.header.has_sent(last.as_ref(), finding.meta.updated_ms);
            if delta == Comparison::Same && sent_ms.is_none() && (self.policy.resend == Resend::Changed || done) {
                self.state.redirected.remove(&key);
                self.state.counts.add(Fate::Unchanged, 1);
                return Ok(());
            }
            self.state.report.changes.count(delta);
            if let Some(last) = last {
                finding.meta.first_seen_ms = finding.meta.first_seen_ms.min(last.first_seen_ms);
                finding.meta.updated_ms = finding.meta.updated_ms.max(last.updated_ms + 1);
            }
        }
        let redirected = RedirectedVersion { stamped_ms, updated_ms: finding.meta.updated_ms, sent_ms };
        self.state.redirected.insert(key, redirected);
        let config = self.sender.config();
        let retargeted = retarget(&finding, &config.partition.product_arn(config.region));
        finding.json = retargeted.map_err(|error| self.error(&error))?.into();
        self.send_or_defer(finding).await
    }
}
