//! Signed calls of services of which only one operation is used. The SDK's crate of such a service compiles slowly; the SDK's
//! orchestrator provides credentials, signature, timeouts, and standard retries without it.

use asff::Partition;
use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_runtime::auth::SigV4OperationSigningConfig;
use aws_runtime::auth::sigv4::{SCHEME_ID, SigV4AuthScheme};
use aws_runtime::retries::classifiers::AwsErrorCodeClassifier;
use aws_runtime::user_agent::{ApiMetadata, UserAgentInterceptor};
use aws_smithy_runtime::client::orchestrator::operation::Operation;
use aws_smithy_runtime::client::retries::classifiers::{HttpStatusCodeClassifier, TransientErrorClassifier};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::auth::AuthSchemeOptionResolverParams;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse, OrchestratorError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::StaticRuntimePlugin;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::config_bag::Layer;
use aws_smithy_types::error::ErrorMetadata;
use aws_types::SigningName;
use aws_types::region::{Region, SigningRegion};
use bytes::Bytes;
use exporter::connection::dns_suffix;

use crate::config::own_endpoint;
use crate::errors::CallFailure;

/// Code and message of an error, if any.
pub(crate) type CodeAndMessage = (Option<String>, Option<String>);

/// A service and its protocol.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// Its name in `AWS_ENDPOINT_URL_...` and in profiles.
    pub(crate) id: &'static str,
    /// Its name in signatures and at the beginning of its endpoints' names.
    pub(crate) name: &'static str,
    /// Content type of its requests.
    pub(crate) content_type: &'static str,
    /// Parses code and message of an error response.
    pub(crate) error: fn(&[u8]) -> CodeAndMessage,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct SignedCall {
    pub(crate) operation: &'static str,
    pub(crate) region: String,
    pub(crate) partition: Partition,
    /// Additional headers.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// The endpoint variant, as the SDK's clients select it: `AWS_USE_FIPS_ENDPOINT`,
/// `AWS_USE_DUALSTACK_ENDPOINT`, or a profile.
#[derive(Clone, Copy, Debug, Default)]
struct Variant {
    fips: bool,
    dual_stack: bool,
}

impl Variant {
    fn of(config: &SdkConfig) -> Self {
        Self { fips: config.use_fips().unwrap_or_default(), dual_stack: config.use_dual_stack().unwrap_or_default() }
    }

    /// URL of the endpoint. CloudFormation, EC2, and AWS Organizations have the same rules (endpoint rule sets of botocore
    /// 1.44.5): the standard endpoints of `GovCloud` are FIPS endpoints; dual-stack FIPS endpoints have `-fips`.
    fn endpoint(self, name: &str, region: &str, partition: Partition) -> String {
        let is_named_so = self.fips && (self.dual_stack || partition != Partition::AwsUsGov);
        let fips = if is_named_so { "-fips" } else { "" };
        let suffix = if self.dual_stack { dual_stack_suffix(partition) } else { dns_suffix(partition) };
        format!("https://{name}{fips}.{region}.{suffix}")
    }
}

/// DNS suffix of dual-stack endpoints (partitions of botocore 1.44.5).
fn dual_stack_suffix(partition: Partition) -> &'static str {
    match partition {
        Partition::Aws | Partition::AwsUsGov => "api.aws",
        Partition::AwsCn => "api.amazonwebservices.com.cn",
        Partition::AwsEusc => "api.amazonwebservices.eu",
    }
}

/// Calls a service and returns the response body.
pub(crate) async fn call(
    config: &SdkConfig,
    service: Service,
    call: SignedCall,
) -> Result<Bytes, CallFailure<ErrorMetadata>> {
    let SignedCall { operation, region, partition, headers, body } = call;
    let variant = Variant::of(config);
    let endpoint =
        own_endpoint(config, service.id).unwrap_or_else(|| variant.endpoint(service.name, &region, partition));
    let serializer = move |body: String| -> Result<HttpRequest, BoxError> {
        let mut request = HttpRequest::new(SdkBody::from(body));
        request.set_method("POST")?;
        request.set_uri("/")?;
        request.headers_mut().insert("content-type", service.content_type);
        for (name, value) in &headers {
            request.headers_mut().insert(*name, value.clone());
        }
        Ok(request)
    };
    let mut builder = Operation::builder().service_name(service.id).operation_name(operation).endpoint_url(&endpoint);
    if let Some(version) = config.behavior_version() {
        builder = builder.behavior_version(version);
    }
    if let Some(client) = config.http_client() {
        builder = builder.http_client(client);
    }
    if let Some(timeouts) = config.timeout_config() {
        builder = builder.timeout_config(timeouts.clone());
    }
    let operation = builder
        .standard_retry(&config.retry_config().cloned().unwrap_or_else(RetryConfig::standard))
        .retry_classifier(HttpStatusCodeClassifier::default())
        .retry_classifier(AwsErrorCodeClassifier::<ErrorMetadata>::new())
        .retry_classifier(TransientErrorClassifier::<ErrorMetadata>::new())
        .runtime_plugin(signing(config, service, &region))
        .serializer(serializer)
        .deserializer(move |response: &HttpResponse| read(response, service))
        .build();
    operation.invoke(body).await
}

