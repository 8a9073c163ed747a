//! `hubctl run pending`: the findings of a run that require approval to be archived.

use std::collections::{BTreeMap, VecDeque};

use anyhow::Result;
use asff::RegionName;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use exporter::model::approval::Approval;
use exporter::report::pending_findings::PendingFindings;
use exporter::report::unproven::explain;
use exporter::report::{PendingClass, PendingFinding, RunReport};

use super::RunSource;
use crate::client::{Management, read, segment};
use crate::config::{Format, Global, OutputFormat};
use crate::deployment::{block_on, port};
use crate::exit::Exit;
use crate::origin::Origin;
use crate::render::{Column, Output, Table, TextStyle, text};
use crate::standalone::Standalone;

/// Findings per page: the API's maximum.
const PAGE_FINDINGS: usize = 1_000;
/// Maximum number of characters of a resource ID in the table: its end, which is distinctive.
const RESOURCE_CHARS_MAX: usize = 44;

/// List findings that require approval to be archived
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Shows totals by service and Region, why the findings stay active, the findings,
and the command that archives them. Classes: passed or muted (as the scan
shows), proven (the check has results in the Region, but not this finding),
absent (from as many scans as the integration requires), moved (its own Region
now has it), unproven (the scan proves nothing about it).

Examples:
  hubctl run pending 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b
  hubctl run pending 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --format csv > a.csv
  hubctl run pending 01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b --state .state

JSON: an array of account, finding_id, check_id, service, region, severity,
resource_id, first_observed_at, class, reason (archive_limit, or why the finding
is unproven). CSV: the same as columns; a cell that a spreadsheet would run as a
formula begins with an apostrophe.")]
pub(crate) struct Args {
    /// Run ID (see `hubctl run list`)
    #[arg(value_name = "RUN", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    run_id: String,

    /// Maximum number of findings in the table; JSON and CSV have all
    #[arg(long, value_name = "FINDINGS", default_value_t = 20, value_parser = clap::value_parser!(u32).range(0..))]
    limit: u32,

    /// Output format
    // Replaces the global option.
    #[arg(id = "output", long, visible_alias = "format", value_name = "FORMAT", help_heading = "Output")]
    #[arg(default_value = "table", value_parser = PossibleValuesParser::new(["table", "json", "yaml", "csv"]).map(|word| notation(&word)))]
    _output: OutputFormat,
}

fn notation(word: &str) -> OutputFormat {
    match word {
        "json" => OutputFormat::Json,
        "yaml" => OutputFormat::Yaml,
        "csv" => OutputFormat::Csv,
        _ => OutputFormat::Table,
    }
}

pub(super) fn run(args: &Args, source: &RunSource, global: &Global, output: &mut Output) -> Result<Exit> {
    let origin = source.origin(global);
    block_on(async {
        let (run, mut findings) = open(args, source, global).await?;
        if output.is_csv() {
            output.csv(COLUMNS)?;
            while let Some(finding) = findings.next().await? {
                output.csv(cells(&finding))?;
            }
            return Ok(());
        }
        if output.format == Format::Json {
            let mut all = Vec::new();
            while let Some(finding) = findings.next().await? {
                all.push(finding);
            }
            return Ok(output.json(&all)?);
        }
        let mut listed = Listed::new(usize::try_from(args.limit)?);
        while let Some(finding) = findings.next().await? {
            listed.add(finding);
        }
        Ok(listed.write(&run, &origin, output)?)
    })?;
    Ok(Exit::Success)
}

/// A source of findings.
enum Findings {
    /// The deployment's API, page by page.
    Api {
        management: Box<Management>,
        path: String,
        after: Option<String>,
        page: VecDeque<PendingFinding>,
        is_last: bool,
    },
    /// A state that this process reads; `None` if no finding is pending.
    State(Option<PendingFindings>),
}

