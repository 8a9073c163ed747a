//! What could not be sent and will not become sendable by itself: kept with its bytes and the reason, as JSON lines
//! beside the run's report.
//!
//! Promises: constant memory; `resources[].data` of a scan is not carried along, since it can hold secrets.

use asff::{AccountId, Mapped, Quarantined, RegionName, TooLarge, Unreadable};
use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use crate::deliver::Rejected;
use crate::ports::{ObjectWriter, Objects, Only, PortError};
use crate::report::RunReport;

/// Entries that may wait for the writer. Each may hold a finding of 240 KB.
const QUEUE_MAX: usize = 16;
/// Bytes of a finding that is too large at most, for it to be kept: four times what the service takes.
const KEPT_BYTES_MAX: usize = 4 * asff::limits::FINDING_BYTES_MAX;
/// Bytes that are gathered before they go to the store.
const WRITE_BYTES: usize = 256 * 1024;

/// One line of the quarantine object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Where it was found out.
    pub stage: Stage,
    /// The reason's short name: ours, or the service's error code.
    pub code: String,
    /// The reason, or the service's words.
    pub message: String,
    /// The finding's Id, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The account, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The Region whose Security Hub refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<RegionName>,
    /// Where it begins in the decompressed file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The finding: as ASFF where it was mapped, otherwise the element of the file, as text where it is no JSON. None where
    /// it is too large to be kept.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub finding: serde_json::Value,
}

/// Where a finding was found to be unfit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// The element is broken in the file.
    Reading,
    /// It can't be mapped to ASFF.
    Mapping,
    /// Security Hub refused it.
    Delivery,
}

impl Stage {
    /// The word that tables show.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reading => "reading",
            Self::Mapping => "mapping",
            Self::Delivery => "delivery",
        }
    }
}

impl Entry {
    /// An element that is broken in the file.
    pub(crate) fn unreadable(unreadable: &Unreadable) -> Self {
        Self {
            stage: Stage::Reading,
            code: "unreadable".to_owned(),
            message: format!("{} ({} bytes)", unreadable.reason, unreadable.length),
            id: None,
            account: None,
            region: None,
            offset: Some(unreadable.offset),
            finding: String::from_utf8_lossy(&unreadable.excerpt).into(),
        }
    }

    /// A finding that can't be mapped.
    pub(crate) fn unmappable(quarantined: Quarantined) -> Self {
        let text = || String::from_utf8_lossy(&quarantined.element).into();
        Self {
            stage: Stage::Mapping,
            code: quarantined.code.as_str().to_owned(),
            message: quarantined.message,
            id: None,
            account: quarantined.account,
            region: quarantined.region,
            offset: Some(quarantined.offset),
            finding: serde_json::from_slice(&quarantined.element).unwrap_or_else(|_| text()),
        }
    }

    /// A finding that is larger than the service takes, whatever is cut. It is kept where it is not much larger.
    pub(crate) fn too_large(mapped: &Mapped, error: &TooLarge) -> Self {
        let finding = if error.bytes <= KEPT_BYTES_MAX {
            serde_json::from_slice(&mapped.encode_whole(&mapped.first_stamps())).unwrap_or_default()
        } else {
            serde_json::Value::Null
        };
        Self {
            stage: Stage::Mapping,
            code: asff::QuarantineCode::TooLarge.as_str().to_owned(),
            message: error.to_string(),
            id: Some(mapped.finding.id.to_string()),
            account: Some(mapped.account),
            region: Some(mapped.region),
            offset: Some(mapped.offset),
            finding,
        }
    }

    /// A finding that Security Hub refused.
    pub(crate) fn refused(account: AccountId, region: RegionName, rejected: Rejected) -> Self {
        Self {
            stage: Stage::Delivery,
            code: rejected.code,
            message: rejected.message,
            id: Some(rejected.id),
            account: Some(account),
            region: Some(region),
            offset: None,
            finding: serde_json::from_slice(&rejected.json).unwrap_or_default(),
        }
    }
}

/// The way into a run's quarantine. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Quarantine {
    entries: mpsc::Sender<(Entry, oneshot::Sender<Result<(), PortError>>)>,
}

/// The task that writes the quarantine object.
pub(crate) struct Keeper {
    task: JoinHandle<Result<Option<String>, PortError>>,
}

impl Quarantine {
    /// Opens a run's quarantine. The object comes into being with the first entry.
    pub(crate) fn open<P: Objects + Send + Sync + 'static>(ports: std::sync::Arc<P>, run_id: &str) -> (Self, Keeper) {
        let (entries, receiver) = mpsc::channel(QUEUE_MAX);
        let key = RunReport::quarantine_key(run_id);
        let task = tokio::spawn(keep(ports, key, receiver));
        (Self { entries }, Keeper { task })
    }

    /// Keeps a finding.
    ///
    /// # Errors
    ///
    /// When the store does not take it: then the finding is not safe, and the run must fail.
    pub async fn put(&self, entry: Entry) -> Result<(), PortError> {
        let gone = || PortError { action: "write the quarantine".to_owned(), message: "its writer ended".to_owned() };
        let (reply, answer) = oneshot::channel();
        self.entries.send((entry, reply)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

impl Keeper {
    /// Completes the object once every [`Quarantine`] is dropped. Its key, if something is in it.
    pub(crate) async fn finish(self) -> Result<Option<String>, PortError> {
        self.task
            .await
            .map_err(|error| PortError { action: "write the quarantine".to_owned(), message: error.to_string() })?
    }
}

type Entries = mpsc::Receiver<(Entry, oneshot::Sender<Result<(), PortError>>)>;

async fn keep<P: Objects>(
    ports: std::sync::Arc<P>,
    key: String,
    mut entries: Entries,
) -> Result<Option<String>, PortError> {
    let mut writer: Option<P::Writer> = None;
    let mut pending = BytesMut::new();
    while let Some((entry, reply)) = entries.recv().await {
        let outcome = async {
            let line = serde_json::to_vec(&entry).map_err(|error| PortError {
                action: format!("write an entry of {key}"),
                message: error.to_string(),
            })?;
            pending.put_slice(&line);
            pending.put_u8(b'\n');
            if writer.is_none() {
                writer = Some(ports.create(&key, Only::Always).await?);
            }
            match &mut writer {
                Some(writer) if pending.len() >= WRITE_BYTES => writer.write(pending.split().freeze()).await,
                _ => Ok(()),
            }
        };
        // A caller that went away has given up on the run.
        let _ = reply.send(outcome.await);
    }
    let Some(mut writer) = writer else { return Ok(None) };
    if !pending.is_empty() {
        writer.write(Bytes::from(pending)).await?;
    }
    writer.finish().await?;
    Ok(Some(key))
}
