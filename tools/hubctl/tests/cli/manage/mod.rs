//! Management commands against the real API over in-memory ports: a server in this process replaces Lambda and STS, so that all
//! code from the command line to the router is tested.

mod closed;
mod console;
mod declared;
mod examined;
mod hidden;
mod outcomes;
mod page;
mod partitions;
pub(super) mod runs;
mod sample;
mod secrets;
mod trust;
mod words;

use std::collections::BTreeMap;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use exporter::connection::{Connection, ConnectionStatus, Problem, RegionConnection, RegionStatus};
use exporter::testing::{InMemory, TestClock};
use management::{Caller, Service, Settings, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use super::{Ended, hubctl};

pub(crate) const ACCOUNT: &str = "123456789012";
/// Another account.
pub(crate) const OTHER: &str = "210987654321";
const OPERATOR: &str = "arn:aws:iam::111122223333:user/ada";

/// A deployment with its management API.
pub(crate) struct Deployment {
    pub(crate) memory: Arc<InMemory>,
    /// The payloads that the function received.
    sent: Arc<Mutex<Vec<String>>>,
    /// Whether responses to changes are lost, although the changes are made.
    loses_answers: Arc<AtomicBool>,
    pub(crate) url: String,
    _runtime: tokio::runtime::Runtime,
    pub(crate) place: tempfile::TempDir,
}

#[derive(Clone)]
struct Server {
    router: axum::Router,
    sent: Arc<Mutex<Vec<String>>>,
    loses_answers: Arc<AtomicBool>,
}

impl Deployment {
    /// A deployment whose account can be reached in two Regions.
    pub(crate) fn new() -> Self {
        Self::of("aws")
    }

    /// A deployment in another partition.
    pub(crate) fn of(partition: &str) -> Self {
        let memory = Arc::new(InMemory::default());
        memory.contents().clock = TestClock::Fixed("2026-11-23T09:00:00Z".parse().unwrap());
        memory.contents().put_connection_test(ACCOUNT, vec![connected()]);
        let settings = Settings {
            secret_prefix: "securityhub-exporter/".to_owned(),
            partition: Some(partition.parse().unwrap()),
            account: Some("111122223333".parse().unwrap()),
        };
        let sent = Arc::new(Mutex::new(Vec::new()));
        let loses_answers = Arc::new(AtomicBool::new(false));
        let service = Arc::new(Service::new(memory.clone(), settings));
        let server = Server { router: router(service), sent: sent.clone(), loses_answers: loses_answers.clone() };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = axum::Router::new().fallback(answer).with_state(server);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { memory, sent, loses_answers, url, _runtime: runtime, place: tempfile::tempdir().unwrap() }
    }

    /// Runs a command without a terminal.
    pub(crate) fn run(&self, line: &str) -> Ended {
        self.run_with(line, "")
    }

    /// Runs a command without a terminal, and with this standard input.
    fn run_with(&self, line: &str, stdin: &str) -> Ended {
        let mut command = self.command(line);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // A command that doesn't read its standard input may have ended already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Ended::of(child.wait_with_output().unwrap())
    }

    /// A command that is ready to run. A word in single quotes may contain spaces.
    pub(crate) fn command(&self, line: &str) -> Command {
        let words = line.split('\'').enumerate().flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().map(str::to_owned).collect(),
            _ => vec![part.to_owned()],
        });
        let mut command = hubctl();
        command
            .current_dir(self.place.path())
            .envs([("AWS_ACCESS_KEY_ID", "any"), ("AWS_SECRET_ACCESS_KEY", "any"), ("AWS_REGION", "eu-west-1")])
            .envs([("AWS_ENDPOINT_URL", self.url.as_str()), ("HUBCTL_MANAGE_FUNCTION", "manage")])
            .args(words);
        command
    }

    /// Runs a command that must succeed. Returns its JSON output.
    pub(crate) fn json(&self, line: &str) -> Value {
        let ended = self.run(&format!("{line} --output json"));
        assert_eq!(ended.exit, 0, "{line}: {}", ended.stderr);
        serde_json::from_str(&ended.stdout).unwrap_or(Value::Null)
    }

    /// Writes a file into the directory in which the commands run.
    pub(crate) fn file(&self, name: &str, text: &str) {
        std::fs::write(self.place.path().join(name), text).unwrap();
    }

    /// The audit log, oldest first.
    pub(crate) fn actions(&self) -> Vec<String> {
        self.memory.contents().audit_log.iter().map(|entry| entry.action.clone()).collect()
    }
}

