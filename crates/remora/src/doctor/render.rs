//! Checks of graphics, video and the fence. A separate process opens the graphics device, so that a crash of the driver
//! becomes a finding.

use remora_control::Config;
#[cfg(feature = "host")]
use remora_control::{Fence, Size};

use super::Finding;
#[cfg(feature = "host")]
use crate::host::Probe;

const TOPIC: &str = "graphics";
/// Default of `sizes.*.graphics_memory_gibibytes`.
#[cfg(feature = "host")]
const GEOMETRY_GIBIBYTES: u32 = 2;
#[cfg(feature = "host")]
const GIBIBYTE: f64 = (1_u64 << 30) as f64;

/// Checks the adapter of each size and its memory.
#[cfg(feature = "host")]
pub(crate) fn adapters(config: &Config) -> Vec<Finding> {
    let program = match crate::process::own_program() {
        Ok(program) => program,
        Err(why) => return vec![Finding::missing(TOPIC, why, "Start Remora from a file that still exists.")],
    };
    let mut wanted: Vec<(Option<&str>, Vec<Size>)> = Vec::new();
    for size in Size::ALL {
        let adapter = config.sizes.of(size).adapter.as_deref();
        match wanted.iter_mut().find(|(other, _)| *other == adapter) {
            Some((_, sizes)) => sizes.push(size),
            None => wanted.push((adapter, vec![size])),
        }
    }
    let findings = wanted.iter().flat_map(|(adapter, sizes)| {
        let probe = crate::host::ask(&program, *adapter, config.hosts.fence);
        of_adapter(config, *adapter, sizes, probe)
    });
    findings.collect()
}

/// Reports the adapter of these sizes, and its memory if it is a graphics card.
#[cfg(feature = "host")]
fn of_adapter(config: &Config, adapter: Option<&str>, sizes: &[Size], probe: Result<Probe, String>) -> Vec<Finding> {
    let memory = probe.as_ref().ok().filter(|probe| !probe.software).map(|probe| memory(config, sizes, probe));
    std::iter::once(device(adapter, sizes, probe)).chain(memory).collect()
}

#[cfg(feature = "host")]
fn device(adapter: Option<&str>, sizes: &[Size], probe: Result<Probe, String>) -> Finding {
    let sizes = names(sizes);
    match probe {
        Ok(probe) if probe.software => Finding::hint(
            TOPIC,
            format!(
                "{sizes} on {}: no graphics card, {} processor cores render; {}",
                probe.adapter,
                probe.cores,
                all(&probe)
            ),
            "This works, with smaller frames while something moves. To use a graphics card, install its Vulkan driver.",
        ),
        Ok(probe) => Finding::fine(TOPIC, format!("{sizes} on {}; {}", probe.adapter, all(&probe))),
        Err(why) => {
            let advice = match adapter {
                Some(name) => format!("sizes.*.adapter is {name:?}; correct it, or install the driver."),
                None => {
                    "Install a Vulkan driver; without a graphics card: apt-get install mesa-vulkan-drivers".to_owned()
                }
            };
            Finding::missing(TOPIC, format!("{sizes}: {why}"), advice)
        }
    }
}

/// Compares the memory of the graphics card with the geometry of the hosts that may share it.
#[cfg(feature = "host")]
fn memory(config: &Config, sizes: &[Size], probe: &Probe) -> Finding {
    const TOPIC: &str = "graphics memory";
    let Some(bytes) = probe.memory_bytes else {
        let advice = "Compare the card's data sheet with sizes.*.graphics_memory_gibibytes.";
        return Finding::hint(TOPIC, format!("the memory of {} is unknown", probe.adapter), advice);
    };
    let total = bytes as f64 / GIBIBYTE;
    let settings = sizes.iter().map(|size| config.sizes.of(*size));
    let per_host = |gibibytes: Option<u32>| u64::from(gibibytes.unwrap_or(GEOMETRY_GIBIBYTES));
    let largest = settings.clone().map(|of| per_host(of.graphics_memory_gibibytes)).max().unwrap_or(0);
    let all: Option<u64> =
        settings.map(|of| Some(u64::from(of.capacity?) * per_host(of.graphics_memory_gibibytes))).sum();
    let found = format!("{total:.1} GiB on {}, of which the geometry of one host may take {largest}", probe.adapter);
    if largest as f64 > total {
        let advice = "Reduce sizes.*.graphics_memory_gibibytes; textures and frames need memory as well.";
        return Finding::hint(TOPIC, found, advice);
    }
    match all {
        Some(all) if all as f64 > total => {
            let advice = format!(
                "The geometry of all hosts (sizes.*.capacity) may take {all} GiB; reduce \
                 sizes.*.graphics_memory_gibibytes or the capacity."
            );
            Finding::hint(TOPIC, found, advice)
        }
        _ => Finding::fine(TOPIC, found),
    }
}

