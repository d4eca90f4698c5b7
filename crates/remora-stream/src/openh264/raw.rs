//! Safe methods around the C interface of openh264. Every `unsafe` block of the encoder is in this file.
//!
//! The wrapper of the `openh264` crate is not used because it exposes neither slices nor the quantiser of single
//! frames, and both determine the delay.

use std::ffi::{c_int, c_void};
use std::ptr;

use openh264_sys2::{
    API, DynamicAPI, ENCODER_OPTION, ENCODER_OPTION_BITRATE, ENCODER_OPTION_FRAME_RATE, ENCODER_OPTION_GET_STATISTICS,
    ENCODER_OPTION_RC_MODE, ENCODER_OPTION_SVC_ENCODE_PARAM_EXT, ENCODER_OPTION_TRACE_LEVEL, ISVCEncoder,
    ISVCEncoderVtbl, RC_MODES, SBitrateInfo, SEncParamExt, SEncoderStatistics, SFrameBSInfo, SPATIAL_LAYER_ALL,
    SSourcePicture, WELS_LOG_QUIET, cmResultSuccess, videoFormatI420, videoFrameTypeIDR, videoFrameTypeSkip,
};

use crate::i420::I420;

/// openh264's own result code, anything but `cmResultSuccess`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(pub c_int);

fn check(code: c_int) -> Result<(), Code> {
    if code == cmResultSuccess { Ok(()) } else { Err(Code(code)) }
}

/// An initialised encoder for frames of one size.
pub(super) struct RawEncoder {
    api: DynamicAPI,
    encoder: *mut ISVCEncoder,
    output: Box<SFrameBSInfo>,
}

// SAFETY: the C++ object has no thread affinity: it keeps no thread-local state, and `&mut self` on every method
// keeps calls from overlapping.
unsafe impl Send for RawEncoder {}

/// An encoded frame.
pub(super) struct Output {
    pub data: Vec<u8>,
    pub key: bool,
}

impl RawEncoder {
    /// Opens an encoder. `configure` changes openh264's default parameters.
    pub(super) fn open(configure: impl FnOnce(&mut SEncParamExt)) -> Result<Self, Code> {
        let api = DynamicAPI::from_source();
        let mut encoder: *mut ISVCEncoder = ptr::null_mut();
        // SAFETY: the function writes a pointer to a new object, or fails.
        check(unsafe { api.WelsCreateSVCEncoder(&raw mut encoder) })?;
        if encoder.is_null() {
            return Err(Code(c_int::MIN));
        }
        // From here on `Drop` frees the object.
        let mut this = Self { api, encoder, output: Box::default() };

        let mut quiet = WELS_LOG_QUIET;
        // SAFETY: this option reads an int.
        unsafe { this.set_option(ENCODER_OPTION_TRACE_LEVEL, &mut quiet)? };

        let mut parameters = SEncParamExt::default();
        let vtable = this.vtable();
        // SAFETY: function and object belong together, and the argument has the type that the header names.
        check(unsafe { function(vtable.GetDefaultParams)(this.encoder, &raw mut parameters) })?;
        configure(&mut parameters);
        // SAFETY: as above; the parameters are copied.
        check(unsafe { function(vtable.InitializeExt)(this.encoder, &raw const parameters) })?;
        Ok(this)
    }

    pub(super) fn set_bitrate(&mut self, bits_per_second: c_int) -> Result<(), Code> {
        let mut info = SBitrateInfo { iLayer: SPATIAL_LAYER_ALL, iBitrate: bits_per_second };
        // SAFETY: this option reads an SBitrateInfo.
        unsafe { self.set_option(ENCODER_OPTION_BITRATE, &mut info) }
    }

    pub(super) fn set_frame_rate(&mut self, mut frames_per_second: f32) -> Result<(), Code> {
        // SAFETY: this option reads a float.
        unsafe { self.set_option(ENCODER_OPTION_FRAME_RATE, &mut frames_per_second) }
    }

    pub(super) fn set_rate_control(&mut self, mut mode: RC_MODES) -> Result<(), Code> {
        // SAFETY: this option reads an int, which RC_MODES is.
        unsafe { self.set_option(ENCODER_OPTION_RC_MODE, &mut mode) }
    }

