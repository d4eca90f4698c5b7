//! Opening the graphics device, and its condition.
//!
//! By default wgpu panics on an error that no error scope catches. Here [`Health`] stores such errors, and the next
//! call of the renderer returns them, so that a render host can report them.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;

use super::heaps;

/// Criteria for the choice of an adapter.
#[derive(Clone, Debug)]
pub struct GraphicsOptions {
    /// Text that the adapter's name must contain; case does not matter.
    pub adapter: Option<String>,
    /// True if a software adapter, such as Mesa's lavapipe, may be used.
    pub software: bool,
    /// True to use 64-bit atomics if the adapter has them. False exercises the path of adapters without them.
    pub atomics_64: bool,
    /// True if the adapter's rasteriser draws large triangles, false if kernels do; `None` lets the warm-up measure it.
    pub rasteriser: Option<bool>,
}

impl Default for GraphicsOptions {
    fn default() -> Self {
        Self { adapter: None, software: true, atomics_64: true, rasteriser: None }
    }
}

/// Errors of opening a graphics device.
#[derive(Debug, Error)]
pub enum GraphicsError {
    /// The machine has no Vulkan driver.
    #[error(
        "no Vulkan driver found; install one: the vendor's driver for a GPU, or for this machine's processor \
         `apt-get install libvulkan1 mesa-vulkan-drivers`"
    )]
    NoDriver,
    /// No adapter matches the options.
    #[error("no graphics adapter matches; requested: {wanted}; available: {found}")]
    NoAdapter {
        /// The requested kind and name.
        wanted: String,
        /// Names of the available adapters.
        found: String,
    },
    /// The adapter lacks a feature or a limit.
    #[error("adapter {adapter:?} lacks {missing}, which the renderer requires")]
    Unsuitable {
        /// Name of the adapter.
        adapter: String,
        /// The missing feature or limit.
        missing: String,
    },
    /// The driver did not open the device.
    #[error("the graphics device of {adapter:?} could not be opened: {why}")]
    Open {
        /// Name of the adapter.
        adapter: String,
        /// The message of the driver.
        why: String,
    },
}

/// Properties of the adapter in use.
#[derive(Clone, Debug)]
pub struct AdapterSummary {
    /// Name of the adapter.
    pub name: String,
    /// Name and version of the driver.
    pub driver: String,
    /// True if processor cores do the work. Quality should then adapt to motion.
    pub software: bool,
    /// Memory of the graphics card in bytes; `None` on a software adapter and if the driver does not report it.
    pub memory_bytes: Option<u64>,
    /// True if one 64-bit atomic operation writes depth and id; otherwise two passes do.
    pub atomics_64: bool,
    /// True if invocations can exchange values without memory.
    pub subgroups: bool,
    /// Longest side of a texture in texels.
    pub texture_dimension_max: u32,
    /// True if textures may be compressed as BC7.
    pub texture_blocks: bool,
}

impl fmt::Display for AdapterSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.driver)
    }
}

/// An open graphics device. Cloning it is cheap.
#[derive(Clone, Debug)]
pub struct Graphics {
    pub(crate) device: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) limits: wgpu::Limits,
    pub(crate) health: Arc<Health>,
    /// True if the adapter's rasteriser draws large triangles; `None` if that is not decided yet.
    pub(crate) rasteriser: Option<bool>,
    adapter: Arc<AdapterSummary>,
}

/// The first error since the last query, and whether the device is lost.
#[derive(Debug, Default)]
pub(crate) struct Health {
    state: Mutex<HealthState>,
}

#[derive(Debug, Default)]
struct HealthState {
    lost: Option<String>,
    error: Option<Fault>,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    Lost(String),
    OutOfMemory,
    Rejected(String),
}

impl Health {
    /// Returns an error once, and a loss every time.
    pub(crate) fn take(&self) -> Option<Fault> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match &state.lost {
            Some(why) => Some(Fault::Lost(why.clone())),
            None => state.error.take(),
        }
    }

    fn lose(&self, why: String) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.lost.get_or_insert(why);
    }

    fn note(&self, error: wgpu::Error) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.error.get_or_insert(Fault::from(error));
    }
}

impl From<wgpu::Error> for Fault {
    fn from(error: wgpu::Error) -> Self {
        match error {
            wgpu::Error::OutOfMemory { .. } => Fault::OutOfMemory,
            wgpu::Error::Validation { description, .. } | wgpu::Error::Internal { description, .. } => {
                Fault::Rejected(description)
            }
        }
    }
}

/// Returns the names of all adapters that the drivers of this machine offer.
pub fn adapter_names() -> Vec<String> {
    enumerate().iter().map(|adapter| adapter.get_info().name).collect()
}

