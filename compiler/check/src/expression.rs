//! Expressions: syntax in, typed expression out (language.md 4).

use defacto_definitions::ExprText;
use defacto_diagnostics::{Code, Diagnostic, Span, nearest};
use defacto_model::{Micros, Value};
use defacto_syntax as syntax;
use defacto_syntax::{Literal, Root, Segment, TextRange, UnaryOp};

use crate::kinds::{Fit, Kinds};
use crate::scope::{Reads, Resolved, Scope, Typed, Unresolved};
use crate::{BinaryOp, ExprKind, library, operators};

/// Places of an expression's parts in the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place<'a> {
    pub(crate) text: &'a ExprText,
}

impl Place<'_> {
    /// Where a range of the text stands in the file.
    pub(crate) fn span(self, range: TextRange) -> Option<Span> {
        let whole = self.text.span?;
        let Some(offset) = self.text.offset else {
            return Some(whole);
        };
        let first = whole.start.saturating_add(offset);
        Some(Span {
            file: whole.file,
            start: first.saturating_add(range.start),
            end: first.saturating_add(range.end).max(first.saturating_add(range.start)),
        })
    }
}

/// Parses and types an expression; `None` when it does not parse (E-18). Type errors (E-19) are
/// reported and leave a value of unknown type.
pub(crate) fn expression(
    text: &ExprText,
    scope: &mut Scope<'_>,
    reads: &mut Reads,
    found: &mut Vec<Diagnostic>,
) -> Option<Typed> {
    let place = Place { text };
    match syntax::parse(&text.text) {
        Ok(tree) => Some(Typing { place, scope, reads, found }.of(&tree)),
        Err(error) => {
            let mut diagnostic =
                Diagnostic::new(Code::E18, &text.path, place.span(error.range), error.message);
            diagnostic.help = error.help;
            found.push(diagnostic);
            None
        }
    }
}

struct Typing<'a, 's> {
    place: Place<'a>,
    scope: &'a mut Scope<'s>,
    reads: &'a mut Reads,
    found: &'a mut Vec<Diagnostic>,
}

impl Typing<'_, '_> {
    fn report(&mut self, code: Code, range: TextRange, message: String, help: Option<String>) {
        let mut diagnostic =
            Diagnostic::new(code, &self.place.text.path, self.place.span(range), message);
        diagnostic.help = help;
        self.found.push(diagnostic);
    }

    /// Reports what does not fit: an error, or a warning where null would pass.
    fn misfit(&mut self, fit: Fit, range: TextRange, message: String, help: Option<String>) {
        match fit {
            Fit::Fits => {}
            Fit::OnlyNull => self.report(
                Code::W18,
                range,
                format!("{message}: this fails unless it is null"),
                help,
            ),
            Fit::Never => self.report(Code::E19, range, message, help),
        }
    }

    fn demand(
        &mut self,
        kinds: Kinds,
        wanted: Kinds,
        range: TextRange,
        message: impl FnOnce() -> String,
    ) {
        let fit = kinds.fit(wanted);
        if fit != Fit::Fits {
            self.misfit(fit, range, message(), None);
        }
    }

    /// Types a tree. Chains of infix operators and of postfixes are walked in a loop, because their
    /// length is not limited by the nesting depth.
    fn of(&mut self, tree: &syntax::Expr) -> Typed {
        let mut spine = Vec::new();
        let mut node = tree;
        while let syntax::ExprKind::Binary(_, left, _)
        | syntax::ExprKind::Index(left, _)
        | syntax::ExprKind::Member(left, _) = &node.kind
        {
            spine.push(node);
            node = left;
        }
        let mut value = self.leaf(node);
        for node in spine.into_iter().rev() {
            value = match &node.kind {
                syntax::ExprKind::Binary(op, left, right) => {
                    self.warn_tight_unary(*op, left);
                    let right_value = self.of(right);
                    self.infix(*op, node.range, (value, left.range), (right_value, right.range))
                }
                syntax::ExprKind::Index(_, index) => {
                    let index_value = self.of(index);
                    self.element(node.range, value, index_value)
                }
                syntax::ExprKind::Member(_, segment) => member(value, &segment.text),
                _ => value,
            };
        }
        value
    }

