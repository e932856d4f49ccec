//! Terms one at a time: what Junos says each condition and action does, by hand.
//!
//! Spec: firewall-filter-1..54.

use ravelin_filter::{
    BuildError, ByteField, Condition, Decision, Effects, End, Filter, FilterCounterId, FlexibleMatch,
    FlexibleStart, InstanceId, ListedPrefix, Logging, Marks, MirrorId, OptionMatch, Outcome, Packet, Policed,
    Reject, TERMS_MAX, Term, TermAt, Terminal, Then, Values, evaluate,
};
use ravelin_types::{Addr, Family, FlagTable, ForwardingClassId, InterfaceId, LossPriority, MeterId, Proto};
use ravelin_wire::build::{Ip, Payload, frame};
use ravelin_wire::parse;

/// Effects as text, in order. Meter 9 discards, others mark with a high loss priority.
#[derive(Default)]
struct Seen(Vec<String>);

impl Effects for Seen {
    fn count(&mut self, counter: FilterCounterId) {
        self.0.push(format!("count {}", counter.0));
    }

    fn log(&mut self, at: TermAt, logging: Logging, terminal: Terminal) {
        self.0.push(format!("log {}.{} {logging:?} {terminal:?}", at.filter, at.term));
    }

    fn police(&mut self, meter: MeterId, marks: Marks) -> Policed {
        self.0.push(format!("police {meter} {:?}", marks.loss_priority));
        if meter.0 == 9 {
            return Policed::Discard;
        }
        Policed::Pass(Marks { loss_priority: LossPriority::High, ..marks })
    }
}

fn run(filters: &[&[Term]], bytes: &[u8]) -> (Outcome, Vec<String>) {
    let parsed = parse(bytes).unwrap();
    let network = parsed.network.unwrap();
    let built: Vec<Filter> =
        filters.iter().map(|terms| Filter::build(network.family, terms).unwrap()).collect();
    let packet = Packet {
        frame: bytes,
        l3_at: parsed.l3_at,
        network: &network,
        interface: InterfaceId(3),
        interface_group: 0,
    };
    let mut seen = Seen::default();
    (evaluate(&built, packet, Marks::default(), &mut seen), seen.0)
}

fn v4(payload: &Payload) -> Vec<u8> {
    frame(&Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]), payload)
}

fn syn() -> Vec<u8> {
    v4(&Payload::tcp(1000, 80, 0x02))
}

fn term(conditions: Vec<Condition>, terminal: Terminal) -> Term {
    Term { conditions, then: Then { terminal, ..Then::default() } }
}

/// Whether a lone condition holds of a frame.
fn holds(condition: Condition, bytes: &[u8]) -> bool {
    run(&[&[term(vec![condition], Terminal::Accept)]], bytes).0.decision == Decision::Accept
}

fn ports(end: End, values: Values) -> Condition {
    Condition::Port { end, values }
}

#[test]
fn without_a_filter_all_pass_and_a_filter_that_decides_nothing_discards() {
    let (outcome, _) = run(&[], &syn());
    assert_eq!((outcome.decision, outcome.term), (Decision::Accept, None));
    let (outcome, _) = run(&[&[]], &syn());
    assert_eq!((outcome.decision, outcome.term), (Decision::Discard, None));
    let only_next = [term(vec![], Terminal::NextTerm)];
    assert_eq!(run(&[&only_next], &syn()).0.decision, Decision::Discard);
}

#[test]
fn a_term_without_conditions_or_action_accepts_everything() {
    let (outcome, _) = run(&[&[Term::default()]], &syn());
    assert_eq!(outcome.decision, Decision::Accept);
    assert_eq!(outcome.term, Some(TermAt { filter: 0, term: 0 }));
}

#[test]
fn filters_of_a_list_read_as_one() {
    let none = [term(vec![ports(End::Source, Values::of(&[(7, 7)]))], Terminal::Accept)];
    let next = [term(vec![], Terminal::NextTerm)];
    let reject = [term(vec![], Terminal::Reject(Reject::Icmp { code: 13 }))];
    let (outcome, _) = run(&[&none, &next, &reject], &syn());
    assert_eq!(outcome.decision, Decision::Reject(Reject::Icmp { code: 13 }));
    assert_eq!(outcome.term, Some(TermAt { filter: 2, term: 0 }));
}

#[test]
fn effects_happen_in_order_and_marks_travel() {
    let first = Then {
        terminal: Terminal::NextTerm,
        count: Some(FilterCounterId(4)),
        logging: Logging { buffer: true, syslog: false },
        meter: Some(MeterId(1)),
        forwarding_class: Some(ForwardingClassId(2)),
        loss_priority: Some(LossPriority::MediumLow),
        mirror: Some(MirrorId(5)),
        sample: true,
    };
    let high = Condition::Byte { field: ByteField::LossPriority, values: Values::of(&[(3, 3)]) };
    let routed = Terminal::RoutingInstance(InstanceId(6));
    let terms = [Term { conditions: vec![], then: first }, term(vec![high], routed)];
    let (outcome, seen) = run(&[&terms], &syn());
    let log = "log 0.0 Logging { buffer: true, syslog: false } NextTerm";
    assert_eq!(seen, ["count 4", log, "police 1 MediumLow"]);
    let instance = Some(InstanceId(6));
    let marks = Marks { forwarding_class: ForwardingClassId(2), loss_priority: LossPriority::High, instance };
    assert_eq!((outcome.decision, outcome.marks), (Decision::Accept, marks));
    assert_eq!((outcome.mirror, outcome.sample), (Some(MirrorId(5)), true));
}