/// Responds to a request for Lambda, CloudFormation, or DynamoDB, and to any other request as STS.
async fn answer(State(server): State<Server>, request: Request) -> Response {
    let is_function = request.uri().path() == "/2015-03-31/functions/manage/invocations";
    let is_table =
        request.headers().get("x-amz-target").is_some_and(|target| target.as_bytes().starts_with(b"DynamoDB"));
    let body = axum::body::to_bytes(request.into_body(), usize::MAX).await.unwrap();
    if body.starts_with(b"Action=DescribeStacks") {
        return stack().into_response();
    }
    if is_table {
        return axum::Json(items(&body)).into_response();
    }
    if !is_function {
        return format!(
            "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
             <Arn>{OPERATOR}</Arn><UserId>AIDA</UserId><Account>111122223333</Account></GetCallerIdentityResult>\
             </GetCallerIdentityResponse>"
        )
        .into_response();
    }
    server.sent.lock().unwrap().push(String::from_utf8(body.to_vec()).unwrap());
    let done = invoked(server.router, &body).await;
    let is_look = String::from_utf8_lossy(&body).contains(r#""method":"GET""#);
    if server.loses_answers.load(Ordering::Relaxed) && !is_look {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    axum::Json(done).into_response()
}

/// The response of a table that contains only one integration.
fn items(query: &[u8]) -> Value {
    if !String::from_utf8_lossy(query).contains(r#"{"S":"integration"}"#) {
        return json!({ "Items": [], "Count": 0 });
    }
    let (text, number) = (|text: &str| json!({ "S": text }), json!({ "N": "1" }));
    let settings = json!({ "M": { "provider": text(ACCOUNT) } });
    let item = json!({ "pk": text("integration"), "sk": text(ACCOUNT), "settings": settings, "version": number });
    json!({ "Items": [item], "Count": 1 })
}

/// The stack of the deployment as CloudFormation describes it.
fn stack() -> String {
    let outputs = [
        ("ScanBucketName", "scans"),
        ("StateBucketName", "state"),
        ("TableName", "table"),
        ("QueueUrl", "https://sqs.eu-west-1.amazonaws.com/111122223333/queue"),
        ("DeadLetterQueueUrl", "https://sqs.eu-west-1.amazonaws.com/111122223333/dead"),
        ("ExportFunctionName", "export"),
        ("ExportFunctionRoleArn", "arn:aws:iam::111122223333:role/Export"),
        ("CheckFunctionRoleArn", "arn:aws:iam::111122223333:role/Check"),
        ("ManageFunctionName", "manage"),
        ("SecretNamePrefix", "securityhub-exporter/"),
        ("MemberRoleNamePattern", "*Exporter*"),
    ];
    let outputs = outputs
        .map(|(key, value)| format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>"));
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult><Stacks>\
         <member><StackName>one</StackName><CreationTime>2026-11-23T09:00:00Z</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{}</Outputs></member></Stacks></DescribeStacksResult>\
         </DescribeStacksResponse>",
        outputs.concat()
    )
}

/// The function's response to an event.
async fn invoked(router: axum::Router, event: &Bytes) -> Value {
    let event: Value = serde_json::from_slice(event).unwrap();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let caller = Caller(text(&event["requestContext"]["authorizer"]["iam"]["userArn"]));
    let mut request = Request::builder()
        .method(text(&event["requestContext"]["http"]["method"]).as_str())
        .uri(format!("{}?{}", text(&event["rawPath"]), text(&event["rawQueryString"])))
        .extension(caller);
    for (name, value) in event["headers"].as_object().unwrap() {
        request = request.header(name, text(value));
    }
    let response = router.oneshot(request.body(Body::from(text(&event["body"]))).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let headers: BTreeMap<_, _> =
        head.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let body = String::from_utf8(body.to_vec()).unwrap();
    json!({ "statusCode": head.status.as_u16(), "headers": headers, "body": body, "isBase64Encoded": false })
}

/// The connection after a check that found two Regions enabled, and others not.
pub(crate) fn connected() -> Connection {
    let since = "2026-11-23T08:00:00Z".parse().unwrap();
    let region =
        |status, problem| RegionConnection { status, since, unavailable_since: None, stale_since: None, problem };
    let off = |name: &str| Problem {
        reason: "hub_not_enabled".to_owned(),
        message: format!("Security Hub is not enabled in {name}"),
        remediation: Some(format!("aws securityhub enable-security-hub --region {name}")),
    };
    let regions = [
        ("eu-west-1", region(RegionStatus::Enabled, None)),
        ("us-east-1", region(RegionStatus::Enabled, None)),
        ("eu-west-2", region(RegionStatus::HubNotEnabled, Some(off("eu-west-2")))),
        ("eu-west-3", region(RegionStatus::HubNotEnabled, Some(off("eu-west-3")))),
    ];
    Connection {
        account: ACCOUNT.parse().unwrap(),
        provider: ACCOUNT.parse().unwrap(),
        status: ConnectionStatus::Connected,
        checked_at: "2026-11-23T09:00:00Z".parse().unwrap(),
        stale_since: None,
        identity: Some(format!("arn:aws:sts::{ACCOUNT}:assumed-role/Exporter/session")),
        problem: None,
        risks: Vec::new(),
        external_id_check: None,
        regions: regions.into_iter().map(|(name, region)| (name.parse().unwrap(), region)).collect(),
    }
}

/// The connection after a check that could not assume the role.
pub(crate) fn disconnected() -> Connection {
    let problem = Problem {
        reason: "assume_role_denied".to_owned(),
        message: "the role can't be assumed with the integration's External ID".to_owned(),
        remediation: Some(format!("hubctl permissions print --integration {ACCOUNT}")),
    };
    Connection {
        status: ConnectionStatus::Disconnected,
        identity: None,
        problem: Some(problem),
        regions: BTreeMap::new(),
        ..connected()
    }
}