    fn leaf(&mut self, tree: &syntax::Expr) -> Typed {
        match &tree.kind {
            syntax::ExprKind::Literal(literal) => constant(literal),
            syntax::ExprKind::Path { root, segments } => self.path(tree.range, root, segments),
            syntax::ExprKind::Paren(inner) => self.of(inner),
            syntax::ExprKind::Unary(op, operand) => self.prefix(*op, tree.range, operand),
            syntax::ExprKind::If(condition, then, otherwise) => {
                let test = self.of(condition);
                self.demand(test.kinds, Kinds::BOOL, condition.range, || {
                    format!("the condition of `if` is {}, not Bool", test.kinds)
                });
                let then = self.of(then);
                let otherwise = self.of(otherwise);
                let kinds = then.kinds.or(otherwise.kinds);
                Typed::new(
                    ExprKind::If(
                        Box::new(test.expr),
                        Box::new(then.expr),
                        Box::new(otherwise.expr),
                    ),
                    kinds,
                )
            }
            syntax::ExprKind::Call { name, name_range, args } => {
                self.call(tree.range, name, *name_range, args)
            }
            // Handled by `of`, which never passes them on.
            syntax::ExprKind::Binary(..)
            | syntax::ExprKind::Index(..)
            | syntax::ExprKind::Member(..) => unknown(),
        }
    }

    fn path(&mut self, range: TextRange, root: &Root, segments: &[Segment]) -> Typed {
        let names: Vec<&str> = segments.iter().map(|segment| segment.text.as_str()).collect();
        let resolved = match root {
            Root::Event | Root::Entity if names.is_empty() => {
                let root = if *root == Root::Event { "event" } else { "entity" };
                Err(Unresolved {
                    message: format!("`{root}` alone is no value"),
                    help: Some(format!("name a field, such as `{root}.name`")),
                })
            }
            Root::Event => self.scope.event(&names),
            Root::Entity => self.scope.entity(&names, self.reads),
            Root::Value => self.scope.value(),
            Root::Unknown(name) => Err(unknown_root(name)),
        };
        match resolved {
            Ok(Resolved { kind, kinds, used, null }) => {
                let mut value = Typed::new(kind, kinds);
                if let Some((foreign, why)) = null {
                    let code = if foreign { Code::W08 } else { Code::W07 };
                    self.report(code, range, why, None);
                }
                for name in names.iter().skip(used) {
                    let before = value.kinds;
                    value = member(value, name);
                    if value.kinds.is_null() && !before.is_null() {
                        self.report(
                            Code::W07,
                            range,
                            format!(
                                "a value of type {before} has no `.{name}`, so this is always null"
                            ),
                            None,
                        );
                    }
                }
                value
            }
            Err(Unresolved { message, help }) => {
                self.report(Code::E19, range, message, help);
                unknown()
            }
        }
    }

    fn prefix(&mut self, op: UnaryOp, range: TextRange, operand: &syntax::Expr) -> Typed {
        let value = self.of(operand);
        match op {
            UnaryOp::Not => {
                self.demand(value.kinds, Kinds::BOOL, range, || {
                    format!("`not` takes Bool, not {}", value.kinds)
                });
                let kinds = value.kinds.and(Kinds::NULL).or(Kinds::BOOL);
                Typed::new(ExprKind::Not(Box::new(value.expr)), kinds)
            }
            UnaryOp::Neg => {
                let taken = Kinds::NUMBER.or(Kinds::DURATION);
                self.demand(value.kinds, taken, range, || {
                    format!("`-` takes a number or a Duration, not {}", value.kinds)
                });
                let kinds = value.kinds.and(taken.nullable());
                Typed::new(ExprKind::Neg(Box::new(value.expr)), kinds)
            }
        }
    }

    fn infix(
        &mut self,
        op: syntax::BinaryOp,
        range: TextRange,
        (left, left_range): (Typed, TextRange),
        (right, right_range): (Typed, TextRange),
    ) -> Typed {
        let op = match op {
            syntax::BinaryOp::And | syntax::BinaryOp::Or => {
                let and = op == syntax::BinaryOp::And;
                let word = if and { "and" } else { "or" };
                for (side, range) in [(&left, left_range), (&right, right_range)] {
                    self.demand(side.kinds, Kinds::BOOL, range, || {
                        format!("`{word}` takes Bool, not {}", side.kinds)
                    });
                }
                let null = left.kinds.or(right.kinds).and(Kinds::NULL);
                let (left, right) = (Box::new(left.expr), Box::new(right.expr));
                let kind = if and { ExprKind::And(left, right) } else { ExprKind::Or(left, right) };
                return Typed::new(kind, null.or(Kinds::BOOL));
            }
            syntax::BinaryOp::Eq => BinaryOp::Eq,
            syntax::BinaryOp::Ne => BinaryOp::Ne,
            syntax::BinaryOp::Lt => BinaryOp::Lt,
            syntax::BinaryOp::Le => BinaryOp::Le,
            syntax::BinaryOp::Gt => BinaryOp::Gt,
            syntax::BinaryOp::Ge => BinaryOp::Ge,
            syntax::BinaryOp::Add => BinaryOp::Add,
            syntax::BinaryOp::Sub => BinaryOp::Sub,
            syntax::BinaryOp::Mul => BinaryOp::Mul,
            syntax::BinaryOp::Div => BinaryOp::Div,
            syntax::BinaryOp::Rem => BinaryOp::Rem,
            syntax::BinaryOp::Pow => BinaryOp::Pow,
        };
        let (fit, kinds) = operators::binary(op, left.kinds, right.kinds);
        if fit != Fit::Fits {
            let message = format!(
                "`{}` does not take {} and {}",
                operators::symbol(op),
                left.kinds,
                right.kinds
            );
            self.misfit(fit, range, message, conversion_help(op, left.kinds, right.kinds));
        }
        Typed::new(ExprKind::Binary(op, Box::new(left.expr), Box::new(right.expr)), kinds)
    }