#[test]
fn a_policer_that_discards_ends_the_walk() {
    let then = Then { terminal: Terminal::NextTerm, meter: Some(MeterId(9)), ..Then::default() };
    let terms = [Term { conditions: vec![], then }, Term::default()];
    assert_eq!(run(&[&terms], &syn()).0.decision, Decision::Policed(MeterId(9)));
}

#[test]
fn a_packet_without_ports_meets_no_condition_on_ports() {
    let any = || Values::of(&[(0, 65_535)]);
    let not_22 = || Values::except(&[(22, 22)]);
    let icmp = v4(&Payload::icmp(Family::V4, 8, 0, 1, b"x"));
    let mut ip = Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]);
    ip.fragment = 4;
    let later = frame(&ip, &Payload::udp(53, 53, b"abcdefgh"));
    for end in [End::Source, End::Destination, End::Either] {
        for values in [any(), not_22()] {
            assert!(holds(ports(end, values.clone()), &syn()), "{end:?} {values:?}");
            assert!(!holds(ports(end, values.clone()), &icmp), "{end:?} {values:?}");
            assert!(!holds(ports(end, values.clone()), &later), "{end:?} {values:?}");
        }
    }
}

#[test]
fn port_except_is_neither_port() {
    let except = |port| ports(End::Either, Values::except(&[(port, port)]));
    assert!(!holds(except(1000), &syn()));
    assert!(!holds(except(80), &syn()));
    assert!(holds(except(81), &syn()));
}

#[test]
fn an_excepted_address_at_either_end_is_the_packets() {
    let prefix = |addr, len, except| ListedPrefix { family: Family::V4, addr: Addr::v4(addr), len, except };
    let list = vec![prefix([0, 0, 0, 0], 0, false), prefix([10, 0, 0, 0], 8, true)];
    let address = |end| Condition::Address { end, prefixes: list.clone().into() };
    assert!(!holds(address(End::Either), &syn()));
    assert!(!holds(address(End::Source), &syn()));
    assert!(holds(address(End::Destination), &syn()));
}

#[test]
fn first_and_later_fragments_are_told_apart() {
    let fragment = |word| {
        let mut ip = Ip::v4([10, 0, 0, 1], [198, 51, 100, 1]);
        ip.fragment = word;
        frame(&ip, &Payload::udp(53, 53, b"abcdefgh"))
    };
    for (word, first, later) in
        [(0, false, false), (0x2000, true, false), (0x2001, false, true), (1, false, true)]
    {
        assert_eq!(holds(Condition::FirstFragment, &fragment(word)), first, "{word:#x}");
        assert_eq!(holds(Condition::IsFragment, &fragment(word)), later, "{word:#x}");
    }
    let dont = Condition::FragmentFlags(FlagTable::all_of(0x4));
    assert!(holds(dont.clone(), &fragment(0x4000)));
    assert!(!holds(dont, &fragment(0x2000)));
}

#[test]
fn tcp_synonyms_ask_for_tcp() {
    let initial = Condition::TcpFlags(FlagTable::TCP_INITIAL);
    let established = Condition::TcpFlags(FlagTable::TCP_ESTABLISHED);
    assert!(holds(initial.clone(), &syn()) && !holds(established.clone(), &syn()));
    let ack = v4(&Payload::tcp(1, 2, 0x10));
    assert!(!holds(initial, &ack) && holds(established, &ack));
    let none_set = Condition::TcpFlags(FlagTable(u64::MAX));
    assert!(!holds(none_set, &v4(&Payload::udp(1, 2, b""))));
}

#[test]
fn an_option_that_contradicts_its_length_matches_nothing() {
    let with = |options: [u8; 4]| {
        let mut bytes = v4(&Payload::raw(Proto::GRE, b"payload"));
        bytes.splice(34..34, options);
        bytes[14] = 0x46;
        ravelin_wire::put_u16(&mut bytes, 16, 20 + 4 + 7);
        ravelin_wire::put_u16(&mut bytes, 24, 0);
        let sum = !ravelin_wire::checksum::fold(ravelin_wire::checksum::sum(&bytes[14..38]));
        ravelin_wire::put_u16(&mut bytes, 24, sum);
        bytes
    };
    let alert =
        |except| Condition::IpOptions(OptionMatch::Types(Values { ranges: vec![(148, 148)], except }));
    assert!(holds(alert(false), &with([148, 4, 0, 0])) && !holds(alert(true), &with([148, 4, 0, 0])));
    assert!(!holds(alert(false), &with([1, 1, 0, 0])) && holds(alert(true), &with([1, 1, 0, 0])));
    for broken in [[7, 0, 0, 0], [7, 1, 0, 0], [7, 9, 0, 0], [1, 1, 1, 7]] {
        assert!(!holds(alert(false), &with(broken)) && !holds(alert(true), &with(broken)), "{broken:?}");
    }
    assert!(holds(Condition::IpOptions(OptionMatch::Any { except: false }), &with([1, 1, 1, 1])));
    assert!(holds(Condition::IpOptions(OptionMatch::Any { except: true }), &syn()));
}

