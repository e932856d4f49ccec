//! A secret is in the configuration and in what shows it; in nothing else.

use ravelin_schema::{Action, apply, load, read, refuse};
use ravelin_syntax::render;

const TEXT: &str = "\
system {
    root-authentication {
        encrypted-password $6$salt$hidden;
    }
}
security {
    ike {
        policy p {
            pre-shared-key ascii-text $9$hidden;
        }
    }
}
";

#[test]
fn secrets_are_shown_as_they_are() {
    let tree = read(TEXT).tree;
    assert_eq!(render::text(&tree), TEXT);
    assert_eq!(read(&render::set(&tree)).tree, tree);
}

#[test]
fn secrets_are_neither_in_findings_nor_in_debug_output() {
    let tree = read(TEXT).tree;
    let debug = format!("{tree:?}");
    assert!(!debug.contains("hidden") && debug.contains("<secret>"), "{debug}");
    let findings = refuse(&tree);
    assert_eq!(findings.len(), 2);
    assert!(findings.iter().all(|d| !d.line("f").contains("hidden")), "{findings:?}");
    let mut other = tree.clone();
    let warnings =
        load(&mut other, &[], Action::Merge, "system { root-authentication { delete: no-public-keys; } }");
    assert!(warnings.is_ok());
    apply(&mut other, &[], "protect system").expect("it is there");
    let line = "set system root-authentication encrypted-password \"$6$hidden\"";
    let errors = apply(&mut other, &[], line).expect_err("protected");
    assert!(errors.iter().all(|d| !format!("{d:?}").contains("hidden")), "{errors:?}");
    let text = "system { root-authentication { encrypted-password \"$6$hidden\"; } }";
    let errors = load(&mut other, &[], Action::Merge, text).expect_err("protected");
    assert!(errors.iter().all(|d| !format!("{d:?}").contains("hidden")), "{errors:?}");
    let long = format!("set system root-authentication encrypted-password hidden{}", "x".repeat(200));
    let errors = read(&long).diagnostics;
    assert!(!errors.is_empty() && errors.iter().all(|d| !format!("{d:?}").contains("hidden")), "{errors:?}");
}

/// Obscured, it is of another form than the secret in clear.
#[test]
fn an_obscured_secret_has_the_form_of_its_obscuring_alone() {
    let set = |word: &str| {
        read(&format!("set security ike policy p pre-shared-key hexadecimal \"{word}\"\n")).diagnostics
    };
    assert!(set("0123abcdef").is_empty());
    assert!(set("$9$KxWLxdgoGDi.aZ").is_empty() && set("$8$aes256-gcm$hmac-sha2-256$100$x").is_empty());
    assert_eq!(set("not hexadecimal").len(), 1);
    let length = format!("$9${}", "x".repeat(600));
    assert!(set(&length).is_empty(), "as long as it is obscured");
}
