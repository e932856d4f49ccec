//! SYN cookies and the splice behind them. Spec: screen-58..67.

use ravelin_screen::cookie::{
    Accepted, AckVerdict, LIFETIME, OUR_SCALE, ROTATION, SEGMENT_MAX, Secrets, Segment, ServerAnswer, Spent,
    Splice, Syn, TcpOptions,
};
use ravelin_types::{Addr, Family, Instant, Mac, Proto};
use ravelin_wire::build::{Ip, Payload, frame};
use ravelin_wire::{TcpFlags, checksum, parse, put_u16, u16_at, u32_at};

use crate::kit::with;

pub const MASTER: (u64, u64) = (11, 22);
pub const CLIENT_ISN: u32 = 0xffff_ffff;
const SERVER_ISN: u32 = 5000;

fn ends(family: Family) -> (Addr, Addr) {
    match family {
        Family::V4 => (Addr::v4([192, 0, 2, 1]), Addr::v4([198, 51, 100, 1])),
        Family::V6 => (Addr(0x2001_0db8 << 96 | 1), Addr(0x2001_0db8 << 96 | 2)),
    }
}

/// A segment with options; a client's unless `from_server`.
pub fn segment(
    family: Family,
    from_server: bool,
    header: (u32, u32, u8, u16),
    options: &[u8],
    data: &[u8],
) -> Vec<u8> {
    let (client, server) = ends(family);
    let (src, dst, sport, dport) =
        if from_server { (server, client, 80, 40000) } else { (client, server, 40000, 80) };
    let (seq, ack, flags, window) = header;
    assert_eq!(options.len() % 4, 0);
    let mut payload = Payload::tcp_segment(sport, dport, flags, seq, ack, &[options, data].concat());
    payload.bytes[12] = (5 + options.len() as u8 / 4) << 4;
    put_u16(&mut payload.bytes, 14, window);
    frame(&Ip::new(family, src, dst), &payload)
}

pub const SYN: u8 = TcpFlags::SYN;
pub const ACK: u8 = TcpFlags::ACK;
/// MSS 1460, SACK permitted, timestamps 1000, scale 9: what a common client sends.
pub const COMMON: [u8; 20] = [2, 4, 5, 180, 4, 2, 8, 10, 0, 0, 3, 232, 0, 0, 0, 0, 1, 3, 3, 9];

pub fn request(family: Family, options: &[u8]) -> Syn {
    with(&segment(family, false, (CLIENT_ISN, 0, SYN, 64_000), options, b""), |packet| {
        Syn::parse(packet).unwrap()
    })
}

/// The bytes of a segment the firewall sends, checked in full and parsed.
fn sent(segment: &Segment) -> Vec<u8> {
    let mut buffer = [0xaa; SEGMENT_MAX];
    let len = segment.write((Mac([2, 0, 0, 0, 0, 1]), Mac([2, 0, 0, 0, 0, 2])), Some(7), &mut buffer);
    let bytes = buffer[..len].to_vec();
    let parsed = parse(&bytes).unwrap();
    let network = parsed.network.unwrap();
    assert_eq!((parsed.vlan.unwrap().id(), usize::from(network.end), network.proto), (7, len, Proto::TCP));
    let tcp = &bytes[usize::from(network.l4_at)..];
    assert_eq!(checksum::transport(network.family, network.src, network.dst, Proto::TCP, tcp), 0);
    assert_eq!((network.src, network.dst), (segment.src.0, segment.dst.0));
    bytes
}

fn tcp_of(bytes: &[u8]) -> &[u8] {
    let network = parse(bytes).unwrap().network.unwrap();
    &bytes[usize::from(network.l4_at)..usize::from(network.end)]
}

/// The timestamp option of a client that echoes ours.
pub fn stamps(value: u32, echo: u32) -> Vec<u8> {
    [&[1, 1, 8, 10][..], &value.to_be_bytes(), &echo.to_be_bytes()].concat()
}

