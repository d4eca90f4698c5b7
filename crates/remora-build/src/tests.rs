use std::collections::HashSet;
use std::io::Cursor;

use glam::{DAffine3, DVec3, Vec3};
use proptest::prelude::*;

use super::build::build_with;
use super::*;
use remora_asset::layout::CLUSTER_TRIANGLES_MAX;
use remora_asset::layout::{Header, NONE, PAGE_ROOT, RayNode, Section, TreeNode, VERSION, kind};
use remora_asset::untrusted::{read_all, repaired};
use remora_asset::{Asset, AssetError, Grid, layers, layout};
use remora_engine::{EngineDetail, build as engine};
use remora_import::{Input, gltf, write_glb};
use remora_model::{Material, Mesh, MetadataValue, Model, Node, Notices, Points, Primitive, Texture, TextureReference};

/// Returns a textured sheet and a cloud of points in a tree with metadata.
fn model() -> Model {
    let side = 48_u32;
    let mut primitive = Primitive::default();
    for row in 0..=side {
        for column in 0..=side {
            let (x, z) = (column as f32 / side as f32, row as f32 / side as f32);
            primitive.positions.push([x, (x * 9.0).sin() * (z * 7.0).cos() * 0.05, z]);
            primitive.normals.push([0.0, 1.0, 0.0]);
            primitive.texture_coordinates.push([x, z]);
        }
    }
    for row in 0..side {
        for column in 0..side {
            let a = row * (side + 1) + column;
            primitive.indices.extend([a, a + side + 1, a + 1, a + 1, a + side + 1, a + side + 2]);
        }
    }
    let points = Points {
        positions: (0..300).map(|i| [(i % 17) as f32, (i % 13) as f32, (i % 11) as f32]).collect(),
        colors: (0..300_u32).map(|i| [i as u8, 1, 2, 255]).collect(),
    };
    let texture = Texture {
        name: "Checks".into(),
        width: 8,
        height: 8,
        rgba: (0..64_u32).flat_map(|i| [if (i + i / 8) % 2 == 0 { 255 } else { 20 }, 80, 160, 255]).collect(),
        srgb: true,
        sampler: Default::default(),
    };
    let mut notices = Notices::default();
    notices.add("Image 3 is missing ⌂");
    let material =
        Material { name: "Cloth".into(), base_color_texture: Some(TextureReference::new(0)), ..Default::default() };
    Model {
        name: "Sample".into(),
        nodes: vec![
            Node {
                name: "Top ⌂".into(),
                transform: DAffine3::from_translation(DVec3::new(4.5e6, 0.125, -1.0)),
                metadata: vec![
                    ("part".into(), MetadataValue::Text("A-113".into())),
                    ("count".into(), MetadataValue::Integer(-7)),
                    ("weight".into(), MetadataValue::Double(1.5)),
                    ("visible".into(), MetadataValue::Bool(true)),
                    ("big".into(), MetadataValue::Unsigned(u64::MAX)),
                ],
                ..Default::default()
            },
            Node { name: "Sheet".into(), parent: Some(0), mesh: Some(0), ..Default::default() },
            Node { name: "Cloud".into(), parent: Some(0), mesh: Some(1), ..Default::default() },
            Node { name: "Sheet again".into(), parent: Some(1), mesh: Some(0), ..Default::default() },
        ],
        meshes: vec![
            Mesh { name: "Sheet".into(), primitives: vec![primitive], ..Default::default() },
            Mesh { name: "Cloud".into(), points, ..Default::default() },
        ],
        materials: vec![material, Material::default()],
        textures: vec![texture],
        notices,
    }
}

fn bytes_of(model: &Model, options: &BuildOptions) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = build_into(model, options, &|_| {}, &|| false, Cursor::new(&mut bytes)).unwrap();
    assert_eq!(written, bytes.len() as u64);
    bytes
}

fn options() -> BuildOptions {
    BuildOptions { source: "test".into(), ..Default::default() }
}

