//! Buffers elements until the format of the file is detected.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Content, Element, ScanFormat};

/// Maximum number of runs of foreign findings that are distinguished by their product. Later runs are counted with the last one.
const RUNS_MAX: usize = 64;

/// The buffered elements, in the file's order. Findings of other products need no memory, however many precede the first one of
/// Prowler's.
#[derive(Debug, Default)]
pub(super) struct ElementBuffer {
    queue: VecDeque<Buffered>,
    runs: usize,
    /// The number of elements without the foreign ones.
    pub(super) own: usize,
}

#[derive(Debug)]
enum Buffered {
    Element(Element),
    Foreign { offset: u64, product: Arc<str>, count: u64 },
}

impl ElementBuffer {
    pub(super) fn push(&mut self, element: Element) {
        self.own += 1;
        self.queue.push_back(Buffered::Element(element));
    }

    pub(super) fn push_foreign(&mut self, at: u64, name: String) {
        if let Some(Buffered::Foreign { product, count, .. }) = self.queue.back_mut()
            && (**product == *name || self.runs >= RUNS_MAX)
        {
            *count += 1;
            return;
        }
        self.runs += 1;
        self.queue.push_back(Buffered::Foreign { offset: at, product: name.into(), count: 1 });
    }

    pub(super) fn pop(&mut self) -> Option<Element> {
        if let Some(Buffered::Foreign { offset, product, count }) = self.queue.front_mut()
            && *count > 1
        {
            *count -= 1;
            return Some(Element { offset: *offset, content: Content::Foreign(Arc::clone(product)) });
        }
        Some(match self.queue.pop_front()? {
            Buffered::Element(element) => {
                self.own -= 1;
                element
            }
            Buffered::Foreign { offset, product, .. } => Element { offset, content: Content::Foreign(product) },
        })
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Assigns the detected format to the buffered elements.
    pub(super) fn set_format(&mut self, format: ScanFormat) {
        for buffered in &mut self.queue {
            if let Buffered::Element(Element { content: Content::Json { format: assigned, .. }, .. }) = buffered {
                *assigned = format;
            }
        }
    }
}
