//! The `writ` binary.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// Builds the program once for each test binary and says where it lies. Cargo gives `CARGO_BIN_EXE_writ` to tests of the package
/// `writ` alone, so it is asked: the build says where its executable went, whatever `CARGO_TARGET_DIR` is. `WRIT` names a binary
/// that is to be tested instead, as in a test of an installed package.
pub fn build_writ() -> &'static Path {
    static BINARY: OnceLock<PathBuf> = OnceLock::new();
    BINARY.get_or_init(|| {
        if let Some(binary) = std::env::var_os("WRIT") {
            return PathBuf::from(binary);
        }
        let mut build = Command::new(env!("CARGO"));
        build.args(["build", "-p", "writ", "--message-format=json", "--quiet"]).current_dir(crate::captures::root());
        if !cfg!(debug_assertions) {
            build.arg("--release");
        }
        let output = build.output().expect("cargo runs");
        assert!(output.status.success(), "building writ: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout)
            .expect("cargo writes UTF-8")
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|line| line["target"]["name"] == "writ")
            .find_map(|line| line["executable"].as_str().map(PathBuf::from))
            .expect("cargo names the executable")
    })
}

/// One run of the program to its end.
pub struct Writ(Command);

impl Writ {
    /// `writ SUBCOMMAND`.
    pub fn new(subcommand: &str) -> Self {
        let mut command = Command::new(build_writ());
        command.arg(subcommand);
        Self(command)
    }

    /// More arguments.
    pub fn args<I: AsRef<std::ffi::OsStr>>(mut self, args: impl IntoIterator<Item = I>) -> Self {
        self.0.args(args);
        self
    }

    /// Runs it.
    pub fn output(mut self) -> Output {
        self.0.output().expect("writ runs")
    }

    /// Runs it and expects exit 0; what it wrote on standard output.
    pub fn succeed(self) -> String {
        let shown = format!("{:?}", self.0);
        let output = self.output();
        assert!(
            output.status.success(),
            "{shown} ended with {}:\n{}\n{}",
            output.status,
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