#[test]
fn an_asset_has_all_properties_of_its_model() {
    let model = model();
    let asset = Asset::from_bytes(&bytes_of(&model, &options())).unwrap();
    assert_eq!((asset.name(), asset.source(), asset.is_coarse()), ("Sample", "test", false));
    assert_eq!((asset.triangle_count(), asset.point_count(), asset.parts()), (48 * 48 * 2 * 2, 300, 3));
    assert_eq!(asset.bounds(), model.bounds());
    for (record, node) in asset.nodes().iter().zip(&model.nodes) {
        assert_eq!(asset.text(record.name), node.name);
        assert_eq!(record.local(), node.transform);
        assert_eq!((record.parent, record.mesh), (node.parent.unwrap_or(NONE), node.mesh.unwrap_or(NONE)));
        let metadata: Vec<_> =
            asset.metadata(record).into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(metadata, node.metadata);
    }
    assert_eq!(asset.text(asset.materials()[0].name), "Cloth");
    assert_eq!(asset.notices().collect::<Vec<_>>(), ["Image 3 is missing ⌂"]);
    assert_eq!(asset.mesh_materials(&asset.meshes()[0]), [0]);
}

#[test]
fn the_ray_tree_holds_all_original_triangles() {
    let model = model();
    let asset = Asset::from_bytes(&bytes_of(&model, &options())).unwrap();
    let mesh = &asset.meshes()[0];
    let sorted = |mut corners: [[u32; 3]; 3]| {
        corners.sort_unstable();
        corners
    };
    let bits = |corner: Vec3| corner.to_array().map(f32::to_bits);
    let found: HashSet<_> = asset.ray_nodes()[mesh.ray_first as usize..][..mesh.ray_count as usize]
        .iter()
        .filter(|node| node.count > 0)
        .flat_map(|node| &asset.ray_leaves()[node.first as usize..][..node.count as usize])
        .flat_map(|&cluster| asset.triangles(mesh, cluster).map(|corners| sorted(corners.map(bits))))
        .collect();
    let primitive = &model.meshes[0].primitives[0];
    let grid = Grid::around(&model.meshes[0].bounds());
    let corner = |&index: &u32| bits(grid.unpack(grid.pack(primitive.positions[index as usize])));
    let wanted: HashSet<_> =
        primitive.indices.chunks_exact(3).map(|t| sorted([corner(&t[0]), corner(&t[1]), corner(&t[2])])).collect();
    assert!(found == wanted);
}

#[test]
fn pages_hold_whole_groups_and_list_their_parents() {
    let model = engine(EngineDetail { triangles: 100_000 });
    let asset = Asset::from_bytes(&bytes_of(&model, &options())).unwrap();
    assert!(asset.pages().len() > 5);
    let page_of = |group: u32| asset.groups()[group as usize].page;
    for (number, group) in asset.groups().iter().enumerate() {
        let is_root = asset.pages()[group.page as usize].flags & PAGE_ROOT != 0;
        let clusters = &asset.clusters()[group.cluster_first as usize..][..group.cluster_count as usize];
        // Root pages hold all levels of a small mesh.
        let is_small =
            clusters.iter().map(|cluster| usize::from(cluster.triangles)).sum::<usize>() <= CLUSTER_TRIANGLES_MAX;
        assert!(is_root || group.error < f32::INFINITY, "group {number}");
        assert!(!is_root || is_small || group.error == f32::INFINITY, "group {number}");
        for cluster in clusters {
            if cluster.refined == NONE {
                continue;
            }
            let finer = page_of(cluster.refined);
            let finer_is_root = asset.pages()[finer as usize].flags & PAGE_ROOT != 0;
            assert!(!finer_is_root || finer == group.page, "group {number} lies apart from what it stands for");
            let parents = asset.page_parents(&asset.pages()[finer as usize]);
            assert!(finer == group.page || parents.contains(&group.page), "page {finer} needs {}", group.page);
        }
    }
    for number in 0..asset.pages().len() as u32 {
        asset.page(number).unwrap();
    }
}

