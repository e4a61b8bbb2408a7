//! An overlay: a copy of the checkout's package under `target/`, in which other
//! texts take the place of its modules. The program that is built there is made
//! of them, so a chapter about the whole program is judged here. One text after
//! the other: each makes the same program.

use crate::compile::{self, Built, Order, Running};
use crate::course::{Chapter, Course};
use crate::process;
use crate::stage::{self, Case, read, write};
use crate::trouble::{Result, Trouble};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::{Table, Value};

/// The overlay of the chapters about a whole program.
pub const PROGRAM: &str = "program";
/// What of the checkout's manifest says things about folders that are not here.
const NOT_HERE: [&str; 3] = ["bench", "example", "test"];
/// The folders that are copied, and in which nothing else may lie.
const FOLDERS: [&str; 4] = ["src", "tests", "lessons", "my"];

pub struct Overlay<'a> {
    course: &'a Course,
    folder: PathBuf,
    /// Where cargo puts the program: not where the checkout's own lies.
    out: PathBuf,
    /// Where the checkout's dependencies are built already.
    target_dir: PathBuf,
    /// Held for as long as the program is this one: a second runner waits.
    _lock: File,
}

/// The texts that take the place of others, by their path in the checkout.
pub type Texts = BTreeMap<PathBuf, Vec<u8>>;

