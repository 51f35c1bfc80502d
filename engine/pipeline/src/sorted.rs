//! Many lines in order, in as many passes over them as memory asks for.

/// What a line costs beside its bytes.
const LINE_BYTES: usize = size_of::<String>();
/// Lines kept as a sample, at most.
const SAMPLE_MAX: usize = 4096;

/// Brings lines that come in any order into order. When they are too many to be held, the first pass only samples them;
/// each further pass over the same lines then gives the next part.
#[derive(Debug)]
pub(crate) struct Sorted {
    /// Bytes held at once, about.
    limit: usize,
    held: Vec<String>,
    /// Bytes of all lines of the first pass.
    total: usize,
    seen: usize,
    sample: Vec<String>,
    /// One in so many lines is in the sample.
    every: usize,
    /// Where parts end, last first; empty in the last part.
    ends: Vec<String>,
    /// Where the part begins.
    from: Option<String>,
    first: bool,
}

impl Sorted {
    pub(crate) fn new(limit: usize) -> Sorted {
        Sorted {
            limit,
            held: Vec::new(),
            total: 0,
            seen: 0,
            sample: Vec::new(),
            every: 1,
            ends: Vec::new(),
            from: None,
            first: true,
        }
    }

    /// A line of the pass.
    pub(crate) fn push(&mut self, line: String) {
        if self.first {
            self.measure(&line);
            if self.total > self.limit {
                self.held = Vec::new();
                return;
            }
        } else if self.from.as_ref().is_some_and(|from| line < *from)
            || self.ends.last().is_some_and(|end| line >= *end)
        {
            return;
        }
        self.held.push(line);
    }

    fn measure(&mut self, line: &str) {
        self.total = self.total.saturating_add(line.len() + LINE_BYTES);
        if self.seen.is_multiple_of(self.every) {
            self.sample.push(line.to_owned());
        }
        self.seen += 1;
        if self.sample.len() >= SAMPLE_MAX {
            let mut place = 0_usize;
            self.sample.retain(|_| {
                place += 1;
                place % 2 == 1
            });
            self.every *= 2;
        }
    }

    /// Ends a pass: the next lines in order, and whether another pass must follow.
    pub(crate) fn end(&mut self) -> (Vec<String>, bool) {
        if std::mem::take(&mut self.first) && self.total > self.limit {
            let mut sample = std::mem::take(&mut self.sample);
            sample.sort_unstable();
            // Parts are smaller than what fits, because a sample is not exact.
            let parts = self.total.div_ceil(self.limit.div_ceil(4) * 3).max(2);
            let mut ends: Vec<String> = (1..parts)
                .filter_map(|part| sample.get(part * sample.len() / parts).cloned())
                .collect();
            ends.dedup();
            ends.reverse();
            self.ends = ends;
            return (Vec::new(), true);
        }
        let mut lines = std::mem::take(&mut self.held);
        lines.sort_unstable();
        self.from = self.ends.pop();
        (lines, self.from.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::Sorted;

    /// The lines as they come out, and in how many passes.
    fn sorted(lines: &[String], limit: usize) -> (Vec<String>, usize, usize) {
        let mut sorted = Sorted::new(limit);
        let (mut out, mut passes, mut most) = (Vec::new(), 0, 0);
        loop {
            for line in lines {
                sorted.push(line.clone());
                most = most.max(sorted.held.iter().map(|line| line.len() + 24).sum());
                assert!(sorted.sample.len() <= super::SAMPLE_MAX);
            }
            let (part, more) = sorted.end();
            out.extend(part);
            passes += 1;
            if !more {
                return (out, passes, most);
            }
        }
    }

    #[test]
    fn lines_are_in_order_whatever_fits() {
        let lines: Vec<String> = (0..3_000_u64)
            .map(|n| {
                let mixed = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                format!("{{\"id\":\"{:016x}\"}}", if n % 50 == 0 { 7 } else { mixed })
            })
            .collect();
        let mut want = lines.clone();
        want.sort_unstable();
        for (limit, passes) in [(1 << 20, 1..=1), (60_000, 3..=5), (9_000, 15..=30)] {
            let (found, taken, most) = sorted(&lines, limit);
            assert!(found == want, "limit {limit}");
            assert!(passes.contains(&taken), "limit {limit}: {taken} passes");
            assert!(most <= limit * 3 / 2, "limit {limit}: {most} bytes held");
        }
        assert_eq!(sorted(&[], 10).0, [""; 0]);
        let same = vec!["x".to_owned(); 500];
        assert_eq!(sorted(&same, 100).0, same);
    }
}
