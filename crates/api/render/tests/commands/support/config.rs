//! A configuration that is a list of `set` lines.

use ravelin_ops::{
    Against, Candidate, CommitEntry, CommitHistory, CommitKind, CommitOptions, CommitReport, Commits,
    ConfigMode, ConfigureKind, EditorEntry, Form, LoadKind, Outcome, PolicyDescriptions, Problem, Refusal,
    ScheduledEntry, ScheduledTime, Synchronize, Verb,
};

#[derive(Default)]
pub struct FakeConfig {
    pub candidate: Vec<String>,
    pub active: Vec<String>,
    pub history: CommitHistory,
    pub kind: ConfigureKind,
    pub editors: Vec<EditorEntry>,
    /// Answers the next command that can be refused.
    pub refusal: Option<Refusal>,
    pub waiting_min: Option<u64>,
    pub rescue: Option<String>,
    /// There is another node, which goes along.
    pub other_node: bool,
    /// What was called, in order.
    pub calls: Vec<String>,
}

fn shown(lines: &[String], path: &[String], form: Form) -> Outcome<String> {
    let path = path.join(" ");
    let found: Vec<_> = lines.iter().filter(|l| l.starts_with(&path)).collect();
    if found.is_empty() && !path.is_empty() {
        return Err(vec![Problem::of("statement not found")]);
    }
    let verb = if form == Form::Set { "set " } else { "" };
    Ok(found.iter().map(|l| format!("{verb}{l}\n")).collect())
}

impl FakeConfig {
    fn nodes(&self, synchronize: Synchronize) -> Option<[&'static str; 2]> {
        let asked = matches!(synchronize, Synchronize::Asked { .. });
        (asked && self.other_node).then_some(["node0", "node1"])
    }

    fn refusals(&self) -> Vec<Problem> {
        let bad = self.candidate.iter().filter(|l| l.contains("bad"));
        bad.map(|l| Problem { path: l.clone(), message: "is bad".into(), ..Problem::default() }).collect()
    }
}

impl ConfigMode for FakeConfig {
    fn show(&self, path: &[String], form: Form) -> Outcome<String> {
        shown(&self.candidate, path, form)
    }
    fn active(&self, path: &[String], form: Form) -> Outcome<String> {
        shown(&self.active, path, form)
    }
    fn policy_descriptions(&self) -> PolicyDescriptions {
        let zones = Some(["trust".to_owned(), "untrust".to_owned()]);
        let global = ((None, "p1".to_owned()), "Not this one".to_owned());
        [((zones, "p1".to_owned()), "Web for all".to_owned()), global].into()
    }
    fn edit(&mut self, at: &[String], verb: Verb, rest: &str) -> Outcome<()> {
        let line = [at.join(" "), rest.to_owned()].join(" ").trim().to_owned();
        match verb {
            Verb::Set => self.candidate.push(line),
            _ => self.candidate.retain(|l| !l.starts_with(&line)),
        }
        Ok(())
    }
    /// Each word of `security` is a level, but for `zone`, which takes the next one too.
    fn levels(&self, path: &[String]) -> Vec<usize> {
        let known = path.first().is_some_and(|first| first == "security");
        let lengths = (1..=path.len()).filter(|&length| path[length - 1] != "zone");
        if known { lengths.collect() } else { Vec::new() }
    }
    fn compare(&self, against: Against) -> Outcome<String> {
        match against {
            Against::Active if self.candidate == self.active => Ok(String::new()),
            Against::Active => Ok("[edit]\n+  changed;\n".into()),
            Against::Rollback(n) => Ok(format!("against {n}\n")),
        }
    }
    fn rollback(&mut self, number: u32) -> Outcome<()> {
        if number > 0 {
            return Err(vec![Problem::of("no such rollback")]);
        }
        self.candidate = self.active.clone();
        Ok(())
    }
    fn load(&mut self, at: &[String], _: LoadKind, text: &str) -> Outcome<Vec<Problem>> {
        self.candidate = text.lines().map(|l| format!("{} {l}", at.join(" ")).trim().to_owned()).collect();
        let warned = text.lines().filter(|l| l.starts_with("delete:"));
        Ok(warned.map(|l| Problem::of(format!("warning: statement not found: {l}"))).collect())
    }
    fn complete(&self, at: &[String], _: Verb, words: &[&str], _: &str) -> Vec<Candidate> {
        match (at.len(), words) {
            (0, []) => vec![Candidate::new("security", "Security"), Candidate::new("system", "System")],
            (0, ["security"]) | (1, []) => vec![Candidate::new("zones", "Zones")],
            _ => Vec::new(),
        }
    }
}

