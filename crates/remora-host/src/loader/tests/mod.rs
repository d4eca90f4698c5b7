//! The loader with temporary files and an HTTP server of the tests.

mod remote;

use std::{
    io::{Cursor, Read as _, Write as _},
    net::TcpListener,
    path::PathBuf,
    sync::mpsc::Receiver,
    thread,
};

use remora_asset::{Asset, layout::NodeRecord};
use remora_build::BuildOptions;
use remora_convert::Cache;
use remora_model::Model;
use remora_protocol::{
    codes::{ErrorCode, LoadStage},
    hosts::AllowedHosts,
    link::RemoteModels,
};
use remora_render::PrepareOptions;

use super::{import::SMALL_PRIMITIVES, *};
use crate::{ids::CommandId, memory::ImportMemory};

/// A model that is shown in a coarse form first.
const ENGINE: &str = "builtin://Engine?triangles=60000";

struct Bench {
    loader: Loader,
    results: Receiver<(LoadId, Loading)>,
    directory: tempfile::TempDir,
    cache: Option<tempfile::TempDir>,
}

/// The result of a load: the form that is shown first, and the full one if the first is coarse.
struct LoadOutcome {
    loaded: Asset,
    refined: Option<Asset>,
}

fn triangle() -> Model {
    let primitive = remora_model::Primitive {
        positions: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices: vec![0, 1, 2],
        ..Default::default()
    };
    Model {
        name: "triangle".into(),
        nodes: vec![remora_model::Node { name: "part".into(), mesh: Some(0), ..Default::default() }],
        meshes: vec![remora_model::Mesh { name: "mesh".into(), primitives: vec![primitive], ..Default::default() }],
        materials: vec![Default::default()],
        ..Model::default()
    }
}

fn glb() -> Vec<u8> {
    remora_import::write_glb(&triangle()).expect("a good model")
}

fn arr_asset() -> Vec<u8> {
    let mut bytes = Vec::new();
    let out = Cursor::new(&mut bytes);
    remora_build::build_into(&triangle(), &BuildOptions::default(), &|_| {}, &|| false, out).expect("a good model");
    bytes
}

/// A triangle whose corners are in `triangle.bin`.
fn gltf() -> (Vec<u8>, Vec<u8>) {
    let json = r#"{"asset": {"version": "2.0"}, "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [{"attributes": {"POSITION": 0}}]}],
        "accessors": [{"bufferView": 0, "componentType": 5126, "count": 3, "type": "VEC3",
            "min": [0, 0, 0], "max": [1, 1, 0]}],
        "bufferViews": [{"buffer": 0, "byteLength": 36}],
        "buffers": [{"uri": "triangle.bin", "byteLength": 36}]}"#;
    let corners: [f32; 9] = [0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0];
    (json.into(), corners.into_iter().flat_map(f32::to_le_bytes).collect())
}

/// Allows the servers of the tests.
fn localhost() -> AllowedHosts {
    ["127.0.0.1"].into_iter().map(|host| host.parse().expect("a host")).collect()
}

impl Bench {
    fn new(memory_bytes_max: u64) -> Self {
        Self::with(memory_bytes_max, false)
    }

    fn with_cache() -> Self {
        Self::with(1 << 30, true)
    }

    fn with(memory_bytes_max: u64, cached: bool) -> Self {
        Self::changed(memory_bytes_max, cached, |_| {})
    }

