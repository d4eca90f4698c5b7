//! Independent tasks shared by several threads.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// The results of `task(0..count)` in order. `progress` is called on this thread with the share that is done.
pub(crate) fn in_parallel<T: Send>(
    count: usize,
    threads: usize,
    progress: &mut dyn FnMut(f32),
    task: impl Fn(usize) -> T + Sync,
) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let mut results: Vec<Option<T>> = (0..count).map(|_| None).collect();
    std::thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads.clamp(1, count.max(1)) {
            let (sender, next, task) = (sender.clone(), &next, &task);
            scope.spawn(move || {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= count || sender.send((index, task(index))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        for (done, (index, result)) in receiver.iter().enumerate() {
            results[index] = Some(result);
            progress((done + 1) as f32 / count as f32);
        }
    });
    results.into_iter().map(|result| result.expect("the threads take every index exactly once")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_whatever_the_number_of_threads() {
        for threads in [0, 1, 3, 50] {
            let mut last = 0.0;
            let results = in_parallel(
                20,
                threads,
                &mut |done| {
                    assert!(done > last);
                    last = done;
                },
                |index| index * index,
            );
            assert_eq!(results, (0..20).map(|index| index * index).collect::<Vec<_>>());
            assert_eq!(last, 1.0);
        }
        assert!(in_parallel(0, 2, &mut |_| {}, |index| index).is_empty());
    }
}