/// Returns all adapters that the drivers of this machine offer.
pub(super) fn enumerate() -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle();
    descriptor.backends = wgpu::Backends::VULKAN;
    // Debugging aids of the driver cost time and need packages of their own.
    descriptor.flags = wgpu::InstanceFlags::empty();
    pollster::block_on(wgpu::Instance::new(descriptor).enumerate_adapters(wgpu::Backends::VULKAN))
}

impl Graphics {
    /// Opens the best adapter. Discrete GPUs come before integrated, virtual and software adapters.
    ///
    /// # Errors
    ///
    /// If there is no driver or no matching adapter, if the adapter lacks a required feature, or if the driver refuses
    /// to open it.
    pub fn open(options: &GraphicsOptions) -> Result<Graphics, GraphicsError> {
        let adapters = enumerate();
        let infos: Vec<wgpu::AdapterInfo> = adapters.iter().map(wgpu::Adapter::get_info).collect();
        let chosen = choose(&infos, options)?;
        Self::open_adapter(&adapters[chosen], &infos[chosen], options)
    }

    fn open_adapter(
        adapter: &wgpu::Adapter,
        info: &wgpu::AdapterInfo,
        options: &GraphicsOptions,
    ) -> Result<Graphics, GraphicsError> {
        let offered = adapter.features();
        let limits = adapter.limits();
        require(info, &limits)?;

        if !offered.contains(wgpu::Features::IMMEDIATES) {
            return Err(GraphicsError::Unsuitable { adapter: info.name.clone(), missing: "push constants".into() });
        }
        let atomics = wgpu::Features::SHADER_INT64 | wgpu::Features::SHADER_INT64_ATOMIC_ALL_OPS;
        let atomics_64 = options.atomics_64 && offered.contains(atomics);
        let mut features = offered
            & (wgpu::Features::TIMESTAMP_QUERY
                | wgpu::Features::TIMESTAMP_QUERY_INSIDE_ENCODERS
                | wgpu::Features::SUBGROUP
                | wgpu::Features::TEXTURE_COMPRESSION_BC);
        features |= wgpu::Features::IMMEDIATES;
        if atomics_64 {
            features |= atomics;
        }
        let descriptor = wgpu::DeviceDescriptor {
            label: Some("remora"),
            required_features: features,
            required_limits: limits.clone(),
            ..Default::default()
        };
        let (device, queue) = pollster::block_on(adapter.request_device(&descriptor))
            .map_err(|error| GraphicsError::Open { adapter: info.name.clone(), why: error.to_string() })?;

        let health = Arc::new(Health::default());
        let noted = health.clone();
        device.on_uncaptured_error(Arc::new(move |error| noted.note(error)));
        let noted = health.clone();
        device.set_device_lost_callback(move |reason, why| noted.lose(format!("{reason:?}: {why}")));

        let software = info.device_type == wgpu::DeviceType::Cpu;
        let summary = AdapterSummary {
            name: info.name.clone(),
            driver: [info.driver.as_str(), info.driver_info.as_str()].join(" ").trim().to_owned(),
            software,
            memory_bytes: if software { None } else { heaps::device_local_bytes(adapter) },
            atomics_64,
            subgroups: features.contains(wgpu::Features::SUBGROUP),
            texture_dimension_max: limits.max_texture_dimension_2d,
            texture_blocks: features.contains(wgpu::Features::TEXTURE_COMPRESSION_BC),
        };
        tracing::info!(adapter = %summary, software = summary.software, atomics_64, "graphics device open");
        // The rasteriser of a software adapter is a kernel itself.
        let rasteriser = options.rasteriser.or(summary.software.then_some(false));
        Ok(Graphics { device, queue, limits, health, adapter: Arc::new(summary), rasteriser })
    }

    /// Destroys the device, as a failing driver would. For tests of the recovery.
    #[doc(hidden)]
    pub fn lose(&self) {
        self.device.destroy();
        let _ = self.device.poll(wgpu::PollType::Poll);
    }

    /// Waits until the device has done everything that was submitted. Submits nothing itself. For tests.
    #[doc(hidden)]
    pub fn settle(&self) {
        let _ = self.device.poll(wgpu::PollType::wait_indefinitely());
    }

    /// Returns the bytes of graphics memory in use according to the device; `None` if it keeps no record. For tests.
    #[doc(hidden)]
    pub fn allocated_bytes(&self) -> Option<u64> {
        self.device.generate_allocator_report().map(|report| report.total_allocated_bytes)
    }

    /// Returns the properties of the adapter.
    pub fn adapter(&self) -> &AdapterSummary {
        &self.adapter
    }
}

