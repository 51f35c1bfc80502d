/// Three small entity types that use no heavy part of the runtime library: no pattern, no change of case, no format of
/// date and time.
pub const SMALL: &str = r#"entities:
  customer:
    starts: guest
    identity:
      email: { match: exact }
    properties:
      name: { type: string }
      orders: { type: integer, default: 0 }
      spent: { type: number, default: 0 }
      vip: { type: boolean, default: false }
    states:
      guest:
        when:
          registered:
            effects:
              - create
              - { set: { property: name, from: event.name } }
              - { transition: { to: member } }
      member:
        when:
          ordered:
            guard: "event.total > 0"
            effects:
              - { increment: { property: orders } }
              - { set: { property: spent, compute: "entity.spent + event.total" } }
              - { set: { property: vip, value: true, condition: "entity.spent > 1000" } }
        after:
          - type: inactivity
            threshold: 30d
            effects: [ { transition: { to: guest } } ]
    relationships:
      - { type: placed, target: order, cardinality: has_many }
  order:
    starts: open
    identity: { number: { match: exact } }
    properties:
      total: { type: number, min: 0 }
      lines: { type: integer, default: 0 }
      status: { type: string, allowed: [open, paid, gone] }
    states:
      open:
        when:
          ordered:
            effects:
              - create
              - { set: { property: total, from: event.total } }
              - { increment: { property: lines, by: 2 } }
              - { relate: { type: placed_by, target: customer, hints: { customer: [email] } } }
          paid:
            effects:
              - { transition: { to: paid } }
      paid:
        after:
          - type: state_duration
            threshold: 24h
            effects: [ { transition: { to: open } } ]
    relationships:
      - { type: placed_by, target: customer, cardinality: belongs_to }
  device:
    starts: idle
    identity: { serial: { match: exact } }
    properties:
      readings: { type: integer, default: 0 }
      worst: { type: number }
      mean: { type: number, compute: "if entity.readings > 0 then entity.worst / entity.readings else null" }
    states:
      idle:
        when:
          measured:
            effects:
              - create
              - { increment: { property: readings } }
              - { set: { property: worst, from: event.level, condition: "event.level > 3.5 and event.kind == 'probe'" } }
sources:
  shop:
    event_type: kind
    timestamp: at
    events:
      registered:
        mappings: { email: { from: email }, name: { from: name, type: string } }
        hints: { customer: [email] }
      ordered:
        mappings: { email: { from: email }, number: { from: order }, total: { from: total, type: number } }
        hints: { customer: [email], order: [number] }
      paid:
        mappings: { number: { from: order } }
        hints: { order: [number] }
      measured:
        mappings: { serial: { from: serial }, level: { from: level, type: number }, kind: { from: kind, type: string } }
        hints: { device: [serial] }
"#;
