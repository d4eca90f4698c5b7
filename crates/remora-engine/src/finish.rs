//! The engine's materials.

use super::pattern::{Map, Pattern};
use remora_model::{AlphaMode, Material, TextureReference};

/// One of the engine's materials, in the order of [`Finish::ALL`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Finish {
    BlockPaint,
    CutFace,
    CastIron,
    CastAluminium,
    MachinedAluminium,
    PolishedAluminium,
    AnodisedBlack,
    AnodisedBlue,
    ForgedSteel,
    BrushedSteel,
    PolishedSteel,
    BlackenedSteel,
    SpringSteel,
    TintedSteel,
    StainlessSteel,
    HardenedSteel,
    BearingSteel,
    ValveSteel,
    Stellite,
    KnurledSteel,
    Chrome,
    Zinc,
    YellowZinc,
    TitaniumNitride,
    Brass,
    Bronze,
    Copper,
    CopperWinding,
    PistonAlloy,
    Soot,
    BearingShell,
    Nickel,
    BeltRubber,
    HoseRubber,
    TyreRubber,
    Silicone,
    BlackPlastic,
    GreyPlastic,
    OrangePlastic,
    RedWire,
    YellowWire,
    GreenWire,
    BlueWire,
    Ceramic,
    CrackleRed,
    Carbon,
    FrameCoat,
    Label,
    Dial,
    Glass,
    Amber,
    Oil,
    GreenLamp,
    RedLamp,
    Gasket,
    Friction,
    FilterPaper,
}

struct Look {
    name: &'static str,
    /// Colour in sRGB, as in colour pickers.
    color: u32,
    metallic: f32,
    roughness: f32,
    pattern: Option<Pattern>,
}

impl Finish {
    pub(super) const ALL: [Finish; 57] = [
        Finish::BlockPaint,
        Finish::CutFace,
        Finish::CastIron,
        Finish::CastAluminium,
        Finish::MachinedAluminium,
        Finish::PolishedAluminium,
        Finish::AnodisedBlack,
        Finish::AnodisedBlue,
        Finish::ForgedSteel,
        Finish::BrushedSteel,
        Finish::PolishedSteel,
        Finish::BlackenedSteel,
        Finish::SpringSteel,
        Finish::TintedSteel,
        Finish::StainlessSteel,
        Finish::HardenedSteel,
        Finish::BearingSteel,
        Finish::ValveSteel,
        Finish::Stellite,
        Finish::KnurledSteel,
        Finish::Chrome,
        Finish::Zinc,
        Finish::YellowZinc,
        Finish::TitaniumNitride,
        Finish::Brass,
        Finish::Bronze,
        Finish::Copper,
        Finish::CopperWinding,
        Finish::PistonAlloy,
        Finish::Soot,
        Finish::BearingShell,
        Finish::Nickel,
        Finish::BeltRubber,
        Finish::HoseRubber,
        Finish::TyreRubber,
        Finish::Silicone,
        Finish::BlackPlastic,
        Finish::GreyPlastic,
        Finish::OrangePlastic,
        Finish::RedWire,
        Finish::YellowWire,
        Finish::GreenWire,
        Finish::BlueWire,
        Finish::Ceramic,
        Finish::CrackleRed,
        Finish::Carbon,
        Finish::FrameCoat,
        Finish::Label,
        Finish::Dial,
        Finish::Glass,
        Finish::Amber,
        Finish::Oil,
        Finish::GreenLamp,
        Finish::RedLamp,
        Finish::Gasket,
        Finish::Friction,
        Finish::FilterPaper,
    ];

    pub(super) fn index(self) -> u32 {
        self as u32
    }

    pub(super) fn is_textured(self) -> bool {
        self.look().pattern.is_some()
    }

    pub(super) fn has_normal_map(self) -> bool {
        self.look().pattern.is_some_and(|pattern| pattern.has(Map::Normal))
    }

