//! Sessions of zones with `application-tracking` as records, and their fields.
//!
//! Nobody identifies applications here: the fields say what a Junos without signatures says. Spec: tracking-6, tracking-7.

use ravelin_contract::{TrackedMoment, TrackedSession};

use crate::filter::{Outcome, Subject};
use crate::record::{Flow, Names, Record, flow};
use crate::table::Tag;
use crate::values::{Value, rule};

use Value::{Address, Number, Text};

const NOT_AVAILABLE: Value<'static> = Text("N/A");
const UNKNOWN: Value<'static> = Text("UNKNOWN");

/// A session that is tracked, at a moment of its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrackedRecord {
    pub flow: Flow,
    /// Where its packets leave.
    pub egress: String,
    pub moment: TrackedMoment,
    pub packets: [u64; 2],
    pub bytes: [u64; 2],
    pub elapsed_s: u32,
}

/// The record of a session that a zone tracks.
#[must_use]
pub fn tracked(session: &TrackedSession, names: &dyn Names) -> Record {
    let TrackedSession { view, moment } = session;
    let [out, back] = &view.wings;
    Record::Tracked(TrackedRecord {
        flow: flow(view, names),
        egress: names.unit(back.interface),
        moment: *moment,
        packets: [out.packets, back.packets],
        bytes: [out.bytes, back.bytes],
        elapsed_s: view.age_s,
    })
}

impl TrackedRecord {
    pub(crate) fn tag(&self) -> Tag {
        match self.moment {
            TrackedMoment::Opened => Tag::TrackedCreate,
            TrackedMoment::Updated => Tag::TrackedUpdate,
            TrackedMoment::Closed(_) => Tag::TrackedClose,
        }
    }

    pub(crate) fn subject<'a>(&'a self, subject: Subject<'a>) -> Subject<'a> {
        Subject {
            interface: &self.flow.interface,
            policy: &self.flow.policy,
            outcome: Some(Outcome::Success),
            ..subject.of(&self.flow.key)
        }
    }

    /// Lends the fields, in the message's order.
    pub(crate) fn with_values<R>(&self, take: impl FnOnce(&[Value<'_>]) -> R) -> R {
        let egress = Text(&self.egress);
        let groups = [NOT_AVAILABLE; 2];
        // User, roles, whether it is encrypted.
        let who = [NOT_AVAILABLE, NOT_AVAILABLE, UNKNOWN];
        // Category and subcategory.
        let category = [NOT_AVAILABLE; 2];
        let mut out = Vec::with_capacity(40);
        match self.moment {
            TrackedMoment::Opened => {
                out.extend(self.tuple());
                out.extend(who);
                out.push(egress);
                out.extend(category);
            }
            TrackedMoment::Updated => {
                out.extend(self.tuple());
                out.extend(self.volume());
                out.extend(who);
                out.push(egress);
                out.extend(category);
            }
            TrackedMoment::Closed(reason) => {
                out.push(Text(reason.text()));
                out.extend(self.tuple());
                out.extend(self.volume());
                out.extend(who);
                // Profile, rule and routing instance of advanced policy-based routing.
                out.extend([NOT_AVAILABLE; 3]);
                // The interface of an uplink, and what was sent and received there.
                out.extend([egress, NOT_AVAILABLE, Number(0), Number(0)]);
                out.extend(category);
                // Policy of policy-based routing, rule of several paths.
                out.extend([NOT_AVAILABLE; 2]);
            }
        }
        out.extend(groups);
        take(&out)
    }

    /// The fields from source address to session id.
    fn tuple(&self) -> [Value<'_>; 18] {
        let Flow {
            key,
            nat,
            service,
            source_rule,
            destination_rule,
            policy,
            from_zone,
            to_zone,
            session,
            ..
        } = &self.flow;
        let ([_, source_rule], [_, destination_rule]) =
            (rule(source_rule.as_ref()), rule(destination_rule.as_ref()));
        [
            Address(key.src),
            Number(key.sport.into()),
            Address(key.dst),
            Number(key.dport.into()),
            service.as_deref().map_or(Text("None"), Text),
            UNKNOWN,
            UNKNOWN,
            Address(nat.src),
            Number(nat.sport.into()),
            Address(nat.dst),
            Number(nat.dport.into()),
            source_rule,
            destination_rule,
            Number(key.proto.0.into()),
            Text(policy),
            Text(from_zone),
            Text(to_zone),
            Number(*session),
        ]
    }

    /// What it carried each way, and for how long it lives.
    fn volume(&self) -> [Value<'_>; 5] {
        let Self { packets, bytes, elapsed_s, .. } = self;
        [packets[0], bytes[0], packets[1], bytes[1], u64::from(*elapsed_s)].map(Number)
    }
}
