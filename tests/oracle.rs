//! The oracle in `tests/oracle`: Python of its own, which shares nothing with Writ.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

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
    /// Nothing is required of sessions that the capture does not have whole.
    OnlyWhole,
    /// Octets were taken away: nothing is required, and nothing untrue may be there.
    AtMost,
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

    /// Runs one of its scripts.
    pub fn run<I: AsRef<OsStr>>(self, script: &str, args: impl IntoIterator<Item = I>) -> Output {
        Command::new("python3")
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .arg(crate::captures::root().join("tests/oracle").join(script))
            .args(args)
            .output()
            .expect("python3 runs")
    }

    /// Runs one of its scripts and expects exit 0; what it wrote.
    pub fn ask<I: AsRef<OsStr>>(self, script: &str, args: impl IntoIterator<Item = I>) -> String {
        let output = self.run(script, args);
        assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("the oracle writes UTF-8")
    }

    /// A warrants file that covers every address and login of the captures, each by itself. `None` where there is nobody.
    pub fn warrants(self, into: &Path, captures: &[PathBuf], options: &[&str]) -> Option<PathBuf> {
        let args = captures.iter().map(|path| path.as_os_str().to_owned());
        let text = self.ask("warrants.py", args.chain(options.iter().map(|option| OsStr::new(option).to_owned())));
        let path = into.join("warrants.toml");
        std::fs::write(&path, &text).expect("a warrants file is written");
        (!text.is_empty()).then_some(path)
    }

    /// Holds a file of PDUs against what the warrants must yield from the captures; the differences, or how much there was.
    pub fn compare(
        self,
        etsi: &Path,
        warrants: &Path,
        captures: &[PathBuf],
        how: Comparison,
    ) -> Result<String, String> {
        let mut args = vec![etsi.as_os_str().to_owned(), warrants.as_os_str().to_owned()];
        args.extend(captures.iter().map(|path| path.as_os_str().to_owned()));
        args.extend(
            match how {
                Comparison::Exact => &[][..],
                Comparison::Untimed => &["--no-times"],
                Comparison::OnlyWhole => &["--only-whole"],
                Comparison::AtMost => &["--at-most"],
            }
            .iter()
            .map(Into::into),
        );
        let output = self.run("compare.py", args);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() { Ok(said) } else { Err(said + &String::from_utf8_lossy(&output.stderr)) }
    }

    /// Writes the capture as another tap would have seen it.
    pub fn mutate(self, kind: &str, capture: &Path, into: &Path, seed: u32) -> PathBuf {
        let name = capture.file_stem().expect("a capture has a name").to_string_lossy().into_owned();
        let target = into.join(format!("{name}-{kind}-{seed}.pcap"));
        self.ask(
            "mutate.py",
            [
                OsStr::new(kind),
                capture.as_os_str(),
                target.as_os_str(),
                OsStr::new("--seed"),
                OsStr::new(&seed.to_string()),
            ],
        );
        target
    }
}
