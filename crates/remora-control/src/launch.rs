//! What a host is told at its start, made of what all hosts are told, what those of its size are told, and what its
//! session needs, if it has one.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use remora_protocol::link::{Assignment, HostSpec, Media, RemoteModels, Rendering};
use remora_protocol::origins::Origins;
use remora_session::{HostId, Session, Size, Timestamp};

use crate::authority::{Authority, AuthorityError};
use crate::certificate::CurrentCertificate;
use crate::config::Config;
use crate::host_secrets::HostSecrets;
use crate::owner;

pub struct LaunchPlan {
    /// This control plane's own address first.
    pub control_urls: Vec<String>,
    /// Name under which clients reach the hosts.
    pub hostname: String,
    /// Names and addresses of this machine; hosts' certificates are for all of them.
    pub names: Vec<String>,
    pub listen_address: IpAddr,
    pub token_public_key_pem: String,
    /// Pages that may connect, the service's own included.
    pub allowed_origins: Origins,
    pub model_files: Vec<String>,
    /// Addresses that the operator offers as models.
    pub model_addresses: Vec<String>,
    /// An absolute path; `None` where the configuration wants no cache.
    pub cache_directory: Option<String>,
    pub start_max: Duration,
    /// What depends on the size, and who may connect.
    pub config: Arc<Config>,
    pub secrets: Arc<HostSecrets>,
    /// Signs a certificate for each host.
    pub authority: Arc<Authority>,
    /// What hosts show instead, where the operator has a certificate for `hostname`.
    pub operators_certificate: Option<Arc<CurrentCertificate>>,
}

/// Longer than a host waits for a session, and then any lease.
const CERTIFICATE_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// A host that has waited for this long has a certificate that is good for any lease yet, but not for much longer.
pub const IDLE_AGE_MAX: Duration = Duration::from_secs(5 * 24 * 60 * 60);

impl LaunchPlan {
    pub fn for_session(&self, session: &Session, host: &HostId, now: Timestamp) -> Result<HostSpec, AuthorityError> {
        self.spec(host, session.size, Some(self.assignment(session, session.lease.duration())), now)
    }

    /// Returns what a host is told about its session. `lease` is the time that is left.
    pub fn assignment(&self, session: &Session, lease: Duration) -> Assignment {
        Assignment {
            session_id: session.key.session.to_string(),
            account_id: session.key.account.to_string(),
            lease_milliseconds: milliseconds(lease),
            models: session.models.clone(),
            owner: session.owner.as_ref().map(owner::to_wire),
            private: self.config.sessions.private,
        }
    }

    pub fn idle(&self, size: Size, host: &HostId, now: Timestamp) -> Result<HostSpec, AuthorityError> {
        self.spec(host, size, None, now)
    }

    /// A digest of all that a host of that size is told and that is not its own: a host that waits since it was
    /// another one must not be given a session any more. Whom it reports to and the origins of the service's own pages
    /// are left out: they differ between control planes that share their hosts, and a host that reports to no control
    /// plane is replaced for its silence.
    pub fn specification(&self, size: Size) -> String {
        let Config { sizes, connection, listen, hosts, .. } = &*self.config;
        let told = serde_json::json!([
            env!("CARGO_PKG_VERSION"),
            self.authority.certificate_pem(),
            self.hostname,
            self.names,
            self.listen_address,
            self.token_public_key_pem,
            self.config.listen.origins,
            self.model_files,
            self.remote_models(),
            sizes.of(size).adapter,
            sizes.primitives_max(size),
            self.rendering(size),
            listen.external_address,
            listen.media_ports,
            connection.exclusive,
            hosts.fence,
            self.config.telemetry.json_logs,
            self.operators_certificate.as_ref().map(|certificate| certificate.pem().certificate_pem),
        ]);
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, told.to_string().as_bytes()))
    }

    /// Name and secret are the same for the same host, so that a launch can be repeated.
    fn spec(
        &self,
        host: &HostId,
        size: Size,
        assignment: Option<Assignment>,
        now: Timestamp,
    ) -> Result<HostSpec, AuthorityError> {
        let certificate = match &self.operators_certificate {
            Some(certificate) => certificate.pem(),
            None => self.authority.issue(&self.names, CERTIFICATE_LIFE, now)?,
        };
        Ok(HostSpec {
            host_id: host.to_string(),
            secret: self.secrets.of(host),
            control_urls: self.control_urls.clone(),
            control_ca_pem: self.authority.certificate_pem().to_owned(),
            size: size.as_str().to_owned(),
            assignment,
            hostname: self.hostname.clone(),
            listen_address: self.listen_address,
            certificate_pem: certificate.certificate_pem,
            certificate_key_pem: certificate.key_pem,
            token_public_key_pem: self.token_public_key_pem.clone(),
            allowed_origins: self.allowed_origins.clone(),
            model_files: self.model_files.clone(),
            remote_models: self.remote_models(),
            adapter: self.config.sizes.of(size).adapter.clone(),
            primitives_max: self.config.sizes.primitives_max(size),
            rendering: self.rendering(size),
            media: Media {
                external_address: self.config.listen.external_address,
                ports: self.config.listen.media_ports,
            },
            exclusive: self.config.connection.exclusive,
            fence: self.config.hosts.fence,
            scratch_directory: None,
            json_logs: self.config.telemetry.json_logs,
            start_milliseconds_max: milliseconds(self.start_max),
        })
    }

    fn remote_models(&self) -> RemoteModels {
        RemoteModels { offered: self.model_addresses.clone(), allowed_hosts: self.config.models.allowed_hosts.clone() }
    }

    fn rendering(&self, size: Size) -> Rendering {
        let Config { sizes, cache, .. } = &*self.config;
        let of = sizes.of(size);
        Rendering {
            frame_time_milliseconds: of.frame_time_milliseconds,
            graphics_memory_bytes_max: of.graphics_memory_gibibytes.map(bytes),
            page_memory_bytes_max: of.page_memory_gibibytes.map(bytes),
            memory_bytes_max: of.memory_gibibytes.map(bytes),
            cache_directory: self.cache_directory.clone(),
            cache_bytes_max: bytes(cache.gibibytes),
        }
    }
}

