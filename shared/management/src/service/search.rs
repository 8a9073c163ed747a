//! Filters lists, page by page.

use std::future::Future;

use exporter::ports::settings_store::{ListPage, Page};

use crate::problem::ApiError;

/// Number of entries per read.
const ENTRIES_PER_READ: usize = 100;
/// Maximum number of reads per response. If entries remain, the response has a cursor to continue.
const READS_MAX: usize = 10;

/// Returns the matching entries after the cursor. A page may be shorter than the limit, or even empty, and still have a next
/// page, which continues after the entries that were read.
pub(super) async fn search<T, U, F>(
    page: &Page,
    read: impl Fn(Page) -> F,
    find: impl Fn(T) -> Option<U>,
) -> Result<ListPage<U>, ApiError>
where
    F: Future<Output = Result<ListPage<T>, ApiError>> + Send,
{
    let mut found = ListPage { entries: Vec::new(), next: page.after.clone() };
    for _ in 0..READS_MAX {
        // Read no more than the remaining number of entries: the next page would skip an entry that is read but not returned.
        let limit = ENTRIES_PER_READ.min(page.limit - found.entries.len());
        let list_page = read(Page { limit, after: found.next.take() }).await?;
        found.entries.extend(list_page.entries.into_iter().filter_map(&find));
        found.next = list_page.next;
        if found.next.is_none() || found.entries.len() >= page.limit {
            break;
        }
    }
    Ok(found)
}
