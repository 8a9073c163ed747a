//! The rows of a long list that a page shows, and the links to the other rows.

use std::ops::Range;

use askama::Template;
use askama::filters::HtmlSafe;

use super::text::count;
use crate::visit::Visit;

/// The rows that a page shows. The query parameter `from` selects the
/// first row, and `size` the number of rows if the page offers a choice.
#[derive(Clone, Debug, Template)]
#[template(path = "parts/pager.html")]
pub(crate) struct Pager {
    pub(crate) rows: Range<usize>,
    summary: String,
    sizes: Vec<(usize, String, bool)>,
    previous: String,
    next: String,
}

impl HtmlSafe for Pager {}

impl Pager {
    /// A page of `sizes[0]` rows, or of another number in `sizes` if the query has it. `noun` is the plural of what a row shows,
    /// such as "accounts". If the start exceeds the last row, the last page is shown.
    pub(crate) fn new(visit: &Visit, total: usize, sizes: &[usize], noun: &str) -> Self {
        let default = sizes.first().copied().unwrap_or(total).max(1);
        let size = visit.query.get("size").parse().ok().filter(|size| sizes.contains(size)).unwrap_or(default);
        let last_page = total.saturating_sub(1) / size * size;
        let start = visit.query.get("from").parse().unwrap_or(0).min(last_page);
        let end = (start + size).min(total);
        let from = |start: usize| visit.with("from", Some(start.to_string()).filter(|_| start > 0).as_deref());
        let choices = |size_of_page: usize| {
            (size_of_page, visit.with("size", Some(&size_of_page.to_string())), size_of_page == size)
        };
        Self {
            rows: start..end,
            summary: match total {
                0 => format!("0 {noun}"),
                _ => format!("{}–{} of {} {noun}", count(start as u64 + 1), count(end as u64), count(total as u64)),
            },
            sizes: sizes.iter().copied().map(choices).filter(|_| sizes.len() > 1).collect(),
            previous: if start > 0 { from(start.saturating_sub(size)) } else { String::new() },
            next: if end < total { from(end) } else { String::new() },
        }
    }
}
