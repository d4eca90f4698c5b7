//! Dispatches whose size the device counts.

use bytemuck::bytes_of;

use crate::kernels::shared::DispatchPlan;
use crate::kernels::{Kernel, Kernels};

/// Turns counts into the arguments of dispatches; `bind_group` holds both.
pub(crate) fn set_arguments(
    kernels: &Kernels,
    pass: &mut wgpu::ComputePass<'_>,
    bind_group: &wgpu::BindGroup,
    plan: DispatchPlan,
) {
    pass.set_pipeline(kernels.get(Kernel::Arguments));
    pass.set_bind_group(0, bind_group, &[]);
    pass.set_immediates(0, bytes_of(&plan));
    pass.dispatch_workgroups(plan.length.div_ceil(32), 1, 1);
}
