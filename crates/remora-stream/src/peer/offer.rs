//! Turns a client's SDP offer into a configured str0m instance and its answer.

use std::time::Instant;

use remora_protocol::handshake::OFFER_BYTES_MAX;
use str0m::change::SdpOffer;
use str0m::format::{Codec, PayloadParams};
use str0m::media::{Mid, Pt};
use str0m::net::TcpType;
use str0m::rtp::Extension;
use str0m::{Candidate, Rtc};
use thiserror::Error;

use super::event::CONTROL_BYTES_MAX;
use super::options::{BUFFERED_BYTES_MAX, CONSENT_INTERVAL, MappedAddress, PeerOptions, STATISTICS_INTERVAL};

/// The reason why an offer is refused. Nothing was reserved for it.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum OfferError {
    /// The offer exceeds the limit.
    #[error("an offer of {bytes} bytes is too large; accepted are at most {OFFER_BYTES_MAX}")]
    TooLarge {
        /// Bytes of the offer.
        bytes: usize,
    },
    /// The offer is not SDP.
    #[error("the body is not an SDP offer: {0}")]
    NotSdp(String),
    /// str0m refuses the offer.
    #[error("the offer was not accepted: {0}")]
    Refused(String),
    /// The offer receives no video.
    #[error("the offer has no video line that receives (a=recvonly or a=sendrecv)")]
    NoVideo,
    /// The client decodes no suitable H.264.
    #[error("the offer's video has no H.264 with packetization-mode=1")]
    NoH264,
    /// The offer has no data channels.
    #[error("the offer has no data channel line (m=application … webrtc-datachannel)")]
    NoDataChannel,
}

/// An accepted offer.
pub(super) struct Accepted {
    pub rtc: Rtc,
    pub mid: Mid,
    pub pt: Pt,
    pub answer: String,
}

/// Accepts an offer.
pub(super) fn accept(offer: &str, options: &PeerOptions, now: Instant) -> Result<Accepted, OfferError> {
    if offer.len() > OFFER_BYTES_MAX {
        return Err(OfferError::TooLarge { bytes: offer.len() });
    }
    let has_data_channel = offer.lines().any(|line| line.starts_with("m=application ") && !line.contains(" 0 "));
    let parsed = SdpOffer::from_sdp_string(offer).map_err(|error| OfferError::NotSdp(error.to_string()))?;
    if !has_data_channel {
        return Err(OfferError::NoDataChannel);
    }

    let mut rtc = configure().build(now);
    add_candidates(&mut rtc, options);
    let answer = rtc.sdp_api().accept_offer(parsed).map_err(|error| OfferError::Refused(error.to_string()))?;
    let (mid, pt) = choose_video(&mut rtc, offer)?;
    Ok(Accepted { rtc, mid, pt, answer: answer.to_sdp_string() })
}

/// Advertises UDP and TCP on each address. Browsers use UDP if both work: a pair of candidates has about the priority
/// of the lower one, and the browser's TCP candidate has a lower priority than its UDP candidates.
fn add_candidates(rtc: &mut Rtc, options: &PeerOptions) {
    let udp = || Candidate::builder().udp();
    let tcp = || Candidate::builder().tcp().tcptype(TcpType::Passive);
    let local =
        options.local_addresses.iter().flat_map(|&address| [udp().host(address).build(), tcp().host(address).build()]);
    let mapped = options.mapped_address.iter().flat_map(|&MappedAddress { external, local }| {
        [udp().server_reflexive(external, local).build(), tcp().server_reflexive(external, local).build()]
    });
    for candidate in local.chain(mapped) {
        match candidate {
            Ok(candidate) => drop(rtc.add_local_candidate(candidate)),
            Err(error) => tracing::warn!(%error, "an address is not advertised"),
        }
    }
}

/// Payload type, payload type of retransmissions and profile of each variant of H.264 whose decoders accept constrained
/// baseline: constrained baseline, baseline, main and high, each nominally up to level 3.1. Browsers decode larger
/// frames too. The client's payload types take precedence.
const H264_PROFILES: [(u8, u8, u32); 4] =
    [(108, 109, 0x42e01f), (127, 121, 0x42001f), (123, 119, 0x4d001f), (114, 115, 0x64001f)];

fn configure() -> str0m::RtcConfig {
    let mut config = Rtc::builder()
        .clear_codecs()
        .set_extension(5, Extension::PlayoutDelay)
        .set_extension(6, Extension::AbsoluteCaptureTime)
        .set_stats_interval(Some(STATISTICS_INTERVAL))
        .set_sctp_max_message_size(CONTROL_BYTES_MAX as u32)
        .set_sctp_max_buffered_amount(BUFFERED_BYTES_MAX)
        // str0m's own bandwidth estimation includes a pacer that spreads each frame over tens of milliseconds. Ours
        // uses the same feedback, which is visible only among the raw packets.
        .enable_raw_packets(true);
    config.set_max_stun_rto(CONSENT_INTERVAL);
    for (payload_type, retransmission, profile) in H264_PROFILES {
        config.codec_config().add_h264(payload_type.into(), Some(retransmission.into()), true, profile);
    }
    config
}

/// Returns the first video line that the client receives and that can carry our H.264.
fn choose_video(rtc: &mut Rtc, offer: &str) -> Result<(Mid, Pt), OfferError> {
    let mut receives_video = false;
    for mid in video_lines(offer) {
        if !rtc.media(mid).is_some_and(|media| media.direction().is_sending()) {
            continue;
        }
        receives_video = true;
        let Some(writer) = rtc.writer(mid) else {
            continue;
        };
        if let Some(params) =
            writer.payload_params().filter(|params| carries_h264(params)).min_by_key(|params| preference(params))
        {
            return Ok((mid, params.pt()));
        }
    }
    Err(if receives_video { OfferError::NoH264 } else { OfferError::NoVideo })
}

/// Returns the ids of the video lines. str0m knows them only after DTLS, which is too late for an error message.
fn video_lines(offer: &str) -> impl Iterator<Item = Mid> {
    let mut in_video = false;
    offer.lines().filter_map(move |line| {
        if line.starts_with("m=") {
            in_video = line.starts_with("m=video ");
        }
        line.strip_prefix("a=mid:").filter(|_| in_video).map(|mid| Mid::from(mid.trim()))
    })
}

fn carries_h264(params: &PayloadParams) -> bool {
    params.spec().codec == Codec::H264 && params.spec().format.packetization_mode == Some(1)
}

/// Ranks the profiles. Constrained baseline is sent, which decoders of other profiles accept too.
fn preference(params: &PayloadParams) -> u8 {
    let profile = params.spec().format.profile_level_id.unwrap_or_default() >> 8;
    match profile {
        0x42e0 => 0,
        0x4200 => 1,
        _ => 2,
    }
}