impl<'a> Overlay<'a> {
    /// Takes the overlay called `name`; another runner that has it is waited for.
    pub fn take(course: &'a Course, name: &str) -> Result<Overlay<'a>> {
        let target_dir = stage::target_dir(course);
        let folder = target_dir.join(name);
        Ok(Overlay {
            course,
            _lock: stage::lock(&folder)?,
            out: folder.join("build"),
            folder,
            target_dir,
        })
    }

    /// Builds the program and its chapter's tests on the texts of `case`.
    pub fn build_case(
        &self,
        case: &Case,
        colour: bool,
        running: &Running,
        done: impl FnMut(&str),
    ) -> Result<Built> {
        self.lay(&[case.chapter], self.texts(case))?;
        let targets = [case.chapter.target()];
        let mut built = self.build(&targets, &[], true, colour, running, done)?;
        for error in built.errors.values_mut().flatten() {
            *error = as_mine(case.chapter, error);
        }
        Ok(built)
    }

    fn texts(&self, case: &Case) -> Texts {
        let chapter = case.chapter;
        Texts::from([
            (chapter.answer(), case.code.clone().into()),
            (chapter.mine(), case.code.clone().into()),
            (chapter.my_tests(), case.my_tests.clone().into()),
        ])
    }

    /// Lays the package with the tests of `chapters`, and `texts` over it.
    pub fn lay(&self, chapters: &[&Chapter], texts: Texts) -> Result<()> {
        let mut all = Texts::new();
        let root = &self.course.root;
        for folder in ["src", "tests/fixtures"] {
            for path in files(&root.join(folder))? {
                let text = fs::read(&path).map_err(|error| Trouble::file("read", &path, error))?;
                all.insert(path.strip_prefix(root).unwrap_or(&path).into(), text);
            }
        }
        for chapter in chapters {
            for path in [chapter.tests(), chapter.part("answer_tests.rs")] {
                all.insert(path.clone(), read(&root.join(&path))?.into());
            }
        }
        all.extend(texts);
        for folder in FOLDERS {
            for path in files(&self.folder.join(folder))? {
                if !all.contains_key(path.strip_prefix(&self.folder).unwrap_or(&path)) {
                    fs::remove_file(&path)
                        .map_err(|error| Trouble::file("remove", &path, error))?;
                }
            }
        }
        for (path, text) in &all {
            write(&self.folder.join(path), text)?;
        }
        write(&self.folder.join("Cargo.toml"), self.manifest()?.as_bytes())?;
        stage::copy_cargo_lock(self.course, &self.folder)
    }

    /// Builds the program, with these features beside its default ones, and
    /// those tests.
    pub fn build(
        &self,
        targets: &[String],
        features: &[String],
        mine: bool,
        colour: bool,
        running: &Running,
        done: impl FnMut(&str),
    ) -> Result<Built> {
        let order = Order {
            folder: &self.folder,
            target_dir: Some(&self.out),
            build_dir: Some(&self.target_dir),
            targets,
            program: true,
            mine,
            features,
            colour,
        };
        compile::build(&order, running, done)
    }

    /// Lays the program where it can be run while the next one is built, and
    /// says where.
    pub fn keep(&self, program: &Path) -> Result<PathBuf> {
        let kept = self.folder.join(program.file_name().unwrap_or_default());
        let whole = kept.with_extension("new");
        // A program that runs cannot be written to, but its name can be given away.
        (fs::copy(program, &whole).and_then(|_| fs::rename(&whole, &kept)))
            .map_err(|error| Trouble::file("write", &kept, error))?;
        Ok(kept)
    }

    /// What clippy says of the case that lies here, with warnings as errors.
    pub fn lints(&self, case: &Case, more: &[&str]) -> Result<Option<String>> {
        self.lay(&[case.chapter], self.texts(case))?;
        let mut command = Command::new(compile::cargo());
        command.current_dir(&self.folder);
        command.args(["clippy", "--quiet", "--features", "mine", "--lib", "--bins"]);
        command.args(["--test", &case.chapter.target()]);
        command.arg("--target-dir").arg(&self.out);
        compile::share(&mut command, &self.target_dir);
        command.args(["--", "-D", "warnings"]).args(more);
        let output = process::output(&mut command).map_err(compile::no_cargo)?;
        let text = as_mine(case.chapter, &String::from_utf8_lossy(&output.stderr));
        Ok((!output.status.success()).then_some(text))
    }

    /// The checkout's manifest without its other members, and without what
    /// only the checkout has.
    fn manifest(&self) -> Result<String> {
        let path = self.course.root.join("Cargo.toml");
        let mut table: Table = toml::from_str(&read(&path)?)
            .map_err(|error| Trouble::course(format!("{}: {error}", path.display())))?;
        for key in NOT_HERE {
            table.remove(key);
        }
        let workspace = table
            .entry("workspace")
            .or_insert_with(|| Table::new().into());
        if let Value::Table(workspace) = workspace {
            for key in ["members", "default-members", "exclude"] {
                workspace.remove(key);
            }
        }
        self.keep_paths(&mut table);
        toml::to_string(&table).map_err(|error| Trouble::course(error.to_string()))
    }

    /// A dependency that lies beside the checkout is found from here, too.
    fn keep_paths(&self, table: &mut Table) {
        for (key, value) in table {
            let Value::Table(inner) = value else { continue };
            if !key.ends_with("dependencies") {
                self.keep_paths(inner);
                continue;
            }
            for dependency in inner.iter_mut().map(|(_, value)| value) {
                if let Some(Value::String(path)) = dependency.get_mut("path") {
                    *path = self.course.root.join(&path).display().to_string();
                }
            }
        }
    }
}

/// rustc's text, or a panic's, with the learner's path: here the file stands
/// where the answer key stands in the checkout.
pub fn as_mine(chapter: &Chapter, text: &str) -> String {
    let slashes = |path: PathBuf| path.display().to_string().replace('\\', "/");
    let (key, mine) = (slashes(chapter.answer()), slashes(chapter.mine()));
    text.replace("tests/../my/", "my/")
        .replace("tests\\../my/", "my/")
        .replace(&key, &mine)
        .replace(&key.replace('/', "\\"), &mine)
}

/// All files below `folder`; none where it is not there.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    if !folder.is_dir() {
        return Ok(found);
    }
    let entries = fs::read_dir(folder).map_err(|error| Trouble::file("read", folder, error))?;
    for entry in entries.flatten() {
        match entry.path() {
            path if path.is_dir() => found.extend(files(&path)?),
            path => found.push(path),
        }
    }
    Ok(found)
}
