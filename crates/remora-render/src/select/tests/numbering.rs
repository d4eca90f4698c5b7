//! Selected clusters become entries, runs and batches.

use super::*;

#[test]
fn clusters_outside_the_view_or_hidden_are_left_out() {
    let mut shown = Shown::whole(&PHASES, false);
    let hidden = SelectableInstance::new(0, 0, None, Affine3A::IDENTITY);
    let instances = [
        instance(0, Affine3A::IDENTITY),
        hidden,
        instance(0, at(50.0, 0.0, 0.0)),
        instance(0, at(0.0, -50.0, 0.0)),
        instance(0, at(0.0, 0.0, 6.0)),
        instance(0, at(0.5, 0.5, 0.0)),
    ];
    let selection = shown.select(&instances, &front(), limits(1.0));
    assert_eq!(selection.entries.iter().map(|entry| entry[0]).collect::<Vec<_>>(), [0, 0, 5]);
    assert_eq!((selection.triangles, selection.points), (2, 0));
}

#[test]
fn runs_follow_the_keys_and_numbers_are_dense() {
    let mut shown = Shown::whole(&PHASES, false);
    let instances: Vec<_> = [2, 1, 0, 2, 0].map(|mesh| instance(mesh, Affine3A::IDENTITY)).to_vec();
    let keys = shown.keys.clone();
    let selection = shown.select(&instances, &front(), limits(1.0));
    let phases: Vec<_> = selection.runs.iter().map(|run| (run.key.phase, run.entries.clone())).collect();
    assert_eq!(phases, [(Phase::Opaque, 1..3), (Phase::Mask, 3..4), (Phase::Blend, 4..6)]);
    assert!(selection.runs.iter().all(|run| keys.contains(&run.key)));
    assert_eq!(selection.entries[1..].iter().map(|entry| entry[0]).collect::<Vec<_>>(), [2, 4, 1, 0, 3]);
    assert_eq!(selection.numbers, [1, 2, 3, 4, 5]);
    assert_eq!(selection.solid, 3);
    // Masked and blended batches do not share the queue with others.
    assert!(selection.batches.iter().all(|batch| batch.flush));
    let opaque: Vec<_> = selection.batches_of(&[Phase::Opaque]).collect();
    assert_eq!((opaque.len(), opaque[0].chosen.clone()), (1, 0..2));

    let solid = SelectionLimits { blended: false, ..limits(1.0) };
    let selection = shown.select(&instances, &front(), solid);
    assert_eq!(selection.runs.iter().map(|run| run.key.phase).collect::<Vec<_>>(), [Phase::Opaque, Phase::Mask]);
}

#[test]
fn the_queue_never_overflows() {
    let mut shown = Shown::whole(&DETAILED, true);
    let instances = vec![instance(SHEET, Affine3A::IDENTITY); 3];
    let queue_length = 700;
    let narrow = SelectionLimits { small_pixels: 1.0, queue_length, ..limits(2.0) };
    shown.select(&instances, &front(), narrow);
    let selection = &shown.selection;
    assert!(selection.batches.len() > 5, "{} batches", selection.batches.len());
    let triangles = |number: &u32| {
        let [_, cluster] = selection.entries[*number as usize];
        u32::from(DETAILED.clusters()[(cluster - FIRST) as usize].triangles)
    };
    let mut queued = 0;
    for batch in &selection.batches {
        assert!(!batch.small);
        queued += selection.numbers[batch.chosen.start as usize..batch.chosen.end as usize]
            .iter()
            .map(triangles)
            .sum::<u32>();
        assert!(queued <= queue_length, "{queued} triangles at once");
        queued = if batch.flush { 0 } else { queued };
    }
    assert_eq!(queued, 0, "the last batch is flushed");
    let mut numbers = selection.numbers.clone();
    numbers.sort_unstable();
    assert_eq!(numbers, (1..selection.entries.len() as u32).collect::<Vec<_>>(), "every entry once");
    let mut end = 0;
    for batch in &selection.batches {
        assert_eq!(batch.chosen.start, end, "batches lie behind one another");
        end = batch.chosen.end;
    }
    // Small clusters have no triangle for the queue.
    shown.select(&instances, &front(), limits(2.0));
    assert!(shown.selection.batches.iter().all(|batch| batch.small));
}