fn bytes(gibibytes: u32) -> u64 {
    u64::from(gibibytes) << 30
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_milliseconds(1_714_649_053_847);

    fn plan(text: &str, authority: &Arc<Authority>) -> LaunchPlan {
        let config = Config::parse(text).unwrap();
        config.check().unwrap();
        let cache = config.cache.directory("/data".as_ref());
        LaunchPlan {
            control_urls: vec!["https://localhost:8443".into()],
            hostname: "localhost".into(),
            names: vec!["localhost".into()],
            listen_address: IpAddr::from([127, 0, 0, 1]),
            token_public_key_pem: String::new(),
            allowed_origins: Origins::default(),
            model_files: vec![],
            model_addresses: vec!["http://localhost:9000/a.glb".into()],
            cache_directory: cache.map(|path| path.display().to_string()),
            start_max: Duration::from_secs(30),
            config: Arc::new(config),
            secrets: Arc::new(HostSecrets::new(&[7; 32])),
            authority: authority.clone(),
            operators_certificate: None,
        }
    }

    fn authority() -> Arc<Authority> {
        Arc::new(Authority::open(tempfile::tempdir().unwrap().path(), NOW).unwrap())
    }

    fn told(plan: &LaunchPlan, size: Size) -> HostSpec {
        plan.idle(size, &"one".parse().unwrap(), NOW).unwrap()
    }

    #[test]
    fn a_host_is_told_how_its_size_renders_and_where_the_cache_is() {
        let text = "[sizes.premium]\nframe_time_milliseconds = 8\ngraphics_memory_gibibytes = 40\n\
                    page_memory_gibibytes = 3\nmemory_gibibytes = 4294967295\nprimitives_max = 7\n[cache]\ngibibytes = 100\n";
        let plan = plan(text, &authority());
        let premium = told(&plan, Size::Premium);
        assert_eq!(premium.primitives_max, Some(7));
        let expected = Rendering {
            frame_time_milliseconds: Some(8),
            graphics_memory_bytes_max: Some(42_949_672_960),
            page_memory_bytes_max: Some(3_221_225_472),
            memory_bytes_max: Some(4_611_686_017_353_646_080),
            cache_directory: Some("/data/cache".into()),
            cache_bytes_max: 107_374_182_400,
        };
        assert_eq!(premium.rendering, expected);
        let standard = told(&plan, Size::Standard).rendering;
        let left_to_the_host = Rendering {
            frame_time_milliseconds: None,
            graphics_memory_bytes_max: None,
            page_memory_bytes_max: None,
            memory_bytes_max: None,
            ..expected
        };
        assert_eq!(standard, left_to_the_host);
    }

    #[test]
    fn a_host_is_told_where_clients_reach_it() {
        let plan = plan("[listen]\nexternal_address = '203.0.113.7'\nmedia_ports = [50000, 50999]\n", &authority());
        let expected = Media { external_address: Some([203, 0, 113, 7].into()), ports: Some((50_000, 50_999)) };
        assert_eq!(told(&plan, Size::Standard).media, expected);
    }

    #[test]
    fn a_host_without_a_cache_is_told_of_none() {
        let plan = plan("[cache]\ngibibytes = 0\n", &authority());
        assert_eq!(told(&plan, Size::Standard).rendering, Rendering::default());
    }

    #[test]
    fn a_host_is_told_where_models_may_be_fetched_from() {
        let plan = plan("[models]\nallowed_hosts = ['10.0.0.0/8']\n", &authority());
        let remote = told(&plan, Size::Standard).remote_models;
        assert_eq!(remote.offered, ["http://localhost:9000/a.glb"]);
        assert!(remote.allowed_hosts.allows_address([10, 1, 2, 3].into()));
    }

    #[test]
    fn a_host_that_waits_is_outdated_by_every_key_that_it_is_told_of_and_by_no_other() {
        let authority = authority();
        let specification = |text: &str| plan(text, &authority).specification(Size::Standard);
        let before = specification("");
        for text in [
            "[sizes.standard]\nadapter = 'another'",
            "[sizes.standard]\nprimitives_max = 7",
            "[sizes.standard]\nframe_time_milliseconds = 16",
            "[sizes.standard]\ngraphics_memory_gibibytes = 4",
            "[sizes.standard]\npage_memory_gibibytes = 4",
            "[sizes.standard]\nmemory_gibibytes = 4",
            "[cache]\ndirectory = 'models'",
            "[cache]\ngibibytes = 21",
            "[cache]\ngibibytes = 0",
            "[listen]\norigins = ['https://app.example.com']",
            "[connection]\nexclusive = 'until-stop'",
            "[listen]\nexternal_address = '203.0.113.7'",
            "[listen]\nmedia_ports = [50000, 50999]",
            "[hosts]\nfence = 'off'",
            "[models]\nallowed_hosts = ['10.0.0.0/8']",
        ] {
            assert_ne!(specification(text), before, "{text}");
        }
        for text in ["[sizes.premium]\nframe_time_milliseconds = 16", "[sizes.standard]\nwarm = 1"] {
            assert_eq!(specification(text), before, "{text}");
        }
    }
}
