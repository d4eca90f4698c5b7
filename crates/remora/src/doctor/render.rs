//! Graphics and video, asked of a process of its own: a driver that crashes is a finding and not the end.

#[cfg(feature = "host")]
use super::Finding;
use remora_control::{Config, Fence, Size};

const TOPIC: &str = "graphics";

/// What each size renders on.
#[cfg(feature = "host")]
pub fn adapters(config: &Config) -> Vec<Finding> {
    let program = match crate::process::own_program() {
        Ok(program) => program,
        Err(why) => return vec![Finding::missing(TOPIC, why, "Start Remora from a file that is still there.")],
    };
    let mut wanted: Vec<(Option<&str>, Vec<Size>)> = Vec::new();
    for size in Size::ALL {
        let adapter = config.sizes.of(size).adapter.as_deref();
        match wanted.iter_mut().find(|(other, _)| *other == adapter) {
            Some((_, sizes)) => sizes.push(size),
            None => wanted.push((adapter, vec![size])),
        }
    }
    wanted.iter().map(|(adapter, sizes)| of(&program, *adapter, config.hosts.fence, sizes)).collect()
}

#[cfg(feature = "host")]
fn of(program: &std::path::Path, adapter: Option<&str>, fence: Fence, sizes: &[Size]) -> Finding {
    let sizes = sizes.iter().map(|size| size.as_str()).collect::<Vec<_>>().join(" and ");
    match crate::host::ask(program, adapter, fence) {
        Ok(probe) if probe.software => Finding::hint(
            TOPIC,
            format!(
                "{sizes} on {}: no graphics card, {} processor cores draw; {}",
                probe.adapter,
                probe.cores,
                all(&probe)
            ),
            "This works, with smaller pictures while something moves. For a card install its Vulkan driver.",
        ),
        Ok(probe) => Finding::fine(TOPIC, format!("{sizes} on {}; {}", probe.adapter, all(&probe))),
        Err(why) => {
            let advice = match adapter {
                Some(name) => format!("sizes.*.adapter is {name:?}; correct that, or install the driver."),
                None => "Install a Vulkan driver; without a card: apt-get install mesa-vulkan-drivers".to_owned(),
            };
            Finding::missing(TOPIC, format!("{sizes}: {why}"), advice)
        }
    }
}

/// Checks the fence between render hosts and the rest of this machine.
#[cfg(feature = "host")]
pub fn fence(config: &Config) -> Finding {
    const TOPIC: &str = "fence";
    if config.hosts.fence == Fence::Off {
        let advice = "Set it to \"best-effort\" unless the graphics driver does not work so.";
        return Finding::hint(TOPIC, "render hosts are not fenced off: hosts.fence is \"off\"", advice);
    }
    let report = remora_host::try_fence();
    match (report.is_whole(), config.hosts.fence) {
        (true, _) => Finding::fine(TOPIC, report.to_string()),
        (false, Fence::Required) => {
            let advice = "hosts.fence is \"required\", so that no host starts. Enable it in the kernel.";
            Finding::missing(TOPIC, report.to_string(), advice)
        }
        (false, _) => Finding::hint(TOPIC, report.to_string(), "Enable it in the kernel, or run hosts in a container."),
    }
}

#[cfg(not(feature = "host"))]
pub fn fence(_config: &Config) -> Finding {
    Finding::hint("fence", "this executable is no render host", "Ask the one that is: remora doctor")
}

#[cfg(feature = "host")]
fn all(probe: &crate::host::Probe) -> String {
    format!("this machine has: {}", probe.adapters.join(", "))
}

#[cfg(feature = "host")]
pub fn encoder() -> Finding {
    Finding::fine("encoder", "H.264 by OpenH264, which is built in, on processor cores")
}

#[cfg(not(feature = "host"))]
pub fn adapters(_config: &Config) -> Vec<Finding> {
    let advice = "Name one that is with --host-program.";
    vec![Finding::hint(TOPIC, "this executable is no render host", advice)]
}

#[cfg(not(feature = "host"))]
pub fn encoder() -> Finding {
    Finding::hint("encoder", "this executable is no render host", "Ask the one that is: remora doctor")
}
