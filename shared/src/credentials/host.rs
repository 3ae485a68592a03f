//! The host a credential is bound to: which hosts a secret may name.

use std::net::IpAddr;

use url::{Host, Url};

/// Which hosts are a provider's own.
#[derive(Clone, Copy, Debug)]
pub enum HostRule {
    /// These domains and all below them.
    Domains(&'static [&'static str]),
    /// Exactly these hosts.
    Hosts(&'static [&'static str]),
    /// The customer's own host, whatever its name.
    CustomersOwn,
}

/// The origin that a secret's `base_url` names.
///
/// `https` on a host of the provider's; a pasted `/api` is dropped. A host on this machine, also over plain `http`,
/// only where `allow_loopback` says so.
///
/// # Errors
/// What is wrong with it, and what belongs there.
pub fn origin_of(base_url: &str, rule: HostRule, allow_loopback: bool) -> Result<Url, String> {
    let mut url =
        Url::parse(base_url.trim()).map_err(|_| "base_url is no URL; write https:// and the host".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
        return Err("base_url has more than scheme, host and port".to_owned());
    }
    if !matches!(url.path().trim_end_matches('/'), "" | "/api") {
        return Err("base_url has a path; give the scheme, host and port only".to_owned());
    }
    let host = url.host().ok_or_else(|| "base_url has no host".to_owned())?;
    if is_loopback(&host) {
        if !allow_loopback {
            return Err("base_url names this machine, which is allowed in tests only".to_owned());
        }
    } else {
        if url.scheme() != "https" {
            return Err("base_url must start with https://".to_owned());
        }
        let own = match (&host, rule) {
            (Host::Domain(name), HostRule::Domains(domains)) => domains
                .iter()
                .any(|domain| *name == *domain || name.strip_suffix(domain).is_some_and(|front| front.ends_with('.'))),
            (Host::Domain(name), HostRule::Hosts(hosts)) => hosts.contains(name),
            (_, HostRule::CustomersOwn) => !is_instance_metadata(&host),
            _ => false,
        };
        if !own {
            return Err("base_url is not on the provider's own domain".to_owned());
        }
    }
    if !matches!(url.scheme(), "https" | "http") {
        return Err("base_url must start with https://".to_owned());
    }
    url.set_path("/");
    Ok(url)
}

fn is_loopback<S: AsRef<str>>(host: &Host<S>) -> bool {
    match host {
        Host::Domain(name) => name.as_ref() == "localhost",
        Host::Ipv4(address) => address.is_loopback(),
        Host::Ipv6(address) => address.to_canonical().is_loopback(),
    }
}

/// Link-local addresses are where clouds serve the credentials of the machine itself.
fn is_instance_metadata<S: AsRef<str>>(host: &Host<S>) -> bool {
    let address = match host {
        Host::Domain(_) => return false,
        Host::Ipv4(address) => IpAddr::V4(*address),
        Host::Ipv6(address) => address.to_canonical(),
    };
    match address {
        IpAddr::V4(address) => address.is_link_local() || address.is_unspecified(),
        IpAddr::V6(address) => {
            address.is_unicast_link_local()
                || address.is_unspecified()
                || address.is_unique_local() && address.segments().first() == Some(&0xfd00)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{HostRule, origin_of};

    const RULE: HostRule = HostRule::Domains(&["calltools.io"]);

    #[test]
    fn a_secret_may_name_its_providers_own_hosts_only() {
        for good in ["https://east-1.calltools.io", "https://east-1.calltools.io/api/", " https://calltools.io "] {
            assert!(origin_of(good, RULE, false).is_ok(), "{good}");
        }
        for bad in [
            "http://east-1.calltools.io",
            "https://east-1.calltools.io.evil.example",
            "https://evilcalltools.io",
            "https://user@east-1.calltools.io",
            "https://east-1.calltools.io/other",
            "https://east-1.calltools.io/?next=x",
            "https://127.0.0.1",
            "https://localhost:8443",
            "ftp://east-1.calltools.io",
            "east-1.calltools.io",
            "https://169.254.169.254",
        ] {
            assert!(origin_of(bad, RULE, false).is_err(), "{bad}");
        }
    }

    #[test]
    fn this_machine_is_a_host_for_tests_only() {
        for local in ["http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:5", "https://127.0.0.2"] {
            assert!(origin_of(local, RULE, true).is_ok(), "{local}");
            assert!(origin_of(local, HostRule::CustomersOwn, false).is_err(), "{local}");
        }
        assert!(origin_of("http://10.0.0.1", RULE, true).is_err());
    }

    #[test]
    fn a_customers_own_host_is_never_where_clouds_keep_credentials() {
        assert!(origin_of("https://pbx.example.com:8887", HostRule::CustomersOwn, false).is_ok());
        assert!(origin_of("https://10.1.2.3:8887/api", HostRule::CustomersOwn, false).is_ok());
        for bad in [
            "https://169.254.169.254",
            "https://[fd00:ec2::254]",
            "https://[::ffff:169.254.169.254]",
            "https://0.0.0.0",
        ] {
            assert!(origin_of(bad, HostRule::CustomersOwn, false).is_err(), "{bad}");
        }
    }
}
