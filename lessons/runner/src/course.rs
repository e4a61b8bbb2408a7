//! The course as it lies on the disk: a folder is a chapter by being there.

use crate::trouble::{Result, Trouble};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

pub struct Course {
    /// The checkout.
    pub root: PathBuf,
    pub chapters: Vec<Chapter>,
}

/// A chapter: what `lesson.toml` says, and what its folder's name says.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chapter {
    /// `02-bind`.
    #[serde(skip)]
    pub folder: String,
    pub title: String,
    /// `socket/bind` for `src/socket/bind.rs` and `my/socket/bind.rs`.
    pub module: String,
    /// How long a learner needs, roughly.
    pub minutes: u32,
    /// Seconds that one test may take before it hangs.
    #[serde(default = "five")]
    pub deadline: u64,
    /// The subject is the whole program: it is judged in the program's own
    /// place, with the program built of it.
    #[serde(default)]
    pub program: bool,
    /// Cargo features of the checkout's package that the module needs.
    #[serde(default)]
    pub features: Vec<String>,
    /// The tests run on what `lesson mine` built, too.
    #[serde(default)]
    pub together: bool,
    #[serde(rename = "step")]
    pub steps: Vec<Step>,
    #[serde(rename = "bug", default)]
    pub bugs: Vec<Change>,
    #[serde(rename = "variant", default)]
    pub variants: Vec<Change>,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// The module in the chapter's tests.
    pub id: String,
    pub title: String,
    /// The functions or types that the step is about.
    #[serde(default)]
    pub edit: Vec<String>,
    /// What each of its tests says on the starter.
    pub red: String,
    pub hints: Vec<String>,
    pub refactor: String,
    /// In a step in which the learner writes the test: what to write, …
    pub write: Option<String>,
    /// … and the ids of the bugs that it has to catch.
    #[serde(default)]
    pub catches: Vec<String>,
}

/// One change to the answer key: a planted bug, or an odd but right variant.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Change {
    pub id: String,
    pub title: String,
    pub find: String,
    pub replace: String,
    /// A bug: exactly the tests that fail.
    #[serde(default)]
    pub caught_by: Vec<String>,
    /// A bug: what to ask a learner who has it.
    #[serde(default)]
    #[allow(dead_code)]
    pub tell: String,
}

fn five() -> u64 {
    5
}

impl Course {
    /// Reads the course of the checkout at `root`.
    pub fn read(root: PathBuf) -> Result<Course> {
        let lessons = root.join("lessons");
        let mut folders: Vec<String> = fs::read_dir(&lessons)
            .map_err(|error| Trouble::file("read", &lessons, error))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| lessons.join(name).join("lesson.toml").is_file())
            .collect();
        folders.sort();
        let chapters = (folders.into_iter())
            .map(|folder| Chapter::read(&lessons, folder))
            .collect::<Result<_>>()?;
        Ok(Course { root, chapters })
    }

    /// Finds the chapter that a person means: `02`, `2`, `bind`, `02-bind`, `ch02_bind`.
    pub fn chapter(&self, wish: &str) -> Result<&Chapter> {
        let wanted = wish.trim().to_lowercase();
        let names = |chapter: &Chapter| {
            let number = chapter.number().trim_start_matches('0');
            [
                chapter.folder.clone(),
                chapter.number().to_string(),
                if number.is_empty() { "0" } else { number }.to_string(),
                chapter.id().to_string(),
                format!("ch{}", chapter.number()),
                chapter.target(),
            ]
        };
        let found = (self.chapters.iter()).find(|chapter| names(chapter).contains(&wanted));
        found.ok_or_else(|| {
            let mut near: Vec<(f64, &str)> = (self.chapters.iter())
                .map(|chapter| {
                    let best = (names(chapter).iter())
                        .map(|name| strsim::jaro_winkler(name, &wanted))
                        .fold(0.0, f64::max);
                    (best, chapter.folder.as_str())
                })
                .collect();
            near.sort_by(|a, b| b.0.total_cmp(&a.0));
            let near: Vec<&str> = near.iter().take(3).map(|(_, name)| *name).collect();
            Trouble::usage(format!(
                "there is no chapter {wish:?}; the nearest are {} (`cargo lesson list` shows all)",
                near.join(", ")
            ))
        })
    }

    /// The chapters that a command is about: the one named, or all.
    pub fn chosen(&self, wish: Option<&str>) -> Result<Vec<&Chapter>> {
        match wish {
            Some(wish) if !wish.is_empty() => Ok(vec![self.chapter(wish)?]),
            _ => Ok(self.chapters.iter().collect()),
        }
    }

    /// A path as people read it: from the checkout, with `/`.
    pub fn short(&self, path: &Path) -> String {
        let path = path.strip_prefix(&self.root).unwrap_or(path);
        path.display().to_string().replace('\\', "/")
    }
}

