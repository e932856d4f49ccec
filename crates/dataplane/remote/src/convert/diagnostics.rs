//! Status and injected packets.

use ravelin_contract::{
    Explanation, FabricForwarding, Finding, InjectRequest, InjectVerdict, PortStatus, Status, WorkerStatus,
};
use ravelin_types::{Generation, WorkerId};

use super::{Read, Wire, decode_all, encode_all, mac, need, reason, small};
use crate::proto;
use crate::proto::explanation::Verdict;

impl Wire for Status {
    type Message = proto::Status;

    fn to_message(&self) -> proto::Status {
        let Self { backend, armed, epoch, generation, workers, ports } = self;
        proto::Status {
            backend: backend.clone(),
            armed: *armed,
            epoch: *epoch,
            generation: generation.map(|g| g.0),
            workers: encode_all(workers),
            ports: encode_all(ports),
        }
    }

    fn from_message(message: proto::Status) -> Read<Self> {
        Ok(Self {
            backend: message.backend,
            armed: message.armed,
            epoch: message.epoch,
            generation: message.generation.map(Generation),
            workers: decode_all(message.workers)?,
            ports: decode_all(message.ports)?,
        })
    }
}

impl Wire for WorkerStatus {
    type Message = proto::WorkerStatus;

    fn to_message(&self) -> proto::WorkerStatus {
        let Self { worker, alive, restarts, generation } = *self;
        proto::WorkerStatus { worker: worker.0.into(), alive, restarts, generation: generation.0 }
    }

    fn from_message(message: proto::WorkerStatus) -> Read<Self> {
        let proto::WorkerStatus { worker, alive, restarts, generation } = message;
        let worker = WorkerId(small("worker", worker)?);
        Ok(Self { worker, alive, restarts, generation: Generation(generation) })
    }
}

impl Wire for PortStatus {
    type Message = proto::PortStatus;

    fn to_message(&self) -> proto::PortStatus {
        let Self { name, up, mode } = self.clone();
        proto::PortStatus { name, up, mode }
    }

    fn from_message(message: proto::PortStatus) -> Read<Self> {
        let proto::PortStatus { name, up, mode } = message;
        Ok(Self { name, up, mode })
    }
}

impl Wire for InjectRequest {
    type Message = proto::InjectRequest;

    fn to_message(&self) -> proto::InjectRequest {
        let Self { interface, frame, before } = self.clone();
        proto::InjectRequest { interface, frame, before }
    }

    fn from_message(message: proto::InjectRequest) -> Read<Self> {
        let proto::InjectRequest { interface, frame, before } = message;
        Ok(Self { interface, frame, before })
    }
}

impl Wire for Explanation {
    type Message = proto::Explanation;

    fn to_message(&self) -> proto::Explanation {
        let Self { verdict, findings } = self;
        let verdict = match verdict {
            InjectVerdict::Forward { interface } => Verdict::Forward(interface.clone()),
            InjectVerdict::Host { interface } => Verdict::Host(interface.clone()),
            InjectVerdict::Drop(reason) => Verdict::Drop(reason.name().to_owned()),
            InjectVerdict::Consume => Verdict::Consume(proto::Empty {}),
        };
        proto::Explanation { verdict: Some(verdict), findings: encode_all(findings) }
    }

    fn from_message(message: proto::Explanation) -> Read<Self> {
        let verdict = match need("verdict", message.verdict)? {
            Verdict::Forward(interface) => InjectVerdict::Forward { interface },
            Verdict::Host(interface) => InjectVerdict::Host { interface },
            Verdict::Drop(name) => InjectVerdict::Drop(reason(&name)?),
            Verdict::Consume(_) => InjectVerdict::Consume,
        };
        Ok(Self { verdict, findings: decode_all(message.findings)? })
    }
}

impl Wire for Finding {
    type Message = proto::Finding;

    fn to_message(&self) -> proto::Finding {
        let Self { stage, subject, outcome } = self.clone();
        proto::Finding { stage, subject, outcome }
    }

    fn from_message(message: proto::Finding) -> Read<Self> {
        let proto::Finding { stage, subject, outcome } = message;
        Ok(Self { stage, subject, outcome })
    }
}

/// Where the fabric leads, without its number.
impl Wire for FabricForwarding {
    type Message = proto::FabricForwarding;

    fn to_message(&self) -> proto::FabricForwarding {
        let Self { interface, peer_mac, local_mac } = self;
        proto::FabricForwarding {
            fabric: 0,
            interface: interface.clone(),
            peer_mac: peer_mac.0.to_vec(),
            local_mac: local_mac.0.to_vec(),
        }
    }

    fn from_message(message: proto::FabricForwarding) -> Read<Self> {
        Ok(Self {
            interface: message.interface,
            peer_mac: mac(&message.peer_mac)?,
            local_mac: mac(&message.local_mac)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::survives;
    use super::*;
    use ravelin_types::DropReason;

    #[test]
    fn every_verdict_survives_and_an_unknown_reason_is_named() {
        let verdicts = [
            InjectVerdict::Forward { interface: "ge-0/0/0.0".into() },
            InjectVerdict::Host { interface: "ge-0/0/1.7".into() },
            InjectVerdict::Consume,
        ];
        let drops = DropReason::ALL.iter().map(|reason| InjectVerdict::Drop(*reason));
        let finding = Finding { stage: "zone".into(), subject: "a".into(), outcome: "b".into() };
        let explain = |verdict| Explanation { verdict, findings: vec![finding.clone()] };
        survives(verdicts.into_iter().chain(drops).map(explain));
        let message = proto::Explanation { verdict: Some(Verdict::Drop("odd".into())), findings: Vec::new() };
        assert_eq!(Explanation::from_message(message).unwrap_err().to_string(), "unknown drop reason `odd`");
    }
}
