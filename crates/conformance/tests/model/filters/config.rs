//! Filters with terms of all kinds, and where they stand.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::words::{
    BASE, BESIDE, CONDITIONS, ENDS, LIMITS, MIRRORED, MIRRORS, MORE, NATS, OTHER_POLICERS, OTHERS, POLICED,
    POLICERS, REJECTS,
};

/// Which family a line is for: neither says so, for both.
fn of_family(line: &str, six: bool) -> Option<&str> {
    match (line.strip_prefix("4:"), line.strip_prefix("6:")) {
        (Some(line), _) => (!six).then_some(line),
        (_, Some(line)) => six.then_some(line),
        (None, None) => Some(line),
    }
}

/// A term of either family: its lines behind the name of the filter and its own.
#[derive(Clone, Debug)]
enum Term {
    Of {
        from: Vec<&'static str>,
        end: &'static str,
        reject: &'static str,
        beside: Vec<&'static str>,
        policer: Option<&'static str>,
    },
    /// The terms of another filter.
    Nested,
}

#[derive(Clone, Debug)]
struct Filter {
    specific: bool,
    terms: Vec<Term>,
}

/// Where it stands: the unit, the direction and the names in the list.
type Place = (&'static str, &'static str, Vec<usize>);

#[derive(Clone, Debug)]
struct Parts {
    more: Vec<&'static str>,
    nat: &'static [&'static str],
    /// Of both families: those that stand somewhere, and the one that is nested.
    filters: Vec<Filter>,
    places: [Vec<Place>; 2],
    /// If there are policers, the limits of one, and where they stand.
    policers: Option<(&'static str, Vec<&'static str>)>,
    mirrors: Option<Vec<&'static str>>,
}

const NAMES: [&str; 4] = ["one", "two", "three", "inner"];

impl Parts {
    fn text(&self) -> String {
        let Self { more, nat, filters, places, policers, mirrors } = self;
        let mut text = BASE.to_owned();
        text.extend(more.iter().map(|line| format!("set {line}\n")));
        text.extend(nat.iter().map(|line| format!("set security nat {line}\n")));
        if let Some((limits, policed)) = policers {
            text += &format!("{OTHER_POLICERS}{limits}");
            text.extend(policed.iter().map(|line| format!("set {line}\n")));
        }
        if let Some(mirrored) = mirrors {
            text += MIRRORS;
            text.extend(mirrored.iter().copied());
        }
        let kinds = Kinds { policers: policers.is_some(), mirrors: mirrors.is_some() };
        for (six, family) in [(false, "inet"), (true, "inet6")] {
            for (filter, name) in filters.iter().zip(NAMES) {
                let head = format!("set firewall family {family} filter {name}");
                if filter.specific {
                    text += &format!("{head} interface-specific\n");
                }
                for (n, term) in filter.terms.iter().enumerate() {
                    text += &lines(&format!("{head} term t{n}"), term, (six, kinds));
                }
            }
            for (unit, direction, list) in &places[usize::from(six)] {
                let head = format!("set interfaces {unit} family {family} filter {direction}");
                match &list[..] {
                    [one] => text += &format!("{head} {}\n", NAMES[*one]),
                    many => text.extend(many.iter().map(|one| format!("{head}-list {}\n", NAMES[*one]))),
                }
            }
        }
        text
    }

    fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Filter(at, filter) => {
                let at = at % self.filters.len();
                self.filters[at] = if NAMES[at] == "inner" { inner(filter) } else { filter };
            }
            Edit::Term(at, n, term) => {
                let at = at % (self.filters.len() - 1);
                let terms = &mut self.filters[at].terms;
                let n = n % terms.len();
                terms[n] = term;
            }
            Edit::Places(six, places) => self.places[usize::from(six)] = places,
            Edit::More(more) => self.more = more,
            Edit::Mirrors(mirrored) => self.mirrors = self.mirrors.take().map(|_| mirrored),
            Edit::Policers(limits, policed) => {
                self.policers = self.policers.take().map(|_| (limits, policed));
            }
        }
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Filter(usize, Filter),
    Term(usize, usize, Term),
    Places(bool, Vec<Place>),
    More(Vec<&'static str>),
    Policers(&'static str, Vec<&'static str>),
    Mirrors(Vec<&'static str>),
}

/// What terms may name.
#[derive(Clone, Copy, Debug)]
struct Kinds {
    policers: bool,
    mirrors: bool,
}

fn lines(head: &str, term: &Term, (six, kinds): (bool, Kinds)) -> String {
    let Term::Of { from, end, reject, beside, policer } = term else {
        return format!("{head} filter inner\n");
    };
    let mut text = String::new();
    let mut from: Vec<_> = from.iter().filter_map(|line| of_family(line, six)).collect();
    // One of these alone.
    let first = from.iter().position(|line| line.starts_with("tcp-"));
    let mut at = 0..;
    from.retain(|line| at.next() == first || !line.starts_with("tcp-"));
    // What looks at TCP says that it does.
    let is_of_tcp = from.iter().any(|line| line.starts_with("tcp-"));
    let says = |line: &&&str| !is_of_tcp || !line.starts_with("protocol") && !line.starts_with("next-header");
    from.iter().filter(says).for_each(|line| text += &format!("{head} from {line}\n"));
    if is_of_tcp {
        text += &format!("{head} from {} tcp\n", if six { "next-header" } else { "protocol" });
    }
    let reject = of_family(reject, six).unwrap_or("reject");
    let end = if *end == "REJECT" { reject } else { end };
    // A policer of three colours gives the priority itself.
    let marks = beside.iter().any(|line| line.starts_with("loss-priority"));
    let policer = policer.filter(|line| kinds.policers && !(marks && line.starts_with("three")));
    let beside = beside.iter().copied().filter(|line| kinds.mirrors || !line.starts_with("port-mirror"));
    for line in beside.chain(policer).chain([end]).filter(|line| !line.is_empty()) {
        text += &format!("{head} then {line}\n");
    }
    if !text.contains(" then ") {
        text += &format!("{head} then accept\n");
    }
    text
}

fn inner(filter: Filter) -> Filter {
    let plain = |term| match term {
        Term::Nested => Term::Of {
            from: vec![],
            end: "next term",
            reject: "reject",
            beside: vec!["count c"],
            policer: None,
        },
        of @ Term::Of { .. } => of,
    };
    Filter { terms: filter.terms.into_iter().map(plain).collect(), specific: false }
}

/// What is said once of each kind.
fn beside() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(BESIDE.to_vec(), 0..4).prop_map(|mut lines| {
        let mut seen = Vec::new();
        lines.retain(|line: &&str| {
            let kind = line.split(' ').next().unwrap_or_default().trim_end_matches("-instance");
            let is_first = !seen.contains(&kind);
            seen.push(kind);
            is_first
        });
        lines
    })
}

