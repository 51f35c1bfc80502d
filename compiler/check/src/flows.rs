//! Which event fields flow into which properties.

use std::collections::BTreeSet;

use defacto_model::FieldOrigin;

use crate::{EffectKind, Entity, Expr, ExprKind};

/// Names of the event fields whose values `set … from` puts into a property, by any handler (language.md 2.3:
/// what a redaction of the property rewrites). Sorted.
pub fn fields_into(entity: &Entity, property: u32) -> Vec<String> {
    let mut found = BTreeSet::new();
    for (at, event) in (0u32..).zip(&entity.events) {
        let of_states = entity.states.iter().flat_map(|state| &state.when);
        let handlers = of_states.filter(|(event, _)| *event == at).map(|(_, handler)| handler);
        for handler in handlers.chain(&event.always) {
            for effect in &handler.effects {
                if let EffectKind::Set { property: set, value } = &effect.kind
                    && *set == property
                {
                    read(value, &mut |cell| {
                        if let Some(FieldOrigin::Data(name)) =
                            event.fields.get(cell as usize).map(|cell| &cell.origin)
                        {
                            found.insert(name.clone());
                        }
                    });
                }
            }
        }
    }
    found.into_iter().collect()
}

/// Calls for every event cell in an expression. Trees can be deep, so they are walked with a stack of their own.
fn read(expr: &Expr, cell: &mut dyn FnMut(u32)) {
    let mut rest = vec![expr];
    while let Some(expr) = rest.pop() {
        match &expr.kind {
            ExprKind::Event(index) => cell(*index),
            ExprKind::Literal(_)
            | ExprKind::Raw(_)
            | ExprKind::Property(_)
            | ExprKind::Builtin(_)
            | ExprKind::Value
            | ExprKind::Context(_)
            | ExprKind::Now => {}
            ExprKind::Member(inner, _) | ExprKind::Not(inner) | ExprKind::Neg(inner) => {
                rest.push(inner);
            }
            ExprKind::Index(left, right)
            | ExprKind::Binary(_, left, right)
            | ExprKind::And(left, right)
            | ExprKind::Or(left, right) => rest.extend([left.as_ref(), right.as_ref()]),
            ExprKind::If(condition, then, otherwise) => {
                rest.extend([condition.as_ref(), then.as_ref(), otherwise.as_ref()]);
            }
            ExprKind::Call(_, args) | ExprKind::Foreign(_, args) | ExprKind::Coalesce(args) => {
                rest.extend(args);
            }
        }
    }
}
