//! Definitions shared by Rust and WGSL. They are written in Rust; the shaders' prelude is generated from them.
//!
//! [`shared_constants!`] and [`shared_structs!`] define the items and list their WGSL text. A test in
//! `kernels/tests.rs` compares the field offsets that naga computes with those of Rust.

/// A type that has the same layout in Rust and in WGSL.
pub(crate) trait WgslType {
    /// Name of the type in WGSL.
    const NAME: &'static str;
}

macro_rules! wgsl_types {
    ($($type:ty => $name:literal,)*) => {
        $(impl WgslType for $type {
            const NAME: &'static str = $name;
        })*
    };
}

wgsl_types! {
    u32 => "u32",
    f32 => "f32",
    [u32; 2] => "vec2<u32>",
    [f32; 2] => "vec2<f32>",
    [u32; 4] => "vec4<u32>",
    [f32; 3] => "vec3<f32>",
    [f32; 4] => "vec4<f32>",
    [[f32; 4]; 9] => "array<vec4<f32>, 9>",
    [[u32; 4]; 16] => "array<vec4<u32>, 16>",
}

/// A constant that can be written as WGSL.
pub(crate) trait WgslValue {
    /// Expression of the value in WGSL.
    fn expression(&self) -> String;
}

impl WgslValue for u32 {
    fn expression(&self) -> String {
        format!("{self}u")
    }
}

impl WgslValue for i32 {
    fn expression(&self) -> String {
        format!("{self}i")
    }
}

impl WgslValue for f32 {
    fn expression(&self) -> String {
        format!("{self:?}f")
    }
}

impl WgslValue for [f32; 2] {
    fn expression(&self) -> String {
        format!("vec2<f32>({:?}, {:?})", self[0], self[1])
    }
}

impl WgslValue for [i16; 3] {
    fn expression(&self) -> String {
        format!("vec3<i32>({}, {}, {})", self[0], self[1], self[2])
    }
}

impl<const N: usize> WgslValue for [[i32; 2]; N] {
    fn expression(&self) -> String {
        let vectors: Vec<String> = self.iter().map(|[x, y]| format!("vec2({x}, {y})")).collect();
        format!("array<vec2<i32>, {N}>({})", vectors.join(", "))
    }
}

/// A struct as WGSL defines it.
#[derive(Debug)]
pub(crate) struct SharedStruct {
    /// Name in both languages.
    pub name: &'static str,
    /// Size in Rust.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the test of the layout compares sizes"))]
    pub bytes: usize,
    /// Name, WGSL type and offset in Rust of every field.
    pub fields: &'static [(&'static str, &'static str, usize)],
}

impl SharedStruct {
    /// Returns the definition in WGSL.
    pub(crate) fn definition(&self) -> String {
        let fields: String = self.fields.iter().map(|(name, kind, _)| format!("    {name}: {kind},\n")).collect();
        format!("struct {} {{\n{fields}}}\n", self.name)
    }
}

/// Defines constants, and a function of the given name that returns their WGSL text.
macro_rules! shared_constants {
    ($text:ident: $($(#[$meta:meta])* const $name:ident: $type:ty = $value:expr;)*) => {
        $($(#[$meta])* pub(crate) const $name: $type = $value;)*

        fn $text() -> String {
            [$(format!("const {} = {};\n", stringify!($name), $crate::wgsl::WgslValue::expression(&$name))),*].concat()
        }
    };
}

/// Defines structs of plain data, and a list of the given name that describes them.
macro_rules! shared_structs {
    ($list:ident: $($(#[$meta:meta])* struct $name:ident {
        $($(#[$field_meta:meta])* $visibility:vis $field:ident: $type:ty,)*
    })*) => {
        $(
            $(#[$meta])*
            #[repr(C)]
            #[derive(Clone, Copy, Debug, PartialEq, bytemuck::Pod, bytemuck::Zeroable)]
            pub(crate) struct $name {
                $($(#[$field_meta])* $visibility $field: $type,)*
            }

            impl $crate::wgsl::WgslType for $name {
                const NAME: &'static str = stringify!($name);
            }
        )*

        pub(crate) const $list: &[$crate::wgsl::SharedStruct] = &[$($crate::wgsl::SharedStruct {
            name: stringify!($name),
            bytes: size_of::<$name>(),
            fields: &[$((
                stringify!($field),
                <$type as $crate::wgsl::WgslType>::NAME,
                std::mem::offset_of!($name, $field),
            )),*],
        }),*];
    };
}

pub(crate) use {shared_constants, shared_structs};