/// Refuses an adapter whose limits are too low for the renderer's layouts.
fn require(info: &wgpu::AdapterInfo, limits: &wgpu::Limits) -> Result<(), GraphicsError> {
    let wants: [(&str, u64, u64); 5] = [
        ("storage buffers per stage", limits.max_storage_buffers_per_shader_stage.into(), 13),
        ("invocations per workgroup", limits.max_compute_invocations_per_workgroup.into(), 128),
        ("bytes in a storage binding", limits.max_storage_buffer_binding_size, 64 << 20),
        ("sampled textures per stage", limits.max_sampled_textures_per_shader_stage.into(), 16),
        ("bind groups", limits.max_bind_groups.into(), 4),
    ];
    match wants.iter().find(|(_, has, needs)| has < needs) {
        None => Ok(()),
        Some((what, has, needs)) => Err(GraphicsError::Unsuitable {
            adapter: info.name.clone(),
            missing: format!("{needs} {what} (it has {has})"),
        }),
    }
}

fn choose(infos: &[wgpu::AdapterInfo], options: &GraphicsOptions) -> Result<usize, GraphicsError> {
    if infos.is_empty() {
        return Err(GraphicsError::NoDriver);
    }
    let wanted = options.adapter.as_deref().map(str::to_lowercase);
    let fits = |info: &wgpu::AdapterInfo| {
        (options.software || info.device_type != wgpu::DeviceType::Cpu)
            && wanted.as_deref().is_none_or(|name| info.name.to_lowercase().contains(name))
    };
    let best = infos.iter().enumerate().filter(|(_, info)| fits(info)).min_by_key(|(_, info)| rank(info.device_type));
    best.map(|(index, _)| index).ok_or_else(|| {
        let hardware = if options.software { "any kind" } else { "a GPU" };
        let wanted = match &options.adapter {
            Some(name) => format!("{hardware}, its name containing {name:?}"),
            None => hardware.to_owned(),
        };
        let found: Vec<&str> = infos.iter().map(|info| info.name.as_str()).collect();
        GraphicsError::NoAdapter { wanted, found: found.join(", ") }
    })
}

fn rank(kind: wgpu::DeviceType) -> u8 {
    match kind {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Cpu => 3,
        wgpu::DeviceType::Other => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn adapter(name: &str, device_type: wgpu::DeviceType) -> wgpu::AdapterInfo {
        wgpu::AdapterInfo { name: name.to_owned(), ..wgpu::AdapterInfo::new(device_type, wgpu::Backend::Vulkan) }
    }

    #[test]
    fn hardware_precedes_software_in_any_order() {
        let infos = [
            adapter("llvmpipe", wgpu::DeviceType::Cpu),
            adapter("Iris", wgpu::DeviceType::IntegratedGpu),
            adapter("H100", wgpu::DeviceType::DiscreteGpu),
        ];
        assert_eq!(choose(&infos, &GraphicsOptions::default()).unwrap(), 2);
        assert_eq!(choose(&infos[..2], &GraphicsOptions::default()).unwrap(), 1);
        assert_eq!(choose(&infos[..1], &GraphicsOptions::default()).unwrap(), 0);
    }

    #[test]
    fn a_name_chooses_among_several() {
        let infos = [adapter("H100", wgpu::DeviceType::DiscreteGpu), adapter("llvmpipe", wgpu::DeviceType::Cpu)];
        let options = GraphicsOptions { adapter: Some("LLVM".into()), ..Default::default() };
        assert_eq!(choose(&infos, &options).unwrap(), 1);
    }

    #[test]
    fn errors_name_the_adapters_and_the_packages_to_install() {
        let none = choose(&[], &GraphicsOptions::default()).unwrap_err().to_string();
        assert!(none.contains("apt-get install") && none.contains("mesa-vulkan-drivers"), "{none}");
        let options = GraphicsOptions { software: false, ..Default::default() };
        let refused = choose(&[adapter("llvmpipe", wgpu::DeviceType::Cpu)], &options).unwrap_err().to_string();
        assert!(refused.contains("a GPU") && refused.contains("llvmpipe"), "{refused}");
    }

    #[test]
    fn an_error_is_reported_once_and_a_loss_every_time() {
        let health = Health::default();
        health.note(wgpu::Error::OutOfMemory { source: "first".into() });
        assert_eq!(health.take(), Some(Fault::OutOfMemory));
        assert_eq!(health.take(), None);
        health.lose("unplugged".into());
        assert_eq!(health.take(), Some(Fault::Lost("unplugged".into())));
        assert_eq!(health.take(), Some(Fault::Lost("unplugged".into())));
    }
}
