//! Effects of handlers and time rules (language.md 2.6).

use defacto_definitions::{
    AmountDef, EffectDef, ExprText, Literal, PropertyDef, Spanned, ValueDef,
};
use defacto_diagnostics::{Code, Diagnostic, Span, nearest};
use defacto_model::{Value, ValueType};

use crate::entity::EntityContext;
use crate::expression::{expression, member};
use crate::kinds::{Fit, Kinds};
use crate::literal::{self, type_name};
use crate::scope::{Scope, Typed, index};
use crate::usage::{Usage, has_integer_quotient};
use crate::{Effect, EffectKind, Expr, ExprKind, RelateTarget};

/// What effects of one handler or rule are checked against.
pub(crate) struct Effects<'a> {
    pub(crate) context: &'a EntityContext<'a>,
    /// `relate` targets of the event; `None` in a time rule.
    pub(crate) relates: Option<&'a mut Vec<RelateTarget>>,
    /// Whether the handler can run before the entity exists.
    pub(crate) may_create: bool,
    pub(crate) usage: &'a mut Usage,
    pub(crate) found: &'a mut Vec<Diagnostic>,
}

impl Effects<'_> {
    /// Checks a list of effects; those in error are left out.
    pub(crate) fn list(
        &mut self,
        defs: &[Spanned<EffectDef>],
        scope: &mut Scope<'_>,
    ) -> Vec<Effect> {
        let mut effects = Vec::with_capacity(defs.len());
        for (at, def) in defs.iter().enumerate() {
            if matches!(def.value, EffectDef::Create) && self.may_create && at > 0 {
                self.report(
                    Code::E14,
                    &def.path,
                    def.span,
                    "`create` must come before every other effect",
                );
            }
            effects.extend(self.effect(def, scope));
        }
        effects
    }

    fn report(&mut self, code: Code, path: &str, span: Option<Span>, message: impl Into<String>) {
        self.found.push(Diagnostic::new(code, path, span, message));
    }

    fn effect(&mut self, def: &Spanned<EffectDef>, scope: &mut Scope<'_>) -> Option<Effect> {
        let rule = self.relates.is_none();
        match &def.value {
            EffectDef::Create if rule => {
                self.report(
                    Code::E17,
                    &def.path,
                    def.span,
                    "a time rule cannot `create`: its entity exists already",
                );
                None
            }
            EffectDef::Create => Some(Effect { condition: None, kind: EffectKind::Create }),
            EffectDef::Transition { to, condition } => {
                let condition = self.condition(condition.as_ref(), scope);
                let to = self.state(to);
                Some(Effect { condition: condition?, kind: EffectKind::Transition { to: to? } })
            }
            EffectDef::Set { property, values, condition } => {
                let condition = self.condition(condition.as_ref(), scope);
                let target = self.target(property);
                let place = format!("{}.set", def.path);
                let value = self.value(
                    values,
                    target.and_then(|(_, r#type)| r#type),
                    &place,
                    def.span,
                    scope,
                );
                let (property, _) = target?;
                Some(Effect {
                    condition: condition?,
                    kind: EffectKind::Set { property, value: value? },
                })
            }
            EffectDef::Increment { property, by, condition } => {
                let condition = self.condition(condition.as_ref(), scope);
                let target = self.target(property);
                if let Some((_, Some(r#type))) = target
                    && !matches!(r#type, ValueType::Number | ValueType::Integer)
                {
                    let message = format!(
                        "`{}` is of type `{}`; only `number` and `integer` can be incremented",
                        property.value,
                        type_name(r#type)
                    );
                    self.report(
                        Code::E10,
                        &format!("{}.increment", def.path),
                        property.span,
                        message,
                    );
                }
                let by = self.amount(by, target.and_then(|(_, r#type)| r#type), scope);
                let (property, _) = target?;
                Some(Effect {
                    condition: condition?,
                    kind: EffectKind::Increment { property, by: by? },
                })
            }
            EffectDef::Relate { condition, .. } => {
                let condition = self.condition(condition.as_ref(), scope);
                if rule {
                    self.report(Code::E17, &def.path, def.span, "a time rule cannot `relate`");
                    return None;
                }
                let kind = self.relate(def, scope);
                Some(Effect { condition: condition?, kind: kind? })
            }
        }
    }

    /// `None` for a condition in error, `Some(None)` for none.
    #[expect(clippy::option_option, reason = "a missing condition is no error")]
    fn condition(
        &mut self,
        text: Option<&ExprText>,
        scope: &mut Scope<'_>,
    ) -> Option<Option<Expr>> {
        match text {
            None => Some(None),
            Some(text) => boolean(text, "condition", scope, self.usage, self.found).map(Some),
        }
    }

    fn state(&mut self, to: &Spanned<String>) -> Option<u32> {
        let states = &self.context.def.states;
        if let Some(at) = states.iter().position(|state| state.name.value == to.value) {
            return Some(index(at));
        }
        let help = nearest(&to.value, states.iter().map(|state| state.name.value.as_str()));
        let mut diagnostic = Diagnostic::new(
            Code::E09,
            &to.path,
            to.span,
            format!("there is no state `{}`", to.value),
        );
        diagnostic.help = help.map(|name| format!("did you mean `{name}`?"));
        self.found.push(diagnostic);
        None
    }

    /// A property that effects may write.
    fn target(&mut self, name: &Spanned<String>) -> Option<(u32, Option<ValueType>)> {
        let names = &self.context.names.properties;
        let Some((at, r#type)) = self.context.names.property(&name.value) else {
            let help = nearest(&name.value, names.iter().map(|(name, _)| name.as_str()));
            let mut diagnostic = Diagnostic::new(
                Code::E10,
                &name.path,
                name.span,
                format!("there is no property `{}`", name.value),
            );
            diagnostic.help = help.map(|name| format!("did you mean `{name}`?"));
            self.found.push(diagnostic);
            return None;
        };
        self.usage.written.insert(at);
        let computed = self
            .context
            .def
            .properties
            .iter()
            .any(|p| p.name.value == name.value && p.compute.is_some());
        if computed {
            self.report(
                Code::E10,
                &name.path,
                name.span,
                format!("`{}` is computed; an effect cannot write it", name.value),
            );
        }
        Some((at, r#type))
    }

    /// The one source of a value; `place` is the path of the effect's body.
    fn value(
        &mut self,
        values: &[ValueDef],
        r#type: Option<ValueType>,
        place: &str,
        span: Option<Span>,
        scope: &mut Scope<'_>,
    ) -> Option<Expr> {
        if values.len() != 1 {
            let message = if values.is_empty() {
                "one of `from`, `value` and `compute` is needed"
            } else {
                "only one of `from`, `value` and `compute` may be given"
            };
            self.report(Code::E11, place, span, message);
        }
        let mut result = None;
        for value in values {
            result = match value {
                ValueDef::From(path) => self.from(path, scope),
                ValueDef::Value(literal) => self.literal(literal, r#type),
                ValueDef::Refused => None,
                ValueDef::Compute(text) => {
                    let typed = expression(text, scope, &mut self.usage.reads, self.found);
                    if let (Some(typed), Some(ValueType::Number)) = (&typed, r#type) {
                        warn_integer_quotient(text, typed, self.found);
                    }
                    typed.map(|typed| typed.expr)
                }
            };
        }
        (values.len() == 1).then_some(result).flatten()
    }

    fn literal(&mut self, given: &Spanned<Literal>, r#type: Option<ValueType>) -> Option<Expr> {
        let value = match (&given.value, r#type) {
            (Literal::Null, _) | (_, None) => Value::Null,
            (_, Some(r#type)) => match literal::of_type(given, r#type) {
                Ok(value) => value,
                Err(message) => {
                    self.report(Code::E12, &given.path, given.span, message);
                    return None;
                }
            },
        };
        let r#type = Kinds::of_value(&value).to_type();
        Some(Expr { kind: ExprKind::Literal(value), r#type })
    }

    /// `from: event.a.b` or `entity.a`.
    fn from(&mut self, path: &Spanned<String>, scope: &mut Scope<'_>) -> Option<Expr> {
        let mut names = path.value.split('.');
        let root = names.next().unwrap_or_default();
        let names: Vec<&str> = names.collect();
        if !matches!(root, "event" | "entity")
            || names.is_empty()
            || names.iter().any(|name| name.is_empty())
        {
            let help = format!("write `from: event.{}`", path.value.trim_matches('.'));
            self.found.push(
                Diagnostic::new(
                    Code::E11,
                    &path.path,
                    path.span,
                    "`from` is a path that starts with `event.` or `entity.`",
                )
                .with_help(help),
            );
            return None;
        }
        let resolved = if root == "event" {
            scope.event(&names)
        } else {
            scope.entity(&names, &mut self.usage.reads)
        };
        match resolved {
            Ok(resolved) => {
                if let Some((foreign, why)) = resolved.null {
                    self.report(
                        if foreign { Code::W08 } else { Code::W07 },
                        &path.path,
                        path.span,
                        why,
                    );
                }
                let start = Typed::new(resolved.kind, resolved.kinds);
                let value =
                    names.iter().skip(resolved.used).fold(start, |value, name| member(value, name));
                Some(value.expr)
            }
            Err(unresolved) => {
                let mut diagnostic =
                    Diagnostic::new(Code::E19, &path.path, path.span, unresolved.message);
                diagnostic.help = unresolved.help;
                self.found.push(diagnostic);
                None
            }
        }
    }

    fn amount(
        &mut self,
        by: &AmountDef,
        r#type: Option<ValueType>,
        scope: &mut Scope<'_>,
    ) -> Option<Expr> {
        match by {
            AmountDef::Literal(given) => {
                let value = match (&given.value, r#type) {
                    (Literal::Int(n), _) => Some(Value::Int(*n)),
                    (Literal::Float(x), Some(ValueType::Integer)) => {
                        crate::property::whole(*x).map(|_| Value::Float(*x))
                    }
                    (Literal::Float(x), _) => x.is_finite().then_some(Value::Float(*x)),
                    _ => None,
                };
                let Some(value) = value else {
                    let what = literal::describe(&given.value);
                    let message = match r#type {
                        Some(ValueType::Integer) => format!("{what} is no amount for an `integer`"),
                        _ => format!("{what} is no amount"),
                    };
                    self.report(Code::E12, &given.path, given.span, message);
                    return None;
                };
                let r#type = Kinds::of_value(&value).to_type();
                Some(Expr { kind: ExprKind::Literal(value), r#type })
            }
            AmountDef::Compute(text) => {
                let typed = expression(text, scope, &mut self.usage.reads, self.found)?;
                if typed.kinds.fit(Kinds::NUMBER) == Fit::Never {
                    let message = format!("the amount is {}, not a number", typed.kinds);
                    self.report(Code::E19, &text.path, text.span, message);
                }
                if r#type == Some(ValueType::Number) {
                    warn_integer_quotient(text, &typed, self.found);
                }
                Some(typed.expr)
            }
        }
    }

    fn relate(&mut self, def: &Spanned<EffectDef>, scope: &mut Scope<'_>) -> Option<EffectKind> {
        let EffectDef::Relate { r#type, target, hints, properties, .. } = &def.value else {
            return None;
        };
        let path = format!("{}.relate", def.path);
        let declared = &self.context.def.relationships;
        let found_at = declared
            .iter()
            .position(|r| r.r#type.value == r#type.value && r.target.value == target.value);
        let Some(at) = found_at else {
            let same_name = declared.iter().find(|r| r.r#type.value == r#type.value);
            let (message, help) = match same_name {
                Some(relationship) => (
                    format!(
                        "`{}` leads to `{}`, not to `{}`",
                        r#type.value, relationship.target.value, target.value
                    ),
                    None,
                ),
                None => (
                    format!("this entity declares no relationship `{}`", r#type.value),
                    nearest(&r#type.value, declared.iter().map(|r| r.r#type.value.as_str()))
                        .map(|name| format!("did you mean `{name}`?")),
                ),
            };
            let mut diagnostic =
                Diagnostic::new(Code::E23, &path, r#type.span.or(def.span), message);
            diagnostic.help = help;
            self.found.push(diagnostic);
            return None;
        };
        let hint_fields = self.relate_hints(&target.value, hints, &path);
        let wanted = declared.get(at).map_or(&[][..], |relationship| &relationship.properties);
        let mut values: Vec<Option<Expr>> = wanted.iter().map(edge_default).collect();
        for (name, given) in properties {
            let Some(slot) = wanted.iter().position(|p| p.name.value == name.value) else {
                let help = nearest(&name.value, wanted.iter().map(|p| p.name.value.as_str()));
                let mut diagnostic = Diagnostic::new(
                    Code::E23,
                    &name.path,
                    name.span,
                    format!("the relationship `{}` has no property `{}`", r#type.value, name.value),
                );
                diagnostic.help = help.map(|name| format!("did you mean `{name}`?"));
                self.found.push(diagnostic);
                continue;
            };
            let of_type = wanted.get(slot).filter(|p| p.type_known).map(|p| p.r#type);
            let value = self.value(given, of_type, &name.path, name.span, scope);
            if let Some(slot) = values.get_mut(slot) {
                *slot = value;
            }
        }
        let relates = self.relates.as_mut()?;
        relates.push(RelateTarget { relationship: index(at), hint_fields });
        Some(EffectKind::Relate {
            relate: index(relates.len().saturating_sub(1)),
            properties: values,
        })
    }

    fn relate_hints(
        &mut self,
        target: &str,
        hints: &[(Spanned<String>, Vec<Spanned<String>>)],
        path: &str,
    ) -> Vec<String> {
        let mut fields = Vec::new();
        let identity = self.context.identity_of(target);
        for (entity, names) in hints {
            if entity.value != target {
                let message = if self.context.identity_of(&entity.value).is_some() {
                    format!("hints of this effect must be for its target `{target}`")
                } else {
                    format!("there is no entity `{}`", entity.value)
                };
                self.report(Code::E23, path, entity.span, message);
                continue;
            }
            for field in names {
                let known =
                    identity.is_none_or(|identity| identity.contains(&field.value.as_str()));
                if !known {
                    let help = identity
                        .and_then(|identity| nearest(&field.value, identity.iter().copied()));
                    let mut diagnostic = Diagnostic::new(
                        Code::E23,
                        path,
                        field.span.or(entity.span),
                        format!("`{}` is no identity field of `{target}`", field.value),
                    );
                    diagnostic.help = help.map(|name| format!("did you mean `{name}`?"));
                    self.found.push(diagnostic);
                }
                fields.push(field.value.clone());
            }
        }
        fields
    }
}

/// The value of an edge property that an effect does not give; errors in it are reported where it stands.
fn edge_default(def: &PropertyDef) -> Option<Expr> {
    let value = literal::of_type(def.default.as_ref()?, def.r#type).ok()?;
    let r#type = Kinds::of_value(&value).to_type();
    Some(Expr { kind: ExprKind::Literal(value), r#type })
}

/// Types a guard or condition; warns when its type is known and not Bool (W-15).
pub(crate) fn boolean(
    text: &ExprText,
    word: &str,
    scope: &mut Scope<'_>,
    usage: &mut Usage,
    found: &mut Vec<Diagnostic>,
) -> Option<Expr> {
    let typed = expression(text, scope, &mut usage.reads, found)?;
    if typed.kinds.fit(Kinds::BOOL) != Fit::Fits {
        found.push(Diagnostic::new(
            Code::W15,
            &text.path,
            text.span,
            format!(
                "this {word} is {}, not Bool, so every event that reaches it fails",
                typed.kinds
            ),
        ));
    }
    Some(typed.expr)
}

/// Warns where a quotient of integers, which is cut, becomes a `number` (decision 5).
pub(crate) fn warn_integer_quotient(text: &ExprText, typed: &Typed, found: &mut Vec<Diagnostic>) {
    if has_integer_quotient(&typed.expr) {
        found.push(
            Diagnostic::new(
                Code::W17,
                &text.path,
                text.span,
                "a quotient of two integers is cut to an integer before it is stored as a `number`",
            )
            .with_help("convert one side: `to_float(a) / b`"),
        );
    }
}
