//! The loader against files and a server of the test's own.

use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
};

use super::*;

struct Bench {
    loader: Loader,
    results: Receiver<(u64, u32, Loading)>,
    _directory: tempfile::TempDir,
    file: String,
}

fn glb() -> Vec<u8> {
    let primitive = remora_assets::Primitive {
        positions: vec![[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        normals: vec![[0.0, 0.0, 1.0]; 3],
        indices: vec![0, 1, 2],
        ..Default::default()
    };
    let model = Model {
        name: "triangle".into(),
        nodes: vec![remora_assets::Node { name: "part".into(), mesh: Some(0), ..Default::default() }],
        meshes: vec![remora_assets::Mesh { name: "mesh".into(), primitives: vec![primitive], ..Default::default() }],
        materials: vec![Default::default()],
        textures: vec![],
    };
    remora_assets::write_glb(&model).expect("a good model")
}

impl Bench {
    fn new(memory_bytes_max: u64) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().canonicalize().expect("it is there").join("my model.glb");
        std::fs::write(&path, glb()).expect("it is writable");
        let file = path.to_str().expect("UTF-8").to_owned();
        let (sender, results) = channel();
        let options = LoaderOptions {
            model_files: vec![file.clone()],
            limits: LoadLimits { memory_bytes_max, texture_dimension_max: 1024 },
            prepare: PrepareOptions { texture_dimension_max: 1024, threads: 1 },
        };
        let loader = Loader::start(options, move |generation, command, loading| {
            sender.send((generation, command, loading)).is_ok()
        });
        Self { loader, results, _directory: directory, file }
    }

    fn load(&self, uri: &str) -> Result<Arc<Model>, LoadFailure> {
        assert!(self.loader.load(Job { generation: 0, command: 1, uri: uri.to_owned() }));
        let mut last = (String::new(), -1.0);
        loop {
            match self.results.recv().expect("the loader answers").2 {
                Loading::Progress { stage, fraction } => {
                    assert!(stage != last.0 || fraction > last.1, "progress went back in {stage}");
                    last = (stage.to_owned(), fraction);
                }
                Loading::Loaded { model, .. } => return Ok(model),
                Loading::Failed(failure) => return Err(failure),
            }
        }
    }

    fn refused(&self, uri: &str) -> (&'static str, String) {
        let failure = self.load(uri).err().unwrap_or_else(|| panic!("{uri} was loaded"));
        (failure.code(), failure.to_string())
    }
}

/// Answers one request with these bytes and hangs up.
fn serve(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("one client");
        let mut request = [0; 4096];
        let _ = stream.read(&mut request);
        let _ = stream.write_all(&answer);
    });
    format!("http://{address}/models/remote.glb?x=1")
}

fn answer(head: &str, body: &[u8]) -> Vec<u8> {
    [head.as_bytes(), b"\r\n\r\n", body].concat()
}

#[test]
fn an_offered_file_is_loaded_and_no_other() {
    let bench = Bench::new(1 << 30);
    let uri = format!("file://{}", bench.file.replace(' ', "%20"));
    let model = bench.load(&uri).expect("a good model");
    assert_eq!((model.triangles(), model.name.as_str()), (1, "my model"));
    let (code, message) = bench.refused("file:///etc/passwd");
    assert_eq!(code, "UriRefused");
    assert!(message.contains("--model"), "{message}");
    assert_eq!(bench.refused(&format!("{uri}/../my%20model.glb")).0, "UriRefused");
}

#[test]
fn a_built_in_model_is_made_and_an_unknown_one_is_not_found() {
    let bench = Bench::new(1 << 30);
    assert!(bench.load("builtin://Engine?triangles=50000").expect("the engine").parts() >= 2000);
    assert_eq!(bench.refused("builtin://Teapot").0, "ModelNotFound");
}

#[test]
fn an_address_is_fetched() {
    let bench = Bench::new(1 << 30);
    let body = glb();
    let uri = serve(answer(&format!("HTTP/1.1 200 OK\r\nContent-Length: {}", body.len()), &body));
    assert_eq!(bench.load(&uri).expect("a good model").name, "remote");
}

#[test]
fn addresses_that_give_no_model_say_why() {
    let bench = Bench::new(1 << 20);
    let (code, message) = bench.refused(&serve(answer("HTTP/1.1 404 Not Found\r\nContent-Length: 0", b"")));
    assert_eq!(code, "ModelNotFound");
    assert!(message.contains("404"), "{message}");
    let gone = TcpListener::bind("127.0.0.1:0").expect("a free port").local_addr().expect("bound");
    assert_eq!(bench.refused(&format!("http://{gone}/a.glb")).0, "ModelNotFound");
    assert_eq!(bench.refused(&serve(answer("HTTP/1.1 200 OK\r\nContent-Length: 1000", b"glTF"))).0, "ModelNotFound");
    assert_eq!(bench.refused(&serve(answer("HTTP/1.1 200 OK\r\nContent-Length: 5", b"hello"))).0, "ModelInvalid");
    assert_eq!(bench.refused("ftp://example.com/a.glb").0, "UriRefused");
    assert_eq!(bench.refused("model.glb").0, "UriRefused");
}

#[test]
fn a_body_larger_than_memory_is_not_read_to_the_end() {
    let bench = Bench::new(1 << 20);
    let announced = serve(answer("HTTP/1.1 200 OK\r\nContent-Length: 1000000000000", b""));
    assert_eq!(bench.refused(&announced).0, "ModelTooLarge");
    let endless = serve(answer("HTTP/1.1 200 OK\r\nConnection: close", &vec![0; 4 << 20]));
    assert_eq!(bench.refused(&endless).0, "ModelTooLarge");
}

#[test]
fn what_an_earlier_connection_wanted_is_given_up() {
    let bench = Bench::new(1 << 30);
    bench.loader.only(7);
    let failure = bench.load("builtin://Engine?triangles=50000").expect_err("nobody wants it");
    assert!(matches!(failure, LoadFailure::Abandoned));
}

#[test]
fn escapes_in_addresses_are_decoded() {
    assert_eq!(percent_decoded("/a%20b%C3%A9%").as_deref(), Some("/a bé%"));
    assert_eq!(percent_decoded("%FF"), None);
}
