//! What every AWS client of the process is made of: the role's credentials, the region, and the one HTTP client.

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;

use crate::settings::RoleCredentials;

/// The role's credentials as the SDK takes them.
pub(crate) fn credentials(role: RoleCredentials) -> Credentials {
    Credentials::new(role.access_key_id, role.secret_access_key, role.session_token, None, "environment")
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
