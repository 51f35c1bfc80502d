//! How large a set is, which parts of the runtime library it uses, and how its names end.

/// Which parts of the runtime library expressions may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Parts {
    /// Everything, as it comes.
    #[default]
    Any,
    /// Neither regular expressions nor Unicode case nor numbers in words nor times by format.
    Light,
    /// Those preferred.
    Heavy,
}

/// Upper bounds; those named `_min` are lower ones.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Size {
    pub(crate) entities: usize,
    pub(crate) events_min: usize,
    pub(crate) events_more: usize,
    pub(crate) sources: usize,
    pub(crate) properties: usize,
    pub(crate) computed: usize,
    pub(crate) states_min: usize,
    pub(crate) rules: usize,
    pub(crate) fields: usize,
    pub(crate) effects: usize,
    /// Nesting of expressions.
    pub(crate) depth: usize,
    /// Chance of a handler in a state other than the first, in percent.
    pub(crate) handlers: usize,
}

impl Size {
    pub(crate) const FULL: Self = Self {
        entities: 3,
        events_min: 3,
        events_more: 4,
        sources: 2,
        properties: 5,
        computed: 3,
        states_min: 2,
        rules: 3,
        fields: 5,
        effects: 4,
        depth: 3,
        handlers: 45,
    };
    const SMALL: Self = Self {
        entities: 2,
        events_min: 2,
        events_more: 2,
        sources: 1,
        properties: 4,
        computed: 2,
        states_min: 1,
        rules: 2,
        fields: 4,
        effects: 3,
        depth: 2,
        handlers: 30,
    };
    const TINY: Self = Self {
        entities: 1,
        events_min: 1,
        events_more: 3,
        sources: 1,
        properties: 3,
        computed: 2,
        states_min: 1,
        rules: 2,
        fields: 4,
        effects: 3,
        depth: 2,
        handlers: 25,
    };
}

/// All of it.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    pub(crate) size: Size,
    pub(crate) parts: Parts,
    /// Whether there are schemas, of which a folder has either all or none; `None` leaves it to chance.
    pub(crate) schemas: Option<bool>,
    suffix: String,
}

impl Profile {
    /// A set that stands alone.
    pub(crate) fn alone() -> Self {
        Self { size: Size::FULL, parts: Parts::Any, schemas: None, suffix: String::new() }
    }

    /// One of the sets of a pack.
    pub(crate) fn packed(seed: u64) -> Self {
        let size = match seed % 50 {
            0..2 => Size::FULL,
            2..12 => Size::SMALL,
            _ => Size::TINY,
        };
        let pack = seed / super::PACK;
        let parts = if pack % 33 == 32 { Parts::Heavy } else { Parts::Light };
        Self { size, parts, schemas: Some(pack % 4 == 0), suffix: format!("_{seed}") }
    }

    /// A name that no other set of the pack has.
    pub(crate) fn name(&self, name: &str) -> String {
        format!("{name}{}", self.suffix)
    }
}