fn judge(secrets: &Secrets, spent: &mut Spent, bytes: &[u8], now: Instant) -> Option<AckVerdict> {
    let verdict = with(bytes, |packet| secrets.judge(packet, spent, now));
    if let Some(AckVerdict::Valid(accepted)) = &verdict {
        spent.spend(&accepted.connection, accepted.cookie, now);
    }
    verdict
}

/// A client that answers the challenge at `later`; `change` may spoil its ACK.
fn answered(family: Family, options: &[u8], later: Instant, change: impl Fn(&mut Vec<u8>)) -> AckVerdict {
    let start = Instant::from_secs(1000);
    let answer = Secrets::at(MASTER, start).answer(request(family, options), start);
    let echo = answer.timestamp.map_or_else(Vec::new, |echo| stamps(1001, echo));
    let header = (CLIENT_ISN.wrapping_add(1), answer.cookie.wrapping_add(1), ACK, 500);
    let mut bytes = segment(family, false, header, &echo, b"");
    change(&mut bytes);
    judge(&Secrets::at(MASTER, later), &mut Spent::new((5, 6), 64), &bytes, later).unwrap()
}

#[test]
fn a_client_that_answers_is_known_with_all_it_offered() {
    for family in [Family::V4, Family::V6] {
        let start = Instant::from_secs(1000);
        let AckVerdict::Valid(accepted) = answered(family, &COMMON, start, |_| {}) else {
            panic!("not valid")
        };
        let wanted =
            TcpOptions { mss: Some(1460), scale: Some(9), sack: true, timestamp: Some(1001), echo: 0 };
        assert_eq!((accepted.options, accepted.client_isn, accepted.window), (wanted, CLIENT_ISN, 500));
        assert_eq!((accepted.connection.client, accepted.connection.server), ends(family));
    }
}

#[test]
fn what_the_answer_agrees_to_is_what_can_be_remembered() {
    let start = Instant::from_secs(1000);
    let secrets = Secrets::at(MASTER, start);
    let answer = secrets.answer(request(Family::V4, &COMMON), start);
    let bytes = sent(&answer.segment(1460));
    let tcp = tcp_of(&bytes);
    let options = TcpOptions::parse(tcp);
    assert_eq!(
        (options.mss, options.scale, options.sack, options.echo),
        (Some(1460), Some(OUR_SCALE), true, 1000)
    );
    assert_eq!((tcp[13], u16_at(tcp, 14)), (SYN | ACK, 0), "no window before the server is there");
    assert_eq!((u32_at(tcp, 4), u32_at(tcp, 8)), (answer.cookie, CLIENT_ISN.wrapping_add(1)));
    // The same without the timestamp option: scale and SACK are lost, and so not agreed to.
    let bare = [2, 4, 5, 180, 1, 1, 4, 2, 1, 3, 3, 9];
    let options =
        TcpOptions::parse(tcp_of(&sent(&secrets.answer(request(Family::V6, &bare), start).segment(1440))));
    assert_eq!(options, TcpOptions { mss: Some(1440), ..TcpOptions::default() });
    let AckVerdict::Valid(accepted) = answered(Family::V4, &bare, start, |_| {}) else { panic!("not valid") };
    assert_eq!(accepted.options, TcpOptions { mss: Some(1460), ..TcpOptions::default() });
}

/// The largest of the table that is not above what was offered; RFC 9293 3.7.1 without the option.
#[test]
fn segment_sizes_are_rounded_down() {
    let kept = |family, offered: Option<u16>| {
        let options = offered.map_or_else(Vec::new, |mss| [&[2, 4][..], &mss.to_be_bytes()].concat());
        match answered(family, &options, Instant::from_secs(1000), |_| {}) {
            AckVerdict::Valid(accepted) => accepted.options.mss.unwrap(),
            other => panic!("{other:?}"),
        }
    };
    for (offered, expected) in [
        (64, 88),
        (535, 88),
        (536, 536),
        (1459, 1440),
        (1460, 1460),
        (8959, 1460),
        (9000, 8960),
        (65535, 8960),
    ] {
        assert_eq!(kept(Family::V4, Some(offered)), expected, "{offered}");
    }
    assert_eq!((kept(Family::V4, None), kept(Family::V6, None)), (536, 1220));
}