#[test]
fn no_page_depends_on_a_page_of_another_mesh() {
    // Some of the meshes take several pages, most are small.
    let sheet = model().meshes[0].primitives[0].clone();
    let aside = |place: usize| {
        let mut primitive = sheet.clone();
        primitive.positions.iter_mut().for_each(|position| position[0] += place as f32 * 3.0);
        primitive
    };
    let large = Mesh { primitives: (0..6).map(aside).collect(), ..Default::default() };
    let mut model = engine(EngineDetail { triangles: 100_000 });
    for place in [0, 50, 51, 90] {
        model.meshes.insert(place, large.clone());
    }
    let asset = Asset::from_bytes(&bytes_of(&model, &options())).unwrap();
    let mut meshes_of = vec![HashSet::new(); asset.pages().len()];
    for (mesh, record) in asset.meshes().iter().enumerate() {
        for group in &asset.groups()[record.group_first as usize..][..record.group_count as usize] {
            meshes_of[group.page as usize].insert(mesh);
        }
    }
    let mut shared = 0;
    for (number, page) in asset.pages().iter().enumerate().filter(|(_, page)| page.flags & PAGE_ROOT == 0) {
        shared += usize::from(meshes_of[number].len() > 1);
        for &parent in asset.page_parents(page) {
            let is_root = asset.pages()[parent as usize].flags & PAGE_ROOT != 0;
            assert!(is_root || meshes_of[parent as usize] == meshes_of[number], "page {number} needs page {parent}");
        }
    }
    assert!(shared > 0 && asset.pages().len() > 10, "{shared} of {} pages hold several meshes", asset.pages().len());
}

#[test]
fn a_coarse_asset_has_the_same_tree_and_fewer_triangles() {
    let model = engine(EngineDetail { triangles: 400_000 });
    let coarse = BuildOptions { detail: Detail::Coarse { primitives_max: 100_000 }, ..options() };
    let asset = Asset::from_bytes(&bytes_of(&model, &coarse)).unwrap();
    assert!(asset.is_coarse());
    assert_eq!((asset.nodes().len(), asset.meshes().len()), (model.nodes.len(), model.meshes.len()));
    assert_eq!(asset.triangle_count(), model.triangles(), "it says what it stands for");
    let drawn: u64 = asset.clusters().iter().map(|cluster| u64::from(cluster.triangles)).sum();
    let unique: u64 = model.meshes.iter().map(Mesh::triangles).sum();
    let most = unique / 2;
    assert!(drawn < most && drawn > 20_000, "{drawn} of {unique}");
    assert!(asset.pages().iter().all(|page| page.flags & PAGE_ROOT != 0));
}

#[test]
fn a_coarse_builder_builds_the_same_asset_as_the_whole_model() {
    let glb = write_glb(&engine(EngineDetail { triangles: 60_000 })).unwrap();
    let coarse = BuildOptions { detail: Detail::Coarse { primitives_max: 10_000 }, ..options() };
    let early = |primitives_max, primitives_min| {
        let early = CoarseBuilder::new(primitives_max, primitives_min);
        let model = gltf::import(Input { sink: Some(&early), ..Input::new(&glb, "Engine", &mut |_| {}) }).unwrap();
        (model, early)
    };
    let (model, begun) = early(10_000, 1);
    assert_eq!(begun.len(), model.meshes.len(), "every mesh has been made");
    let wanted = bytes_of(&model, &coarse);
    let made = |early: &CoarseBuilder| {
        let mut bytes = Vec::new();
        build_with(&model, Some(early), &coarse, &|_| {}, &|| false, Cursor::new(&mut bytes)).unwrap();
        bytes
    };
    assert!(made(&begun) == wanted);
    assert_eq!(begun.len(), 0, "and taken");
    let (_, small) = early(10_000, 1_000_000);
    assert_eq!(small.len(), 0, "nothing is begun of a small model");
    assert!(made(&small) == wanted);
    let (_, other) = early(20_000, 1);
    assert!(made(&other) == wanted, "what was made for something else is not taken");
}

