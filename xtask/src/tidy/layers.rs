//! The layer table: which crate may use which, and where a third-party crate may appear.
//!
//! Normal and build dependencies are judged. Development dependencies may look anywhere in the
//! workspace (a test may need the whole path), but third-party rules hold for them too.

use super::{Finding, Rule};
use serde::Deserialize;
use std::fs;
use std::path::Path;

/// A layer is a folder of crates; it may use the layers named and itself.
struct Layer {
    name: &'static str,
    folder: &'static str,
    uses: &'static [&'static str],
}

/// base < config | dataplane < compile < control < api < ravelin. Config and dataplane do not know
/// each other: `compile` is the lowest place that sees both. Conformance is a kit beside control: only
/// tests use it.
const LAYERS: &[Layer] = &[
    Layer { name: "base", folder: "crates/base/", uses: &[] },
    Layer { name: "config", folder: "crates/config/", uses: &["base"] },
    Layer { name: "dataplane", folder: "crates/dataplane/", uses: &["base"] },
    Layer { name: "compile", folder: "crates/compile/", uses: &["base", "config", "dataplane"] },
    Layer { name: "control", folder: "crates/control/", uses: &["base", "config", "dataplane", "compile"] },
    Layer {
        name: "conformance",
        folder: "crates/conformance/",
        uses: &["base", "config", "dataplane", "compile", "control"],
    },
    Layer {
        name: "api",
        folder: "crates/api/",
        uses: &["base", "config", "dataplane", "compile", "control"],
    },
    Layer {
        name: "ravelin",
        folder: "crates/ravelin/",
        uses: &["base", "config", "dataplane", "compile", "control", "api"],
    },
    Layer { name: "xtask", folder: "xtask/", uses: &[] },
];

/// Crates with a list of their own, narrower than their layer's.
struct Narrow {
    package: &'static str,
    uses: &'static [&'static str],
}

const NARROW: &[Narrow] = &[
    Narrow { package: "ravelin-contract", uses: &["ravelin-types", "ravelin-program"] },
    Narrow {
        package: "ravelin-program",
        uses: &["ravelin-types", "ravelin-mem", "ravelin-nat", "ravelin-filter", "ravelin-policer"],
    },
    Narrow { package: "ravelin-classify", uses: &["ravelin-types", "ravelin-mem"] },
    Narrow {
        package: "ravelin-engine",
        uses: &[
            "ravelin-types",
            "ravelin-wire",
            "ravelin-mem",
            "ravelin-program",
            "ravelin-contract",
            "ravelin-tcp",
            "ravelin-translate",
            "ravelin-classify",
            "ravelin-nat",
            "ravelin-screen",
            "ravelin-filter",
            "ravelin-policer",
        ],
    },
    Narrow { package: "ravelin-tcp", uses: &["ravelin-types", "ravelin-wire"] },
    Narrow { package: "ravelin-translate", uses: &["ravelin-types", "ravelin-wire"] },
    Narrow { package: "ravelin-nat", uses: &["ravelin-types"] },
    Narrow {
        package: "ravelin-screen",
        uses: &["ravelin-types", "ravelin-mem", "ravelin-wire", "ravelin-program"],
    },
    Narrow { package: "ravelin-filter", uses: &["ravelin-types", "ravelin-wire"] },
    Narrow { package: "ravelin-policer", uses: &["ravelin-types"] },
    Narrow {
        package: "ravelin-metrics",
        uses: &[
            "ravelin-types",
            "ravelin-program",
            "ravelin-contract",
            "ravelin-telemetry",
            "ravelin-commit",
            "ravelin-ops",
        ],
    },
    Narrow {
        package: "ravelin-remote",
        uses: &["ravelin-types", "ravelin-mem", "ravelin-program", "ravelin-contract"],
    },
];

/// A third-party crate and the only folders where it may be a dependency.
struct External {
    package: &'static str,
    folders: &'static [&'static str],
}

