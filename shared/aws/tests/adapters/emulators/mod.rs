//! The promises of the adapters, tested on two emulators of S3 and `DynamoDB` (decision 29): each test is written once and runs
//! as `NAME::ministack` and as `NAME::strict`, with its own bucket and table.

mod connections;
mod large;
mod objects;
mod runs;
mod scans;
mod settings_store;

use std::collections::BTreeMap;

use aws::{Cloud, ResourceNames};
use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use bytes::{Bytes, BytesMut};
use exporter::ports::{ObjectWriter as _, Objects as _, PortError, PutMode};
use futures::TryStreamExt as _;
use uuid::Uuid;

use crate::{ACCOUNT, config_as};

/// Reported if no emulator is configured.
const NO_EMULATORS: &str =
    "these tests need two emulators of AWS; this starts them, runs the tests, and stops them: make test-adapters";

/// Declares tests that run on each emulator.
macro_rules! on_each_emulator {
    ($($test:ident),+ $(,)?) => {$(
        mod $test {
            #[tokio::test]
            async fn ministack() {
                super::$test($crate::emulators::Place::on("ministack").await).await;
            }

            #[tokio::test]
            async fn strict() {
                super::$test($crate::emulators::Place::on("strict").await).await;
            }
        }
    )+};
}
use on_each_emulator;

/// A bucket and a table on one of the emulators, and the adapters for them.
struct Place {
    cloud: Cloud,
    bucket: String,
    s3: aws_sdk_s3::Client,
}

impl Place {
    /// Creates them on the emulator with this name. `EMULATORS` has its URL (`local/emulators.py`).
    async fn on(emulator: &str) -> Self {
        let emulators = std::env::var("EMULATORS").unwrap_or_default();
        let Ok(urls) = serde_json::from_str::<BTreeMap<String, String>>(&emulators) else { panic!("{NO_EMULATORS}") };
        let config = config_as(ACCOUNT, &urls[emulator]).await;
        let name = format!("adapters-{}", Uuid::now_v7());
        let s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        let s3 = aws_sdk_s3::Client::from_conf(s3);
        let home = CreateBucketConfiguration::builder().location_constraint(BucketLocationConstraint::EuWest1).build();
        s3.create_bucket().bucket(&name).create_bucket_configuration(home).send().await.unwrap();
        create_table(&aws_sdk_dynamodb::Client::new(&config), &name).await;
        let names = ResourceNames { table: name.clone(), state_bucket: name.clone(), queue_url: None };
        Self { cloud: Cloud::new(&config, names), bucket: name, s3 }
    }

    /// Writes an object in pieces of an odd size.
    async fn write(&self, key: &str, content: &Bytes, only: PutMode) -> Result<(), PortError> {
        const PIECE: usize = 700_001;
        let mut writer = self.cloud.create(key, only).await?;
        for start in (0..content.len()).step_by(PIECE) {
            writer.write(content.slice(start..content.len().min(start + PIECE))).await?;
        }
        writer.finish().await
    }

    /// The `ETag` and the content of an object, if it exists.
    async fn read(&self, key: &str) -> Option<(String, Bytes)> {
        let object = self.cloud.object(key).await.unwrap()?;
        let content: BytesMut = object.body.try_collect().await.unwrap();
        Some((object.etag, content.freeze()))
    }
}

/// Creates the table of the template with the properties that affect requests.
async fn create_table(dynamodb: &aws_sdk_dynamodb::Client, name: &str) {
    let mut request = dynamodb.create_table().table_name(name).billing_mode(BillingMode::PayPerRequest);
    for (attribute, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let definition =
            AttributeDefinition::builder().attribute_name(attribute).attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name(attribute).key_type(kind);
        request = request.attribute_definitions(definition.build().unwrap()).key_schema(key.build().unwrap());
    }
    request.send().await.unwrap();
}

/// Bytes without repetitions, which can't be compressed.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = BytesMut::with_capacity(length + size_of::<u64>());
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.freeze()
}
