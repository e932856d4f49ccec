//! Features of dependencies that the workspace's tests turn on beside those of the product.
//!
//! Namespace tests run the binary that was built with the unit tests: what is said here is all that it differs in from
//! the one that `cargo build --package ravelin` makes. A feature that the product lacks would go unnoticed otherwise.

use std::collections::{BTreeMap, BTreeSet};

use super::{Finding, Rule, TidyError, cargo};

/// Crate and feature, none of which changes what the product does.
const TESTS_ONLY: [(&str, &str); 4] =
    [("getrandom", "std"), ("getrandom", "sys_rng"), ("tokio", "test-util"), ("zerocopy", "simd")];

/// What is built, by cargo's way to name it.
const PRODUCT: [&str; 4] = ["--package", "ravelin", "--edges", "normal,build"];
const TESTS: [&str; 3] = ["--workspace", "--edges", "normal,build,dev"];

/// Features by crate and version.
type Features = BTreeMap<String, BTreeSet<String>>;

pub fn check() -> Result<Vec<Finding>, TidyError> {
    Ok(judge(&features(&PRODUCT)?, &features(&TESTS)?, &TESTS_ONLY))
}

fn features(what: &[&str]) -> Result<Features, TidyError> {
    let form = ["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}"];
    let tree = cargo(&[&form, what].concat())?;
    Ok(parse(&String::from_utf8_lossy(&tree)))
}

/// Lines such as `tokio v1.54.1|fs,net (*)`.
fn parse(tree: &str) -> Features {
    let mut all = Features::new();
    for (package, features) in tree.lines().filter_map(|line| line.split_once('|')) {
        let features = features.split(' ').next().unwrap_or_default();
        let features = features.split(',').filter(|name| !name.is_empty()).map(str::to_owned);
        all.entry(package.to_owned()).or_default().extend(features);
    }
    all
}

fn judge(product: &Features, tests: &Features, known: &[(&str, &str)]) -> Vec<Finding> {
    let finding = |rule, message| Finding { path: "Cargo.toml".to_owned(), line: 1, rule, message };
    let mut unseen: BTreeSet<_> = known.iter().copied().collect();
    let mut findings = Vec::new();
    for (package, of_product) in product {
        let Some(of_tests) = tests.get(package) else { continue };
        let name = package.split(' ').next().unwrap_or_default();
        for feature in of_tests.difference(of_product) {
            let pair = (name, feature.as_str());
            unseen.remove(&pair);
            if !known.contains(&pair) {
                let message =
                    format!("tests turn on `{feature}` of {name}, which the product is built without");
                findings.push(finding(Rule::Feature, message));
            }
        }
    }
    findings.extend(unseen.into_iter().map(|(name, feature)| {
        finding(Rule::Exception, format!("no test turns on `{feature}` of {name} any more"))
    }));
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn features_of_tests_alone_are_found_by_crate() {
        let product = parse("ravelin v0.1.0 (/x)|\nnet v1.0.0|fs\nrand v0.2.0|\nrand v0.4.0|std\n");
        let tests = parse(
            "net v1.0.0|fs,mock,test\nnet v1.0.0|fs,mock,test (*)\nrand v0.2.0|\nrand v0.4.0|std\nother v1.0.0|a\n",
        );
        let known = [("net", "test"), ("rand", "sys")];
        let said: Vec<_> = judge(&product, &tests, &known).iter().map(ToString::to_string).collect();
        assert_eq!(
            said,
            [
                "Cargo.toml:1: feature: tests turn on `mock` of net, which the product is built without",
                "Cargo.toml:1: exception: no test turns on `sys` of rand any more",
            ]
        );
    }
}
