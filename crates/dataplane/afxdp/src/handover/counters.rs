//! A worker's counters as a message. What the build numbers goes by name, what the program numbers by number: both processes
//! run the same program.

use std::collections::BTreeMap;

use ravelin_contract::{MirrorLoss, Traffic};
use ravelin_engine::{Counters, FilterHits, Hits, MirrorCounts};
use ravelin_program::Screen;
use ravelin_types::DropReason;

use super::proto;

/// Counters that stand alone, by name.
fn totals(counters: &mut Counters) -> [(&'static str, &mut u64); 9] {
    let c = counters;
    [
        ("rx-packets", &mut c.rx_packets),
        ("rx-bytes", &mut c.rx_bytes),
        ("tx-packets", &mut c.tx_packets),
        ("tx-bytes", &mut c.tx_bytes),
        ("host-packets", &mut c.host_packets),
        ("answers", &mut c.answers),
        ("handed-over", &mut c.handed_over),
        ("sessions-created", &mut c.sessions_created),
        ("sessions-closed", &mut c.sessions_closed),
    ]
}

pub(super) fn taken(counters: &Counters) -> proto::Counters {
    let mut counters = counters.clone();
    let by_name = |(name, count): (&'static str, &mut u64)| (name.to_owned(), *count);
    let totals = totals(&mut counters).into_iter().map(by_name).collect();
    let drops = DropReason::ALL.iter().map(|r| (r.name().to_owned(), counters.drops[r.index()]));
    let units = counters.units.iter().map(|unit| proto::Unit {
        rx_packets: unit.rx_packets,
        rx_bytes: unit.rx_bytes,
        tx_packets: unit.tx_packets,
        tx_bytes: unit.tx_bytes,
    });
    let screens = counters.screens.iter().map(|hits| proto::Screens {
        hits: Screen::ALL.iter().map(|s| (s.path().to_owned(), hits[s.index()])).collect(),
    });
    let unit_screens = counters.unit_screens.iter().zip(0..).map(|(hits, unit)| proto::UnitScreens {
        unit,
        hits: hit(hits).map(|(screen, count)| (screen.path().to_owned(), count)).collect(),
    });
    let mirrors = counters.mirrors.iter().map(|mirror| proto::Mirror {
        packets: mirror.packets,
        bytes: mirror.bytes,
        lost: MirrorLoss::ALL.iter().map(|l| (l.name().to_owned(), mirror.lost[l.index()])).collect(),
    });
    proto::Counters {
        totals,
        drops: drops.filter(|(_, count)| *count > 0).collect(),
        units: units.collect(),
        policies: counters.policies.iter().map(hits).collect(),
        nat_rules: counters.nat_rules.iter().map(hits).collect(),
        filters: counters.filters.iter().flat_map(|hits| [hits.packets, hits.bytes]).collect(),
        screens: screens.collect(),
        unit_screens: unit_screens.filter(|unit| !unit.hits.is_empty()).collect(),
        mirrors: mirrors.collect(),
    }
}

/// Screens that were hit.
fn hit(hits: &[u64; Screen::COUNT]) -> impl Iterator<Item = (Screen, u64)> + '_ {
    Screen::ALL.iter().map(|screen| (*screen, hits[screen.index()])).filter(|(_, count)| *count > 0)
}

/// Live sessions are counted by those who bring them; how fast they come is seen anew.
fn hits(counts: &Hits) -> proto::Hits {
    let Hits { hits, failed, sessions: _, pool_hits, first_s, last_s, packets, bytes, .. } = *counts;
    let Hits { unsent, gained, lost, pace: _, .. } = *counts;
    proto::Hits {
        hits,
        failed,
        first_s,
        last_s,
        packets: packets.to_vec(),
        bytes: bytes.to_vec(),
        pool_hits,
        gained,
        lost,
        unsent_packets: unsent.packets.to_vec(),
        unsent_bytes: unsent.bytes.to_vec(),
    }
}

/// Goes on counting from there. Live sessions are those that are here.
pub(super) fn put(counters: &mut Counters, message: &proto::Counters) {
    for (name, count) in totals(counters) {
        *count = by_name(&message.totals, name);
    }
    // A reason that this build no longer has is counted nowhere.
    for reason in DropReason::ALL {
        counters.drops[reason.index()] = by_name(&message.drops, reason.name());
    }
    for (unit, sent) in counters.units.iter_mut().zip(&message.units) {
        unit.rx_packets = sent.rx_packets;
        unit.rx_bytes = sent.rx_bytes;
        unit.tx_packets = sent.tx_packets;
        unit.tx_bytes = sent.tx_bytes;
    }
    counters.policies.iter_mut().zip(&message.policies).for_each(|(hits, sent)| put_hits(hits, sent));
    counters.nat_rules.iter_mut().zip(&message.nat_rules).for_each(|(hits, sent)| put_hits(hits, sent));
    for (hits, sent) in counters.filters.iter_mut().zip(message.filters.chunks_exact(2)) {
        *hits = FilterHits { packets: sent[0], bytes: sent[1] };
    }
    for (hits, sent) in counters.screens.iter_mut().zip(&message.screens) {
        for screen in Screen::ALL {
            hits[screen.index()] = by_name(&sent.hits, screen.path());
        }
    }
    for sent in &message.unit_screens {
        let Some(hits) = counters.unit_screens.get_mut(sent.unit as usize) else { continue };
        for screen in Screen::ALL {
            hits[screen.index()] = by_name(&sent.hits, screen.path());
        }
    }
    for (counts, sent) in counters.mirrors.iter_mut().zip(&message.mirrors) {
        let lost = MirrorLoss::ALL.map(|loss| by_name(&sent.lost, loss.name()));
        *counts = MirrorCounts { packets: sent.packets, bytes: sent.bytes, lost };
    }
}

fn by_name(counts: &BTreeMap<String, u64>, name: &str) -> u64 {
    counts.get(name).copied().unwrap_or(0)
}

fn put_hits(hits: &mut Hits, sent: &proto::Hits) {
    let pair = |counts: &[u64]| [0, 1].map(|wing| counts.get(wing).copied().unwrap_or(0));
    *hits = Hits {
        hits: sent.hits,
        failed: sent.failed,
        sessions: hits.sessions,
        pool_hits: sent.pool_hits,
        first_s: sent.first_s,
        last_s: sent.last_s,
        packets: pair(&sent.packets),
        bytes: pair(&sent.bytes),
        unsent: Traffic { packets: pair(&sent.unsent_packets), bytes: pair(&sent.unsent_bytes) },
        gained: sent.gained,
        lost: sent.lost,
        pace: hits.pace,
    };
}

#[cfg(test)]
mod tests {
    use ravelin_engine::{Limits, Seed, State, Steering};

    use super::*;

    fn counters() -> Counters {
        let seed = Seed([0; 32]);
        let mut counters =
            State::new(Steering::alone(&seed), &seed, 0, Limits { sessions: 16, events: 16 }).counters;
        counters.units.resize(2, Default::default());
        counters.policies.resize(3, Hits::default());
        counters.nat_rules.resize(1, Hits::default());
        counters.filters.resize(2, FilterHits::default());
        counters.screens.resize(2, [0; Screen::COUNT]);
        counters.unit_screens.resize(3, [0; Screen::COUNT]);
        counters.mirrors.resize(1, MirrorCounts::default());
        counters
    }

    #[test]
    fn every_counter_goes_over_but_that_of_live_sessions() {
        let mut old = counters();
        let mut next = 0;
        let mut count = || {
            next += 1;
            next
        };
        totals(&mut old).into_iter().for_each(|(_, total)| *total = count());
        old.drops.fill_with(&mut count);
        old.units[1].rx_packets = count();
        old.units[1].tx_bytes = count();
        old.policies[2] = Hits {
            hits: count(),
            failed: count(),
            sessions: 9,
            pool_hits: count(),
            first_s: count(),
            last_s: count(),
            packets: [count(), count()],
            bytes: [count(), count()],
            unsent: Traffic { packets: [count(), count()], bytes: [count(), 0_u64.wrapping_sub(count())] },
            gained: count(),
            lost: count(),
            ..Hits::default()
        };
        old.nat_rules[0].failed = count();
        old.nat_rules[0].pool_hits = count();
        old.filters[1] = FilterHits { packets: count(), bytes: count() };
        old.screens[1].fill_with(&mut count);
        old.unit_screens[2].fill_with(&mut count);
        old.mirrors[0].packets = count();
        old.mirrors[0].lost.fill_with(&mut count);
        let mut new = counters();
        new.policies[2].sessions = 4;
        put(&mut new, &taken(&old));
        let mut expected = old.clone();
        expected.policies[2].sessions = 4;
        assert_eq!(format!("{new:?}"), format!("{expected:?}"));
    }

    #[test]
    fn names_of_another_build_are_left_out() {
        let drops = [("no-such-reason".to_owned(), 5), ("no-route".to_owned(), 6)].into();
        let mut new = counters();
        put(&mut new, &proto::Counters { drops, ..Default::default() });
        assert_eq!(new.drops.iter().sum::<u64>(), 6);
    }
}
