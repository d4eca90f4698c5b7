//! Measures conversions: `convert_cost [--triangles N] [--threads N] [--no-texture-compression]`.
//!
//! Writes a GLB of the engine with 10 million triangles and one of a single sheet with 4 million, converts both as
//! `remora convert` does, opens the results, and prints tables. Every step is a process of its own, so that peaks of
//! memory do not mix.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use remora_build::{BuildOptions, build_into};
use remora_convert::{Source, open_asset};
use remora_engine::EngineDetail;
use remora_import::{LoadLimits, write_glb};
use remora_model::{Material, Mesh, Model, Node, Primitive};

type Failure = Box<dyn std::error::Error>;

const ENGINE_TRIANGLES: u64 = 10_000_000;
const SHEET_TRIANGLES: u64 = 4_000_000;
/// Pages that are read right after opening, roots first, as for a first frame.
const FIRST_PAGES: usize = 64;
const MIB: f64 = (1 << 20) as f64;

fn main() -> Result<(), Failure> {
    let mut given = std::env::args().skip(1);
    let mut threads = std::thread::available_parallelism()?.get();
    let mut share = 1.0;
    let mut compress_textures = true;
    while let Some(argument) = given.next() {
        let mut value = || given.next().ok_or(format!("{argument} wants a value"));
        match argument.as_str() {
            "--threads" => threads = value()?.parse()?,
            "--triangles" => share = value()?.parse::<f64>()? / ENGINE_TRIANGLES as f64,
            "--no-texture-compression" => compress_textures = false,
            "--make" => return make(&value()?, value()?.parse()?, Path::new(&value()?)),
            "--convert" => return convert(Path::new(&value()?), Path::new(&value()?), threads, compress_textures),
            "--open" => return open(Path::new(&value()?)),
            _ => return Err(format!("{argument} is not known; see the top of this program").into()),
        }
    }
    measure(share, threads, compress_textures)
}

fn measure(share: f64, threads: usize, compress_textures: bool) -> Result<(), Failure> {
    let directory = tempfile::tempdir()?;
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{threads} threads; load before: {}\n", load.trim());
    println!(
        "| model | triangles shown | in meshes | input MiB | output MiB | import s | build s | write s | processor s | \
         M triangles/s | peak MiB | peak / input |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|");
    let cases = [("engine", ENGINE_TRIANGLES), ("sheet", SHEET_TRIANGLES)];
    for (name, triangles) in cases {
        let input = directory.path().join(name).with_extension("glb");
        let triangles = (triangles as f64 * share) as u64;
        itself(&["--make", name, &triangles.to_string(), &text(&input)])?;
        let output = input.with_extension("arrAsset");
        let (threads, input, output) = (threads.to_string(), text(&input), text(&output));
        let mut arguments = vec!["--threads", &threads, "--convert", &input, &output];
        if !compress_textures {
            arguments.insert(0, "--no-texture-compression");
        }
        print!("| {name} {}", itself(&arguments)?);
    }
    println!("\n| model | opened ms | first pages | read ms | peak MiB |\n|---|---|---|---|---|");
    for (name, _) in cases {
        let asset = directory.path().join(name).with_extension("arrAsset");
        print!("| {name} {}", itself(&["--open", &text(&asset)])?);
    }
    Ok(())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Runs this program in a new process and returns its output.
fn itself(arguments: &[&str]) -> Result<String, Failure> {
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

fn make(name: &str, triangles: u64, path: &Path) -> Result<(), Failure> {
    let model = if name == "engine" { remora_engine::build(EngineDetail { triangles }) } else { sheet(triangles) };
    Ok(fs::write(path, write_glb(&model)?)?)
}

/// Returns one mesh of one material with waves of several lengths, so that no part is flat.
fn sheet(triangles: u64) -> Model {
    let side = ((triangles / 2) as f64).sqrt() as u32;
    let mut sheet = Primitive::default();
    for (y, x) in (0..=side).flat_map(|y| (0..=side).map(move |x| (y, x))) {
        let [x, y] = [x, y].map(|at| at as f32 / side as f32 * 10.0);
        let slope = [x.cos() + 0.9 * (x * 9.0).cos(), y.cos() + 0.9 * (y * 9.0).cos()];
        let length = (slope[0] * slope[0] + slope[1] * slope[1] + 1.0).sqrt();
        sheet.positions.push([x, x.sin() + y.sin() + 0.1 * ((x * 9.0).sin() + (y * 9.0).sin()), y]);
        sheet.normals.push([-slope[0] / length, 1.0 / length, -slope[1] / length]);
    }
    for (y, x) in (0..side).flat_map(|y| (0..side).map(move |x| (y, x))) {
        let corner = y * (side + 1) + x;
        let below = corner + side + 1;
        sheet.indices.extend([corner, below, corner + 1, corner + 1, below, below + 1]);
    }
    Model {
        name: "sheet".into(),
        nodes: vec![Node { name: "sheet".into(), mesh: Some(0), ..Node::default() }],
        meshes: vec![Mesh { name: "sheet".into(), primitives: vec![sheet], ..Mesh::default() }],
        materials: vec![Material::default()],
        ..Model::default()
    }
}

/// A file that measures the time of writing.
struct Timed {
    file: File,
    spent: Duration,
}

impl Timed {
    fn time<T>(&mut self, work: impl FnOnce(&mut File) -> T) -> T {
        let begun = Instant::now();
        let result = work(&mut self.file);
        self.spent += begun.elapsed();
        result
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.time(|file| file.write(bytes))
    }

    fn flush(&mut self) -> io::Result<()> {
        self.time(File::flush)
    }
}

impl Seek for Timed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.time(|file| file.seek(to))
    }
}

