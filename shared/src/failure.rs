//! Why a provider's answer could not be had: one error, each cause with its own reason.

use std::time::Duration;

use crate::verdict::Reason;

/// What went wrong between the gate and an answer. Texts are lower-case, without query strings, bodies or secrets.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// There is no secret of that name. The operator creates it.
    #[error("there is no secret {name}; create it, or correct `connection`")]
    AuthMissing {
        /// The secret's name.
        name: String,
    },
    /// The secret is there and cannot be used. The operator corrects it.
    #[error("the secret {name} cannot be used: {problem}")]
    SecretUnusable {
        /// The secret's name.
        name: String,
        /// Which key is wrong and what belongs there; never its value.
        problem: String,
    },
    /// Secrets Manager did not answer. Wait, or look at its status and the function's permissions.
    #[error("the secret could not be read: {problem}")]
    SecretsUnavailable {
        /// What the service said.
        problem: String,
    },
    /// 401: the token or key is not accepted. The operator renews it.
    #[error("the provider does not accept the token ({said})")]
    AuthExpired {
        /// The provider's own code or text.
        said: String,
    },
    /// The token endpoint refused the grant. The operator corrects it; it is not tried again until then.
    #[error("the token endpoint refuses the grant ({said})")]
    AuthRejected {
        /// The endpoint's own code or text, and what it is likely to mean.
        said: String,
    },
    /// 403: the token lacks a permission. The operator grants it at the provider.
    #[error("the provider refuses what was asked ({said})")]
    AuthForbidden {
        /// The provider's own code or text.
        said: String,
    },
    /// The provider knows no such queue. The platform corrects `queue`.
    #[error("the provider knows no such queue ({said})")]
    QueueNotFound {
        /// The provider's own code or text.
        said: String,
    },
    /// 400: the provider does not understand the question. The platform corrects `queue` or `options`.
    #[error("the provider does not understand the question ({said})")]
    InvalidQuery {
        /// The provider's own code or text.
        said: String,
    },
    /// 429. Ask less often: raise `max_age_ms`.
    #[error("the provider's rate limit is reached ({said})")]
    RateLimited {
        /// The provider's own code or text.
        said: String,
        /// How long it wants to be left alone, where it said so.
        retry_after: Option<Duration>,
    },
    /// Nothing was sent: the account cools down, its quota is spent, or the provider failed again and again.
    #[error("the provider was not asked: {why}")]
    NotAsked {
        /// What the cause is counted as.
        reason: Reason,
        /// Why, until when, and what to do.
        why: String,
    },
    /// No answer in time.
    #[error("the provider did not answer within {waited_ms} ms")]
    ProviderTimeout {
        /// How long was waited.
        waited_ms: u64,
    },
    /// No connection: DNS, refused, reset.
    #[error("the provider cannot be reached: {problem}")]
    ProviderUnreachable {
        /// What the network said.
        problem: String,
    },
    /// The provider's certificate was not accepted; nothing was sent.
    #[error("the provider's TLS certificate is not accepted: {problem}")]
    TlsFailed {
        /// What is wrong with it.
        problem: String,
    },
    /// 5xx.
    #[error("the provider failed with status {status}")]
    ProviderError {
        /// The HTTP status.
        status: u16,
    },
    /// An answer that is not what the provider's API promises.
    #[error("the provider's answer is not what its API promises: {problem}")]
    UnexpectedResponse {
        /// What is wrong with it; never the body.
        problem: String,
    },
    /// There was no time left to ask.
    #[error("the deadline left no time to {step}")]
    DeadlineExceeded {
        /// What was to be done.
        step: &'static str,
    },
    /// A fault of callgate's own.
    #[error("callgate failed; report the decision_id")]
    Internal,
}

impl Failure {
    /// The reason a verdict gives for this.
    #[must_use]
    pub fn reason(&self) -> Reason {
        match self {
            // A secret without a usable credential is a missing credential; the message says which key is wrong.
            Self::AuthMissing { .. } | Self::SecretUnusable { .. } => Reason::AuthMissing,
            Self::SecretsUnavailable { .. } => Reason::SecretsUnavailable,
            Self::AuthExpired { .. } => Reason::AuthExpired,
            Self::AuthRejected { .. } => Reason::AuthRejected,
            Self::AuthForbidden { .. } => Reason::AuthForbidden,
            Self::QueueNotFound { .. } => Reason::QueueNotFound,
            Self::InvalidQuery { .. } => Reason::InvalidQuery,
            Self::RateLimited { .. } => Reason::RateLimited,
            Self::NotAsked { reason, .. } => *reason,
            Self::ProviderTimeout { .. } => Reason::ProviderTimeout,
            Self::ProviderUnreachable { .. } => Reason::ProviderUnreachable,
            Self::TlsFailed { .. } => Reason::TlsFailed,
            Self::ProviderError { .. } => Reason::ProviderError,
            Self::UnexpectedResponse { .. } => Reason::UnexpectedResponse,
            Self::DeadlineExceeded { .. } => Reason::DeadlineExceeded,
            Self::Internal => Reason::InternalError,
        }
    }

    /// Whether the same request, sent again at once, may succeed.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::ProviderUnreachable { .. } | Self::ProviderError { .. } => true,
            Self::AuthMissing { .. }
            | Self::SecretUnusable { .. }
            | Self::SecretsUnavailable { .. }
            | Self::AuthExpired { .. }
            | Self::AuthRejected { .. }
            | Self::AuthForbidden { .. }
            | Self::QueueNotFound { .. }
            | Self::InvalidQuery { .. }
            | Self::RateLimited { .. }
            | Self::NotAsked { .. }
            | Self::ProviderTimeout { .. }
            | Self::TlsFailed { .. }
            | Self::UnexpectedResponse { .. }
            | Self::DeadlineExceeded { .. }
            | Self::Internal => false,
        }
    }

    /// Whether an older answer may stand in for this one. It may not where the provider, or the connection's owner, says
    /// that the question itself is wrong or not allowed.
    #[must_use]
    pub fn lets_stale_stand_in(&self) -> bool {
        !matches!(
            self,
            Self::AuthForbidden { .. }
                | Self::QueueNotFound { .. }
                | Self::InvalidQuery { .. }
                | Self::AuthMissing { .. }
                | Self::SecretUnusable { .. }
        )
    }
}
