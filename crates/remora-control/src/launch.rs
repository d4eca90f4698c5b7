//! The specification of a host: what all hosts are told, what those of its size are told, and what its session needs.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use remora_protocol::link::{Assignment, HostSpec, RemoteModels, Rendering};
use remora_protocol::origins::Origins;
use remora_session::{HostId, Session, Size};

use crate::config::Config;
use crate::host_secrets::HostSecrets;
use crate::owner;
use crate::provision::Provisioner;

/// Makes specifications of hosts.
pub struct LaunchPlan {
    /// PEM certificate of the CA that signed this control plane's certificate.
    pub control_ca_pem: String,
    /// PEM public key with which hosts verify access tokens.
    pub token_public_key_pem: String,
    /// Origins of pages that may connect, the service's own included.
    pub allowed_origins: Origins,
    /// Addresses that the operator offers as models.
    pub model_addresses: Vec<String>,
    /// Time from the launch of a host to Ready.
    pub start_max: Duration,
    /// Settings that depend on the size, and who may connect.
    pub config: Arc<Config>,
    /// Derives the secret of each host.
    pub secrets: Arc<HostSecrets>,
    /// The fleet in which the hosts are started.
    pub provisioner: Arc<dyn Provisioner>,
}

/// Maximum age of an idle host: its certificate must outlast any lease that begins by then.
pub(crate) const IDLE_AGE_MAX: Duration = Duration::from_hours(5 * 24);

impl LaunchPlan {
    /// Returns the specification of a host that is started for a session.
    pub fn for_session(&self, session: &Session, host: &HostId) -> HostSpec {
        self.spec(host, session.size, Some(self.assignment(session, session.lease.duration())))
    }

    /// Returns the specification of a host that waits for a session.
    pub(crate) fn idle(&self, size: Size, host: &HostId) -> HostSpec {
        self.spec(host, size, None)
    }

    /// Returns what a host is told about its session. `lease` is the remaining time.
    pub(crate) fn assignment(&self, session: &Session, lease: Duration) -> Assignment {
        Assignment {
            session_id: session.key.session.to_string(),
            account_id: session.key.account.to_string(),
            lease_milliseconds: milliseconds(lease),
            models: session.models.clone(),
            owner: session.owner.as_ref().map(owner::to_wire),
            private: self.config.sessions.private,
        }
    }

