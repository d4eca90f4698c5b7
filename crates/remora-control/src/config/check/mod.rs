//! Checks the values of a configuration, each key by itself and some in combination.
//!
//! Nothing is resolved or opened here, because files and addresses may belong to another machine.

mod demand;
mod identity;
mod turn;

use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Component;

use remora_session::Size;

pub(super) use self::demand::InvalidConfig;
use self::demand::demand;
use super::address::{is_host_name, is_safe_address, web_address};
use super::{Acme, Config, Listen, Rate};

/// A page of a list is one response and one read of the store.
const PAGE_SIZE_MAX: u32 = 1_000;
/// More than a century.
const KEEP_DAYS_MAX: u32 = 36_500;
/// Shorter frames leave no time for rendering, longer ones do not look like motion.
const FRAME_TIME_MILLISECONDS: RangeInclusive<u64> = 5..=200;
/// Limit of Let's Encrypt for one certificate.
const ACME_DOMAINS_MAX: usize = 100;

impl Config {
    /// Returns the first value that cannot be used as an error.
    pub fn check(&self) -> Result<(), InvalidConfig> {
        check_listen(&self.listen)?;
        check_acme(&self.acme, &self.listen)?;
        self.check_store()?;
        self.check_sessions()?;
        self.check_sizes()?;
        self.check_cache()?;
        turn::check_turn(&self.turn)?;
        let limits = &self.limits;
        for (key, rate) in [
            ("limits.reads", limits.reads),
            ("limits.writes", limits.writes),
            ("limits.tokens", limits.tokens),
            ("limits.person_reads", limits.person_reads),
            ("limits.person_writes", limits.person_writes),
            ("limits.person_tokens", limits.person_tokens),
            ("limits.stranger_tokens", limits.stranger_tokens),
        ] {
            check_rate(key, rate)?;
        }
        identity::check_identities(&self.identities)?;
        if let Some(endpoint) = &self.telemetry.otlp_endpoint {
            let accepted = "it takes an http or https address such as http://127.0.0.1:4318";
            demand(web_address(endpoint).is_some(), "telemetry.otlp_endpoint", endpoint, accepted)?;
        }
        Ok(())
    }

