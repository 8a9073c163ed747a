//! `hubctl export --since`: exports old scans in the order of their scan time, so that no scan is superseded.

use std::sync::Arc;

use anyhow::Result;
use aws::{Cloud, ListedObject};
use exporter::export::Options;
use exporter::model::upload::Upload;
use exporter::ports::Ports;
use exporter::report::{RunReport, RunStatus, RunTrigger};
use jiff::Timestamp;

use super::{Args, work};
use crate::config::{Format, Global};
use crate::deployment::{self, port};
use crate::exit::{Exit, Failure};
use crate::origin::Origin;
use crate::render::run_report;
use crate::render::{Column, Output, Table, text};
use crate::scan::source::Source;

/// Digits of the time in the names that Prowler gives its files: `prowler-output-123456789012-20261123075624.ocsf.json`.
const TIME_DIGITS: usize = 14;
/// Maximum number of characters of an upload's name to show: its end, which is distinctive.
const UPLOAD_CHARS_MAX: usize = 26;

/// Parses a date, or a time with its offset.
pub(super) fn since(text: &str) -> Result<Timestamp, String> {
    let parsed = text.parse::<Timestamp>().or_else(|_| format!("{text}T00:00:00Z").parse());
    parsed.map_err(|_| "not a date, such as 2026-11-01, or a time, such as 2026-11-01T12:00:00Z".to_owned())
}

pub(super) fn run(args: &Args, since: Timestamp, global: &Global, output: &mut Output) -> Result<Exit> {
    let Source::Object(prefix) = &args.source else {
        return Err(Failure::new(Exit::Usage, "--since requires an S3 prefix: s3://BUCKET/PREFIX").into());
    };
    let runs = deployment::block_on(async {
        if args.options.standalone {
            let origin = Origin::standalone(args.options.location()?, global);
            let standalone = args.options.connect(global).await?;
            let cloud = standalone.cloud.clone();
            export_all(&Arc::new(standalone), &cloud, args, (prefix, since), &origin, output).await
        } else {
            args.options.check_deployment()?;
            let connected = deployment::connect(global).await?;
            let origin = Origin::workstation(global, false, connected.state());
            export_all(&connected.cloud, &connected.cloud, args, (prefix, since), &origin, output).await
        }
    })?;
    args.work.save_report(&runs)?;
    match output.format {
        Format::Json => output.json(&runs)?,
        Format::Table => output.table(&table(&runs))?,
    }
    // Buckets also contain objects that are not scans.
    let exits = runs.iter().filter(|run| run.status != RunStatus::Ignored).map(run_report::exit);
    Ok(exits.max_by_key(|exit| exit.severity()).unwrap_or(Exit::Success))
}

/// Exports one scan after another, and stops at the first that fails.
async fn export_all<P: Ports>(
    ports: &Arc<P>,
    cloud: &Cloud,
    args: &Args,
    (prefix, since): (&Upload, Timestamp),
    origin: &Origin,
    output: &mut Output,
) -> Result<Vec<RunReport>> {
    let listed = cloud.list_uploads(&prefix.bucket, &prefix.key).await.map_err(|error| port(&error))?;
    let uploads = in_order(listed, since);
    output.note(format!("{} since {}", text::counted(uploads.len() as u64, "upload", "uploads"), text::time(since)))?;
    let mut runs = Vec::new();
    for upload in uploads {
        let url = upload.url();
        let scan = work::open(&Source::Object(upload), cloud).await?;
        let options = Options { reexport: !args.skip_exported, trigger: RunTrigger::Command, ..Options::default() };
        let run = work::export(ports, &args.work, origin, scan, options, output).await?;
        output.note(format!("{:10} {url}", run.status.as_str()))?;
        runs.push(run);
    }
    Ok(runs)
}

/// Uploads since a time, oldest first.
fn in_order(listed: Vec<ListedObject>, since: Timestamp) -> Vec<Upload> {
    let mut timed: Vec<(Timestamp, Upload)> = listed
        .into_iter()
        .map(|listed| {
            let at = time_in(&listed.upload.key).or(listed.modified_at).unwrap_or(Timestamp::MIN);
            (at, listed.upload)
        })
        .filter(|(at, _)| *at >= since)
        .collect();
    timed.sort_by(|(one, upload), (other, another)| (one, &upload.key).cmp(&(other, &another.key)));
    timed.into_iter().map(|(_, upload)| upload).collect()
}

/// The time that Prowler puts into a file's name. It is the scanner's local time; in CI that is UTC.
fn time_in(key: &str) -> Option<Timestamp> {
    let name = key.rsplit('/').next()?;
    let digits = name.split(|letter: char| !letter.is_ascii_digit()).find(|digits| digits.len() == TIME_DIGITS)?;
    let part = |range| digits.get(range).unwrap_or_default();
    let (date, time) =
        ([part(0..4), part(4..6), part(6..8)].join("-"), [part(8..10), part(10..12), part(12..14)].join(":"));
    format!("{date}T{time}Z").parse().ok()
}

fn table(runs: &[RunReport]) -> Table {
    let mut table = Table::new([
        Column::Text("Scanned at"),
        Column::Text("Status"),
        Column::Number("Sent"),
        Column::Number("Unchanged"),
        Column::Number("Archived"),
        Column::Text("Upload"),
    ]);
    for run in runs {
        let at = run.scanned_at.map(|at| at.strftime("%Y-%m-%d %H:%M").to_string()).unwrap_or_default();
        let counts = [run.counts.sent, run.counts.unchanged, run.counts.archived].map(text::count);
        let upload = text::end(&run.upload.source, UPLOAD_CHARS_MAX);
        let status = run.status.as_str().to_owned();
        table.row(run_report::text_style(run.status), [at, status].into_iter().chain(counts).chain([upload]));
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_scans_are_exported_in_order_of_scan_time() {
        let listed = |key: &str, modified: &str| ListedObject {
            upload: Upload::new("scans", key),
            modified_at: modified.parse().ok(),
        };
        let all = vec![
            listed("a/prowler-output-123456789012-20261103000000.ocsf.json", "2026-11-20T00:00:00Z"),
            listed("b/prowler-output-123456789012-20261102000000.ocsf.json", "2026-11-21T00:00:00Z"),
            listed("c/scan.json", "2026-11-02T12:00:00Z"),
            listed("d/prowler-output-123456789012-20261001000000.ocsf.json", "2026-11-21T00:00:00Z"),
        ];
        let keys: Vec<String> =
            in_order(all, since("2026-11-01").unwrap()).iter().map(|upload| upload.key[..1].to_owned()).collect();
        assert_eq!(keys, ["b", "c", "a"]);
    }

    #[test]
    fn since_is_a_date_or_a_time() {
        assert_eq!(since("2026-11-01").unwrap(), since("2026-11-01T00:00:00Z").unwrap());
        assert!(since("last week").is_err());
    }
}
