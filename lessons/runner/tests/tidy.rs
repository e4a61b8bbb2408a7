//! The rules of the house, as tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use toml::{Table, Value};

/// The headings of a chapter that are not about one step.
const HEADINGS: [&str; 4] = [
    "## Predict",
    "## Your tests",
    "## In Python",
    "## Check yourself",
];

/// From this chapter on, tests and Python talk to each other.
const FIRST_WITH_PYTHON: &str = "08";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

struct Chapter {
    folder: PathBuf,
    name: String,
    lesson: Table,
}

impl Chapter {
    fn tests(&self) -> PathBuf {
        let target = format!("ch{}.rs", self.name.replace('-', "_"));
        root().join("tests").join(target)
    }

    fn answer(&self) -> PathBuf {
        let module = self.lesson["module"].as_str().unwrap();
        root().join("src").join(module).with_extension("rs")
    }

    fn list(&self, key: &str) -> Vec<&Value> {
        let list = self.lesson.get(key).and_then(Value::as_array);
        list.into_iter().flatten().collect()
    }

    /// The names of the tests, with their modules, as they stand in the files.
    fn test_names(&self) -> Vec<String> {
        let mut names = Vec::new();
        let mut module = String::new();
        for line in read(&self.tests()).lines() {
            if let Some(name) = line
                .strip_prefix("mod ")
                .and_then(|rest| rest.strip_suffix(" {"))
            {
                module = name.to_string();
            }
            if let Some(name) = function(line) {
                names.push(format!("{module}::{name}"));
            }
        }
        let answers = read(&self.folder.join("answer_tests.rs"));
        names.extend(
            answers
                .lines()
                .filter_map(function)
                .map(|name| format!("your_tests::{name}")),
        );
        names
    }
}

fn function(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("fn ")?.split('(').next()
}

fn chapters() -> Vec<Chapter> {
    let mut chapters: Vec<Chapter> = (fs::read_dir(root().join("lessons")).unwrap())
        .map(|entry| entry.unwrap().path())
        .filter(|folder| folder.join("lesson.toml").is_file())
        .map(|folder| Chapter {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            lesson: toml::from_str(&read(&folder.join("lesson.toml"))).unwrap(),
            folder,
        })
        .collect();
    chapters.sort_by(|a, b| a.name.cmp(&b.name));
    assert!(!chapters.is_empty(), "no chapter found");
    chapters
}

/// Says all that is wrong, not only the first.
#[track_caller]
fn none(wrong: Vec<String>) {
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
}

/// The blocks of a text that begin with ```` ```LANGUAGE ````.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}");
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_end() == fence {
            let block: Vec<&str> = lines
                .by_ref()
                .take_while(|line| !line.starts_with("```"))
                .collect();
            blocks.push(block.join("\n"));
        } else if line.starts_with("```") {
            lines.by_ref().find(|line| line.starts_with("```"));
        }
    }
    blocks
}

/// A text with each line's indentation gone, for a block may be moved as a whole.
fn flat(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines.join("\n")
}

/// Our own files with that ending, without what was built.
fn files(ending: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, ending: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let (path, name) = (entry.path(), entry.file_name());
            let ours =
                !["target", "my", ".git", "course"].contains(&name.to_string_lossy().as_ref());
            if path.is_dir() && ours {
                walk(&path, ending, found);
            } else if path.extension().is_some_and(|is| is == ending) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), ending, &mut found);
    found.sort();
    found
}

#[test]
fn every_chapter_has_its_parts() {
    let parts = [
        "README.md",
        "starter.rs",
        "starter_tests.rs",
        "answer_tests.rs",
        "lesson.toml",
    ];
    let mut wrong = Vec::new();
    for chapter in chapters() {
        let parts = parts.map(|part| chapter.folder.join(part));
        for part in parts.into_iter().chain([chapter.tests(), chapter.answer()]) {
            if fs::metadata(&part).map_or(0, |file| file.len()) == 0 {
                wrong.push(format!("{} lacks {}", chapter.name, part.display()));
            }
        }
        let (bugs, variants) = (chapter.list("bug").len(), chapter.list("variant").len());
        if bugs < 3 || variants < 1 {
            wrong.push(format!(
                "{}: {bugs} bugs and {variants} variants",
                chapter.name
            ));
        }
        let steps = chapter.list("step");
        if !steps.iter().any(|step| step.get("write").is_some()) {
            wrong.push(format!(
                "{}: no step in which the learner writes the test",
                chapter.name
            ));
        }
        for step in steps {
            if step["hints"].as_array().unwrap().len() != 3 {
                wrong.push(format!(
                    "{} {}: hints come in three levels",
                    chapter.name, step["id"]
                ));
            }
        }
    }
    none(wrong);
}