/// The Cargo features that these chapters need, all together.
pub fn features<'a>(chapters: impl IntoIterator<Item = &'a Chapter>) -> Vec<String> {
    let chapters = chapters.into_iter();
    let all: BTreeSet<&String> = chapters.flat_map(|chapter| &chapter.features).collect();
    all.into_iter().cloned().collect()
}

impl Chapter {
    fn read(lessons: &Path, folder: String) -> Result<Chapter> {
        let path = lessons.join(&folder).join("lesson.toml");
        let text =
            fs::read_to_string(&path).map_err(|error| Trouble::file("read", &path, error))?;
        let chapter: Chapter = toml::from_str(&text)
            .map_err(|error| Trouble::course(format!("{}: {error}", path.display())))?;
        Ok(Chapter { folder, ..chapter })
    }

    /// `02` of `02-bind`; empty where the folder has no number.
    pub fn number(&self) -> &str {
        match self.folder.split_once('-') {
            Some((number, _)) if number.bytes().all(|b| b.is_ascii_digit()) => number,
            _ => "",
        }
    }

    /// `bind` of `02-bind`: the name that stays when chapters move.
    pub fn id(&self) -> &str {
        match self.number() {
            "" => &self.folder,
            number => &self.folder[number.len() + 1..],
        }
    }

    /// `ch02_bind`: the test target, and its file in `tests/`.
    pub fn target(&self) -> String {
        format!("ch{}_{}", self.number(), self.id().replace('-', "_"))
    }

    pub fn tests(&self) -> PathBuf {
        Path::new("tests").join(self.target()).with_extension("rs")
    }

    /// The file in the chapter's own folder.
    pub fn part(&self, name: &str) -> PathBuf {
        Path::new("lessons").join(&self.folder).join(name)
    }

    /// The learner's file.
    pub fn mine(&self) -> PathBuf {
        Path::new("my").join(&self.module).with_extension("rs")
    }

    /// The file with the learner's own tests.
    pub fn my_tests(&self) -> PathBuf {
        let module = Path::new(&self.module);
        let name = module.file_name().unwrap_or(module.as_os_str());
        Path::new("my/tests").join(name).with_extension("rs")
    }

    pub fn answer(&self) -> PathBuf {
        Path::new("src").join(&self.module).with_extension("rs")
    }

    /// The step that a test belongs to: `step_2` of `step_2::a_claim`.
    pub fn step_of(&self, test: &str) -> Option<usize> {
        let module = test.split("::").next()?;
        self.steps.iter().position(|step| step.id == module)
    }
}

impl Change {
    /// Makes the change in the answer key's text.
    pub fn apply(&self, answer: &str) -> Result<String> {
        match answer.matches(&self.find).count() {
            1 => Ok(answer.replacen(&self.find, &self.replace, 1)),
            count => Err(Trouble::course(format!(
                "{:?}: its `find` stands {count} times in the answer key, and has to stand once",
                self.id
            ))),
        }
    }
}
