//! Checks `deploy/`: the configuration has every key with its default, and systemd accepts the unit.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use remora_control::Config;

const EXAMPLE: &str = "# For example:";

fn deploy(name: &str) -> String {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "../../deploy", name].iter().collect();
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A setting in the commented configuration.
struct Setting {
    section: String,
    line: String,
    is_example: bool,
}

impl Setting {
    fn key(&self) -> &str {
        self.line.split('=').next().expect("a first part").trim()
    }
}

fn settings(text: &str) -> Vec<Setting> {
    let (mut section, mut before, mut found) = (String::new(), "", Vec::new());
    for line in text.lines() {
        let said = line.strip_prefix('#').filter(|line| !line.starts_with(' ')).unwrap_or(line);
        if said.starts_with('[') {
            section = said.to_owned();
        } else if line != said {
            found.push(Setting { section: section.clone(), line: said.to_owned(), is_example: before == EXAMPLE });
        }
        before = line;
    }
    found
}

/// Returns the keys of a section, which the error about an unknown key lists.
fn keys(section: &str) -> BTreeSet<String> {
    let error = Config::parse(&format!("{section}\nno_such_key = 1\n")).expect_err("there is no such key").to_string();
    let (_, accepted) = error.split_once("expected").unwrap_or_else(|| panic!("{section}: {error}"));
    accepted.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

#[test]
fn the_commented_configuration_has_every_key() {
    let text = deploy("remora.toml");
    let mut said: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for setting in settings(&text) {
        said.entry(setting.section.clone()).or_default().insert(setting.key().to_owned());
    }
    for (section, said) in &said {
        assert_eq!(said, &keys(section), "{section}");
    }
    let sections: BTreeSet<String> = said
        .keys()
        .filter_map(|section| section.trim_matches(['[', ']']).split('.').next())
        .map(str::to_owned)
        .collect();
    assert_eq!(sections, keys(""));
    let sizes = keys("[sizes]").into_iter().map(|size| format!("[sizes.{size}]"));
    assert!(sizes.into_iter().all(|size| said.contains_key(&size)));
}

#[test]
fn every_value_is_the_default_or_marked_as_an_example() {
    let text = deploy("remora.toml");
    assert_eq!(Config::parse(&text).expect("it is right as it is"), Config::default());
    for setting in settings(&text).iter().filter(|setting| !setting.section.starts_with("[[")) {
        let Setting { section, line, is_example } = setting;
        let config = Config::parse(&format!("{section}\n{line}\n")).unwrap_or_else(|error| panic!("{line}: {error}"));
        assert_eq!(config == Config::default(), !is_example, "{section} {line}");
    }
    let uncommented: String = text
        .lines()
        .map(|line| line.strip_prefix('#').filter(|said| !said.starts_with(' ')).unwrap_or(line))
        .map(|line| format!("{line}\n"))
        .collect();
    let mut everything = Config::parse(&uncommented).expect("it is right with everything in it");
    // The file shows both kinds of credentials; a service uses one of them.
    everything.turn.secret = None;
    everything.check().expect("it makes sense");
}

#[test]
fn systemd_accepts_the_unit() {
    let unit = deploy("remora.service");
    assert!(unit.contains("KillMode=process"), "hosts must outlive a restart of the control plane");
    let directory = tempfile::tempdir().expect("a temporary directory");
    let path = directory.path().join("remora.service");
    let installed = unit.replace("/usr/local/bin/remora", env!("CARGO_BIN_EXE_remora"));
    fs::write(&path, installed).expect("it is writable");
    match Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output() {
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && !said.contains(&*path.to_string_lossy()), "{said}");
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("systemd-analyze is not here: the unit has not been checked");
        }
        Err(error) => panic!("systemd-analyze: {error}"),
    }
}

/// A control plane without render hosts does not depend on graphics or video.
#[test]
fn without_the_host_feature_there_is_no_renderer_and_no_encoder() {
    let tree = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO"))
            .args(["tree", "--package", "remora", "--edges", "normal", "--prefix", "none", "--offline"])
            .args(arguments)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
            .output()
            .expect("cargo runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect::<BTreeSet<_>>()
    };
    let (without, with) = (tree(&["--no-default-features"]), tree(&[]));
    for name in ["remora-host", "wgpu", "openh264-sys2", "str0m"] {
        assert!(with.contains(name) && !without.contains(name), "{name}");
    }
    assert!(without.contains("remora-control"));
}
