//! Packs findings into request bodies: as many as fit, within the limits of `BatchImportFindings`.

use std::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};
use jiff::Timestamp;

use crate::model::settings::{BATCH_BYTES_MAX, BATCH_FINDINGS_MAX};
use crate::state::{FindingKey, FindingMeta};

const HEAD: &[u8] = b"{\"Findings\":[";
const TAIL: &[u8] = b"]}";

/// A finding, ready to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outgoing {
    /// The finding's ID.
    pub(crate) id: String,
    /// The finding as JSON, within Security Hub's limit for one finding.
    pub(crate) json: Bytes,
    /// The finding's entry in the Region state once Security Hub has stored the finding.
    pub(crate) meta: FindingMeta,
    /// An earlier version of the same finding may be in flight: this one must not share a request with it.
    pub(crate) apart: bool,
}

impl Outgoing {
    /// The finding, sent at this time.
    pub(crate) fn sent_at(self, now: Timestamp) -> Self {
        Self { meta: FindingMeta { sent_ms: now.as_millisecond(), ..self.meta }, ..self }
    }
}

/// The position of a finding in a request body.
#[derive(Clone, Debug)]
struct Part {
    id: String,
    meta: FindingMeta,
    range: Range<usize>,
}

/// A request body and the position of each finding in it.
#[derive(Clone, Debug)]
pub(crate) struct Batch {
    body: Bytes,
    parts: Vec<Part>,
}

impl Batch {
    /// The complete request body.
    pub(crate) fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// The number of findings in the batch.
    pub(crate) fn len(&self) -> usize {
        self.parts.len()
    }

    /// The ID, the metadata, and the JSON of each finding.
    pub(crate) fn findings(&self) -> impl Iterator<Item = (&str, FindingMeta, Bytes)> {
        self.parts.iter().map(|part| (part.id.as_str(), part.meta, self.body.slice(part.range.clone())))
    }

    /// The metadata and the JSON of each finding.
    pub(crate) fn entries(&self) -> impl Iterator<Item = (FindingMeta, &[u8])> {
        self.parts.iter().map(|part| (part.meta, &self.body[part.range.clone()]))
    }

    /// Splits the batch into single findings.
    pub(crate) fn into_outgoing(self) -> impl Iterator<Item = Outgoing> {
        let body = self.body;
        self.parts.into_iter().map(move |part| Outgoing {
            id: part.id,
            json: body.slice(part.range),
            meta: part.meta,
            apart: false,
        })
    }

    /// A new batch of the findings whose position `wanted` selects.
    pub(crate) fn pick(&self, wanted: impl Fn(usize) -> bool) -> Self {
        let mut packer = Packer::default();
        for (index, part) in self.parts.iter().enumerate() {
            if wanted(index) {
                packer.append(part.id.clone(), part.meta, &self.body[part.range.clone()]);
            }
        }
        packer.close()
    }
}

/// Fills one batch after another.
#[derive(Debug, Default)]
pub(crate) struct Packer {
    body: BytesMut,
    parts: Vec<Part>,
}

impl Packer {
    /// Adds a finding. Returns the previous batch if the finding does not fit into it.
    pub(crate) fn push(&mut self, finding: Outgoing) -> Option<Batch> {
        let separator_and_tail = 1 + TAIL.len();
        let too_large = self.body.len() + separator_and_tail + finding.json.len() > BATCH_BYTES_MAX;
        let full = self.parts.len() == BATCH_FINDINGS_MAX || too_large || finding.apart;
        let batch = if full { self.flush() } else { None };
        self.append(finding.id, finding.meta, &finding.json);
        batch
    }

    /// Removes a finding from the current batch. Returns false if the batch doesn't contain it.
    pub(crate) fn take_back(&mut self, key: FindingKey) -> bool {
        let Some(at) = self.parts.iter().position(|part| part.meta.key == key) else { return false };
        let rest = std::mem::take(self).close();
        for (index, part) in rest.parts.iter().enumerate() {
            if index != at {
                self.append(part.id.clone(), part.meta, &rest.body[part.range.clone()]);
            }
        }
        true
    }

