//! The end of a Region's work: archives resolved findings if that is allowed, lists findings that need approval, and
//! saves the state.

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;

use super::judge::{Judgment, is_limited};
use super::region::{LateResolution, Policy, RegionWorker, WorkerResult, WorkerState};
use crate::delivery::halt::RegionHalt;
use crate::delivery::pack::Outgoing;
use crate::delivery::stamp::resend_stored;
use crate::evidence::service;
use crate::model::integration::ArchiveScope;
use crate::ports::{PortError, Ports};
use crate::report::{ARCHIVE_LIMIT, PendingClass, PendingFinding};
use crate::state::{Entry, FindingMeta, Resolution, SeenInScan, Stored, archived, finding_home, status_of};

/// Days for which the state retains a finding that Security Hub no longer has, so that its first-seen time is known if
/// it reappears. The service deletes an archived finding after 30 days, an active one after 90.
const RETENTION_DAYS: i64 = 97;
/// Days for which the state retains a finding that passed and was never sent: older scans of it have arrived by then.
const TOMBSTONE_RETENTION_DAYS: i64 = 14;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

/// What is done with findings that Security Hub does not have as the scan shows them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Conclusion {
    /// Resolved findings are archived.
    pub(crate) archives: bool,
    /// A copy of a finding is archived if the finding's own Region has it.
    pub(crate) archives_moved: bool,
    /// Unproven findings are archived, since a user approved it.
    pub(crate) archives_unproven: bool,
    /// Resolved findings need approval, and are listed.
    pub(crate) lists: bool,
}

impl Conclusion {
    /// Whether a finding that is resolved on this evidence is archived.
    pub(super) fn archives(self, class: PendingClass) -> bool {
        match class {
            PendingClass::Unproven => self.archives_unproven,
            PendingClass::Moved => self.archives_moved,
            PendingClass::Passed | PendingClass::Muted | PendingClass::Proven | PendingClass::Absent => self.archives,
        }
    }

    /// Returns the same conclusion without archiving.
    pub(super) fn without_archiving(self) -> Self {
        Self { archives: false, archives_moved: false, archives_unproven: false, ..self }
    }
}

impl<P: Ports> RegionWorker<P> {
    /// Whether the Region accepted, rejected, or redirected all findings that it was given. False if it halted for a
    /// transient reason.
    pub(crate) fn has_processed_all(&self) -> bool {
        !matches!(self.sender.halt(), Some(RegionHalt::Undelivered(_)))
    }

    /// Whether the Region's state was compared with the scan, or could not be because the Region is unavailable.
    pub(crate) fn is_compared(&self) -> bool {
        self.has_processed_all() || self.state.region_state.is_some()
    }

    /// Whether every finding of the scan that belongs to this Region is completed: its Security Hub has it, or it was
    /// redirected.
    pub(crate) fn has_reported_all(&self) -> bool {
        !self.state.has_deferred && self.has_processed_all() && self.state.error.is_none()
    }

    /// Archives resolved findings if that is allowed, and saves the state.
    pub(crate) async fn conclude(mut self, conclusion: Conclusion) -> WorkerResult {
        let saved = self.save(conclusion).await;
        let full = *saved.as_ref().unwrap_or(&false);
        self.note_error(saved.map(drop));
        let in_doubt_regions = self.may_differ();
        let result = self.state.into_result(self.sender.config().counters.read(), self.sender.halt(), &self.policy);
        WorkerResult { is_in_doubt: in_doubt_regions, is_fully_compared: full, ..result }
    }

    /// Whether Security Hub may have findings that the state does not have: findings were sent and the state was not
    /// saved, or a Region in doubt was never opened.
    pub(in crate::delivery) fn may_differ(&self) -> bool {
        let is_unsaved = self.state.error.is_some() && self.sender.config().counters.read().0 > 0;
        is_unsaved || (self.is_in_doubt() && !self.state.opened)
    }

