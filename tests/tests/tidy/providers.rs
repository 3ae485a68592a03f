//! Every provider stands everywhere it must, and nothing is left of one that is not there.

use std::collections::BTreeSet;

use callgate::providers::calltools::CallTools;
use callgate::providers::genesys_cloud::GenesysCloud;
use callgate::providers::portsip::PortSip;
use callgate::providers::ringcentral::RingCentral;
use callgate::providers::{Provider, ProviderName, Template};

use crate::repository::{files, text};

/// The provider's name as its vendor writes it.
pub(crate) fn written(provider: ProviderName) -> &'static str {
    match provider {
        ProviderName::CallTools => "CallTools",
        ProviderName::GenesysCloud => "Genesys Cloud",
        ProviderName::RingCentral => "RingCentral",
        ProviderName::PortSip => "PortSIP",
    }
}

/// The names of a provider's recipes, the default one first.
pub(crate) fn templates(provider: ProviderName) -> Vec<&'static str> {
    fn of<P: Provider>() -> Vec<&'static str> {
        P::Template::ALL.iter().map(|template| template.as_str()).collect()
    }
    match provider {
        ProviderName::CallTools => of::<CallTools>(),
        ProviderName::GenesysCloud => of::<GenesysCloud>(),
        ProviderName::RingCentral => of::<RingCentral>(),
        ProviderName::PortSip => of::<PortSip>(),
    }
}

/// The names of a provider's options.
pub(crate) fn options(provider: ProviderName) -> &'static [&'static str] {
    match provider {
        ProviderName::CallTools => CallTools::OPTIONS,
        ProviderName::GenesysCloud => GenesysCloud::OPTIONS,
        ProviderName::RingCentral => RingCentral::OPTIONS,
        ProviderName::PortSip => PortSip::OPTIONS,
    }
}

fn in_rust(provider: ProviderName) -> String {
    provider.as_str().replace('-', "_")
}

#[test]
fn every_provider_has_its_function_adapter_simulator_and_examples() {
    let files = files();
    let mut missing = Vec::new();
    for provider in ProviderName::ALL {
        let module = in_rust(provider);
        for path in [
            format!("functions/{provider}/Cargo.toml"),
            format!("functions/{provider}/src/main.rs"),
            format!("shared/src/providers/{module}/mod.rs"),
            format!("shared/src/providers/{module}/api.rs"),
            format!("local/src/simulator/{module}/mod.rs"),
        ] {
            if !files.contains(&path) {
                missing.push(path);
            }
        }
        for folder in [format!("tests/fixtures/examples/{provider}/"), format!("tests/fixtures/schemas/{provider}/")] {
            if !files.iter().any(|path| path.starts_with(&folder)) {
                missing.push(folder);
            }
        }
    }
    assert!(missing.is_empty(), "missing: {missing:#?}");
}

#[test]
fn every_function_has_its_providers_name() {
    for provider in ProviderName::ALL {
        let manifest = text(&format!("functions/{provider}/Cargo.toml"));
        let name = format!("name = \"callgate-{provider}\"");
        assert!(manifest.lines().any(|line| line == name), "functions/{provider}/Cargo.toml must have {name}");
    }
}

#[test]
fn nothing_is_left_of_a_provider_that_is_not_there() {
    let names: BTreeSet<String> = ProviderName::ALL.iter().map(ToString::to_string).collect();
    let modules: BTreeSet<String> = ProviderName::ALL.into_iter().map(in_rust).collect();
    assert_eq!(folders_in("tests/fixtures/examples/"), names);
    assert_eq!(folders_in("tests/fixtures/schemas/"), names);
    assert_eq!(folders_in("shared/src/providers/"), modules);
    assert_eq!(folders_in("local/src/simulator/"), modules);
}

fn folders_in(parent: &str) -> BTreeSet<String> {
    let files = files();
    let below = files.iter().filter_map(|path| path.strip_prefix(parent)?.split_once('/'));
    below.map(|(folder, _)| folder.to_owned()).collect()
}

#[test]
fn an_adapter_says_where_how_often_what_and_what_to_beware_of() {
    for provider in ProviderName::ALL {
        let path = format!("shared/src/providers/{}/mod.rs", in_rust(provider));
        let source = text(&path);
        let headings: Vec<&str> = source.lines().filter_map(|line| line.strip_prefix("//! # ")).collect();
        assert_eq!(headings, ["Endpoints", "Limits", "Mapping", "Quirks"], "{path}");
    }
}
