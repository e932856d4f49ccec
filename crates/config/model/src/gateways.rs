//! What a valid configuration says that will not do all that it does on Junos, and is let in nonetheless.
//!
//! Junos: applications whose connections a gateway (ALG) opens ports for. Where there is no such gateway the application is its
//! ports and nothing more: its policies are enforced to the letter, and whoever commits one is told. Spec: alg-16, alg-17.

use std::collections::{HashMap, HashSet};

use ravelin_syntax::Diagnostic;

use crate::{
    ApplicationGateway, ApplicationTerm, Config, Policy, PolicyAction, ValidConfig, ZonePairPolicies,
    predefined, run_place,
};

/// Warnings of one configuration; the last says how many more there are.
const WARNINGS_MAX: usize = 50;

/// Predefined applications and the gateway that each would have.
const NEEDED: &[(&str, &str)] = &[
    ("junos-h323", "h323"),
    ("junos-mgcp", "mgcp"),
    ("junos-mgcp-ca", "mgcp"),
    ("junos-mgcp-ua", "mgcp"),
    ("junos-ntalk", "talk"),
    ("junos-pptp", "pptp"),
    ("junos-rsh", "rsh"),
    ("junos-rtsp", "rtsp"),
    ("junos-sccp", "sccp"),
    ("junos-sip", "sip"),
    ("junos-sqlnet-v1", "sql"),
    ("junos-sqlnet-v2", "sql"),
    ("junos-talk", "talk"),
];

/// What whoever commits a configuration is to be told.
#[must_use]
pub fn warnings(valid: &ValidConfig) -> Vec<Diagnostic> {
    let mut out = of_pairs(valid.get());
    out.extend(of_aging(valid.get()));
    out.extend(of_policies(valid));
    out
}

/// Ranges of pairs: only gateways that open two ports together (RTP and RTCP) would take any. Spec: nat-pool-11.
fn of_pairs(config: &Config) -> Vec<Diagnostic> {
    let source = &config.security.nat_source;
    let own = source.pools.iter().filter(|pool| pool.port.twin_low.is_some());
    let own =
        own.map(|pool| (format!("security nat source pool {} port range twin-port", pool.name), pool.at));
    let general = "security nat source pool-default-twin-port-range";
    let general = source.default_twin_low.map(|_| (general.to_owned(), Default::default()));
    let message =
        "no gateway (ALG) takes pairs of ports: this range is kept for them, and nobody gets any of it";
    let all = general.into_iter().chain(own).take(WARNINGS_MAX);
    all.map(|(path, at)| Diagnostic::warning(path, at, message)).collect()
}

/// Cut-offs that nothing comes under. Spec: tcp-50.
fn of_aging(config: &Config) -> Option<Diagnostic> {
    let flow = &config.security.flow;
    let is_never = flow.high_watermark.unwrap_or(100) >= 100;
    let message = "without a 'high-watermark' below 100 no session is aged early";
    (is_never && !flow.early_aging.is_empty())
        .then(|| Diagnostic::warning("security flow aging early-aging", flow.at, message))
}

/// Looks at the runs that may name such an application: a commit that changed a policy is told as much as one that changed all.
fn of_policies(valid: &ValidConfig) -> Vec<Diagnostic> {
    let config = valid.get();
    let wanted = Wanted::of(config);
    if wanted.predefined.is_empty() && wanted.own.is_empty() {
        return Vec::new();
    }
    let sets = sets_with(config, &wanted);
    let own = wanted.own.keys().copied();
    let names: Vec<&str> = wanted.predefined.iter().map(|(name, _)| *name).chain(own).collect();
    let names: Vec<&str> = names.into_iter().chain(sets.iter().map(|(name, _)| *name)).collect();
    let may_name = |place: usize| valid.mentions().may_name_application(place, &names);
    let mut out = Vec::new();
    let mut more = 0;
    for (pair, policy) in
        policies(config, &may_name).filter(|(_, policy)| policy.action == PolicyAction::Permit)
    {
        for name in &policy.applications {
            let Some(gateway) = wanted.needs(name).or_else(|| set_needs(name, &sets)) else { continue };
            if out.len() == WARNINGS_MAX {
                more += 1;
                continue;
            }
            let context = match pair {
                Some(pair) => format!("from-zone {} to-zone {}", pair.from, pair.to),
                None => "global".to_owned(),
            };
            let path = format!("security policies {context} policy {} match application {name}", policy.name);
            let message = format!(
                "no gateway (ALG) for {gateway}: connections that `{name}' agrees on need policies of their own; \
                 `security alg {gateway} disable' says that they have"
            );
            out.push(Diagnostic::warning(path, policy.at, message));
        }
    }
    if more > 0 {
        let message = format!("{more} more policies permit applications without their gateway");
        out.push(Diagnostic::warning("security policies", Default::default(), message));
    }
    out
}