#[test]
fn compressed_layers_look_like_plain_ones() {
    let mut model = model();
    let asset = |model: &Model| Asset::from_bytes(&bytes_of(model, &options())).unwrap();
    assert_eq!(asset(&model).layers()[0].format, 0, "what may be a palette stays as it is");
    let texture = &mut model.textures[0];
    (texture.width, texture.height) = (100, 80);
    texture.rgba = (0..8000_u32).flat_map(|i| [(i % 100 * 2) as u8, (i / 100 * 3) as u8, 160, 255]).collect();
    let [plain, compressed] = [false, true].map(|compress_textures| {
        Asset::from_bytes(&bytes_of(&model, &BuildOptions { compress_textures, ..options() })).unwrap()
    });
    let side = layout::BUCKETS[plain.layers()[0].bucket as usize];
    let texels = plain.layer(0).unwrap();
    let expanded = layers::expanded(compressed.layer(0).unwrap(), side);
    assert_eq!(texels.len(), expanded.len());
    let squares: f64 = texels.iter().zip(&expanded).map(|(a, b)| f64::from(a.abs_diff(*b)).powi(2)).sum();
    let noise = (squares / texels.len() as f64).sqrt();
    assert!(noise < 6.0, "{noise}");
    assert_eq!(compressed.layer(0).unwrap().len() as u64, layers::compressed_bytes(side));
}

#[test]
fn the_number_of_threads_does_not_change_the_asset() {
    let model = engine(EngineDetail { triangles: 60_000 });
    let built = [1, 3].map(|threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| bytes_of(&model, &options()))
    });
    assert!(built[0] == built[1]);
}

#[test]
fn building_can_be_cancelled() {
    let given_up = build_into(&model(), &options(), &|_| {}, &|| true, Cursor::new(Vec::new()));
    assert!(matches!(given_up, Err(BuildError::Cancelled(_))));
}

#[test]
fn too_many_materials_are_refused_with_the_limit() {
    let model = Model { materials: vec![Material::default(); 65_536], ..model() };
    let error = build_into(&model, &options(), &|_| {}, &|| false, Cursor::new(Vec::new())).unwrap_err().to_string();
    assert!(error.contains("65536 materials") && error.contains("65535"), "{error}");
}

