//! Sets of numbers as sorted spans: the arithmetic below [`super::RangeSet`]. Knows nothing of addresses.
//!
//! Spans include both ends, for the end of all of IPv6 has no number.

/// The numbers from `first` to `last`, both included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span {
    pub(crate) first: u128,
    pub(crate) last: u128,
}

impl Span {
    /// Returns how many numbers it has, or `u128::MAX` for all of them.
    pub(crate) const fn size(self) -> u128 {
        (self.last - self.first).saturating_add(1)
    }

    fn intersect(self, other: Span) -> Option<Span> {
        let first = self.first.max(other.first);
        let last = self.last.min(other.last);
        (first <= last).then_some(Span { first, last })
    }
}

/// Spans in ascending order, at least one number between any two.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spans(Vec<Span>);

impl Spans {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = Span> {
        self.0.iter().copied()
    }

    /// Returns how many numbers there are, saturating.
    pub(crate) fn size(&self) -> u128 {
        self.iter().map(Span::size).fold(0, u128::saturating_add)
    }

    /// Returns whether one span holds all of `span`. As spans never touch, no two of them hold it together.
    pub(crate) fn covers(&self, span: Span) -> bool {
        self.reaching(span)
            .first()
            .is_some_and(|own| own.first <= span.first && span.last <= own.last)
    }

    pub(crate) fn overlaps(&self, span: Span) -> bool {
        self.reaching(span)
            .first()
            .is_some_and(|own| own.first <= span.last)
    }

    pub(crate) fn within(&self, span: Span) -> Spans {
        let inside = self.reaching(span).iter();
        Spans(inside.map_while(|own| own.intersect(span)).collect())
    }

    pub(crate) fn union(&self, other: &Spans) -> Spans {
        self.iter().chain(other.iter()).collect()
    }

    pub(crate) fn intersect(&self, other: &Spans) -> Spans {
        let parts = self.iter().flat_map(|span| other.within(span).0);
        Spans(parts.collect())
    }

    pub(crate) fn subtract(&self, other: &Spans) -> Spans {
        let parts = self.iter().flat_map(|span| other.gaps_in(span));
        Spans(parts.collect())
    }

    /// Returns the parts of `span` that no own span holds, ascending.
    pub(crate) fn gaps_in(&self, span: Span) -> Vec<Span> {
        let mut gaps = Vec::new();
        let mut from = Some(span.first);
        for taken in self.within(span).0 {
            let first = from.expect("a span ends before the next begins");
            if first < taken.first {
                let last = taken.first - 1;
                gaps.push(Span { first, last });
            }
            from = taken.last.checked_add(1);
        }
        let rest = from.filter(|&first| first <= span.last);
        gaps.extend(rest.map(|first| Span {
            first,
            last: span.last,
        }));
        gaps
    }

    /// Returns the spans from the first one that does not end before `span`.
    fn reaching(&self, span: Span) -> &[Span] {
        let start = self.0.partition_point(|own| own.last < span.first);
        &self.0[start..]
    }
}

impl FromIterator<Span> for Spans {
    fn from_iter<I: IntoIterator<Item = Span>>(spans: I) -> Spans {
        let mut sorted: Vec<Span> = spans.into_iter().collect();
        sorted.sort_unstable();
        let mut merged: Vec<Span> = Vec::with_capacity(sorted.len());
        for span in sorted {
            match merged.last_mut() {
                Some(last) if span.first <= last.last.saturating_add(1) => {
                    last.last = last.last.max(span.last);
                }
                _ => merged.push(span),
            }
        }
        Spans(merged)
    }
}
