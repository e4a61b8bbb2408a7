//! Whoever finishes a chapter can build the program with it. A module that is
//! green by its chapter's tests has to offer all that the rest of `src/` asks
//! it for: what its starter does not declare no learner will write.

use std::collections::{BTreeMap, BTreeSet};
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

/// All files below a folder, and what is in them.
fn files(folder: &Path) -> BTreeMap<PathBuf, String> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let below = entries.flat_map(|path| match path.is_dir() {
        true => files(&path),
        false => BTreeMap::from([(path.clone(), read(&path))]),
    });
    below.collect()
}

/// Writes only what has changed: cargo checks nothing twice.
fn write(path: &Path, text: &str) {
    if !fs::read_to_string(path).is_ok_and(|before| before == text) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

/// The package alone: without the other members, and what is made of `tests/`.
/// Its version is its own, or cargo would take one of them for another, or for
/// the package itself.
fn manifest(bit: u32, value: usize) -> String {
    let mut table: Table = toml::from_str(&read(&root().join("Cargo.toml"))).unwrap();
    table.remove("bench");
    let version = format!("9.{bit}.{value}");
    table["package"]["version"] = Value::String(version);
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
    let (root, starters) = (root(), starters());
    let bits = starters.len().next_power_of_two().ilog2();
    for (bit, value) in (0..bits).flat_map(|bit| [(bit, 0), (bit, 1)]) {
        let name = format!("starters/{bit}-{value}");
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let mut program = files(&root.join("src"));
        for (number, (module, starter)) in starters.iter().enumerate() {
            if number >> bit & 1 == value {
                let file = root.join("src").join(module).with_extension("rs");
                program.insert(file, starter.clone());
            }
        }
        program.insert(root.join("Cargo.toml"), manifest(bit, value));
        program.insert(root.join("Cargo.lock"), read(&root.join("Cargo.lock")));
        let ours = |file: &PathBuf| folder.join(file.strip_prefix(&root).unwrap());
        let here: BTreeSet<PathBuf> = program.keys().map(ours).collect();
        fs::create_dir_all(&folder).unwrap();
        // One that was moved away would still be found.
        for gone in files(&folder).into_keys().filter(|it| !here.contains(it)) {
            fs::remove_file(gone).unwrap();
        }
        for (file, text) in &program {
            write(&ours(file), text);
        }
        let mut command = Command::new(env!("CARGO"));
        command.args(["check", "--quiet", "--lib", "--bins", "--target-dir"]);
        // Beside the others of its kind: the dependencies may be there already.
        command.arg(root.join("target")).current_dir(&folder);
        let output = command.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        let from = text.find("\nerror").unwrap_or(0);
        assert!(output.status.success(), "\n{}", &text[from..]);
    }
}
