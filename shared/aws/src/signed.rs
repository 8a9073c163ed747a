//! A signed call to a service of which we want one operation. Its crate would take longer to compile than all of ours; the
//! SDK's own orchestrator does what that crate would: credentials, signature, time-outs, the standard retry.

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

use crate::config::own_endpoint;
use crate::errors::CallFailure;

/// An error's code and words, as far as there are any.
pub(crate) type CodeAndWords = (Option<String>, Option<String>);

/// A service and how it is spoken to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    /// Its name in `AWS_ENDPOINT_URL_...` and in profiles.
    pub(crate) id: &'static str,
    /// Its name in signatures and at the beginning of its endpoints' names.
    pub(crate) name: &'static str,
    /// The type of its requests' bodies.
    pub(crate) content_type: &'static str,
    /// Finds the code and the words in the body of an error.
    pub(crate) error: fn(&[u8]) -> CodeAndWords,
}

/// One call.
#[derive(Clone, Debug)]
pub(crate) struct SignedCall {
    pub(crate) operation: &'static str,
    pub(crate) region: String,
    /// The end of the endpoint's name.
    pub(crate) dns_suffix: &'static str,
    /// Headers beside those of every call.
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: String,
}

/// Calls and gives the body of the answer.
pub(crate) async fn call(
    config: &SdkConfig,
    service: Service,
    call: SignedCall,
) -> Result<Bytes, CallFailure<ErrorMetadata>> {
    let SignedCall { operation, region, dns_suffix, headers, body } = call;
    let endpoint =
        own_endpoint(config, service.id).unwrap_or_else(|| format!("https://{}.{region}.{dns_suffix}", service.name));
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

/// Credentials and signature.
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
