//! Programs built by hand.

use defacto_check::{
    BinaryOp, Constraints, Context, Effect, EffectKind, Entity, EntityBuiltin, EntityEvent,
    EventCell, Expr, ExprKind, Handler, IdentityField, Mapping, Program, Property, RelateTarget,
    Relationship, Rule, RuleKind, SchemaCheck, Source, SourceEvent, State, Timestamp, Type,
};
use defacto_functions::Function;
use defacto_model::{Cardinality, FieldOrigin, Micros, RawPath, Value, ValueType};

pub(crate) fn expr(kind: ExprKind, r#type: Type) -> Expr {
    Expr { kind, r#type }
}

fn int(x: i64) -> Expr {
    expr(ExprKind::Literal(Value::Int(x)), Type::Int)
}

fn text(x: &str) -> Expr {
    expr(ExprKind::Literal(Value::String(x.to_owned())), Type::String)
}

fn float(x: f64) -> Expr {
    expr(ExprKind::Literal(Value::Float(x)), Type::Float)
}

fn binary(op: BinaryOp, a: &Expr, b: &Expr, r#type: Type) -> Expr {
    expr(ExprKind::Binary(op, Box::new(a.clone()), Box::new(b.clone())), r#type)
}

fn property(name: &str, r#type: ValueType) -> Property {
    Property {
        name: name.to_owned(),
        r#type,
        default: Value::Null,
        constraints: Constraints::default(),
        compute: None,
        sensitive: None,
        treatment: None,
    }
}

fn cell(name: &str, r#type: Type) -> EventCell {
    EventCell { origin: FieldOrigin::Data(name.to_owned()), r#type }
}

fn effect(kind: EffectKind) -> Effect {
    Effect { condition: None, kind }
}

fn handler(path: &str, guard: Option<Expr>, effects: Vec<Effect>) -> Handler {
    let creates = effects.iter().any(|e| e.kind == EffectKind::Create);
    Handler { guard, effects, creates, path: path.to_owned() }
}

fn path(path: &str) -> RawPath {
    RawPath { path: path.to_owned(), literal_first: true }
}

fn source(events: Vec<SourceEvent>) -> Source {
    Source {
        name: "shop".to_owned(),
        event_type: path("type"),
        timestamp: Timestamp::Field(path("at")),
        event_id: None,
        events,
        normalizer: None,
    }
}

fn entity(name: &str) -> Entity {
    Entity {
        name: name.to_owned(),
        start: 0,
        states: Vec::new(),
        properties: Vec::new(),
        identity: Vec::new(),
        relationships: Vec::new(),
        events: Vec::new(),
        reads_id: false,
    }
}

/// One entity, one state, one handler with a guard and three effects.
pub(crate) fn small() -> Program {
    let amount = expr(ExprKind::Event(0), Type::Float);
    let guard = binary(BinaryOp::Gt, &amount, &int(0), Type::Bool);
    let total = EffectKind::Increment { property: 0, by: amount };
    let paid = handler(
        "entities.order.states.open.when.paid",
        Some(guard),
        vec![
            effect(EffectKind::Create),
            effect(total),
            Effect {
                condition: Some(binary(
                    BinaryOp::Eq,
                    &expr(ExprKind::Property(1), Type::String),
                    &text("gold"),
                    Type::Bool,
                )),
                kind: EffectKind::Transition { to: 0 },
            },
        ],
    );
    let order = Entity {
        states: vec![State { name: "open".to_owned(), when: vec![(0, paid)], after: Vec::new() }],
        properties: vec![property("total", ValueType::Number), property("tier", ValueType::String)],
        events: vec![EntityEvent {
            name: "paid".to_owned(),
            fields: vec![cell("amount", Type::Float)],
            relates: Vec::new(),
            always: None,
        }],
        ..entity("order")
    };
    let mapping = Mapping {
        name: "amount".to_owned(),
        value: expr(ExprKind::Raw(0), Type::Any),
        computed: false,
        coerce: Some(ValueType::Number),
        default: Value::Null,
        lineage: vec!["amount".to_owned()],
    };
    let event = SourceEvent {
        name: "paid".to_owned(),
        raw_types: vec!["paid".to_owned()],
        paths: vec![path("amount")],
        timestamp: None,
        mappings: vec![mapping],
        schema: None,
        hints: Vec::new(),
    };
    Program {
        entities: vec![order],
        sources: vec![source(vec![event])],
        expressions: Vec::new(),
        functions: Vec::new(),
    }
}

/// Operands of every type: literals, event cells, properties and unknown values.
fn operands() -> Vec<Expr> {
    let mut all = vec![
        expr(ExprKind::Literal(Value::Null), Type::Null),
        expr(ExprKind::Literal(Value::Bool(true)), Type::Bool),
        int(7),
        int(i64::MIN),
        float(2.5),
        text("a text that is longer than thirty-two bytes"),
        expr(ExprKind::Literal(Value::Duration(Micros(5))), Type::Duration),
        expr(ExprKind::Literal(Value::List(vec![Value::Int(1), Value::Null])), Type::List),
        expr(ExprKind::Now, Type::DateTime),
        expr(ExprKind::Property(0), Type::Int),
        expr(ExprKind::Property(1), Type::String),
        expr(ExprKind::Builtin(EntityBuiltin::State), Type::String),
        expr(ExprKind::Builtin(EntityBuiltin::Id), Type::String),
        expr(ExprKind::Builtin(EntityBuiltin::CreatedTime), Type::DateTime),
        expr(ExprKind::Builtin(EntityBuiltin::StateEnteredTime), Type::DateTime),
        expr(ExprKind::Builtin(EntityBuiltin::LastEventTime), Type::DateTime),
    ];
    all.extend((0..).zip(EVENT_TYPES).map(|(i, t)| expr(ExprKind::Event(i), t)));
    all
}

const EVENT_TYPES: [Type; 9] = [
    Type::Any,
    Type::Bool,
    Type::Int,
    Type::Float,
    Type::String,
    Type::DateTime,
    Type::Duration,
    Type::List,
    Type::Object,
];

/// Expressions in every form over every pair of operand types, wrong ones included.
pub(crate) fn expressions() -> Vec<Expr> {
    use BinaryOp::{Add, Div, Eq, Ge, Gt, Le, Lt, Mul, Ne, Pow, Rem, Sub};
    let operands = operands();
    let boxed = |e: &Expr| Box::new(e.clone());
    let mut all = Vec::new();
    for a in &operands {
        all.push(expr(ExprKind::Not(boxed(a)), Type::Bool));
        all.push(expr(ExprKind::Neg(boxed(a)), a.r#type));
        all.push(expr(ExprKind::Member(boxed(a), "x".to_owned()), Type::Any));
        for f in Function::ALL {
            all.push(expr(ExprKind::Call(*f, vec![a.clone()]), Type::Any));
        }
        for b in &operands {
            for op in [Eq, Ne, Lt, Le, Gt, Ge] {
                all.push(binary(op, a, b, Type::Bool));
            }
            for op in [Add, Sub, Mul, Div, Rem, Pow] {
                all.push(binary(op, a, b, Type::Any));
            }
            all.push(expr(ExprKind::And(boxed(a), boxed(b)), Type::Bool));
            all.push(expr(ExprKind::Or(boxed(a), boxed(b)), Type::Bool));
            all.push(expr(ExprKind::Index(boxed(a), boxed(b)), Type::Any));
            all.push(expr(ExprKind::Coalesce(vec![a.clone(), b.clone()]), a.r#type));
            all.push(expr(ExprKind::If(boxed(a), boxed(a), boxed(b)), b.r#type));
            all.push(expr(
                ExprKind::Call(Function::DaysBetween, vec![a.clone(), b.clone()]),
                Type::Int,
            ));
        }
    }
    for r#type in EVENT_TYPES {
        let branches = operands.iter().zip(operands.iter().skip(1));
        all.extend(branches.map(|(a, b)| expr(ExprKind::If(boxed(a), boxed(a), boxed(b)), r#type)));
    }
    all.push(expr(ExprKind::Coalesce(Vec::new()), Type::Any));
    all
}

/// Every form of expression as a value of a handler, a rule, a mapping, a computed property, and alone.
pub(crate) fn every_form() -> Program {
    let all = expressions();
    let set = |value: &Expr| effect(EffectKind::Set { property: 0, value: value.clone() });
    let relate = effect(EffectKind::Relate { relate: 0, properties: vec![Some(int(1)), None] });
    let mut effects: Vec<Effect> = all.iter().map(set).collect();
    effects.push(relate);
    let guard = all.last().cloned();
    let rule = Rule {
        kind: RuleKind::Inactivity,
        threshold_us: 5,
        guard: guard.clone(),
        effects: all.iter().take(50).map(set).collect(),
        path: "entities.order.states.open.after[0]".to_owned(),
    };
    let state = State {
        name: "open".to_owned(),
        when: vec![(0, handler("entities.order.states.open.when.paid", guard.clone(), effects))],
        after: vec![rule],
    };
    let computed = Property { compute: guard, ..property("computed", ValueType::Boolean) };
    let order = Entity {
        states: vec![state],
        properties: vec![
            property("count", ValueType::Integer),
            property("name", ValueType::String),
            computed,
        ],
        identity: vec![IdentityField {
            name: "mail".to_owned(),
            space: "mail".to_owned(),
            case_insensitive: true,
            normalize: Some(expr(ExprKind::Value, Type::String)),
        }],
        relationships: vec![Relationship {
            name: "buyer".to_owned(),
            target: "order".to_owned(),
            cardinality: Cardinality::BelongsTo,
            inverse: "orders".to_owned(),
            inverse_cardinality: Cardinality::HasMany,
            properties: vec![
                property("since", ValueType::Integer),
                property("note", ValueType::String),
            ],
        }],
        events: vec![EntityEvent {
            name: "paid".to_owned(),
            fields: EVENT_TYPES.iter().map(|t| cell("field", *t)).collect(),
            relates: vec![RelateTarget { relationship: 0, hint_fields: Vec::new() }],
            always: Some(handler(
                "entities.order.always.paid",
                None,
                vec![effect(EffectKind::Create)],
            )),
        }],
        reads_id: true,
        ..entity("order")
    };
    let expressions = all
        .into_iter()
        .chain([
            expr(ExprKind::Value, Type::Any),
            expr(ExprKind::Context(Context::Event), Type::Object),
            expr(ExprKind::Context(Context::Entity), Type::Object),
        ])
        .collect();
    Program {
        entities: vec![order],
        sources: vec![source(vec![every_mapping()])],
        expressions,
        functions: Vec::new(),
    }
}

fn every_mapping() -> SourceEvent {
    let raw = |i| expr(ExprKind::Raw(i), Type::Any);
    let kinds = [
        None,
        Some(ValueType::String),
        Some(ValueType::Number),
        Some(ValueType::Integer),
        Some(ValueType::Boolean),
        Some(ValueType::Datetime),
    ];
    let mut mappings = Vec::new();
    for coerce in kinds {
        for value in [raw(0), int(1), binary(BinaryOp::Add, &raw(0), &int(1), Type::Any)] {
            mappings.push(Mapping {
                name: format!("field_{}", mappings.len()),
                computed: !matches!(value.kind, ExprKind::Raw(_)),
                value,
                coerce,
                default: Value::Int(3),
                lineage: Vec::new(),
            });
        }
    }
    let check = |mapping, required, max_length| SchemaCheck {
        name: "field".to_owned(),
        mapping,
        r#type: ValueType::String,
        required,
        constraints: Constraints { max_length, ..Constraints::default() },
    };
    SourceEvent {
        name: "paid".to_owned(),
        raw_types: vec!["paid".to_owned()],
        paths: vec![path("amount")],
        timestamp: Some(raw(0)),
        mappings,
        schema: Some(vec![
            check(None, true, None),
            check(None, false, None),
            check(Some(0), true, None),
            check(Some(1), false, Some(9)),
            check(Some(3), false, None),
        ]),
        hints: vec![(0, 0, 0)],
    }
}

/// Entities with so many states and events, a handler in each state for each event.
pub(crate) fn large(entities: usize, states: usize, events: usize) -> Program {
    let made = (0..entities).map(|number| {
        let name = format!("entity_{number:02}");
        let states = (0..states).map(|state| State {
            name: format!("state_{state}"),
            when: (0..)
                .zip(0..events)
                .map(|(index, event)| {
                    let path = format!("entities.{name}.states.state_{state}.when.event_{event}");
                    (index, typical_handler(&path, index))
                })
                .collect(),
            after: Vec::new(),
        });
        Entity {
            states: states.collect(),
            properties: (0..10)
                .map(|p| property(&format!("p{p}"), [ValueType::Number, ValueType::String][p % 2]))
                .collect(),
            events: (0..events)
                .map(|event| EntityEvent {
                    name: format!("event_{event}"),
                    fields: vec![cell("amount", Type::Float), cell("tier", Type::String)],
                    relates: Vec::new(),
                    always: None,
                })
                .collect(),
            ..entity(&name)
        }
    });
    Program {
        entities: made.collect(),
        sources: Vec::new(),
        expressions: Vec::new(),
        functions: Vec::new(),
    }
}

/// A guard of two comparisons, a transition, a set and an increment.
fn typical_handler(path: &str, number: u32) -> Handler {
    let amount = expr(ExprKind::Event(0), Type::Float);
    let tier = expr(ExprKind::Event(1), Type::String);
    let enough = binary(BinaryOp::Ge, &amount, &float(10.5), Type::Bool);
    let gold = binary(BinaryOp::Eq, &tier, &text("gold"), Type::Bool);
    let guard = expr(ExprKind::And(Box::new(enough), Box::new(gold)), Type::Bool);
    handler(
        path,
        Some(guard),
        vec![
            effect(EffectKind::Transition { to: number }),
            effect(EffectKind::Set { property: 1, value: tier }),
            effect(EffectKind::Increment { property: 4, by: int(1) }),
        ],
    )
}