    /// Sets the quantiser of frames that are encoded without rate control.
    pub(super) fn set_quantizer(&mut self, quantizer: c_int) -> Result<(), Code> {
        let mut parameters = SEncParamExt::default();
        let get_option = function(self.vtable().GetOption);
        let option = ENCODER_OPTION_SVC_ENCODE_PARAM_EXT;
        // SAFETY: this option writes an SEncParamExt.
        check(unsafe { get_option(self.encoder, option, (&raw mut parameters).cast::<c_void>()) })?;
        if parameters.sSpatialLayers[0].iDLayerQp == quantizer {
            return Ok(());
        }
        parameters.sSpatialLayers[0].iDLayerQp = quantizer;
        // SAFETY: this option reads an SEncParamExt. Nothing that would reset the encoder differs.
        unsafe { self.set_option(option, &mut parameters) }
    }

    /// Returns the mean quantiser of the newest frame.
    pub(super) fn quantizer(&self) -> Result<u32, Code> {
        let mut statistics = SEncoderStatistics::default();
        let get_option = function(self.vtable().GetOption);
        let target = (&raw mut statistics).cast::<c_void>();
        // SAFETY: this option writes an SEncoderStatistics.
        check(unsafe { get_option(self.encoder, ENCODER_OPTION_GET_STATISTICS, target) })?;
        Ok(statistics.uiAverageFrameQP)
    }

    pub(super) fn request_key_frame(&mut self) -> Result<(), Code> {
        // SAFETY: function and object belong together.
        check(unsafe { function(self.vtable().ForceIntraFrame)(self.encoder, true) })
    }

    /// Encodes a frame of the size that the encoder was opened for. Returns `None` if the encoder dropped the frame.
    pub(super) fn encode(&mut self, frame: I420<'_>, time_milliseconds: i64) -> Result<Option<Output>, Code> {
        let (width, height) = (frame.width() as c_int, frame.height() as c_int);
        let [y, u, v] = frame.planes().map(|plane| plane.as_ptr().cast_mut());
        let source = SSourcePicture {
            iColorFormat: videoFormatI420,
            iStride: [width, width / 2, width / 2, 0],
            pData: [y, u, v, ptr::null_mut()],
            iPicWidth: width,
            iPicHeight: height,
            uiTimeStamp: time_milliseconds,
            ..SSourcePicture::default()
        };
        let encode_frame = function(self.vtable().EncodeFrame);
        // SAFETY: the planes outlive the call, have the lengths that size and strides imply (`I420` checked), and
        // are only read; the encoder copies them before it returns.
        check(unsafe { encode_frame(self.encoder, &raw const source, &raw mut *self.output) })?;
        if self.output.eFrameType == videoFrameTypeSkip {
            return Ok(None);
        }
        Ok(Some(Output { data: self.access_unit(), key: self.output.eFrameType == videoFrameTypeIDR }))
    }

    fn access_unit(&self) -> Vec<u8> {
        let mut data = Vec::with_capacity(self.output.iFrameSizeInBytes.max(0) as usize);
        for layer in &self.output.sLayerInfo[..self.output.iLayerNum as usize] {
            // SAFETY: after a successful encode each of the first `iLayerNum` layers has `iNalCount` lengths, and a
            // buffer of their sum, both owned by the encoder until the next call.
            let bytes = unsafe {
                let lengths = std::slice::from_raw_parts(layer.pNalLengthInByte, layer.iNalCount as usize);
                let length = lengths.iter().map(|&length| length as usize).sum();
                std::slice::from_raw_parts(layer.pBsBuf, length)
            };
            data.extend_from_slice(bytes);
        }
        data
    }

    /// Sets an option.
    ///
    /// # Safety
    ///
    /// `T` must be the type that openh264 reads for this option.
    unsafe fn set_option<T>(&mut self, option: ENCODER_OPTION, value: &mut T) -> Result<(), Code> {
        let set_option = function(self.vtable().SetOption);
        // SAFETY: the caller vouches for the type; the value is copied.
        check(unsafe { set_option(self.encoder, option, ptr::from_mut(value).cast::<c_void>()) })
    }

    fn vtable(&self) -> ISVCEncoderVtbl {
        // SAFETY: `encoder` is not null and points to the table that `WelsCreateSVCEncoder` made.
        unsafe { **self.encoder }
    }
}

/// Returns a function of openh264's table.
fn function<F>(entry: Option<F>) -> F {
    entry.expect("the bundled openh264 fills its whole function table")
}

impl Drop for RawEncoder {
    fn drop(&mut self) {
        // SAFETY: the object was made by `open` and is freed once; `Uninitialize` does nothing where
        // initialisation had failed.
        unsafe {
            function(self.vtable().Uninitialize)(self.encoder);
            self.api.WelsDestroySVCEncoder(self.encoder);
        }
    }
}