impl FakeConfig {
    fn refused(&mut self) -> Result<(), Refusal> {
        self.refusal.take().map_or(Ok(()), Err)
    }
}

impl Commits for FakeConfig {
    fn enter(&mut self, kind: ConfigureKind) -> Result<(), Refusal> {
        self.refused()?;
        self.kind = kind;
        Ok(())
    }
    fn leave(&mut self) {
        if self.kind != ConfigureKind::Shared {
            self.candidate = self.active.clone();
        }
        self.calls.push("leave".into());
    }
    fn moved(&mut self, path: &[String]) {
        self.calls.push(format!("at {}", path.join(" ")));
    }
    fn logout(&mut self, pid: u32, _: &str) -> bool {
        self.editors.iter().any(|editor| editor.pid == Some(pid))
    }
    fn editors(&self) -> Vec<EditorEntry> {
        self.editors.clone()
    }
    fn others(&self) -> Vec<EditorEntry> {
        self.editors.iter().skip(1).cloned().collect()
    }
    fn mode(&self) -> ConfigureKind {
        self.kind
    }
    fn is_changed(&self) -> bool {
        self.candidate != self.active
    }
    fn may_edit(&mut self) -> Result<(), Refusal> {
        self.refused()
    }
    fn update(&mut self) -> Result<(), Refusal> {
        self.refused()
    }
    fn check(&mut self, _: &str, synchronize: Synchronize) -> Result<CommitReport, Refusal> {
        self.refused()?;
        let nodes = self.nodes(synchronize);
        match self.refusals() {
            list if list.is_empty() => Ok(CommitReport { nodes, ..CommitReport::default() }),
            list => Err(Refusal::Problems(list)),
        }
    }
    fn commit(&mut self, options: &CommitOptions) -> Result<CommitReport, Refusal> {
        self.check(&options.user, options.synchronize)?;
        let CommitOptions { user, comment, kind, synchronize } = options;
        let (user, client, comment) = (user.clone(), "cli".to_owned(), comment.clone());
        if let CommitKind::At(text) = kind {
            self.calls.push(format!("commit at {text}"));
            let time = ScheduledTime::At(1_795_238_340);
            self.history.scheduled = Some(ScheduledEntry { user, client, time });
            return Ok(CommitReport { scheduled: Some(time), ..CommitReport::default() });
        }
        self.active = self.candidate.clone();
        let confirmed_min = if let CommitKind::Confirmed { minutes } = kind { Some(*minutes) } else { None };
        self.waiting_min = confirmed_min.map(u64::from);
        let pending = confirmed_min.is_some();
        for entry in &mut self.history.entries {
            entry.number += 1;
            entry.pending = false;
        }
        let entry =
            CommitEntry { number: 0, time_s: 1_795_238_340, user, client, comment, confirmed_min, pending };
        self.history.entries.insert(0, entry);
        let warning = Problem::of("warning: first commit");
        let warnings = if self.history.entries.len() == 1 { vec![warning] } else { Vec::new() };
        Ok(CommitReport { warnings, scheduled: None, nodes: self.nodes(*synchronize) })
    }
    fn waiting_min(&self) -> Option<u64> {
        self.waiting_min
    }
    fn history(&self) -> CommitHistory {
        self.history.clone()
    }
    fn clear_scheduled(&mut self, _: &str) -> Outcome<bool> {
        Ok(self.history.scheduled.take().is_some())
    }
    fn rollback_text(&self, number: u32) -> Outcome<String> {
        Ok(format!("configuration {number}\n"))
    }
    fn compare_rollbacks(&self, old: u32, new: u32) -> Outcome<String> {
        Ok(format!("{old} to {new}\n"))
    }
    fn rescue_text(&self) -> Outcome<String> {
        self.rescue.clone().ok_or_else(|| vec![Problem::of("No rescue configuration is set.")])
    }
    fn save_rescue(&mut self, _: &str) -> Outcome<()> {
        self.rescue = Some("rescued\n".into());
        Ok(())
    }
    fn delete_rescue(&mut self, _: &str) -> Outcome<()> {
        self.rescue = None;
        Ok(())
    }
}
