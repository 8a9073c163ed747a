//! Sparklines: a single SVG path with one column per day, without an axis.

/// Size of the drawing.
const WIDTH: u64 = 120;
const HEIGHT: u64 = 20;
/// Minimum height of a column whose value isn't 0, in tenths.
const LEAST: u64 = 10;

/// The SVG path of values, oldest first. Empty if all values are 0.
pub(crate) fn spark(values: &[u64]) -> String {
    let most = values.iter().copied().max().unwrap_or_default().max(1);
    let step = WIDTH * 10 / (values.len() as u64).max(1);
    let gap = if step > 20 { 5 } else { 0 };
    let tenths = |number: u64| format!("{}.{}", number / 10, number % 10);
    let column = |(index, value): (usize, &u64)| {
        let height = u128::from(*value) * u128::from(HEIGHT * 10) / u128::from(most);
        let height = u64::try_from(height).unwrap_or(HEIGHT * 10).max(LEAST);
        let (x, y, width) = (step * index as u64, HEIGHT * 10 - height, step - gap);
        format!("M{} {}h{}v{}h-{}z", tenths(x), tenths(y), tenths(width), tenths(height), tenths(width))
    };
    values.iter().enumerate().filter(|(_, value)| **value > 0).map(column).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sparkline_has_a_column_for_each_day_with_a_value() {
        assert_eq!(spark(&[0, 1, 1_000_000]), "M40.0 19.0h39.5v1.0h-39.5zM80.0 0.0h39.5v20.0h-39.5z");
        assert_eq!(spark(&[0, 0]), "");
        assert_eq!(spark(&[u64::MAX; 90]).matches('M').count(), 90);
        assert!(spark(&[1; 90]).ends_with("M115.7 0.0h1.3v20.0h-1.3z"), "{}", spark(&[1; 90]));
    }
}
