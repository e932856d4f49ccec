//! What each colour does, and which colour a packet brings.
//!
//! Spec: policer-5..9, policer-15..20.

use ravelin_policer::{Action, Awareness, Colour, Exceeding, Limit, Meter, Spec};
use ravelin_types::{ForwardingClassId, Instant, LossPriority, WorkerId};

/// The colours and actions of packets of 1000 bytes at one instant, each with the priority it brings.
fn check(spec: Spec, brought: &[LossPriority], expected: &[(Colour, Action)]) {
    let meter = Meter::new(spec, 1, Instant::ZERO).unwrap();
    let got: Vec<_> = brought
        .iter()
        .map(|priority| {
            let verdict = meter.police(WorkerId(0), Instant::ZERO, 1000, *priority);
            (verdict.colour, verdict.action)
        })
        .collect();
    assert_eq!(got, expected);
}

use Colour::{Green, Red, Yellow};
use LossPriority::{High, Low, MediumHigh, MediumLow};

const fn mark(priority: LossPriority) -> Action {
    Action::Mark { loss_priority: Some(priority), forwarding_class: None }
}

fn single(awareness: Awareness, discard_red: bool) -> Spec {
    Spec::SingleRate {
        awareness,
        committed_rate: 8000,
        committed_burst: 1000,
        excess_burst: 1000,
        discard_red,
    }
}

fn double(awareness: Awareness, discard_red: bool) -> Spec {
    Spec::TwoRate {
        awareness,
        committed_rate: 8000,
        committed_burst: 1000,
        peak_rate: 16000,
        peak_burst: 2000,
        discard_red,
    }
}

#[test]
fn two_colours_pass_or_do_what_is_configured() {
    let limit = Limit::Bits { per_second: 8000, burst_bytes: 1500 };
    let with = |exceeding| Spec::TwoColour { limit, exceeding };
    check(with(Exceeding::Discard), &[High, Low], &[(Green, Action::Pass), (Red, Action::Discard)]);
    let both = Exceeding::Mark { loss_priority: Some(High), forwarding_class: Some(ForwardingClassId(2)) };
    let marked = Action::Mark { loss_priority: Some(High), forwarding_class: Some(ForwardingClassId(2)) };
    check(with(both), &[Low, Low], &[(Green, Action::Pass), (Red, marked)]);
}

#[test]
fn a_colour_blind_meter_marks_whatever_a_packet_brings() {
    let expected = [(Green, mark(Low)), (Yellow, mark(MediumHigh)), (Red, mark(High))];
    check(single(Awareness::ColourBlind, false), &[High, Low, Low], &expected);
    check(double(Awareness::ColourBlind, false), &[High, Low, Low], &expected);
}

#[test]
fn red_is_discarded_where_the_configuration_says_so() {
    let expected = [(Green, mark(Low)), (Yellow, mark(MediumHigh)), (Red, Action::Discard)];
    check(single(Awareness::ColourBlind, true), &[Low, Low, Low], &expected);
    check(double(Awareness::ColourBlind, true), &[Low, Low, Low], &expected);
}

#[test]
fn a_colour_aware_meter_makes_no_colour_better() {
    let brought = [High, MediumLow, Low, MediumHigh];
    // srTCM: red takes nothing, yellow the excess, green the committed burst.
    let expected = [(Red, mark(High)), (Yellow, mark(MediumHigh)), (Green, mark(Low)), (Red, mark(High))];
    check(single(Awareness::ColourAware, false), &brought, &expected);
    // trTCM: yellow and green both draw on the peak bucket.
    check(double(Awareness::ColourAware, false), &brought, &expected);
}

#[test]
fn an_unknown_worker_gets_nothing() {
    let meter = Meter::new(single(Awareness::ColourBlind, false), 2, Instant::ZERO).unwrap();
    let verdict = meter.police(WorkerId(2), Instant::ZERO, 64, Low);
    assert_eq!((verdict.colour, verdict.action), (Red, Action::Discard));
}
