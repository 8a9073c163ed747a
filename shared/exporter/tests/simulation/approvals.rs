//! An approval archives what its run listed, and not what the repeated export did not read.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use exporter::export::Options;
use exporter::model::approval::Approval;
use exporter::ports::Scan;
use exporter::report::RunStatus;
use futures::{Stream, StreamExt as _};
use tokio::time::Instant;

use crate::evidence::{INSTANCE, active, begun, of, without};
use crate::promises::scan;
use crate::scan::{Result, Scanned};
use crate::{Run, export};

const UNPROVEN: Approval = Approval { pending: false, unproven: true };

/// A scan of all findings except those of one check, which became MANUAL in the account.
fn denied(hours: i64) -> Scanned {
    let resource = "arn:aws:iam::123456789012:root".to_owned();
    let manual = Result { manual: true, failed: false, resource, ..of(INSTANCE, "us-east-1", 0) };
    scan(hours, without(|one| one.check == INSTANCE).into_iter().chain([manual]).collect())
}

/// The first half of the file, and what follows instead of the second.
fn first_half(scanned: &Scanned, key: &str, rest: impl Stream<Item = io::Result<Bytes>> + Send + 'static) -> Scan {
    let bytes = scanned.bytes();
    let half = Bytes::copy_from_slice(&bytes[..bytes.len() / 2]);
    let body = futures::stream::iter([Ok(half)]).chain(rest).boxed();
    Scan { body, ..scanned.upload(key) }
}

#[tokio::test(start_paused = true)]
async fn an_approval_that_runs_out_of_time_archives_nothing_unread() {
    let world = begun(|_| {}).await;
    let report = export(&world, denied(1).upload("1")).await;
    assert_eq!((report.counts.unproven, active(&world)), (15, 45), "{:?}", report.reasons);
    world.sleep(3600).await;
    let deadline = Some(Instant::now() + Duration::from_secs(120));
    let options = Options { reexport: true, approval: UNPROVEN, deadline, ..Options::default() };
    let stalled = first_half(&denied(1), "1", futures::stream::pending());
    let run = Run { options, ..Run::new(&world) }.go(stalled).await.unwrap().unwrap();
    assert_eq!((run.status, run.counts.archived), (RunStatus::Unfinished, 0), "{:?}", run.reasons);
    assert_eq!(active(&world), 45);
    // The next round has the time.
    let options = Options { reexport: true, approval: UNPROVEN, ..Options::default() };
    let run = Run { options, ..Run::new(&world) }.go(denied(1).upload("1")).await.unwrap().unwrap();
    assert_eq!((run.counts.archived, active(&world)), (15, 30), "{:?}", run.reasons);
}

#[tokio::test(start_paused = true)]
async fn an_approval_whose_file_stops_arriving_archives_nothing_unread() {
    let world = begun(|_| {}).await;
    export(&world, denied(1).upload("1")).await;
    world.sleep(3600).await;
    let options = Options { reexport: true, approval: UNPROVEN, ..Options::default() };
    let lost = Err(io::Error::new(io::ErrorKind::ConnectionReset, "the connection was reset"));
    let file = first_half(&denied(1), "1", futures::stream::iter([lost]));
    let run = Run { options, ..Run::new(&world) }.go(file).await.unwrap();
    assert!(run.is_err(), "the export is repeated");
    assert_eq!(active(&world), 45);
}
