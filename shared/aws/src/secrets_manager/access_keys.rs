//! Stores access keys in Secrets Manager, each in a separate secret. This module never reads a key.

use aws_sdk_secretsmanager::types::Tag;
use exporter::ports::PortError;
use exporter::ports::settings_store::{AccessKey, MANAGED, Secrets};
use serde_json::json;
use uuid::Uuid;

use crate::Cloud;
use crate::errors::port_error;

impl Secrets for Cloud {
    async fn store_key(&self, resource: &str, key: &AccessKey) -> Result<String, PortError> {
        let name = format!("{}{MANAGED}{resource}/{}", self.management.secret_prefix, Uuid::now_v7());
        let mut value = json!({ "access_key_id": key.access_key_id, "secret_access_key": key.secret_access_key });
        if let Some(token) = &key.session_token {
            value["session_token"] = token.as_str().into();
        }
        let request = aws_sdk_secretsmanager::Client::new(&self.config)
            .create_secret()
            .name(&name)
            .set_kms_key_id(self.management.secret_kms_key.clone())
            .description(format!("An access key of securityhub-exporter, for {resource}"))
            .tags(Tag::builder().key("securityhub-exporter").value(resource).build())
            .secret_string(value.to_string());
        match request.send().await {
            Ok(_) => Ok(name),
            Err(error) => Err(port_error(format!("store an access key in secret {name}"), &error)),
        }
    }

    async fn delete_key(&self, secret: &str) -> Result<(), PortError> {
        let is_managed =
            secret.strip_prefix(&self.management.secret_prefix).is_some_and(|rest| rest.starts_with(MANAGED));
        if !is_managed {
            return Ok(());
        }
        let client = aws_sdk_secretsmanager::Client::new(&self.config);
        // Deleted without a recovery window, since an unused key has no purpose and could be exposed.
        match client.delete_secret().secret_id(secret).force_delete_without_recovery(true).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_not_found_exception()) => {
                Ok(())
            }
            Err(error) => Err(port_error(format!("delete secret {secret}"), &error)),
        }
    }
}
