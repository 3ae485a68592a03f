//! What the code says of each provider, and what it makes of a request.

use std::collections::BTreeSet;

use callgate::fault::Fault;
use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::providers::{Provider, ProviderName, Template};
use callgate::request::CheckRequest;
use serde_json::Value;

use crate::document::text;

/// What reading a request comes to.
type Read = Result<CheckRequest, Vec<Fault>>;

/// What the tests ask of a provider.
pub(crate) struct Known {
    pub(crate) options: &'static [&'static str],
    pub(crate) templates: Vec<&'static str>,
    pub(crate) read: fn(&Value) -> Read,
    pub(crate) read_query: fn(&[(String, String)]) -> Read,
}

/// What is known of a provider.
pub(crate) fn known(provider: ProviderName) -> Known {
    fn of<P: Provider>() -> Known {
        Known {
            options: P::OPTIONS,
            templates: P::Template::ALL.iter().map(|template| template.as_str()).collect(),
            read: CheckRequest::from_value::<P>,
            read_query: CheckRequest::from_query::<P>,
        }
    }
    match provider {
        ProviderName::CallTools => of::<CallTools>(),
        ProviderName::GenesysCloud => of::<GenesysCloud>(),
        ProviderName::RingCentral => of::<RingCentral>(),
        ProviderName::PortSip => of::<PortSip>(),
    }
}

/// The fields of a request, as the code lists them.
pub(crate) fn request_fields() -> BTreeSet<String> {
    let source = text("shared/src/request.rs");
    let list = source.split_once("\nconst FIELDS: [&str; ").and_then(|(_, rest)| rest.split_once("];")).unwrap().0;
    let (length, list) = list.split_once("] = [").unwrap();
    let fields: BTreeSet<String> = list.split('"').skip(1).step_by(2).map(str::to_owned).collect();
    assert_eq!(fields.len().to_string(), length, "{fields:?}");
    fields
}
