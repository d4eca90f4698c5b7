//! `[sizes.standard]` and `[sizes.premium]`.

use remora_session::Size;
use serde::Deserialize;

use super::sessions::live_max;

/// Settings by size.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Sizes {
    standard: SizeConfig,
    premium: SizeConfig,
}

/// Settings for sessions of one size.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SizeConfig {
    /// Limit of the number of hosts of this size; no limit if left out.
    pub capacity: Option<u32>,
    /// Number of idle hosts that are kept ready for new sessions.
    pub warm: u32,
    /// If given, only a graphics adapter whose name contains this text is used.
    pub adapter: Option<String>,
    pub(super) teraflops: Option<f64>,
    pub(super) primitives_max: Option<u64>,
    /// Target time for rendering a frame while something moves, 5 to 200; depends on the adapter if left out.
    pub frame_time_milliseconds: Option<u64>,
    /// Limit of the graphics memory for the geometry of one host, at least 1; 2 if left out.
    pub graphics_memory_gibibytes: Option<u32>,
    /// Limit of the main memory for a host's page cache, at least 1; 1 if left out.
    pub page_memory_gibibytes: Option<u32>,
    /// Limit of the main memory for importing one model, at least 1; depends on the free memory if left out.
    pub memory_gibibytes: Option<u32>,
    /// Limit of live sessions of this size in one account. `None`, written "unlimited", is no limit.
    #[serde(deserialize_with = "live_max")]
    pub live_per_account_max: Option<u32>,
}

impl Sizes {
    /// Returns the settings of one size.
    pub fn of(&self, size: Size) -> &SizeConfig {
        match size {
            Size::Standard => &self.standard,
            Size::Premium => &self.premium,
        }
    }

    /// Returns the number in the properties of a session. The original service had 8.1 for Standard; its Premium
    /// sessions had four such devices.
    pub fn teraflops(&self, size: Size) -> f64 {
        let usual = match size {
            Size::Standard => 8.1,
            Size::Premium => 32.4,
        };
        self.of(size).teraflops.unwrap_or(usual)
    }

    /// Returns the limit of triangles and points in one frame, after selection of levels of detail. A session may load
    /// any number. `None` is no limit, as in the original's Premium.
    pub fn primitives_max(&self, size: Size) -> Option<u64> {
        let usual = match size {
            Size::Standard => Some(20_000_000),
            Size::Premium => None,
        };
        self.of(size).primitives_max.or(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    #[test]
    fn sizes_keep_their_own_defaults() {
        let config = Config::parse("[sizes.premium]\nwarm = 2\n").unwrap();
        let sizes = &config.sizes;
        assert_eq!((sizes.teraflops(Size::Standard), sizes.of(Size::Standard).warm), (8.1, 0));
        assert_eq!((sizes.teraflops(Size::Premium), sizes.of(Size::Premium).warm), (32.4, 2));
        assert_eq!(sizes.primitives_max(Size::Premium), None);
    }

    #[test]
    fn rendering_is_configured_by_size_and_left_to_the_host_by_default() {
        let text = "[sizes.premium]\nframe_time_milliseconds = 8\ngraphics_memory_gibibytes = 40\n\
                    memory_gibibytes = 64\npage_memory_gibibytes = 3\n";
        let config = Config::parse(text).unwrap();
        let said = |size: Size| {
            let of = config.sizes.of(size);
            let memory = [of.graphics_memory_gibibytes, of.page_memory_gibibytes, of.memory_gibibytes];
            (of.frame_time_milliseconds, memory)
        };
        assert_eq!(said(Size::Premium), (Some(8), [Some(40), Some(3), Some(64)]));
        assert_eq!(said(Size::Standard), (None, [None; 3]));
    }

    #[test]
    fn memory_is_configured_in_whole_gibibytes() {
        for wrong in ["1.5", "-1", "\"2 GiB\"", "4294967296"] {
            for key in ["sizes.premium.memory_gibibytes", "sizes.premium.graphics_memory_gibibytes", "cache.gibibytes"]
            {
                let error = Config::parse(&format!("{key} = {wrong}\n")).expect_err(wrong).to_string();
                assert!(error.contains("line 1") && error.contains("u32"), "{error}");
            }
        }
    }
}
