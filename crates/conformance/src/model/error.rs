//! ICMP errors: of the session whose packet they quote, or of none (flow-22, icmp-errors-5..8).

use std::net::IpAddr;

use ravelin_types::DropReason;

use super::commit::Rejudged;
use super::nat::embedded;
use super::reply::Came;
use super::schedule::Held;
use super::screens::Look;
use super::{HOST, Model, Packet, Session, same, turned};

/// An error: who sends it to whom, and the packet that it quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IcmpError {
    pub src: IpAddr,
    pub dst: IpAddr,
    pub quoted: Packet,
    /// What is quoted is an error itself, about this packet.
    pub is_nested: bool,
}

/// What becomes of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorOutcome {
    /// It left, looking so.
    Left(IcmpError),
    /// To the firewall itself.
    Host,
    Dropped(DropReason),
}

impl Model<'_> {
    /// The same of an error as it comes in a packet, by what is asked of each: screens (screen-72), and a hop to go (flow-19).
    #[must_use]
    pub fn error_in(&mut self, unit: &str, error: &IcmpError, packet: &Packet) -> ErrorOutcome {
        let zone = match self.entered(unit, packet) {
            Ok(zone) => zone,
            Err(reason) => return ErrorOutcome::Dropped(reason),
        };
        let came = Came { unit, zone: &zone, of_kernel: false };
        if let Err(reason) = self.enters(came, packet) {
            return ErrorOutcome::Dropped(reason);
        }
        if self.screened(unit, (&zone, false), packet, Look::OfError).is_err() {
            return ErrorOutcome::Dropped(DropReason::Screen);
        }
        let of = self.of_error(&zone, error).filter(|_| !error.is_nested);
        let beyond = of.map(|(at, way)| self.sessions[at].zone(way).to_owned()).filter(|zone| zone != HOST);
        if let Some(beyond) = beyond
            && self.screened(unit, (&beyond, true), packet, Look::OfError).is_err()
        {
            return ErrorOutcome::Dropped(DropReason::Screen);
        }
        let outcome = self.error(unit, error);
        match outcome {
            ErrorOutcome::Host => match self.comes_in(came, packet) {
                Ok(()) => ErrorOutcome::Host,
                Err(reason) => ErrorOutcome::Dropped(reason),
            },
            ErrorOutcome::Left(_) | ErrorOutcome::Dropped(DropReason::NoRoute | DropReason::EgressNoZone)
                if packet.ttl <= 1 =>
            {
                ErrorOutcome::Dropped(DropReason::TtlExpired)
            }
            ErrorOutcome::Left(left) => {
                let way_out = of.and_then(|(at, _)| self.route(&self.sessions[at].from_zone, left.dst));
                let packet = Packet { src: left.src, dst: left.dst, ..*packet };
                match self.error_leaves(unit, &way_out.unwrap_or_default(), &packet) {
                    Ok(()) => outcome,
                    Err(reason) => ErrorOutcome::Dropped(reason),
                }
            }
            ErrorOutcome::Dropped(_) => outcome,
        }
    }

    /// What is to become of an error that arrives at a unit. It opens nothing and keeps nothing alive.
    #[must_use]
    pub fn error(&self, unit: &str, error: &IcmpError) -> ErrorOutcome {
        let Some(zone) = self.zone_of(unit) else { return ErrorOutcome::Dropped(DropReason::NoZone) };
        let none = ErrorOutcome::Dropped(DropReason::IcmpErrorNoSession);
        if error.is_nested {
            return none;
        }
        let Some((at, back)) = self.of_error(&zone, error) else { return none };
        if matches!(self.held(at), Held::Ended) || matches!(self.rejudged(at), Rejudged::Ended(_)) {
            return none;
        }
        let s = &self.sessions[at];
        if back == 0 && s.from_zone == HOST {
            return ErrorOutcome::Host;
        }
        let (to, beyond, quoted, known) = if back == 0 {
            (s.inside.src, &s.from_zone, s.inside, (s.left.dst, s.inside.dst))
        } else if s.unit.is_none() {
            return ErrorOutcome::Host;
        } else {
            (s.left.dst, &s.to_zone, turned(&s.left), (s.inside.src, s.left.src))
        };
        let way_out = self.route(&s.from_zone, to).filter(|_| !self.is_own(&s.from_zone, to));
        let Some(egress) = way_out else {
            return ErrorOutcome::Dropped(DropReason::NoRoute);
        };
        if self.zone_of(&egress).as_ref() != Some(beyond) {
            return ErrorOutcome::Dropped(DropReason::EgressNoZone);
        }
        // From behind a translation a router speaks as it is known itself, or else as the end is.
        let own = || self.counterpart((&egress, beyond), error.src, to);
        let src = if known.0 == known.1 {
            Some(error.src)
        } else if error.src == known.0 {
            Some(known.1)
        } else if known.0.is_ipv4() == known.1.is_ipv4() {
            Some(own().unwrap_or(known.1))
        } else {
            own().or_else(|| self.stand_in(s, (&egress, to), error.src))
        };
        match src {
            None => ErrorOutcome::Dropped(DropReason::Nat64NoSource),
            Some(src) => ErrorOutcome::Left(IcmpError { src, dst: to, quoted, is_nested: false }),
        }
    }

    /// The session of what an error from a zone quotes, and which of its ends is told.
    fn of_error(&self, zone: &str, error: &IcmpError) -> Option<(usize, usize)> {
        // It comes from where the packet went: the answers to that come from there.
        let answers = turned(&error.quoted);
        let opened = |s: &Session| same(&turned(&s.left), &answers) && s.to_zone == zone && s.unit.is_some();
        let answered = |s: &Session| same(&s.inside, &answers) && s.from_zone == zone;
        let at = self.sessions.iter().position(|s| opened(s) || answered(s))?;
        Some((at, usize::from(!opened(&self.sessions[at]))))
    }

    /// Who speaks for a host that the other family knows nothing of (nat-static-13).
    fn stand_in(&self, s: &Session, (egress, to): (&str, IpAddr), host: IpAddr) -> Option<IpAddr> {
        let behind = s.prefix.filter(|_| host.is_ipv4()).map(|prefix| embedded(&prefix, host));
        behind.or_else(|| self.own_address(egress, to.is_ipv4()))
    }
}
