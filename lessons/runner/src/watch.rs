//! The main job on a terminal: one channel, on which keys, saves and verdicts
//! arrive, and one loop that answers them.

use crate::answer;
use crate::compile::Running;
use crate::course::Course;
use crate::fingerprint::fingerprint;
use crate::gate::{self, Since};
use crate::journal::{Entry, Event, Journal};
use crate::lesson::record;
use crate::look::{Found, look};
use crate::mine;
use crate::process;
use crate::screen;
use crate::terminal;
use crate::trouble::{Result, Trouble};
use console::{Key, Term, style};
use notify::event::ModifyKind;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::thread::{self, JoinHandle};

enum News {
    Key(Key),
    /// Something in `my/` or the tests was written.
    Saved,
    /// `my/` was made anew: another folder than the one that is watched.
    Anew,
    /// The verdict of the look with that number.
    Judged(u64, Result<Found>),
}

struct Watch {
    course: Arc<Course>,
    journal: Journal,
    /// Where the learner is; `None` where all is done.
    at: Option<(usize, usize)>,
    found: Option<Found>,
    /// The files as they were when the step went green.
    since: Option<Since>,
    /// The hints shown for this step.
    hints: usize,
    /// What to say below the next verdict.
    note: String,
    /// A key that asks to be pressed once more.
    asked: Option<char>,
    /// Each look has a number: a verdict that comes too late is thrown away.
    look: u64,
    running: Running,
    /// What makes the look; the next one begins when it has ended.
    looking: Option<JoinHandle<()>>,
    /// The texts that were judged last: the learner's two, and the chapter's tests.
    judged: Vec<Vec<u8>>,
    keys: bool,
    tell: Sender<News>,
}

const KEYS: &str = "h hint · l list · n next · r run again · e edit · a answer · x reset · q quit";
const GREEN_KEYS: &str = "n next, through the gate · s skip the refactoring · l list · r run again · e edit · a answer · x reset · q quit";

/// Watches until `q`, Ctrl-C or, without keys, for ever.
pub fn watch(course: &Course, keys: bool) -> Result<u8> {
    let _lock = alone(course)?;
    let mut journal = Journal::read(course);
    let made = mine::make(course, &mut journal)?;
    if made > 0 {
        say!("{}\n", screen::welcome(made));
    }
    let (tell, news) = mpsc::channel();
    let mut watcher = watcher(course, tell.clone())?;
    terminal::remember();
    let wanted = keys.then(|| key_reader(tell.clone()));
    let mut watch = Watch {
        course: Arc::new(Course {
            root: course.root.clone(),
            chapters: course.chapters.clone(),
        }),
        at: journal.position(course),
        journal,
        found: None,
        since: None,
        hints: 0,
        note: String::new(),
        asked: None,
        look: 0,
        running: Running::default(),
        looking: None,
        judged: Vec::new(),
        keys,
        tell,
    };
    watch.judge();
    let ended = watch.answer_all(&news, &mut watcher, wanted.as_ref());
    if keys && ended.is_err() {
        // The sentence takes the place of `judging …`.
        print!("\r\x1b[K");
        std::io::Write::flush(&mut std::io::stdout()).ok();
    }
    ended
}

/// Takes the lock of the checkout: two that watch would talk into one another.
fn alone(course: &Course) -> Result<File> {
    let path = course.root.join("target/lesson.lock");
    let lock = (std::fs::create_dir_all(course.root.join("target"))
        .and_then(|()| File::create(&path)))
    .map_err(|error| Trouble::file("write", &path, error))?;
    match fs4::FileExt::try_lock(&lock) {
        Ok(()) => Ok(lock),
        Err(_) => Err(Trouble::course(
            "another lesson watches this checkout: go on there, or quit it with q".to_string(),
        )),
    }
}