/// Applications that have no gateway, and of which nobody has said that they need none.
struct Wanted<'a> {
    predefined: Vec<(&'static str, &'static str)>,
    /// Those that say so themselves, by name.
    own: HashMap<&'a str, &'static str>,
}

impl<'a> Wanted<'a> {
    fn of(config: &'a Config) -> Self {
        let off = config.security.alg.without_effect();
        let is_off = |gateway: &str| off.iter().any(|(name, disabled)| *name == gateway && *disabled);
        let missing = |term: &ApplicationTerm| match term.gateway() {
            Some(ApplicationGateway::Missing(gateway)) if !is_off(gateway) => Some(gateway),
            Some(_) | None => None,
        };
        let own = config.applications.applications.iter();
        Self {
            predefined: NEEDED.iter().filter(|(_, gateway)| !is_off(gateway)).copied().collect(),
            own: own.filter_map(|a| Some((a.name.as_str(), a.terms.iter().find_map(missing)?))).collect(),
        }
    }

    fn needs(&self, name: &str) -> Option<&'static str> {
        // Most names are of no such application, and policies are many.
        if let Some(theirs) = name.strip_prefix("junos-") {
            let found = self.predefined.iter().find(|(of, _)| of.strip_prefix("junos-") == Some(theirs));
            return found.map(|(_, gateway)| *gateway);
        }
        if self.own.is_empty() { None } else { self.own.get(name).copied() }
    }
}

/// Sets of the configuration in which there is such an application, at any depth.
fn sets_with<'a>(config: &'a Config, wanted: &Wanted<'_>) -> Vec<(&'a str, &'static str)> {
    let sets = || config.applications.sets.iter().chain(&predefined().sets);
    let mut found: Vec<(&str, &'static str)> = Vec::new();
    let mut known = HashSet::new();
    // A set is found at the latest in the round behind those in it.
    for _ in 0..=config.applications.sets.len() {
        let before = found.len();
        for set in sets() {
            let own = set.applications.iter().find_map(|name| wanted.needs(name));
            let of = own.or_else(|| set.sets.iter().find_map(|name| set_needs(name, &found)));
            if let Some(gateway) = of
                && known.insert(set.name.as_str())
            {
                found.push((&set.name, gateway));
            }
        }
        if found.len() == before {
            break;
        }
    }
    found
}