    fn check_store(&self) -> Result<(), InvalidConfig> {
        let Some(url) = &self.store.url else { return Ok(()) };
        let postgres = ["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme));
        // The URL may contain a password, so it is not part of the message.
        demand(postgres, "store.url", "…", "it takes an address such as postgres://user:password@machine/database")
    }

    fn check_sessions(&self) -> Result<(), InvalidConfig> {
        let sessions = &self.sessions;
        let within = |value: u32, max: u32| (1..=max).contains(&value);
        let page_size = within(sessions.page_size, PAGE_SIZE_MAX);
        demand(page_size, "sessions.page_size", sessions.page_size, "it takes 1 to 1000")?;
        let days = within(sessions.keep_ended_days, KEEP_DAYS_MAX);
        demand(days, "sessions.keep_ended_days", sessions.keep_ended_days, "it takes 1 to 36500")?;
        let (seconds, attempts) = (sessions.start_seconds_max, sessions.start_attempts_max);
        demand(seconds >= 1, "sessions.start_seconds_max", seconds, "it takes 1 or more")?;
        demand(attempts >= 1, "sessions.start_attempts_max", attempts, "it takes 1 or more")
    }

    fn check_sizes(&self) -> Result<(), InvalidConfig> {
        for size in Size::ALL {
            let of = self.sizes.of(size);
            let key = |name: &str| format!("sizes.{}.{name}", size.as_str().to_ascii_lowercase());
            let teraflops = of.teraflops.is_none_or(|teraflops| teraflops.is_finite() && teraflops > 0.0);
            demand(teraflops, &key("teraflops"), of.teraflops, "it takes a number above 0")?;
            let primitives = of.primitives_max.is_none_or(|primitives| primitives >= 1);
            demand(primitives, &key("primitives_max"), of.primitives_max, "it takes 1 or more")?;
            let time = of.frame_time_milliseconds;
            let sound = time.is_none_or(|time| FRAME_TIME_MILLISECONDS.contains(&time));
            demand(sound, &key("frame_time_milliseconds"), time, "it takes 5 to 200")?;
            for (name, gibibytes) in [
                ("graphics_memory_gibibytes", of.graphics_memory_gibibytes),
                ("page_memory_gibibytes", of.page_memory_gibibytes),
                ("memory_gibibytes", of.memory_gibibytes),
            ] {
                let some = gibibytes.is_none_or(|gibibytes| gibibytes >= 1);
                demand(some, &key(name), gibibytes, "it takes 1 or more")?;
            }
            let room = of.capacity.is_none_or(|capacity| of.warm <= capacity);
            demand(room, &key("warm"), of.warm, "it takes no more than the capacity of the size")?;
        }
        Ok(())
    }

    /// The cache must not be the data directory itself or above it, because files in a cache are deleted.
    fn check_cache(&self) -> Result<(), InvalidConfig> {
        let directory = &self.cache.directory;
        let named = directory.components().any(|part| matches!(part, Component::Normal(_)));
        let up = directory.components().any(|part| part == Component::ParentDir);
        let accepted = "it takes a directory without .., absolute or in the data directory; gibibytes = 0 is no cache";
        demand(named && !up, "cache.directory", directory, accepted)
    }
}

fn check_listen(listen: &Listen) -> Result<(), InvalidConfig> {
    let loopback = listen.http.is_none_or(|address| address.ip().is_loopback());
    demand(loopback, "listen.http", listen.http, "plain HTTP is for this machine only: a loopback address")?;
    let accepted = "certificate and certificate_key are given both or neither";
    let both = listen.certificate.is_some() == listen.certificate_key.is_some();
    let (key, found) = match &listen.certificate {
        Some(path) => ("listen.certificate", Some(path)),
        None => ("listen.certificate_key", listen.certificate_key.as_ref()),
    };
    demand(both, key, found, accepted)?;
    for peer in &listen.peers {
        let accepted = "it takes https addresses such as https://localhost:8444, without path";
        let sound = web_address(peer).is_some_and(|uri| uri.scheme_str() == Some("https") && uri.path() == "/");
        demand(sound && !peer.ends_with('/'), "listen.peers", peer, accepted)?;
    }
    if let Some(external) = listen.external_address {
        let sound = !external.is_unspecified() && !external.is_multicast();
        demand(
            sound,
            "listen.external_address",
            external,
            "it takes the address under which others reach this machine",
        )?;
    }
    if let Some((first, last)) = listen.media_ports {
        let accepted = "it takes the first and the last port, such as [50000, 50999], from 1024 on";
        demand(1024 <= first && first <= last, "listen.media_ports", (first, last), accepted)?;
    }
    let Some(name) = &listen.name else { return Ok(()) };
    demand(is_host_name(name), "listen.name", name, "it takes a DNS name or an IP address, without port")
}

fn check_acme(acme: &Acme, listen: &Listen) -> Result<(), InvalidConfig> {
    let Some(url) = &acme.directory_url else { return Ok(()) };
    let encrypted = is_safe_address(url) && url.starts_with("https://");
    let accepted = "it takes an https address such as https://acme-v02.api.letsencrypt.org/directory";
    demand(encrypted, "acme.directory_url", url, accepted)?;
    let accepted = "it takes true, which says that you agree to the terms of service of the authority";
    demand(acme.terms_agreed, "acme.terms_agreed", acme.terms_agreed, accepted)?;
    let domains = acme.domains(listen.name.as_deref());
    let accepted = "it takes 1 to 100 DNS names, without *; without them listen.name must be one";
    demand((1..=ACME_DOMAINS_MAX).contains(&domains.len()), "acme.domains", &domains, accepted)?;
    for domain in &domains {
        demand(is_host_name(domain) && domain.parse::<IpAddr>().is_err(), "acme.domains", domain, accepted)?;
    }
    // Hosts use the certificate for clients that reach them under this name.
    let is_named = listen.name.as_ref().is_some_and(|name| domains.contains(&name.to_ascii_lowercase()));
    demand(is_named, "acme.domains", &domains, "one of them must be listen.name, by which clients reach render hosts")?;
    for contact in &acme.contact {
        demand(contact.starts_with("mailto:"), "acme.contact", contact, "it takes mailto:admin@example.com")?;
    }
    Ok(())
}

fn check_rate(key: &str, rate: Rate) -> Result<(), InvalidConfig> {
    demand(rate.per_second >= 1, &format!("{key}.per_second"), rate.per_second, "it takes 1 or more")?;
    demand(rate.burst >= 1, &format!("{key}.burst"), rate.burst, "it takes 1 or more")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str) -> Result<(), InvalidConfig> {
        Config::parse(text).unwrap_or_else(|error| panic!("{text}: {error}")).check()
    }

    #[test]
    fn the_defaults_and_a_full_example_are_accepted() {
        check("").unwrap();
        check(
            "[listen]\nhttp = '[::1]:8080'\nname = 'render.example'\ncertificate = 'a.pem'\n\
             certificate_key = 'a.key'\n[cache]\ndirectory = './models'\ngibibytes = 0\n\
             [store]\nurl = 'postgres:///remora'\n[sessions]\npage_size = 1000\n\
             [limits]\nreads = { per_second = 1, burst = 1 }\n[sizes.standard]\ncapacity = 2\nwarm = 2\n\
             frame_time_milliseconds = 5\ngraphics_memory_gibibytes = 1\nmemory_gibibytes = 4294967295\n\
             [sizes.premium]\nframe_time_milliseconds = 200\n\
             [telemetry]\notlp_endpoint = 'http://collector:4318'\n",
        )
        .unwrap();
    }

