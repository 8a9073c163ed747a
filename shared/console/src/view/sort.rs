//! Columns that sort: `?sort=NAME`, or `?sort=-NAME` for the reverse order.

use crate::visit::Visit;

/// The heading of a column.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Column {
    pub(crate) name: &'static str,
    /// The list in this order, or in the reverse one if it is in this order already.
    pub(crate) href: String,
    /// The value of `aria-sort`; empty if another column sorts.
    pub(crate) order: &'static str,
    pub(crate) arrow: &'static str,
    pub(crate) is_number: bool,
}

/// The columns of a list that sort.
pub(crate) struct Columns {
    /// Name, and key in the query.
    pub(crate) names: &'static [(&'static str, &'static str)],
    /// The keys of columns with numbers.
    pub(crate) numbers: &'static [&'static str],
    /// The key of the order that the list has by default.
    pub(crate) default: &'static str,
}

impl Columns {
    /// The order that a query asks for: the key of a column, and whether it is reversed.
    pub(crate) fn order(&self, visit: &Visit) -> (&'static str, bool) {
        let asked = visit.query.get("sort");
        let (name, is_reversed) = asked.strip_prefix('-').map_or((asked, false), |name| (name, true));
        let known = self.names.iter().map(|(_, key)| *key).find(|key| *key == name);
        known.map_or((self.default, false), |key| (key, is_reversed))
    }

    /// The headings. A list in another order begins at its first row again.
    pub(crate) fn headings(&self, visit: &Visit) -> Vec<Column> {
        let (sorted, is_reversed) = self.order(visit);
        let column = |(name, key): &(&'static str, &'static str)| {
            let is_sorted = *key == sorted;
            let next = if is_sorted && !is_reversed { format!("-{key}") } else { (*key).to_owned() };
            let (order, arrow) = match (is_sorted, is_reversed) {
                (false, _) => ("", ""),
                (true, false) => ("ascending", " ↑"),
                (true, true) => ("descending", " ↓"),
            };
            let (href, is_number) =
                (visit.with_all(&[("from", None), ("sort", Some(&next))]), self.numbers.contains(key));
            Column { name, href, order, arrow, is_number }
        };
        self.names.iter().map(column).collect()
    }
}