    /// Saves the state. Returns whether it was compared with the scan as one of the whole account.
    async fn save(&mut self, conclusion: Conclusion) -> Result<bool, PortError> {
        if self.state.error.is_some() {
            return Ok(false);
        }
        self.ensure_lease()?;
        let conclusion = self.restrict(conclusion);
        let full = self.is_full_comparison();
        let plan = self.plan_pass(conclusion, full);
        let Some(region_state) = &mut self.state.region_state else { return Ok(false) };
        self.state.holds_copies |= plan.holds_copies;
        // Once anything is written to the next state, all entries that stay are copied to it.
        let archives_late = conclusion.archives && !self.state.late_resolutions.is_empty();
        let lists = plan.lists || !self.state.late_resolutions.is_empty();
        let writes = region_state.is_changed() || region_state.is_stale || plan.writes || archives_late;
        if !writes && !lists {
            self.note_active();
            return Ok(full);
        }
        if writes {
            region_state.start_next().await?;
        }
        self.note_scan(full);
        self.process_old_entries(conclusion, full).await?;
        self.sender.flush().await;
        self.complete_sent().await?;
        self.copy_not_archived(full).await?;
        self.conclude_late(conclusion).await?;
        self.sender.flush().await;
        self.complete_sent().await?;
        // For these findings, the state has the version that was sent before.
        self.state.not_archived.clear();
        self.ensure_lease()?;
        self.note_active();
        let archived = self.state.report.archived_at.filter(|_| self.state.counts.archived > 0);
        match self.state.region_state.take().map(|region_state| region_state.archived_by(archived, &self.run_id)) {
            Some(region_state) => region_state.save().await.map(|()| full),
            None => Ok(false),
        }
    }

    /// Iterates over the old state: archives, lists, and copies into the next one.
    async fn process_old_entries(&mut self, conclusion: Conclusion, full: bool) -> Result<(), PortError> {
        self.state.archiving = true;
        // Keys from an earlier pass: their entries were not replaced, so that this pass copies them.
        self.state.not_archived.clear();
        let now = self.ports.now();
        let Some(region_state) = self.state.region_state.as_ref().filter(|region_state| region_state.old.is_some())
        else {
            return Ok(());
        };
        let writes = region_state.is_changed();
        let Some(mut entries) = region_state.entries().await? else { return Ok(()) };
        while let Some(entry) = entries.next().await.map_err(|error| error.on_second_read("the state"))? {
            let Some(region_state) = &self.state.region_state else { break };
            if !region_state.index.is_current(&entry.meta) {
                continue;
            }
            let seen = region_state.index.seen(entry.meta.key).unwrap_or_default();
            let judgment = self.judge(&entry.meta, seen);
            match judgment {
                Judgment::Resolved(class) if conclusion.archives(class) => {
                    self.archive(&entry, class, now).await?;
                    continue;
                }
                Judgment::Resolved(class) if conclusion.lists && is_limited(class) => {
                    self.list_pending(&entry, class, ARCHIVE_LIMIT).await?;
                }
                Judgment::Unproven(reason) => self.list_pending(&entry, PendingClass::Unproven, reason).await?,
                Judgment::Resolved(_) | Judgment::Absent(_) | Judgment::Stays => {}
            }
            let retention_days = if entry.meta.is_tombstone() { TOMBSTONE_RETENTION_DAYS } else { RETENTION_DAYS };
            let is_forgotten = now.as_millisecond() - entry.meta.sent_ms > retention_days * DAY_MS;
            if !writes || (is_forgotten && seen == SeenInScan::Not) {
                continue;
            }
            self.copy_entry(&entry, seen, judgment, full).await?;
        }
        Ok(())
    }

    /// Archives or lists findings that this run sent because of an older entry of the file, and that a newer entry
    /// resolves.
    async fn conclude_late(&mut self, conclusion: Conclusion) -> Result<(), PortError> {
        let is_complete = self.state.judging.as_ref().is_some_and(|judge| judge.verdicts.proof.is_complete());
        if !is_complete {
            return Ok(());
        }
        let now = self.state.report.archived_at.unwrap_or_else(|| self.ports.now());
        for (key, resolution) in std::mem::take(&mut self.state.late_resolutions) {
            if conclusion.archives {
                self.state.report.archived_at = Some(now);
                match resolution {
                    LateResolution::Own(mapped, _) => self.send_resolved(&mapped, key, now).await?,
                    LateResolution::Redirected(finding) => self.send_redirected(finding.sent_at(now)).await?,
                }
                self.complete_sent().await?;
            } else if conclusion.lists
                && let Some(meta) = self.last_sent(key)
            {
                let class = resolution.class();
                let json = match resolution {
                    LateResolution::Own(mapped, _) => mapped.encode(&mapped.first_stamps()).ok().map(Into::into),
                    LateResolution::Redirected(finding) => Some(finding.json),
                };
                if let Some(json) = json {
                    self.list_pending(&Entry { meta, json }, class, ARCHIVE_LIMIT).await?;
                }
            }
        }
        Ok(())
    }

