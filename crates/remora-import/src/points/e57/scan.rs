//! Reads the XML part: for each scan, the position of its points in the file, their fields, and the pose.

use glam::DAffine3;
use roxmltree::{Document, Node};

use super::{PointsError, damaged, pose};

/// Limit of the fields of a point. The standard has about twenty.
const FIELDS_MAX: usize = 256;

/// A scan: points that one pose places in the coordinates of the file.
#[derive(Debug)]
pub(super) struct Scan {
    pub(super) name: Option<String>,
    pub(super) points: u64,
    /// Physical offset of the section with the points.
    pub(super) offset: u64,
    /// The fields of a point in the order in which they are stored.
    pub(super) fields: Vec<Field>,
    /// True if positions are range, azimuth and elevation instead of x, y and z.
    pub(super) is_spherical: bool,
    pub(super) has_color: bool,
    pub(super) has_intensity: bool,
    pub(super) pose: DAffine3,
}

/// A field of a point.
#[derive(Clone, Copy, Debug)]
pub(super) struct Field {
    pub(super) role: Role,
    pub(super) coding: Coding,
}

/// The meaning of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Role {
    /// A coordinate, 0 to 2.
    Position(usize),
    Color {
        channel: usize,
        /// Value of black; `high` is white.
        low: f64,
        high: f64,
    },
    Intensity,
    /// Nonzero if the position is invalid.
    Invalid,
    /// The field is skipped.
    Nothing,
}

/// The stored form of a field's values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Coding {
    Single,
    Double,
    /// An integer in as many bits as its range needs. The value is `(min + bits) * scale + offset`.
    Integer {
        min: i64,
        bits: u32,
        scale: f64,
        offset: f64,
    },
}

impl Coding {
    pub(super) fn bits(self) -> u32 {
        match self {
            Self::Single => 32,
            Self::Double => 64,
            Self::Integer { bits, .. } => bits,
        }
    }
}

impl Scan {
    pub(super) fn has(&self, role: Role) -> bool {
        self.fields.iter().any(|field| field.role == role)
    }
}

pub(super) fn read(xml: &str) -> Result<Vec<Scan>, PointsError> {
    let document = Document::parse(xml).map_err(PointsError::Xml)?;
    let scans = child(document.root_element(), "data3D");
    let scans = scans.into_iter().flat_map(|scans| scans.children()).filter(|node| node.has_tag_name("vectorChild"));
    scans.enumerate().map(|(number, node)| scan(node, number)).collect()
}

/// Returns a child element in any namespace, because writers use different ones.
fn child<'a, 'input>(node: Node<'a, 'input>, name: &str) -> Option<Node<'a, 'input>> {
    node.children().find(|child| child.tag_name().name() == name)
}

fn scan(node: Node<'_, '_>, number: usize) -> Result<Scan, PointsError> {
    let lacks = |what: &str| damaged(format!("scan {number} has no {what}"));
    let points = child(node, "points").ok_or_else(|| lacks("points"))?;
    let prototype = child(points, "prototype").ok_or_else(|| lacks("prototype of its points"))?;
    let integer = |name: &str| points.attribute(name).and_then(|text| text.trim().parse::<u64>().ok());
    let elements: Vec<Node<'_, '_>> = prototype.children().filter(Node::is_element).take(FIELDS_MAX + 1).collect();
    if elements.len() > FIELDS_MAX {
        return Err(damaged(format!("scan {number} has points of more than {FIELDS_MAX} fields")));
    }
    let named = |name: &str| elements.iter().any(|element| element.tag_name().name() == name);
    let is_cartesian = ["cartesianX", "cartesianY", "cartesianZ"].into_iter().all(named);
    let is_spherical =
        !is_cartesian && ["sphericalRange", "sphericalAzimuth", "sphericalElevation"].into_iter().all(named);
    if !is_cartesian && !is_spherical {
        return Err(lacks("coordinates, cartesian or spherical"));
    }
    let mut fields = Vec::with_capacity(elements.len());
    for element in &elements {
        let coding = coding(*element).ok_or_else(|| {
            damaged(format!("scan {number} has a field {:?} of no type of the standard", element.tag_name().name()))
        })?;
        fields.push(Field { role: role(node, *element, coding, is_spherical), coding });
    }
    Ok(Scan {
        name: child(node, "name").and_then(|name| name.text()).map(str::to_owned).filter(|name| !name.is_empty()),
        points: integer("recordCount").ok_or_else(|| lacks("number of points"))?,
        offset: integer("fileOffset").ok_or_else(|| lacks("offset of its points"))?,
        fields,
        is_spherical,
        has_color: ["colorRed", "colorGreen", "colorBlue"].into_iter().all(named),
        has_intensity: named("intensity"),
        pose: scan_pose(node).ok_or_else(|| {
            PointsError::invalid(format!("scan {number}"), "its pose is not a rotation and a translation in metres")
        })?,
    })
}