const EXTERNALS: &[External] = &[
    External { package: "tokio", folders: &["crates/control/", "crates/api/", "crates/ravelin/"] },
    External { package: "aya", folders: &["crates/dataplane/afxdp/"] },
    External { package: "rtnetlink", folders: &["crates/control/", "crates/ravelin/"] },
    External {
        package: "rustix",
        folders: &[
            "crates/base/mem/",
            "crates/config/store/",
            "crates/dataplane/afxdp/",
            "crates/dataplane/remote/",
            "crates/conformance/",
            "crates/control/",
            "crates/api/",
            "crates/ravelin/",
        ],
    },
    External { package: "hyper", folders: &["crates/api/"] },
    External { package: "prometheus-client", folders: &["crates/api/metrics/"] },
    External { package: "libc", folders: &["crates/base/mem/", "crates/conformance/", "crates/ravelin/"] },
    External { package: "reedline", folders: &["crates/api/cli/", "crates/ravelin/"] },
];

/// What tidy reads of `cargo metadata --no-deps`.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
    pub workspace_root: String,
}

#[derive(Debug, Deserialize)]
pub struct Package {
    pub name: String,
    pub manifest_path: String,
    pub dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
pub struct Dependency {
    pub name: String,
    /// `None` is a normal dependency, else `build` or `dev`.
    pub kind: Option<String>,
    /// The folder of a workspace crate; absent for third-party crates.
    pub path: Option<String>,
}

/// Judges one package's dependencies.
pub fn check(package: &Package, root: &Path) -> Vec<Finding> {
    let manifest = super::relative(Path::new(&package.manifest_path), root);
    let text = fs::read_to_string(&package.manifest_path).unwrap_or_default();
    let finding = |rule, name: &str, message| Finding {
        path: manifest.clone(),
        line: line_of(&text, name),
        rule,
        message,
    };
    let folder = manifest.strip_suffix("Cargo.toml").unwrap_or(&manifest);
    let Some(layer) = layer_of(folder) else {
        return vec![finding(Rule::Layer, &package.name, format!("`{folder}` is in no layer of the table"))];
    };
    let mut findings = Vec::new();
    for dependency in &package.dependencies {
        let verdict = match &dependency.path {
            Some(path) if dependency.kind.as_deref() != Some("dev") => {
                let target = format!("{}/", super::relative(Path::new(path), root));
                arrow(&package.name, layer, &dependency.name, &target).map(|message| (Rule::Layer, message))
            }
            Some(_) => None,
            None => external(folder, &dependency.name).map(|message| (Rule::External, message)),
        };
        if let Some((rule, message)) = verdict {
            findings.push(finding(rule, &dependency.name, message));
        }
    }
    findings
}

/// Why this workspace crate may not use that one, if so.
fn arrow(package: &str, layer: &Layer, used: &str, used_folder: &str) -> Option<String> {
    if let Some(narrow) = NARROW.iter().find(|narrow| narrow.package == package) {
        let allowed = narrow.uses.contains(&used);
        return (!allowed)
            .then(|| format!("`{package}` may use only {}, not `{used}`", narrow.uses.join(", ")));
    }
    match layer_of(used_folder) {
        None => Some(format!("`{used}` in `{used_folder}` is in no layer of the table")),
        Some(target) if target.name == layer.name || layer.uses.contains(&target.name) => None,
        Some(target) => Some(format!("{} may not use {}: `{used}`", layer.name, target.name)),
    }
}

fn external(folder: &str, used: &str) -> Option<String> {
    let rule = EXTERNALS.iter().find(|external| external.package == used)?;
    let allowed = rule.folders.iter().any(|allowed| folder.starts_with(allowed));
    (!allowed).then(|| format!("`{used}` may be used only in {}", rule.folders.join(", ")))
}

fn layer_of(folder: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| folder.starts_with(layer.folder))
}

