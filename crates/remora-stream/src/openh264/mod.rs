//! Cisco's openh264, built from source into the executable. This encoder works on every machine.
//!
//! It encodes constrained baseline without delay, and key frames on request only. While something moves, its rate
//! control gives each frame an equal budget. At rest, rate control is off and the quantiser steps down from frame to
//! frame, so that each refinement stays small enough not to delay the next movement:
//!
//! ```text
//!   Motion  budget per frame, QP as needed          Rest   QP − 4, QP − 4, … down to REST_QUANTIZER_MIN
//! ```
//!
//! It never skips a frame and never reorders. Frames are skipped before they are rendered, by
//! [`crate::TransportHandle::hold_until`].

mod raw;

use std::ffi::c_int;
use std::num::NonZeroU16;

use openh264_sys2::{
    CAMERA_VIDEO_REAL_TIME, CONSTANT_ID, DEBLOCKING_IDC_0, ELevelIdc, LEVEL_4_0, LEVEL_4_2, LEVEL_5_2, LOW_COMPLEXITY,
    PRO_BASELINE, RC_BITRATE_MODE, RC_OFF_MODE, SEncParamExt, SM_FIXEDSLCNUM_SLICE, SM_SINGLE_SLICE,
};

use self::raw::{Code, Output, RawEncoder};
use crate::encoder::{EncodeError, EncodedFrame, Encoder, Fidelity, FrameRequest};
use crate::i420::I420;

const NAME: &str = "openh264";

/// Lower bound on the measured frame rate. A frame's budget is the bitrate divided by the frame rate, and a slow
/// renderer must not cause large, late frames.
const FRAME_RATE_MIN: f32 = 30.0;
/// Upper bound on the measured frame rate: openh264's own limit.
const FRAME_RATE_MAX: f32 = 60.0;
/// Quantisers in motion. A lower one makes no visible difference, and a higher one looks worse than a skipped frame.
const MOTION_QUANTIZER: std::ops::RangeInclusive<c_int> = 18..=48;
/// The step of the quantiser from one refinement to the next. A step of 4 makes a refinement about as large as a frame
/// in motion, so that it does not delay the next movement.
const REST_QUANTIZER_STEP: c_int = 4;
/// The lowest quantiser at rest: visually lossless for rendered frames; see `examples/encode_cost.rs`.
const REST_QUANTIZER_MIN: c_int = 18;
/// The budget of a key frame, in percent of a frame's budget. A larger one makes the first frame better and slower to
/// arrive.
const KEY_FRAME_BUDGET_PERCENT: c_int = 400;
const BITRATE_MIN: u32 = 100_000;
/// ITU-T H.264 tables E-3 to E-5: BT.709 for primaries, transfer and matrix.
const VUI_BT709: u8 = 1;
/// ITU-T H.264 table E-2.
const VUI_FORMAT_UNSPECIFIED: u8 = 5;

/// The options of the encoder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenH264Options {
    /// The bitrate at the start.
    pub bits_per_second: u32,
    /// Threads, each of which encodes one slice. More slices cost some compression.
    pub threads: NonZeroU16,
}

impl Default for OpenH264Options {
    fn default() -> Self {
        Self { bits_per_second: 6_000_000, threads: NonZeroU16::MIN }
    }
}

/// See the module's documentation.
pub struct OpenH264Encoder {
    options: OpenH264Options,
    frame_rate: FrameRate,
    sequence: Option<Sequence>,
}

/// The encoder for frames of one size.
struct Sequence {
    raw: RawEncoder,
    width: u32,
    height: u32,
    /// Mean quantiser of the newest frame.
    quantizer: c_int,
    rate_controlled: bool,
}

impl OpenH264Encoder {
    /// Prepares an encoder. It opens openh264 with the first frame, whose size it needs.
    pub fn new(options: OpenH264Options) -> Self {
        let bits_per_second = options.bits_per_second.max(BITRATE_MIN);
        Self {
            options: OpenH264Options { bits_per_second, ..options },
            frame_rate: FrameRate::default(),
            sequence: None,
        }
    }
}

