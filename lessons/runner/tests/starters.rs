//! Whoever finishes a chapter can build the program with it. A module that is
//! green by its chapter's tests has to offer all that the rest of `src/` asks
//! it for: what its starter does not declare no learner will write.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::{Table, Value};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The modules of all chapters, each with its starter.
fn starters() -> Vec<(String, String)> {
    let chapters = fs::read_dir(root().join("lessons")).unwrap();
    let mut folders: Vec<PathBuf> = (chapters.map(|entry| entry.unwrap().path()))
        .filter(|folder| folder.join("lesson.toml").is_file())
        .collect();
    folders.sort();
    let starter = |folder: &PathBuf| {
        let lesson: Table = toml::from_str(&read(&folder.join("lesson.toml"))).unwrap();
        let module = lesson["module"].as_str().unwrap().to_owned();
        (module, read(&folder.join("starter.rs")))
    };
    folders.iter().map(starter).collect()
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        match path.is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).unwrap()),
        }
    }
}

/// The package alone: without the other members, and what is made of `tests/`.
fn manifest() -> String {
    let mut table: Table = toml::from_str(&read(&root().join("Cargo.toml"))).unwrap();
    table.remove("bench");
    if let Some(Value::Table(workspace)) = table.get_mut("workspace") {
        workspace.remove("members");
        workspace.remove("exclude");
    }
    toml::to_string(&table).unwrap()
}

/// For each two chapters there is a program in which the one is a starter and
/// the other the answer key: the starters are those whose numbers have a
/// certain bit, or have it not. So few programs do for all pairs.
#[test]
fn the_program_builds_on_every_starter() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("starters");
    let starters = starters();
    let bits = starters.len().next_power_of_two().ilog2();
    for (bit, value) in (0..bits).flat_map(|bit| [(bit, 0), (bit, 1)]) {
        copy(&root().join("src"), &folder.join("src"));
        fs::write(folder.join("Cargo.toml"), manifest()).unwrap();
        fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        for (number, (module, starter)) in starters.iter().enumerate() {
            if number >> bit & 1 == value {
                let file = folder.join("src").join(module).with_extension("rs");
                fs::write(file, starter).unwrap();
            }
        }
        let mut command = Command::new(env!("CARGO"));
        command.args(["check", "--quiet", "--lib", "--bins", "--target-dir"]);
        // Beside the others of its kind: the dependencies may be there already.
        command.arg(root().join("target")).current_dir(&folder);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        let from = text.find("\nerror").unwrap_or(0);
        assert!(output.status.success(), "\n{}", &text[from..]);
    }
}
