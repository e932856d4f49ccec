//! The line editor: Emacs keys, with `?`, Tab and space given to the host.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use reedline::{
    EditCommand, EditMode, Emacs, KeyCode, KeyModifiers, Prompt, PromptEditMode, PromptHistorySearch,
    PromptHistorySearchStatus, Reedline, ReedlineEvent, ReedlineRawEvent, default_emacs_keybindings,
};

/// Keys that follow each other faster come of a paste or a script: they are text, not requests for help.
const TYPED_GAP_MIN: Duration = Duration::from_millis(2);

pub(crate) const HELP: &str = "?";
pub(crate) const TAB: &str = "\t";
pub(crate) const SPACE: &str = " ";

/// Emacs keys whose host commands are dropped from pasted text, which would lose what follows them.
struct JunosKeys {
    emacs: Emacs,
    last_key: Instant,
}

impl EditMode for JunosKeys {
    fn parse_event(&mut self, event: ReedlineRawEvent) -> ReedlineEvent {
        let now = Instant::now();
        let typed = now.duration_since(self.last_key) >= TYPED_GAP_MIN;
        self.last_key = now;
        match self.emacs.parse_event(event) {
            ReedlineEvent::ExecuteHostCommand(command) if !typed => match command.as_str() {
                HELP => ReedlineEvent::Edit(vec![EditCommand::InsertChar('?')]),
                _ => ReedlineEvent::Edit(vec![EditCommand::InsertChar(' ')]),
            },
            event => event,
        }
    }

    fn edit_mode(&self) -> PromptEditMode {
        self.emacs.edit_mode()
    }
}

pub(crate) fn editor() -> Reedline {
    let mut keys = default_emacs_keybindings();
    let host = |command: &str| ReedlineEvent::ExecuteHostCommand(command.to_owned());
    keys.add_binding(KeyModifiers::NONE, KeyCode::Char('?'), host(HELP));
    keys.add_binding(KeyModifiers::SHIFT, KeyCode::Char('?'), host(HELP));
    keys.add_binding(KeyModifiers::NONE, KeyCode::Char(' '), host(SPACE));
    keys.add_binding(KeyModifiers::NONE, KeyCode::Tab, host(TAB));
    let mode = JunosKeys { emacs: Emacs::new(keys), last_key: Instant::now() };
    Reedline::create().with_edit_mode(Box::new(mode)).with_ansi_colors(false)
}

/// The daemon's prompt as it is.
pub(crate) struct JunosPrompt(pub String);

impl Prompt for JunosPrompt {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(&self.0)
    }

    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }

    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        let failing = match search.status {
            PromptHistorySearchStatus::Passing => "",
            PromptHistorySearchStatus::Failing => "failing ",
        };
        Cow::Owned(format!("({failing}search) `{}': ", search.term))
    }
}