    fn element(&mut self, range: TextRange, base: Typed, index: Typed) -> Typed {
        let (fit, kinds) = operators::index(base.kinds, index.kinds);
        if fit != Fit::Fits {
            let message =
                format!("{} has no element at an index of type {}", base.kinds, index.kinds);
            self.misfit(fit, range, message, None);
        }
        Typed::new(ExprKind::Index(Box::new(base.expr), Box::new(index.expr)), kinds)
    }

    fn call(
        &mut self,
        range: TextRange,
        name: &str,
        name_range: TextRange,
        args: &[syntax::Expr],
    ) -> Typed {
        let values: Vec<(Typed, TextRange)> =
            args.iter().map(|arg| (self.of(arg), arg.range)).collect();
        let library::Called { value, uses_now, misfits } =
            library::call(&self.reads.foreign, name, name_range, range, &values);
        self.reads.now |= uses_now;
        for library::Misfit { fit, range, message, help } in misfits {
            self.misfit(fit, range, message, help);
        }
        value.unwrap_or_else(unknown)
    }

    fn warn_tight_unary(&mut self, op: syntax::BinaryOp, left: &syntax::Expr) {
        let syntax::ExprKind::Unary(unary, _) = &left.kind else { return };
        let comparison = matches!(
            op,
            syntax::BinaryOp::Eq
                | syntax::BinaryOp::Ne
                | syntax::BinaryOp::Lt
                | syntax::BinaryOp::Le
                | syntax::BinaryOp::Gt
                | syntax::BinaryOp::Ge
        );
        let (message, help) = match unary {
            UnaryOp::Not if comparison => (
                "`not` applies to the left side of the comparison only",
                "write `not (a == b)` to negate the comparison, or `(not a) == b` if this is meant",
            ),
            UnaryOp::Neg if op == syntax::BinaryOp::Pow => (
                "`-` applies to the base, before `**`",
                "write `-(a ** b)` to negate the power, or `(-a) ** b` if this is meant",
            ),
            _ => return,
        };
        self.report(Code::W09, left.range, message.into(), Some(help.into()));
    }
}

/// What stands for an expression in error.
fn unknown() -> Typed {
    Typed::new(ExprKind::Literal(Value::Null), Kinds::ANY)
}

fn constant(literal: &Literal) -> Typed {
    let value = match literal {
        Literal::Null => Value::Null,
        Literal::Bool(b) => Value::Bool(*b),
        Literal::Int(n) => Value::Int(*n),
        Literal::Float(x) => Value::Float(*x),
        Literal::String(text) => Value::String(text.clone()),
        Literal::Duration(micros) => Value::Duration(Micros(*micros)),
    };
    let kinds = Kinds::of_value(&value);
    Typed::new(ExprKind::Literal(value), kinds)
}

/// `x.name`.
pub(crate) fn member(base: Typed, name: &str) -> Typed {
    let kinds = operators::member(base.kinds, name);
    Typed::new(ExprKind::Member(Box::new(base.expr), name.into()), kinds)
}

fn unknown_root(name: &str) -> Unresolved {
    let roots = ["event", "entity", "value", "true", "false", "null"];
    let help = if let Some(root) = nearest(name, roots) {
        Some(format!("did you mean `{root}`?"))
    } else if library::exists(name) {
        Some(format!("to call the function, write `{name}(…)`"))
    } else {
        Some(format!(
            "a text stands in quotes: `'{name}'`; a field is `event.{name}` or `entity.{name}`"
        ))
    };
    Unresolved { message: format!("unknown name `{name}`"), help }
}

fn conversion_help(op: BinaryOp, left: Kinds, right: Kinds) -> Option<String> {
    let (left, right) = (left.solid(), right.solid());
    let either = |a: Kinds, b: Kinds| {
        (left.within(a) && right.within(b)) || (left.within(b) && right.within(a))
    };
    if op == BinaryOp::Add && (left == Kinds::STRING || right == Kinds::STRING) {
        Some("convert the other side with `to_string(…)`".into())
    } else if either(Kinds::STRING, Kinds::DATETIME) {
        Some("convert the text with `to_datetime(…)`".into())
    } else if either(Kinds::STRING, Kinds::NUMBER) {
        Some("convert the text with `to_int(…)` or `to_float(…)`".into())
    } else {
        None
    }
}
