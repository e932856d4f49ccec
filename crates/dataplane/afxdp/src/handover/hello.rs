//! The first words: whether the two understand each other, before anything is given.

use super::{STEP_MAX, channel::Channel, channel::ChannelError, fault, proto};

/// The version of the conversation; it changes only when old and new can't understand each other.
const VERSION: u32 = 1;
/// What every process of this build can do: rings and packet memory laid out so, the shim's maps laid out so.
const CAPABILITIES: [&str; 2] = ["lanes-1", "shim-1"];
/// A Hello is short.
const HELLO_MAX: usize = 64 << 10;

/// Why two processes don't go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    #[error("the peer speaks version {theirs} of the hand-over, this process version {ours}")]
    Version { ours: u32, theirs: u32 },
    #[error("the peer requires `{0}`, unknown here")]
    Required(String),
    #[error("the peer does not know `{0}`")]
    Lacking(String),
    #[error("{0}")]
    Refused(String),
}

/// What this side says; both need everything of each other. `state` names the form of what workers hold.
pub(super) fn ours(state: &str) -> proto::Hello {
    let words: Vec<_> =
        CAPABILITIES.iter().map(|word| (*word).to_owned()).chain([format!("state-{state}")]).collect();
    proto::Hello {
        version: fault::version(VERSION),
        capabilities: words.clone(),
        requires: words,
        refusal: String::new(),
    }
}

/// Whether `theirs` goes with `ours`.
pub(super) fn accept(ours: &proto::Hello, theirs: &proto::Hello) -> Result<(), HelloError> {
    if !theirs.refusal.is_empty() {
        return Err(HelloError::Refused(theirs.refusal.clone()));
    }
    if theirs.version != ours.version {
        return Err(HelloError::Version { ours: ours.version, theirs: theirs.version });
    }
    if let Some(word) = theirs.requires.iter().find(|word| !ours.capabilities.contains(word)) {
        return Err(HelloError::Required(word.clone()));
    }
    match ours.requires.iter().find(|word| !theirs.capabilities.contains(word)) {
        Some(word) => Err(HelloError::Lacking(word.clone())),
        None => Ok(()),
    }
}

/// The predecessor's part: hears, and answers with its own words or with why not.
pub(super) fn answer(
    channel: &Channel,
    ours: proto::Hello,
    unable: Option<String>,
) -> Result<Result<(), HelloError>, ChannelError> {
    let theirs: proto::Hello = channel.receive_bare(HELLO_MAX, STEP_MAX)?;
    let verdict = match unable {
        Some(why) => Err(HelloError::Refused(why)),
        None => accept(&ours, &theirs),
    };
    let refusal = verdict.as_ref().err().map(ToString::to_string).unwrap_or_default();
    channel.send_bare(&proto::Hello { refusal, ..ours }, STEP_MAX)?;
    Ok(verdict)
}

/// The successor's part.
pub(super) fn ask(channel: &Channel, ours: &proto::Hello) -> Result<Result<(), HelloError>, ChannelError> {
    channel.send_bare(ours, STEP_MAX)?;
    let theirs = channel.receive_bare(HELLO_MAX, STEP_MAX)?;
    Ok(accept(ours, &theirs))
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    #[test]
    fn the_first_words_are_these_bytes() {
        let mut expected = b"\x08\x01".to_vec();
        for field in [0x12, 0x1a] {
            for word in ["lanes-1", "shim-1", "state-x/1"] {
                expected.extend([field, word.len() as u8]);
                expected.extend(word.as_bytes());
            }
        }
        assert_eq!(ours("x/1").encode_to_vec(), expected);
        let refusal = proto::Hello { refusal: "no".into(), ..proto::Hello::default() };
        assert_eq!(refusal.encode_to_vec(), b"\x22\x02no");
        let newer = [&expected[..], b"\xf8\x07\x01"].concat();
        assert_eq!(proto::Hello::decode(&newer[..]).unwrap(), ours("x/1"), "unknown fields are tolerated");
    }

    #[test]
    fn whoever_is_not_understood_is_refused_by_name() {
        let us = ours("x/1");
        assert_eq!(accept(&us, &us), Ok(()));
        let newer = proto::Hello { version: 2, ..us.clone() };
        assert_eq!(accept(&us, &newer), Err(HelloError::Version { ours: 1, theirs: 2 }));
        let mut needy = us.clone();
        needy.requires.push("time-travel".into());
        assert_eq!(accept(&us, &needy), Err(HelloError::Required("time-travel".into())));
        assert_eq!(accept(&us, &ours("x/2")), Err(HelloError::Required("state-x/2".into())));
        let poor = proto::Hello { capabilities: vec!["lanes-1".into()], requires: Vec::new(), ..us.clone() };
        assert_eq!(accept(&us, &poor), Err(HelloError::Lacking("shim-1".into())));
        let refused = proto::Hello { refusal: "not today".into(), ..us.clone() };
        assert_eq!(accept(&us, &refused), Err(HelloError::Refused("not today".into())));
    }
}
