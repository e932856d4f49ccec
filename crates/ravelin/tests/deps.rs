//! `.ci/deps lab` brings servers that tests need and the machine must not run: over a package manager and a systemd that
//! are files of a directory.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const SERVERS: [&str; 5] =
    ["coturn.service", "iperf3.service", "rsyslog.service", "ssh.service", "ssh.socket"];

/// What the commands do: state of a unit is a file `NAME`, that it runs a file `NAME.runs`.
const COMMANDS: [(&str, &str); 5] = [
    ("id", "echo 0"),
    ("apt-cache", "exit 0"),
    (
        "apt-get",
        r#"[ "$1" = install ] || exit 0
for unit in coturn.service iperf3.service rsyslog.service ssh.service ssh.socket; do
    [ -e "$UNITS/$unit" ] && continue
    echo enabled >"$UNITS/$unit"
    if [ -x "$POLICY_RC_D" ]; then "$POLICY_RC_D" "$unit" start; else false; fi
    [ $? = 101 ] || : >"$UNITS/$unit.runs"
    [ "$FAILS" != "$unit" ] || exit 100
done"#,
    ),
    (
        "systemctl",
        r#"for unit; do :; done
case $1 in
    is-enabled) read -r state <"$UNITS/$unit" && echo "$state" ;;
    disable) [ -e "$UNITS/$unit" ] && echo disabled >"$UNITS/$unit" ;;
    stop) rm -f "$UNITS/$unit.runs" ;;
    *) exit 1 ;;
esac 2>/dev/null"#,
    ),
    ("update-rc.d", "exit 0"),
];

struct Machine {
    root: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for directory in ["bin", "units"] {
            fs::create_dir(root.path().join(directory)).unwrap();
        }
        for tool in ["bash", "chmod", "rm"] {
            let found =
                ["/bin", "/usr/bin"].map(|d| Path::new(d).join(tool)).into_iter().find(|p| p.exists());
            symlink(found.expect("a tool of every machine"), root.path().join("bin").join(tool)).unwrap();
        }
        let machine = Self { root };
        for (name, text) in COMMANDS {
            machine.script(&format!("bin/{name}"), &format!("#!/bin/bash\n{text}\n"));
        }
        machine
    }

    fn at(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn script(&self, path: &str, text: &str) {
        fs::write(self.at(path), text).unwrap();
        fs::set_permissions(self.at(path), fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Installs; `fails` is the unit at which the package manager gives up.
    fn install(&self, fails: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.ci/deps");
        let output = Command::new("/bin/bash")
            .arg(script)
            .arg("lab")
            .env_clear()
            .env("PATH", self.at("bin"))
            .env("UNITS", self.at("units"))
            .env("POLICY_RC_D", self.at("policy-rc.d"))
            .env("SYSTEMD_BOOTED", self.root.path())
            .env("FAILS", fails)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(said.contains("installing for the lab: "), "{output:?}");
    }

    /// The state of each unit, with `runs` behind it where it does.
    fn units(&self) -> Vec<String> {
        let state = |unit: &str| {
            let state = fs::read_to_string(self.at(&format!("units/{unit}"))).unwrap_or_default();
            let runs = if self.at(&format!("units/{unit}.runs")).exists() { " runs" } else { "" };
            format!("{unit} {}{runs}", state.trim())
        };
        SERVERS.map(state).to_vec()
    }
}

fn off() -> Vec<String> {
    SERVERS.map(|unit| format!("{unit} disabled")).to_vec()
}

#[test]
fn what_is_installed_is_neither_enabled_nor_started() {
    let machine = Machine::new();
    machine.install("");
    assert_eq!(machine.units(), off());
    assert!(!machine.at("policy-rc.d").exists(), "the machine may start services again");
}

#[test]
fn what_the_machine_had_stays_as_it_was() {
    let machine = Machine::new();
    for (unit, state, runs) in [("ssh.service", "enabled", true), ("rsyslog.service", "masked", false)] {
        fs::write(machine.at(&format!("units/{unit}")), state).unwrap();
        if runs {
            fs::write(machine.at(&format!("units/{unit}.runs")), "").unwrap();
        }
    }
    machine.install("");
    let mut expected = off();
    expected[2] = "rsyslog.service masked".into();
    expected[3] = "ssh.service enabled runs".into();
    assert_eq!(machine.units(), expected);
}

#[test]
fn a_policy_of_the_machine_is_kept_and_what_it_starts_is_stopped() {
    let machine = Machine::new();
    machine.script("policy-rc.d", "#!/bin/bash\nexit 104\n");
    machine.install("");
    assert_eq!(machine.units(), off());
    assert!(machine.at("policy-rc.d").exists());
}

/// Nor is it when the second try goes on from what the first one reached.
#[test]
fn an_installation_that_fails_leaves_nothing_on() {
    for fails in SERVERS {
        let machine = Machine::new();
        machine.install(fails);
        let on: Vec<_> =
            machine.units().into_iter().filter(|u| u.contains("enabled") || u.contains("runs")).collect();
        assert_eq!(on, Vec::<String>::new(), "{fails}");
        assert!(!machine.at("policy-rc.d").exists());
    }
}
