//! A stage: a package under `target/` in which other texts take the place of
//! the learner's files. A starter, a planted bug, a variant and a learner's
//! test are judged here and never on the tree. It depends on the checkout's
//! library, so that is built once; all its cases are built by one cargo.

use crate::compile::{self, Built, Order, Running};
use crate::course::{Chapter, Course};
use crate::trial::Trial;
use crate::trouble::{Result, Trouble};
use crate::verdict::Verdict;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// One text in the place of `my/MODULE.rs`, and one in that of `my/tests/`.
pub struct Case<'a> {
    pub chapter: &'a Chapter,
    /// `starter`, `bug-no-reuse`, …
    pub name: String,
    pub code: String,
    pub my_tests: String,
}

pub struct Stage<'a> {
    course: &'a Course,
    folder: PathBuf,
    target_dir: PathBuf,
    /// Held for as long as the stage stands: a second runner waits.
    _lock: File,
}

pub enum Tried {
    /// What rustc printed.
    DoesNotCompile(String),
    Ran(Vec<Verdict>),
}

impl<'a> Stage<'a> {
    /// Takes the stage called `name`; another runner that has it is waited for.
    pub fn take(course: &'a Course, name: &str) -> Result<Stage<'a>> {
        let target_dir = match std::env::var_os("CARGO_TARGET_DIR") {
            Some(folder) => course.root.join(folder),
            None => course.root.join("target"),
        };
        let folder = target_dir.join(name);
        let path = folder.join("lock");
        let lock = (fs::create_dir_all(&folder).and_then(|()| File::create(&path)))
            .map_err(|error| Trouble::file("write", &path, error))?;
        if fs4::FileExt::try_lock(&lock).is_err() {
            note!(
                "another runner uses {}; waiting for it to finish",
                folder.display()
            );
            fs4::FileExt::lock(&lock).map_err(|error| Trouble::file("lock", &path, error))?;
        }
        Ok(Stage {
            course,
            folder,
            target_dir,
            _lock: lock,
        })
    }

    /// Builds all cases in one go and tries each with the tests whose names
    /// start with `only`; `done` hears of each.
    pub fn try_all(
        &self,
        cases: &[Case],
        only: &str,
        running: &Running,
        building: impl FnMut(&str),
        mut done: impl FnMut(&Case, &Tried),
    ) -> Result<()> {
        self.lay(cases)?;
        let targets: Vec<String> = cases.iter().map(Case::target).collect();
        let order = Order {
            folder: &self.folder,
            target_dir: Some(&self.target_dir),
            targets: &targets,
            mine: true,
            colour: false,
        };
        let built = compile::build(&order, running, building)?;
        for case in cases {
            let tried = self.try_one(case, only, &built)?;
            done(case, &tried);
        }
        Ok(())
    }

    fn try_one(&self, case: &Case, only: &str, built: &Built) -> Result<Tried> {
        if let Some(errors) = built.errors.get(&case.target()) {
            let text = errors.join("\n");
            let prefix = format!("{}/tests/../", case.folder());
            return Ok(Tried::DoesNotCompile(text.replace(&prefix, "")));
        }
        let Some(binary) = built.binaries.get(&case.target()) else {
            let errors: Vec<_> = built.errors.values().flatten().cloned().collect();
            return Ok(Tried::DoesNotCompile(errors.join("\n")));
        };
        let source = read(&self.course.root.join(case.chapter.tests()))?;
        let trial = Trial {
            chapter: case.chapter,
            binary,
            folder: &self.course.root,
            source: &source,
            my_source: &case.my_tests,
            code: &case.code,
        };
        let mut tests = trial.list()?;
        tests.retain(|test| test.starts_with(only));
        Ok(Tried::Ran(trial.run(&tests)?))
    }

    fn lay(&self, cases: &[Case]) -> Result<()> {
        write(&self.folder.join("Cargo.toml"), &self.manifest(cases)?)?;
        let lock = self.course.root.join("Cargo.lock");
        if lock.is_file() && !self.folder.join("Cargo.lock").is_file() {
            write(&self.folder.join("Cargo.lock"), &read(&lock)?)?;
        }
        write(&self.folder.join("lib.rs"), "")?;
        let fixtures = self.course.root.join("tests/fixtures");
        for case in cases {
            let folder = self.folder.join(case.folder());
            write(&folder.join(case.chapter.mine()), &case.code)?;
            write(&folder.join(case.chapter.my_tests()), &case.my_tests)?;
            let tests = case.chapter.tests();
            write(&folder.join(&tests), &read(&self.course.root.join(&tests))?)?;
            for fixture in files(&fixtures)? {
                let name = fixture.file_name().unwrap_or_default();
                write(&folder.join("tests/fixtures").join(name), &read(&fixture)?)?;
            }
        }
        Ok(())
    }

    /// The checkout's manifest, with the checkout's package as a dependency
    /// and each case as a test target.
    fn manifest(&self, cases: &[Case]) -> Result<String> {
        let path = self.course.root.join("Cargo.toml");
        let table: Table = toml::from_str(&read(&path)?)
            .map_err(|error| Trouble::course(format!("{}: {error}", path.display())))?;
        let package = &table["package"];
        let name = package["name"].as_str().unwrap_or_default();
        let inherited = |key: &str| match package.get(key) {
            Some(Value::String(text)) => text.clone(),
            _ => (table.get("workspace"))
                .and_then(|workspace| workspace.get("package")?.get(key)?.as_str())
                .unwrap_or("2024")
                .to_string(),
        };
        let mut dependencies = Table::new();
        for key in ["dependencies", "dev-dependencies"] {
            if let Some(Value::Table(more)) = table.get(key) {
                dependencies.extend(more.clone());
            }
        }
        let library = Table::from_iter([
            (
                "path".to_string(),
                Value::from(self.course.root.display().to_string()),
            ),
            ("default-features".to_string(), Value::from(false)),
            ("features".to_string(), Value::from(vec!["mine"])),
        ]);
        dependencies.insert(name.to_string(), library.into());
        let tests = cases.iter().map(|case| {
            let path = Path::new(&case.folder()).join(case.chapter.tests());
            Value::from(Table::from_iter([
                ("name".to_string(), Value::from(case.target())),
                ("path".to_string(), Value::from(path.display().to_string())),
            ]))
        });
        let mut stage = Table::new();
        stage.insert("workspace".into(), Table::new().into());
        let package = Table::from_iter([
            ("name".to_string(), Value::from("stage")),
            ("version".to_string(), Value::from("0.0.0")),
            ("edition".to_string(), Value::from(inherited("edition"))),
            ("autotests".to_string(), Value::from(false)),
        ]);
        stage.insert("package".into(), package.into());
        let lib = Table::from_iter([("path".to_string(), Value::from("lib.rs"))]);
        stage.insert("lib".into(), lib.into());
        let features = Table::from_iter([("mine".to_string(), Value::Array(Vec::new()))]);
        stage.insert("features".into(), features.into());
        stage.insert("dependencies".into(), dependencies.into());
        stage.insert("test".into(), tests.collect::<Vec<_>>().into());
        if let Some(profile) = table.get("profile") {
            stage.insert("profile".into(), profile.clone());
        }
        toml::to_string(&stage).map_err(|error| Trouble::course(error.to_string()))
    }
}

impl Case<'_> {
    fn folder(&self) -> String {
        format!("{}/{}", self.chapter.folder, self.name)
    }

    fn target(&self) -> String {
        format!("{}-{}", self.chapter.target(), self.name)
    }
}

pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Trouble::file("read", path, error))
}

/// Writes a file of ours, only where it changes: cargo goes by the time.
fn write(path: &Path, text: &str) -> Result<()> {
    if fs::read_to_string(path).is_ok_and(|old| old == text) {
        return Ok(());
    }
    let folder = path.parent().unwrap_or(path);
    (fs::create_dir_all(folder).and_then(|()| fs::write(path, text)))
        .map_err(|error| Trouble::file("write", path, error))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| Trouble::file("read", folder, error))?;
    Ok((entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .collect())
}