async fn open(args: &Args, source: &RunSource, global: &Global) -> Result<(RunReport, Findings)> {
    if let Some(location) = &source.state.location {
        let standalone = Standalone::open(location, global).await?;
        let run = standalone.find_run(&args.run_id).await?;
        let findings = PendingFindings::open(&standalone, &args.run_id).await.map_err(|error| port(&error))?;
        return Ok((run, Findings::State(findings)));
    }
    let management = Box::new(source.connection_args.connect(global).await?);
    let run = super::show::find(&management, &args.run_id).await?;
    let path = format!("/runs/{}/pending?limit={PAGE_FINDINGS}", segment(&args.run_id));
    Ok((run, Findings::Api { management, path, after: None, page: VecDeque::new(), is_last: false }))
}

impl Findings {
    async fn next(&mut self) -> Result<Option<PendingFinding>> {
        match self {
            Self::State(None) => Ok(None),
            Self::State(Some(findings)) => Ok(findings.next().await.map_err(|error| port(&error))?),
            Self::Api { management, path, after, page, is_last } => loop {
                if let Some(finding) = page.pop_front() {
                    return Ok(Some(finding));
                }
                if *is_last {
                    return Ok(None);
                }
                let cursor = after.as_ref().map_or(String::new(), |after| format!("&after={}", segment(after)));
                let body = management.get(format!("{path}{cursor}")).await?.body;
                for json in body["items"].as_array().into_iter().flatten() {
                    page.push_back(read(json)?);
                }
                *after = body["next"].as_str().map(str::to_owned);
                *is_last = after.is_none();
            },
        }
    }
}

const COLUMNS: [&str; 10] = [
    "account",
    "finding_id",
    "check_id",
    "service",
    "region",
    "severity",
    "resource_id",
    "first_observed_at",
    "class",
    "reason",
];

fn cells(finding: &PendingFinding) -> [String; 10] {
    [
        finding.account.to_string(),
        finding.finding_id.clone(),
        finding.check_id.clone(),
        finding.service.clone(),
        finding.region.to_string(),
        finding.severity.clone(),
        finding.resource_id.clone(),
        finding.first_observed_at.to_string(),
        finding.class.as_str().to_owned(),
        finding.reason.clone(),
    ]
}

/// Findings of one service and Region: above the limit, and unproven.
#[derive(Clone, Copy, Default)]
struct Sum {
    pending: u64,
    unproven: u64,
}

impl Sum {
    fn add(&mut self, class: PendingClass) {
        match class {
            PendingClass::Unproven => self.unproven += 1,
            _ => self.pending += 1,
        }
    }
}

/// The findings for the table.
struct Listed {
    limit: usize,
    first: Vec<PendingFinding>,
    by_service: BTreeMap<(String, RegionName), Sum>,
    unproven_by_reason: BTreeMap<String, u64>,
    all: Sum,
}

impl Listed {
    fn new(limit: usize) -> Self {
        let (by_service, unproven_by_reason) = (BTreeMap::new(), BTreeMap::new());
        Self { limit, first: Vec::new(), by_service, unproven_by_reason, all: Sum::default() }
    }

    fn add(&mut self, finding: PendingFinding) {
        self.by_service.entry((finding.service.clone(), finding.region)).or_default().add(finding.class);
        self.all.add(finding.class);
        if finding.class == PendingClass::Unproven {
            *self.unproven_by_reason.entry(finding.reason.clone()).or_default() += 1;
        }
        if self.first.len() < self.limit {
            self.first.push(finding);
        }
    }

    fn write(&self, run: &RunReport, origin: &Origin, output: &mut Output) -> std::io::Result<()> {
        let total = self.all.pending + self.all.unproven;
        if total == 0 {
            let why = if run.needs_approval() { ", or its list has expired" } else { "" };
            return output.note(format!("Run {} has no findings pending approval{why}.", run.run_id));
        }
        output.table(&self.sums())?;
        output.line("")?;
        for (reason, findings) in &self.unproven_by_reason {
            let stay = text::counted(*findings, "unproven finding stays", "unproven findings stay");
            output.line(format!("* {stay} active: {} ({})", explain(reason), text::harmless(reason)))?;
        }
        if self.all.pending > 0 {
            let wait = text::counted(self.all.pending, "finding is", "findings are");
            output.line(format!("* {wait} resolved, but above the archive limit ({})", "archive_limit"))?;
        }
        if !self.first.is_empty() {
            output.line("")?;
            output.table(&self.findings())?;
            let more = total - self.first.len() as u64;
            if more > 0 {
                let all = origin.command(&format!("hubctl run pending {} --format csv", run.run_id));
                output.line(format!("and {} more. To list all:", text::count(more)))?;
                output.line(format!("    {all}"))?;
            }
        }
        output.line("")?;
        output.line("To archive them, if they are resolved:")?;
        for approval in self.approvals() {
            output.line(format!("    {}", origin.command(&run.approve_command(approval))))?;
        }
        Ok(())
    }

