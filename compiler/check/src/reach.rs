//! The state machine as a graph: start, creation, reachability, dead ends (E-05, E-13, E-15, W-1, W-12).

use std::collections::BTreeSet;

use defacto_definitions::{EffectDef, EntityDef, RuleDef, RuleKind, Spanned, StateDef};
use defacto_diagnostics::{Code, Diagnostic, nearest};

use crate::threshold;

type Effects = [Spanned<EffectDef>];

/// Reports what is wrong with the machine as a whole.
pub(crate) fn check(def: &EntityDef, found: &mut Vec<Diagnostic>) {
    // Missing blocks have been reported; what follows from them has not to be.
    if def.states.is_empty() || def.starts.value.is_empty() {
        return;
    }
    let Some(start) = def.states.iter().find(|state| state.name.value == def.starts.value) else {
        let help =
            nearest(&def.starts.value, def.states.iter().map(|state| state.name.value.as_str()));
        let message = format!("there is no state `{}`", def.starts.value);
        let mut diagnostic = Diagnostic::new(Code::E05, &def.starts.path, def.starts.span, message);
        diagnostic.help = help.map(|name| format!("did you mean `{name}`?"));
        found.push(diagnostic);
        return;
    };
    let creates = start.when.iter().chain(&def.always).any(|handler| {
        handler.effects.iter().any(|effect| matches!(effect.value, EffectDef::Create))
    });
    if !creates {
        found.push(
            Diagnostic::new(
                Code::E13,
                &start.name.path,
                start.name.span,
                format!(
                    "nothing creates an entity: no handler of the start state `{}` has `create`",
                    start.name.value
                ),
            )
            .with_help(
                "add `create` as the first effect of the event that brings the entity into being",
            ),
        );
    }
    unreachable(def, start, found);
    dead_ends(def, start, found);
    rules(def, found);
}

fn targets(effects: &Effects) -> impl Iterator<Item = &str> {
    effects.iter().filter_map(|effect| match &effect.value {
        EffectDef::Transition { to, .. } => Some(to.value.as_str()),
        _ => None,
    })
}

fn own_targets(state: &StateDef) -> impl Iterator<Item = &str> {
    let handlers = state.when.iter().flat_map(|handler| targets(&handler.effects));
    handlers.chain(state.after.iter().flat_map(|rule| targets(&rule.effects)))
}

fn always_targets(def: &EntityDef) -> impl Iterator<Item = &str> {
    def.always.iter().flat_map(|handler| targets(&handler.effects))
}

fn unreachable(def: &EntityDef, start: &StateDef, found: &mut Vec<Diagnostic>) {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&str> = vec![&start.name.value];
    open.extend(always_targets(def));
    while let Some(name) = open.pop() {
        if reached.insert(name)
            && let Some(state) = def.states.iter().find(|state| state.name.value == name)
        {
            open.extend(own_targets(state));
        }
    }
    for state in &def.states {
        let name = &state.name;
        if !reached.contains(name.value.as_str()) {
            let message = format!(
                "no path of transitions leads from `{}` to `{}`",
                start.name.value, name.value
            );
            found.push(Diagnostic::new(Code::E15, &name.path, name.span, message));
        }
    }
}

fn dead_ends(def: &EntityDef, start: &StateDef, found: &mut Vec<Diagnostic>) {
    for state in &def.states {
        let name = &state.name;
        let out = |target: &&str| *target != name.value;
        if state.terminal {
            if let Some(target) = own_targets(state).find(out) {
                let message =
                    format!("`{}` is declared terminal, but leads to `{target}`", name.value);
                found.push(Diagnostic::new(Code::E09, &name.path, name.span, message));
            }
            continue;
        }
        let leaves = !state.when.is_empty()
            || !state.after.is_empty()
            || always_targets(def).any(|t| out(&t));
        if !leaves && name.value != start.name.value {
            let message =
                format!("nothing leads out of `{}`: an entity stays in it for ever", name.value);
            found.push(
                Diagnostic::new(Code::W01, &name.path, name.span, message)
                    .with_help("if this is the end of its life, write `terminal: true`"),
            );
        }
    }
}

/// W-12: rules that can go round without time passing, and rules that never have their turn.
fn rules(def: &EntityDef, found: &mut Vec<Diagnostic>) {
    for state in &def.states {
        for (at, rule) in state.after.iter().enumerate() {
            if let Some(loops) = instant_targets(rule)
                .find(|target| instantly_reaches(def, target, &state.name.value))
            {
                let message = format!(
                    "this rule leads to `{loops}`, from which rules lead back to `{}` without any lapse of time",
                    state.name.value
                );
                found.push(
                    Diagnostic::new(Code::W12, &rule.path, rule.span, message).with_help(
                        "use `state_duration`, which counts from the entry of the state",
                    ),
                );
            }
            let Ok(threshold) = threshold::micros(&rule.threshold.value) else { continue };
            let first = state.after.iter().enumerate().find(|(other_at, other)| {
                let earlier = threshold::micros(&other.threshold.value)
                    .is_ok_and(|t| t < threshold || (t == threshold && *other_at < at));
                earlier && other.kind == rule.kind && always_leaves(other, &state.name.value)
            });
            if let Some((first, _)) = first {
                let message = format!(
                    "this rule never fires: rule {first} of the state always leaves the state before"
                );
                found.push(Diagnostic::new(Code::W12, &rule.path, rule.span, message));
            }
        }
    }
}

/// States that a rule can lead to at the very instant at which its own state is entered.
fn instant_targets(rule: &RuleDef) -> impl Iterator<Item = &str> {
    targets(&rule.effects).filter(|_| rule.kind != RuleKind::StateDuration)
}

fn instantly_reaches(def: &EntityDef, from: &str, to: &str) -> bool {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let mut open = vec![from];
    while let Some(name) = open.pop() {
        if name == to {
            return true;
        }
        if reached.insert(name)
            && let Some(state) = def.states.iter().find(|state| state.name.value == name)
        {
            open.extend(state.after.iter().flat_map(instant_targets));
        }
    }
    false
}

fn always_leaves(rule: &RuleDef, state: &str) -> bool {
    rule.guard.is_none()
        && rule.effects.iter().any(|effect| {
            matches!(&effect.value, EffectDef::Transition { to, condition: None } if to.value != state)
        })
}