    /// Copies findings whose archiving failed: Security Hub has them as the old state records them.
    async fn copy_not_archived(&mut self, full: bool) -> Result<(), PortError> {
        let not_archived = std::mem::take(&mut self.state.not_archived);
        if not_archived.is_empty() {
            return Ok(());
        }
        let Some(region_state) = &self.state.region_state else { return Ok(()) };
        let Some(mut entries) = region_state.entries().await? else { return Ok(()) };
        while let Some(entry) = entries.next().await.map_err(|error| error.on_second_read("the state"))? {
            let Some(region_state) = &self.state.region_state else { break };
            if !not_archived.contains(&entry.meta.key) || !region_state.index.is_current(&entry.meta) {
                continue;
            }
            let seen = region_state.index.seen(entry.meta.key).unwrap_or_default();
            self.copy_entry(&entry, seen, self.judge(&entry.meta, seen), full).await?;
        }
        Ok(())
    }

    /// Copies a finding of the old state into the next one, with the changes that follow from the scan.
    async fn copy_entry(
        &mut self,
        entry: &Entry,
        seen: SeenInScan,
        judgment: Judgment,
        full: bool,
    ) -> Result<(), PortError> {
        let change = self.entry_change(&entry.meta, seen, judgment, full);
        self.state.holds_copies |= entry.meta.foreign && entry.meta.is_active();
        let Some(region_state) = &mut self.state.region_state else { return Ok(()) };
        let meta = change.apply(&entry.meta, region_state);
        region_state.copy(&meta, &entry.json).await
    }

    /// What a pass over the old state would do.
    fn plan_pass(&self, conclusion: Conclusion, full: bool) -> PassPlan {
        let mut pass = PassPlan::default();
        let Some(region_state) = &self.state.region_state else { return pass };
        for (meta, seen) in region_state.index.unreplaced() {
            let judgment = self.judge(meta, seen);
            pass.lists |= matches!(judgment, Judgment::Unproven(_)) && meta.is_active();
            if let Judgment::Resolved(class) = judgment {
                pass.lists |= conclusion.lists;
                pass.writes |= conclusion.archives(class);
            }
            pass.writes |= self.entry_change(meta, seen, judgment, full).changes_entry(meta);
            pass.holds_copies |= meta.foreign && meta.is_active();
        }
        pass
    }

    /// Whether the state is compared with the scan as one of the whole account.
    fn is_full_comparison(&self) -> bool {
        let judging = self.state.judging.as_ref();
        judging.is_some_and(|judge| {
            let proof = &judge.verdicts.proof;
            judge.verdicts.scope == ArchiveScope::Full && proof.is_complete() && !proof.has_several_times()
        })
    }

    /// Records the scan in the tail of the next state.
    fn note_scan(&mut self, full: bool) {
        let Some(judge) = &self.state.judging else { return };
        let (scanned_at, scan_time) = (Some(judge.verdicts.scanned_at), judge.verdicts.scan_time);
        let judged = self.policy.archive && judge.verdicts.proof.is_conclusive();
        let is_unheard = judge.reporting.is_empty;
        let Some(region_state) = &mut self.state.region_state else { return };
        let tail = &mut region_state.header.tail;
        tail.repeated = self.state.repeated.keys_to_store(&region_state.index);
        if full {
            tail.full_at = tail.full_at.max(scanned_at);
        }
        if judged {
            // A finding that an earlier run of the same scan counted stays counted, even if this run did not receive
            // its mark.
            let was_counted = tail.judged_at == Some(scan_time) && tail.unheard_at != Some(scan_time);
            tail.unheard_at = (is_unheard && !was_counted).then_some(scan_time);
            tail.judged_at = Some(scan_time);
        }
    }

    /// Sends a resolved finding as archived. A finding that an aborted run archived is only counted.
    async fn archive(&mut self, entry: &Entry, class: PendingClass, now: Timestamp) -> Result<(), PortError> {
        self.state.report.archived_at = Some(now);
        self.state.archived_unlimited += u64::from(!is_limited(class));
        let is_done =
            self.state.region_state.as_ref().is_some_and(|region_state| region_state.is_unattributed(&entry.meta));
        if is_done {
            self.state.counts.archived += 1;
            // Security Hub has the version that the aborted run sent, with the time of that run's scan, which is most
            // likely this scan.
            let scanned_ms = self.header.scanned_at.unwrap_or(now).min(now).as_millisecond();
            let updated_ms = scanned_ms.max(entry.meta.updated_ms + 1);
            let meta = FindingMeta { updated_ms, sent_ms: now.as_millisecond(), absent: 0, ..entry.meta };
            let Some(region_state) = &mut self.state.region_state else { return Ok(()) };
            return region_state.record(&meta, &entry.json).await;
        }
        let resolution = match class {
            PendingClass::Passed => Resolution::Passed,
            PendingClass::Muted => Resolution::Muted,
            PendingClass::Moved | PendingClass::Proven | PendingClass::Absent | PendingClass::Unproven => {
                Resolution::Gone
            }
        };
        let finding = self.resolved_finding(&entry.meta, &entry.json, resolution, now)?;
        self.sender.send(finding).await;
        self.complete_sent().await
    }

