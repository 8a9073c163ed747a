//! What lies in a bucket of scans, for those who export old ones.

use exporter::ports::PortError;
use exporter::upload::Upload;
use jiff::Timestamp;

use crate::Cloud;
use crate::errors::port_error;
use crate::time::timestamp;

/// An object that may hold a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// Its address.
    pub upload: Upload,
    /// When it was written.
    pub modified_at: Option<Timestamp>,
}

impl Cloud {
    /// All objects of a bucket whose keys begin with `prefix`, by key. Folders that consoles make are left out.
    ///
    /// # Errors
    ///
    /// When S3 does not answer, or does not let the caller see the bucket.
    pub async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<Listed>, PortError> {
        let mut pages = self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(format!("list s3://{bucket}/{prefix}"), &error))?;
            for object in page.contents.unwrap_or_default() {
                let modified_at = object.last_modified.as_ref().and_then(timestamp);
                if let Some(key) = object.key.filter(|key| !key.ends_with('/')) {
                    listed.push(Listed { upload: Upload::new(bucket, key), modified_at });
                }
            }
        }
        Ok(listed)
    }
}
