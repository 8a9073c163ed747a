//! The outcomes of findings: the bar, the equation, and a row per reason. They add up to the number of findings read.

use askama::Template;
use askama::filters::HtmlSafe;
use exporter::report::{Changes, Counts, RunReport};

use super::parts::State;
use super::text::{count, share};
use crate::chart::bar::{Part, parts};

/// Minimum width of a segment of a bar, in thousandths: of a wide bar, and of a small bar in a list.
const LEAST: u64 = 4;
const LEAST_SMALL: u64 = 28;

/// The outcomes, and their CSS classes.
pub(crate) const OUTCOMES: [(&str, &str); 7] = [
    ("sent", "sent"),
    ("unchanged", "unchanged"),
    ("filtered", "filtered"),
    ("unavailable", "Region unavailable"),
    ("quarantined", "quarantined"),
    ("malformed", "malformed"),
    ("undelivered", "undelivered"),
];

/// The counts of the outcomes, in the order of [`OUTCOMES`].
pub(crate) fn totals(counts: &Counts) -> [u64; 7] {
    [
        counts.sent,
        counts.unchanged,
        counts.filtered_total(),
        counts.region_unavailable_total(),
        counts.quarantined_total(),
        counts.malformed,
        counts.undelivered_total(),
    ]
}

/// A bar of outcomes.
#[derive(Template)]
#[template(path = "parts/bar.html")]
pub(crate) struct Bar {
    label: String,
    class: &'static str,
    segments: Vec<Segment>,
}

impl HtmlSafe for Bar {}

struct Segment {
    class: &'static str,
    part: Part,
    title: String,
}

impl Bar {
    /// A wide bar, with a title for each segment.
    pub(crate) fn wide(counts: &Counts) -> Self {
        Self::new(counts, "acc", LEAST)
    }

    /// A small bar for a list.
    pub(crate) fn small(counts: &Counts) -> Self {
        Self::new(counts, "acc mini", LEAST_SMALL)
    }

    fn new(counts: &Counts, class: &'static str, least: u64) -> Self {
        let totals = totals(counts);
        let placed = parts(&totals, least).into_iter().zip(OUTCOMES).zip(totals);
        let segments = placed.filter_map(|((part, (class, name)), number)| {
            Some(Segment { class, part: part?, title: format!("{}: {}", name, count(number)) })
        });
        let segments: Vec<_> = segments.collect();
        let label: Vec<&str> = segments.iter().map(|segment| segment.title.as_str()).collect();
        let label = if label.is_empty() { "no findings".to_owned() } else { label.join(", ") };
        Self { label, class, segments }
    }
}

/// The equation: the number read is the sum of the outcomes.
pub(crate) struct Equation {
    pub(crate) read: String,
    pub(crate) terms: Vec<(String, &'static str)>,
    pub(crate) state: State,
}

/// The equation of counts. Its state shows whether the counts add up.
pub(crate) fn equation(counts: &Counts) -> Equation {
    let terms = totals(counts).into_iter().zip(OUTCOMES).filter(|(number, _)| *number > 0);
    let missing = counts.read.abs_diff(counts.accounted());
    let state = if counts.is_balanced() {
        State::new("good", "The counts add up")
    } else {
        State::new("bad", format!("The counts don't add up: {} findings unaccounted for", count(missing)))
    };
    let terms = terms.map(|(number, (_, name))| (count(number), name)).collect();
    Equation { read: count(counts.read), terms, state }
}

/// A row: an outcome with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) class: &'static str,
    pub(crate) name: String,
    pub(crate) why: String,
    pub(crate) count: String,
    pub(crate) share: String,
    pub(crate) action: String,
    pub(crate) href: String,
    number: u64,
}

/// The rows of a run. Each has a reason and, if there is one, a link to the next step.
pub(crate) fn rows(run: &RunReport) -> Vec<Row> {
    let counts = &run.counts;
    let row = |class: &'static str, name: String, why: String, number: u64| Row {
        class,
        name,
        why,
        count: count(number),
        share: share(number, counts.read),
        action: String::new(),
        href: String::new(),
        number,
    };
    let mut rows = vec![
        row("sent", "sent".to_owned(), changes(run), counts.sent),
        row(
            "unchanged",
            "unchanged".to_owned(),
            "already up to date in AWS Security Hub CSPM".to_owned(),
            counts.unchanged,
        ),
    ];
    for (reason, number) in &counts.filtered {
        rows.push(row("filtered", "filtered".to_owned(), filtered(reason), *number));
    }
    for (region, reasons) in &counts.region_unavailable {
        for (reason, number) in reasons {
            let row = row("unavailable", format!("{region} unavailable"), unavailable(reason), *number);
            rows.push(Row { action: "What to do".to_owned(), href: "#h-do".to_owned(), ..row });
        }
    }
    let left = run.in_quarantine();
    for (code, number) in &counts.quarantined {
        let row = row("quarantined", "quarantined".to_owned(), quarantined(code), *number);
        let href = if left.contains_key(code) { format!("/runs/{}/quarantine", run.run_id) } else { String::new() };
        let action = if href.is_empty() { String::new() } else { format!("View {}", count(*number)) };
        rows.push(Row { action, href, ..row });
    }
    rows.push(row(
        "malformed",
        "malformed".to_owned(),
        "elements of the file that can't be parsed".to_owned(),
        counts.malformed,
    ));
    for (reason, number) in &counts.undelivered {
        rows.push(row("undelivered", "undelivered".to_owned(), reason.replace('_', " "), *number));
    }
    rows.retain(|row| row.number > 0);
    rows
}

