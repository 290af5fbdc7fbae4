//! The oracle in `tests/oracle`: Python of its own, which shares nothing with Writ.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

/// The oracle, found to be able to run.
#[derive(Clone, Copy)]
pub struct Oracle(());

/// What [`Oracle::compare`] is told of the capture.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Everything must agree.
    Exact,
    /// Everything but times: the capture's packets were moved about.
    Untimed,
    /// Sessions that the capture does not have whole are left out.
    OnlyWhole,
    /// Octets were taken away: nothing is required, and nothing untrue may be there.
    AtMost,
}

/// A capture as another tap would have seen it, to be made.
pub struct Mutation {
    /// One of the kinds of `mutate.py`.
    pub kind: &'static str,
    /// The capture.
    pub source: PathBuf,
    /// Where the new one goes.
    pub target: PathBuf,
    /// What the chances are drawn from.
    pub seed: u32,
}

/// A file of PDUs, and what it is to be held against.
pub struct Delivered {
    /// The PDUs.
    pub etsi: PathBuf,
    /// The warrants.
    pub warrants: PathBuf,
    /// The captures that say what was due.
    pub captures: Vec<PathBuf>,
}

impl Oracle {
    /// The oracle, where Python 3.11 and tshark are there; else the skip is said.
    pub fn find(test: &str) -> Option<Self> {
        for (program, args) in [("python3", &["-c", "import tomllib"][..]), ("tshark", &["--version"])] {
            if !Command::new(program).args(args).output().is_ok_and(|output| output.status.success()) {
                crate::skip(test, &format!("`{program} {}` does not run", args.join(" ")));
                return None;
            }
        }
        Some(Self(()))
    }

    /// Runs its scripts one after the other, each the name and its arguments; what each said, as an error where it ended with another
    /// code than 0.
    pub fn run_all(self, jobs: &[Vec<String>]) -> Vec<Result<String, String>> {
        let mut child = Command::new("python3")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(crate::captures::root().join("tests/oracle/batch.py"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("python3 runs");
        let mut input = child.stdin.take().expect("a pipe");
        let lines: String = jobs.iter().map(|job| Value::from(job.clone()).to_string() + "\n").collect();
        let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
        let output = child.wait_with_output().expect("batch.py ends");
        writer.join().expect("no panic").expect("batch.py reads");
        let said: Vec<_> = String::from_utf8(output.stdout)
            .expect("the oracle writes UTF-8")
            .lines()
            .map(|line| {
                let (code, text) = serde_json::from_str::<(i32, String)>(line).expect("a code and a text");
                if code == 0 { Ok(text) } else { Err(text) }
            })
            .collect();
        assert_eq!(said.len(), jobs.len(), "each script ended");
        said
    }

    /// Runs one of its scripts.
    pub fn run(self, script: &str, args: &[&str]) -> Result<String, String> {
        let job = std::iter::once(script).chain(args.iter().copied()).map(str::to_owned).collect();
        self.run_all(&[job]).remove(0)
    }

    /// Runs one of its scripts and expects exit 0; what it said.
    pub fn ask(self, script: &str, args: &[&str]) -> String {
        self.run(script, args).unwrap_or_else(|said| panic!("{script}: {said}"))
    }

    /// A warrants file for each group of captures, that covers every address, login and client in it by itself; `None` where there is
    /// nobody.
    pub fn warrants(self, into: &Path, groups: &[Vec<PathBuf>], options: &[&str]) -> Vec<Option<PathBuf>> {
        let jobs: Vec<_> = groups
            .iter()
            .map(|captures| {
                let mut job = vec!["warrants.py".to_owned()];
                job.extend(captures.iter().map(text));
                job.extend(options.iter().map(|option| (*option).to_owned()));
                job
            })
            .collect();
        let write = |(at, said): (usize, Result<String, String>)| {
            let path = into.join(format!("warrants-{at}.toml"));
            let said = said.expect("warrants.py ends well");
            std::fs::write(&path, &said).expect("a warrants file is written");
            (!said.is_empty()).then_some(path)
        };
        self.run_all(&jobs).into_iter().enumerate().map(write).collect()
    }

    /// Holds files of PDUs against what the warrants must yield from the captures; the differences of each, or how much there was.
    pub fn compare(self, delivered: &[Delivered], how: Comparison) -> Vec<Result<String, String>> {
        let option = match how {
            Comparison::Exact => None,
            Comparison::Untimed => Some("--no-times"),
            Comparison::OnlyWhole => Some("--only-whole"),
            Comparison::AtMost => Some("--at-most"),
        };
        let jobs: Vec<Vec<_>> = delivered
            .iter()
            .map(|one| {
                let mut job = vec!["compare.py".to_owned(), text(&one.etsi), text(&one.warrants)];
                job.extend(one.captures.iter().map(text));
                job.extend(option.map(str::to_owned));
                job
            })
            .collect();
        self.run_all(&jobs)
    }

    /// Writes captures as another tap would have seen them.
    pub fn mutate(self, mutations: &[Mutation]) {
        let jobs: Vec<_> = mutations
            .iter()
            .map(|one| {
                let (source, target) = (text(&one.source), text(&one.target));
                vec![
                    "mutate.py".to_owned(),
                    one.kind.to_owned(),
                    source,
                    target,
                    "--seed".to_owned(),
                    one.seed.to_string(),
                ]
            })
            .collect();
        for said in self.run_all(&jobs) {
            said.expect("mutate.py ends well");
        }
    }
}

/// A path as an argument. The tests make all of theirs, and the tree has none that is no UTF-8.
fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().to_str().expect("a path in UTF-8").to_owned()
}