/// Of a chapter's text, code left out.
const WORDS: std::ops::RangeInclusive<usize> = 600..=1_200;

#[test]
fn every_chapter_is_as_long_as_one_reads_at_a_sitting() {
    for chapter in chapters() {
        let prose = without_code(&read(&chapter.folder.join("README.md")));
        let words = prose.split_whitespace().count();
        let name = &chapter.name;
        assert!(WORDS.contains(&words), "{name}: {words} words of prose");
    }
}

#[test]
fn every_chapter_has_the_fixed_headings() {
    let mut wrong = Vec::new();
    for chapter in chapters() {
        let text = read(&chapter.folder.join("README.md"));
        let prose = without_code(&text);
        let count = |heading: &str| {
            prose
                .lines()
                .filter(|line| line.trim_end() == heading)
                .count()
        };
        for heading in HEADINGS {
            if count(heading) != 1 {
                wrong.push(format!(
                    "{}: {heading:?} stands {} times",
                    chapter.name,
                    count(heading)
                ));
            }
        }
        let steps = chapter
            .list("step")
            .iter()
            .filter(|step| step.get("write").is_none())
            .count();
        for heading in ["### Red", "### Green", "### Refactor"] {
            if count(heading) < steps {
                wrong.push(format!(
                    "{}: {steps} steps, and {} times {heading:?}",
                    chapter.name,
                    count(heading)
                ));
            }
        }
        for step in 1..=steps {
            let heading = format!("## Step {step} · ");
            if !prose.lines().any(|line| line.starts_with(&heading)) {
                wrong.push(format!("{}: no {heading:?}", chapter.name));
            }
        }
    }
    none(wrong);
}