    pub(super) fn material(self) -> Material {
        let look = self.look();
        let mut material = Material {
            name: look.name.to_owned(),
            base_color: linear(look.color),
            metallic: look.metallic,
            roughness: look.roughness,
            ..Material::default()
        };
        if let Some(pattern) = look.pattern {
            let refer = |map: Map| {
                let scale = 1.0 / pattern.tile_metres();
                let transform = [[scale[0], 0.0, 0.0], [0.0, scale[1], 0.0]];
                pattern.texture(map).map(|texture| TextureReference { texture, transform })
            };
            material.base_color_texture = refer(Map::Color);
            material.normal_texture = refer(Map::Normal);
            material.metallic_roughness_texture = refer(Map::Roughness);
        }
        match self {
            Finish::Glass | Finish::Amber => {
                material.alpha_mode = AlphaMode::Blend;
                material.base_color[3] = if self == Finish::Glass { 0.22 } else { 0.55 };
            }
            Finish::GreenLamp => material.emissive = [0.1, 3.0, 0.4],
            Finish::RedLamp => material.emissive = [4.0, 0.25, 0.1],
            _ => {}
        }
        material
    }

    fn look(self) -> Look {
        let metal = |name, color, roughness, pattern| Look { name, color, metallic: 1.0, roughness, pattern };
        let other = |name, color, roughness, pattern| Look { name, color, metallic: 0.0, roughness, pattern };
        match self {
            Finish::BlockPaint => other("Block paint", 0x1f4a63, 0.38, Some(Pattern::Casting)),
            Finish::CutFace => other("Cut face", 0xb5261e, 0.42, None),
            Finish::CastIron => metal("Cast iron", 0x6b6a68, 0.62, Some(Pattern::Casting)),
            Finish::CastAluminium => metal("Cast aluminium", 0xa4a7aa, 0.50, Some(Pattern::Casting)),
            Finish::MachinedAluminium => metal("Machined aluminium", 0xc2c5c9, 0.32, Some(Pattern::Brushed)),
            Finish::PolishedAluminium => metal("Polished aluminium", 0xe2e4e6, 0.16, None),
            Finish::AnodisedBlack => metal("Black anodised aluminium", 0x2a2b2e, 0.36, None),
            Finish::AnodisedBlue => metal("Blue anodised aluminium", 0x1f4fa8, 0.28, None),
            Finish::ForgedSteel => metal("Forged steel", 0x8b8a8c, 0.44, Some(Pattern::Casting)),
            Finish::BrushedSteel => metal("Brushed steel", 0xb4b3b1, 0.32, Some(Pattern::Brushed)),
            Finish::PolishedSteel => metal("Polished steel", 0xc9c8c6, 0.14, None),
            Finish::BlackenedSteel => metal("Blackened steel", 0x34353a, 0.42, None),
            Finish::SpringSteel => metal("Spring steel", 0x5f6d80, 0.30, None),
            Finish::TintedSteel => metal("Heat-tinted steel", 0xd8cbb8, 0.30, Some(Pattern::HeatTint)),
            Finish::StainlessSteel => metal("Stainless steel", 0xc6c2bc, 0.26, Some(Pattern::Brushed)),
            Finish::HardenedSteel => metal("Hardened steel", 0x9c9a98, 0.24, Some(Pattern::Brushed)),
            Finish::BearingSteel => metal("Bearing steel", 0xd0d0d2, 0.10, None),
            Finish::ValveSteel => metal("Valve steel", 0xaaa8a6, 0.22, None),
            Finish::Stellite => metal("Stellite", 0x8a7862, 0.40, None),
            Finish::KnurledSteel => metal("Knurled steel", 0x9b9a99, 0.34, Some(Pattern::Knurl)),
            Finish::Chrome => metal("Chrome", 0xe9eaec, 0.06, None),
            Finish::Zinc => metal("Zinc-plated steel", 0xbfc3c8, 0.34, None),
            Finish::YellowZinc => metal("Yellow zinc-plated steel", 0xc9a95a, 0.36, None),
            Finish::TitaniumNitride => metal("Titanium nitride", 0xd9a441, 0.22, None),
            Finish::Brass => metal("Brass", 0xd0a64e, 0.24, None),
            Finish::Bronze => metal("Bronze", 0xa9743f, 0.34, None),
            Finish::Copper => metal("Copper", 0xc8734f, 0.26, None),
            Finish::CopperWinding => metal("Enamelled copper", 0xb4562f, 0.40, Some(Pattern::Winding)),
            Finish::PistonAlloy => metal("Piston alloy", 0xc3c4c6, 0.34, Some(Pattern::Brushed)),
            Finish::Soot => other("Soot", 0x26211e, 0.85, Some(Pattern::Casting)),
            Finish::BearingShell => metal("Bearing shell", 0xa7a19a, 0.38, None),
            Finish::Nickel => metal("Nickel", 0xbdb5a6, 0.18, None),
            Finish::BeltRubber => other("Belt rubber", 0x1b1b1c, 0.72, Some(Pattern::Winding)),
            Finish::HoseRubber => other("Hose rubber", 0x222225, 0.66, Some(Pattern::Crackle)),
            Finish::TyreRubber => other("Tyre rubber", 0x2c2c2e, 0.80, None),
            Finish::Silicone => other("Blue silicone", 0x184a9c, 0.40, None),
            Finish::BlackPlastic => other("Black plastic", 0x1d1e20, 0.50, Some(Pattern::Crackle)),
            Finish::GreyPlastic => other("Grey plastic", 0x77797c, 0.48, None),
            Finish::OrangePlastic => other("Orange plastic", 0xe0701a, 0.42, None),
            Finish::RedWire => other("Red wire", 0xc42a22, 0.42, None),
            Finish::YellowWire => other("Yellow wire", 0xe0b422, 0.42, None),
            Finish::GreenWire => other("Green wire", 0x2f8a45, 0.42, None),
            Finish::BlueWire => other("Blue wire", 0x2a5fc0, 0.42, None),
            Finish::Ceramic => other("Ceramic", 0xf1efe8, 0.22, None),
            Finish::CrackleRed => other("Red crackle paint", 0xa81e1b, 0.46, Some(Pattern::Crackle)),
            Finish::Carbon => other("Carbon fibre", 0xffffff, 0.22, Some(Pattern::Weave)),
            Finish::FrameCoat => other("Powder coat", 0x3a3d42, 0.58, Some(Pattern::Crackle)),
            Finish::Label => other("Label", 0xffffff, 0.40, Some(Pattern::Label)),
            Finish::Dial => other("Dial", 0xffffff, 0.50, Some(Pattern::Dial)),
            Finish::Glass => other("Glass", 0xdfeef2, 0.04, None),
            Finish::Amber => other("Amber glass", 0xc07a18, 0.10, None),
            Finish::Oil => other("Oil", 0x2e1c08, 0.06, None),
            Finish::GreenLamp => other("Green lamp", 0x1c7a38, 0.30, None),
            Finish::RedLamp => other("Red lamp", 0x8a1c14, 0.30, None),
            Finish::Gasket => other("Gasket", 0x4b4a47, 0.85, None),
            Finish::Friction => other("Friction lining", 0x6b5846, 0.90, Some(Pattern::Casting)),
            Finish::FilterPaper => other("Filter cotton", 0xb3332a, 0.88, Some(Pattern::Winding)),
        }
    }
}

fn linear(color: u32) -> [f32; 4] {
    let channel = |shift: u32| {
        let value = ((color >> shift) & 0xff) as f32 / 255.0;
        if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    };
    [channel(16), channel(8), channel(0), 1.0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_the_order_of_the_indices() {
        for (index, finish) in Finish::ALL.iter().enumerate() {
            assert_eq!(finish.index() as usize, index);
        }
    }
}
