//! Which hosts are near enough to be spoken to without TLS.

use std::net::Ipv6Addr;

use url::{Host, Url};

/// Whether `url` is https, or leads no further than this machine or a private network.
pub(super) fn is_private_or_tls(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| url.scheme() == "https" || url.host().is_some_and(|host| is_near(&host)))
}

/// Whether `url` leads to this machine.
pub(super) fn is_loopback(url: &str) -> bool {
    Url::parse(url).is_ok_and(|url| match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    })
}

/// Whether a host's name or address alone leads no further; an address of version 6 stands in brackets.
pub(super) fn is_near_host(host: &str) -> bool {
    Host::parse(host).is_ok_and(|host| match &host {
        Host::Domain(name) => is_near(&Host::Domain(name)),
        Host::Ipv4(ip) => is_near(&Host::Ipv4(*ip)),
        Host::Ipv6(ip) => is_near(&Host::Ipv6(*ip)),
    })
}

fn is_near(host: &Host<&str>) -> bool {
    match host {
        // A name without a dot, and these suffixes, are never answered by public name servers.
        Host::Domain(name) => {
            let private = ["localhost", "internal", "local", "svc", "lan"];
            !name.contains('.') || name.rsplit('.').next().is_some_and(|suffix| private.contains(&suffix))
        }
        Host::Ipv4(ip) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Host::Ipv6(ip) => is_near_v6(*ip),
    }
}

fn is_near_v6(ip: Ipv6Addr) -> bool {
    ip.to_ipv4_mapped().map_or_else(
        || ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        |ip| ip.is_loopback() || ip.is_private() || ip.is_link_local(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_leads_far() {
        for near in [
            "https://example.com",
            "http://localhost:1",
            "http://127.9.9.9",
            "http://[::1]:1",
            "http://10.1.2.3",
            "http://[fd00::1]",
            "http://[::ffff:10.0.0.1]",
            "http://generation_service:8001/x",
            "http://auth.prod.svc",
            "http://db.internal",
        ] {
            assert!(is_private_or_tls(near), "{near}");
        }
        for far in [
            "http://example.com",
            "http://8.8.8.8",
            "http://[2001:db8::1]",
            "http://172.32.0.1",
            "http://localhost.example",
            "http://example.com.",
        ] {
            assert!(!is_private_or_tls(far), "{far}");
        }
        assert!(
            is_loopback("http://localhost:8000")
                && !is_loopback("http://10.0.0.1")
                && !is_loopback("http://localhost.example")
        );
    }
}
