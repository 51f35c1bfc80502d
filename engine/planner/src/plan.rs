use defacto_model::Sequence;

use crate::Hashes;

/// How much a build does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Mode {
    /// Nothing but rules that have become due.
    #[default]
    Skip,
    /// New events.
    Incremental,
    /// All events of the entity types that changed, beside a copy of the others.
    Partial,
    /// All events into new tables.
    Full,
    /// Identity first, then as [`Mode::Full`].
    FullWithIdentityReset,
    /// Normalization first, then as [`Mode::FullWithIdentityReset`].
    FullRenormalize,
}

impl Mode {
    /// Name in results.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Skip => "SKIP",
            Self::Incremental => "INCREMENTAL",
            Self::Partial => "PARTIAL",
            Self::Full => "FULL",
            Self::FullWithIdentityReset => "FULL_WITH_IDENTITY_RESET",
            Self::FullRenormalize => "FULL_RENORMALIZE",
        }
    }

    /// Whether all events are replayed into new tables.
    pub fn is_full(self) -> bool {
        self >= Self::Full
    }
}

/// What the caller asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wanted {
    /// Replay everything.
    pub full: bool,
    /// Normalize everything again from the records as received.
    pub from_raw: bool,
}

/// What the store holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Found {
    /// Hashes under which the data were made.
    pub made_with: Hashes,
    /// Everything up to here is in the version's history.
    pub cursor: Sequence,
    /// Last sequence of the ledger.
    pub head: Sequence,
    /// A full build was left unfinished.
    pub unfinished: bool,
    /// Definitions differ from those under which normalized columns and identity map were made only in what concerns no
    /// event of the ledger.
    pub same_data: bool,
    /// History of the active version from which that of a version without one can be taken.
    pub base: Option<Base>,
}

/// How much of the ledger sources that changed make up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Renewal {
    /// Nothing.
    #[default]
    Nothing,
    /// Some of its sources.
    Sources,
    /// Every source that there are events of.
    Everything,
}

/// A history of which parts are the same under other definitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Base {
    /// How many entity types differ.
    pub changed: usize,
    /// How many have other columns, but the same entities.
    pub relaid: usize,
    /// In how many only time rules were added: some of their entities may differ.
    pub ruled: usize,
    /// What has to be normalized again before it can be taken over.
    pub renewal: Renewal,
    /// An earlier build took it over already and did not come to its end.
    pub under_way: bool,
}

/// What to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    /// Mode.
    pub mode: Mode,
    /// Normalize the ledger again.
    pub renormalize: bool,
    /// Make identity anew.
    pub resolve: bool,
    /// Copy what is the same from the active version's history.
    pub reuse: bool,
    /// Normalize the sources that changed again, and make anew the entities that their events belong to. Only doing it
    /// shows whether identity stays as it is; where it does not, [`Plan::of_everything`] is what has to be done.
    pub renew: bool,
    /// Normalized columns and identity map are the same under these definitions, whatever their hashes.
    pub same_data: bool,
    /// Why, in words.
    pub reason: &'static str,
}

impl Plan {
    /// The plan where nothing can be taken from the active version's history after all.
    #[must_use]
    pub fn of_everything(self) -> Self {
        let mode = if self.renew { Mode::FullRenormalize } else { Mode::Full };
        let (renormalize, resolve) = (self.renew, self.renew);
        Self { mode, renormalize, resolve, reuse: false, renew: false, ..self }
    }
}

/// Stands for the hash of entity definitions where rows have been taken out of a history.
pub const DEPLETED: &str = "depleted";
/// Stands for the hash of identity blocks where hints have been redacted.
pub const REDACTED: &str = "redacted";

fn differs(current: &str, made_with: &str) -> bool {
    !made_with.is_empty() && current != made_with
}

