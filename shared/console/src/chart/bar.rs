//! A bar to scale. Each segment is visible, even if its value is very small.

/// Width of the bar, in hundredths of a unit of the drawing.
const UNITS: u64 = 100_000;

/// The offset and width of a segment, in hundredths of a unit of the drawing, which is 1,000 units wide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    start: u64,
    width: u64,
}

impl Part {
    /// The offset, as the value of an attribute.
    pub(crate) fn x(&self) -> String {
        hundredths(self.start)
    }

    /// The width, as the value of an attribute.
    pub(crate) fn width(&self) -> String {
        hundredths(self.width)
    }
}

fn hundredths(number: u64) -> String {
    format!("{}.{:02}", number / 100, number % 100)
}

/// The segments of a bar, one for each value that isn't 0. `least` is the minimum width of a segment, in thousandths of the bar.
/// The largest segment becomes narrower in exchange.
pub(crate) fn parts(values: &[u64], least: u64) -> Vec<Option<Part>> {
    let total: u128 = values.iter().map(|value| u128::from(*value)).sum();
    let used = values.iter().filter(|value| **value > 0).count() as u64;
    if total == 0 {
        return vec![None; values.len()];
    }
    let least = (least * 100).min(UNITS / used.max(1));
    let exact = |value: u64| u64::try_from(u128::from(value) * u128::from(UNITS) / total).unwrap_or(UNITS);
    let mut widths: Vec<u64> =
        values.iter().map(|value| if *value == 0 { 0 } else { exact(*value).max(least) }).collect();
    adjust(&mut widths);
    let mut start = 0;
    let place = |width: u64| {
        let part = (width > 0).then_some(Part { start, width });
        start += width;
        part
    };
    widths.into_iter().map(place).collect()
}

/// Adjusts the widths so that their sum is the width of the bar. The
/// largest segment loses the excess, or gains what rounding lost.
fn adjust(widths: &mut [u64]) {
    loop {
        let sum: u64 = widths.iter().sum();
        let Some(largest) = widths.iter_mut().max() else { return };
        if sum <= UNITS {
            *largest += UNITS - sum;
            return;
        }
        // Reduce this segment by at most half. The next iteration reduces the largest segment again.
        *largest -= (sum - UNITS).min(*largest / 2);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_finding_in_a_million_is_visible() {
        let parts = parts(&[1_000_000, 0, 1], 4);
        assert_eq!(parts[1], None);
        assert_eq!(
            parts[2].as_ref().map(|part| (part.x(), part.width())),
            Some(("996.00".to_owned(), "4.00".to_owned()))
        );
    }

    proptest! {
        #[test]
        fn widths_sum_up_and_every_outcome_is_visible(values in prop::collection::vec(prop_oneof![Just(0_u64), 1..=9_u64, 0..=u64::MAX / 8], 1..8), least in 1..30_u64) {
            let parts = parts(&values, least);
            let total: u64 = parts.iter().flatten().map(|part| part.width).sum();
            let has_any = values.iter().any(|value| *value > 0);
            prop_assert_eq!(total, if has_any { UNITS } else { 0 });
            let mut end = 0;
            for (value, part) in values.iter().zip(&parts) {
                prop_assert_eq!(*value > 0, part.is_some());
                if let Some(part) = part {
                    prop_assert_eq!(part.start, end);
                    prop_assert!(part.width >= 100, "{}", part.width);
                    end = part.start + part.width;
                }
            }
        }
    }
}