    /// The possible approvals, each kind alone first.
    fn approvals(&self) -> Vec<Approval> {
        let (pending, unproven) = (self.all.pending > 0, self.all.unproven > 0);
        let mut approvals = Vec::new();
        approvals.extend(pending.then_some(Approval { pending: true, unproven: false }));
        approvals.extend(unproven.then_some(Approval { pending: false, unproven: true }));
        approvals.extend((pending && unproven).then_some(Approval { pending: true, unproven: true }));
        approvals
    }

    fn sums(&self) -> Table {
        let columns = ["Service", "Region"].map(Column::Text).into_iter();
        let mut table = Table::new(columns.chain(["Above the limit", "Unproven"].map(Column::Number)));
        for ((service, region), sum) in &self.by_service {
            let numbers = [text::count(sum.pending), text::count(sum.unproven)];
            table.row(TextStyle::Plain, [service.clone(), region.to_string()].into_iter().chain(numbers));
        }
        let sums = [text::count(self.all.pending), text::count(self.all.unproven)];
        table.row(TextStyle::Strong, ["total".to_owned(), String::new()].into_iter().chain(sums));
        table
    }

    /// Two lines per finding, so that nothing wraps in 80 columns.
    fn findings(&self) -> Table {
        let mut table = Table::new([
            Column::Text("Check\nResource"),
            Column::Text("Severity\nRegion"),
            Column::Text("Class\nFirst seen"),
        ]);
        for finding in &self.first {
            let class = finding.class.as_str();
            table.row(TextStyle::Strong, [finding.check_id.as_str(), &finding.severity, class]);
            let resource = text::end(&finding.resource_id, RESOURCE_CHARS_MAX);
            let since = finding.first_observed_at.strftime("%Y-%m-%d").to_string();
            table.row(TextStyle::Plain, [resource, finding.region.to_string(), since]);
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use exporter::model::upload::UploadInfo;

    use super::*;
    use crate::config::Style;

    fn finding(check: &str, region: &str, class: PendingClass, reason: &str) -> PendingFinding {
        let service = check.split('_').next().unwrap().to_owned();
        PendingFinding {
            account: "123456789012".parse().unwrap(),
            finding_id: format!("prowler-{check}-123456789012-{region}-0123456ab"),
            check_id: check.to_owned(),
            service,
            region: region.parse().unwrap(),
            severity: "HIGH".to_owned(),
            resource_id: format!("arn:aws:ec2:{region}:123456789012:security-group/sg-0123456789abcdef0"),
            first_observed_at: "2026-10-01T03:00:00Z".parse().unwrap(),
            class,
            reason: reason.to_owned(),
        }
    }

    #[test]
    fn sums_are_shown_first_and_commands_last() {
        let upload = UploadInfo {
            source: "s3://b/k".to_owned(),
            etag: String::new(),
            bytes: 0,
            modified_at: None,
            requester: None,
        };
        let run = RunReport::new(
            "01936f2e-8d5e-7c41-9a3b-0c2d5e6f7a8b".to_owned(),
            upload,
            "2026-11-23T00:00:00Z".parse().unwrap(),
        );
        let mut listed = Listed::new(2);
        let ec2 = "ec2_securitygroup_allow_ingress_from_internet_to_any_port";
        for _ in 0..3 {
            listed.add(finding(ec2, "me-central-1", PendingClass::Unproven, "no_region_results"));
        }
        listed.add(finding("s3_bucket_public_access", "eu-west-1", PendingClass::Proven, "archive_limit"));
        let style = Style { terminal: false, color: false, width: 80 };
        let text = Output::written(style, |output| listed.write(&run, &Origin::default(), output));
        assert!(text.lines().all(|line| line.chars().count() <= 110), "{text}");
        insta::assert_snapshot!(text);
    }
}
