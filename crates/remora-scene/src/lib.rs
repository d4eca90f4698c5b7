//! Entities, transforms, bounds and ray casts: what is shown, without a GPU, a network or a clock.