/// Plugin with the credentials and the signature.
fn signing(config: &SdkConfig, service: Service, region: &str) -> StaticRuntimePlugin {
    let region = SigningRegion::from(Region::new(region.to_owned()));
    let name = SigningName::from_static(service.name);
    let mut layer = Layer::new("SignedCall");
    layer.store_put(AuthSchemeOptionResolverParams::new(()));
    layer.store_put(ApiMetadata::new(service.name, env!("CARGO_PKG_VERSION")));
    layer.store_put(SigV4OperationSigningConfig {
        region: Some(region.clone()),
        name: Some(name.clone()),
        ..SigV4OperationSigningConfig::default()
    });
    layer.store_put(region);
    layer.store_put(name);
    if let Some(app_name) = config.app_name() {
        layer.store_put(app_name.clone());
    }
    let mut components = RuntimeComponentsBuilder::new("SignedCall")
        .with_auth_scheme(SigV4AuthScheme::new())
        .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![SCHEME_ID])))
        .with_identity_cache(config.identity_cache())
        .with_interceptor(UserAgentInterceptor::new());
    if let Some(credentials) = config.credentials_provider() {
        components.set_identity_resolver(SCHEME_ID, credentials);
    }
    StaticRuntimePlugin::new().with_config(layer.freeze()).with_runtime_components(components)
}

fn read(response: &HttpResponse, service: Service) -> Result<Bytes, OrchestratorError<ErrorMetadata>> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() {
        return Ok(Bytes::copy_from_slice(body));
    }
    let (code, message) = (service.error)(body);
    let mut error = ErrorMetadata::builder();
    if let Some(code) = code {
        error = error.code(code);
    }
    if let Some(message) = message {
        error = error.message(message);
    }
    Err(OrchestratorError::operation(error.build()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The expected values are from botocore's endpoint rules.
    #[test]
    fn the_endpoint_is_the_same_as_that_of_the_sdks_clients() {
        use Partition::{Aws, AwsCn, AwsEusc, AwsUsGov};
        let (plain, fips, dual_stack, both) = ((false, false), (true, false), (false, true), (true, true));
        for (partition, name, region, (fips, dual_stack), expected) in [
            (Aws, "ec2", "eu-west-1", plain, "https://ec2.eu-west-1.amazonaws.com"),
            (Aws, "ec2", "us-east-1", fips, "https://ec2-fips.us-east-1.amazonaws.com"),
            (Aws, "ec2", "us-east-1", dual_stack, "https://ec2.us-east-1.api.aws"),
            (Aws, "ec2", "us-east-1", both, "https://ec2-fips.us-east-1.api.aws"),
            (Aws, "organizations", "us-east-1", fips, "https://organizations-fips.us-east-1.amazonaws.com"),
            (Aws, "organizations", "us-east-1", both, "https://organizations-fips.us-east-1.api.aws"),
            (AwsUsGov, "ec2", "us-gov-east-1", plain, "https://ec2.us-gov-east-1.amazonaws.com"),
            (AwsUsGov, "ec2", "us-gov-east-1", fips, "https://ec2.us-gov-east-1.amazonaws.com"),
            (AwsUsGov, "ec2", "us-gov-east-1", both, "https://ec2-fips.us-gov-east-1.api.aws"),
            (Aws, "cloudformation", "eu-west-1", plain, "https://cloudformation.eu-west-1.amazonaws.com"),
            (Aws, "cloudformation", "us-east-1", both, "https://cloudformation-fips.us-east-1.api.aws"),
            (AwsUsGov, "cloudformation", "us-gov-east-1", fips, "https://cloudformation.us-gov-east-1.amazonaws.com"),
            (AwsUsGov, "cloudformation", "us-gov-east-1", both, "https://cloudformation-fips.us-gov-east-1.api.aws"),
            (AwsCn, "cloudformation", "cn-north-1", fips, "https://cloudformation-fips.cn-north-1.amazonaws.com.cn"),
            (AwsUsGov, "organizations", "us-gov-west-1", fips, "https://organizations.us-gov-west-1.amazonaws.com"),
            (AwsUsGov, "organizations", "us-gov-west-1", dual_stack, "https://organizations.us-gov-west-1.api.aws"),
            (AwsCn, "ec2", "cn-north-1", plain, "https://ec2.cn-north-1.amazonaws.com.cn"),
            (AwsCn, "ec2", "cn-north-1", dual_stack, "https://ec2.cn-north-1.api.amazonwebservices.com.cn"),
            (AwsEusc, "ec2", "eusc-de-east-1", dual_stack, "https://ec2.eusc-de-east-1.api.amazonwebservices.eu"),
        ] {
            let variant = Variant { fips, dual_stack };
            assert_eq!(variant.endpoint(name, region, partition), expected, "{variant:?}");
        }
    }

    #[test]
    fn the_shared_configuration_selects_the_endpoint_variant() {
        let config = SdkConfig::builder().use_fips(true).use_dual_stack(true).build();
        assert!(matches!(Variant::of(&config), Variant { fips: true, dual_stack: true }));
        assert!(matches!(Variant::of(&SdkConfig::builder().build()), Variant { fips: false, dual_stack: false }));
    }
}
