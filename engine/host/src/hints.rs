use defacto_frames::{HintsBuilder, ValuesFrame};
use defacto_model::Value;
use defacto_ports::{Error, FaultReport, HintRequest};

use crate::CompiledDefinitions;
use crate::instance::Export;
use crate::messages;
use crate::stop::Stop;

type Hint = Result<Option<String>, FaultReport>;

impl CompiledDefinitions {
    pub(crate) fn build_hints(&self, requests: &[HintRequest]) -> Result<Vec<Hint>, Error> {
        let mut out = Vec::with_capacity(requests.len());
        for batch in requests.chunks(self.limits().rows_max.max(1)) {
            let alone = |request: &HintRequest, blame: &crate::stop::Blame| {
                Err(self.failed_hint(request, &blame.message(self.limits())))
            };
            self.halve(batch, &|requests| self.attempt_hints(requests), &alone, &mut out)?;
        }
        Ok(out)
    }

    fn failed_hint(&self, request: &HintRequest, why: &str) -> FaultReport {
        let entity = self.manifest.entities.get(request.entity as usize);
        messages::hint_failure(entity, request.identity_field, why)
    }

    fn attempt_hints(&self, requests: &[HintRequest]) -> Result<Vec<Hint>, Stop> {
        let rows = u32::try_from(requests.len()).unwrap_or(u32::MAX);
        let head = self.head(0, None);
        let mut frame = HintsBuilder::new(head, rows);
        for request in requests {
            frame.row(request.entity, request.identity_field, &request.value);
        }
        self.call(Export::Hints, &frame.finish()?, |answer| {
            let answer = ValuesFrame::hints(answer, head, rows)?;
            let read = (0..rows).zip(requests).map(|(row, request)| {
                Ok(match answer.row(row)? {
                    Ok(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
                    Ok(_) => Ok(None),
                    Err(fault) => Err(self.failed_hint(request, &messages::words(&fault))),
                })
            });
            read.collect()
        })
    }
}
