//! Fragments of datagrams that begin sessions, are of sessions, or of neither: in any order, overlapping, tiny, copied, and never whole.

use ravelin_types::{Family, Proto};
use ravelin_wire::build::{self, Ip, Payload};
use ravelin_wire::{put_u16, u16_at};

use super::{Frame, Pair, fresh, request};

impl Pair {
    /// A fragment, or one of the last again.
    pub(crate) fn fragment(&mut self) -> Frame {
        let at = self.draw(8);
        // Where nobody can pay, what has come once comes again more often.
        let again = self.draw(if self.pressed { 2 } else { 3 }) == 0;
        if again && at < self.pieces.len() {
            return self.pieces[at].clone();
        }
        let piece = self.piece();
        self.pieces.truncate(7);
        self.pieces.insert(0, piece.clone());
        piece
    }

    /// A piece of one of few datagrams, so that many meet.
    fn piece(&mut self) -> Frame {
        let (port, station) = self.stations[0];
        // Three hosts have sessions by these ports; the others are strangers.
        let host = 2 + self.draw(8) as u8;
        let family = [Family::V4, Family::V6][self.draw(2)];
        let (proto, body) = self.whole(family, 1000 + u16::from(host));
        let start = [0, 0, 24, 24, 48, 16][self.draw(6)].min(body.len() - 1) / 8 * 8;
        let len = [24, 24, 24, 8, 4, 40][self.draw(6)].min(body.len() - start);
        let (id, more) = (self.draw(2) as u16, start + len < body.len() && self.draw(8) != 0);
        let piece = &body[start..start + len];
        let bytes = match family {
            Family::V4 => {
                let mut ip = Ip::v4([10, 0, 0, host], [198, 51, 100, 2]);
                (ip.dst_mac, ip.id) = (station, id);
                ip.fragment = (start as u16 / 8) | if more { 0x2000 } else { 0 };
                let frame = build::frame(&ip, &Payload::raw(proto, piece));
                if self.draw(6) == 0 { with_option(&frame) } else { frame }
            }
            Family::V6 => {
                let mut ip = Ip::v6(&format!("2001:db8::{host}"), "2001:db8:1::2");
                (ip.dst_mac, ip.extensions) = (station, [0, 0, 1, 10][self.draw(4)]);
                let mut fragment = vec![proto.0, 0, 0, 0, 0, 0, 0, id as u8];
                put_u16(&mut fragment, 2, start as u16 | u16::from(more));
                build::frame(&ip, &Payload::raw(Proto::IPV6_FRAGMENT, &[&fragment, piece].concat()))
            }
        };
        fresh(port, bytes)
    }

    /// What the pieces are of.
    fn whole(&mut self, family: Family, sport: u16) -> (Proto, Vec<u8>) {
        let mut payload = match self.draw(8) {
            0 | 4 | 5 => request(sport),
            1 => Payload::icmp(family, if family == Family::V4 { 8 } else { 128 }, 0, sport.into(), b""),
            2 => Payload::icmp(family, if family == Family::V4 { 3 } else { 1 }, 3, 0, &[0x45; 28]),
            3 => Payload::raw(Proto::ESP, &[0, 0, 0, 7]),
            _ => Payload::udp(sport, 53, b""),
        };
        payload.bytes.resize(72, b'f');
        if payload.proto == Proto::UDP {
            put_u16(&mut payload.bytes, 4, 72);
        }
        (payload.proto, payload.bytes)
    }
}

/// The same frame with four bytes of options in its IPv4 header.
fn with_option(frame: &[u8]) -> Vec<u8> {
    let mut out = frame[..34].to_vec();
    out.extend_from_slice(&[1, 1, 1, 0]);
    out.extend_from_slice(&frame[34..]);
    out[14] = 0x46;
    let total = u16_at(&out, 16) + 4;
    put_u16(&mut out, 16, total);
    put_u16(&mut out, 24, 0);
    let sum = ravelin_wire::checksum::sum(&out[14..38]);
    put_u16(&mut out, 24, !ravelin_wire::checksum::fold(sum));
    out
}