fn term() -> impl Strategy<Value = Term> {
    let condition = prop_oneof![3 => select(&CONDITIONS[..]), 1 => select(&OTHERS[..])];
    let from = prop_oneof![4 => vec(condition.clone(), 0..3), 1 => vec(condition, 3..5)];
    let policer = prop_oneof![2 => Just(None), 1 => select(&POLICERS[..]).prop_map(Some)];
    let of = (from, select(&ENDS[..]), select(&REJECTS[..]), beside(), policer)
        .prop_map(|(from, end, reject, beside, policer)| Term::Of { from, end, reject, beside, policer });
    prop_oneof![12 => of, 1 => Just(Term::Nested)]
}

fn filter() -> impl Strategy<Value = Filter> {
    let last =
        Term::Of { from: vec![], end: "accept", reject: "reject", beside: vec!["count last"], policer: None };
    (any::<bool>(), vec(term(), 1..6), prop_oneof![4 => Just(true), 1 => Just(false)]).prop_map(
        move |(specific, mut terms, accepts)| {
            terms.extend(accepts.then(|| last.clone()));
            Filter { specific, terms }
        },
    )
}

fn places() -> impl Strategy<Value = Vec<Place>> {
    let unit = [
        ("ge-0/0/0 unit 0", "input"),
        ("ge-0/0/0 unit 0", "output"),
        ("ge-0/0/1 unit 0", "input"),
        ("ge-0/0/1 unit 0", "output"),
        ("ge-0/0/2 unit 0", "output"),
        ("lo0 unit 0", "input"),
        ("lo0 unit 0", "output"),
    ];
    let list = prop_oneof![3 => (0usize..3).prop_map(|one| vec![one]), 1 => subsequence(vec![0usize, 1, 2], 2..4).prop_shuffle()];
    (subsequence(unit.to_vec(), 0..5), vec(list, 5)).prop_map(|(units, lists)| {
        units.into_iter().zip(lists).map(|((unit, direction), list)| (unit, direction, list)).collect()
    })
}

fn more() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(MORE.to_vec(), 4..10)
}

fn policers() -> impl Strategy<Value = (&'static str, Vec<&'static str>)> {
    (select(&LIMITS[..]), subsequence(POLICED.to_vec(), 0..3))
}

fn mirrored() -> impl Strategy<Value = Vec<&'static str>> {
    subsequence(MIRRORED.to_vec(), 0..3)
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        2 => (0usize..4, filter()).prop_map(|(at, filter)| Edit::Filter(at, filter)),
        3 => (0usize..3, 0usize..6, term()).prop_map(|(at, n, term)| Edit::Term(at, n, term)),
        2 => (any::<bool>(), places()).prop_map(|(six, places)| Edit::Places(six, places)),
        1 => more().prop_map(Edit::More),
        1 => mirrored().prop_map(Edit::Mirrors),
        1 => policers().prop_map(|(limits, policed)| Edit::Policers(limits, policed)),
    ]
}

/// A configuration, and those that follow it.
pub fn configs() -> impl Strategy<Value = Vec<String>> {
    let filters = (vec(filter(), 3), filter()).prop_map(|(mut filters, last)| {
        filters.push(inner(last));
        filters
    });
    let policers = proptest::option::weighted(0.4, policers());
    let mirrors = proptest::option::weighted(0.5, mirrored());
    let policers = (policers, mirrors);
    let parts = (more(), select(&NATS[..]), filters, [places(), places()], policers);
    let parts = parts.prop_map(|(more, nat, filters, places, (policers, mirrors))| Parts {
        more,
        nat,
        filters,
        places,
        policers,
        mirrors,
    });
    (parts, vec(vec(edit(), 1..3), 0..5)).prop_map(|(mut parts, commits)| {
        let mut texts = vec![parts.text()];
        for edits in commits {
            edits.into_iter().for_each(|edit| parts.edit(edit));
            texts.push(parts.text());
        }
        texts
    })
}