fn convert(input: &Path, output: &Path, threads: usize, compress_textures: bool) -> Result<(), Failure> {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
    let begun = Instant::now();
    let source = Source::open(input)?;
    let model = pool.install(|| source.model(&LoadLimits::default(), &mut |_| {}))?;
    let imported = begun.elapsed();
    let input_bytes = source.bytes().len();
    drop(source);
    let mut out = BufWriter::with_capacity(1 << 20, Timed { file: File::create(output)?, spent: Duration::ZERO });
    let options = BuildOptions { compress_textures, source: "glTF".into(), ..BuildOptions::default() };
    let bytes = pool.install(|| build_into(&model, &options, &|_| {}, &|| false, &mut out))?;
    let mut timed = out.into_inner().map_err(io::IntoInnerError::into_error)?;
    timed.time(|file| file.sync_all())?;
    let whole = begun.elapsed();
    // A mesh with several instances is built once, so that the rate is that of triangles in meshes.
    let (shown, peak) = (model.triangles(), peak_bytes()?);
    let triangles: u64 = model.meshes.iter().map(Mesh::triangles).sum();
    println!(
        "| {shown} | {triangles} | {:.0} | {:.0} | {:.1} | {:.1} | {:.1} | {:.1} | {:.2} | {:.0} | {:.1} |",
        input_bytes as f64 / MIB,
        bytes as f64 / MIB,
        imported.as_secs_f64(),
        (whole - imported - timed.spent).as_secs_f64(),
        timed.spent.as_secs_f64(),
        processor_seconds()?,
        triangles as f64 / whole.as_secs_f64() / 1e6,
        peak / MIB,
        peak / input_bytes as f64,
    );
    Ok(())
}

fn open(path: &Path) -> Result<(), Failure> {
    let begun = Instant::now();
    let asset = open_asset(path)?;
    let opened = begun.elapsed();
    let pages = asset.pages().len().min(FIRST_PAGES);
    for page in 0..pages {
        asset.page(page as u32)?;
    }
    let read = begun.elapsed() - opened;
    let [opened, read] = [opened, read].map(|time| time.as_secs_f64() * 1e3);
    println!("| {opened:.1} | {pages} | {read:.1} | {:.0} |", peak_bytes()? / MIB);
    Ok(())
}

/// Returns the processor time of all threads. On a busy machine it is a better measure than elapsed time.
fn processor_seconds() -> Result<f64, Failure> {
    /// `USER_HZ`, which is the same on all machines with Linux.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name may contain anything and is in parentheses. Of all fields, utime and stime are numbers 14 and 15.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks =
        |field: usize| fields.get(field - 3).ok_or("the system does not tell")?.parse::<f64>().map_err(Failure::from);
    Ok((ticks(14)? + ticks(15)?) / TICKS_PER_SECOND)
}

/// Returns the peak of this process's memory so far, including mapped files that were read.
fn peak_bytes() -> Result<f64, Failure> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("the system does not tell")?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
    Ok(kibibytes * 1024.0)
}
