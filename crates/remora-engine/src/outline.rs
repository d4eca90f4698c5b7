//! Lines in the plane: profiles to turn on a lathe, and outlines to extrude.

use std::f32::consts::TAU;

use glam::Vec2;

use super::solid::Detail;

/// Angle, in radians, below which two edges look like one smooth surface.
const SMOOTH_ANGLE: f32 = 0.6;

/// A corner with the radius of its rounding.
#[derive(Clone, Copy, Debug)]
pub(super) struct Corner(pub(super) f32, pub(super) f32, pub(super) f32);

/// A run of edges without a crease.
pub(super) type Run = Vec<Station>;

/// A point of a line with the directions that surfaces along the line need.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station {
    pub(super) point: Vec2,
    pub(super) normal: Vec2,
    /// Distance by which the point moves when the line moves by one along its normals.
    pub(super) inset: Vec2,
    /// Distance along the line from its start.
    pub(super) distance: f32,
}

/// Returns the line through the corners, rounded as finely as the detail demands.
pub(super) fn rounded(detail: Detail, corners: &[Corner], closed: bool) -> Vec<Vec2> {
    let count = corners.len();
    let mut points = Vec::with_capacity(count * 2);
    for (index, &Corner(x, y, radius)) in corners.iter().enumerate() {
        let here = Vec2::new(x, y);
        let is_end = !closed && (index == 0 || index + 1 == count);
        if is_end || radius <= 0.0 {
            points.push(here);
            continue;
        }
        let neighbour = |index: usize| Vec2::new(corners[index % count].0, corners[index % count].1);
        let (from, to) = (neighbour(index + count - 1) - here, neighbour(index + 1) - here);
        let half = from.angle_to(to).abs() * 0.5;
        let segments = detail.fillet(radius, std::f32::consts::PI - 2.0 * half);
        if segments == 0 {
            points.push(here);
            continue;
        }
        // The rounding takes at most half of the shorter edge, so that neighbouring roundings do not cross.
        let reach = (radius / half.tan()).min(from.length().min(to.length()) * 0.49);
        let (start, end) = (from.normalize() * reach, to.normalize() * reach);
        let center = (start + end).normalize_or_zero() * (reach / half.cos());
        let radius = reach * half.tan();
        let (first, turn) = ((start - center).to_angle(), (start - center).angle_to(end - center));
        points.extend(
            (0..=segments)
                .map(|step| here + center + Vec2::from_angle(first + turn * step as f32 / segments as f32) * radius),
        );
    }
    points
}

pub(super) fn circle(radius: f32, segments: usize) -> Vec<Vec2> {
    polar(segments, |_| radius)
}

/// Returns a circle, counter-clockwise around the origin.
pub(super) fn polar(segments: usize, radius: impl Fn(f32) -> f32) -> Vec<Vec2> {
    (0..segments)
        .map(|step| {
            let angle = TAU * step as f32 / segments as f32;
            Vec2::from_angle(angle) * radius(angle)
        })
        .collect()
}

/// Returns a rectangle around the origin, with `segments` points at even angles between its corners.
pub(super) fn rectangle(half_x: f32, half_y: f32, segments: usize) -> Vec<Vec2> {
    let per_side = segments.div_ceil(4).max(1);
    let corners = [
        Vec2::new(half_x, -half_y),
        Vec2::new(half_x, half_y),
        Vec2::new(-half_x, half_y),
        Vec2::new(-half_x, -half_y),
    ];
    (0..4)
        .flat_map(|side| {
            let (from, to) = (corners[side], corners[(side + 1) % 4]);
            let turn = from.angle_to(to);
            (0..per_side).map(move |step| {
                let spoke = Vec2::from_angle(turn * step as f32 / per_side as f32).rotate(from.normalize());
                // The point at which the spoke meets the side.
                spoke * (from.perp_dot(to - from) / spoke.perp_dot(to - from))
            })
        })
        .collect()
}