fn coding(element: Node<'_, '_>) -> Option<Coding> {
    let number =
        |name: &str, default: f64| element.attribute(name).map_or(Some(default), |text| text.trim().parse().ok());
    let integer =
        |name: &str, default: i64| element.attribute(name).map_or(Some(default), |text| text.trim().parse().ok());
    let kind = element.attribute("type")?;
    if kind == "Float" {
        let is_single = element.attribute("precision") == Some("single");
        return Some(if is_single { Coding::Single } else { Coding::Double });
    }
    let (scale, offset) = match kind {
        "Integer" => (1.0, 0.0),
        "ScaledInteger" => (number("scale", 1.0)?, number("offset", 0.0)?),
        _ => return None,
    };
    let (min, max) = (integer("minimum", i64::MIN)?, integer("maximum", i64::MAX)?);
    let range = u64::try_from(i128::from(max) - i128::from(min)).ok()?;
    Some(Coding::Integer { min, bits: u64::BITS - range.leading_zeros(), scale, offset })
}

fn role(scan: Node<'_, '_>, element: Node<'_, '_>, coding: Coding, is_spherical: bool) -> Role {
    let color = |channel: usize, name: &str| {
        let usual = if matches!(coding, Coding::Integer { .. }) { (0.0, 255.0) } else { (0.0, 1.0) };
        let (low, high) = color_limits(scan, name).or_else(|| type_limits(element, coding)).unwrap_or(usual);
        Role::Color { channel, low, high }
    };
    match element.tag_name().name() {
        "cartesianX" if !is_spherical => Role::Position(0),
        "cartesianY" if !is_spherical => Role::Position(1),
        "cartesianZ" if !is_spherical => Role::Position(2),
        "cartesianInvalidState" if !is_spherical => Role::Invalid,
        "sphericalRange" if is_spherical => Role::Position(0),
        "sphericalAzimuth" if is_spherical => Role::Position(1),
        "sphericalElevation" if is_spherical => Role::Position(2),
        "sphericalInvalidState" if is_spherical => Role::Invalid,
        "colorRed" => color(0, "colorRed"),
        "colorGreen" => color(1, "colorGreen"),
        "colorBlue" => color(2, "colorBlue"),
        "intensity" => Role::Intensity,
        _ => Role::Nothing,
    }
}

/// Returns the limits of a colour channel that the scan declares.
fn color_limits(scan: Node<'_, '_>, channel: &str) -> Option<(f64, f64)> {
    let limits = child(scan, "colorLimits")?;
    let limit = |end: &str| number(child(limits, &format!("{channel}{end}"))?);
    increasing(limit("Minimum")?, limit("Maximum")?)
}

/// Returns the limits of a field's type.
fn type_limits(element: Node<'_, '_>, coding: Coding) -> Option<(f64, f64)> {
    let limit = |name: &str| element.attribute(name).and_then(|text| text.trim().parse::<f64>().ok());
    let (low, high) = (limit("minimum")?, limit("maximum")?);
    match coding {
        Coding::Integer { scale, offset, .. } => increasing(low * scale + offset, high * scale + offset),
        Coding::Single | Coding::Double => increasing(low, high),
    }
}

fn increasing(low: f64, high: f64) -> Option<(f64, f64)> {
    (low.is_finite() && high.is_finite() && low < high).then_some((low, high))
}

/// Returns the number in an element with its scale, if it has one. By the standard, an empty element is zero.
fn number(node: Node<'_, '_>) -> Option<f64> {
    let value: f64 = match node.text().map(str::trim) {
        None | Some("") => 0.0,
        Some(text) => text.parse().ok()?,
    };
    let attribute =
        |name: &str, default: f64| node.attribute(name).map_or(Some(default), |text| text.trim().parse().ok());
    match node.attribute("type") {
        Some("ScaledInteger") => Some(value * attribute("scale", 1.0)? + attribute("offset", 0.0)?),
        _ => Some(value),
    }
}

/// Returns the pose of the scan in the common coordinates of all scans.
fn scan_pose(scan: Node<'_, '_>) -> Option<DAffine3> {
    let Some(node) = child(scan, "pose") else { return Some(DAffine3::IDENTITY) };
    let numbers = |of: Node<'_, '_>, names: &[&str]| -> Option<Vec<f64>> {
        names.iter().map(|name| number(child(of, name)?)).collect()
    };
    let rotation = match child(node, "rotation") {
        Some(rotation) => numbers(rotation, &["x", "y", "z", "w"])?,
        None => vec![0.0, 0.0, 0.0, 1.0],
    };
    let translation = match child(node, "translation") {
        Some(translation) => numbers(translation, &["x", "y", "z"])?,
        None => vec![0.0; 3],
    };
    pose(rotation.try_into().ok()?, translation.try_into().ok()?)
}
