//! What the firewall itself sends: out by the unit that the kernel chose, unless a policy says otherwise (flow-25); and what may be shed when
//! frames come too fast (overload-1).

use ravelin_model::TcpSession;
use ravelin_types::DropReason;

use super::conversation::Conversation;
use super::first::Way;
use super::nat::Source;
use super::reply::Came;
use super::{
    Expected, HOST, Judgement, Marks, Model, Outcome, Packet, Session, Told, dropped, same, tuple, turned,
};

impl Model<'_> {
    /// Judges a packet that the kernel sends by a unit, and what became of it. `Err`: what should have.
    pub fn agrees_own(&mut self, unit: &str, packet: &Packet, got: &Outcome) -> Result<(), Expected> {
        self.marks = Marks::default();
        let judgement = self.judge_own(unit, packet);
        let zone = self.zone_of(unit).unwrap_or_default();
        let judgement = self.leaving(Came { unit, zone: &zone, of_kernel: true }, packet, judgement, got);
        self.compare(judgement, packet, got)
    }

    fn judge_own(&mut self, unit: &str, packet: &Packet) -> Judgement {
        let zone = match self.parsed(unit, packet) {
            Ok(zone) => zone,
            Err(reason) => return dropped(reason),
        };
        if let Some((at, _)) = self.look_alike(&zone, packet) {
            self.meets(at);
        }
        match self.session_of(HOST, packet) {
            Some(found) => self.of_session(unit, packet, found),
            None => self.sent_first((unit, &zone), packet),
        }
    }

    fn sent_first(&mut self, (unit, zone): (&str, &str), packet: &Packet) -> Judgement {
        let as_it_is = Expected::Forward {
            unit: unit.to_owned(),
            source: Source::Is((packet.src, packet.sport)),
            to: (packet.dst, packet.dport),
            tcp: packet.tcp,
        };
        if packet.is_neighbour_discovery() {
            return as_it_is.into();
        }
        let policy = self.policy(HOST, zone, packet);
        let came = Came { unit, zone, of_kernel: true };
        if let Err(reason) = self.lets((came, packet), policy, Ok(())) {
            return dropped(reason);
        }
        let is_told = policy.is_some_and(|policy| policy.log_init);
        self.hit(policy);
        // A reply to what is over opens nothing.
        if packet.is_group() || packet.is_echo_reply() {
            return as_it_is.into();
        }
        // It may be of a conversation that is older than its session here.
        let rules = TcpSession { no_syn_check: true, ..self.config.security.flow.tcp_session.clone() };
        let tcp = packet.tcp.and_then(|tcp| Conversation::open(&tcp, &rules).ok());
        let way = Way { from: (unit, HOST), to: (unit, zone) };
        if self.collides(&way, &Source::Is((packet.src, packet.sport)), packet) {
            return dropped(DropReason::SessionCollision);
        }
        if is_told {
            self.told.push((tuple(packet), Told::Created));
        }
        let session = self.session(&way, (packet, packet), tcp, policy);
        let session = Session { unit: Some(unit.to_owned()), ..session };
        Judgement { expected: as_it_is, opens: Some(Box::new(session)) }
    }

    /// Whether a packet from the wire may be shed before anything else is asked: one that is of no session. A request on one that is over
    /// may be as well, once it has ended that.
    #[must_use]
    pub fn may_be_shed(&self, unit: &str, packet: &Packet) -> bool {
        let opens = packet.tcp.is_some_and(|tcp| tcp.opens());
        let is_exempt = packet.is_to_many() || packet.is_neighbour_discovery();
        !is_exempt && (opens || !self.knows(unit, packet))
    }

    /// Whether there is a session that a packet looks to be of, whatever zone it is from: it may have been judged, and ended it, before it
    /// was shed.
    #[must_use]
    pub fn is_like_one(&self, unit: &str, packet: &Packet) -> bool {
        self.zone_of(unit).is_some_and(|zone| self.look_alike(&zone, packet).is_some())
    }

    /// Whether a packet that comes by a unit is of a session.
    #[must_use]
    pub fn knows(&self, unit: &str, packet: &Packet) -> bool {
        self.zone_of(unit).is_some_and(|zone| self.session_of(&zone, packet).is_some())
    }

    /// The session of a packet from a zone, and which of its two ways it goes.
    pub(super) fn session_of(&self, zone: &str, packet: &Packet) -> Option<(usize, usize)> {
        let mine = |s: &Session| same(&s.inside, packet) && s.from_zone == zone;
        let answers = |s: &Session| same(&turned(&s.left), packet) && s.to_zone == zone;
        let first = self.sessions.iter().position(mine).map(|at| (at, 0));
        first.or_else(|| self.sessions.iter().position(answers).map(|at| (at, 1)))
    }
}