fn changes(run: &RunReport) -> String {
    let regions = run.accounts.values().flat_map(|account| account.regions.values());
    let all = regions.fold(Changes::default(), |all, region| Changes {
        new: all.new + region.changes.new,
        changed: all.changed + region.changes.changed,
        reactivated: all.reactivated + region.changes.reactivated,
        refresh_due: all.refresh_due + region.changes.refresh_due,
    });
    let parts = [
        ("new", all.new),
        ("changed", all.changed),
        ("reactivated", all.reactivated),
        ("refresh due", all.refresh_due),
    ];
    let parts = parts.into_iter().filter(|(_, number)| *number > 0);
    parts.map(|(name, number)| format!("{name} {}", count(number))).collect::<Vec<_>>().join(", ")
}

fn filtered(reason: &str) -> String {
    match reason {
        "passed" => "passed; the integration sends failed findings only".to_owned(),
        "muted" => "muted in Prowler".to_owned(),
        "not_authorized_source" => "the integration doesn't accept scans from this source".to_owned(),
        "duplicate" => "more than once in the file".to_owned(),
        other => other.replace('_', " "),
    }
}

fn unavailable(reason: &str) -> String {
    let words = match reason {
        "hub_not_enabled" => "Security Hub is not enabled",
        "product_not_accepted" => "the Prowler product is not accepted",
        "region_not_opted_in" => "the account has not enabled the Region",
        "access_denied" => "access is denied",
        _ => return reason.replace('_', " "),
    };
    format!("{words} ({reason})")
}

fn quarantined(code: &str) -> String {
    format!("{code}: {}", meaning(code))
}

/// Meaning of a quarantine code.
pub(crate) fn meaning(code: &str) -> &'static str {
    match code {
        "InvalidInput" => "rejected by Security Hub; its error message is stored",
        "partition_mismatch" => "ARN and Region belong to different partitions",
        "malformed" => "the element in the file can't be parsed",
        "missing_field" => "a required field is missing",
        "too_large" => "larger than Security Hub accepts",
        _ => "see the message of each entry",
    }
}

/// Describes further counts. They are not outcomes, because these findings are counted above or are not in the file.
pub(crate) fn also(counts: &Counts) -> String {
    let all = [
        ("repaired to fit the limits of Security Hub", counts.repaired, true),
        ("redirected to a fallback Region", counts.redirected, true),
        ("archived from earlier scans", counts.archived, true),
        ("not archived, to be retried", counts.archive_undelivered, false),
        ("whose archive Security Hub rejected", counts.archive_rejected_total(), false),
        ("not archived because their Region is unavailable", counts.archive_unavailable, false),
        ("absent, not yet for long enough to be archived", counts.absent, false),
        ("unproven", counts.unproven, false),
    ];
    let shown = all.into_iter().filter(|(_, number, always)| *always || *number > 0);
    let parts: Vec<_> = shown.map(|(what, number, _)| format!("{} {what}", count(number))).collect();
    format!("Also: {}", parts.join(" · "))
}

#[cfg(test)]
mod tests {
    use exporter::report::Fate;

    use super::*;

    #[test]
    fn the_equation_equals_the_counts() {
        let mut counts = Counts { read: 24, ..Counts::default() };
        counts.add(Fate::Sent, 12);
        counts.add(Fate::Filtered("passed".to_owned()), 10);
        counts.add(Fate::Malformed, 2);
        let shown = equation(&counts);
        assert_eq!(shown.state.word, "The counts add up");
        let terms: Vec<_> = shown.terms.iter().map(|(number, name)| format!("{number} {name}")).collect();
        assert_eq!((shown.read.as_str(), terms.join(" + ").as_str()), ("24", "12 sent + 10 filtered + 2 malformed"));
        counts.read = 30;
        assert_eq!(equation(&counts).state.word, "The counts don't add up: 6 findings unaccounted for");
    }
}