/// Returns points from one angle to another, both included.
pub(super) fn arc(center: Vec2, radius: f32, from: f32, to: f32, segments: usize) -> Vec<Vec2> {
    (0..=segments)
        .map(|step| center + Vec2::from_angle(from + (to - from) * step as f32 / segments as f32) * radius)
        .collect()
}

/// Returns the area of a closed outline; positive if it runs anticlockwise.
pub(super) fn signed_area(outline: &[Vec2]) -> f32 {
    let next = outline.iter().cycle().skip(1);
    outline.iter().zip(next).map(|(a, b)| a.perp_dot(*b)).sum::<f32>() * 0.5
}

pub(super) fn counter_clockwise(mut outline: Vec<Vec2>) -> Vec<Vec2> {
    if signed_area(&outline) < 0.0 {
        outline.reverse();
    }
    outline
}

/// Returns the line with its long edges divided.
pub(super) fn divided(detail: Detail, line: &[Vec2], closed: bool) -> Vec<Vec2> {
    let edges = if closed { line.len() } else { line.len() - 1 };
    let mut points = Vec::with_capacity(line.len());
    for edge in 0..edges {
        let (a, b) = (line[edge], line[(edge + 1) % line.len()]);
        let pieces = detail.along(a.distance(b));
        points.extend((0..pieces).map(|piece| a.lerp(b, piece as f32 / pieces as f32)));
    }
    if !closed {
        points.extend(line.last());
    }
    points
}

/// Cuts the line at its creases. Normals point to the right of the direction of travel: outward for a
/// counter-clockwise outline, and for a profile that goes up on its outside.
pub(super) fn runs(line: &[Vec2], closed: bool) -> Vec<Run> {
    let count = line.len();
    let edges = if closed { count } else { count - 1 };
    let normals: Vec<Vec2> =
        (0..edges).map(|edge| -(line[(edge + 1) % count] - line[edge]).perp().normalize_or_zero()).collect();
    let is_smooth = |before: usize, after: usize| normals[before].dot(normals[after]) > SMOOTH_ANGLE.cos();

    // A closed line starts at a crease, if it has one, so that no run is cut for nothing.
    let creased = (0..edges).find(|&edge| closed && !is_smooth((edge + edges - 1) % edges, edge));
    let start = creased.unwrap_or(0);
    let mut runs = Vec::new();
    let mut run = Run::new();
    let mut distance = 0.0;
    for step in 0..edges {
        let edge = (start + step) % edges;
        let (a, b) = (line[edge], line[(edge + 1) % count]);
        let before = if closed || edge > 0 { (edge + edges - 1) % edges } else { edge };
        let after = if closed || edge + 1 < edges { (edge + 1) % edges } else { edge };
        if run.is_empty() {
            run.push(Station::between(&normals, before, edge, is_smooth(before, edge), edge, a, distance));
        }
        distance += a.distance(b);
        let blends = is_smooth(edge, after);
        run.push(Station::between(&normals, edge, after, blends, edge, b, distance));
        if !(blends && after != edge) || step + 1 == edges {
            runs.push(std::mem::take(&mut run));
        }
    }
    runs
}

impl Station {
    /// Returns the point at which two edges meet. At a crease, the normal is that of the edge that the run follows.
    fn between(
        normals: &[Vec2],
        before: usize,
        after: usize,
        blends: bool,
        own: usize,
        point: Vec2,
        distance: f32,
    ) -> Self {
        let normal = if blends { (normals[before] + normals[after]).normalize_or_zero() } else { normals[own] };
        Self { point, normal, inset: miter(normals[before], normals[after]), distance }
    }
}

/// Returns the distance by which a corner moves when both of its edges move by one along their normals.
fn miter(before: Vec2, after: Vec2) -> Vec2 {
    // The bound keeps needles from shooting away.
    (before + after) / (1.0 + before.dot(after)).max(0.4)
}

