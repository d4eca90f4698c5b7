//! Frames that are submitted in slices, and abandoned between them.

use remora_render::{FrameRequest, RenderedFrame, Samples};

use crate::coverage::{front, mixture};
use crate::studio::{Studio, request};

fn studio() -> Studio {
    let mut studio = Studio::new();
    studio.show(mixture().model());
    studio.renderer.synchronise(&mut studio.scene, glam::DVec3::ZERO).expect("the scene is taken over");
    studio
}

fn in_slices(studio: &mut Studio, request: &FrameRequest) -> (RenderedFrame, u32) {
    studio.renderer.submit_in_slices(request).expect("the frame is taken");
    let mut slices = 1;
    while !studio.renderer.proceed().expect("the frame is drawn") {
        slices += 1;
    }
    let mut frame = RenderedFrame::default();
    studio.renderer.receive(&mut frame).expect("the frame is drawn").expect("a frame was in flight");
    (frame, slices)
}

#[test]
fn a_frame_in_slices_equals_a_whole_one() {
    for samples in [Samples::One, Samples::Four] {
        // A new renderer has measured nothing and divides shading into several parts.
        let mut studio = studio();
        let request = request(front(), samples);
        let whole = studio.draw(&request).0;
        let (frame, slices) = in_slices(&mut studio, &request);
        assert!(slices > 6, "{slices} pieces");
        assert_eq!(frame, whole);
        let (frame, fitted) = in_slices(&mut studio, &request);
        assert!(fitted <= slices, "{fitted} pieces of a frame that takes little time");
        assert_eq!(frame, whole);
    }
}

#[test]
fn an_abandoned_frame_leaves_no_trace() {
    let mut studio = studio();
    let moving = request(front(), Samples::One);
    let resting = request(front(), Samples::Four);
    let expected = [&moving, &resting].map(|request| studio.draw(request).0);
    for given_up_after in 0..4 {
        studio.renderer.submit_in_slices(&resting).expect("the frame is taken");
        for _ in 0..given_up_after {
            assert!(!studio.renderer.proceed().expect("the frame is drawn"), "the frame has more slices");
        }
        assert!(studio.renderer.abandon());
        assert_eq!(studio.draw(&moving).0, expected[0]);
        assert_eq!(studio.draw(&resting).0, expected[1]);
    }
}

#[test]
fn receiving_submits_the_remaining_slices() {
    let mut studio = studio();
    let request = request(front(), Samples::Four);
    let whole = studio.draw(&request).0;
    studio.renderer.submit_in_slices(&request).expect("the frame is taken");
    assert!(studio.renderer.submit(&request).is_err(), "two frames at once");
    let mut frame = RenderedFrame::default();
    studio.renderer.receive(&mut frame).expect("the frame is drawn").expect("a frame was in flight");
    assert_eq!(frame, whole);
    assert!(studio.renderer.receive(&mut frame).expect("nothing went wrong").is_none());
    assert!(!studio.renderer.abandon(), "a frame can be abandoned");
}