/// Decides.
pub fn plan(current: &Hashes, found: &Found, wanted: Wanted) -> Plan {
    let made = &found.made_with;
    let targets = differs(&current.targets, &made.targets);
    let decided = |mode, reason| Plan {
        mode,
        renormalize: mode == Mode::FullRenormalize,
        resolve: mode >= Mode::FullWithIdentityReset || (mode == Mode::Full && targets),
        reuse: false,
        renew: false,
        same_data: found.same_data,
        reason,
    };
    // A module differs with its labels too, because it carries them; code alone is what counts.
    let code = differs(&current.module, &made.module) && !differs(&current.label, &made.label);
    if wanted.from_raw {
        decided(Mode::FullRenormalize, "asked for")
    } else if differs(&current.source, &made.source) && !found.same_data {
        let plan = decided(Mode::FullRenormalize, "source mappings changed");
        let renewal = found.base.map_or(Renewal::Nothing, |base| base.renewal);
        let narrow = Plan { resolve: false, reuse: true, renew: true, ..plan };
        match renewal {
            _ if wanted.full => plan,
            Renewal::Nothing => plan,
            Renewal::Sources => Plan { mode: Mode::Partial, renormalize: false, ..narrow },
            Renewal::Everything => narrow,
        }
    } else if made.identity == REDACTED {
        decided(Mode::FullWithIdentityReset, "an entity was erased or redacted")
    } else if differs(&current.identity, &made.identity) && !found.same_data {
        decided(Mode::FullWithIdentityReset, "identity config changed")
    } else if wanted.full {
        decided(Mode::Full, "asked for")
    } else if let (Some(base), false) = (found.base, targets) {
        let plan = match base {
            Base { under_way: true, .. } => {
                decided(Mode::Partial, "an earlier build was left unfinished")
            }
            Base { changed: 1.., .. } => decided(Mode::Partial, "entity definitions changed"),
            Base { ruled: 1.., .. } => decided(Mode::Partial, "only time rules were added"),
            Base { relaid: 1.., .. } => decided(Mode::Partial, "only columns changed"),
            _ if found.head > found.cursor => {
                decided(Mode::Incremental, "no entity definition changed")
            }
            _ => decided(Mode::Skip, "nothing changed"),
        };
        Plan { reuse: true, ..plan }
    } else if made.definition == DEPLETED {
        decided(Mode::Full, "an entity was erased or redacted")
    } else if differs(&current.definition, &made.definition) || targets {
        decided(Mode::Full, "entity definitions changed")
    } else if code {
        decided(Mode::Full, "compiled module changed")
    } else if found.unfinished {
        decided(Mode::Full, "an earlier build was left unfinished")
    } else if found.head > found.cursor {
        decided(Mode::Incremental, "new events")
    } else {
        decided(Mode::Skip, "nothing changed")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hashes(source: &str, identity: &str, definition: &str, label: &str, module: &str) -> Hashes {
        Hashes {
            source: source.into(),
            identity: identity.into(),
            targets: "t".into(),
            definition: definition.into(),
            label: label.into(),
            module: module.into(),
        }
    }

    fn mode(current: &Hashes, wanted: Wanted) -> Mode {
        let found = Found { made_with: hashes("s", "i", "d", "l", "m"), ..Found::default() };
        plan(current, &found, wanted).mode
    }

    #[test]
    fn the_most_expensive_change_wins() {
        let none = Wanted::default();
        assert_eq!(mode(&hashes("s", "i", "d", "l", "m"), none), Mode::Skip);
        assert_eq!(mode(&hashes("s", "i", "D", "l", "M"), none), Mode::Full);
        assert_eq!(mode(&hashes("s", "I", "D", "l", "M"), none), Mode::FullWithIdentityReset);
        assert_eq!(mode(&hashes("S", "I", "D", "l", "M"), none), Mode::FullRenormalize);
        let full = Wanted { full: true, from_raw: false };
        assert_eq!(mode(&hashes("s", "i", "d", "l", "m"), full), Mode::Full);
        assert_eq!(mode(&hashes("S", "i", "d", "l", "m"), full), Mode::FullRenormalize);
    }

    #[test]
    fn what_an_erasure_left_is_made_anew() {
        let current = hashes("s", "i", "d", "l", "m");
        let made_with = hashes("s", "i", DEPLETED, "l", "m");
        let found = Found { made_with, ..Found::default() };
        assert_eq!(plan(&current, &found, Wanted::default()).mode, Mode::Full);
        let made_with = hashes("s", REDACTED, "d", "l", "m");
        let found = Found { made_with, ..Found::default() };
        assert_eq!(plan(&current, &found, Wanted::default()).mode, Mode::FullWithIdentityReset);
    }

    #[test]
    fn a_first_build_takes_over_what_did_not_change() {
        let current = hashes("S", "I", "D", "l", "M");
        let base = Base { changed: 1, ..Base::default() };
        let made_with = hashes("s", "i", "d", "l", "m");
        let mut found = Found {
            made_with,
            head: Sequence(5),
            same_data: true,
            base: Some(base),
            ..Found::default()
        };
        let planned = |found: &Found| {
            let made = plan(&current, found, Wanted::default());
            (made.mode, made.reuse)
        };
        assert_eq!(planned(&found), (Mode::Partial, true));
        found.base = Some(Base { relaid: 1, ..Base::default() });
        assert_eq!(planned(&found), (Mode::Partial, true));
        found.base = Some(Base { ruled: 1, relaid: 1, ..Base::default() });
        assert_eq!(planned(&found), (Mode::Partial, true));
        found.base = Some(Base::default());
        assert_eq!(planned(&found), (Mode::Incremental, true));
        found.same_data = false;
        assert_eq!(planned(&found), (Mode::FullRenormalize, false));
        found.same_data = true;
        let asked = plan(&current, &found, Wanted { full: true, from_raw: false });
        assert_eq!((asked.mode, asked.reuse), (Mode::Full, false));
    }

    #[test]
    fn a_source_that_changed_is_normalized_alone() {
        let current = hashes("S", "i", "d", "l", "M");
        let made_with = hashes("s", "i", "d", "l", "m");
        let base = Some(Base { renewal: Renewal::Sources, ..Base::default() });
        let mut found = Found { made_with, head: Sequence(5), base, ..Found::default() };
        let made = plan(&current, &found, Wanted::default());
        assert_eq!((made.mode, made.reuse, made.renew), (Mode::Partial, true, true));
        assert!(!made.renormalize && !made.resolve);
        let all = made.of_everything();
        assert_eq!((all.mode, all.reuse, all.renew), (Mode::FullRenormalize, false, false));
        assert!(all.renormalize && all.resolve);
        let asked = plan(&current, &found, Wanted { full: true, from_raw: false });
        assert_eq!((asked.mode, asked.reuse), (Mode::FullRenormalize, false));
        found.base = Some(Base { renewal: Renewal::Everything, ..Base::default() });
        let made = plan(&current, &found, Wanted::default());
        assert_eq!((made.mode, made.reuse, made.renew), (Mode::FullRenormalize, true, true));
        assert!(made.renormalize && !made.resolve);
        // Taken up again: the ledger is that of the new sources already.
        let made_with = hashes("S", "i", "d", "l", "m");
        let base = Some(Base { under_way: true, ..Base::default() });
        let found = Found { made_with, base, unfinished: true, ..Found::default() };
        let made = plan(&current, &found, Wanted::default());
        assert_eq!((made.mode, made.reuse, made.renew), (Mode::Partial, true, false));
    }

    #[test]
    fn labels_alone_cost_nothing() {
        assert_eq!(mode(&hashes("s", "i", "d", "L", "M"), Wanted::default()), Mode::Skip);
        assert_eq!(mode(&hashes("s", "i", "d", "l", "M"), Wanted::default()), Mode::Full);
    }
}
