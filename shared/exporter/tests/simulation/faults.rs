//! Faults in the weeks of scans: the service fails, Security Hub is disabled, runs are killed, and users run jobs.

use std::time::Duration;

use asff::AccountId;
use exporter::jobs::{self, JobRunner, Reconcile, Redrive};
use exporter::model::settings::Settings;
use exporter::report::RunReport;
use rand::RngExt;
use serde_json::json;
use simulator::{Caller, Effect, Fault, Input, Operation};

use crate::account::OFF;
use crate::scan::Expected;
use crate::weeks::Simulation;
use crate::{ACCOUNT, OTHER, REGIONS, assert_history};
use exporter::testing::Lifetime;

impl Simulation {
    /// Injects the faults of a day.
    pub(crate) fn weather(&mut self) {
        self.clear();
        for _ in 0..self.random.random_range(0..3) {
            let status = [429, 500, 503][self.random.random_range(0..3)];
            let fault = match self.random.random_range(0..6) {
                0 => Fault::new(Effect::DropConnection { after_commit: true }).ratio(0.2),
                1 => {
                    Fault::new(Effect::Error { status, error_type: None, message: None, after_commit: true }).ratio(0.2)
                }
                2 => Fault::new(Effect::FailFindings {
                    id_contains: self.random.random_range(0..16).to_string(),
                    code: "InternalFailure".to_owned(),
                    message: "try again".to_owned(),
                })
                .ratio(0.3),
                3 => Fault::error(status).times(self.random.random_range(1..40)),
                4 => Fault::error(status).in_region(REGIONS[self.random.random_range(0..3)]),
                _ => Fault::error(status).ratio(0.3),
            };
            self.world.simulator.inject(fault);
        }
        if self.random.random_bool(0.1) {
            let region = REGIONS[self.random.random_range(0..3)];
            self.world.fail_reads(&format!("{region}.zst"));
        }
        if self.random.random_bool(0.1) {
            let region = REGIONS[self.random.random_range(0..3)];
            self.world.fail_writes(&format!("{region}.zst"));
        }
        if self.random.random_bool(0.15) {
            // The network fails, for one Region or for all.
            let count = [1, 3][self.random.random_range(0..2)];
            let dark = REGIONS.iter().cycle().skip(self.random.random_range(0..3)).take(count);
            self.world.access().dark = dark.map(|region| region.parse().unwrap()).collect();
        }
        if self.random.random_bool(0.1) {
            self.world.simulator.inject(Fault::error(403).on(Operation::DescribeHub));
        }
        if self.random.random_bool(0.1) {
            let account = [ACCOUNT, OTHER][self.random.random_range(0..2)];
            let region = REGIONS[self.random.random_range(0..3)];
            self.call(account, region, Operation::DisableSecurityHub, b"");
            self.lost(account.parse().unwrap(), region);
        }
    }

    /// Ends all faults and enables Security Hub in all Regions.
    pub(crate) fn clear(&mut self) {
        self.world.now();
        self.world.simulator.clear_faults();
        {
            self.world.restore_stores();
            self.world.access().dark.clear();
        }
        for (account, state) in &self.accounts {
            let account = account.as_str();
            for region in REGIONS {
                if state.falls_back() && region == OFF {
                    self.call(account, region, Operation::DisableSecurityHub, b"");
                    continue;
                }
                self.call(account, region, Operation::EnableSecurityHub, b"{}");
                let product = json!({ "ProductArn": format!("arn:aws:securityhub:{region}::product/prowler/prowler") });
                let body = product.to_string();
                self.call(account, region, Operation::EnableImportFindingsForProduct, body.as_bytes());
            }
        }
    }

    fn call(&self, account: &str, region: &str, operation: Operation, body: &[u8]) {
        let input = Input { body, ..Input::default() };
        // This call may fail as well because of another fault; it is retried on the next day.
        let _ = self.world.simulator.call(&Caller::user(account), region, operation, input);
    }

    /// Analysts change the workflow status of a finding.
    pub(crate) fn analysts(&mut self) {
        let region = REGIONS[self.random.random_range(0..3)];
        let findings = self.world.simulator.findings(ACCOUNT, region);
        if findings.is_empty() {
            return;
        }
        let finding = &findings[self.random.random_range(0..findings.len())];
        let update = json!({
            "FindingIdentifiers": [{ "Id": finding["Id"], "ProductArn": finding["ProductArn"] }],
            "Workflow": { "Status": "SUPPRESSED" },
        });
        let body = update.to_string();
        let _ = self.world.simulator.batch_update_findings(&Caller::user(ACCOUNT), region, body.as_bytes());
    }

    /// A user runs a job for earlier runs, which may be killed. The next scan decides again.
    pub(crate) async fn job(&mut self) {
        if self.random.random_bool(0.6) {
            return;
        }
        let killed_at = self.random.random_bool(0.3).then(|| self.random.random_range(0..60));
        let fake_aws = self.world.run(Lifetime::until(killed_at, self.random.random_bool(0.5)), Expected::new());
        let lifetime = fake_aws.lifetime().clone();
        let runner = JobRunner::new(fake_aws, Settings::default());
        let deadline = Some(tokio::time::Instant::now() + Duration::from_secs(900));
        let options = jobs::Options { deadline, ..jobs::Options::default() };
        let account: AccountId = [ACCOUNT, OTHER][self.random.random_range(0..2)].parse().unwrap();
        let archived = |run: &&RunReport| run.counts.archived > 0;
        let archiving = self.world.contents().runs.iter().rfind(archived).map(|run| run.run_id.clone());
        let what = self.random.random_range(0..3);
        let job = async {
            match (what, archiving) {
                (0, Some(run_id)) => vec![runner.undo_archive(&run_id, &options).await],
                (1, _) => match runner.redrive(&Redrive::default(), &options).await {
                    Ok(runs) => runs.into_iter().map(Ok).collect(),
                    Err(error) => vec![Err(error)],
                },
                _ => vec![runner.reconcile(account, &Reconcile::default(), &options).await],
            }
        };
        let outcome = tokio::select! {
            outcome = job => outcome,
            () = lifetime.ended() => Vec::new(),
        };
        self.world.assert_no_violation();
        self.loosen();
        if std::env::var("DEBUG").is_ok() {
            let did: Vec<_> =
                outcome.iter().map(|run| run.as_ref().map(|run| (run.kind, run.counts.sent, run.status))).collect();
            eprintln!("a user's job {what} for {account}: {did:?}");
        }
        for run in outcome.iter().flatten() {
            assert!(run.counts.is_balanced(), "the counts add up: {:?}", run.counts);
            assert_history(run);
        }
    }
}
