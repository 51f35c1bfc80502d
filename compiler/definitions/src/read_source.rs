//! Sources and event schemas (language.md 3).

use defacto_diagnostics::Code;

use crate::{
    MappingDef, SchemaDef, SchemaFieldDef, SourceDef, SourceEventDef, Spanned, TimestampDef,
    names::Names,
    node::{Node, NodeValue},
    read::{At, Fields, Reader, absent},
    read_entity::TYPES,
    read_normalizer::NORMALIZER_KEYS,
};

impl Reader {
    /// Always gives a source, so that its events still count.
    pub(crate) fn source(&mut self, name: Spanned<String>, at: &At, node: &Node) -> SourceDef {
        const WHAT: &str = "a source";
        const KEYS: [&str; 4] = ["event_type", "timestamp", "event_id", "events"];
        let mut source = SourceDef {
            name,
            event_type: absent(at),
            timestamp: TimestampDef::Field(absent(at)),
            event_id: None,
            events: Vec::new(),
            normalizer: None,
        };
        if node.is_null() {
            self.wrong_kind(at, node, "a mapping");
            return source;
        }
        let known = [KEYS.as_slice(), &NORMALIZER_KEYS].concat();
        let Some(fields) = self.fields(at, node, WHAT, &known) else {
            return source;
        };
        if fields.get("normalizer").is_some() {
            source.normalizer = self.normalizer(&fields);
            self.event_id(&fields, &mut source);
            self.source_events(at, &fields, &mut source);
            self.refuse_mappings(&fields);
            return source;
        }
        self.refuse_normalizer_keys(&fields);
        if let Some(event_type) = self.required_text(&fields, WHAT, "event_type") {
            self.not_empty(&event_type);
            source.event_type = event_type;
        }
        match fields.get("timestamp") {
            Some((at, node)) => {
                if let Some(timestamp) = self.timestamp(&at, node) {
                    source.timestamp = timestamp;
                }
            }
            None => self.missing(at, WHAT, "timestamp"),
        }
        self.event_id(&fields, &mut source);
        self.source_events(at, &fields, &mut source);
        source
    }

    fn event_id(&mut self, fields: &Fields<'_>, source: &mut SourceDef) {
        let Some((at, node)) = fields.get("event_id") else { return };
        source.event_id = self.one_or_more(&at, node);
        if matches!(&node.value, NodeValue::List(items) if items.is_empty()) {
            let help = "leave the key out to identify events by all their fields";
            self.error_with_help(Code::E28, &at, "`event_id` names no field", help);
            source.event_id = None;
        }
    }

    fn source_events(&mut self, at: &At, fields: &Fields<'_>, source: &mut SourceDef) {
        let Some((at, node)) = fields.get("events") else {
            self.missing(at, "a source", "events");
            return;
        };
        if let Some(entries) = self.names(&at, node, Names::Event) {
            if entries.is_empty() {
                self.error(Code::E04, &at, "`events` needs at least one event");
            }
            let entries = entries.into_iter();
            source.events =
                entries.map(|(name, at, node)| self.source_event(name, &at, node)).collect();
        }
    }

    /// E-24.
    fn not_empty(&mut self, field: &Spanned<String>) {
        if field.value.is_empty()
            && let Some(span) = field.span
        {
            let at = At { path: field.path.clone(), span };
            self.error(Code::E24, &at, "the name of a raw field is expected, not an empty text");
        }
    }

    fn timestamp(&mut self, at: &At, node: &Node) -> Option<TimestampDef> {
        if let NodeValue::Scalar(_) = node.value {
            let field = self.text(at, node)?;
            self.not_empty(&field);
            return Some(TimestampDef::Field(field));
        }
        let known = ["from", "format", "zone", "compute"];
        let fields = self.fields(at, node, "`timestamp`", &known)?;
        let compute = self.optional_expression(&fields, "compute", false);
        let from = self.optional_text(&fields, "from");
        let format = self.optional_text(&fields, "format");
        let zone = self.optional_text(&fields, "zone");
        if fields.get("compute").is_some() {
            if from.is_some() || format.is_some() || zone.is_some() {
                self.error(Code::E25, at, "`timestamp` has either `compute` or `from`, not both");
            }
            return compute.map(TimestampDef::Compute);
        }
        let Some(from) = from else {
            if fields.get("from").is_none() {
                self.error(Code::E03, at, "`timestamp` needs the key `from` or `compute`");
            }
            return None;
        };
        self.not_empty(&from);
        if format.is_none() && zone.is_none() {
            return Some(TimestampDef::Field(from));
        }
        Some(TimestampDef::Format { from, format, zone })
    }

