use glam::{DVec3, Quat, Vec3};
use remora_build::{BuildOptions, build_asset};
use remora_import::{Input, LoadLimits};
use remora_render::*;
use remora_scene::Scene;

fn rgb(f: &RenderedFrame) -> Vec<u8> {
    let (w, h) = (f.width as usize, f.height as usize);
    let (y, c) = f.data.split_at(w * h);
    let (u, v) = c.split_at(w * h / 4);
    let mut out = Vec::with_capacity(w * h * 3);
    for r in 0..h {
        for x in 0..w {
            let yy = (f32::from(y[r * w + x]) - 16.0) / 219.0;
            let uu = (f32::from(u[(r / 2) * (w / 2) + x / 2]) - 128.0) / 224.0;
            let vv = (f32::from(v[(r / 2) * (w / 2) + x / 2]) - 128.0) / 224.0;
            let rr = yy + 1.5748 * vv;
            let bb = yy + 1.8556 * uu;
            let gg = (yy - 0.2126 * rr - 0.0722 * bb) / 0.7152;
            for c in [rr, gg, bb] {
                out.push((c.clamp(0.0, 1.0) * 255.0 + 0.5) as u8);
            }
        }
    }
    out
}

fn main() {
    let args: Vec<String> = std::env::args().collect();
    let name = &args[1];
    let mode = &args[2];
    let speed: f32 = args.get(3).map_or(2.0, |v| v.parse().unwrap());
    let error: f32 = args.get(4).map_or(2.0, |v| v.parse().unwrap());
    let out = args.get(5).cloned();
    let n = 40usize;
    let stream = Size::new(1280, 720);
    let model = if name.starts_with("builtin:") {
        let remora_engine::Builtin::Engine(detail) = remora_engine::parse_builtin(name).unwrap();
        remora_engine::build(detail)
    } else {
        let limits = LoadLimits { texture_dimension_max: 1024, ..LoadLimits::default() };
        remora_import::import(Input { limits, ..Input::new(&std::fs::read(name).unwrap(), name, &mut |_| {}) }).unwrap()
    };
    let asset = build_asset(&model, &BuildOptions::default(), &|_| {}, &|| false).unwrap();
    let open = || {
        let g = Graphics::open(&GraphicsOptions::default()).unwrap();
        let p = PreparedAsset::new(&asset, &PrepareOptions::for_adapter(g.adapter())).unwrap();
        let mut r = Renderer::new(g, &RendererOptions::default()).unwrap();
        r.warm_up(Samples::One).unwrap();
        let mut s = Scene::new();
        let a = s.add_model(asset.clone());
        r.add_model(a.model, &p).unwrap();
        (r, s)
    };
    let (mut r, mut s) = open();
    let bounds = s.bounds();
    let (center, radius) = (bounds.center(), bounds.radius());
    let camera = |i: usize| {
        let o = Quat::from_rotation_y((i as f32 * speed).to_radians()) * Quat::from_rotation_x(-0.35);
        Camera {
            position: center + (o * Vec3::Z).as_dvec3() * radius * 2.6,
            orientation: o,
            vertical_field_of_view: 0.7,
            near: radius as f32 * 1e-3,
        }
    };
    let req = |i: usize, full: bool, history: History| FrameRequest {
        serial: FrameSerial(i as u64),
        camera: camera(i),
        render_size: if full { stream } else { Size::new(640, 360) },
        samples: if full { Samples::Four } else { Samples::One },
        error_pixels: if full { 0.7 } else { error },
        blend_layers: if full { 4 } else { 2 },
        stream_size: stream,
        format: PixelFormat::I420,
        options: FrameOptions { history, ..Default::default() },
    };
    let mut render = |r: &mut Renderer, s: &mut Scene, q: &FrameRequest| {
        loop {
            r.synchronise(s, q.camera.position).unwrap();
            r.submit(q).unwrap();
            let mut f = RenderedFrame::default();
            let d = r.receive(&mut f).unwrap().unwrap();
            return (f, d);
        }
    };
    let cache = format!("/work/tmp/ref-{}-{speed}.bin", name.replace('/', "_"));
    let refs: Vec<RenderedFrame> = if let Ok(b) = std::fs::read(&cache) {
        b.chunks(1280 * 720 * 3 / 2).map(|c| RenderedFrame { width: 1280, height: 720, data: c.to_vec() }).collect()
    } else {
        let v: Vec<_> = (0..n)
            .map(|i| {
                let q = req(i, true, History::Apart);
                while {
                    let (_, d) = render(&mut r, &mut s, &q);
                    d.pages_missing > 0 && r.await_pages(std::time::Duration::from_secs(5)).unwrap()
                } {}
                render(&mut r, &mut s, &q).0
            })
            .collect();
        std::fs::write(&cache, v.iter().flat_map(|f| f.data.clone()).collect::<Vec<u8>>()).unwrap();
        v
    };
    // load pages
    for i in 0..n {
        while {
            let (_, d) = render(&mut r, &mut s, &req(i, false, History::Apart));
            d.pages_missing > 0 && r.await_pages(std::time::Duration::from_secs(5)).unwrap()
        } {}
    }
    let history = mode == "h";
    render(&mut r, &mut s, &req(0, true, if history { History::Begin } else { History::Apart }));
    let (mut psnr, mut crawl, mut flip, mut flipm, mut share, mut conv, mut k) = (0.0, 0.0, 0.0, 0.0, 0.0, vec![], 0.0);
    let mut last: Option<RenderedFrame> = None;
    let mut total = vec![];
    for i in 1..n {
        let t = std::time::Instant::now();
        let (f, d) = render(&mut r, &mut s, &req(i, false, if history { History::Continue } else { History::Apart }));
        total.push(t.elapsed().as_secs_f64() * 1e3);
        conv.push(d.timings.convert.as_secs_f64() * 1e3);
        share += d.valid_share as f64;
        let lum = 1280 * 720;
        let rf = &refs[i];
        let mse: f64 = f.data[..lum]
            .iter()
            .zip(&rf.data[..lum])
            .map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2))
            .sum::<f64>()
            / lum as f64;
        psnr += 10.0 * (255.0f64 * 255.0 / mse).log10();
        if let Some(l) = &last {
            let rl = &refs[i - 1];
            let c: f64 = (0..lum)
                .map(|p| {
                    ((f64::from(f.data[p]) - f64::from(l.data[p])) - (f64::from(rf.data[p]) - f64::from(rl.data[p])))
                        .abs()
                })
                .sum();
            crawl += c / lum as f64;
        }
        if i % 6 == 3 {
            let (a, b) = (rgb(rf), rgb(&f));
            let a8 = nv_flip::FlipImageRgb8::with_data(1280, 720, &a);
            let b8 = nv_flip::FlipImageRgb8::with_data(1280, 720, &b);
            let m = nv_flip::flip(a8, b8, nv_flip::DEFAULT_PIXELS_PER_DEGREE);
            let pool = nv_flip::FlipPool::from_image(&m);
            let mut pool = pool;
            flip += pool.mean() as f64;
            flipm += 1.0;
            if let Some(o) = &out {
                image::save_buffer(format!("{o}-{mode}-{i}.png"), &b, 1280, 720, image::ColorType::Rgb8).unwrap();
                image::save_buffer(format!("{o}-ref-{i}.png"), &a, 1280, 720, image::ColorType::Rgb8).unwrap();
            }
        }
        last = Some(f);
        k += 1.0;
    }
    conv.sort_by(f64::total_cmp);
    total.sort_by(f64::total_cmp);
    println!(
        "{name} {mode} speed {speed} err {error}: psnr {:.2} flip {:.4} crawl {:.3} valid {:.3} convert {:.2} wall {:.2}",
        psnr / k,
        flip / flipm,
        crawl / (k - 1.0),
        share / k,
        conv[conv.len() / 2],
        total[total.len() / 2]
    );
    let _ = DVec3::ZERO;
}