    #[test]
    fn an_unusable_value_is_named_with_what_is_accepted() {
        for (text, key, accepted) in [
            ("[listen]\nhttp = '0.0.0.0:80'", "listen.http", "loopback"),
            ("[listen]\ncertificate = 'a.pem'", "listen.certificate", "both or neither"),
            ("[listen]\ncertificate_key = 'a.key'", "listen.certificate_key", "both or neither"),
            ("[listen]\nname = 'https://a'", "listen.name", "DNS name"),
            ("[listen]\nname = ''", "listen.name", "DNS name"),
            ("[listen]\nexternal_address = '0.0.0.0'", "listen.external_address", "reach this machine"),
            ("[listen]\nmedia_ports = [50000, 49999]", "listen.media_ports", "first and the last"),
            ("[listen]\nmedia_ports = [0, 100]", "listen.media_ports", "from 1024"),
            ("[listen]\npeers = ['http://a']", "listen.peers", "https"),
            ("[listen]\npeers = ['https://a/b']", "listen.peers", "without path"),
            ("[acme]\ndirectory_url = 'http://a.example'", "acme.directory_url", "https"),
            ("[acme]\ndirectory_url = 'https://a.example'", "acme.terms_agreed", "terms of service"),
            ("[acme]\ndirectory_url = 'https://a.example'\nterms_agreed = true", "acme.domains", "listen.name"),
            (
                "[acme]\ndirectory_url = 'https://a.example'\nterms_agreed = true\ndomains = ['*.b.example']",
                "acme.domains",
                "without *",
            ),
            (
                "[acme]\ndirectory_url = 'https://a.example'\nterms_agreed = true\ndomains = ['b.example']",
                "acme.domains",
                "must be listen.name",
            ),
            (
                "[acme]\ndirectory_url = 'https://a.example'\nterms_agreed = true\ndomains = ['b.example']\n\
                 [listen]\nname = 'c.example'",
                "acme.domains",
                "must be listen.name",
            ),
            (
                "[acme]\ndirectory_url = 'https://a.example'\nterms_agreed = true\ncontact = ['b@c.example']\n\
                 [listen]\nname = 'b.example'",
                "acme.contact",
                "mailto:",
            ),
            ("[store]\nurl = 'mysql://a'", "store.url", "postgres://"),
            ("[sessions]\npage_size = 0", "sessions.page_size", "1 to 1000"),
            ("[sessions]\npage_size = 1001", "sessions.page_size", "1 to 1000"),
            ("[sessions]\nkeep_ended_days = 0", "sessions.keep_ended_days", "1 to 36500"),
            ("[sessions]\nstart_seconds_max = 0", "sessions.start_seconds_max", "1 or more"),
            ("[sessions]\nstart_attempts_max = 0", "sessions.start_attempts_max", "1 or more"),
            ("[sizes.premium]\nteraflops = 0.0", "sizes.premium.teraflops", "above 0"),
            ("[sizes.standard]\nteraflops = inf", "sizes.standard.teraflops", "above 0"),
            ("[sizes.standard]\nprimitives_max = 0", "sizes.standard.primitives_max", "1 or more"),
            ("[sizes.standard]\ncapacity = 1\nwarm = 2", "sizes.standard.warm", "capacity"),
            ("[sizes.premium]\nframe_time_milliseconds = 4", "sizes.premium.frame_time_milliseconds", "5 to 200"),
            ("[sizes.standard]\nframe_time_milliseconds = 201", "sizes.standard.frame_time_milliseconds", "5 to 200"),
            ("[sizes.premium]\ngraphics_memory_gibibytes = 0", "sizes.premium.graphics_memory_gibibytes", "1 or more"),
            ("[sizes.premium]\npage_memory_gibibytes = 0", "sizes.premium.page_memory_gibibytes", "1 or more"),
            ("[sizes.standard]\nmemory_gibibytes = 0", "sizes.standard.memory_gibibytes", "1 or more"),
            ("[cache]\ndirectory = ''", "cache.directory", "in the data directory"),
            ("[cache]\ndirectory = '.'", "cache.directory", "in the data directory"),
            ("[cache]\ndirectory = '/'", "cache.directory", "in the data directory"),
            ("[cache]\ndirectory = 'cache/../..'", "cache.directory", "without .."),
            ("[limits]\nreads = { per_second = 0, burst = 1 }", "limits.reads.per_second", "1 or more"),
            ("[limits]\nwrites = { per_second = 1, burst = 0 }", "limits.writes.burst", "1 or more"),
            ("[limits]\ntokens = { per_second = 1, burst = 0 }", "limits.tokens.burst", "1 or more"),
            (
                "[limits]\nstranger_tokens = { per_second = 0, burst = 1 }",
                "limits.stranger_tokens.per_second",
                "1 or more",
            ),
            ("[telemetry]\notlp_endpoint = 'collector'", "telemetry.otlp_endpoint", "http or https"),
        ] {
            let error = check(text).expect_err(text);
            assert_eq!(error.key, key, "{text}: {error}");
            assert!(error.accepted.contains(accepted), "{text}: {error}");
        }
    }

    #[test]
    fn a_password_is_not_part_of_the_message() {
        let error = check("[store]\nurl = 'mysql://user:secret@machine'").unwrap_err().to_string();
        assert!(!error.contains("secret"), "{error}");
    }
}