fn watcher(course: &Course, tell: Sender<News>) -> Result<RecommendedWatcher> {
    let trouble = |error: notify::Error| Trouble::course(format!("cannot watch my/: {error}"));
    let my = course.root.join("my");
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let Ok(event) = event else { return };
        // Reading is no saving, and our own reading would wake us for ever.
        if event.kind.is_access() {
            return;
        }
        let renamed = matches!(event.kind, EventKind::Modify(ModifyKind::Name(_)));
        let anew = (event.kind.is_create() || renamed) && event.paths.contains(&my);
        tell.send(if anew { News::Anew } else { News::Saved }).ok();
    })
    .map_err(trouble)?;
    // Who watches a folder does not see another one take its name.
    watcher
        .watch(&course.root, RecursiveMode::NonRecursive)
        .map_err(trouble)?;
    for folder in ["my", "tests"] {
        watcher
            .watch(&course.root.join(folder), RecursiveMode::Recursive)
            .map_err(trouble)?;
    }
    Ok(watcher)
}

/// Reads a key each time that one is wanted: between two keys the terminal is
/// as it was, so that an editor can have it, and so that we leave it so.
fn key_reader(tell: Sender<News>) -> SyncSender<()> {
    let (want, wanted) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let term = Term::stdout();
        while wanted.recv().is_ok() {
            let key = term.read_key_raw().unwrap_or(Key::CtrlC);
            if tell.send(News::Key(key)).is_err() {
                return;
            }
        }
    });
    want
}

impl Watch {
    fn answer_all(
        &mut self,
        news: &Receiver<News>,
        watcher: &mut RecommendedWatcher,
        wanted: Option<&SyncSender<()>>,
    ) -> Result<u8> {
        let want = || wanted.map(|wanted| wanted.send(()));
        want();
        for news in news {
            match news {
                News::Saved => self.saved(),
                News::Anew => {
                    let my = self.course.root.join("my");
                    // The old one may be watched no more, and the new one be gone again.
                    watcher.unwatch(&my).ok();
                    watcher.watch(&my, RecursiveMode::Recursive).ok();
                    self.saved();
                }
                News::Judged(look, found) if look == self.look => self.take(found?)?,
                News::Judged(..) => {}
                News::Key(key) => {
                    if self.press(key)? {
                        self.stop();
                        say!("Until next time. `make lesson` goes on where you are.");
                        return Ok(0);
                    }
                    want();
                }
            }
        }
        Ok(0)
    }

    /// A save counts where it changed what the verdict is about.
    fn saved(&mut self) {
        let texts = self.texts();
        // A file that is being replaced is not there for a moment; the next event follows.
        let halfway = texts.iter().any(Vec::is_empty) && !self.judged.is_empty();
        if texts == self.judged {
            self.follow();
        } else if !(halfway && self.soon_again()) {
            self.judge();
        }
    }

    /// Goes along where `cargo lesson start` in another terminal has led.
    fn follow(&mut self) {
        let journal = Journal::read(&self.course);
        let at = journal.position(&self.course);
        if at != self.at {
            self.journal = journal;
            self.at = at;
            self.begin();
        }
    }

    /// Whether the texts are whole a moment later: an editor may write by
    /// emptying the file first, or by renaming another one onto it.
    fn soon_again(&self) -> bool {
        thread::sleep(std::time::Duration::from_millis(20));
        self.texts() == self.judged
    }

    fn texts(&self) -> Vec<Vec<u8>> {
        let Some((at, _)) = self.at else {
            return Vec::new();
        };
        let chapter = &self.course.chapters[at];
        let tests = std::fs::read(self.course.root.join(chapter.tests())).unwrap_or_default();
        let mut texts = mine::texts(&self.course, chapter).to_vec();
        texts.push(tests);
        texts
    }

    fn stop(&mut self) {
        self.look += 1;
        self.running.stop();
        process::stop_all();
    }

    /// Begins a new look; one that is under way is given up.
    fn judge(&mut self) {
        self.stop();
        self.judged = self.texts();
        let Some((at, step)) = self.at else {
            self.draw("");
            return;
        };
        self.running = Running::default();
        let (course, running) = (self.course.clone(), self.running.clone());
        let (tell, look_number) = (self.tell.clone(), self.look);
        let colour = console::colors_enabled();
        let before = self.looking.take();
        self.looking = Some(thread::spawn(move || {
            // It was stopped, and lets go of what it had locked.
            if let Some(before) = before {
                before.join().ok();
            }
            let found = look(&course, &course.chapters[at], step, colour, &running);
            tell.send(News::Judged(look_number, found)).ok();
        }));
        if self.keys {
            print!("\r\x1b[K{}", style("judging …").dim());
            std::io::Write::flush(&mut std::io::stdout()).ok();
        }
    }