#[cfg(feature = "host")]
fn names(sizes: &[Size]) -> String {
    sizes.iter().map(|size| size.as_str()).collect::<Vec<_>>().join(" and ")
}

/// Checks the fence between render hosts and the rest of the machine.
#[cfg(feature = "host")]
pub(crate) fn fence(config: &Config) -> Finding {
    const TOPIC: &str = "fence";
    if config.hosts.fence == Fence::Off {
        let advice = "Set it to \"best-effort\" unless the graphics driver fails within the fence.";
        return Finding::hint(TOPIC, "render hosts are not fenced off: hosts.fence is \"off\"", advice);
    }
    let report = remora_host::try_fence();
    match (report.is_whole(), config.hosts.fence) {
        (true, _) => Finding::fine(TOPIC, report.to_string()),
        (false, Fence::Required) => {
            let advice = "hosts.fence is \"required\", so no host starts. Enable the missing parts in the kernel.";
            Finding::missing(TOPIC, report.to_string(), advice)
        }
        (false, _) => Finding::hint(
            TOPIC,
            report.to_string(),
            "Enable the missing parts in the kernel, or run hosts in a container.",
        ),
    }
}

#[cfg(not(feature = "host"))]
pub(crate) fn fence(_config: &Config) -> Finding {
    Finding::hint("fence", "this executable contains no render host", "Run remora doctor of an executable that does.")
}

#[cfg(feature = "host")]
fn all(probe: &Probe) -> String {
    format!("this machine has: {}", probe.adapters.join(", "))
}

/// Reports the video encoder.
#[cfg(feature = "host")]
pub(crate) fn encoder() -> Finding {
    Finding::fine("encoder", "built-in OpenH264, on processor cores")
}

#[cfg(not(feature = "host"))]
pub(crate) fn adapters(_config: &Config) -> Vec<Finding> {
    let advice = "Name one that does with --host-program.";
    vec![Finding::hint(TOPIC, "this executable contains no render host", advice)]
}

#[cfg(not(feature = "host"))]
pub(crate) fn encoder() -> Finding {
    Finding::hint("encoder", "this executable contains no render host", "Run remora doctor of an executable that does.")
}

#[cfg(all(test, feature = "host"))]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn the_memory_of_a_card_is_reported_and_that_of_processors_is_not() {
        let topics = |software: bool| {
            let memory_bytes = (!software).then_some(8 << 30);
            let probe = Probe { adapter: "one".into(), adapters: vec![], software, memory_bytes, cores: 1 };
            let found = of_adapter(&Config::default(), None, &Size::ALL, Ok(probe));
            found.iter().map(|finding| finding.topic).collect::<Vec<_>>()
        };
        assert_eq!(topics(false), ["graphics", "graphics memory"]);
        assert_eq!(topics(true), ["graphics"]);
    }

    #[test]
    fn the_geometry_of_all_hosts_is_compared_with_the_memory_of_the_card() {
        let card =
            |memory_bytes| Probe { adapter: "card".into(), adapters: vec![], software: false, memory_bytes, cores: 1 };
        let found = |text: &str, memory_bytes| {
            memory(&Config::parse(text).expect("a good configuration"), &Size::ALL, &card(memory_bytes))
        };
        let unknown = found("", None);
        assert!(unknown.verdict == Verdict::Hint && unknown.found.contains("unknown"), "{unknown:?}");
        assert_eq!(found("", Some(8 << 30)).verdict, Verdict::Fine);
        assert_eq!(found("", Some(1 << 30)).verdict, Verdict::Hint);
        let five = "[sizes.standard]\ncapacity = 4\n[sizes.premium]\ncapacity = 1\ngraphics_memory_gibibytes = 4";
        assert_eq!(found(five, Some(12 << 30)).verdict, Verdict::Fine);
        let shared = found(five, Some(11 << 30));
        assert!(shared.verdict == Verdict::Hint && shared.advice.expect("advice").contains("12 GiB"));
    }
}
