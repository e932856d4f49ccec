//! When sessions are aged early, to and from its message.

use ravelin_types::Proto;

use super::decode::{Read, application, gateway, need, small};
use super::{WireError, encode, proto};
use crate::{Aging, CutOff, EarlyAging};

pub(super) fn encode(x: &Aging) -> proto::Aging {
    let Aging { high_watermark, low_watermark, rest, early } = x;
    let EarlyAging { terms, gateways, protocols } = early;
    let numbered = |(number, of): (u32, CutOff)| proto::NumberedCutOff { number, cut_off: Some(cut_off(of)) };
    // Percents alone need the message that an older reader does not know.
    let (early_ageout, rest) = match *rest {
        CutOff::Seconds(seconds) => (seconds.into(), None),
        CutOff::Percent(_) => (0, Some(cut_off(*rest))),
    };
    proto::Aging {
        high_watermark: (*high_watermark).into(),
        low_watermark: (*low_watermark).into(),
        early_ageout,
        rest,
        terms: terms
            .iter()
            .map(|(term, of)| proto::TermCutOff {
                term: Some(encode::application(term)),
                cut_off: of.map(cut_off),
            })
            .collect(),
        gateways: gateways.iter().map(|(of, time)| numbered((encode::gateway(*of), *time))).collect(),
        protocols: protocols.iter().map(|(of, time)| numbered((of.0.into(), *time))).collect(),
    }
}

pub(super) fn decode(x: &proto::Aging) -> Read<Aging> {
    let terms = x.terms.iter().map(|x| {
        let term = application(need("term", x.term)?)?;
        Ok::<_, WireError>((term, x.cut_off.map(read_cut_off).transpose()?))
    });
    let gateways = x.gateways.iter().map(|x| {
        let (number, time) = numbered(x)?;
        Ok::<_, WireError>((gateway(number)?, time))
    });
    let protocols = x.protocols.iter().map(|x| {
        let (number, time) = numbered(x)?;
        Ok::<_, WireError>((Proto(small("protocol", number)?), time))
    });
    Ok(Aging {
        high_watermark: small("high watermark", x.high_watermark)?,
        low_watermark: small("low watermark", x.low_watermark)?,
        rest: match x.rest {
            Some(rest) => read_cut_off(rest)?,
            None => CutOff::Seconds(small("early ageout", x.early_ageout)?),
        },
        early: EarlyAging {
            terms: terms.collect::<Read<_>>()?,
            gateways: gateways.collect::<Read<_>>()?,
            protocols: protocols.collect::<Read<_>>()?,
        },
    })
}

fn numbered(x: &proto::NumberedCutOff) -> Read<(u32, CutOff)> {
    Ok((x.number, read_cut_off(need("cut-off", x.cut_off)?)?))
}

fn cut_off(x: CutOff) -> proto::CutOff {
    use proto::cut_off::Of;
    let of = match x {
        CutOff::Seconds(seconds) => Of::Seconds(seconds.into()),
        CutOff::Percent(percent) => Of::Percent(percent.into()),
    };
    proto::CutOff { of: Some(of) }
}

fn read_cut_off(x: proto::CutOff) -> Read<CutOff> {
    use proto::cut_off::Of;
    match need("cut-off", x.of)? {
        Of::Seconds(seconds) => Ok(CutOff::Seconds(small("cut-off", seconds)?)),
        Of::Percent(percent @ 1..=99) => Ok(CutOff::Percent(percent as u8)),
        Of::Percent(value) => Err(WireError::Range { what: "cut-off", value: value.into() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Application, Chunk, ChunkKey, Digest, FlowSettings, FragmentSettings, Gateway, PiecesMax, PortRange,
    };

    #[test]
    fn what_is_written_is_read() {
        let term = |name, proto| Application {
            proto,
            source_ports: PortRange::ANY,
            destination_ports: PortRange { low: 20, high: 21 },
            icmp: None,
            inactivity_timeout: None,
            gateway: Gateway::ByPort,
            name,
        };
        let early = EarlyAging {
            terms: [(term(7, Some(Proto::TCP)), Some(CutOff::Percent(99))), (term(8, None), None)]
                .into_iter()
                .collect(),
            gateways: [(Gateway::Dns, CutOff::Seconds(1)), (Gateway::Ftp, CutOff::Percent(1))]
                .into_iter()
                .collect(),
            protocols: [(Proto(0), CutOff::Seconds(65535)), (Proto(255), CutOff::Percent(50))]
                .into_iter()
                .collect(),
        };
        let rest = CutOff::Seconds(300);
        for aging in [
            Aging::default(),
            Aging { high_watermark: 90, low_watermark: 10, rest, early: EarlyAging::default() },
            Aging { rest: CutOff::Percent(7), early, ..Aging::default() },
        ] {
            let chunk = Chunk::Flow(FlowSettings { aging, ..FlowSettings::default() });
            let bytes = chunk.encode();
            let key = ChunkKey { kind: chunk.kind(), name: String::new() };
            assert_eq!(Chunk::decode(&bytes, &key, &Digest::of(&bytes)).unwrap(), chunk);
        }
    }

    #[test]
    fn how_pieces_wait_is_written_and_read() {
        let whole = [None, Some(PiecesMax::ALL), PiecesMax::new(1)];
        for (whole, timeout) in whole.into_iter().zip([Some(1), Some(60), None]) {
            let fragments = FragmentSettings { whole, timeout };
            let chunk = Chunk::Flow(FlowSettings { fragments, ..FlowSettings::default() });
            let bytes = chunk.encode();
            let key = ChunkKey { kind: chunk.kind(), name: String::new() };
            assert_eq!(Chunk::decode(&bytes, &key, &Digest::of(&bytes)).unwrap(), chunk);
        }
        assert_eq!((PiecesMax::new(0), PiecesMax::new(65)), (None, None));
    }

    #[test]
    fn a_cut_off_that_no_statement_says_is_refused() {
        use proto::cut_off::Of;
        for of in [None, Some(Of::Seconds(65536)), Some(Of::Percent(0)), Some(Of::Percent(100))] {
            let rest = Some(proto::CutOff { of });
            assert!(decode(&proto::Aging { rest, ..proto::Aging::default() }).is_err(), "{of:?}");
        }
        let gateways = vec![proto::NumberedCutOff { number: 5, cut_off: Some(cut_off(CutOff::Seconds(1))) }];
        assert!(decode(&proto::Aging { gateways, ..proto::Aging::default() }).is_err());
    }
}
