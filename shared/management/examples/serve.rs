//! Serves the API on 127.0.0.1 over in-memory ports with sample data: `serve PORT`. In `make test-api`, Schemathesis tests it
//! against its description.

use std::io::Write as _;
use std::sync::Arc;

use exporter::jobs::{Job, JobRecord};
use exporter::model::integration::Integration;
use exporter::model::provider::{Provider, ProviderId};
use exporter::model::upload::UploadInfo;
use exporter::ports::settings_store::Stored;
use exporter::report::{AccountReport, ArchiveSkipped, RunReport, RunStatus};
use exporter::testing::InMemory;
use jiff::Timestamp;
use management::{Service, Settings, router};
use tokio::net::TcpListener;

type Failure = Box<dyn std::error::Error>;

/// The account in the examples of the description.
const ACCOUNT: &str = "123456789012";
/// The run in the examples of the description.
const RUN: &str = "01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b";
/// The job in the examples of the description.
const JOB: &str = "01936f2e-9a3b-7c41-8d5e-0c2d5e6f7a8b";

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let port: u16 = std::env::args().nth(1).ok_or("serve PORT")?.parse()?;
    let memory = Arc::new(InMemory::default());
    add_samples(&memory)?;
    let settings = Settings { secret_prefix: "securityhub-exporter/".to_owned(), ..Settings::default() };
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    writeln!(std::io::stdout(), "http://{}", listener.local_addr()?)?;
    axum::serve(listener, router(Arc::new(Service::new(memory, settings)))).await?;
    Ok(())
}

fn add_samples(memory: &InMemory) -> Result<(), Failure> {
    let now = Timestamp::now();
    let id: ProviderId = ACCOUNT.parse()?;
    let upload = UploadInfo {
        source: "s3://scans/scan.json".to_owned(),
        etag: "e".to_owned(),
        bytes: 1,
        modified_at: None,
        requester: None,
    };
    let mut run = RunReport::new(RUN.to_owned(), upload, now);
    run.status = RunStatus::Degraded;
    run.counts.archived = 1;
    run.counts.quarantined.insert("InvalidInput".to_owned(), 1);
    run.quarantine = Some(RunReport::quarantine_key(RUN));
    let archive = Some(ArchiveSkipped::ArchiveRequiresApproval { pending: 80, active: 120 });
    run.accounts.insert(ACCOUNT.parse()?, AccountReport { archive, ..AccountReport::default() });
    let mut contents = memory.contents();
    contents.providers.insert(ACCOUNT.to_owned(), Stored::new(Provider::new(id.clone()), now, "nobody"));
    contents.integrations.insert(ACCOUNT.to_owned(), Stored::new(Integration::new(id), now, "nobody"));
    contents.quarantine.insert(RUN.to_owned(), vec![serde_json::json!({ "code": "InvalidInput" })]);
    let pending = serde_json::json!({
        "account": ACCOUNT, "finding_id": "prowler-a", "check_id": "iam_user_mfa", "service": "iam", "region": "us-east-1",
        "severity": "HIGH", "resource_id": "arn", "first_observed_at": "2026-11-01T00:00:00Z", "class": "passed",
        "reason": "archive_limit",
    });
    contents.pending.insert(RUN.to_owned(), vec![pending]);
    contents.runs.push(run);
    let job = Job::Approve { run_id: RUN.to_owned(), pending: false, unproven: false };
    contents.jobs.push(JobRecord::new(JOB.to_owned(), job, now, "nobody"));
    Ok(())
}