#[test]
fn a_secret_is_good_for_two_rotations() {
    let at = |after: u64| Instant::from_secs(1000 / ROTATION.as_secs() * ROTATION.as_secs() + after);
    let verdict = |after| answered(Family::V4, &COMMON, at(after), |_| {});
    let (rotation, lifetime) = (ROTATION.as_secs(), LIFETIME.as_secs());
    assert!(matches!(verdict(rotation - 1), AckVerdict::Valid(_)));
    assert!(matches!(verdict(rotation), AckVerdict::Valid(_)));
    assert!(matches!(verdict(2 * rotation - 1), AckVerdict::Valid(_)));
    assert_eq!(verdict(lifetime), AckVerdict::Stale);
    assert_eq!(verdict(3 * rotation), AckVerdict::Stale);
    // Four rotations on, the two bits look current again: another key judges it.
    assert_eq!(verdict(4 * rotation), AckVerdict::Forged);
    assert_eq!(verdict(5 * rotation), AckVerdict::Forged);
}

/// Every bit of the numbers, the ports, the addresses and the kept options is under the hash.
#[test]
fn a_changed_ack_is_forged() {
    let later = Instant::from_secs(1010);
    let flip = |at: usize, bit: u8| {
        answered(Family::V4, &COMMON, later, move |bytes| {
            bytes[at] ^= 1 << bit;
            let header = !checksum::fold(checksum::sum(&{
                let mut header = bytes[14..34].to_vec();
                header[10..12].fill(0);
                header
            }));
            put_u16(bytes, 24, header);
        })
    };
    // Source and destination address, ports, sequence number, acknowledgement.
    for at in 26..46 {
        for bit in 0..8 {
            let verdict = flip(at, bit);
            // Two bits of the acknowledgement name the generation; a borrow reaches them from below.
            assert!(
                matches!(verdict, AckVerdict::Forged | AckVerdict::Stale),
                "byte {at} bit {bit}: {verdict:?}"
            );
        }
    }
    // The six low bits of the echoed timestamp; the others are the clock's.
    for bit in 0..6 {
        assert_eq!(flip(65, bit), AckVerdict::Forged);
    }
    assert!(matches!(flip(64, 0), AckVerdict::Valid(_)));
    let without = |bytes: &mut Vec<u8>| bytes[56] = 0;
    assert_eq!(
        answered(Family::V4, &COMMON, later, without),
        AckVerdict::Forged,
        "agreed timestamps are missing"
    );
}

#[test]
fn guesses_are_forged_or_stale() {
    let now = Instant::from_secs(1000);
    let (secrets, mut spent) = (Secrets::at(MASTER, now), Spent::new((5, 6), 64));
    for n in 0..20_000u32 {
        let header = (n, n.wrapping_mul(0x9e37_79b9), ACK, 500);
        let verdict = judge(&secrets, &mut spent, &segment(Family::V4, false, header, b"", b""), now);
        assert!(matches!(verdict, Some(AckVerdict::Forged | AckVerdict::Stale)), "{n}: {verdict:?}");
    }
}

