//! Active findings and findings sent by Region, as far as they are known.

use asff::RegionName;
use exporter::report::history::{ActiveFindings, OTHER};
use jiff::Timestamp;

use super::parts::Number;
use super::text::{counted, time};
use crate::histories::Period;

/// What the runs of a period say about the Regions of an account.
#[derive(Debug, Default)]
pub(crate) struct RegionSums {
    /// `None` if the sums were not read.
    period: Option<Period>,
    /// Findings sent that are not counted by Region.
    other: u64,
    /// The run that most active findings are of.
    run: Option<ActiveFindings>,
}

impl RegionSums {
    /// The sums of a period. `None`: they were not read.
    pub(crate) fn new(period: Option<Period>) -> Self {
        let days = || period.iter().flat_map(|period| period.days.values());
        let other = days().filter_map(|regions| regions.get(OTHER)).map(|totals| totals.sent).sum();
        let active = || period.iter().flat_map(|period| period.active.values());
        let regions_of = |run: &ActiveFindings| active().filter(|active| active.run_id == run.run_id).count();
        let run = active().max_by_key(|active| (regions_of(active), *active)).cloned();
        Self { period, other, run }
    }

    /// The cells of a Region: active findings, and findings sent.
    pub(crate) fn cells(&self, region: &RegionName, now: Timestamp) -> [Number; 2] {
        let name = region.to_string();
        let active = self.period.as_ref().and_then(|period| period.active.get(&name));
        let at = active.filter(|active| self.is_of_another(active)).map(|active| time(active.at, now));
        let sent_in = |period: &Period| {
            period.days.values().filter_map(|regions| regions.get(&name)).map(|totals| totals.sent).sum()
        };
        // What large runs sent is missing from the sums of each Region.
        let sent = self.period.as_ref().filter(|_| self.other == 0).map(sent_in);
        [
            Number::new("Active findings", active.map(|active| active.findings)).aside(at.unwrap_or_default()),
            Number::new("Sent, 30 days", sent),
        ]
    }

    fn is_of_another(&self, active: &ActiveFindings) -> bool {
        self.run.as_ref().is_none_or(|run| run.run_id != active.run_id)
    }

    /// The run that most active findings are of: its page, and its time.
    pub(crate) fn as_of(&self, now: Timestamp) -> Option<(String, String)> {
        let run = self.run.as_ref()?;
        Some((format!("/runs/{}", run.run_id), format!("{} UTC", time(run.at, now))))
    }

    /// What the numbers don't include. Empty: they are complete.
    pub(crate) fn limits(&self) -> String {
        let Some(period) = &self.period else { return String::new() };
        let mut limits = Vec::new();
        if period.active.values().any(|active| self.is_of_another(active)) {
            limits.push("A time below a number is that of another run.".to_owned());
        }
        if self.other > 0 {
            let findings = counted(self.other, "finding", "findings");
            limits.push(format!("{findings} were sent by runs of too many accounts to count them by Region."));
        }
        if period.is_cut {
            let from = period.from.strftime("%-d %b");
            limits.push(format!("Findings sent since {from} only: there are too many runs."));
        }
        limits.join(" ")
    }
}

#[cfg(test)]
mod tests {
    use exporter::report::history::Totals;

    use super::*;

    fn period(days: &[(&str, u64)], active: &[(&str, &str, u64)]) -> Period {
        let (from, to) = ("2026-10-29".parse().unwrap(), "2026-11-27".parse().unwrap());
        let mut period = Period { from, to, ..Period::default() };
        for (region, sent) in days {
            let totals = Totals { sent: *sent, ..Totals::default() };
            period.days.entry(to).or_default().insert((*region).to_owned(), totals);
        }
        for (region, day, findings) in active {
            let (at, run_id) = (format!("{day}T03:00:00Z").parse().unwrap(), format!("run-{day}"));
            period.active.insert((*region).to_owned(), ActiveFindings { at, run_id, findings: *findings });
        }
        period
    }

    fn cells(sums: &RegionSums, region: &str) -> [Number; 2] {
        sums.cells(&region.parse().unwrap(), now())
    }

    fn now() -> Timestamp {
        "2026-11-27T17:42:08Z".parse().unwrap()
    }

    fn pair(active: Option<u64>, sent: Option<u64>) -> [Number; 2] {
        [Number::new("Active findings", active), Number::new("Sent, 30 days", sent)]
    }

    #[test]
    fn a_region_has_its_numbers_and_the_run_that_they_are_of() {
        let active = [("eu-west-1", "2026-11-27", 40), ("us-east-1", "2026-11-20", 0)];
        let sums = RegionSums::new(Some(period(&[("eu-west-1", 7)], &active)));
        assert_eq!(cells(&sums, "eu-west-1"), pair(Some(40), Some(7)));
        let [active, sent] = pair(Some(0), Some(0));
        assert_eq!(cells(&sums, "us-east-1"), [active.aside("20 Nov 03:00".to_owned()), sent], "another run");
        assert_eq!(cells(&sums, "sa-east-1"), pair(None, Some(0)), "nothing was sent there, which is known");
        assert_eq!(sums.as_of(now()), Some(("/runs/run-2026-11-27".to_owned(), "27 Nov 03:00 UTC".to_owned())));
        assert_eq!(sums.limits(), "A time below a number is that of another run.");
    }

    #[test]
    fn unknown_numbers_are_not_0() {
        let unread = RegionSums::new(None);
        assert_eq!(
            (cells(&unread, "eu-west-1"), unread.as_of(now()), unread.limits()),
            (pair(None, None), None, String::new())
        );
        let large = RegionSums::new(Some(period(&[("eu-west-1", 7), (OTHER, 1_900)], &[])));
        assert_eq!(cells(&large, "eu-west-1"), pair(None, None), "some findings are not counted by Region");
        assert!(
            large.limits().starts_with("1,900 findings were sent by runs of too many accounts"),
            "{}",
            large.limits()
        );
        let cut = RegionSums::new(Some(Period { is_cut: true, ..period(&[("eu-west-1", 7)], &[]) }));
        assert_eq!(cut.limits(), "Findings sent since 29 Oct only: there are too many runs.");
        assert_eq!(RegionSums::new(Some(period(&[], &[]))).limits(), "");
    }
}