    /// Returns the current batch. `None` if it is empty.
    pub(crate) fn flush(&mut self) -> Option<Batch> {
        if self.parts.is_empty() { None } else { Some(std::mem::take(self).close()) }
    }

    fn append(&mut self, id: String, meta: FindingMeta, json: &[u8]) {
        self.body.put_slice(if self.parts.is_empty() { HEAD } else { b"," });
        let start = self.body.len();
        self.body.put_slice(json);
        self.parts.push(Part { id, meta, range: start..self.body.len() });
    }

    fn close(mut self) -> Batch {
        if self.parts.is_empty() {
            self.body.put_slice(HEAD);
        }
        self.body.put_slice(TAIL);
        Batch { body: self.body.freeze(), parts: self.parts }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::state::{FindingKey, Stored};

    fn meta() -> FindingMeta {
        let (key, stored) = (FindingKey(0), Stored::Uncertain);
        FindingMeta {
            key,
            content: 1,
            resource: 1,
            check: 1,
            first_seen_ms: 0,
            updated_ms: 0,
            sent_ms: 0,
            stored,
            seen: crate::state::ScanCode::UNKNOWN,
            absent: 0,
            foreign: false,
        }
    }

    proptest! {
        // A case may build up to 80 MB of requests; more cases find no more errors.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn each_finding_is_in_one_batch_and_batches_are_within_the_limits(
            findings in prop::collection::vec(
                (prop_oneof![9 => 1usize..4000, 1 => 100_000usize..240_000], any::<bool>()),
                0..400,
            ),
        ) {
            let mut packer = Packer::default();
            let mut batches = Vec::new();
            for (index, (size, apart)) in findings.iter().enumerate() {
                let json = Bytes::from(format!("\"{}\"", "x".repeat(*size)));
                let apart = *apart && index % 50 == 0;
                batches.extend(packer.push(Outgoing { id: index.to_string(), json, meta: meta(), apart }));
            }
            batches.extend(packer.flush());
            let mut ids = Vec::new();
            for batch in &batches {
                prop_assert!(batch.len() >= 1 && batch.len() <= BATCH_FINDINGS_MAX);
                prop_assert!(batch.body().len() <= BATCH_BYTES_MAX);
                let parsed: serde_json::Value = serde_json::from_slice(&batch.body()).unwrap();
                prop_assert_eq!(parsed["Findings"].as_array().unwrap().len(), batch.len());
                for (id, _, json) in batch.findings() {
                    let index: usize = id.parse().unwrap();
                    prop_assert_eq!(json.len(), findings[index].0 + 2);
                    ids.push(index);
                }
            }
            prop_assert_eq!(ids, (0..findings.len()).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_removed_finding_is_not_in_the_batch() {
        let mut packer = Packer::default();
        for id in 0..3 {
            let meta = FindingMeta { key: FindingKey(id), ..meta() };
            packer.push(Outgoing {
                id: id.to_string(),
                json: Bytes::from(format!("{{\"at\":{id}}}")),
                meta,
                apart: false,
            });
        }
        assert!(packer.take_back(FindingKey(1)) && !packer.take_back(FindingKey(1)));
        let batch = packer.flush().unwrap();
        assert_eq!(batch.body(), "{\"Findings\":[{\"at\":0},{\"at\":2}]}");
        assert_eq!(batch.findings().map(|(id, _, _)| id.to_owned()).collect::<Vec<_>>(), ["0", "2"]);
    }

    #[test]
    fn a_batch_is_filled_before_it_is_sent() {
        let mut packer = Packer::default();
        let json = Bytes::from_static(b"{}");
        let finding = |id: usize| Outgoing { id: id.to_string(), json: json.clone(), meta: meta(), apart: false };
        for id in 0..BATCH_FINDINGS_MAX {
            assert!(packer.push(finding(id)).is_none());
        }
        assert_eq!(packer.push(finding(100)).unwrap().len(), BATCH_FINDINGS_MAX);
        assert_eq!(packer.flush().unwrap().len(), 1);
        assert!(packer.flush().is_none());
    }
}
