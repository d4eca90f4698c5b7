//! Checks whether other machines and pages of other origins can use the service.

use std::net::{IpAddr, ToSocketAddrs as _};

use remora_control::{Config, Machine};

use super::Finding;
use crate::configuration::HTTPS;

/// Limit of shown addresses; a machine that runs containers has one for each bridge.
const SHOWN_MAX: usize = 3;

/// Checks whether other machines find the service under its name.
pub(crate) fn addresses(config: &Config) -> Finding {
    addresses_of(config, &Machine::own(), |name| {
        (name, 0).to_socket_addrs().map(|found| found.map(|address| address.ip()).collect()).unwrap_or_default()
    })
}

fn addresses_of(config: &Config, machine: &Machine, resolve: impl FnOnce(&str) -> Vec<IpAddr>) -> Finding {
    const TOPIC: &str = "reach";
    let listen_address = config.listen.https.unwrap_or(HTTPS).ip();
    if listen_address.is_loopback() {
        let found = format!("{listen_address} is reachable only from this machine");
        let advice = "For other machines: `remora up --share`, or listen.https = \"[::]:8443\".";
        return match &config.listen.name {
            Some(name) => Finding::hint(TOPIC, format!("{found}, although listen.name is {name}"), advice),
            None => Finding::fine(TOPIC, found),
        };
    }
    let own: Vec<IpAddr> =
        if listen_address.is_unspecified() { machine.addresses.clone() } else { vec![listen_address] };
    if own.is_empty() {
        let advice = "Connect it to a network so that other machines can reach it.";
        return Finding::hint(TOPIC, "this machine has only loopback addresses", advice);
    }
    let shown = own.iter().take(SHOWN_MAX).map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    let Some(name) = &config.listen.name else {
        return Finding::fine(TOPIC, format!("other machines reach {shown}"));
    };
    let resolved = resolve(name);
    if resolved.is_empty() {
        let advice = format!("Add it to the name server, or to /etc/hosts of the other machines: {shown}.");
        return Finding::hint(TOPIC, format!("listen.name = {name:?} has no address here"), advice);
    }
    if resolved.iter().any(|address| own.contains(address) || address.is_loopback()) {
        return Finding::fine(TOPIC, format!("other machines reach {name}, which is {shown}"));
    }
    let elsewhere = resolved.iter().take(SHOWN_MAX).map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
    let advice = "This is correct behind NAT or a load balancer that forwards to this machine.";
    Finding::hint(TOPIC, format!("listen.name = {name:?} is {elsewhere}, but this machine is {shown}"), advice)
}

/// Checks which web pages may call the service.
pub(crate) fn origins(config: &Config) -> Finding {
    const TOPIC: &str = "origins";
    let origins = &config.listen.origins;
    if origins.allows_any() {
        let advice = "This is meant for development. List the pages in listen.origins: [\"https://app.example.com\"].";
        return Finding::hint(TOPIC, "every web page with a token may call the service", advice);
    }
    match Vec::<String>::from(origins.clone())[..] {
        [] => Finding::fine(TOPIC, "only its own pages may call the service"),
        ref named => Finding::fine(TOPIC, format!("pages of {} may call the service", named.join(", "))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    fn config(text: &str) -> Config {
        Config::parse(&format!("[listen]\n{text}\n")).expect("a good configuration")
    }

    fn found(text: &str, resolved: &[&str]) -> Finding {
        let machine = Machine { name: None, addresses: vec!["192.0.2.7".parse().expect("an address")] };
        let resolved = resolved.iter().map(|address| address.parse().expect("an address")).collect();
        addresses_of(&config(text), &machine, |_| resolved)
    }

    #[test]
    fn a_local_service_explains_how_to_share_it() {
        assert_eq!(found("", &[]).verdict, Verdict::Fine);
        let named = found("name = 'workstation'", &["192.0.2.7"]);
        assert_eq!(named.verdict, Verdict::Hint);
        assert!(named.advice.expect("an advice").contains("--share"));
    }

    #[test]
    fn a_name_that_leads_elsewhere_or_nowhere_is_a_hint() {
        let shared = "https = '[::]:8443'";
        assert!(found(shared, &[]).found.contains("192.0.2.7"));
        let named = format!("{shared}\nname = 'workstation'");
        for own in ["192.0.2.7", "127.0.1.1"] {
            assert_eq!(found(&named, &[own]).verdict, Verdict::Fine, "{own}");
        }
        assert!(found(&named, &[]).found.contains("no address"));
        let elsewhere = found(&named, &["198.51.100.1"]);
        assert!(elsewhere.verdict == Verdict::Hint && elsewhere.found.contains("198.51.100.1"), "{elsewhere:?}");
    }

    #[test]
    fn any_origin_is_a_hint() {
        assert_eq!(origins(&config("")).verdict, Verdict::Fine);
        assert_eq!(origins(&config("origins = ['https://*.example.com']")).verdict, Verdict::Fine);
        let any = origins(&config("origins = ['https://app.example.com', '*']"));
        assert!(any.verdict == Verdict::Hint && any.found.contains("every web page"), "{any:?}");
    }
}
