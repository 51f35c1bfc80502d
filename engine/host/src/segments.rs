/// A run of events of one entity that goes into one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Place of the entity in the input.
    pub(crate) entity: usize,
    /// First event.
    pub(crate) from: usize,
    /// After the last event.
    pub(crate) to: usize,
    /// Whether the entity's events end here, so that rules run on.
    pub(crate) last: bool,
}

/// Cuts the events of entities into calls. Entities whose events do not fit one call get calls of their own.
#[derive(Debug, Default)]
pub(crate) struct Planner {
    entity: usize,
    from: usize,
}

impl Planner {
    /// The next call of about so many rows; empty at the end. `counts` tells the events of each entity.
    pub(crate) fn next(
        &mut self,
        counts: impl Fn(usize) -> Option<usize>,
        rows: usize,
    ) -> Vec<Segment> {
        let mut batch = Vec::new();
        let mut room = rows.max(1);
        while let Some(count) = counts(self.entity) {
            let (entity, from) = (self.entity, self.from);
            let left = count.saturating_sub(from);
            if left > room {
                if batch.is_empty() {
                    self.from = from.saturating_add(room);
                    batch.push(Segment { entity, from, to: self.from, last: false });
                }
                break;
            }
            batch.push(Segment { entity, from, to: from.saturating_add(left), last: true });
            (self.entity, self.from) = (entity.saturating_add(1), 0);
            room = room.saturating_sub(left.max(1));
            if room == 0 {
                break;
            }
        }
        batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_in_exactly_one_call_and_long_entities_stand_alone() {
        let counts = [0, 3, 25, 0, 1, 10, 9, 1];
        let mut planner = Planner::default();
        let mut calls = Vec::new();
        loop {
            let call = planner.next(|entity| counts.get(entity).copied(), 10);
            if call.is_empty() {
                break;
            }
            assert!(call.len() == 1 || call.iter().all(|segment| segment.last));
            assert!(call.iter().map(|s| s.to - s.from).sum::<usize>() <= 10);
            calls.extend(call);
        }
        for (entity, count) in counts.into_iter().enumerate() {
            let mut next = 0;
            for segment in calls.iter().filter(|segment| segment.entity == entity) {
                assert_eq!(segment.from, next);
                next = segment.to;
                assert_eq!(segment.last, segment.to == count);
            }
            assert_eq!(next, count);
            assert_eq!(calls.iter().filter(|s| s.entity == entity && s.last).count(), 1);
        }
    }
}
