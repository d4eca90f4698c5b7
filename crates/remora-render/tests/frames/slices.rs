//! Frames that are handed over in pieces, and given up between them.

use remora_render::{FrameRequest, RenderedFrame, Samples};

use crate::coverage::{front, mixture};
use crate::studio::{Studio, request};

fn studio() -> Studio {
    let mut studio = Studio::new();
    studio.show(mixture().model());
    studio.renderer.synchronise(&mut studio.scene, glam::DVec3::ZERO).expect("the scene is taken over");
    studio
}

fn in_pieces(studio: &mut Studio, request: &FrameRequest) -> (RenderedFrame, u32) {
    studio.renderer.submit_in_slices(request).expect("the frame is taken");
    let mut pieces = 1;
    while !studio.renderer.proceed().expect("the frame is drawn") {
        pieces += 1;
    }
    let mut picture = RenderedFrame::default();
    studio.renderer.receive(&mut picture).expect("the frame is drawn").expect("a frame was in flight");
    (picture, pieces)
}

#[test]
fn a_frame_in_pieces_is_the_same_picture() {
    let mut studio = studio();
    for samples in [Samples::One, Samples::Four] {
        let request = request(front(), samples);
        let whole = studio.draw(&request).0;
        let (picture, pieces) = in_pieces(&mut studio, &request);
        assert!(pieces > 2, "{pieces} pieces");
        assert_eq!(picture, whole);
    }
}

#[test]
fn a_frame_that_was_given_up_leaves_nothing_behind() {
    let mut studio = studio();
    let moving = request(front(), Samples::One);
    let resting = request(front(), Samples::Four);
    let expected = [&moving, &resting].map(|request| studio.draw(request).0);
    for given_up_after in 0..4 {
        studio.renderer.submit_in_slices(&resting).expect("the frame is taken");
        for _ in 0..given_up_after {
            assert!(!studio.renderer.proceed().expect("the frame is drawn"), "there were not that many pieces");
        }
        assert!(studio.renderer.abandon());
        assert_eq!(studio.draw(&moving).0, expected[0]);
        assert_eq!(studio.draw(&resting).0, expected[1]);
    }
}

#[test]
fn a_frame_underway_is_finished_by_receiving_it() {
    let mut studio = studio();
    let request = request(front(), Samples::Four);
    let whole = studio.draw(&request).0;
    studio.renderer.submit_in_slices(&request).expect("the frame is taken");
    assert!(studio.renderer.submit(&request).is_err(), "two frames at once");
    let mut picture = RenderedFrame::default();
    studio.renderer.receive(&mut picture).expect("the frame is drawn").expect("a frame was in flight");
    assert_eq!(picture, whole);
    assert!(studio.renderer.receive(&mut picture).expect("nothing went wrong").is_none());
    assert!(!studio.renderer.abandon(), "there is nothing to give up");
}
