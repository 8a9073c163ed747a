//! A column chart over time, with one column per day. The axis ends at the next 1, 2, or 5 times a power of ten.

/// Size of the drawing, and margins for the labels.
const WIDTH: u64 = 300;
const HEIGHT: u64 = 92;
const LEFT: u64 = 34;
const BOTTOM: u64 = 16;
const TOP: u64 = 6;
/// Minimum height of a column whose value isn't 0, in tenths.
const LEAST: u64 = 15;

/// A column, in units of the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) width: String,
    pub(crate) height: String,
    /// Index of the value that the column shows.
    pub(crate) index: usize,
}

/// A line of the grid, with its label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Grid {
    pub(crate) y: String,
    pub(crate) text_y: String,
    pub(crate) label: String,
}

/// The shapes of a chart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Columns {
    pub(crate) columns: Vec<Column>,
    pub(crate) grid: [Grid; 2],
}

/// The upper end of an axis.
pub(crate) fn ceiling(most: u64) -> u64 {
    let mut power = 1_u64;
    loop {
        for step in [1, 2, 5] {
            match power.checked_mul(step) {
                Some(top) if top >= most => return top,
                Some(_) => {}
                None => return u64::MAX,
            }
        }
        power = power.saturating_mul(10);
    }
}

fn tenths(number: u64) -> String {
    format!("{}.{}", number / 10, number % 10)
}

/// Formats a number for the axis: `5k`, `200k`, `1M`.
fn short(number: u64) -> String {
    let (unit, suffix) = match number {
        1_000_000.. => (1_000_000, "M"),
        1_000.. => (1_000, "k"),
        _ => (1, ""),
    };
    let rest = number % unit * 10 / unit;
    if rest == 0 { format!("{}{suffix}", number / unit) } else { format!("{}.{rest}{suffix}", number / unit) }
}

/// The columns of values, oldest first.
pub(crate) fn columns(values: &[u64]) -> Columns {
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let top = ceiling(most);
    let height_max = (HEIGHT - BOTTOM - TOP) * 10;
    let step = (WIDTH - LEFT) * 10 / (values.len() as u64).max(1);
    let scaled =
        |value: u64| u64::try_from(u128::from(value) * u128::from(height_max) / u128::from(top)).unwrap_or(height_max);
    let column = |(index, value): (usize, &u64)| {
        let height = scaled(*value).clamp(LEAST, height_max);
        (*value > 0).then(|| Column {
            x: tenths(LEFT * 10 + step * index as u64 + 5),
            y: tenths((HEIGHT - BOTTOM) * 10 - height),
            width: tenths(step.saturating_sub(10).max(5)),
            height: tenths(height),
            index,
        })
    };
    let line = |value: u64| {
        let y = (HEIGHT - BOTTOM) * 10 - scaled(value);
        Grid { y: tenths(y), text_y: tenths(y + 30), label: short(value) }
    };
    let grid = [line(top.div_ceil(2)), line(top)];
    Columns { columns: values.iter().enumerate().filter_map(column).collect(), grid }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn axes_end_at_one_two_or_five() {
        assert_eq!([0, 1, 3, 5, 6, 11, 9_150, 189_000].map(ceiling), [1, 1, 5, 5, 10, 20, 10_000, 200_000]);
        assert_eq!([5, 2_500, 200_000, 5_000_000].map(short), ["5", "2.5k", "200k", "5M"]);
    }

    proptest! {
        #[test]
        fn columns_stay_inside_the_drawing(values in prop::collection::vec(0..=u64::MAX / 2, 0..91)) {
            let chart = columns(&values);
            prop_assert_eq!(chart.columns.len(), values.iter().filter(|value| **value > 0).count());
            for column in &chart.columns {
                let number = |text: &str| text.parse::<f64>().unwrap();
                prop_assert!(number(&column.y) >= 5.9 && number(&column.height) >= 1.5);
                prop_assert!(number(&column.x) + number(&column.width) <= 300.1);
                prop_assert!((number(&column.y) + number(&column.height) - 76.0).abs() < 0.11);
            }
        }
    }
}