#[test]
fn a_cookie_is_used_once_and_only_by_an_ack() {
    let now = Instant::from_secs(1000);
    let (secrets, mut spent) = (Secrets::at(MASTER, now), Spent::new((5, 6), 64));
    let answer = secrets.answer(request(Family::V4, b""), now);
    let ack = |flags| {
        let header = (CLIENT_ISN.wrapping_add(1), answer.cookie.wrapping_add(1), flags, 500);
        segment(Family::V4, false, header, b"", b"")
    };
    for flags in [SYN | ACK, ACK | TcpFlags::RST, ACK | TcpFlags::FIN, SYN, 0, TcpFlags::PSH] {
        assert_eq!(judge(&secrets, &mut spent, &ack(flags), now), None, "{flags:02x}");
    }
    assert!(matches!(
        judge(&secrets, &mut spent, &ack(ACK | TcpFlags::PSH), now),
        Some(AckVerdict::Valid(_))
    ));
    for after in [0, 1, 60] {
        let later = Instant::from_secs(1000 + after);
        let verdict = judge(&Secrets::at(MASTER, later), &mut spent, &ack(ACK), later);
        assert_eq!(verdict, Some(AckVerdict::Replayed), "{after} s later");
    }
}

/// The window is closed: a client whose ACK was lost, and who has something to say, repeats its first number (RFC 9293 3.8.6.1).
#[test]
fn a_probe_stands_for_a_lost_ack() {
    let now = Instant::from_secs(1000);
    for family in [Family::V4, Family::V6] {
        let secrets = Secrets::at(MASTER, now);
        let answer = secrets.answer(request(family, &COMMON), now);
        let echo = stamps(1001, answer.timestamp.unwrap());
        let says = |seq: u32, data: &[u8]| {
            let bytes = segment(family, false, (seq, answer.cookie.wrapping_add(1), ACK, 500), &echo, data);
            judge(&secrets, &mut Spent::new((5, 6), 64), &bytes, now)
        };
        for (seq, data) in
            [(CLIENT_ISN, &b""[..]), (CLIENT_ISN, b"?"), (CLIENT_ISN.wrapping_add(1), b"early data")]
        {
            let Some(AckVerdict::Valid(accepted)) = says(seq, data) else { panic!("{seq} {data:?}") };
            assert_eq!(accepted.client_isn, CLIENT_ISN);
        }
        let others = [
            (CLIENT_ISN, &b"no probe"[..]),
            (CLIENT_ISN.wrapping_sub(1), b""),
            (CLIENT_ISN.wrapping_add(2), b""),
        ];
        for (seq, data) in others {
            assert_eq!(says(seq, data), Some(AckVerdict::Forged), "{seq} {data:?}");
        }
    }
}

#[test]
fn secrets_are_equal_everywhere_and_never_shown() {
    let now = Instant::from_secs(5000);
    assert_eq!(Secrets::at(MASTER, now), Secrets::derived(MASTER, (5000 / ROTATION.as_secs()) as u32));
    assert_ne!(Secrets::at(MASTER, now), Secrets::at((11, 23), now));
    assert_eq!(format!("{:?}", Secrets::derived(MASTER, 9)), "Secrets { generation: 9, .. }");
}

fn accepted(options: &[u8]) -> Accepted {
    match answered(Family::V4, options, Instant::from_secs(1000), |_| {}) {
        AckVerdict::Valid(accepted) => accepted,
        other => panic!("{other:?}"),
    }
}

/// The server's SYN-ACK: MSS 1400, timestamps 77, the given scale.
fn server_answer(accepted: &Accepted, scale: Option<u8>, timestamps: bool) -> ServerAnswer {
    let mut options = vec![2, 4, 5, 120];
    if timestamps {
        options.extend_from_slice(&stamps(77, 1001));
    }
    options.extend(scale.iter().flat_map(|scale| [1, 3, 3, *scale]));
    let header = (SERVER_ISN, accepted.client_isn.wrapping_add(1), SYN | ACK, 29_000);
    with(&segment(Family::V4, true, header, &options, b""), |packet| {
        ServerAnswer::parse(packet, accepted).unwrap()
    })
}

