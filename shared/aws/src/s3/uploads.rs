//! Lists the objects of a scan bucket, to export old scans.

use exporter::model::upload::Upload;
use exporter::ports::PortError;
use jiff::Timestamp;

use crate::Cloud;
use crate::errors::port_error;
use crate::time::timestamp;

/// An object that may contain a scan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedObject {
    /// Its URL.
    pub upload: Upload,
    /// Time of the last modification.
    pub modified_at: Option<Timestamp>,
}

impl Cloud {
    /// All objects of a bucket whose keys begin with `prefix`, by key. Directory markers of the S3 console are omitted.
    ///
    /// # Errors
    ///
    /// If S3 is unavailable, or denies access to the bucket.
    pub async fn list_uploads(&self, bucket: &str, prefix: &str) -> Result<Vec<ListedObject>, PortError> {
        let mut pages = self.s3.list_objects_v2().bucket(bucket).prefix(prefix).into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| port_error(format!("list s3://{bucket}/{prefix}"), &error))?;
            for object in page.contents.unwrap_or_default() {
                let modified_at = object.last_modified.as_ref().and_then(timestamp);
                if let Some(key) = object.key.filter(|key| !key.ends_with('/')) {
                    listed.push(ListedObject { upload: Upload::new(bucket, key), modified_at });
                }
            }
        }
        Ok(listed)
    }
}
