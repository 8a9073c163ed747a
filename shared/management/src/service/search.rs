//! Lists that are searched: of a long list only the entries that match, a page at a time.

use std::future::Future;

use exporter::registry::{ListPage, Page};

use crate::problem::ApiError;

/// Entries that are read at once.
const ENTRIES_PER_READ: usize = 100;
/// Reads for one answer; the answer then says where to go on.
const READS_MAX: usize = 10;

/// The entries that match, from the page's cursor on. A page may be shorter than asked for, even empty, and still have a next
/// one: the list goes on behind what was read for it.
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
        // No more than fit: an entry that is read and not returned would be lost.
        let limit = ENTRIES_PER_READ.min(page.limit - found.entries.len());
        let part = read(Page { limit, after: found.next.take() }).await?;
        found.entries.extend(part.entries.into_iter().filter_map(&find));
        found.next = part.next;
        if found.next.is_none() || found.entries.len() >= page.limit {
            break;
        }
    }
    Ok(found)
}