/// Triangulates by ear clipping. The outline is counter-clockwise and does not cross itself.
pub(super) fn triangulate(outline: &[Vec2]) -> Vec<[u32; 3]> {
    let mut open: Vec<u32> = (0..outline.len() as u32).collect();
    let mut triangles = Vec::with_capacity(outline.len().saturating_sub(2));
    let point = |index: u32| outline[index as usize];
    let mut at = 0;
    let mut misses = 0;
    while open.len() > 3 {
        let count = open.len();
        let at_now = at % count;
        let [a, b, c] = [open[(at_now + count - 1) % count], open[at_now], open[(at_now + 1) % count]];
        // After a whole round without an ear, rounding has made the rest practically flat, so any vertex will do.
        if misses > count || is_ear(point(a), point(b), point(c), open.iter().map(|&index| point(index))) {
            triangles.push([a, b, c]);
            open.remove(at_now);
            misses = 0;
            // The next vertex is not the neighbour, because fans from one corner make needles.
            at = at_now + 1;
        } else {
            at = at_now + 1;
            misses += 1;
        }
    }
    if let [a, b, c] = open[..] {
        triangles.push([a, b, c]);
    }
    triangles
}

fn is_ear(a: Vec2, b: Vec2, c: Vec2, mut others: impl Iterator<Item = Vec2>) -> bool {
    if (b - a).perp_dot(c - b) <= 0.0 {
        return false;
    }
    !others.any(|point| {
        point != a
            && point != b
            && point != c
            && (b - a).perp_dot(point - a) >= 0.0
            && (c - b).perp_dot(point - b) >= 0.0
            && (a - c).perp_dot(point - c) >= 0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn area(outline: &[Vec2], triangles: &[[u32; 3]]) -> f32 {
        triangles
            .iter()
            .map(|&[a, b, c]| {
                let [a, b, c] = [a, b, c].map(|index| outline[index as usize]);
                (b - a).perp_dot(c - a) * 0.5
            })
            .sum()
    }

    #[test]
    fn ear_clipping_covers_a_concave_outline_exactly() {
        let star: Vec<Vec2> = polar(40, |angle| if (angle * 20.0 / TAU).round() as i32 % 2 == 0 { 1.0 } else { 0.4 });
        let triangles = triangulate(&star);
        assert_eq!(triangles.len(), 38);
        assert!((area(&star, &triangles) - signed_area(&star)).abs() < 1e-5);
        assert!(triangles.iter().all(|triangle| area(&star, &[*triangle]) >= 0.0));
    }

    #[test]
    fn a_square_has_four_runs_and_a_circle_one() {
        let square = [Vec2::ZERO, Vec2::X, Vec2::ONE, Vec2::Y].map(|point| point * 0.01);
        let square_runs = runs(&square, true);
        assert_eq!(square_runs.len(), 4);
        assert_eq!(square_runs[0][0].normal, Vec2::NEG_Y);
        let circle_runs = runs(&circle(0.01, 24), true);
        assert_eq!(circle_runs.len(), 1);
        let run = &circle_runs[0];
        assert_eq!(run.len(), 25);
        for station in run {
            assert!(station.point.normalize().dot(station.normal) > 0.999);
            // A line that moves inwards by one remains a line, so corners move by a little more.
            assert!((1.0..1.01).contains(&station.inset.length()));
        }
    }

    #[test]
    fn rounding_a_corner_keeps_to_its_circle() {
        let corners = [Corner(0.0, 0.0, 0.0), Corner(1.0, 0.0, 0.2), Corner(1.0, 1.0, 0.0)];
        let line = rounded(Detail::new(1.0), &corners, false);
        assert!(line.len() > 8);
        for point in &line[1..line.len() - 1] {
            assert!((point.distance(Vec2::new(0.8, 0.2)) - 0.2).abs() < 1e-5, "{point}");
        }
    }
}
