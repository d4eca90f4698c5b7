//! Commands that no honest client sends, over the corpus and at random.

use crate::untrusted;

use super::{
    structure::{GROUP, create, set_parent},
    *,
};

#[path = "../../../../../fuzz/replay.rs"]
mod replay;

/// Random numbers that are the same in every run.
struct Random(u64);

impl Random {
    /// Returns a number below `end`.
    fn below(&mut self, end: u64) -> u64 {
        // Marsaglia, "Xorshift RNGs" (2003).
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u64) as usize].clone()
    }

    /// Returns an id, mostly one that may exist.
    fn id(&mut self) -> u64 {
        let (model, client) = (self.below(14), GROUP + self.below(12));
        self.pick(&[model, model, model, client, client, client, client, 0, u64::MAX, 1 << 53, GROUP - 1])
    }

    fn number(&mut self) -> f64 {
        let usual = self.below(200) as f64 / 10.0 - 10.0;
        let odd = [0.0, -0.0, 1e12, -1e12, 1.1e12, 1e300, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE];
        if self.below(12) == 0 { self.pick(&odd) } else { usual }
    }

    fn single(&mut self) -> f32 {
        let odd = [0.0, -1.0, 3e38, 1e-38, 1e20, f32::NAN, f32::NEG_INFINITY];
        if self.below(6) == 0 { self.pick(&odd) } else { self.below(40) as f32 / 10.0 + 0.1 }
    }

    fn point(&mut self) -> Option<wire::Point> {
        let point = wire::Point { x: self.number(), y: self.number(), z: self.number() };
        (self.below(20) > 0).then_some(point)
    }

    fn vector(&mut self) -> Option<wire::Vector3> {
        let vector = wire::Vector3 { x: self.single(), y: self.single(), z: self.single() };
        (self.below(20) > 0).then_some(vector)
    }

    fn rotation(&mut self) -> Option<wire::Quaternion> {
        let [x, y, z, w] = [(); 4].map(|()| self.single());
        (self.below(20) > 0).then_some(wire::Quaternion { x, y, z, w })
    }

    fn text(&mut self) -> String {
        let length = self.pick(&[0, 1, 7, 1024, 1025, 5000]);
        "ß".repeat(length / 2) + if length % 2 == 1 { "/" } else { "" }
    }

    fn ids(&mut self) -> Vec<u64> {
        (0..self.below(5)).map(|_| self.id()).collect()
    }

    fn set_transform(&mut self) -> wire::SetTransform {
        let (translation, rotation, scale) = (self.point(), self.rotation(), self.vector());
        wire::SetTransform { entity: self.id(), translation, rotation, scale }
    }

    fn structural(&mut self) -> WireCommand {
        let (entity, parent) = (self.id(), self.id());
        match self.below(8) {
            0 | 1 => {
                let (translation, scale) = (self.point(), self.vector());
                let (name, disabled) = (self.text(), self.below(4) == 0);
                let create = wire::CreateEntity { entity, parent, name, translation, rotation: None, scale, disabled };
                WireCommand::CreateEntity(create)
            }
            2 => WireCommand::DestroyEntity(wire::DestroyEntity { entity }),
            3 | 4 => set_parent(entity, parent),
            5 => WireCommand::UnloadModel(wire::UnloadModel { root_entity: entity }),
            6 => create(entity, parent),
            _ => {
                let (uri, replace) = (self.text(), self.below(4) == 0);
                WireCommand::LoadModel(wire::LoadModel { uri, replace })
            }
        }
    }

    fn other(&mut self) -> WireCommand {
        let entity = self.id();
        match self.below(14) {
            0..3 => WireCommand::SetTransform(self.set_transform()),
            3 => {
                let transforms = (0..self.below(4)).map(|_| self.set_transform()).collect();
                WireCommand::SetTransforms(wire::SetTransforms { transforms })
            }
            4 => WireCommand::SelectEntities(wire::SelectEntities { entities: self.ids() }),
            5 => {
                let tint = [(); 4].map(|()| self.below(300) as u32);
                let [red, green, blue, alpha] = tint;
                let color = (alpha > 40).then_some(wire::Color { red, green, blue, alpha });
                let tint = (red > 100).then_some(wire::TintEdit { tint: color });
                let (visible, selected) = (self.below(5) as i32, self.below(4) as i32);
                let edit = Some(wire::StateOverrideEdit { visible, selected, tint });
                WireCommand::SetStateOverrides(wire::SetStateOverrides { entities: self.ids(), edit })
            }
            6 | 7 => WireCommand::GetEntity(wire::GetEntity { entity }),
            8 => WireCommand::SetName(wire::SetName { entity, name: self.text() }),
            9 => WireCommand::SetEnabled(wire::SetEnabled { entity, enabled: self.below(2) == 0 }),
            10 => WireCommand::CastRay(wire::CastRay { origin: self.point(), direction: self.vector() }),
            11 => WireCommand::Pick(wire::Pick { x: self.single(), y: self.single() }),
            12 => viewport(self.below(5000) as u32, self.below(5000) as u32),
            _ => self.pick(&[
                WireCommand::UnloadAll(wire::UnloadAll {}),
                WireCommand::Goodbye(wire::Goodbye {}),
                WireCommand::Ping(wire::Ping {}),
                WireCommand::SetLatencyMarker(wire::SetLatencyMarker { enabled: true }),
            ]),
        }
    }

    /// Returns messages with their lengths. Some are damaged.
    fn messages(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for id in 1..=self.below(40) as u32 {
            let wanted = if self.below(2) == 0 { self.structural() } else { self.other() };
            let mut message = command(id, wanted);
            if self.below(10) == 0 {
                let at = self.below(message.len() as u64) as usize;
                message[at] = self.below(256) as u8;
            }
            prost::encode_length_delimiter(message.len(), &mut bytes).expect("a vector grows");
            bytes.extend(message);
        }
        bytes
    }
}

#[test]
fn the_fuzz_target_holds_over_its_corpus() {
    replay::replay("commands", untrusted::commands);
}

#[test]
fn the_fuzz_target_holds_for_random_commands() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..20_000 {
        untrusted::commands(&random.messages());
    }
}
