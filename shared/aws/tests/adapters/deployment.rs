//! Finds a deployment with its stack.

use aws::Deployment;

use crate::config_as;
use crate::wire::{Reply, Wire};

const OUTPUTS: [&str; 7] = [
    "ScanBucketName",
    "StateBucketName",
    "TableName",
    "QueueUrl",
    "DeadLetterQueueUrl",
    "ExportFunctionName",
    "ExportFunctionRoleArn",
];

fn stack(outputs: &[&str]) -> String {
    let member =
        |name: &&str| format!("<member><OutputKey>{name}</OutputKey><OutputValue>the {name}</OutputValue></member>");
    let outputs: String = outputs.iter().map(member).collect();
    format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>exporter</StackName>\
         <CreationTime>2026-11-23T08:00:00Z</CreationTime><StackStatus>CREATE_COMPLETE</StackStatus>\
         <Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult></DescribeStacksResponse>"
    )
}

async fn of_stack(status: u16, answer: String) -> Result<Deployment, String> {
    let wire = Wire::serve(move |_, _| Reply::new(status, answer.clone())).await;
    let config = config_as("key", &wire.url).await;
    Deployment::of_stack(&config, "exporter").await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn a_deployment_is_read_from_the_outputs_of_its_stack() {
    let deployment = of_stack(200, stack(&OUTPUTS)).await.unwrap();
    assert_eq!(deployment.scan_bucket, "the ScanBucketName");
    assert_eq!(deployment.names().state_bucket, "the StateBucketName");
    assert_eq!(deployment.names().table, "the TableName");
    assert_eq!(deployment.dead_letter_queue_url, "the DeadLetterQueueUrl");
    assert_eq!(deployment.export_function_role_arn, "the ExportFunctionRoleArn");
}

#[tokio::test]
async fn the_name_of_a_stack_is_escaped_in_the_request() {
    let wire = Wire::serve(move |_, _| Reply::new(200, stack(&OUTPUTS))).await;
    let config = config_as("key", &wire.url).await;
    Deployment::of_stack(&config, "one & two").await.unwrap();
    let [request] = wire.requests().try_into().unwrap();
    assert_eq!(request.text(), "Action=DescribeStacks&Version=2010-05-15&StackName=one%20%26%20two");
    assert!(request.header("authorization").unwrap().contains("/cloudformation/aws4_request"));
}

#[tokio::test]
async fn another_stack_is_detected_by_a_missing_output() {
    let error = of_stack(200, stack(&OUTPUTS[..2])).await.unwrap_err();
    assert_eq!(
        error,
        "stack exporter (CREATE_COMPLETE) has no output TableName: it is not a securityhub-exporter stack, \
         or is incomplete"
    );
}

#[tokio::test]
async fn a_missing_stack_is_reported_with_its_region() {
    let answer = "<ErrorResponse><Error><Code>ValidationError</Code>\
                  <Message>Stack with id exporter does not exist</Message></Error></ErrorResponse>";
    let error = of_stack(400, answer.to_owned()).await.unwrap_err();
    assert!(error.starts_with("stack exporter not found in eu-west-1;"), "{error}");
    let answer = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>";
    let error = of_stack(403, answer.to_owned()).await.unwrap_err();
    assert_eq!(error, "failed to read the outputs of stack exporter: AccessDenied: no");
}