    fn changed(memory_bytes_max: u64, cached: bool, change: impl FnOnce(&mut LoaderOptions)) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let ply = "ply\nformat ascii 1.0\nelement vertex 3\nproperty float x\nproperty float y\nproperty float z\n\
            end_header\n0 0 0\n1 0 0\n0 1 0\n";
        let (gltf, corners) = gltf();
        let files: [(&str, Vec<u8>); 6] = [
            ("my model.glb", glb()),
            ("scan.ply", ply.into()),
            ("scan.xyz", "0 0 0\n1 2 3\n4 5 6\n7 8 9\n".into()),
            ("ready.arrAsset", arr_asset()),
            ("parts.gltf", gltf),
            ("triangle.bin", corners),
        ];
        let root = directory.path().canonicalize().expect("it is there");
        let model_files = files
            .into_iter()
            .map(|(name, bytes)| {
                let path = root.join(name);
                std::fs::write(&path, bytes).expect("it is writable");
                path.to_str().expect("UTF-8").to_owned()
            })
            .collect();
        let cache = cached.then(|| tempfile::tempdir().expect("a temporary directory"));
        let mut options = LoaderOptions {
            model_files,
            remote_models: RemoteModels { offered: vec![], allowed_hosts: localhost() },
            memory: Arc::new(ImportMemory::telling(memory_bytes_max, None)),
            prepare: PrepareOptions { texture_dimension_max: 1024, blocks: false },
            cache: cache.as_ref().map(|cache| Cache::open(cache.path(), 1 << 30).expect("it is writable")),
            threads: 2,
        };
        change(&mut options);
        // The loader waits until the test has received each message.
        let (sender, results) = sync_channel(0);
        let loader = Loader::start(options, move |id, loading| sender.send((id, loading)).is_ok());
        Self { loader, results, directory, cache }
    }

    /// Returns the address of a file in the bench's directory.
    fn file(&self, name: &str) -> String {
        let root = self.directory.path().canonicalize().expect("it is there");
        format!("file://{}", root.join(name).display()).replace(' ', "%20")
    }

    fn cached_files(&self) -> Vec<PathBuf> {
        let cache = self.cache.as_ref().expect("a bench with a cache");
        std::fs::read_dir(cache.path()).expect("it is there").map(|entry| entry.expect("readable").path()).collect()
    }

    fn start(&self, serial: u64, uri: &str) -> LoadId {
        let id = LoadId { connection: ConnectionId(0), serial: LoadSerial(serial), command: CommandId(1) };
        assert!(self.loader.load(Job { id, uri: uri.to_owned() }));
        id
    }

    /// Loads a model, with its full form if the first one is coarse.
    fn load(&self, uri: &str) -> Result<LoadOutcome, LoadFailure> {
        let id = self.start(1, uri);
        let mut outcome: Option<LoadOutcome> = None;
        let mut last = (None, -1.0);
        loop {
            let (told_id, loading) = self.results.recv().expect("the loader answers");
            assert_eq!(told_id, id);
            match loading {
                Loading::Progress { stage, fraction } => {
                    assert!(Some(stage) != last.0 || fraction > last.1, "progress went back in {stage}");
                    assert_eq!(stage == LoadStage::Refining, outcome.is_some(), "{stage}");
                    last = (Some(stage), fraction);
                }
                Loading::Loaded { prepared, refines } => {
                    let loaded = LoadOutcome { loaded: prepared.asset().clone(), refined: None };
                    if !refines {
                        return Ok(loaded);
                    }
                    outcome = Some(loaded);
                }
                Loading::Refined(prepared) => {
                    assert!(
                        last.0 == Some(LoadStage::Refining) && last.1 > 0.5,
                        "progress was told nearly to its end: {last:?}"
                    );
                    let loaded = outcome.expect("the coarse form comes first").loaded;
                    return Ok(LoadOutcome {
                        loaded,
                        refined: Some(prepared.expect("it can be refined").asset().clone()),
                    });
                }
                Loading::Failed(failure) => return Err(failure),
            }
        }
    }

    /// Loads a model that needs no refinement.
    fn load_small(&self, uri: &str) -> Asset {
        let outcome = self.load(uri).unwrap_or_else(|error| panic!("{uri}: {error}"));
        assert!(outcome.refined.is_none() && !outcome.loaded.is_coarse());
        outcome.loaded
    }

    fn refused(&self, uri: &str) -> (ErrorCode, String) {
        let failure = self.load(uri).err().unwrap_or_else(|| panic!("{uri} was loaded"));
        (failure.code(), failure.to_string())
    }
}

/// Answers one request with these bytes and closes the connection.
fn serve(answer: Vec<u8>) -> String {
    serve_as("remote.glb", answer)
}

fn serve_as(name: &str, answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("one client");
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(&answer);
    });
    format!("http://{address}/models/{name}?x=1")
}

fn found(body: &[u8]) -> Vec<u8> {
    answer(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}", body.len()), body)
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [head.as_bytes(), b"\r\n\r\n", body].concat()
}

#[test]
fn an_offered_file_is_loaded_and_no_other() {
    let bench = Bench::new(1 << 30);
    let uri = bench.file("my model.glb");
    let asset = bench.load_small(&uri);
    assert_eq!((asset.triangle_count(), asset.name(), asset.source()), (1, "my model", "glTF"));
    let (code, message) = bench.refused("file:///etc/passwd");
    assert_eq!(code, ErrorCode::UriRefused);
    assert!(message.contains("--model"), "{message}");
    assert_eq!(bench.refused(&format!("{uri}/../my%20model.glb")).0, ErrorCode::UriRefused);
}