    /// Returns a digest of everything that hosts of a size are told and that is not specific to one host. A session
    /// never gets an idle host that was started with another digest.
    ///
    /// The origins of the service's own pages are left out because they differ between control planes that share
    /// hosts.
    pub(crate) fn specification(&self, size: Size) -> String {
        let Config { sizes, connection, hosts, listen, .. } = &*self.config;
        let told = serde_json::json!([
            env!("CARGO_PKG_VERSION"),
            self.control_ca_pem,
            self.token_public_key_pem,
            listen.origins,
            self.remote_models(),
            sizes.of(size).adapter,
            sizes.primitives_max(size),
            self.rendering(size),
            connection.exclusive,
            hosts.fence,
            self.config.telemetry.json_logs,
            self.provisioner.revision(),
        ]);
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, told.to_string().as_bytes()))
    }

    /// Name and secret are the same for the same host, so that a launch can be repeated.
    fn spec(&self, host: &HostId, size: Size, assignment: Option<Assignment>) -> HostSpec {
        HostSpec {
            host_id: host.to_string(),
            secret: self.secrets.of(host),
            control_ca_pem: self.control_ca_pem.clone(),
            size: size.as_str().to_owned(),
            assignment,
            token_public_key_pem: self.token_public_key_pem.clone(),
            allowed_origins: self.allowed_origins.clone(),
            remote_models: self.remote_models(),
            adapter: self.config.sizes.of(size).adapter.clone(),
            primitives_max: self.config.sizes.primitives_max(size),
            rendering: self.rendering(size),
            exclusive: self.config.connection.exclusive,
            fence: self.config.hosts.fence,
            json_logs: self.config.telemetry.json_logs,
            start_milliseconds_max: milliseconds(self.start_max),
        }
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
    use std::net::IpAddr;

    use remora_protocol::link::Media;
    use remora_session::Timestamp;

    use super::*;
    use crate::authority::Authority;
    use crate::bell::Bell;
    use crate::clock::Clock;
    use crate::provision::{LocalPlacement, SimulatedFleet};

    const NOW: Timestamp = Timestamp::from_milliseconds(1_714_649_053_847);

    fn placement(config: &Config, authority: &Arc<Authority>) -> LocalPlacement {
        LocalPlacement {
            control_urls: vec!["https://localhost:8443".into()],
            hostname: "localhost".into(),
            names: vec!["localhost".into()],
            listen_address: IpAddr::from([127, 0, 0, 1]),
            media: config.listen.media(),
            model_files: vec![],
            cache_directory: config.cache.directory("/data".as_ref()).map(|path| path.display().to_string()),
            authority: authority.clone(),
            operators_certificate: None,
        }
    }

    fn plan(text: &str, authority: &Arc<Authority>) -> LaunchPlan {
        let config = Config::parse(text).unwrap();
        config.check().unwrap();
        let placement = Arc::new(placement(&config, authority));
        LaunchPlan {
            control_ca_pem: authority.certificate_pem().to_owned(),
            token_public_key_pem: String::new(),
            allowed_origins: Origins::default(),
            model_addresses: vec!["http://localhost:9000/a.glb".into()],
            start_max: Duration::from_secs(30),
            config: Arc::new(config),
            secrets: Arc::new(HostSecrets::new(&[7; 32])),
            provisioner: Arc::new(SimulatedFleet::new(placement, Clock::manual(NOW).0, Bell::default())),
        }
    }

    fn authority() -> Arc<Authority> {
        Arc::new(Authority::open(tempfile::tempdir().unwrap().path(), NOW).unwrap())
    }

    fn told(plan: &LaunchPlan, size: Size) -> HostSpec {
        plan.idle(size, &"one".parse().unwrap())
    }

    #[test]
    fn a_host_is_told_how_its_size_renders_and_how_large_the_cache_is() {
        let text = "[sizes.premium]\nframe_time_milliseconds = 8\ngraphics_memory_gibibytes = 40\n\
                    page_memory_gibibytes = 3\nmemory_gibibytes = 4294967295\nprimitives_max = 7\n\
                    [cache]\ngibibytes = 100\n";
        let plan = plan(text, &authority());
        let premium = told(&plan, Size::Premium);
        assert_eq!(premium.primitives_max, Some(7));
        let expected = Rendering {
            frame_time_milliseconds: Some(8),
            graphics_memory_bytes_max: Some(42_949_672_960),
            page_memory_bytes_max: Some(3_221_225_472),
            memory_bytes_max: Some(4_611_686_017_353_646_080),
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
        let config =
            Config::parse("[listen]\nexternal_address = '203.0.113.7'\nmedia_ports = [50000, 50999]\n").unwrap();
        let expected = Media { external_address: Some([203, 0, 113, 7].into()), ports: Some((50_000, 50_999)) };
        assert_eq!(config.listen.media(), expected);
    }

    #[test]
    fn a_host_is_told_where_the_cache_is_unless_there_is_none() {
        let authority = authority();
        let directory = |text| placement(&Config::parse(text).unwrap(), &authority).cache_directory;
        assert_eq!(directory("").as_deref(), Some("/data/cache"));
        assert_eq!(directory("[cache]\ngibibytes = 0\n"), None);
        let plan = plan("[cache]\ngibibytes = 0\n", &authority);
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
        for text in [
            "[sizes.premium]\nframe_time_milliseconds = 16",
            "[sizes.standard]\nwarm = 1",
            "[cache]\ndirectory = 'models'",
        ] {
            assert_eq!(specification(text), before, "{text}");
        }
    }
}