#[test]
fn hidden_clusters_are_deferred_and_still_numbered() {
    let mut shown = Shown::whole(&PHASES, false);
    let instances: Vec<_> = [2, 1, 0, 0].map(|mesh| instance(mesh, Affine3A::IDENTITY)).to_vec();
    let view = front();
    // Something at the near plane, everywhere.
    let texels = crate::select::depth_pyramid::levels(SIZE)[0].size.pixels() as usize;
    let pyramid = DepthPyramid::new(view, 0, vec![1.0; texels]);
    let Shown { keys, models, selection } = &mut shown;
    selection.select(keys, models, &instances, &view, limits(1.0), Some(&pyramid));
    let instance_of = |number: u32| selection.entries[number as usize][0];
    assert_eq!(selection.numbers.iter().map(|&number| instance_of(number)).collect::<Vec<_>>(), [0], "what is blended");
    assert_eq!(selection.candidates.iter().map(|one| instance_of(one.number)).collect::<Vec<_>>(), [2, 3, 1]);
    assert_eq!(
        selection.candidates.iter().map(|one| (one.batch, one.first)).collect::<Vec<_>>(),
        [(0, 0), (0, 0), (1, 2)]
    );
    assert_eq!((selection.deferring_batches(), selection.triangles, selection.solid), (2, 1, 3));
    let batches: Vec<_> = selection.batches.iter().map(|batch| (batch.chosen.len(), batch.deferred.len())).collect();
    assert_eq!(batches, [(0, 2), (0, 1), (1, 0)]);

    // Nothing was visible, so nothing is hidden.
    let open = DepthPyramid::new(view, 0, vec![0.0; texels]);
    selection.select(keys, models, &instances, &view, limits(1.0), Some(&open));
    assert_eq!((selection.numbers.len(), selection.candidates.len()), (4, 0));
}

#[test]
fn mirrored_instances_are_marked() {
    let mut shown = Shown::whole(&PHASES, false);
    let instances = transforms().map(|world| instance(0, world));
    let selection = shown.select(&instances, &all_around(Vec3::new(0.0, 0.0, 9.0)), limits(1.0));
    let mut marks: Vec<_> =
        selection.entries[1..].iter().map(|[word, _]| (word & !ENTRY_MIRRORED, word & ENTRY_MIRRORED != 0)).collect();
    marks.sort_unstable();
    marks.dedup();
    assert!(marks.contains(&(2, true)) && marks.iter().all(|&(index, mirrored)| mirrored == (index == 2)), "{marks:?}");
}

#[test]
fn selecting_in_parallel_does_not_change_the_result() {
    let locations = || (0..40).map(|index| at((index % 8) as f32 - 3.5, (index / 8) as f32 - 2.0, (index % 3) as f32));
    let instances: Vec<SelectableInstance> =
        locations().zip(0..).map(|(world, index)| instance([SHEET, CLOUD, TRIANGLE][index % 3], world)).collect();
    let select = |task_length: usize| {
        let mut shown = Shown::roots(&DETAILED, false);
        shown.selection.task_length = TaskLength(task_length);
        shown.select(&instances, &front(), limits(3.0));
        let next = FrameNumber(shown.selection.frame.0 + 1);
        let looked_at: Vec<u32> = shown.models[0].pages.all_evictable(next).map(|(_, page)| page).collect();
        (shown.selection, looked_at)
    };
    let ((whole, pages), (shared, shared_pages)) = (select(1000), select(3));
    assert!(whole.entries.len() > 40 && !whole.wanted.is_empty(), "there is something to compare");
    assert_eq!(shared.entries, whole.entries);
    assert_eq!(shared.numbers, whole.numbers);
    assert_eq!(shared.runs, whole.runs);
    assert_eq!(shared.batches, whole.batches);
    assert_eq!(shared.wanted.len(), whole.wanted.len());
    let area = |selection: &Selection| selection.solid_bounds.area(Size::new(160, 180));
    assert_eq!(area(&shared), area(&whole));
    assert_eq!(shared_pages, pages);
}