    fn source_event(&mut self, name: Spanned<String>, at: &At, node: &Node) -> SourceEventDef {
        const WHAT: &str = "an event of a source";
        let mut event =
            SourceEventDef { name, raw_types: Vec::new(), mappings: Vec::new(), hints: Vec::new() };
        let Some(fields) = self.fields(at, node, WHAT, &["raw_type", "mappings", "hints"]) else {
            return event;
        };
        if let Some((at, node)) = fields.get("raw_type") {
            event.raw_types = self.one_or_more(&at, node).unwrap_or_default();
            if matches!(&node.value, NodeValue::List(items) if items.is_empty()) {
                self.error(Code::E04, &at, "`raw_type` needs at least one name");
            }
        }
        if let Some((at, node)) = fields.get("mappings") {
            event.mappings = self.mappings(&at, node);
        }
        match fields.get("hints") {
            Some((at, node)) => {
                event.hints = self.hints(&at, node);
                if matches!(&node.value, NodeValue::Map(entries) if entries.is_empty()) {
                    self.error(Code::E04, &at, "`hints` needs at least one entity");
                }
            }
            None => self.missing(at, WHAT, "hints"),
        }
        event
    }

    fn mappings(&mut self, at: &At, node: &Node) -> Vec<MappingDef> {
        if let NodeValue::List(items) = &node.value {
            let mut mappings: Vec<MappingDef> = Vec::new();
            for (index, item) in items.iter().enumerate() {
                let at = at.item(index, item);
                let Some(mut name) = self.text(&at, item) else { continue };
                self.name(&name, Names::MappedField);
                if mappings.iter().any(|known| known.name.value == name.value) {
                    self.error(Code::E01, &at, format!("field `{}` stands here twice", name.value));
                    continue;
                }
                let from = Some(name.clone());
                name.path = at.path;
                mappings.push(MappingDef {
                    name,
                    from,
                    compute: None,
                    r#type: None,
                    default: None,
                });
            }
            return mappings;
        }
        let entries = self.names(at, node, Names::MappedField).unwrap_or_default().into_iter();
        entries.map(|(name, at, node)| self.mapping(name, &at, node)).collect()
    }

    fn mapping(&mut self, name: Spanned<String>, at: &At, node: &Node) -> MappingDef {
        let mut mapping =
            MappingDef { name, from: None, compute: None, r#type: None, default: None };
        if let NodeValue::Scalar(_) = node.value
            && !node.is_null()
        {
            mapping.from = self.text(at, node);
            return mapping;
        }
        let known = ["from", "compute", "type", "default"];
        let Some(fields) = self.fields(at, node, "a mapping", &known) else {
            return mapping;
        };
        mapping.from = self.optional_text(&fields, "from");
        mapping.compute = self.optional_expression(&fields, "compute", false);
        if fields.get("from").is_some() && fields.get("compute").is_some() {
            self.error(Code::E25, at, "a mapping has either `from` or `compute`, not both");
            mapping.compute = None;
        }
        if let Some((at, node)) = fields.get("type") {
            mapping.r#type = self.word(&at, node, "type", &TYPES);
        }
        mapping.default = self.optional_literal(&fields, "default");
        mapping
    }

    /// Always gives a schema, so that events do not count as without one.
    pub(crate) fn schema(&mut self, name: Spanned<String>, at: &At, node: &Node) -> SchemaDef {
        let mut schema = SchemaDef { name, fields: Vec::new() };
        if node.is_null() {
            self.wrong_kind(at, node, "a mapping");
            return schema;
        }
        let Some(fields) = self.fields(at, node, "a schema", &["fields"]) else {
            return schema;
        };
        let Some((at, node)) = fields.get("fields") else {
            self.missing(at, "a schema", "fields");
            return schema;
        };
        let entries = self.names(&at, node, Names::MappedField).unwrap_or_default().into_iter();
        schema.fields =
            entries.filter_map(|(name, at, node)| self.schema_field(name, &at, node)).collect();
        schema
    }

    fn schema_field(
        &mut self,
        name: Spanned<String>,
        at: &At,
        node: &Node,
    ) -> Option<SchemaFieldDef> {
        const WHAT: &str = "a field of a schema";
        const KEYS: [&str; 8] =
            ["type", "required", "allowed", "min", "max", "min_length", "max_length", "regex"];
        let fields: Fields<'_> = self.fields(at, node, WHAT, &KEYS)?;
        let r#type = self.required_type(&fields, WHAT);
        let required = match fields.get("required") {
            Some((at, node)) => self.boolean(&at, node),
            None => false,
        };
        let allowed = match fields.get("allowed") {
            Some((at, node)) => self.literals(&at, node),
            None => None,
        };
        Some(SchemaFieldDef {
            name,
            required,
            allowed,
            min: self.optional_literal(&fields, "min"),
            max: self.optional_literal(&fields, "max"),
            min_length: self.optional_literal(&fields, "min_length"),
            max_length: self.optional_literal(&fields, "max_length"),
            regex: self.optional_text(&fields, "regex"),
            r#type: r#type?,
        })
    }
}
