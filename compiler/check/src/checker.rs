//! The whole set: what is checked in which order.

use std::collections::BTreeMap;

use defacto_definitions::Definitions;
use defacto_diagnostics::Diagnostic;

use crate::entity::{EntityContext, entity, names};
use crate::foreign::Foreign;
use crate::schema::Schema;
use crate::source::Sources;
use crate::{Entity, Program, cross, relationship};

/// Checks a definition set (language.md 8). The program means something only when no diagnostic is an
/// error; the definitions may have gaps where reading them has already reported errors.
pub fn check(definitions: &Definitions) -> (Program, Vec<Diagnostic>) {
    let mut found = Vec::new();
    let schemas: BTreeMap<&str, Schema<'_>> = definitions
        .schemas
        .iter()
        .map(|def| (def.name.value.as_str(), Schema::new(def, &mut found)))
        .collect();

    let foreign = Foreign::new(definitions);
    let mut tables = Sources::new(definitions, &schemas, &foreign);
    let sources: Vec<_> =
        definitions.sources.iter().map(|def| tables.source(def, &mut found)).collect();

    let identities: BTreeMap<&str, Vec<&str>> = definitions
        .entities
        .iter()
        .map(|def| {
            (def.name.value.as_str(), def.identity.iter().map(|f| f.name.value.as_str()).collect())
        })
        .collect();
    let (mut entities, usages): (Vec<_>, Vec<_>) = definitions
        .entities
        .iter()
        .map(|def| {
            let names = names(def);
            let context = EntityContext {
                def,
                names: &names,
                identities: &identities,
                events: &tables.events,
                foreign: &foreign,
            };
            entity(&context, &mut found)
        })
        .unzip();

    inverses(definitions, &mut entities, &mut found);
    cross::check(definitions, &schemas, &sources, &usages, &mut found);
    let functions = foreign.all().to_vec();
    (Program { entities, sources, expressions: Vec::new(), functions }, found)
}

/// Enters the other side of each relationship.
fn inverses(definitions: &Definitions, entities: &mut [Entity], found: &mut Vec<Diagnostic>) {
    for ((entity, at), (other, other_at)) in relationship::pair(&definitions.entities, found) {
        let partner =
            definitions.entities.get(other).and_then(|def| def.relationships.get(other_at));
        let own = entities.get_mut(entity).and_then(|entity| entity.relationships.get_mut(at));
        if let (Some(partner), Some(own)) = (partner, own) {
            own.inverse.clone_from(&partner.r#type.value);
            own.inverse_cardinality = partner.cardinality;
        }
    }
}
