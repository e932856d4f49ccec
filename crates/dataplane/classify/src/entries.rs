//! The entries of each rule of a plane, so that a rule that goes is taken out where it stands.

/// See the head of the file.
#[derive(Debug)]
pub(crate) struct Entries {
    /// The plane's first rule.
    first: u32,
    /// Where those of each rule begin, and of the last end.
    starts: Box<[u32]>,
    entries: Box<[u32]>,
}

impl Entries {
    /// `rules`: the layer's rule of each entry; the plane has so many from `first` on.
    pub(crate) fn new(rules: &[u32], count: usize, first: usize) -> Self {
        let first = first as u32;
        let mut starts = vec![0u32; count + 1];
        rules.iter().for_each(|rule| starts[(rule - first) as usize + 1] += 1);
        (1..starts.len()).for_each(|at| starts[at] += starts[at - 1]);
        let (mut next, mut entries) = (starts.clone(), vec![0u32; rules.len()]);
        for (at, rule) in (0..).zip(rules) {
            let place = &mut next[(rule - first) as usize];
            entries[*place as usize] = at;
            *place += 1;
        }
        Self { first, starts: starts.into(), entries: entries.into() }
    }

    /// Those of a rule of the layer; none of one that another plane has.
    pub(crate) fn of(&self, rule: u32) -> &[u32] {
        let Some(at) = rule.checked_sub(self.first).map(|at| at as usize) else { return &[] };
        match self.starts.get(at..at + 2) {
            Some(&[from, to]) => &self.entries[from as usize..to as usize],
            _ => &[],
        }
    }

    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&*self.starts) + size_of_val(&*self.entries)
    }
}