#[test]
fn a_flexible_match_reads_bits_and_never_beyond_the_packet() {
    let wanted = |start, byte_offset, bit_offset, bit_length, value| {
        Condition::Flexible(FlexibleMatch {
            start,
            byte_offset,
            bit_offset,
            bit_length,
            mask: u128::MAX,
            low: value,
            high: value,
            except: false,
        })
    };
    let bytes = v4(&Payload::udp(1, 2, &[0xab, 0xcd, 0xef]));
    use FlexibleStart::{Layer3, Layer4, Payload as Data};
    assert!(holds(wanted(Layer3, 0, 0, 4, 4), &bytes));
    assert!(holds(wanted(Layer4, 2, 0, 16, 2), &bytes));
    assert!(holds(wanted(Data, 0, 4, 12, 0xbcd), &bytes));
    assert!(holds(wanted(Data, 2, 0, 8, 0xef), &bytes));
    let beyond = |except| {
        let mut padded = bytes.clone();
        padded.extend([0; 20]);
        let Condition::Flexible(wanted) = wanted(Data, 3, 0, 8, 0) else { unreachable!("made above") };
        holds(Condition::Flexible(FlexibleMatch { except, ..wanted }), &padded)
    };
    assert!(!beyond(false) && !beyond(true));
}

#[test]
fn a_filter_of_the_other_family_discards() {
    let filter = Filter::build(Family::V6, &[Term::default()]).unwrap();
    let bytes = syn();
    let parsed = parse(&bytes).unwrap();
    let network = parsed.network.unwrap();
    let packet = Packet {
        frame: &bytes,
        l3_at: parsed.l3_at,
        network: &network,
        interface: InterfaceId(0),
        interface_group: 0,
    };
    let outcome = evaluate([&filter], packet, Marks::default(), &mut Seen::default());
    assert_eq!(outcome.decision, Decision::Discard);
}

#[test]
fn what_can_not_be_evaluated_is_refused_and_not_left_out() {
    let fault = |family, condition| {
        Filter::build(family, &[Term::default(), term(vec![condition], Terminal::Accept)]).unwrap_err()
    };
    let byte = |field, ranges: &[(u32, u32)]| Condition::Byte { field, values: Values::of(ranges) };
    let at = (1, 0);
    let (term_at, condition) = at;
    let values = BuildError::Values { term: term_at, condition };
    let family = BuildError::Family { term: term_at, condition };
    assert_eq!(fault(Family::V4, byte(ByteField::Protocol, &[])), values);
    assert_eq!(fault(Family::V4, ports(End::Source, Values::of(&[(2, 1)]))), values);
    let large = BuildError::TooLarge { term: term_at, condition, value: 64 };
    assert_eq!(fault(Family::V6, byte(ByteField::Dscp, &[(0, 64)])), large);
    assert_eq!(fault(Family::V4, byte(ByteField::NextHeader, &[(6, 6)])), family);
    assert_eq!(fault(Family::V6, byte(ByteField::Precedence, &[(6, 6)])), family);
    assert_eq!(fault(Family::V6, Condition::IpOptions(OptionMatch::Any { except: false })), family);
    for (other, len) in [(Family::V6, 8), (Family::V4, 33)] {
        let prefixes = vec![ListedPrefix { family: other, addr: Addr(1), len, except: false }].into();
        let refused = fault(Family::V4, Condition::Address { end: End::Source, prefixes });
        assert_eq!(refused, BuildError::Prefix { term: term_at, condition });
    }
    for (bit_offset, bit_length, high) in [(8, 8, 0), (0, 0, 0), (7, 122, 0), (0, 8, 256)] {
        let wanted = FlexibleMatch {
            start: FlexibleStart::Layer3,
            byte_offset: 0,
            bit_offset,
            bit_length,
            mask: u128::MAX,
            low: 0,
            high,
            except: false,
        };
        let refused = fault(Family::V4, Condition::Flexible(wanted));
        assert_eq!(refused, BuildError::Flexible { term: term_at, condition });
    }
    let many = vec![Term::default(); TERMS_MAX + 1];
    assert_eq!(Filter::build(Family::V4, &many).unwrap_err(), BuildError::TooManyTerms(TERMS_MAX + 1));
}
