//! Pages of lists in memory. The cursor of a page is the key of its last entry.

use crate::ports::settings_store::{ListPage, Page};

/// A page of entries in ascending order of their keys.
pub(super) fn ascending<'a, T: Clone + 'a>(entries: impl Iterator<Item = (String, &'a T)>, page: &Page) -> ListPage<T> {
    cut(entries.skip_while(|(key, _)| page.after.as_ref().is_some_and(|after| key <= after)), page.limit)
}

/// A page of entries in descending order of their keys, as in lists whose IDs are ordered by time.
pub fn newest_first<'a, T: Clone + 'a>(entries: impl Iterator<Item = (String, &'a T)>, page: &Page) -> ListPage<T> {
    cut(entries.skip_while(|(key, _)| page.after.as_ref().is_some_and(|after| key >= after)), page.limit)
}

fn cut<'a, T: Clone + 'a>(mut rest: impl Iterator<Item = (String, &'a T)>, limit: usize) -> ListPage<T> {
    let mut entries = Vec::new();
    let mut last = None;
    for (key, entry) in rest.by_ref().take(limit) {
        entries.push(entry.clone());
        last = Some(key);
    }
    ListPage { entries, next: if rest.next().is_some() { last } else { None } }
}