#[test]
fn files_that_are_no_asset_or_newer_are_refused_with_a_reason() {
    let good = bytes_of(&model(), &options());
    let text = |bytes: &[u8]| Asset::from_bytes(bytes).unwrap_err().to_string();
    assert!(text(b"glTF....").contains("not an .arrAsset") && !text(b"glTF....").contains("glTF"));
    assert!(text(b"").contains("not an .arrAsset"));
    let mut newer = good.clone();
    newer[8..12].copy_from_slice(&(VERSION + 1).to_le_bytes());
    let refusal = text(&newer);
    assert!(refusal.contains("version 2") && refusal.contains("newer program"), "{refusal}");
    for length in [9, 40, 64, 1000, good.len() / 2, good.len() - 1] {
        let refusal = text(&good[..length]);
        assert!(refusal.contains("damaged: the header"), "{refusal}");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert!(text(&longer).contains("announces"));
}

#[test]
fn a_damaged_page_is_never_returned() {
    let good = bytes_of(&model(), &options());
    let asset = Asset::from_bytes(&good).unwrap();
    let page = asset.pages()[0];
    let mut bad = good.clone();
    bad[page.offset as usize + 5] ^= 1;
    let asset = Asset::from_bytes(&bad).unwrap();
    let refusal = asset.page(0).unwrap_err().to_string();
    assert!(refusal.contains("page 0") && refusal.contains("checksum"), "{refusal}");
    let layer = asset.layers()[0];
    bad[layer.offset as usize] ^= 1;
    let refusal = Asset::from_bytes(&bad).unwrap().layer(0).unwrap_err().to_string();
    assert!(refusal.contains("texture layer 0"), "{refusal}");
}

/// Changes a byte of a section and corrects all checksums, as an attacker would.
fn forged(good: &[u8], kind: u32, at: usize, value: u8) -> Vec<u8> {
    let mut bytes = good.to_vec();
    let header: Header = bytemuck::pod_read_unaligned(&bytes[..64]);
    let table: Vec<Section> = bytemuck::pod_collect_to_vec(&bytes[header.table_offset as usize..]);
    let section = table.iter().find(|section| section.kind == kind).unwrap();
    if section.bytes == 0 {
        return bytes;
    }
    bytes[section.offset as usize + at % section.bytes as usize] = value;
    repaired(&bytes).unwrap()
}

/// Shares children between nodes of a tree. If that were accepted, the number of paths could grow without bound.
#[test]
fn children_that_two_nodes_share_are_refused() {
    let good = bytes_of(&model(), &options());
    let asset = Asset::from_bytes(&good).unwrap();
    let section = |kind: u32| {
        let header: Header = bytemuck::pod_read_unaligned(&good[..64]);
        let table: Vec<Section> = bytemuck::pod_collect_to_vec(&good[header.table_offset as usize..]);
        table.iter().find(|section| section.kind == kind).unwrap().offset as usize
    };
    let refusal = |at: usize, record: &[u8]| {
        let mut bytes = good.clone();
        bytes[at..at + record.len()].copy_from_slice(record);
        Asset::from_bytes(&repaired(&bytes).unwrap()).unwrap_err().to_string()
    };

    let tree = asset.tree();
    let parent = tree.iter().find(|node| node.count > 0).unwrap();
    let other = (0..parent.first as usize).find(|&number| tree[number].first != parent.first).unwrap();
    let sharing = TreeNode { first: parent.first, count: 1, ..tree[other] };
    let at = section(kind::TREE) + other * size_of::<TreeNode>();
    let words = refusal(at, bytemuck::bytes_of(&sharing));
    assert!(words.contains("mesh 0: a child of its tree"), "{words}");

    let rays = asset.ray_nodes();
    let sharing = RayNode { first: rays[0].first + 1, count: 0, ..rays[rays[0].first as usize] };
    let at = section(kind::RAY_NODES) + rays[0].first as usize * size_of::<RayNode>();
    let words = refusal(at, bytemuck::bytes_of(&sharing));
    assert!(words.contains("mesh 0: a child of a ray node"), "{words}");
}

#[test]
fn repairing_does_not_change_a_sound_container() {
    let good = bytes_of(&model(), &options());
    assert!(repaired(&good).unwrap() == good);
    assert_eq!(repaired(&good[..63]), None);
    // A changed page with a correct checksum is accepted.
    let asset = Asset::from_bytes(&good).unwrap();
    let mut bad = good.clone();
    bad[asset.pages()[0].offset as usize] ^= 1;
    bad[asset.layers()[0].offset as usize] ^= 1;
    let asset = Asset::from_bytes(&repaired(&bad).unwrap()).unwrap();
    assert!(asset.page(0).is_ok() && asset.layer(0).is_ok());
}

#[test]
fn a_forged_index_is_noticed_or_harmless() {
    let good = bytes_of(&model(), &options());
    let mut refused = 0;
    for kind in kind::STRINGS..=kind::NOTICES {
        for at in 0..400 {
            for value in [0, 0x7f, 0xff] {
                match Asset::from_bytes(&forged(&good, kind, at, value)) {
                    Ok(asset) => read_all(&asset),
                    Err(AssetError::Damaged { .. }) => refused += 1,
                    Err(other) => panic!("{other}"),
                }
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(
        at in any::<prop::sample::Index>(),
        value in any::<u8>(),
        length in any::<prop::sample::Index>(),
    ) {
        let plain = Model { textures: Vec::new(), materials: vec![Material::default()], ..model() };
        let mut bytes = bytes_of(&plain, &options());
        let at = at.index(bytes.len());
        bytes[at] = value;
        if let Ok(asset) = Asset::from_bytes(&bytes) {
            read_all(&asset);
        }
        let length = length.index(bytes.len());
        prop_assert!(Asset::from_bytes(&bytes[..length]).is_err());
    }
}
