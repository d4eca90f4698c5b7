//! Every variant of every kernel is valid WGSL and agrees with its description. The tests need no device.

use std::collections::{HashMap, HashSet};

use naga::{AddressSpace, ImageDimension, StorageAccess, TypeInner};

use super::catalogue::Description;
use super::groups::{Binding, Group};
use super::sources::{WORDS_32, WORDS_64};
use super::*;
use crate::frame::Samples;

const FRAGMENTS: [Fragments; 4] =
    [Fragments::Opaque, Fragments::Masked { detail: 0 }, Fragments::Masked { detail: 2 }, Fragments::Layer];
const WRITES: [VisibilityWrite; 3] = [VisibilityWrite::Whole, VisibilityWrite::Depth, VisibilityWrite::Id];

fn all_kernels() -> Vec<Kernel> {
    let mut kernels = vec![
        Kernel::Arguments,
        Kernel::Draws,
        Kernel::Composite,
        Kernel::Planes,
        Kernel::Shrink,
        Kernel::ShrinkRest,
        Kernel::Cull,
        Kernel::Outline,
        Kernel::Checkerboard,
        Kernel::HistoryBegin,
        Kernel::HistoryKeep,
        Kernel::HistoryCells,
        Kernel::HistoryPixels { side: 1 },
        Kernel::HistoryPixels { side: 2 },
    ];
    for samples in [Samples::One, Samples::Four] {
        kernels.push(Kernel::Classify { samples });
        kernels.push(Kernel::ResolvePoints { samples });
        kernels.push(Kernel::Pyramid { samples });
        kernels.push(Kernel::Mask { samples });
        for layered in [false, true] {
            for (rendered, moving) in [(1, false), (1, true), (2, false), (2, true)] {
                kernels.push(Kernel::Motion { samples, rendered, layered, moving });
            }
        }
        for write in WRITES {
            kernels.extend([false, true].map(|wide| Kernel::RasterPoints { write, samples, wide }));
            for fragments in FRAGMENTS {
                for (wide, small) in [(false, false), (false, true), (true, false), (true, true)] {
                    kernels.push(Kernel::Raster { fragments, write, samples, wide, small });
                }
                for wide in [false, true] {
                    kernels.push(Kernel::RasterLarge { fragments, write, samples, wide });
                }
            }
        }
        for detail in 0..3 {
            for layer in [false, true] {
                kernels.push(Kernel::Resolve { detail, samples, layer });
            }
        }
    }
    kernels
}

fn all_large() -> impl Iterator<Item = LargePipeline> {
    let kinds = FRAGMENTS.into_iter().flat_map(|fragments| WRITES.map(|write| (fragments, write)));
    kinds.flat_map(|(fragments, write)| {
        [Samples::One, Samples::Four].map(|samples| LargePipeline { fragments, write, samples })
    })
}

fn all_descriptions() -> impl Iterator<Item = Description> {
    all_kernels().into_iter().map(Kernel::describe).chain(all_large().map(LargePipeline::describe))
}

fn parsed(text: &str, what: &dyn std::fmt::Debug) -> (naga::Module, naga::valid::ModuleInfo) {
    let module =
        naga::front::wgsl::parse_str(text).unwrap_or_else(|error| panic!("{what:?}: {}", error.emit_to_string(text)));
    let mut validator =
        naga::valid::Validator::new(naga::valid::ValidationFlags::all(), naga::valid::Capabilities::all());
    let info = validator.validate(&module).unwrap_or_else(|error| panic!("{what:?}: {}", error.emit_to_string(text)));
    (module, info)
}

fn names(description: &Description) -> Vec<&'static str> {
    description.sources.iter().map(|(name, _)| *name).collect()
}

