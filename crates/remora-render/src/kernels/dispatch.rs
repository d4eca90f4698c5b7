//! Dispatches whose size the device counts.

use bytemuck::bytes_of;

use crate::kernels::{Kernel, Kernels};

/// Workgroups along the first dimension of a dispatch; the rest go along another one.
pub(crate) const GROUPS_WIDE: u32 = 32768;

/// `plan`: number of counts, how many of what is counted a workgroup takes, workgroups per unit of the last.
pub(crate) fn set_arguments(
    kernels: &Kernels,
    pass: &mut wgpu::ComputePass<'_>,
    bind_group: &wgpu::BindGroup,
    plan: [u32; 3],
) {
    pass.set_pipeline(kernels.get(Kernel::Arguments));
    pass.set_bind_group(0, bind_group, &[]);
    pass.set_immediates(0, bytes_of(&plan));
    pass.dispatch_workgroups(plan[0].div_ceil(32), 1, 1);
}
