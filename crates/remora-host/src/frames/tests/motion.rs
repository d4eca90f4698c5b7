//! A graphics device that fails in the middle of a movement.

use remora_render::{FrameDone, History, RenderedFrame};
use remora_stream::Fidelity;

use super::*;
use crate::stage::{FramePlan, Work};

/// Longest wait for geometry that a frame lacks.
const PAGE_TIME_MAX: Duration = Duration::from_secs(10);

impl Bench {
    /// Returns a bench that shows the engine in full detail.
    fn with_engine() -> Self {
        let mut bench = Self::connected();
        bench.say_load(ENGINE);
        bench.until(|frames| is_refined(frames, 1));
        bench
    }

    /// Sends a pose and plans its frame.
    fn plan_motion(&mut self, angle: f64) -> FramePlan {
        self.look_from(angle);
        // A pick loads all geometry of the view, and leaves the history alone.
        while {
            self.look_at(0.0, 0.0).expect("a device");
            self.frames.pipeline.renderer.await_pages(PAGE_TIME_MAX).expect("a device")
        } {}
        let stage = &mut self.frames.stage;
        stage.tick(self.frames.clock.now());
        let at = stage.poll_timeout().expect("a frame is due");
        let plan = stage.poll_frame(at).expect("a frame is due");
        assert_eq!(plan.fidelity, Fidelity::Motion);
        plan
    }

    /// Renders a planned frame, and gives the plan back as if it had been encoded.
    fn picture(&mut self, plan: FramePlan) -> (RenderedFrame, FrameDone) {
        let FrameLoop { stage, pipeline, clock, .. } = &mut self.frames;
        let Work::Render { pose, detail, stream_size, checkerboard, .. } = plan.work else {
            panic!("a frame to render")
        };
        let request = detail.request(plan.serial, pose.camera(), stream_size, checkerboard);
        pipeline.renderer.synchronise(stage.scene_mut(), pose.position).expect("a device");
        pipeline.renderer.submit(&request).expect("a device");
        let mut picture = RenderedFrame::default();
        let done = pipeline.renderer.receive(&mut picture).expect("a device").expect("a frame was in flight");
        stage.frame_failed(clock.now(), plan);
        (picture, done)
    }
}

#[test]
fn a_device_that_is_lost_in_motion_is_followed_by_a_right_frame_that_begins_a_history() {
    let mut bench = Bench::with_engine();
    // A card that is quick enough needs no history.
    let mut continues = false;
    for number in 0..6 {
        let plan = bench.plan_motion(f64::from(number) * 0.02);
        let Work::Render { detail, .. } = plan.work else { panic!("a frame to render") };
        let (_, done) = bench.picture(plan);
        continues = detail.history == History::Continue;
        if continues && number > 0 {
            assert!(done.valid_share > 0.9, "{} of frame {number} is new or valid", done.valid_share);
        }
    }
    // Twice, a device is lost while the next frame is drawn. Their pasts differ, and the frames after them do not.
    let [after, again] = [0.12, 0.5].map(|angle| {
        let plan = bench.plan_motion(angle);
        bench.frames.pipeline.start(&mut bench.frames.stage, plan).expect("a device");
        bench.frames.pipeline.renderer.graphics().lose();
        bench.recover_from_loss().expect("another device");
        [0.12, 0.14, 0.16].map(|angle| {
            let plan = bench.plan_motion(angle);
            let (picture, done) = bench.picture(plan);
            (picture, done.valid_share)
        })
    });
    assert!(after == again, "a frame shows the past of its device");
    let shares = after.map(|(_, share)| share);
    assert!(
        !continues || shares[0] < shares[1],
        "{shares:?}: the first frame begins a history and the second continues it"
    );
}