#[test]
fn every_kernel_is_valid() {
    for description in all_descriptions() {
        let names = names(&description);
        for words in [WORDS_32, WORDS_64] {
            let (module, _) = parsed(&module_text(words, &description.sources), &names);
            let found = module.entry_points.iter().map(|point| point.name.as_str()).collect::<Vec<_>>();
            assert_eq!(found, description.entries);
            for (constant, _) in &description.constants {
                assert!(
                    module.overrides.iter().any(|(_, known)| known.name.as_deref() == Some(constant)),
                    "{names:?} have no override {constant}"
                );
            }
        }
    }
}

/// Returns the kind of binding that a global variable of a shader needs.
fn binding_of(module: &naga::Module, variable: &naga::GlobalVariable) -> Binding {
    match (variable.space, &module.types[variable.ty].inner) {
        (AddressSpace::Uniform, _) => Binding::Uniform,
        (AddressSpace::Storage { access }, _) if access.contains(StorageAccess::STORE) => Binding::Write,
        (AddressSpace::Storage { .. }, _) => Binding::Read,
        (_, TypeInner::Image { dim: ImageDimension::D2, arrayed: true, .. }) => Binding::TextureArray,
        (_, TypeInner::Image { dim: ImageDimension::D2, arrayed: false, .. }) => Binding::Texture,
        (_, TypeInner::Sampler { comparison: false }) => Binding::Sampler,
        (space, inner) => panic!("{:?} in {space:?} of type {inner:?} has no kind of binding", variable.name),
    }
}

#[test]
fn bind_group_layouts_are_those_of_the_shaders() {
    let mut declared: HashMap<Group, HashSet<u32>> = HashMap::new();
    for description in all_descriptions() {
        let names = names(&description);
        let (module, info) = parsed(&module_text(WORDS_32, &description.sources), &names);
        for (handle, variable) in module.global_variables.iter() {
            let Some(at) = &variable.binding else { continue };
            let is_used = (0..module.entry_points.len()).any(|index| !info.get_entry_point(index)[handle].is_empty());
            if !is_used {
                continue;
            }
            let group = description.groups.get(at.group as usize).copied().flatten();
            let group = group.unwrap_or_else(|| panic!("{names:?} use group {}, which they do not have", at.group));
            let expected = group.bindings().get(at.binding as usize);
            let found = binding_of(&module, variable);
            assert_eq!(Some(&found), expected, "{:?} of {names:?}, binding {} of {group:?}", variable.name, at.binding);
            declared.entry(group).or_default().insert(at.binding);
        }
    }
    // The numbers are those of the raster targets. The counts of the queue reach the rasteriser as draw arguments.
    declared.entry(Group::RasteriserTargets).or_default().insert(1);
    for group in Group::ALL {
        let bindings: HashSet<u32> = (0..group.bindings().len() as u32).collect();
        assert_eq!(declared.get(&group), Some(&bindings), "some shader uses every binding of {group:?}");
    }
}

#[test]
fn groups_are_listed_in_the_order_of_their_discriminants() {
    for (index, group) in Group::ALL.into_iter().enumerate() {
        assert_eq!(group as usize, index);
    }
}

#[test]
fn shared_structs_have_one_layout_in_rust_and_wgsl() {
    let (module, _) = parsed(&shared::prelude(), &"prelude");
    let mut layouter = naga::proc::Layouter::default();
    layouter.update(module.to_ctx()).expect("the prelude is valid");
    for shared in shared::structs() {
        let (handle, found) = module
            .types
            .iter()
            .find(|(_, found)| found.name.as_deref() == Some(shared.name))
            .unwrap_or_else(|| panic!("{} is not in the prelude", shared.name));
        let TypeInner::Struct { members, .. } = &found.inner else { panic!("{} is no struct", shared.name) };
        let offsets: Vec<(&str, usize)> =
            members.iter().map(|member| (member.name.as_deref().unwrap_or(""), member.offset as usize)).collect();
        let expected: Vec<(&str, usize)> = shared.fields.iter().map(|(name, _, offset)| (*name, *offset)).collect();
        assert_eq!(offsets, expected, "{}", shared.name);
        assert_eq!(layouter[handle].size as usize, shared.bytes, "{}", shared.name);
    }
}