fn without_code(text: &str) -> String {
    let mut inside = false;
    let lines = text.lines().filter(|line| {
        let fence = line.starts_with("```");
        inside ^= fence;
        !inside && !fence
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn every_rust_block_stands_in_a_file_that_compiles() {
    let mut wrong = Vec::new();
    for chapter in chapters() {
        let mut sources = vec![chapter.tests(), chapter.answer()];
        sources.extend(
            ["starter.rs", "starter_tests.rs", "answer_tests.rs"]
                .map(|part| chapter.folder.join(part)),
        );
        sources.extend(
            files("rs")
                .into_iter()
                .filter(|path| path.starts_with(root().join("tests/fixtures"))),
        );
        let sources: Vec<String> = sources.iter().map(|path| flat(&read(path))).collect();
        for block in blocks(&read(&chapter.folder.join("README.md")), "rust") {
            if !sources
                .iter()
                .any(|source| source.contains(flat(&block).trim()))
            {
                wrong.push(format!("{}: stands in no file:\n{block}\n", chapter.name));
            }
        }
    }
    none(wrong);
}

#[test]
fn the_python_of_a_chapter_is_run_by_its_tests() {
    let mut wrong = Vec::new();
    // Before it, Python is only looked at.
    for chapter in chapters()
        .iter()
        .filter(|it| *it.name >= *FIRST_WITH_PYTHON)
    {
        let tests = read(&chapter.tests());
        let python = blocks(&read(&chapter.folder.join("README.md")), "python");
        if python.is_empty() {
            wrong.push(format!("{}: no Python", chapter.name));
        }
        for block in python.iter().filter(|block| !tests.contains(*block)) {
            wrong.push(format!("{}: no test runs:\n{block}\n", chapter.name));
        }
    }
    none(wrong);
}

#[test]
fn every_test_that_is_named_exists() {
    let mut wrong = Vec::new();
    for chapter in chapters() {
        let names = chapter.test_names();
        let mut used: Vec<String> = (chapter.list("bug").into_iter())
            .flat_map(|bug| bug["caught_by"].as_array().unwrap().clone())
            .map(|name| name.as_str().unwrap().to_string())
            .collect();
        let text = read(&chapter.folder.join("README.md"));
        let word = |c: char| !(c.is_alphanumeric() || c == '_' || c == ':');
        let in_text = text
            .split(word)
            .filter(|word| word.starts_with("step_") && word.contains("::"));
        used.extend(in_text.map(|word| word.trim_end_matches(':').to_string()));
        for name in used.into_iter().filter(|name| !names.contains(name)) {
            wrong.push(format!("{}: there is no test {name}", chapter.name));
        }
    }
    none(wrong);
}

/// In `src/conformance.md` a row is one of CPython's cases, and ours beside it.
#[test]
fn every_case_of_cpython_has_a_test_that_exists_or_a_reason() {
    let names: Vec<String> = chapters()
        .iter()
        .flat_map(|chapter| {
            let target = chapter.tests();
            let target = target.file_stem().unwrap().to_string_lossy().into_owned();
            let full = move |name| format!("{target}::{name}");
            chapter.test_names().into_iter().map(full)
        })
        .collect();
    let (mut wrong, mut cases) = (Vec::new(), 0);
    for row in read(&root().join("src/conformance.md")).lines() {
        let Some((case, ours)) = row
            .strip_prefix("| `")
            .and_then(|row| row.split_once("` | ").or(row.split_once(" | ")))
        else {
            continue;
        };
        cases += 1;
        let ours: Vec<&str> = ours.split('`').collect();
        let named: Vec<&&str> = ours.iter().filter(|word| word.contains("::")).collect();
        if named.is_empty() && !ours[0].starts_with("differs because ") {
            wrong.push(format!("{case}: neither a test nor a reason"));
        }
        let gone = named
            .iter()
            .filter(|name| !names.contains(&name.to_string()));
        wrong.extend(gone.map(|name| format!("{case}: there is no test {name}")));
    }
    assert!(cases >= 50, "{cases} cases are compared");
    none(wrong);
}

#[test]
fn what_a_lesson_names_is_there() {
    let mut wrong = Vec::new();
    for chapter in chapters() {
        let (starter, answer) = (
            read(&chapter.folder.join("starter.rs")),
            read(&chapter.answer()),
        );
        let bugs: Vec<&Value> = chapter.list("bug").iter().map(|bug| &bug["id"]).collect();
        for step in chapter.list("step") {
            let strings = |key: &str| {
                step.get(key)
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default()
            };
            for item in strings("edit") {
                let item = item.as_str().unwrap();
                let kinds = ["fn", "struct", "enum", "trait", "const"];
                let has = |text: &str| {
                    kinds
                        .iter()
                        .any(|kind| text.contains(&format!("{kind} {item}")))
                };
                if !has(&starter) || !has(&answer) {
                    wrong.push(format!(
                        "{} {}: {item} is not in both files",
                        chapter.name, step["id"]
                    ));
                }
            }
            for bug in strings("catches").iter().filter(|bug| !bugs.contains(bug)) {
                wrong.push(format!(
                    "{} {}: there is no bug {bug}",
                    chapter.name, step["id"]
                ));
            }
        }
    }
    none(wrong);
}

#[test]
fn links_inside_the_repository_lead_somewhere() {
    let mut wrong = Vec::new();
    for file in files("md") {
        let text = without_code(&read(&file));
        for link in text
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let path = link.split('#').next().unwrap_or_default();
            if path.is_empty() || path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            if !file.parent().unwrap().join(path).exists() {
                wrong.push(format!("{}: {link} leads nowhere", file.display()));
            }
        }
    }
    none(wrong);
}

#[test]
fn nothing_of_the_learners_is_tracked() {
    let output = Command::new("git")
        .current_dir(root())
        .args(["ls-files", "my"])
        .output();
    // A copy without git tracks nothing.
    let tracked = output.map(|output| output.stdout).unwrap_or_default();
    assert_eq!(String::from_utf8_lossy(&tracked), "");
}

#[test]
fn no_test_sleeps_and_none_is_ignored() {
    let mut wrong = Vec::new();
    for file in files("rs")
        .into_iter()
        .filter(|file| !file.ends_with("tidy.rs"))
    {
        let ours = file.strip_prefix(root()).unwrap();
        let judged = ours.starts_with("tests")
            || ours.starts_with("src")
            || ours.ends_with("answer_tests.rs");
        for (number, line) in read(&file).lines().enumerate() {
            if judged && (line.contains("sleep(") || line.contains("#[ignore")) {
                wrong.push(format!(
                    "{}:{}: {}",
                    ours.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    none(wrong);
}

#[test]
fn the_answer_key_never_unwraps() {
    let mut wrong = Vec::new();
    for file in files("rs")
        .into_iter()
        .filter(|file| file.starts_with(root().join("src")))
    {
        for (number, line) in read(&file).lines().enumerate() {
            if line.contains(".unwrap()") || line.contains(".expect(") || line.contains("todo!(") {
                wrong.push(format!(
                    "{}:{}: {}",
                    file.display(),
                    number + 1,
                    line.trim()
                ));
            }
        }
    }
    none(wrong);
}