    fn take(&mut self, found: Found) -> Result<()> {
        let Some((at, step)) = self.at else {
            return Ok(());
        };
        let chapter = &self.course.chapters[at];
        let code = fingerprint(self.judged.iter().take(2));
        record(&mut self.journal, chapter, step, &found, code)?;
        let mut note = std::mem::take(&mut self.note);
        if found.is_green() {
            let now = Since::now(&self.course, chapter);
            let since = self.since.get_or_insert_with(|| now.clone());
            note += &since.size(&now).unwrap_or_default();
        }
        self.found = Some(found);
        self.asked = None;
        self.draw(&note);
        Ok(())
    }

    /// Shows the step, and `below` it what a key asked for.
    fn draw(&self, below: &str) {
        let mut text = match (self.at, &self.found) {
            (None, _) => screen::finished(&self.course) + "\n",
            (Some((at, step)), Some(found)) => {
                let mut text = screen::lesson(&self.course, &self.journal, at, step, found);
                let hints = &self.course.chapters[at].steps[step].hints;
                let shown = if found.is_green() { 0 } else { self.hints };
                for (level, hint) in hints.iter().take(shown).enumerate() {
                    text += &format!(
                        "\n{} {hint}\n",
                        style(format!("hint {} of {}:", level + 1, hints.len())).yellow()
                    );
                }
                text
            }
            (Some(_), None) => String::new(),
        };
        if !below.is_empty() {
            text += &format!("\n{below}\n");
        }
        let green = self.found.as_ref().is_some_and(Found::is_green);
        let keys = if green { GREEN_KEYS } else { KEYS };
        if self.keys {
            let width = usize::from(Term::stdout().size().1);
            let (text, keys) = (screen::wrap(&text, width), screen::wrap_keys(keys, width));
            // Clears the screen and what is above it, and writes from the top.
            print!("\x1b[2J\x1b[3J\x1b[H{text}\n{}\n", style(keys).dim());
            std::io::Write::flush(&mut std::io::stdout()).ok();
        } else {
            say!("{text}");
        }
    }

    /// Answers a key; `true` ends the lesson.
    fn press(&mut self, key: Key) -> Result<bool> {
        let key = match key {
            Key::CtrlC | Key::Escape => 'q',
            Key::Enter => 'r',
            Key::Char(key) => key.to_ascii_lowercase(),
            _ => return Ok(false),
        };
        let again = self.asked.take() == Some(key);
        match key {
            'q' => return Ok(true),
            'h' => self.hint()?,
            'l' => self.draw(&screen::list(&self.course, &self.journal)),
            'n' => self.next()?,
            's' => self.skip()?,
            'r' => self.judge(),
            'e' => self.edit(),
            'a' => self.show_answer(again),
            'x' => self.reset(again)?,
            _ => self.draw(&format!("{key:?} is no key here.")),
        }
        Ok(false)
    }

    fn hint(&mut self) -> Result<()> {
        let Some((at, step)) = self.at else {
            return Ok(());
        };
        let chapter = &self.course.chapters[at];
        if self.hints < chapter.steps[step].hints.len() {
            self.hints += 1;
            let entry = Entry::new(chapter.id(), &chapter.steps[step].id, Event::Hint);
            self.journal.add(entry)?;
            self.draw("");
        } else {
            self.draw("That was the last hint. The chapter says more, and `a` shows the answer.");
        }
        Ok(())
    }