#[test]
fn the_server_sees_the_clients_request_and_its_answer_is_checked() {
    let accepted = accepted(&COMMON);
    let bytes = sent(&accepted.server_syn());
    let tcp = tcp_of(&bytes);
    assert_eq!((u32_at(tcp, 4), tcp[13]), (CLIENT_ISN, SYN));
    // 500 << 9 bytes do not fit a window that isn't scaled.
    assert_eq!(u16_at(tcp, 14), 65_535);
    let wanted = TcpOptions { mss: Some(1460), scale: Some(9), sack: true, timestamp: Some(1001), echo: 0 };
    assert_eq!(TcpOptions::parse(tcp), wanted);
    for (seq, ack, flags) in [
        (1, CLIENT_ISN, SYN | ACK),
        (1, CLIENT_ISN.wrapping_add(1), ACK),
        (1, CLIENT_ISN.wrapping_add(1), SYN | ACK | TcpFlags::RST),
    ] {
        let bytes = segment(Family::V4, true, (seq, ack, flags, 1), b"", b"");
        assert_eq!(with(&bytes, |packet| ServerAnswer::parse(packet, &accepted)), None);
    }
    let server = server_answer(&accepted, Some(4), true);
    let last = sent(&accepted.server_ack(&server));
    let (tcp, options) = (tcp_of(&last), TcpOptions::parse(tcp_of(&last)));
    assert_eq!(
        (u32_at(tcp, 4), u32_at(tcp, 8), u16_at(tcp, 14)),
        (CLIENT_ISN.wrapping_add(1), SERVER_ISN + 1, 500)
    );
    assert_eq!((options.timestamp, options.echo), (Some(1001), 77));
    let opens = sent(&accepted.client_ack(&server));
    let tcp = tcp_of(&opens);
    assert_eq!(
        (u32_at(tcp, 4), u32_at(tcp, 8)),
        (accepted.cookie.wrapping_add(1), CLIENT_ISN.wrapping_add(1))
    );
    assert_eq!((tcp[13], u16_at(tcp, 14)), (ACK, 29_000 >> OUR_SCALE));
}

/// Rewrites a segment and says it with a checksum that is right again.
fn spliced(bytes: &mut [u8], rewrite: impl Fn(&mut [u8]) -> checksum::Delta) -> Vec<u8> {
    let network = parse(bytes).unwrap().network.unwrap();
    let tcp = &mut bytes[usize::from(network.l4_at)..usize::from(network.end)];
    let delta = rewrite(tcp);
    let sum = delta.apply(u16_at(tcp, 16));
    put_u16(tcp, 16, sum);
    assert_eq!(checksum::transport(network.family, network.src, network.dst, Proto::TCP, tcp), 0, "checksum");
    tcp.to_vec()
}

