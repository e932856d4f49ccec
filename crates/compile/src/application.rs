//! Applications and their sets to terms.

use std::collections::{BTreeSet, HashMap};

use ravelin_model::{
    Application as Config, ApplicationGateway as Named, ApplicationTerm, Applications, Timeout, predefined,
};
use ravelin_program::{Application, Gateway, IcmpMatch, List, PortRange};
use ravelin_syntax::Text;
use ravelin_types::Proto;

use crate::book::{BookError, IdBook};

/// Names of applications by the number that terms hold: `any`, what is predefined, what is defined, whether it is used or
/// not. Numbers are the book's, as sessions remember them longer than a commit lasts.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    index: HashMap<&'a str, u32>,
    /// Numbers of names that are gone have empty ones.
    names: Vec<&'a str>,
    /// Terms of lists already opened: policies share few.
    opened: HashMap<Vec<Text>, List<Application>>,
}

impl<'a> Names<'a> {
    /// # Errors
    /// There is no number left for an application, which is named.
    pub(crate) fn new(config: &'a Applications, book: &mut IdBook) -> Result<Self, (&'a str, BookError)> {
        let all = predefined().applications.iter().chain(&config.applications);
        let (mut index, mut names) = (HashMap::new(), Vec::new());
        for name in std::iter::once("any").chain(all.map(|a| a.name.as_str())) {
            let at = book.application(name).map_err(|error| (name, error))?;
            index.insert(name, at);
            names.resize(names.len().max(at as usize + 1), "");
            names[at as usize] = name;
        }
        Ok(Self { index, names, opened: HashMap::new() })
    }

    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &'a str> {
        self.names.iter().copied()
    }

    /// The number of an application.
    pub(crate) fn number(&self, name: &str) -> Option<u32> {
        self.index.get(name).copied()
    }

    /// The terms of a list of names, sets opened, in order.
    pub(crate) fn terms(
        &mut self,
        config: &Applications,
        names: &[Text],
    ) -> Result<List<Application>, String> {
        if let Some(terms) = self.opened.get(names) {
            return Ok(terms.clone());
        }
        let terms = List::from(self.open(config, names)?);
        self.opened.insert(names.to_vec(), terms.clone());
        Ok(terms)
    }

    fn open(&self, config: &Applications, names: &[Text]) -> Result<Vec<Application>, String> {
        let mut out = Vec::new();
        let (mut seen, mut left) = (BTreeSet::new(), Vec::new());
        left.extend(names.iter().rev().map(|name| name.as_str().to_owned()));
        while let Some(name) = left.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            if name == "any" {
                out.push(any(self.index.get("any").copied().unwrap_or_default()));
            } else if let Some(application) = find(config, &name) {
                let at = self.index.get(name.as_str()).copied().unwrap_or_default();
                out.extend(application.terms.iter().flat_map(|t| term(t, at)));
            } else if let Some(members) = members(config, &name) {
                left.extend(members.into_iter().rev());
            } else {
                return Err(name);
            }
        }
        Ok(out)
    }
}

fn find<'a>(config: &'a Applications, name: &str) -> Option<&'a Config> {
    let own = config.applications.iter().find(|a| a.name == name);
    own.or_else(|| predefined().applications.iter().find(|a| a.name == name))
}

fn members(config: &Applications, name: &str) -> Option<Vec<String>> {
    let own = config.sets.iter().find(|s| s.name == name);
    let set = own.or_else(|| predefined().sets.iter().find(|s| s.name == name))?;
    Some(set.applications.iter().chain(&set.sets).cloned().collect())
}

/// Every packet.
pub(crate) fn any(name: u32) -> Application {
    Application {
        proto: None,
        source_ports: PortRange::ANY,
        destination_ports: PortRange::ANY,
        icmp: None,
        inactivity_timeout: None,
        gateway: Gateway::ByPort,
        name,
    }
}

/// One term; one that names ICMP conditions of both families becomes two.
pub(crate) fn term(term: &ApplicationTerm, name: u32) -> Vec<Application> {
    let ports = |range: Option<ravelin_model::PortRange>| {
        range.map_or(PortRange::ANY, |r| PortRange { low: r.low, high: r.high })
    };
    let base = Application {
        proto: term.protocol.map(Proto),
        source_ports: ports(term.source_ports),
        destination_ports: ports(term.destination_ports),
        icmp: None,
        inactivity_timeout: term.inactivity_timeout.map(|t| match t {
            Timeout::Seconds(seconds) => seconds,
            Timeout::Never => 0,
        }),
        gateway: term.gateway().map_or(Gateway::ByPort, |named| match named {
            Named::Ftp => Gateway::Ftp,
            Named::Tftp => Gateway::Tftp,
            Named::Dns => Gateway::Dns,
            Named::Nothing | Named::Missing(_) => Gateway::Nothing,
        }),
        name,
    };
    let v4 = (term.icmp_type.is_some() || term.icmp_code.is_some()).then_some((
        Proto::ICMP,
        term.icmp_type,
        term.icmp_code,
    ));
    let v6 = (term.icmp6_type.is_some() || term.icmp6_code.is_some()).then_some((
        Proto::ICMPV6,
        term.icmp6_type,
        term.icmp6_code,
    ));
    let conditions: Vec<_> = [v4, v6].into_iter().flatten().collect();
    if conditions.is_empty() {
        return vec![base];
    }
    let narrowed = |(proto, kind, code)| {
        // A condition of the other family than the protocol says can never hold.
        let fits = base.proto.is_none_or(|p| p == proto);
        fits.then_some(Application { proto: Some(proto), icmp: Some(IcmpMatch { kind, code }), ..base })
    };
    conditions.into_iter().filter_map(narrowed).collect()
}
