//! A stage: a package under `target/` in which other texts take the place of
//! the learner's files. A starter, a planted bug, a variant and a learner's
//! test are judged here and never on the tree. It depends on the checkout's
//! library, so that is built once; all its cases are built by one cargo. Those
//! of a chapter about the whole program are tried on the overlay instead.

use crate::compile::{self, Built, Order, Running};
use crate::course::{self, Chapter, Course};
use crate::overlay::{self, Overlay};
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
        let target_dir = target_dir(course);
        let folder = target_dir.join(name);
        Ok(Stage {
            course,
            _lock: lock(&folder)?,
            folder,
            target_dir,
        })
    }

    /// Builds all cases in one go, but for those with a program of their own,
    /// and tries each with the tests whose names start with `only`; `done`
    /// hears of each.
    pub fn try_all(
        &self,
        cases: &[Case],
        only: &str,
        running: &Running,
        mut building: impl FnMut(&str),
        mut done: impl FnMut(&Case, &Tried),
    ) -> Result<()> {
        let built = self.build(cases, running, &mut building)?;
        let program = match cases.iter().any(|case| case.chapter.program) {
            true => Some(Overlay::take(self.course, overlay::PROGRAM)?),
            false => None,
        };
        for case in cases {
            let tried = match &program {
                Some(program) if case.chapter.program => {
                    let built = program.build_case(case, false, running, &mut building)?;
                    self.try_program(case, only, &built, running)?
                }
                _ => self.try_one(case, only, &built, running)?,
            };
            done(case, &tried);
        }
        Ok(())
    }

    /// Builds the cases that are tried here.
    fn build(
        &self,
        cases: &[Case],
        running: &Running,
        building: impl FnMut(&str),
    ) -> Result<Built> {
        let here: Vec<&Case> = (cases.iter())
            .filter(|case| !case.chapter.program)
            .collect();
        if here.is_empty() {
            return Ok(Built::default());
        }
        self.lay(&here)?;
        let targets: Vec<String> = here.iter().map(|case| case.target()).collect();
        let features = course::features(here.iter().map(|case| case.chapter));
        let order = Order {
            folder: &self.folder,
            target_dir: Some(&self.target_dir),
            build_dir: None,
            targets: &targets,
            program: false,
            mine: true,
            features: &features,
            colour: false,
        };
        compile::build(&order, running, building)
    }

    fn try_program(
        &self,
        case: &Case,
        only: &str,
        built: &Built,
        running: &Running,
    ) -> Result<Tried> {
        match built.binaries.get(&case.chapter.target()) {
            Some(binary) => self.run(case, only, binary, running),
            None => Ok(Tried::DoesNotCompile(built.all_errors())),
        }
    }

    fn try_one(&self, case: &Case, only: &str, built: &Built, running: &Running) -> Result<Tried> {
        if let Some(errors) = built.errors.get(&case.target()) {
            let text = errors.join("\n");
            let prefix = format!("{}/tests/../", case.folder());
            return Ok(Tried::DoesNotCompile(text.replace(&prefix, "")));
        }
        let Some(binary) = built.binaries.get(&case.target()) else {
            return Ok(Tried::DoesNotCompile(built.all_errors()));
        };
        self.run(case, only, binary, running)
    }

    fn run(&self, case: &Case, only: &str, binary: &Path, running: &Running) -> Result<Tried> {
        let source = read(&self.course.root.join(case.chapter.tests()))?;
        let trial = Trial {
            chapter: case.chapter,
            binary,
            folder: &self.course.root,
            source: &source,
            my_source: &case.my_tests,
            code: &case.code,
            running,
        };
        let mut tests = trial.list()?;
        tests.retain(|test| test.starts_with(only));
        Ok(Tried::Ran(trial.run(&tests)?))
    }

    fn lay(&self, cases: &[&Case]) -> Result<()> {
        let manifest = self.manifest(cases)?;
        write(&self.folder.join("Cargo.toml"), manifest.as_bytes())?;
        copy_cargo_lock(self.course, &self.folder)?;
        write(&self.folder.join("lib.rs"), b"")?;
        let fixtures = self.course.root.join("tests/fixtures");
        for case in cases {
            let folder = self.folder.join(case.folder());
            write(&folder.join(case.chapter.mine()), case.code.as_bytes())?;
            let my_tests = folder.join(case.chapter.my_tests());
            write(&my_tests, case.my_tests.as_bytes())?;
            let tests = case.chapter.tests();
            let text = read(&self.course.root.join(&tests))?;
            write(&folder.join(&tests), text.as_bytes())?;
            for fixture in files(&fixtures)? {
                let name = fixture.file_name().unwrap_or_default();
                let copy = folder.join("tests/fixtures").join(name);
                write(&copy, read(&fixture)?.as_bytes())?;
            }
        }
        Ok(())
    }

    /// The checkout's manifest, with the checkout's package as a dependency
    /// and each case as a test target.
    fn manifest(&self, cases: &[&Case]) -> Result<String> {
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
        let more = course::features(cases.iter().map(|case| case.chapter));
        let mut of_library = vec!["mine".to_string()];
        of_library.extend(more.iter().cloned());
        let library = Table::from_iter([
            (
                "path".to_string(),
                Value::from(self.course.root.display().to_string()),
            ),
            ("default-features".to_string(), Value::from(false)),
            ("features".to_string(), Value::from(of_library)),
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
        let mut features = Table::from_iter([("mine".to_string(), Value::Array(Vec::new()))]);
        for feature in more {
            let what = table.get("features").and_then(|it| it.get(&feature));
            let Some(what) = what else {
                let path = path.display();
                return Err(Trouble::course(format!("{path}: no feature {feature:?}")));
            };
            features.insert(feature, what.clone());
        }
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

/// Where cargo puts what it builds for the checkout.
pub fn target_dir(course: &Course) -> PathBuf {
    let named = std::env::var_os("CARGO_TARGET_DIR").unwrap_or_else(|| "target".into());
    course.root.join(named)
}

/// Takes the lock of a stage; another runner that has it is waited for.
pub fn lock(folder: &Path) -> Result<File> {
    let path = folder.join("lock");
    let lock = (fs::create_dir_all(folder).and_then(|()| File::create(&path)))
        .map_err(|error| Trouble::file("write", &path, error))?;
    if fs4::FileExt::try_lock(&lock).is_err() {
        note!(
            "another runner uses {}; waiting for it to finish",
            folder.display()
        );
        fs4::FileExt::lock(&lock).map_err(|error| Trouble::file("lock", &path, error))?;
    }
    Ok(lock)
}

/// Copies the checkout's `Cargo.lock` where it is new. Cargo takes out of the
/// copy what is not needed there, so it is not compared with the checkout's.
pub fn copy_cargo_lock(course: &Course, folder: &Path) -> Result<()> {
    let lock = course.root.join("Cargo.lock");
    if !lock.is_file() {
        return Ok(());
    }
    let (text, copy) = (read(&lock)?, folder.join("Cargo.lock"));
    if write(&folder.join("Cargo.lock.before"), text.as_bytes())? || !copy.is_file() {
        write(&copy, text.as_bytes())?;
    }
    Ok(())
}

pub fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|error| Trouble::file("read", path, error))
}

/// Writes a file of ours, only where it changes: cargo goes by the time. Says
/// whether it did.
pub fn write(path: &Path, text: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|old| old == text) {
        return Ok(false);
    }
    let folder = path.parent().unwrap_or(path);
    (fs::create_dir_all(folder).and_then(|()| fs::write(path, text)))
        .map(|()| true)
        .map_err(|error| Trouble::file("write", path, error))
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|error| Trouble::file("read", folder, error))?;
    Ok((entries.flatten().map(|entry| entry.path()))
        .filter(|path| path.is_file())
        .collect())
}