    /// Lists a finding that is archived after approval.
    async fn list_pending(&self, entry: &Entry, class: PendingClass, reason: &str) -> Result<(), PortError> {
        if !entry.meta.is_active() {
            return Ok(());
        }
        let finding: Value = serde_json::from_slice(&entry.json).map_err(|error| self.error(&error))?;
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let generator = text(&finding["GeneratorId"]);
        let check_id = generator.strip_prefix("prowler-").unwrap_or(&generator).to_owned();
        let own = &finding["FindingProviderFields"]["Severity"]["Label"];
        self.pending
            .put(PendingFinding {
                account: self.header.account,
                finding_id: text(&finding["Id"]),
                service: service(&check_id).to_owned(),
                check_id,
                region: finding_home(&entry.json).unwrap_or(self.header.region),
                severity: text(if own.is_null() { &finding["Severity"]["Label"] } else { own }),
                resource_id: text(&finding["Resources"][0]["Id"]),
                first_observed_at: Timestamp::from_millisecond(entry.meta.first_seen_ms).unwrap_or_default(),
                class,
                reason: reason.to_owned(),
            })
            .await
    }

    /// Fails if the lease on the account is lost: a state that another run may have saved since must not be
    /// overwritten, and the run must not succeed.
    pub(in crate::delivery) fn ensure_lease(&self) -> Result<(), PortError> {
        if self.sender.config().lease.is_lost() {
            return Err(self.error(&format!("the lock on account {} was lost to another run", self.header.account)));
        }
        Ok(())
    }

    /// A resolved finding, as it is sent to be archived.
    fn resolved_finding(
        &self,
        meta: &FindingMeta,
        json: &Bytes,
        resolution: Resolution,
        now: Timestamp,
    ) -> Result<Outgoing, PortError> {
        let was = status_of(meta, json, &self.policy.regions);
        let updated_ms = self.newest_scan_ms(meta.key).min(now.as_millisecond()).max(meta.updated_ms + 1);
        let meta = FindingMeta { absent: 0, ..*meta };
        resend_stored(&meta, Stored::Archived(was), updated_ms, now, |updated_at| {
            archived(json, resolution, updated_at)
        })
    }
}

impl<P: Ports> WorkerState<P> {
    /// The result at the end. `calls`: all calls, throttled calls, and calls that failed for another transient reason.
    pub(in crate::delivery) fn into_result(
        self,
        calls: (u64, u64, u64),
        halt: Option<&RegionHalt>,
        policy: &Policy,
    ) -> WorkerResult {
        let holds_copies = (self.opened && self.error.is_none()).then_some(self.holds_copies);
        let Self { counts, mut report, error, deferred_keys, archived_unlimited: unlimited, .. } = self;
        // The number is wrong if the state was not saved.
        report.active = report.active.filter(|_| error.is_none());
        report.sent = counts.sent;
        report.unchanged = counts.unchanged;
        report.filtered = counts.filtered_total();
        report.archived = counts.archived;
        (report.calls, report.throttled, report.retried) = calls;
        match halt {
            Some(RegionHalt::Unavailable(unavailable)) => report.unavailable = Some(unavailable.clone()),
            Some(RegionHalt::Undelivered(reason)) if policy.archive => report.unfinished = Some((*reason).to_owned()),
            _ => {}
        }
        WorkerResult { counts, report, error, holds_copies, unlimited, deferred_keys, ..WorkerResult::default() }
    }
}

/// What a pass over the old state does in addition to copying.
#[derive(Clone, Copy, Debug, Default)]
struct PassPlan {
    /// At least one entry changes in the next state.
    writes: bool,
    /// At least one finding is listed for approval.
    lists: bool,
    /// The Region has active findings of other Regions.
    holds_copies: bool,
}