    fn next(&mut self) -> Result<()> {
        let Some((at, step)) = self.at else {
            return Ok(());
        };
        if !self.found.as_ref().is_some_and(Found::is_green) {
            self.draw("Not green yet: `n` goes on when it is. `cargo lesson start CHAPTER` goes to any chapter.");
            return Ok(());
        }
        print!("\r\x1b[K{}", style("at the gate: rustfmt, clippy …").dim());
        std::io::Write::flush(&mut std::io::stdout()).ok();
        let chapter = &self.course.chapters[at];
        let now = Since::now(&self.course, chapter);
        let since = self.since.get_or_insert_with(|| now.clone());
        let gate = gate::look(&self.course, chapter, since)?;
        if !gate.is_open() {
            self.draw(&screen::gate(&gate));
            return Ok(());
        }
        self.note = screen::through_the_gate(&chapter.steps[step], since, &now);
        self.go_on(Event::Done)
    }

    /// Goes on without the gate; the journal remembers it.
    fn skip(&mut self) -> Result<()> {
        if !self.found.as_ref().is_some_and(Found::is_green) {
            self.draw("Not green yet: there is nothing to refactor.");
            return Ok(());
        }
        self.note = "The refactoring is skipped; the log remembers it.".to_string();
        self.go_on(Event::Skip)
    }

    fn go_on(&mut self, how: Event) -> Result<()> {
        let Some((at, step)) = self.at else {
            return Ok(());
        };
        let chapter = &self.course.chapters[at];
        let entry = Entry::new(chapter.id(), &chapter.steps[step].id, how);
        self.journal.add(entry)?;
        self.at = self.journal.position(&self.course);
        if let Some((next, _)) = self.at.filter(|(next, _)| *next != at) {
            let (done, next) = (&self.course.chapters[at], &self.course.chapters[next]);
            self.note += &format!("\n{}", screen::chapter_done(&self.course, done, next));
        }
        self.begin();
        Ok(())
    }

    /// Looks at a step that is new on the screen.
    fn begin(&mut self) {
        self.found = None;
        self.since = None;
        self.hints = 0;
        self.judge();
    }

    fn edit(&mut self) {
        let Some((at, step)) = self.at else { return };
        let file = screen::file_to_edit(&self.course.chapters[at], step);
        let editor = ["VISUAL", "EDITOR"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|set| !set.is_empty()));
        let Some(editor) = editor else {
            self.draw(&format!(
                "EDITOR is not set: open {} yourself; I see when you save.",
                self.course.short(&file)
            ));
            return;
        };
        // `code --wait` is a command and its argument.
        let mut words = editor.split_whitespace();
        let status = Command::new(words.next().unwrap_or_default())
            .args(words)
            .arg(self.course.root.join(&file))
            .status();
        match status {
            Ok(_) => self.draw(""),
            Err(error) => self.draw(&format!(
                "cannot start {editor}: {error}; set EDITOR to one that is there"
            )),
        }
    }

    fn show_answer(&mut self, again: bool) {
        let Some((at, step)) = self.at else { return };
        let chapter = &self.course.chapters[at];
        // The answer shows the steps to come as well.
        let last = step + 1 == chapter.steps.len();
        let green = last && self.found.as_ref().is_some_and(Found::is_green);
        if !green && !again {
            self.asked = Some('a');
            self.draw("Not green yet. `a` once more shows the answer all the same; `h` is the smaller step.");
            return;
        }
        match answer::difference(&self.course, chapter) {
            Ok(difference) => self.draw(&difference),
            Err(trouble) => self.draw(&trouble.sentence),
        }
    }

    fn reset(&mut self, again: bool) -> Result<()> {
        let Some((at, step)) = self.at else {
            return Ok(());
        };
        let chapter = self.course.chapters[at].clone();
        if !again {
            self.asked = Some('x');
            self.draw("`x` once more lays the starter again; your file is kept beside it, dated.");
            return Ok(());
        }
        let tests_too = chapter.steps[step].write.is_some();
        let kept: Vec<PathBuf> = mine::reset(&self.course, &chapter, tests_too)?;
        self.journal
            .add(Entry::new(chapter.id(), "", Event::Reset))?;
        self.at = self.journal.position(&self.course);
        self.since = None;
        self.hints = 0;
        self.judge();
        self.note = screen::was_reset(&self.course, &chapter, tests_too, &kept);
        Ok(())
    }
}
