//! RingCX: a queue's availability, and the short-lived token that it wants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::{api, mapping};
use crate::credentials::secret_name;
use crate::failure::Failure;
use crate::fault::type_name;
use crate::http::Upstream;
use crate::providers::ProviderName;
use crate::snapshot::Snapshot;

/// Asks for a queue's availability.
pub(super) async fn observe(
    tokens: &Tokens,
    upstream: &Upstream,
    queue: &str,
    account: &Map<String, Value>,
) -> Result<Snapshot, Failure> {
    let sub_account_id = sub_account_id(account).map_err(|problem| Failure::SecretUnusable {
        name: secret_name(ProviderName::RingCentral, connection_of(upstream.account())),
        problem,
    })?;
    let token = tokens.token(upstream, None).await?;
    let mut answer = api::availability(upstream, &sub_account_id, queue, token.authorization.clone()).await?;
    if answer.status == 401 && token.is_remembered {
        let newer = tokens.token(upstream, Some(&token)).await?;
        answer = api::availability(upstream, &sub_account_id, queue, newer.authorization).await?;
    }
    let document = api::available(&answer)?;
    Ok(Snapshot {
        counts: mapping::ringcx_counts(&document),
        queue_closed: mapping::ringcx_is_open(&document) == Some(false),
        document,
        observed_at: answer.sent_at,
        warnings: Vec::new(),
        unread_because: None,
    })
}

/// The sub-account that the secret names.
fn sub_account_id(account: &Map<String, Value>) -> Result<String, String> {
    const KEY: &str = "sub_account_id";
    let id = match account.get(KEY) {
        None | Some(Value::Null) => return Err(format!("{KEY} is missing; RingCX wants it, add it to the secret")),
        Some(Value::String(id)) => id.trim().to_owned(),
        Some(Value::Number(id)) => id.to_string(),
        Some(other) => return Err(format!("{KEY} is {}; store text or a number", type_name(other))),
    };
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    if is_id { Ok(id) } else { Err(format!("{KEY} is no id; store the sub-account's number")) }
}

/// The tokens of RingCX that are remembered, one for each account. Few exchanges are allowed: checks share them.
#[derive(Debug, Default)]
pub(super) struct Tokens {
    accounts: Mutex<HashMap<String, Arc<tokio::sync::Mutex<Slot>>>>,
}

/// What is remembered of an account. Held while its token is exchanged, so that others wait for that one.
#[derive(Debug, Default)]
struct Slot {
    kept: Option<Kept>,
    refused: Option<(Instant, Failure)>,
}

/// A token, in a header that does not print.
#[derive(Clone, Debug)]
struct Kept {
    authorization: HeaderValue,
    good_until: SystemTime,
}

/// A token to ask with.
#[derive(Clone, Debug)]
struct Token {
    authorization: HeaderValue,
    /// Whether it was there before this check, and may have been withdrawn since.
    is_remembered: bool,
}

/// How long a token is used: its life of five minutes, less the time that a request may take and clocks may differ.
const USED_FOR: Duration = Duration::from_secs(5 * 60 - 40);

impl Tokens {
    /// The account's token: the one remembered, unless it is `refused`, else one got in exchange now.
    async fn token(&self, upstream: &Upstream, refused: Option<&Token>) -> Result<Token, Failure> {
        let wanted_at = Instant::now();
        let slot = self.slot(upstream.account());
        let mut slot = slot.lock().await;
        let is_refused = |kept: &Kept| refused.is_some_and(|token| token.authorization == kept.authorization);
        if let Some(kept) = &slot.kept
            && kept.is_good(SystemTime::now())
            && !is_refused(kept)
        {
            return Ok(Token { authorization: kept.authorization.clone(), is_remembered: true });
        }
        // Refused while this check was waiting for it: to ask again at once would only spend another exchange.
        if let Some((at, failure)) = &slot.refused
            && *at > wanted_at
        {
            return Err(failure.clone());
        }
        slot.kept = None;
        match api::exchange(upstream).await {
            Ok((authorization, sent_at)) => {
                slot.kept = Some(Kept { authorization: authorization.clone(), good_until: sent_at + USED_FOR });
                Ok(Token { authorization, is_remembered: false })
            }
            Err(failure) => {
                if matches!(failure, Failure::RateLimited { .. } | Failure::AuthExpired { .. }) {
                    slot.refused = Some((Instant::now(), failure.clone()));
                }
                Err(failure)
            }
        }
    }

    fn slot(&self, account: &str) -> Arc<tokio::sync::Mutex<Slot>> {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = accounts.get(account) {
            return Arc::clone(slot);
        }
        // A newer version of the secret replaces the older one's token.
        accounts.retain(|known, _| connection_of(known) != connection_of(account));
        let slot = Arc::default();
        accounts.insert(account.to_owned(), Arc::clone(&slot));
        slot
    }
}

impl Kept {
    fn is_good(&self, now: SystemTime) -> bool {
        now < self.good_until
    }
}

