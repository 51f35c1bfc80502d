use defacto_frames::{EvaluateBuilder, EvaluateRow, ValuesFrame};
use defacto_model::{Timestamp, Value};
use defacto_ports::Error;

use crate::CompiledDefinitions;
use crate::instance::Export;
use crate::messages;
use crate::stop::{Blame, Stop};

/// One evaluation of a free-standing expression (`defacto eval`).
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Index of the expression in the module.
    pub expression: u32,
    /// `event`: an object, or null.
    pub event: Value,
    /// `entity`: an object, or null.
    pub entity: Value,
    /// `value`.
    pub value: Value,
    /// What `now()` gives.
    pub now: Timestamp,
}

impl CompiledDefinitions {
    /// Evaluates free-standing expressions; one value or error text each, in order.
    ///
    /// # Errors
    ///
    /// [`Error::Module`] when the module cannot run at all.
    pub fn evaluate(
        &self,
        evaluations: &[Evaluation],
    ) -> Result<Vec<Result<Value, String>>, Error> {
        let mut out = Vec::with_capacity(evaluations.len());
        for batch in evaluations.chunks(self.limits().rows_max.max(1)) {
            let alone = |_: &Evaluation, blame: &Blame| Err(blame.message(self.limits()));
            self.halve(batch, &|rows| self.attempt_evaluate(rows), &alone, &mut out)?;
        }
        Ok(out)
    }

    fn attempt_evaluate(
        &self,
        evaluations: &[Evaluation],
    ) -> Result<Vec<Result<Value, String>>, Stop> {
        let rows = u32::try_from(evaluations.len()).unwrap_or(u32::MAX);
        let head = self.head(0, None);
        let mut frame = EvaluateBuilder::new(head, rows);
        for evaluation in evaluations {
            frame.row(EvaluateRow {
                expression: evaluation.expression,
                now: evaluation.now.as_micros(),
                event: &evaluation.event,
                entity: &evaluation.entity,
                value: &evaluation.value,
            });
        }
        self.call(Export::Evaluate, &frame.finish()?, |answer| {
            let answer = ValuesFrame::evaluate(answer, head, rows)?;
            let read =
                (0..rows).map(|row| Ok(answer.row(row)?.map_err(|fault| messages::words(&fault))));
            read.collect()
        })
    }
}