#[test]
fn a_built_in_model_is_made_and_an_unknown_one_is_not_found() {
    let bench = Bench::new(1 << 30);
    assert!(bench.load(ENGINE).expect("the engine").loaded.parts() >= 2000);
    assert_eq!(bench.refused("builtin://Teapot").0, ErrorCode::ModelNotFound);
}

#[test]
fn an_address_is_fetched() {
    let bench = Bench::new(1 << 30);
    assert_eq!(bench.load_small(&serve(found(&glb()))).name(), "remote");
}

#[test]
fn addresses_that_give_no_model_say_why() {
    let bench = Bench::new(1 << 20);
    let (code, message) = bench.refused(&serve(answer("HTTP/1.1 404 Not Resolved\r\nContent-Length: 0", b"")));
    assert_eq!(code, ErrorCode::ModelNotFound);
    assert!(message.contains("404"), "{message}");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    assert_eq!(bench.refused(&format!("http://{gone}/a.glb")).0, ErrorCode::ModelNotFound);
    assert_eq!(
        bench.refused(&serve(answer("HTTP/1.1 200 OK\r\nContent-Length: 1000", b"glTF"))).0,
        ErrorCode::ModelNotFound
    );
    assert_eq!(
        bench.refused(&serve(answer("HTTP/1.1 200 OK\r\nContent-Length: 5", b"hello"))).0,
        ErrorCode::ModelInvalid
    );
    assert_eq!(bench.refused("ftp://example.com/a.glb").0, ErrorCode::UriRefused);
    assert_eq!(bench.refused("model.glb").0, ErrorCode::UriRefused);
}