impl Encoder for OpenH264Encoder {
    fn encode(&mut self, frame: I420<'_>, request: FrameRequest) -> Result<EncodedFrame, EncodeError> {
        let (width, height) = (frame.width(), frame.height());
        let rate_changed = self.frame_rate.observe(request.rtp_timestamp);
        let sequence = match self.sequence.take() {
            Some(mut sequence) if sequence.width == width && sequence.height == height => {
                if rate_changed {
                    sequence.raw.set_frame_rate(self.frame_rate.frames_per_second).map_err(failed(width, height))?;
                }
                sequence
            }
            _ => Sequence::open(self.options, self.frame_rate.frames_per_second, width, height)
                .map_err(|Code(code)| EncodeError::Setup { encoder: NAME, width, height, code })?,
        };
        // A sequence that failed is dropped, so the next frame starts a new one with a key frame.
        let sequence = self.sequence.insert(sequence);
        let encoded = sequence.encode(frame, request, self.frame_rate.elapsed_milliseconds());
        if encoded.is_err() {
            self.sequence = None;
        }
        encoded.map_err(failed(width, height))
    }

    fn set_bitrate(&mut self, bits_per_second: u32) {
        let bits_per_second = bits_per_second.max(BITRATE_MIN);
        if bits_per_second == self.options.bits_per_second {
            return;
        }
        self.options.bits_per_second = bits_per_second;
        if let Some(sequence) = &mut self.sequence
            && let Err(Code(code)) = sequence.raw.set_bitrate(bits_per_second as c_int)
        {
            tracing::warn!(code, bits_per_second, "openh264 kept its bitrate");
        }
    }
}

fn failed(width: u32, height: u32) -> impl Fn(Code) -> EncodeError {
    move |Code(code)| EncodeError::Failed { encoder: NAME, width, height, code }
}

impl Sequence {
    fn open(options: OpenH264Options, frames_per_second: f32, width: u32, height: u32) -> Result<Self, Code> {
        let raw = RawEncoder::open(|parameters| configure(parameters, options, frames_per_second, width, height))?;
        Ok(Self { raw, width, height, quantizer: *MOTION_QUANTIZER.end(), rate_controlled: true })
    }

    fn encode(&mut self, frame: I420<'_>, request: FrameRequest, time_milliseconds: i64) -> Result<EncodedFrame, Code> {
        if request.key {
            self.raw.request_key_frame()?;
        }
        // A key frame without rate control would be very large. It is refined afterwards instead.
        let refine = request.fidelity == Fidelity::Rest && !request.key;
        if refine {
            let quantizer = (self.quantizer - REST_QUANTIZER_STEP).max(REST_QUANTIZER_MIN);
            self.raw.set_quantizer(quantizer)?;
        }
        if refine == self.rate_controlled {
            self.raw.set_rate_control(if refine { RC_OFF_MODE } else { RC_BITRATE_MODE })?;
            self.rate_controlled = !refine;
        }
        let Output { data, key } = self
            .raw
            .encode(frame, time_milliseconds)?
            .expect("openh264 drops a frame only if frame skipping is enabled, and it is not");
        self.quantizer = self.raw.quantizer()? as c_int;
        Ok(EncodedFrame {
            data,
            rtp_timestamp: request.rtp_timestamp,
            key,
            refinable: self.quantizer > REST_QUANTIZER_MIN,
        })
    }
}

