//! The default encoder, checked with an independent decoder.

mod synthetic;

use openh264::decoder::Decoder;
use openh264::nal_units;
use remora_stream::{
    EncodedFrame, Encoder, EncoderBackend, Fidelity, FrameRequest, I420, OpenH264Encoder, OpenH264Options,
};

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;
const TICKS_PER_FRAME: u32 = 3000;

struct Stream {
    encoder: OpenH264Encoder,
    decoder: Decoder,
    rtp_timestamp: u32,
}

impl Stream {
    fn new(bits_per_second: u32) -> Self {
        let options = OpenH264Options { bits_per_second, ..OpenH264Options::default() };
        // Starts just below the wrap, so that every test crosses it.
        let rtp_timestamp = u32::MAX - 2 * TICKS_PER_FRAME;
        Self { encoder: OpenH264Encoder::new(options), decoder: synthetic::decoder(), rtp_timestamp }
    }

    /// Encodes a frame. Returns it with the PSNR of the decoded frame.
    fn frame(
        &mut self,
        data: &[u8],
        (width, height): (u32, u32),
        key: bool,
        fidelity: Fidelity,
    ) -> (EncodedFrame, f64) {
        self.rtp_timestamp = self.rtp_timestamp.wrapping_add(TICKS_PER_FRAME);
        let request = FrameRequest { rtp_timestamp: self.rtp_timestamp, key, fidelity };
        let frame = self.encoder.encode(I420::new(width, height, data).unwrap(), request).unwrap();
        assert_eq!(frame.rtp_timestamp, self.rtp_timestamp);
        let decoded = self.decoder.decode(&frame.data).unwrap().expect("one frame per access unit");
        let decibels = synthetic::psnr(data, &decoded);
        (frame, decibels)
    }

    fn motion(&mut self, angle: f32) -> (EncodedFrame, f64) {
        self.frame(&synthetic::picture(WIDTH, HEIGHT, angle), (WIDTH, HEIGHT), false, Fidelity::Motion)
    }
}

fn nal_types(frame: &EncodedFrame) -> Vec<u8> {
    nal_units(&frame.data).map(|unit| unit[unit.iter().position(|&byte| byte == 1).unwrap() + 1] & 0x1f).collect()
}

#[test]
fn the_stream_starts_with_parameter_sets_of_constrained_baseline() {
    let (frame, _) = Stream::new(2_000_000).motion(0.0);
    assert!(frame.key);
    assert_eq!(nal_types(&frame), [7, 8, 5], "SPS, PPS, one IDR slice");
    let sps: Vec<u8> = nal_units(&frame.data).next().unwrap().iter().copied().skip_while(|&byte| byte == 0).collect();
    assert_eq!(sps[2], 66, "profile_idc baseline");
    assert_ne!(sps[3] & 0x40, 0, "constraint_set1_flag: constrained");
}

#[test]
fn the_default_backend_opens_an_encoder_whose_first_frame_is_a_key_frame() {
    let mut encoder = EncoderBackend::default().open();
    let data = synthetic::picture(WIDTH, HEIGHT, 0.0);
    let request = FrameRequest { rtp_timestamp: 7, key: false, fidelity: Fidelity::Motion };
    let frame = encoder.encode(I420::new(WIDTH, HEIGHT, &data).unwrap(), request).unwrap();
    assert!(frame.key && frame.rtp_timestamp == 7);
    assert!(synthetic::decoder().decode(&frame.data).unwrap().is_some());
}

#[test]
fn key_frames_come_on_request_and_never_otherwise() {
    let mut stream = Stream::new(2_000_000);
    for index in 0..40 {
        // A cut in the middle must not become a key frame of its own.
        let angle = index as f32 * 0.05 + if index > 20 { 2.0 } else { 0.0 };
        let data = synthetic::picture(WIDTH, HEIGHT, angle);
        let requested = index == 30;
        let (frame, _) = stream.frame(&data, (WIDTH, HEIGHT), requested, Fidelity::Motion);
        assert_eq!(frame.key, index == 0 || requested, "frame {index}");
        assert_eq!(nal_types(&frame).contains(&5), frame.key, "frame {index}");
    }
}

#[test]
fn a_new_size_starts_a_new_sequence() {
    let mut stream = Stream::new(2_000_000);
    stream.motion(0.0);
    stream.motion(0.05);
    // Neither side is a multiple of a macroblock.
    let (width, height) = (410, 238);
    let (frame, decibels) =
        stream.frame(&synthetic::picture(width, height, 0.1), (width, height), false, Fidelity::Motion);
    assert!(frame.key && decibels > 30.0, "{decibels} dB");
    let (frame, _) = stream.frame(&synthetic::picture(width, height, 0.1), (width, height), false, Fidelity::Motion);
    assert!(!frame.key);
}

#[test]
fn a_frame_keeps_its_budget_while_something_moves() {
    let mut stream = Stream::new(3_000_000);
    let bytes = |stream: &mut Stream, from: u32| -> usize {
        (from..from + 30).map(|index| stream.motion(index as f32 * 0.03).0.data.len()).sum()
    };
    bytes(&mut stream, 0);
    let full = bytes(&mut stream, 30) * 8;
    assert!((2_000_000..=3_600_000).contains(&full), "{full} bits in a second at 3 Mbit/s");

    stream.encoder.set_bitrate(1_000_000);
    bytes(&mut stream, 60);
    let third = bytes(&mut stream, 90) * 8;
    assert!((600_000..=1_300_000).contains(&third), "{third} bits in a second at 1 Mbit/s");
}

#[test]
fn a_frame_at_rest_is_refined_until_it_cannot_be_improved() {
    let mut stream = Stream::new(1_500_000);
    let mut in_motion = 0.0;
    for index in 0..20 {
        in_motion = stream.motion(index as f32 * 0.03).1;
    }
    let still = synthetic::picture(WIDTH, HEIGHT, 19.0 * 0.03);
    let mut before = in_motion;
    for step in 0..6 {
        let (frame, decibels) = stream.frame(&still, (WIDTH, HEIGHT), false, Fidelity::Rest);
        assert!(!frame.key, "refinement {step} is no key frame");
        assert!(decibels > before, "refinement {step}: {before} dB, then {decibels} dB");
        before = decibels;
        if !frame.refinable {
            assert!(decibels > in_motion + 6.0, "{in_motion} dB in motion, {decibels} dB at rest");
            return;
        }
    }
    panic!("still refinable after six refinements");
}

#[test]
fn motion_after_rest_is_back_in_its_budget_at_once() {
    let mut stream = Stream::new(1_500_000);
    for index in 0..20 {
        stream.motion(index as f32 * 0.03);
    }
    let still = synthetic::picture(WIDTH, HEIGHT, 19.0 * 0.03);
    while stream.frame(&still, (WIDTH, HEIGHT), false, Fidelity::Rest).0.refinable {}
    for index in 20..30 {
        let bits = stream.motion(index as f32 * 0.03).0.data.len() * 8;
        assert!(bits < 2 * 1_500_000 / 30, "frame {index} has {bits} bits, the budget is 50,000");
    }
}

#[test]
fn a_key_frame_at_rest_is_small_and_refinable() {
    let mut stream = Stream::new(1_500_000);
    let still = synthetic::picture(WIDTH, HEIGHT, 0.0);
    let (frame, _) = stream.frame(&still, (WIDTH, HEIGHT), true, Fidelity::Rest);
    assert!(frame.key && frame.refinable);
    assert!(frame.data.len() * 8 < 1_500_000 / 30 * 8, "{} bytes", frame.data.len());
}
