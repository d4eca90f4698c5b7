//! A host and a client at the ends of a simulated path, in virtual time: real RTP, real feedback, no sockets, no
//! waiting.

mod simulation;

use std::time::Duration;

use remora_stream::{BitrateRange, CloseReason, PeerEvent};

use self::simulation::{Path, Simulation};

const SECOND: Duration = Duration::from_secs(1);
const RANGE: BitrateRange =
    BitrateRange { min_bits_per_second: 300_000, start_bits_per_second: 4_000_000, max_bits_per_second: 12_000_000 };

#[test]
fn a_stream_that_is_too_large_for_its_path_fits_within_two_seconds() {
    let mut simulation = Simulation::new(Path::of(3_000_000, Duration::from_millis(20)), RANGE);
    simulation.run(2 * SECOND);
    let target = simulation.target_bits_per_second();
    assert!((1_500_000..3_000_000).contains(&target), "{target} after two seconds");

    simulation.run(10 * SECOND);
    let frames = simulation.take_frames_since(2 * SECOND);
    assert_eq!(frames.lost, 0);
    assert!(frames.per_second > 27.0, "{} frames per second", frames.per_second);
    assert!(frames.delay_median < Duration::from_millis(70), "median {:?}", frames.delay_median);
    assert!(frames.delay_95 < Duration::from_millis(130), "95 % within {:?}", frames.delay_95);
    let target = simulation.target_bits_per_second();
    assert!((1_500_000..3_300_000).contains(&target), "{target} after twelve seconds");
}

#[test]
fn a_wide_path_is_used_up_to_the_maximum_without_holding_frames_back() {
    let mut simulation = Simulation::new(Path::of(100_000_000, Duration::from_millis(2)), RANGE);
    simulation.run(10 * SECOND);
    assert_eq!(simulation.target_bits_per_second(), RANGE.max_bits_per_second);
    let frames = simulation.take_frames_since(Duration::ZERO);
    assert_eq!(frames.held, 0);
    assert!(frames.delay_95 < Duration::from_millis(8), "{:?}", frames.delay_95);
}

#[test]
fn a_path_that_narrows_and_widens_again_is_followed_both_ways() {
    let mut simulation = Simulation::new(Path::of(10_000_000, Duration::from_millis(10)), RANGE);
    simulation.run(5 * SECOND);
    assert!(simulation.target_bits_per_second() > 4_000_000);

    simulation.path.bits_per_second = 2_000_000.0;
    simulation.run(6 * SECOND);
    let narrow = simulation.take_frames_since(7 * SECOND);
    assert!(narrow.delay_95 < Duration::from_millis(180), "two seconds later: {:?}", narrow.delay_95);
    assert!(simulation.target_bits_per_second() < 2_200_000, "{}", simulation.target_bits_per_second());

    simulation.path.bits_per_second = 10_000_000.0;
    simulation.run(12 * SECOND);
    assert!(simulation.target_bits_per_second() > 5_000_000, "{}", simulation.target_bits_per_second());
}

#[test]
fn a_few_lost_packets_are_repaired_and_do_not_slow_the_stream_down() {
    let (mut lost, mut sent) = (0, 0);
    for _ in 0..3 {
        let mut simulation = Simulation::new(Path::of(50_000_000, Duration::from_millis(10)), RANGE);
        simulation.path.loss_per_mille = 10;
        simulation.run(8 * SECOND);
        assert!(simulation.target_bits_per_second() >= RANGE.start_bits_per_second);
        let frames = simulation.take_frames_since(SECOND);
        lost += frames.lost;
        sent += frames.sent;
    }
    // A frame has about 40 packets here: one in three loses a packet and would be lost without repair. One in 200 loses
    // a repair too, and the client that replaces a browser does not wait for a second one. The lost packets differ from
    // run to run, with the keys; hence the margin.
    assert!(lost * 100 <= sent * 3, "{lost} of {sent} frames lost");
}

/// TCP hides losses. Each looks like a queue for one round trip.
#[test]
fn over_tcp_a_few_losses_delay_frames_and_leave_the_rate_usable() {
    let mut simulation = Simulation::new(Path::of(20_000_000, Duration::from_millis(20)), RANGE);
    simulation.path.in_order = true;
    simulation.path.loss_per_mille = 5;
    simulation.run(20 * SECOND);
    let frames = simulation.take_frames_since(2 * SECOND);
    assert_eq!(frames.lost, 0);
    assert!(frames.per_second > 20.0, "{} frames per second", frames.per_second);
    assert!(frames.delay_95 < Duration::from_millis(200), "95 % within {:?}", frames.delay_95);
    let target = simulation.target_bits_per_second();
    assert!(target > 1_000_000, "{target}");
}