#[test]
fn every_later_segment_speaks_of_the_others_numbers() {
    let accepted = accepted(&COMMON);
    let splice = Splice::new(&accepted, &server_answer(&accepted, Some(4), true));
    let (cookie, ours) = (accepted.cookie, accepted.our_timestamp.unwrap());
    // The server sends byte 100 and says that it has byte 7 of the client.
    let header = (SERVER_ISN + 100, 7, ACK, 1000);
    let mut bytes = segment(Family::V4, true, header, &stamps(80, 1002), b"data");
    let tcp = spliced(&mut bytes, |tcp| splice.rewrite_to_client(tcp));
    assert_eq!((u32_at(&tcp, 4), u32_at(&tcp, 8)), (cookie.wrapping_add(100), 7));
    let options = TcpOptions::parse(&tcp);
    assert_eq!((options.timestamp, options.echo), (Some(ours.wrapping_add(3)), 1002));
    assert_eq!(u16_at(&tcp, 14), (1000 << 4) >> OUR_SCALE, "said in the scale we announced");
    // The client acknowledges up to 50 and has 60 to 70 and 80 to 90, behind an odd filler.
    let edges = [60u32, 70, 80, 90].map(|n| cookie.wrapping_add(n));
    let sack: Vec<u8> = [&[1, 5, 18][..], &edges.map(u32::to_be_bytes).concat(), &[1]].concat();
    let mut options = stamps(1003, ours.wrapping_add(3));
    options.extend_from_slice(&sack);
    let header = (9, cookie.wrapping_add(50), ACK, 300);
    let mut bytes = segment(Family::V4, false, header, &options, b"odd");
    let tcp = spliced(&mut bytes, |tcp| splice.rewrite_to_server(tcp));
    assert_eq!((u32_at(&tcp, 4), u32_at(&tcp, 8), u16_at(&tcp, 14)), (9, SERVER_ISN + 50, 300));
    let at = 20 + 12 + 3;
    let blocks = [0, 4, 8, 12].map(|n| u32_at(&tcp, at + n));
    assert_eq!(blocks, [60, 70, 80, 90].map(|n| SERVER_ISN + n));
    let options = TcpOptions::parse(&tcp);
    assert_eq!((options.timestamp, options.echo), (Some(1003), 80));
    // Resets: the server's by its number, the client's with and without an acknowledgement.
    let mut reset = segment(Family::V4, true, (SERVER_ISN + 9, 0, TcpFlags::RST, 0), b"", b"");
    assert_eq!(u32_at(&spliced(&mut reset, |tcp| splice.rewrite_to_client(tcp)), 4), cookie.wrapping_add(9));
    let mut reset = segment(Family::V4, false, (9, 0, TcpFlags::RST, 0), b"", b"");
    let tcp = spliced(&mut reset, |tcp| splice.rewrite_to_server(tcp));
    assert_eq!((u32_at(&tcp, 4), u32_at(&tcp, 8)), (9, 0));
}

#[test]
fn a_server_with_fewer_options_gets_windows_it_understands() {
    let accepted = accepted(&COMMON);
    let splice = Splice::new(&accepted, &server_answer(&accepted, None, false));
    let mut bytes = segment(Family::V4, true, (SERVER_ISN + 1, 7, ACK, 29_000), b"", b"");
    let tcp = spliced(&mut bytes, |tcp| splice.rewrite_to_client(tcp));
    assert_eq!(u16_at(&tcp, 14), 29_000 >> OUR_SCALE);
    let mut bytes = segment(Family::V4, false, (9, accepted.cookie, ACK, 100), &stamps(1, 2), b"");
    let tcp = spliced(&mut bytes, |tcp| splice.rewrite_to_server(tcp));
    assert_eq!(
        (u16_at(&tcp, 14), TcpOptions::parse(&tcp).echo),
        (51_200, 2),
        "100 << 9, the timestamp as it was"
    );
    let mut bytes = segment(Family::V4, false, (9, accepted.cookie, ACK, 1000), b"", b"");
    let tcp = spliced(&mut bytes, |tcp| splice.rewrite_to_server(tcp));
    assert_eq!(u16_at(&tcp, 14), 65_535, "never more than can be said");
}

proptest::proptest! {
    /// There and back is where it was, whatever the bytes, and no bytes make it panic.
    #[test]
    fn the_splice_undoes_itself(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..80), seq: u32) {
        let splice = Splice { seq, ..Splice::default() };
        let back = Splice { seq: seq.wrapping_neg(), ..Splice::default() };
        let mut tcp = bytes.clone();
        let delta = splice.rewrite_to_server(&mut tcp).and(back.rewrite_to_server(&mut tcp));
        proptest::prop_assert_eq!(&tcp, &bytes);
        proptest::prop_assert!(matches!(delta.0, 0 | 0xffff));
        let delta = splice.rewrite_to_client(&mut tcp).and(back.rewrite_to_client(&mut tcp));
        proptest::prop_assert_eq!(&tcp, &bytes);
        proptest::prop_assert!(matches!(delta.0, 0 | 0xffff));
    }
}
