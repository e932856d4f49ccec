//! A configuration that is a list of `set` lines.

use ravelin_ops::{
    Against, Candidate, CommitRecord, CommitReport, ConfigMode, Form, LoadKind, Outcome, Problem, Verb,
};

#[derive(Default)]
pub struct FakeConfig {
    pub candidate: Vec<String>,
    pub active: Vec<String>,
    pub history: Vec<CommitRecord>,
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
    fn edit(&mut self, at: &[String], verb: Verb, rest: &str) -> Outcome<()> {
        let line = [at.join(" "), rest.to_owned()].join(" ").trim().to_owned();
        match verb {
            Verb::Set => self.candidate.push(line),
            _ => self.candidate.retain(|l| !l.starts_with(&line)),
        }
        Ok(())
    }
    fn edit_exists(&self, path: &[String]) -> bool {
        path[0] == "security"
    }
    fn compare(&self, against: Against) -> Outcome<String> {
        match against {
            Against::Active if self.candidate == self.active => Ok(String::new()),
            Against::Active => Ok("[edit]\n+  changed;\n".into()),
            Against::Rollback(n) => Ok(format!("against {n}\n")),
        }
    }
    fn check(&mut self) -> Outcome<Vec<Problem>> {
        match self.refusals() {
            list if list.is_empty() => Ok(Vec::new()),
            list => Err(list),
        }
    }
    fn commit(&mut self, user: &str, comment: Option<&str>) -> Outcome<CommitReport> {
        self.check()?;
        self.active = self.candidate.clone();
        let record = CommitRecord {
            number: 0,
            time_s: 1_795_238_340,
            user: user.into(),
            client: "cli".into(),
            comment: comment.map(str::to_owned),
        };
        self.history.insert(0, record);
        let warning = Problem::of("warning: first commit");
        Ok(CommitReport { warnings: if self.history.len() == 1 { vec![warning] } else { Vec::new() } })
    }
    fn rollback(&mut self, number: u32) -> Outcome<()> {
        if number > 0 {
            return Err(vec![Problem::of("no such rollback")]);
        }
        self.candidate = self.active.clone();
        Ok(())
    }
    fn load(&mut self, at: &[String], _: LoadKind, text: &str) -> Outcome<()> {
        self.candidate = text.lines().map(|l| format!("{} {l}", at.join(" ")).trim().to_owned()).collect();
        Ok(())
    }
    fn history(&self) -> Vec<CommitRecord> {
        self.history.clone()
    }
    fn rollback_text(&self, number: u32) -> Outcome<String> {
        Ok(format!("configuration {number}\n"))
    }
    fn compare_rollbacks(&self, old: u32, new: u32) -> Outcome<String> {
        Ok(format!("{old} to {new}\n"))
    }
    fn complete(&self, at: &[String], _: Verb, words: &[&str], _: &str) -> Vec<Candidate> {
        match (at.len(), words) {
            (0, []) => vec![Candidate::new("security", "Security"), Candidate::new("system", "System")],
            (0, ["security"]) | (1, []) => vec![Candidate::new("zones", "Zones")],
            _ => Vec::new(),
        }
    }
}