fn line_of(manifest: &str, dependency: &str) -> usize {
    let named = |line: &str| {
        line.strip_prefix(dependency).is_some_and(|rest| rest.starts_with([' ', '=', '.']))
            || line.ends_with(&format!(".{dependency}]"))
    };
    manifest.lines().position(named).map_or(1, |index| index + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings for a package in `folder` whose dependencies are `(name, kind, folder)`.
    fn judge(name: &str, folder: &str, dependencies: &[(&str, Option<&str>, Option<&str>)]) -> Vec<String> {
        let dependencies = dependencies
            .iter()
            .map(|(name, kind, path)| Dependency {
                name: (*name).to_owned(),
                kind: kind.map(str::to_owned),
                path: path.map(|path| format!("/tree/{path}")),
            })
            .collect();
        let package = Package {
            name: name.to_owned(),
            manifest_path: format!("/tree/{folder}/Cargo.toml"),
            dependencies,
        };
        check(&package, Path::new("/tree")).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn every_layer_uses_only_layers_before_it() {
        for (index, layer) in LAYERS.iter().enumerate() {
            for used in layer.uses {
                let place = LAYERS.iter().position(|other| other.name == *used);
                assert!(place.is_some_and(|place| place < index), "{} uses {used}", layer.name);
            }
        }
    }

    #[test]
    fn an_arrow_down_is_fine() {
        let none: Vec<String> = Vec::new();
        let down = [("ravelin-types", None, Some("crates/base/types")), ("thiserror", None, None)];
        assert_eq!(judge("ravelin-compile", "crates/compile", &down), none);
    }

    #[test]
    fn an_arrow_up_is_a_finding() {
        let up = [("ravelin-compile", None, Some("crates/compile"))];
        assert_eq!(
            judge("ravelin-model", "crates/config/model", &up),
            ["crates/config/model/Cargo.toml:1: layer: config may not use compile: `ravelin-compile`"]
        );
    }

    #[test]
    fn configuration_and_dataplane_do_not_know_each_other() {
        let across = [("ravelin-model", None, Some("crates/config/model"))];
        assert_eq!(
            judge("ravelin-sim", "crates/dataplane/sim", &across),
            ["crates/dataplane/sim/Cargo.toml:1: layer: dataplane may not use config: `ravelin-model`"]
        );
    }

    #[test]
    fn a_build_dependency_counts_and_a_development_dependency_may_look_up() {
        let up = |kind| [("ravelin-compile", Some(kind), Some("crates/compile"))];
        assert_eq!(judge("ravelin-sim", "crates/dataplane/sim", &up("build")).len(), 1);
        assert_eq!(judge("ravelin-sim", "crates/dataplane/sim", &up("dev")).len(), 0);
    }

    #[test]
    fn the_contract_sees_no_engine_though_both_are_dataplane() {
        let engine = [("ravelin-engine", None, Some("crates/dataplane/engine"))];
        assert_eq!(
            judge("ravelin-contract", "crates/dataplane/contract", &engine),
            [
                "crates/dataplane/contract/Cargo.toml:1: layer: `ravelin-contract` may use only ravelin-types, \
                 ravelin-program, not `ravelin-engine`"
            ]
        );
    }

    #[test]
    fn the_engine_has_no_runtime_no_bpf_and_no_system_calls() {
        let outside = [("tokio", None, None), ("aya", None, None), ("rustix", Some("dev"), None)];
        let findings = judge("ravelin-engine", "crates/dataplane/engine", &outside);
        assert_eq!(findings.len(), 3, "{findings:?}");
        assert!(findings.iter().all(|line| line.contains(": external: ")));
    }

    #[test]
    fn tokio_is_for_control_api_and_the_binary() {
        let tokio = [("tokio", None, None)];
        for folder in ["crates/control/commit", "crates/api/cli", "crates/ravelin"] {
            assert_eq!(judge("any", folder, &tokio).len(), 0, "{folder}");
        }
        for folder in
            ["crates/base/types", "crates/config/store", "crates/dataplane/remote", "crates/compile"]
        {
            assert_eq!(judge("any", folder, &tokio).len(), 1, "{folder}");
        }
    }

    #[test]
    fn a_crate_outside_the_table_is_a_finding() {
        assert_eq!(
            judge("ravelin-new", "crates/new", &[]),
            ["crates/new/Cargo.toml:1: layer: `crates/new/` is in no layer of the table"]
        );
    }

    #[test]
    fn the_line_is_that_of_the_dependency() {
        let manifest = "[package]\nname = \"x\"\n[dependencies]\ntokio-util = \"1\"\ntokio = \"1\"\n[dependencies.aya]\n";
        assert_eq!(line_of(manifest, "tokio"), 5);
        assert_eq!(line_of(manifest, "aya"), 6);
        assert_eq!(line_of(manifest, "absent"), 1);
    }
}
