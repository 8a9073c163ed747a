//! Errors that the SDK retries here, in addition to its default: S3 and DynamoDB reject a write if another write of the same
//! object or item is in progress. The rejected write has no effect, and each attempt evaluates the condition of a conditional
//! write again, so that a retry is safe. The SDK's maximum number of attempts and its backoff apply.

use std::error::Error;

use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_sdk_dynamodb::config::Builder as DynamoDbBuilder;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_s3::config::Builder as S3Builder;
use aws_sdk_s3::operation::complete_multipart_upload::CompleteMultipartUploadError;
use aws_sdk_s3::operation::put_object::PutObjectError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

/// HTTP 409 codes of a write of an object, as opposed to 412 `PreconditionFailed`, which is permanent (Amazon S3 User Guide, "How
/// to prevent object overwrites with conditional writes"; API reference, "Error responses").
const OBJECT_CONFLICTS: &[&str] = &["ConditionalRequestConflict", "OperationAborted"];

/// The code if a transaction is writing the item of a single write (API reference, `PutItem`, "Errors").
const ITEM_CONFLICTS: &[&str] = &["TransactionConflictException"];

/// Configures a client of S3 to retry conflicting writes.
pub(crate) fn retry_object_conflicts(builder: S3Builder) -> S3Builder {
    builder
        .retry_classifier(codes::<PutObjectError>(OBJECT_CONFLICTS))
        .retry_classifier(codes::<CompleteMultipartUploadError>(OBJECT_CONFLICTS))
}

/// Configures a client of `DynamoDB` to retry writes that conflict with a transaction.
pub(crate) fn retry_item_conflicts(builder: DynamoDbBuilder) -> DynamoDbBuilder {
    builder
        .retry_classifier(codes::<PutItemError>(ITEM_CONFLICTS))
        .retry_classifier(codes::<UpdateItemError>(ITEM_CONFLICTS))
        .retry_classifier(codes::<DeleteItemError>(ITEM_CONFLICTS))
}

fn codes<E>(transient: &'static [&'static str]) -> AwsErrorCodeClassifier<E>
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    AwsErrorCodeClassifier::builder().transient_errors(transient).build()
}
