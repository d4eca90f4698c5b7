//! The shape of the tree of boxes, and the work of edits.

use super::*;

impl Bvh {
    /// Asserts that boxes, links and counts are right.
    pub(crate) fn check(&self) {
        let mut open = Vec::new();
        if self.root != NONE {
            assert_eq!(self.nodes[self.root as usize].parent, NONE);
            open.push(self.root);
        }
        let mut leaves = 0;
        while let Some(number) = open.pop() {
            let node = &self.nodes[number as usize];
            let [one, other] = node.children;
            if one == NONE {
                assert_eq!((self.leaf_of[other as usize], node.leaves), (number, 1));
                leaves += 1;
                continue;
            }
            let [one, other] = [one, other].map(|child| self.nodes[child as usize]);
            assert_eq!([one.parent, other.parent], [number; 2]);
            assert_eq!(node.leaves, one.leaves + other.leaves);
            assert_eq!(node.bounds, one.bounds.union(other.bounds));
            open.extend(node.children);
        }
        assert_eq!(leaves, self.leaf_of.iter().filter(|&&leaf| leaf != NONE).count());
        assert_eq!(self.nodes.len() - self.free.len(), (2 * leaves).saturating_sub(1));
    }
}

fn unit(at: DVec3) -> WorldBounds {
    WorldBounds { min: at, max: at + DVec3::ONE }
}

/// Adds leaves one after the other and returns the depth of the tree.
fn depth(count: u32, bounds_of: impl Fn(u32) -> WorldBounds) -> u32 {
    let mut bvh = Bvh::default();
    for slot in 0..count {
        bvh.touch(slot);
        bvh.update(|other| (other <= slot).then(|| bounds_of(other)));
    }
    bvh.check();
    let above = |mut node: u32| {
        let mut depth = 0;
        while bvh.nodes[node as usize].parent != NONE {
            (node, depth) = (bvh.nodes[node as usize].parent, depth + 1);
        }
        depth
    };
    bvh.leaf_of.iter().map(|&leaf| above(leaf)).max().unwrap_or(0)
}

#[test]
fn no_order_of_additions_makes_the_tree_deep() {
    assert!(depth(3000, |slot| unit(DVec3::X * f64::from(slot))) <= DEPTH_MAX);
    assert!(depth(3000, |_| unit(DVec3::ZERO)) <= DEPTH_MAX);
    assert!(depth(900, |slot| WorldBounds { min: DVec3::ZERO, max: DVec3::splat(2_f64.powi(slot as i32)) }) <= 96);
}

#[test]
fn few_edits_cause_no_build() {
    let mut bvh = Bvh::default();
    (0..1000).for_each(|slot| bvh.touch(slot));
    bvh.update(|slot| Some(unit(DVec3::X * f64::from(slot))));
    let asked = std::cell::Cell::new(0);
    for round in 1..50 {
        (0..10).for_each(|slot| bvh.touch(slot * 7));
        bvh.update(|slot| {
            asked.set(asked.get() + 1);
            Some(unit(DVec3::new(f64::from(slot), f64::from(round), 0.0)))
        });
    }
    assert_eq!(asked.get(), 490);
    bvh.check();
}

#[test]
fn a_tree_whose_parts_all_move_is_fitted_until_it_is_bad() {
    let mut bvh = Bvh::default();
    let asked = std::cell::Cell::new(0);
    let mut place = |at: &dyn Fn(u32) -> f64| {
        asked.set(0);
        (0..1000).for_each(|slot| bvh.touch(slot));
        bvh.update(|slot| {
            asked.set(asked.get() + 1);
            Some(unit(DVec3::new(at(slot), f64::from(slot % 10) * 3.0, 0.0)))
        });
        bvh.check();
        asked.get()
    };
    assert_eq!(place(&|slot| f64::from(slot)), 1001, "the first time it is built");
    assert_eq!(place(&|slot| f64::from(slot) * 1.5 + 4.0), 1000);
    assert_eq!(place(&|slot| f64::from(slot * 611 % 1000)), 2000, "in another order");
}