#[test]
fn a_body_larger_than_memory_is_not_read_to_the_end() {
    let bench = Bench::new(1 << 20);
    let announced = serve(answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000", b""));
    let (code, message) = bench.refused(&announced);
    assert_eq!(code, ErrorCode::ModelTooLarge);
    assert!(!message.contains("1048576") && message.contains(".arrAsset"), "{message}");
    let endless = serve(answer("HTTP/1.1 200 OK\r\nConnection: close", &vec![0; 4 << 20]));
    assert_eq!(bench.refused(&endless).0, ErrorCode::ModelTooLarge);
}

#[test]
fn a_model_that_needs_too_much_memory_names_the_operators_limit_and_not_the_hosts() {
    let bytes_max = 100;
    for (configured, told) in [(None, "on this host"), (Some(7 << 20), "at most 7 MiB")] {
        let memory = Arc::new(ImportMemory::telling(bytes_max, configured));
        let bench = Bench::changed(bytes_max, false, |options| options.memory = memory);
        let (code, message) = bench.refused(&bench.file("my model.glb"));
        assert_eq!(code, ErrorCode::ModelTooLarge);
        assert!(message.starts_with("my model.glb needs more memory") && message.contains(told), "{message}");
        assert!(!message.contains("100"), "{message}");
    }
}

#[test]
fn loads_of_an_earlier_connection_are_given_up() {
    let bench = Bench::new(1 << 30);
    bench.loader.only(ConnectionId(7));
    assert!(matches!(bench.load(ENGINE), Err(LoadFailure::Abandoned)), "it is not wanted any more");
}

/// Returns the nodes, on which the scene and its ids depend.
fn tree(asset: &Asset) -> Vec<(&str, u32, u32)> {
    asset.nodes().iter().map(|&NodeRecord { name, parent, mesh, .. }| (asset.text(name), parent, mesh)).collect()
}

#[test]
fn a_larger_model_is_loaded_coarse_first_and_then_in_full() {
    let bench = Bench::new(1 << 30);
    let LoadOutcome { loaded, refined } = bench.load(ENGINE).expect("the engine");
    let refined = refined.expect("a coarse form is refined");
    assert!(loaded.is_coarse() && !refined.is_coarse());
    assert_eq!(tree(&loaded), tree(&refined));
    assert!(refined.triangle_count() > SMALL_PRIMITIVES && loaded.triangle_count() <= refined.triangle_count());
}

#[test]
fn a_model_that_was_refined_once_is_loaded_in_full_from_the_cache() {
    let bench = Bench::with_cache();
    let first = bench.load(ENGINE).expect("the engine").refined.expect("it is refined");
    assert_eq!(bench.cached_files().len(), 1);
    let second = bench.load_small(ENGINE);
    assert_eq!((second.bytes(), tree(&second)), (first.bytes(), tree(&first)));
    let other = bench.load("builtin://Engine?triangles=70000").expect("the engine");
    assert!(other.refined.is_some(), "another model");
}

#[test]
fn a_damaged_file_of_the_cache_is_replaced() {
    let bench = Bench::with_cache();
    let bytes = bench.load(ENGINE).expect("the engine").refined.expect("it is refined").bytes();
    let [path] = bench.cached_files().try_into().expect("one file");
    // Another file replaces it, because a file that is still mapped must not get shorter.
    let damaged = path.with_extension("damaged");
    std::fs::write(&damaged, &std::fs::read(&path).expect("readable")[..bytes as usize / 2]).expect("writable");
    std::fs::rename(&damaged, &path).expect("writable");
    assert_eq!(bench.load(ENGINE).expect("the engine").refined.expect("it is built again").bytes(), bytes);
    assert_eq!(bench.load_small(ENGINE).bytes(), bytes);
}

#[test]
fn a_cache_that_cannot_be_written_does_not_reduce_detail() {
    let bench = Bench::with_cache();
    std::fs::remove_dir(bench.cache.as_ref().expect("a bench with a cache").path()).expect("it is empty");
    assert!(bench.load(ENGINE).expect("the engine").refined.is_some());
}

#[test]
fn point_clouds_and_assets_are_loaded_from_files_and_addresses() {
    let bench = Bench::new(1 << 30);
    let ply = bench.load_small(&bench.file("scan.ply"));
    assert_eq!((ply.point_count(), ply.source()), (3, "PLY"));
    let xyz = bench.load_small(&bench.file("scan.xyz"));
    assert_eq!((xyz.point_count(), xyz.source()), (4, "XYZ"));
    let addresses = [bench.file("ready.arrAsset"), serve_as("ready.arrAsset", found(&arr_asset()))];
    for address in addresses {
        let ready = bench.load_small(&address);
        assert_eq!((ready.triangle_count(), ready.name()), (1, "triangle"), "{address}");
    }
}

#[test]
fn files_beside_a_model_are_read_with_a_file_and_not_with_an_address() {
    let bench = Bench::new(1 << 30);
    assert_eq!(bench.load_small(&bench.file("parts.gltf")).triangle_count(), 1);
    let (code, message) = bench.refused(&serve_as("parts.gltf", found(&gltf().0)));
    assert_eq!(code, ErrorCode::ModelInvalid);
    assert!(message.contains("triangle.bin") && message.contains("must carry its data itself"), "{message}");
}

/// Starts to refine one load and calls `end`; then the second load, of `connection`, is refined, and only that one.
fn ends_refining(connection: ConnectionId, end: impl Fn(&Loader)) {
    let bench = Bench::with_cache();
    let first = bench.start(1, ENGINE);
    let refining = |loading: &Loading| matches!(loading, Loading::Progress { stage: LoadStage::Refining, .. });
    while !bench.results.recv().is_ok_and(|(id, loading)| id == first && refining(&loading)) {}
    end(&bench.loader);
    let second = LoadId { connection, serial: LoadSerial(2), command: CommandId(1) };
    assert!(bench.loader.load(Job { id: second, uri: ENGINE.to_owned() }));
    // Refinements are built in their order, so one of the first load would come before.
    let of_refined = |(id, loading)| matches!(loading, Loading::Refined(_)).then_some(id);
    assert_eq!(bench.results.iter().find_map(of_refined), Some(second));
}

#[test]
fn a_connection_that_ends_ends_its_refinements() {
    ends_refining(ConnectionId(7), |loader| loader.only(ConnectionId(7)));
}

#[test]
fn an_unloaded_model_is_not_refined_any_more() {
    ends_refining(ConnectionId(0), |loader| loader.refine_from(LoadSerial(2)));
}

#[test]
fn loads_of_one_command_are_told_apart() {
    let bench = Bench::new(1 << 30);
    let ids = [bench.start(1, ENGINE), bench.start(2, "builtin://Engine?triangles=90000")];
    let mut loaded = Vec::new();
    let mut refined = Vec::new();
    while refined.len() < 2 {
        match bench.results.recv().expect("the loader answers") {
            (id, Loading::Loaded { prepared, refines: true }) => loaded.push((id, prepared.asset().clone())),
            (id, Loading::Refined(Some(prepared))) => refined.push((id, prepared.asset().clone())),
            (_, Loading::Progress { .. }) => {}
            (id, _) => panic!("{id:?} was not loaded"),
        }
    }
    for (index, ((coarse_id, coarse), (full_id, full))) in loaded.iter().zip(&refined).enumerate() {
        assert_eq!((*coarse_id, *full_id), (ids[index], ids[index]));
        assert_eq!(tree(coarse), tree(full));
    }
}
