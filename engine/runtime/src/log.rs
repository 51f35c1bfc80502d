//! What operations leave in the log (engine.md 8.4): loggers, levels and messages are contract. Event payloads and hint
//! values are never among the fields.

use std::collections::BTreeSet;

use defacto_diagnostics::Diagnostic;
use defacto_pipeline::{
    BlockResult, BuildResult, EraseResult, EventFailure, IngestResult, MergeResult, TickResult,
    UnmergeResult,
};

use defacto_model::Shard;
use defacto_pipeline::Pipeline;
use defacto_ports::Worker;

use crate::Error;

pub(crate) fn claimed(shard: Shard, pipeline: &Pipeline) {
    tracing::info!(
        target: "defacto.shard",
        operation = "claim",
        shard_id = shard.index(),
        total_shards = shard.total(),
        fencing_token = pipeline.fencing_token(),
        cursor = pipeline.progress().cursor.0,
        "shard claimed"
    );
}

pub(crate) fn given_back(shard: u32, reason: &'static str) {
    tracing::info!(
        target: "defacto.shard",
        operation = "release",
        shard_id = shard,
        reason,
        "shard given back"
    );
}

/// What a worker found when it looked who works on what.
pub(crate) fn looked(held: &[u32], limit: usize, free: &[u32], own: &[u32]) {
    tracing::debug!(
        target: "defacto.shard",
        operation = "look",
        held = ?held,
        limit,
        free = ?free,
        claimed = ?own,
        "shards looked at"
    );
}

/// What one round of work did, or why it did nothing.
pub(crate) fn round(pipeline: &Pipeline, built: bool, ticked: bool) {
    tracing::debug!(
        target: "defacto.shard",
        operation = "round",
        shard_id = pipeline.shard().map(Shard::index),
        fencing_token = pipeline.fencing_token(),
        cursor = pipeline.progress().cursor.0,
        built,
        ticked,
        "{}", if built { "events applied" } else { "nothing new in the ledger" }
    );
}

pub(crate) fn shard_failed(pipeline: &Pipeline, error: &Error) {
    let (shard, token) = (pipeline.shard().map(Shard::index), pipeline.fencing_token());
    let cursor = pipeline.progress().cursor.0;
    if error.is_lost_shard() {
        tracing::info!(target: "defacto.shard", operation = "round", shard_id = shard, fencing_token = token,
            cursor, %error, "shard lost");
    } else {
        tracing::error!(target: "defacto.shard", operation = "round", shard_id = shard, fencing_token = token,
            cursor, %error, "work on a shard failed");
    }
}

pub(crate) fn worker_failed(worker: Worker, shard: Option<Shard>, error: &Error) {
    tracing::error!(target: "defacto.shard", operation = "look", worker = worker.0,
        shard_id = shard.map(Shard::index), %error, "looking after shards failed");
}

pub(crate) fn ingested(result: &IngestResult) {
    tracing::info!(
        target: "defacto.pipeline",
        operation = "ingest",
        events_ingested = result.events_ingested,
        events_failed = result.events_failed,
        duplicates_skipped = result.duplicates_skipped,
        duration_ms = result.timing.total_ms,
        "ingest batch completed"
    );
    if result.events_failed > 0 {
        tracing::warn!(
            target: "defacto.pipeline",
            operation = "ingest",
            events_failed = result.events_failed,
            stages = stages(&result.failures),
            "ingest failures detected"
        );
    }
}

/// Stages at which records failed, as one word list.
fn stages(failures: &[EventFailure]) -> String {
    let names: BTreeSet<String> =
        failures.iter().map(|failure| format!("{:?}", failure.stage).to_lowercase()).collect();
    names.into_iter().collect::<Vec<_>>().join(",")
}

pub(crate) fn built(result: &BuildResult) {
    if result.dry_run {
        return;
    }
    tracing::info!(
        target: "defacto.pipeline",
        operation = "build",
        mode = result.mode,
        events_processed = result.events_processed,
        effects_produced = result.effects_produced,
        merges_detected = result.merges_detected,
        events_failed = result.events_failed,
        duration_ms = result.duration_ms,
        "build completed"
    );
    if result.events_failed > 0 {
        tracing::warn!(
            target: "defacto.pipeline",
            operation = "build",
            mode = result.mode,
            events_failed = result.events_failed,
            "build failures detected"
        );
    }
    if result.late_arrivals > 0 {
        tracing::warn!(
            target: "defacto.pipeline",
            operation = "build",
            late_arrivals = result.late_arrivals,
            "late arrivals detected"
        );
    }
}

pub(crate) fn ticked(result: &TickResult) {
    if result.effects_produced > 0 {
        tracing::info!(
            target: "defacto.lifecycle",
            operation = "tick",
            effects_produced = result.effects_produced,
            entities_affected = result.entities_affected,
            "tick completed"
        );
    }
}

pub(crate) fn merged(result: &MergeResult) {
    tracing::info!(
        target: "defacto.lifecycle",
        operation = "merge",
        from_entity_id = %result.from_entity_id,
        into_entity_id = %result.into_entity_id,
        entities_rebuilt = result.entities_rebuilt,
        tombstones_produced = result.tombstones_produced,
        "entity merged"
    );
}

pub(crate) fn unmerged(result: &UnmergeResult) {
    tracing::info!(
        target: "defacto.lifecycle",
        operation = "unmerge",
        entity_id = %result.entity_id,
        from_entity_id = %result.from_entity_id,
        events_returned = result.events_returned,
        entities_rebuilt = result.entities_rebuilt,
        "merge taken back"
    );
}

pub(crate) fn blocked(result: &BlockResult) {
    tracing::info!(
        target: "defacto.lifecycle",
        operation = "block",
        entity_id = %result.entity_id,
        other_entity_id = %result.other_entity_id,
        newly_blocked = result.newly_blocked,
        "entities kept apart"
    );
}

pub(crate) fn erased(result: &EraseResult) {
    tracing::info!(
        target: "defacto.lifecycle",
        operation = "erase",
        entity_id = %result.entity_id,
        entities_erased = result.entities_erased,
        events_deleted = result.events_deleted,
        "entity erased"
    );
}

/// Traces of what was erased or redacted are left for another time.
pub(crate) fn incomplete(error: Error) {
    tracing::warn!(target: "defacto.lifecycle", operation = "erase", %error, "erasure not complete");
}

pub(crate) fn opened_again(error: &Error, attempt: u32) {
    tracing::debug!(target: "defacto.storage", operation = "open", %error, attempt, "trying again");
}

/// Warnings about definitions that are new to the database.
pub(crate) fn definition_warnings(warnings: &[Diagnostic]) {
    for warning in warnings {
        tracing::warn!(
            target: "defacto.lifecycle",
            operation = "validate",
            warning = %warning.message,
            path = %warning.path,
            code = %warning.code,
            "definition warning"
        );
    }
}

/// Logs failures of the store; gives the error back.
pub(crate) fn failed(operation: &'static str, driver: &'static str, error: Error) -> Error {
    if error.kind() == crate::ErrorKind::Storage {
        tracing::error!(target: "defacto.storage", operation, driver, %error, "storage operation failed");
    }
    error
}
