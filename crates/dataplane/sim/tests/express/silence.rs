//! Sessions that their silence ended, which the wheel has not come to yet.

use ravelin_engine::{NoRecorder, Trace};
use ravelin_types::Instant;
use ravelin_wire::build::{self, Ip, Payload};

use super::{Pair, fresh};

/// A minute is the timeout of UDP; the wheel looks at a session a second later, and again a second behind what was left then.
#[test]
fn a_session_is_over_before_it_is_aged() {
    for ip in [Ip::v4([10, 0, 0, 2], [198, 51, 100, 2]), Ip::v6("2001:db8::2", "2001:db8:1::2")] {
        let mut pair = Pair::new(1);
        let (port, station) = pair.stations[0];
        let ip = Ip { dst_mac: station, ..ip };
        let frame = fresh(port, build::frame(&ip, &Payload::udp(7, 9000, b"silent")));
        let mut opened = Vec::new();
        for (ms, packets) in
            [(0, 1), (1_000, 1), (60_900, 1), (64_000, 0), (120_800, 1), (124_000, 0), (180_800, 1)]
        {
            let now = Instant(1_000_000_000 + ms * 1_000_000);
            let frames = vec![frame.clone(); packets];
            let short = pair.short.step(now, &frames, &mut NoRecorder);
            assert_eq!(short, pair.whole.step(now, &frames, &mut Trace::default()), "at {ms} ms");
            let counters = &pair.short.state.counters;
            opened.push((ms, counters.sessions_created, counters.sessions_closed));
        }
        let lived =
            [(0, 1, 0), (1_000, 1, 0), (60_900, 1, 0), (64_000, 1, 0), (120_800, 1, 0), (124_000, 1, 0)];
        assert_eq!(opened[..6], lived);
        assert_eq!(opened[6], (180_800, 2, 1), "a minute of silence");
    }
}
