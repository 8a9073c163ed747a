//! The list of a run's findings that require approval to be archived, read as a stream.

use crate::lines::reader::LineReader;
use crate::ports::{Objects, PortError};
use crate::report::{PendingFinding, RunReport};

/// Maximum bytes of a line: a finding's ID has 512 characters, a resource's ID too, in at most six bytes each as JSON.
const LINE_BYTES_MAX: usize = 64 << 10;

/// The findings of a run that require approval to be archived, in the order in which the run wrote them.
pub struct PendingFindings(LineReader);

impl PendingFindings {
    /// Opens the list of a run. `None` if no finding of the run requires approval, or if its list has expired.
    ///
    /// # Errors
    ///
    /// If the state bucket does not respond.
    pub async fn open(ports: &impl Objects, run_id: &str) -> Result<Option<Self>, PortError> {
        let key = RunReport::pending_key(run_id);
        let object = ports.object(&key).await?;
        Ok(object.map(|object| Self(LineReader::new(key, object, LINE_BYTES_MAX))))
    }

    /// The next finding. `None` after the last one.
    ///
    /// # Errors
    ///
    /// If the list can't be read further, or a line is not a finding.
    pub async fn next(&mut self) -> Result<Option<PendingFinding>, PortError> {
        let Some(line) = self.0.next().await? else { return Ok(None) };
        serde_json::from_slice(&line).map(Some).map_err(|error| self.0.failed(&error))
    }

    /// The finding with this ID, if it is in the list.
    ///
    /// # Errors
    ///
    /// If the list can't be read to the end.
    pub async fn find(mut self, finding_id: &str) -> Result<Option<PendingFinding>, PortError> {
        while let Some(finding) = self.next().await? {
            if finding.finding_id == finding_id {
                return Ok(Some(finding));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use futures::StreamExt as _;

    use super::*;
    use crate::ports::Object;
    use crate::report::PendingClass;

    /// A list that arrives in chunks of this size.
    fn list(text: &str, chunk: usize) -> PendingFindings {
        let chunks: Vec<_> = text.as_bytes().chunks(chunk).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let object = Object { etag: "e".to_owned(), body: futures::stream::iter(chunks).boxed() };
        PendingFindings(LineReader::new("runs/r/pending.jsonl".to_owned(), object, LINE_BYTES_MAX))
    }

    fn line(id: &str) -> String {
        let line = format!(
            r#"{{"account":"123456789012","finding_id":"{id}","check_id":"iam_user_mfa","service":"iam","region":"us-east-1",
            "severity":"HIGH","resource_id":"arn:aws:iam::123456789012:user/ada","first_observed_at":"2026-11-01T00:00:00Z",
            "class":"unproven","reason":"manual_check"}}"#
        );
        line.replace('\n', "")
    }

    #[tokio::test]
    async fn findings_are_read_one_by_one_in_chunks_of_any_size() {
        let text = format!("{}\n{}\n", line("a"), line("b"));
        for chunk in [1, 7, text.len()] {
            let mut findings = list(&text, chunk);
            let first = findings.next().await.unwrap().unwrap();
            assert_eq!((first.finding_id.as_str(), first.class), ("a", PendingClass::Unproven));
            assert_eq!(findings.next().await.unwrap().unwrap().finding_id, "b");
            assert_eq!(findings.next().await.unwrap(), None);
            assert_eq!(list(&text, chunk).find("b").await.unwrap().unwrap().reason, "manual_check");
            assert_eq!(list(&text, chunk).find("c").await.unwrap(), None);
        }
    }

    #[tokio::test]
    async fn an_incomplete_list_is_an_error_and_not_a_short_list() {
        let text = format!("{}\n{}", line("a"), line("b"));
        let mut findings = list(&text, 9);
        findings.next().await.unwrap().unwrap();
        assert!(findings.next().await.unwrap_err().to_string().contains("runs/r/pending.jsonl"));
        assert!(list("{}\n", 9).next().await.is_err());
    }
}