/// The connection's name in what tells an account from another.
fn connection_of(account: &str) -> &str {
    account.split_once('/').map_or(account, |(connection, _)| connection)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::HeaderValue;
    use serde_json::json;
    use wiremock::matchers::{body_string, header_exists, method, path, query_param};
    use wiremock::{Mock, MockServer, ResponseTemplate};

    use super::{Kept, Token, Tokens, sub_account_id};
    use crate::budget::Budget;
    use crate::http::{Endpoint, HttpClients, Upstream};
    use crate::verdict::Reason;

    const CANARY: &str = "ringcx-canary-5up3r53cr3t";

    fn upstream(server: &MockServer, account: &str) -> Upstream {
        let mut authorization = HeaderValue::from_static("Bearer platform-canary");
        authorization.set_sensitive(true);
        let endpoint = Endpoint {
            origin: server.uri().parse().unwrap(),
            authorization,
            account: account.to_owned(),
            client: HttpClients::new().unwrap().trusting(None).unwrap(),
        };
        Upstream::new(endpoint, Budget::start(Duration::from_secs(9), Duration::ZERO, None))
    }

    /// Answers exchanges, with a token of its own for each.
    async fn exchange(answer: ResponseTemplate, expected: u64) -> MockServer {
        let server = MockServer::start().await;
        Mock::given(method("POST"))
            .and(path("/api/auth/login/rc/accesstoken"))
            .and(query_param("includeRefresh", "true"))
            .and(body_string("rcAccessToken=platform-canary&rcTokenType=Bearer"))
            .respond_with(answer)
            .expect(expected)
            .mount(&server)
            .await;
        Mock::given(header_exists("authorization"))
            .respond_with(ResponseTemplate::new(500))
            .expect(0)
            .mount(&server)
            .await;
        server
    }

    fn granted() -> ResponseTemplate {
        ResponseTemplate::new(200).set_body_json(json!({"accessToken": CANARY, "refreshToken": "other"}))
    }

    #[tokio::test]
    async fn a_token_is_exchanged_once_for_an_account_and_does_not_print() {
        let server = exchange(granted(), 1).await;
        let tokens = Tokens::default();
        let upstream = upstream(&server, "acme/1");
        let first = tokens.token(&upstream, None).await.unwrap();
        let second = tokens.token(&upstream, None).await.unwrap();
        assert_eq!((first.is_remembered, second.is_remembered), (false, true));
        assert_eq!(second.authorization.to_str().unwrap(), format!("Bearer {CANARY}"));
        let printed = format!("{tokens:?} {second:?} {:?}", upstream.trace());
        assert!(!printed.contains("canary"), "{printed}");
        assert!(printed.contains("Sensitive"), "{printed}");
    }

    #[tokio::test]
    async fn another_account_and_a_newer_secret_have_their_own_token() {
        let server = exchange(granted(), 3).await;
        let tokens = Tokens::default();
        for account in ["acme/1", "other/1", "acme/1", "acme/2", "acme/2", "other/1"] {
            tokens.token(&upstream(&server, account), None).await.unwrap();
        }
        let accounts = tokens.accounts.lock().unwrap();
        let mut known: Vec<&str> = accounts.keys().map(String::as_str).collect();
        known.sort_unstable();
        assert_eq!(known, ["acme/2", "other/1"]);
    }

    #[tokio::test]
    async fn checks_at_once_share_one_exchange_and_its_refusal() {
        let later = Duration::from_millis(50);
        for (answer, reason) in [
            (granted(), None),
            (ResponseTemplate::new(429), Some(Reason::RateLimited)),
            (ResponseTemplate::new(401), Some(Reason::AuthExpired)),
        ] {
            let server = exchange(answer.set_delay(later), 1).await;
            let (tokens, upstream) = (Tokens::default(), upstream(&server, "acme/1"));
            let four = futures_util::future::join_all((0..4).map(|_| tokens.token(&upstream, None))).await;
            for one in four {
                assert_eq!(one.err().map(|failure| failure.reason()), reason);
            }
        }
    }

    #[tokio::test]
    async fn a_refused_token_is_exchanged_once_for_all_who_had_it() {
        let server = exchange(granted(), 1).await;
        let (tokens, upstream) = (Tokens::default(), upstream(&server, "acme/1"));
        let old = Token { authorization: HeaderValue::from_static("Bearer old"), is_remembered: true };
        for is_remembered in [false, true] {
            let newer = tokens.token(&upstream, Some(&old)).await.unwrap();
            assert_eq!(newer.is_remembered, is_remembered);
        }
    }

    #[test]
    fn a_token_is_used_for_less_than_its_life() {
        let good_until = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let kept = Kept { authorization: HeaderValue::from_static("Bearer x"), good_until };
        assert!(kept.is_good(good_until - Duration::from_millis(1)));
        assert!(!kept.is_good(good_until));
        assert!(super::USED_FOR < Duration::from_mins(5));
    }

    #[test]
    fn the_sub_account_is_text_or_a_number() {
        let read = |value: serde_json::Value| sub_account_id(json!({"sub_account_id": value}).as_object().unwrap());
        assert_eq!(read(json!("99999999")).unwrap(), "99999999");
        assert_eq!(read(json!(99_999_999)).unwrap(), "99999999");
        assert_eq!(read(json!(" 9 ")).unwrap(), "9");
        for bad in [json!(null), json!(""), json!(true), json!([1]), json!(".."), json!("1/2"), json!(1.5)] {
            let problem = read(bad.clone()).unwrap_err();
            assert!(problem.starts_with("sub_account_id "), "{bad}: {problem}");
        }
        assert!(sub_account_id(&serde_json::Map::new()).unwrap_err().contains("missing"));
    }
}
