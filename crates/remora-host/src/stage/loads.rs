//! Counts the loads of one connection and hands out the models of its session one after the other.

/// Upper bound on the loads of a client that run at the same time.
pub(super) const LOADS_MAX: usize = 4;

/// The loads of one connection.
#[derive(Debug, Default)]
pub(super) struct Loads {
    running: usize,
    /// The number of the session's models that were requested so far.
    session_models_requested: usize,
}

impl Loads {
    /// Starts a load of the client. Returns `false` if too many are running.
    pub(super) fn start(&mut self) -> bool {
        let starts = self.running < LOADS_MAX;
        self.running += usize::from(starts);
        starts
    }

    /// Ends a load of the client, whether it succeeded or not.
    pub(super) fn end(&mut self) {
        self.running = self.running.saturating_sub(1);
    }

    /// Returns the address of the session's next model.
    pub(super) fn next_session_model<'a>(&mut self, models: &'a [String]) -> Option<&'a String> {
        let next = models.get(self.session_models_requested)?;
        self.session_models_requested += 1;
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_bounded_until_one_ends() {
        let mut loads = Loads::default();
        assert!((0..LOADS_MAX).all(|_| loads.start()) && !loads.start());
        loads.end();
        assert!(loads.start() && !loads.start());
        (0..2 * LOADS_MAX).for_each(|_| loads.end());
        assert!((0..LOADS_MAX).all(|_| loads.start()) && !loads.start(), "an end that comes twice frees nothing");
    }

    #[test]
    fn each_model_of_the_session_is_requested_once() {
        let models = ["one".to_owned(), "two".to_owned()];
        let mut loads = Loads::default();
        assert_eq!(loads.next_session_model(&models), Some(&models[0]));
        assert_eq!(loads.next_session_model(&models), Some(&models[1]));
        assert_eq!(loads.next_session_model(&models), None);
        assert!((0..LOADS_MAX).all(|_| loads.start()), "the session's models do not count as loads of the client");
    }
}