#[test]
fn over_tcp_a_stream_that_is_too_large_for_its_path_is_reduced() {
    let mut simulation = Simulation::new(Path::of(3_000_000, Duration::from_millis(20)), RANGE);
    simulation.path.in_order = true;
    simulation.run(12 * SECOND);
    let frames = simulation.take_frames_since(2 * SECOND);
    assert_eq!(frames.lost, 0);
    assert!(frames.per_second > 27.0, "{} frames per second", frames.per_second);
    assert!(frames.delay_95 < Duration::from_millis(130), "95 % within {:?}", frames.delay_95);
}

#[test]
fn heavy_loss_reduces_the_rate() {
    let mut simulation = Simulation::new(Path::of(50_000_000, Duration::from_millis(10)), RANGE);
    simulation.path.loss_per_mille = 250;
    simulation.run(6 * SECOND);
    assert!(simulation.target_bits_per_second() < 2_000_000, "{}", simulation.target_bits_per_second());
}

#[test]
fn a_clock_that_runs_differently_is_no_congestion() {
    for parts_per_million in [200.0, -200.0] {
        let mut simulation = Simulation::new(Path::of(50_000_000, Duration::from_millis(5)), RANGE);
        simulation.client_clock_drift = parts_per_million * 1e-6;
        simulation.run(60 * SECOND);
        assert_eq!(simulation.target_bits_per_second(), RANGE.max_bits_per_second);
        assert_eq!(simulation.take_frames_since(Duration::ZERO).held, 0);
    }
}

#[test]
fn a_lost_last_frame_is_requested_once() {
    let mut simulation = Simulation::new(Path::of(50_000_000, Duration::from_millis(5)), RANGE);
    simulation.run(2 * SECOND);
    simulation.path.loss_per_mille = 1000;
    simulation.send_frame();
    simulation.path.loss_per_mille = 0;
    simulation.frames_wanted = false;
    simulation.events.clear();
    simulation.run(2 * SECOND);
    let repeats = simulation.events.iter().filter(|event| **event == PeerEvent::RepeatWanted).count();
    assert_eq!(repeats, 1);

    simulation.send_frame();
    simulation.events.clear();
    simulation.run(2 * SECOND);
    assert!(!simulation.events.contains(&PeerEvent::RepeatWanted), "it has arrived");
    assert!(simulation.events.iter().all(|event| !matches!(event, PeerEvent::Closed(_))));
}

#[test]
fn a_key_frame_request_during_rest_counts_only_if_something_was_lost() {
    let requested = |simulation: &mut Simulation| {
        simulation.events.clear();
        simulation.request_key_frame();
        simulation.run(SECOND);
        simulation.events.contains(&PeerEvent::KeyFrameWanted)
    };
    let mut simulation = Simulation::new(Path::of(50_000_000, Duration::from_millis(5)), RANGE);
    simulation.run(2 * SECOND);
    assert!(requested(&mut simulation), "while frames are sent");
    simulation.frames_wanted = false;
    simulation.run(3 * SECOND);
    assert!(!requested(&mut simulation), "three seconds after the last frame, which has arrived");

    simulation.path.loss_per_mille = 300;
    simulation.send_frame();
    simulation.path.loss_per_mille = 0;
    simulation.run(Duration::from_millis(100));
    simulation.send_frame();
    simulation.run(3 * SECOND);
    assert!(requested(&mut simulation), "three seconds after losses");
}

#[test]
fn a_still_view_costs_a_few_datagrams_per_second() {
    let mut simulation = Simulation::new(Path::of(50_000_000, Duration::from_millis(5)), RANGE);
    simulation.run(2 * SECOND);
    simulation.frames_wanted = false;
    simulation.run(SECOND);
    let (steps, datagrams) = (simulation.host_steps, simulation.host_datagrams);
    simulation.run(10 * SECOND);
    assert!(simulation.host_steps - steps < 300, "{} wake-ups in ten seconds", simulation.host_steps - steps);
    assert!(simulation.host_datagrams - datagrams < 100, "{}", simulation.host_datagrams - datagrams);
}

#[test]
fn a_path_that_breaks_ends_the_connection_within_five_seconds() {
    let mut simulation = Simulation::new(Path::of(50_000_000, Duration::from_millis(5)), RANGE);
    simulation.run(2 * SECOND);
    simulation.path.loss_per_mille = 1000;
    simulation.path.back_loss_per_mille = 1000;
    simulation.run(5 * SECOND);
    assert_eq!(simulation.events.last(), Some(&PeerEvent::Closed(CloseReason::TimedOut)));
}
