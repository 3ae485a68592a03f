//! What every AWS client of the process is made of: the role's credentials, the region, and the one HTTP client.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;

use crate::settings::RoleCredentials;

/// The role's credentials as the SDK takes them.
pub(crate) fn credentials(role: RoleCredentials) -> Credentials {
    Credentials::new(role.access_key_id, role.secret_access_key, role.session_token, None, "environment")
}

/// What a service said, or why it said nothing. `role_lacks`: what a role that may not ask lacks.
pub(crate) fn said<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>, role_lacks: &str) -> String {
    match (error.code(), error) {
        (Some("AccessDeniedException"), _) => format!("AccessDeniedException; the function's role lacks {role_lacks}"),
        (Some(code), _) => code.chars().filter(char::is_ascii_alphanumeric).take(60).collect(),
        (None, SdkError::TimeoutError(_)) => "no answer in time".to_owned(),
        (None, SdkError::DispatchFailure(_)) => "no connection".to_owned(),
        (None, SdkError::ConstructionFailure(_)) => "AWS credentials or region are not set".to_owned(),
        (None, _) => "the answer cannot be read".to_owned(),
    }
}

/// Lends the SDK the process's HTTP client.
#[derive(Clone, Debug)]
pub(crate) struct OwnHttpClient {
    pub(crate) http: reqwest::Client,
}

impl HttpClient for OwnHttpClient {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for OwnHttpClient {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let http = self.http.clone();
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            // The SDK's JSON bodies are in memory; a streaming one does not occur in these services.
            let request = request.map(|body| body.bytes().map(<[u8]>::to_vec).unwrap_or_default());
            let request = reqwest::Request::try_from(request).map_err(|error| ConnectorError::user(error.into()))?;
            let response = http.execute(request).await.map_err(|error| {
                if error.is_timeout() {
                    ConnectorError::timeout(error.without_url().into())
                } else {
                    ConnectorError::io(error.without_url().into())
                }
            })?;
            let status = response.status();
            let headers = response.headers().clone();
            let body = response.bytes().await.map_err(|error| ConnectorError::io(error.without_url().into()))?;
            let mut answer = http::Response::builder()
                .status(status)
                .body(SdkBody::from(body))
                .map_err(|error| ConnectorError::other(error.into(), None))?;
            *answer.headers_mut() = headers;
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
