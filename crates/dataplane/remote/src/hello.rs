//! The first words on a connection: version, capabilities, epoch.

use crate::proto;

/// The version of the message schema; it changes only when old and new can't understand each other.
pub const VERSION: u32 = 1;

/// What this side can do beyond the bare messages.
pub const CAPABILITIES: &[&str] = &["program-chunks", "session-pages"];

/// A client that says this makes the names of an apply's policies of the program it handed over: they are left out.
pub(crate) const BARE_RESULTS: &str = "bare-results";

/// Who says this knows that a manifest without entries is the one offered last on the connection, of that generation.
pub(crate) const OFFERED_AGAIN: &str = "offered-again";

/// A Hello is short; nobody gets more memory before having said one.
pub(crate) const HELLO_MAX: usize = 64 << 10;

/// Why two sides don't go together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloError {
    #[error("the peer speaks version {theirs} of the dataplane protocol, this side version {ours}")]
    Version { ours: u32, theirs: u32 },
    #[error("the peer requires the capability `{0}`, unknown here")]
    Required(String),
    #[error("the peer lacks the capability `{0}`")]
    Lacking(String),
}

/// What a client says; it can't do without any of the capabilities.
pub(crate) fn of_client() -> proto::Hello {
    let mut hello = proto::Hello { requires: words(), ..of_server(0) };
    hello.capabilities.push(BARE_RESULTS.to_owned());
    hello
}

/// What a server says.
pub(crate) fn of_server(epoch: u64) -> proto::Hello {
    let mut capabilities = words();
    capabilities.push(OFFERED_AGAIN.to_owned());
    proto::Hello { version: VERSION, capabilities, requires: Vec::new(), epoch, refusal: None }
}

fn words() -> Vec<String> {
    CAPABILITIES.iter().map(|word| (*word).to_owned()).collect()
}

/// Whether this side can talk to one that needs what `theirs` says.
pub(crate) fn accept(theirs: &proto::Hello) -> Result<(), HelloError> {
    if theirs.version != VERSION {
        return Err(HelloError::Version { ours: VERSION, theirs: theirs.version });
    }
    match theirs.requires.iter().find(|word| !CAPABILITIES.contains(&word.as_str())) {
        Some(word) => Err(HelloError::Required(word.clone())),
        None => Ok(()),
    }
}

/// Whether the peer has all that this side can't do without.
pub(crate) fn suffices(theirs: &proto::Hello) -> Result<(), HelloError> {
    match CAPABILITIES.iter().find(|word| !theirs.capabilities.iter().any(|c| c == *word)) {
        Some(word) => Err(HelloError::Lacking((*word).to_owned())),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_of_one_version_understand_each_other() {
        assert_eq!(accept(&of_client()), Ok(()));
        assert_eq!(suffices(&of_server(1)), Ok(()));
    }

    #[test]
    fn another_version_an_unknown_need_and_a_missing_capability_are_named() {
        let newer = proto::Hello { version: 2, ..of_client() };
        assert_eq!(accept(&newer), Err(HelloError::Version { ours: 1, theirs: 2 }));
        let needy = proto::Hello { requires: vec!["time-travel".into()], ..of_client() };
        assert_eq!(accept(&needy), Err(HelloError::Required("time-travel".into())));
        let poor = proto::Hello { capabilities: vec!["session-pages".into()], ..of_server(1) };
        assert_eq!(suffices(&poor), Err(HelloError::Lacking("program-chunks".into())));
    }

    #[test]
    fn an_unknown_capability_that_is_not_required_is_tolerated() {
        let mut rich = of_client();
        rich.capabilities.push("teleport".into());
        assert_eq!(accept(&rich), Ok(()));
    }
}