fn configure(parameters: &mut SEncParamExt, options: OpenH264Options, frame_rate: f32, width: u32, height: u32) {
    let bits_per_second = options.bits_per_second as c_int;
    parameters.iUsageType = CAMERA_VIDEO_REAL_TIME;
    parameters.iPicWidth = width as c_int;
    parameters.iPicHeight = height as c_int;
    parameters.iTargetBitrate = bits_per_second;
    parameters.iRCMode = RC_BITRATE_MODE;
    parameters.fMaxFrameRate = frame_rate;
    parameters.iComplexityMode = LOW_COMPLEXITY;
    parameters.uiIntraPeriod = 0;
    parameters.eSpsPpsIdStrategy = CONSTANT_ID;
    parameters.bEnableFrameSkip = false;
    parameters.iMinQp = *MOTION_QUANTIZER.start();
    parameters.iMaxQp = *MOTION_QUANTIZER.end();
    parameters.iMultipleThreadIdc = options.threads.get();
    parameters.iLoopFilterDisableIdc = DEBLOCKING_IDC_0;
    // A turn of the view is not a scene change. Key frames come on request only.
    parameters.bEnableSceneChangeDetect = false;
    parameters.bEnableBackgroundDetection = false;
    parameters.bEnableAdaptiveQuant = false;
    parameters.iIdrBitrateRatio = KEY_FRAME_BUDGET_PERCENT;
    parameters.iSpatialLayerNum = 1;
    parameters.iTemporalLayerNum = 1;

    let layer = &mut parameters.sSpatialLayers[0];
    layer.iVideoWidth = width as c_int;
    layer.iVideoHeight = height as c_int;
    layer.fFrameRate = frame_rate;
    layer.iSpatialBitrate = bits_per_second;
    layer.uiProfileIdc = PRO_BASELINE;
    layer.uiLevelIdc = level(width, height);
    let threads = options.threads.get();
    layer.sSliceArgument.uiSliceMode = if threads == 1 { SM_SINGLE_SLICE } else { SM_FIXEDSLCNUM_SLICE };
    layer.sSliceArgument.uiSliceNum = threads.into();
    layer.bVideoSignalTypePresent = true;
    layer.uiVideoFormat = VUI_FORMAT_UNSPECIFIED;
    layer.bFullRange = false;
    layer.bColorDescriptionPresent = true;
    layer.uiColorPrimaries = VUI_BT709;
    layer.uiTransferCharacteristics = VUI_BT709;
    layer.uiColorMatrix = VUI_BT709;
}

/// Returns the level for a frame size (ITU-T H.264 table A-1, MaxFS at 60 frames per second), at least 4.0. A change of
/// the quantiser makes openh264 compare level and bitrate again, and a level that is too low would restart the stream.
fn level(width: u32, height: u32) -> ELevelIdc {
    match width.div_ceil(16) * height.div_ceil(16) {
        ..=4096 => LEVEL_4_0,
        4097..=8704 => LEVEL_4_2,
        _ => LEVEL_5_2,
    }
}

/// The frame rate according to the frames' timestamps, because frames follow inputs and not a clock.
struct FrameRate {
    frames_per_second: f32,
    smoothed_interval_ticks: f32,
    newest: Option<u32>,
    elapsed_ticks: u64,
}

impl Default for FrameRate {
    fn default() -> Self {
        Self {
            frames_per_second: FRAME_RATE_MIN,
            smoothed_interval_ticks: Self::TICKS_PER_SECOND / FRAME_RATE_MIN,
            newest: None,
            elapsed_ticks: 0,
        }
    }
}

impl FrameRate {
    const TICKS_PER_SECOND: f32 = 90_000.0;
    /// Smaller changes are not passed on to the rate control.
    const RELATIVE_CHANGE_MIN: f32 = 0.15;

    /// Adds a frame. Returns whether the rate has changed enough to matter.
    fn observe(&mut self, rtp_timestamp: u32) -> bool {
        let interval_ticks = self.newest.map_or(0, |newest| rtp_timestamp.wrapping_sub(newest));
        self.newest = Some(rtp_timestamp);
        self.elapsed_ticks += u64::from(interval_ticks);

        let slowest = Self::TICKS_PER_SECOND / FRAME_RATE_MIN;
        let fastest = Self::TICKS_PER_SECOND / FRAME_RATE_MAX;
        // A pause must not lower the frame rate of the next movement.
        let interval = (interval_ticks as f32).clamp(fastest, slowest);
        self.smoothed_interval_ticks += (interval - self.smoothed_interval_ticks) / 8.0;
        let measured = Self::TICKS_PER_SECOND / self.smoothed_interval_ticks;
        let changed = (measured / self.frames_per_second - 1.0).abs() > Self::RELATIVE_CHANGE_MIN;
        if changed {
            self.frames_per_second = measured;
        }
        changed
    }

    fn elapsed_milliseconds(&self) -> i64 {
        (self.elapsed_ticks / 90) as i64
    }
}
