//! Calls of decoders that panic on damaged data. Only there is a panic an expected result and not a bug.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static IS_ISOLATED: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether a panic on this thread would be caught and reported as an error of the file. The panic hook of a
/// program that ends on every other panic needs this. Programs that use importers must be built to unwind.
pub fn is_isolated() -> bool {
    IS_ISOLATED.get()
}

/// Returns the result of `call`, or `None` if it panics. Values that it had borrowed must not be used after a panic.
pub(crate) fn isolated<T>(call: impl FnOnce() -> T) -> Option<T> {
    let before = IS_ISOLATED.replace(true);
    let result = catch_unwind(AssertUnwindSafe(call));
    IS_ISOLATED.set(before);
    result.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_no_result_and_only_the_call_is_isolated() {
        assert!(!is_isolated());
        assert_eq!(isolated(is_isolated), Some(true));
        assert_eq!(isolated(|| std::thread::spawn(is_isolated).join().expect("it only asks")), Some(false));
        assert_eq!(isolated(|| (isolated(|| ()), is_isolated())), Some((Some(()), true)), "one call within another");
        assert_eq!(isolated(|| -> u32 { panic!("as a decoder does") }), None);
        assert!(!is_isolated(), "after a panic too");
    }
}