fn set_needs(name: &str, sets: &[(&str, &'static str)]) -> Option<&'static str> {
    sets.iter().find(|(of, _)| *of == name).map(|(_, gateway)| *gateway)
}

/// Every policy of the runs that are wanted, and where it stands.
fn policies<'a>(
    config: &'a Config,
    is_wanted: &'a dyn Fn(usize) -> bool,
) -> impl Iterator<Item = (Option<&'a ZonePairPolicies>, &'a Policy)> {
    let security = &config.security.policies;
    let pairs = security.pairs.iter().flat_map(move |pair| {
        let runs = pair.policies.runs().iter().filter(|run| is_wanted(run_place(run)));
        runs.flat_map(|run| run.iter()).map(move |policy| (Some(pair), policy))
    });
    let global = security.global.runs().iter().filter(|run| is_wanted(run_place(run)));
    pairs.chain(global.flat_map(|run| run.iter()).map(|global| (None, &global.policy)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load;

    const COMMON: &str = "\
        set security zones security-zone a\n\
        set applications application-set inner application junos-sip\n\
        set applications application-set calls application-set inner\n\
        set security policies from-zone a to-zone a policy p match source-address any\n\
        set security policies from-zone a to-zone a policy p match destination-address any\n";

    fn told(text: &str) -> Vec<String> {
        let loaded = load(&(COMMON.to_owned() + text));
        let valid = loaded.result.unwrap_or_else(|errors| panic!("{errors:?}"));
        warnings(&valid).into_iter().map(|warning| warning.path).collect()
    }

    #[test]
    fn a_permit_without_its_gateway_is_told_of() {
        let policy = "set security policies from-zone a to-zone a policy p";
        let check = |names: &str, then: &str, more: &str, expected: &[&str]| {
            let text = format!("{policy} match application [ {names} ]\n{policy} then {then}\n{more}");
            let path = |name: &&str| {
                format!("security policies from-zone a to-zone a policy p match application {name}")
            };
            assert_eq!(told(&text), expected.iter().map(path).collect::<Vec<_>>(), "{names} {then} {more}");
        };
        check("junos-sip", "permit", "", &["junos-sip"]);
        check("junos-pptp junos-http calls", "permit", "", &["junos-pptp", "calls"]);
        check("junos-pptp calls", "permit", "set security alg pptp disable\n", &["calls"]);
        check("calls", "permit", "set security alg sip disable\n", &[]);
        check("junos-sip", "deny", "", &[]);
        check("voice calls", "permit", VOICE, &["voice", "calls"]);
        check("voice", "permit", &[VOICE, "set security alg sip disable\n"].concat(), &[]);
        check("junos-ftp junos-tftp junos-dns-udp any-of-my-own", "permit", OWN, &[]);
    }

    const VOICE: &str =
        "set applications application voice application-protocol sip protocol udp destination-port 5070\n";
    const OWN: &str = "set applications application any-of-my-own protocol udp destination-port 5060\n";

    #[test]
    fn cut_offs_that_never_hold_are_told_of() {
        let aging = "set security flow aging";
        let early = format!("{aging} early-aging protocol udp cutoff-time seconds 5\n");
        let base = "set security policies from-zone a to-zone a policy p match application any\n\
                    set security policies from-zone a to-zone a policy p then permit\n";
        let told = |lines: &str| told(&format!("{base}{lines}"));
        assert_eq!(told(&early), ["security flow aging early-aging"]);
        assert_eq!(
            told(&format!("{early}{aging} high-watermark 100\n")),
            ["security flow aging early-aging"]
        );
        assert_eq!(told(&format!("{early}{aging} high-watermark 99\n")), [""; 0]);
        assert_eq!(told(&format!("{aging} low-watermark 10\n")), [""; 0]);
    }

    #[test]
    fn a_range_of_pairs_that_nobody_takes_is_told_of() {
        let pool = "security nat source pool p port range twin-port";
        let general = "security nat source pool-default-twin-port-range";
        let policy = "set security policies from-zone a to-zone a policy p";
        let plain = format!(
            "{policy} match application any\n{policy} then permit\n\
             set security nat source pool p address 192.0.2.1\n"
        );
        let text = format!("{plain}set {pool} 64000 to 64999\n");
        assert_eq!(told(&text), [pool]);
        assert_eq!(told(&format!("{text}set {general} 65000 to 65535\n")), [general, pool]);
        assert_eq!(told(&plain), [""; 0]);
    }

    /// Many runs, of which one has what is told of; and the same behind an edit that leaves it as it was, and behind one that
    /// makes what every policy names such an application.
    #[test]
    fn one_among_many_is_told_of_after_every_edit() {
        let policy = |n: usize, of: &str| {
            let policy = format!("set security policies from-zone a to-zone a policy p{n}");
            format!(
                "{policy} match source-address any destination-address any application {of}\n{policy} then permit\n"
            )
        };
        let mut text = "set security zones security-zone a\n\
             set applications application own protocol udp destination-port 5060\n"
            .to_owned();
        (0..3000).for_each(|n| text += &policy(n, if n == 1717 { "junos-sip" } else { "own" }));
        let mut tree = ravelin_schema::read(&text).tree;
        let mut checked = crate::check_tree_after(&tree, None, None).unwrap();
        let path = |n: usize, of: &str| {
            format!("security policies from-zone a to-zone a policy p{n} match application {of}")
        };
        let mut after = |line: &str| {
            ravelin_schema::apply(&mut tree, &[], line).unwrap();
            checked = crate::check_tree_after(&tree, None, Some(&checked)).unwrap();
            let told = warnings(&checked.valid);
            let loaded = load(&ravelin_syntax::render::text(&tree)).result.unwrap();
            let paths = |all: &[Diagnostic]| all.iter().map(|w| w.path.clone()).collect::<Vec<_>>();
            assert_eq!(paths(&told), paths(&warnings(&loaded)), "{line}: as from scratch");
            paths(&told)
        };
        let pair = "security policies from-zone a to-zone a";
        assert_eq!(after("set system host-name b"), [path(1717, "junos-sip")]);
        assert_eq!(after(&format!("set {pair} policy p3 then count")), [path(1717, "junos-sip")]);
        assert_eq!(
            after(&format!("set {pair} policy p9 match application junos-rsh")),
            [path(9, "junos-rsh"), path(1717, "junos-sip")]
        );
        assert_eq!(after(&format!("delete {pair} policy p1717")), [path(9, "junos-rsh")]);
        let all = after("set applications application own application-protocol sip");
        assert_eq!((all.len(), &all[0]), (WARNINGS_MAX + 1, &path(0, "own")));
    }

    #[test]
    fn warnings_are_bounded() {
        let mut text = String::new();
        for n in 0..WARNINGS_MAX + 7 {
            let policy = format!("set security policies global policy g{n}");
            text += &format!("{policy} match source-address any\n{policy} match destination-address any\n");
            text += &format!("{policy} match application junos-rsh\n{policy} then permit\n");
        }
        let loaded = load(&text);
        let all = warnings(&loaded.result.unwrap());
        assert_eq!(all.len(), WARNINGS_MAX + 1);
        assert!(all[WARNINGS_MAX].message.starts_with("7 more"), "{}", all[WARNINGS_MAX].message);
    }
}
