//! Sizes, and the closed list of places that may break a rule, each with its reason.

use super::{Finding, Rule};

pub const FILE_LINES_MAX: usize = 500;
pub const FUNCTION_LINES_MAX: usize = 70;
pub const ADR_LINES_MAX: usize = 60;
pub const ARCHITECTURE_LINES_MAX: usize = 300;

/// One file that may break one rule.
pub struct Exception {
    pub rule: Rule,
    pub path: &'static str,
    /// Why splitting or rewriting would make it worse.
    pub reason: &'static str,
}

/// An entry that excuses nothing is a finding itself, so the list can only shrink to the truth.
pub const EXCEPTIONS: &[Exception] = &[];

/// Takes out what the list excuses and adds a finding for each entry that excused nothing.
pub fn excuse(findings: Vec<Finding>) -> Vec<Finding> {
    excuse_by(findings, EXCEPTIONS)
}

fn excuse_by(findings: Vec<Finding>, exceptions: &[Exception]) -> Vec<Finding> {
    let excused = |finding: &Finding, exception: &Exception| {
        finding.rule == exception.rule && finding.path == exception.path && !exception.reason.is_empty()
    };
    let unused =
        exceptions.iter().filter(|exception| !findings.iter().any(|finding| excused(finding, exception)));
    let unused: Vec<Finding> = unused
        .map(|exception| Finding {
            path: exception.path.to_owned(),
            line: 1,
            rule: Rule::Exception,
            message: format!(
                "the exception from {} excuses nothing or gives no reason",
                exception.rule.name()
            ),
        })
        .collect();
    let kept = findings
        .into_iter()
        .filter(|finding| !exceptions.iter().any(|exception| excused(finding, exception)));
    kept.chain(unused).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG_TABLE: Exception = Exception { rule: Rule::FileSize, path: "a.rs", reason: "one table" };

    fn finding(rule: Rule, path: &str) -> Finding {
        Finding { path: path.to_owned(), line: 1, rule, message: String::new() }
    }

    #[test]
    fn an_exception_excuses_its_rule_in_its_file_only() {
        let findings = vec![
            finding(Rule::FileSize, "a.rs"),
            finding(Rule::FunctionSize, "a.rs"),
            finding(Rule::FileSize, "b.rs"),
        ];
        let left = excuse_by(findings, &[LONG_TABLE]);
        assert_eq!(left, [finding(Rule::FunctionSize, "a.rs"), finding(Rule::FileSize, "b.rs")]);
    }

    #[test]
    fn an_exception_that_excuses_nothing_is_a_finding() {
        let left = excuse_by(Vec::new(), &[LONG_TABLE]);
        assert_eq!(
            left[0].to_string(),
            "a.rs:1: exception: the exception from file-size excuses nothing or gives no reason"
        );
    }

    #[test]
    fn an_exception_without_a_reason_excuses_nothing() {
        let silent = Exception { reason: "", ..LONG_TABLE };
        assert_eq!(excuse_by(vec![finding(Rule::FileSize, "a.rs")], &[silent]).len(), 2);
    }
}
