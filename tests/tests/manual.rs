//! The manual says what the program does: every setting, metric, counter, option and alert is in it, and nothing else is. The
//! examples in `deploy/` can be used as they are. Settings and options are asked of the program itself.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use writ_tests::{Writ, in_tree_named, skip};

#[path = "../../userspace/writ/src/metrics/catalogue.rs"]
mod catalogue;

use catalogue::{Kind, Metric, Series};

/// A table of the manual.
struct Table {
    /// The heading that it stands under.
    heading: String,
    /// The words of its first row.
    columns: Vec<String>,
    /// The other rows, by column.
    rows: Vec<Vec<String>>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The tables of a page.
fn tables(page: &str) -> Vec<Table> {
    let text = read(page);
    let (mut tables, mut heading): (Vec<Table>, _) = (Vec::new(), String::new());
    let mut open = false;
    for line in text.lines() {
        if let Some(title) = line.strip_prefix('#') {
            title.trim_start_matches('#').trim().clone_into(&mut heading);
        }
        let Some(row) = line.strip_prefix("| ").and_then(|line| line.strip_suffix(" |")) else {
            open = false;
            continue;
        };
        let cells: Vec<String> = row.split(" | ").map(|cell| cell.trim().to_owned()).collect();
        match tables.last_mut().filter(|_| open) {
            None => tables.push(Table { heading: heading.clone(), columns: cells, rows: Vec::new() }),
            Some(_) if cells.iter().all(|cell| cell.starts_with("---")) => {}
            Some(table) => {
                assert_eq!(cells.len(), table.columns.len(), "{page}: {line}");
                table.rows.push(cells);
            }
        }
        open = true;
    }
    tables
}

/// Tables with these columns.
fn tables_of(page: &str, columns: &[&str]) -> Vec<Table> {
    let found: Vec<_> = tables(page).into_iter().filter(|table| table.columns == columns).collect();
    assert!(!found.is_empty(), "{page} has a table with the columns {columns:?}");
    found
}

/// What stands between backticks in a cell.
fn code(cell: &str) -> &str {
    cell.split('`').nth(1).unwrap_or_else(|| panic!("expected `code` in the cell: {cell}"))
}

/// A list of names between backticks, as they stand in a message.
fn names(text: &str) -> BTreeSet<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn same(what: &str, manual: &BTreeSet<String>, program: &BTreeSet<String>) {
    let missing: Vec<_> = program.difference(manual).collect();
    let invented: Vec<_> = manual.difference(program).collect();
    assert!(missing.is_empty(), "{what}: the manual lacks {missing:?}");
    assert!(invented.is_empty(), "{what}: the manual has {invented:?}, the program does not");
}

/// What `writ check` says of a configuration.
fn check(text: &str) -> String {
    let folder = TempDir::new().expect("a folder for one test");
    let file = folder.path().join("writ.toml");
    std::fs::write(&file, text).expect("a configuration is written");
    let output = Writ::new("check").args([Path::new("--config"), &file]).output();
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A key that no table has: the program answers with those that there are.
const NO_KEY: &str = "no_such_key";

/// The keys of the table at this path, if there is a table, and of all tables in it.
fn keys(path: &[(String, bool)], all: &mut BTreeSet<String>) {
    let mut text = format!("{NO_KEY} = 1");
    for (name, list) in path.iter().rev() {
        text = if *list { format!("{name} = [{{ {text} }}]") } else { format!("{name} = {{ {text} }}") };
    }
    let said = check(&text);
    let Some((_, known)) = said.split_once(&format!("unknown field `{NO_KEY}`, expected")) else { return };
    for name in names(known) {
        let dotted: Vec<&str> = path.iter().map(|(name, _)| name.as_str()).chain([name.as_str()]).collect();
        all.insert(dotted.join("."));
        for list in [false, true] {
            let mut inner = path.to_vec();
            inner.push((name.clone(), list));
            keys(&inner, all);
        }
    }
}

/// Where a heading of the manual puts its settings: `` `[[lemf]]` `` gives `lemf.`, one without gives nothing.
fn prefix(heading: &str) -> String {
    match heading.split_once('[') {
        None => String::new(),
        Some((_, rest)) => format!("{}.", rest.trim_start_matches('[').split(']').next().unwrap_or_default()),
    }
}

const SETTINGS: [&str; 4] = ["setting", "unit", "default", "meaning"];

#[test]
fn every_setting_is_in_the_manual() {
    let mut program = BTreeSet::new();
    keys(&[], &mut program);
    assert!(program.contains("interface.busy_poll.micros") && program.contains("lemf.keep_alive.time1"), "{program:?}");
    let manual = tables_of("docs/configuration.md", &SETTINGS)
        .iter()
        .flat_map(|table| table.rows.iter().map(|row| format!("{}{}", prefix(&table.heading), code(&row[0]))))
        .collect();
    same("docs/configuration.md", &manual, &program);
}

#[test]
fn every_default_of_the_manual_can_be_set() {
    // What has no default has to be there all the same.
    let needed = BTreeMap::from([
        ("handover", "operator_identifier = \"OP\"\n"),
        ("lemf", "name = \"a\"\naddress = \"127.0.0.1:1\"\n"),
        ("interface", "interface = \"tap0\"\n"),
        ("metrics", "listen = \"127.0.0.1:1\"\n"),
        ("lemf.tls", "tls.ca = \"absent\"\ntls.certificate = \"absent\"\ntls.key = \"absent\"\n"),
        ("lemf.spool", "spool.folder = \"spool\"\nspool.key = \"absent\"\n"),
        ("lemf.broker", "broker.servers = [\"127.0.0.1:2\"]\nbroker.key = \"absent\"\n"),
        ("agreement", "lemf = \"a\"\n"),
        ("ingest", "listen = \"127.0.0.1:1\"\nclient_ca = \"absent\"\ncertificate = \"absent\"\nkey = \"absent\"\n"),
    ]);
    // Nor is there an agreement without the LEMF that it is with.
    let beside = BTreeMap::from([("agreement", "[[lemf]]\nname = \"a\"\naddress = \"127.0.0.1:1\"\n")]);
    for table in tables_of("docs/configuration.md", &SETTINGS) {
        let path = prefix(&table.heading);
        let path = path.trim_end_matches('.');
        for row in table.rows.iter().filter(|row| row[2].starts_with('`')) {
            let (setting, default) = (code(&row[0]), code(&row[2]));
            let (outer, inner) = path.split_once('.').unwrap_or((path, ""));
            let list = table.heading.contains("[[") || matches!(outer, "lemf" | "interface" | "agreement");
            let header = match (outer, list) {
                ("", _) => String::new(),
                (outer, true) => format!("[[{outer}]]\n"),
                (outer, false) => format!("[{outer}]\n"),
            };
            let dots = if inner.is_empty() { String::new() } else { format!("{inner}.") };
            let of_inner = needed.get(path).filter(|_| !inner.is_empty()).unwrap_or(&"");
            let [needed, beside] = [&needed, &beside].map(|texts| texts.get(outer).unwrap_or(&""));
            let text = format!("{header}{needed}{of_inner}{dots}{setting} = {default}\n{beside}");
            // An interface that this machine does not have is a warning; that a file is absent is said after everything else
            // was found good.
            let said = check(&text);
            let is_good = |line: &str| line.starts_with("writ: warning: ") || line.contains(" that can be read: ");
            let refused: Vec<&str> = said.lines().filter(|line| !is_good(line)).collect();
            assert!(refused.is_empty(), "{text}{refused:?}");
        }
    }
}

#[test]
fn every_key_of_a_warrant_is_in_the_manual() {
    let said = |text: &str| {
        let folder = TempDir::new().expect("a folder for one test");
        let file = folder.path().join("warrants.toml");
        std::fs::write(&file, text).expect("a warrants file is written");
        let output = Writ::new("check").args([Path::new("--warrants"), &file]).output();
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let warrant = |targets: &str, more: &str| {
        format!(
            "[[warrant]]\nliid = \"L\"\nauthorization_country = \"NL\"\nstart = 2026-01-01T00:00:00Z\n\
             end = 2027-01-01T00:00:00Z\ndeliver = \"iri\"\nlemf = \"a\"\ntargets = [{{ {targets} }}]\n{more}"
        )
    };
    assert_eq!(said(&warrant("login = \"x\"", "")), "");
    let known = said(&warrant("login = \"x\"", &format!("{NO_KEY} = 1")));
    let (_, known) = known.split_once("expected ").unwrap_or_else(|| panic!("{known}"));
    let program = known.trim().replace(" or ", ", ").split(", ").map(str::to_owned).collect();
    let manual = |columns: &[&str]| {
        let tables = tables_of("docs/warrants.md", columns);
        tables.iter().flat_map(|table| table.rows.iter().map(|row| code(&row[0]).to_owned())).collect()
    };
    same("docs/warrants.md", &manual(&["key", "values", "default", "meaning"]), &program);

    let known = said(&warrant(&format!("{NO_KEY} = 1"), ""));
    let (_, known) = known.split_once("expected ").unwrap_or_else(|| panic!("{known}"));
    let program = known
        .split("{ ")
        .skip(1)
        .filter_map(|target| Some(target.split_once(" = ")?.0.to_owned()))
        .collect::<BTreeSet<String>>();
    assert_eq!(program.len(), 7, "{known}");
    same("docs/warrants.md, targets", &manual(&["target", "written", "matches"]), &program);
}

#[test]
fn every_metric_is_in_the_manual() {
    let manual: BTreeSet<String> = tables_of("docs/metrics.md", &["metric", "type", "labels", "meaning"])
        .iter()
        .flat_map(|table| &table.rows)
        .map(|row| {
            format!("{} {} {:?}", code(&row[0]), row[1], row[2].split('`').skip(1).step_by(2).collect::<Vec<_>>())
        })
        .collect();
    let described = |metric: Metric| {
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
            Kind::Summary => "summary",
        };
        let mut labels = metric.of.to_vec();
        if let Series::Each(label, _) = metric.series {
            labels.push(label);
        }
        assert!(!metric.help.is_empty());
        format!("{} {kind} {labels:?}", metric.name)
    };
    same("docs/metrics.md", &manual, &catalogue::all().map(described).collect());

    let manual = tables_of("docs/metrics.md", &["metric", "label", "value", "meaning"])
        .iter()
        .flat_map(|table| &table.rows)
        .map(|row| format!("{}{{{}={}}}", code(&row[0]), code(&row[1]), code(&row[2])))
        .collect();
    let mut program = BTreeSet::new();
    for Metric { name, series, .. } in catalogue::all() {
        if let Series::Each(label, rows) = series {
            program.extend(rows.iter().map(|(_, value)| format!("{name}{{{label}={value}}}")));
        }
    }
    same("docs/metrics.md, values", &manual, &program);
}

#[test]
fn every_counter_is_in_the_manual() {
    let warrants = root().join("demo/warrants.toml");
    let output = Writ::new("replay")
        .args([in_tree_named("demo").as_path(), Path::new("--json"), Path::new("--warrants"), &warrants])
        .output();
    let said = String::from_utf8_lossy(&output.stderr);
    let line = said.lines().find(|line| line.starts_with("{\"counters\"")).expect("the counters on standard error");
    let counters: Value = serde_json::from_str(line).expect("JSON");
    let mut program = BTreeSet::new();
    for (group, counters) in counters["counters"].as_object().expect("groups") {
        for counter in counters.as_object().expect("counters").keys() {
            match counter.split_once('.') {
                Some((_, counter)) => program.insert(format!("of an LEMF: {counter}")),
                None => program.insert(format!("{group}: {counter}")),
            };
        }
    }
    let tables = tables_of("docs/metrics.md", &["group", "counter", "metric"]);
    let rows = || tables.iter().flat_map(|table| &table.rows);
    same("docs/metrics.md, counters", &rows().map(|row| format!("{}: {}", row[0], code(&row[1]))).collect(), &program);

    // Where a counter stands for one series, it is the one that the catalogue gives it.
    let mut shown = BTreeSet::new();
    for Metric { name, series, .. } in catalogue::all() {
        match series {
            Series::One(counter) => drop(shown.insert(format!("{counter} {name}"))),
            Series::Each(label, rows) => {
                shown.extend(rows.iter().map(|(counter, value)| format!("{counter} {name}{{{label}=\"{value}\"}}")));
            }
        }
    }
    for row in rows().filter(|row| row[2].starts_with('`')) {
        let pair = format!("{} {}", code(&row[1]), code(&row[2]));
        assert!(shown.contains(&pair), "docs/metrics.md: {pair}");
    }
}

#[test]
fn every_command_and_option_is_in_the_manual() {
    let page = read("docs/commands.md");
    let options = |text: &str| -> BTreeSet<String> {
        let word = |character: char| character.is_ascii_lowercase() || character == '-';
        text.split("--")
            .skip(1)
            .map(|rest| rest.split(|character| !word(character)).next().unwrap_or_default().to_owned())
            .filter(|option| !option.is_empty() && option != "help")
            .collect()
    };
    let help = Writ::new("help").succeed();
    let (_, commands) = help.split_once("Commands:").expect("help lists the commands");
    let commands = commands.lines().take_while(|line| !line.starts_with("Options:"));
    let commands: BTreeSet<String> = commands
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .map(str::to_owned)
        .collect();
    let sections: BTreeMap<String, &str> = page
        .split("\n## ")
        .skip(1)
        .filter_map(|section| Some((section.strip_prefix("`writ ")?.split(['`', ' ']).next()?.to_owned(), section)))
        .collect();
    same("docs/commands.md", &sections.keys().cloned().collect(), &commands);
    for (command, section) in sections {
        let help = Writ::new(&command).args(["--help"]).succeed();
        let manual: String = section.lines().filter(|line| line.starts_with("| `")).collect::<Vec<_>>().join("\n");
        same(&format!("docs/commands.md: writ {command}"), &options(&manual), &options(&help));
    }
}

#[test]
fn every_alert_has_its_section() {
    let rules = read("deploy/prometheus/alerts.yml");
    let alerts = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(str::to_owned).collect();
    let page = read("docs/operations.md");
    let sections = page.lines().filter_map(|line| line.strip_prefix("### ")).filter(|title| title.starts_with("Writ"));
    same("docs/operations.md", &sections.map(str::to_owned).collect(), &alerts);
}

/// What a link to a heading is called: lower case, no punctuation, dashes for spaces.
fn anchor(heading: &str) -> String {
    let kept = |character: char| match character {
        ' ' => Some('-'),
        '-' | '_' => Some(character),
        _ if character.is_alphanumeric() => Some(character.to_ascii_lowercase()),
        _ => None,
    };
    heading.trim_start_matches('#').trim().chars().filter_map(kept).collect()
}

#[test]
fn links_lead_somewhere() {
    let pages = std::fs::read_dir(root().join("docs")).expect("docs/ is there");
    let pages: BTreeSet<String> = pages
        .map(|entry| entry.expect("docs/ can be read").file_name().to_string_lossy().into_owned())
        .filter(|name| name.ends_with(".md"))
        .collect();
    let contents = read("docs/README.md");
    for page in &pages {
        assert!(page == "README.md" || contents.contains(&format!("({page})")), "docs/README.md does not list {page}");
        let text = read(&format!("docs/{page}"));
        for target in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let (file, place) = target.split_once('#').unwrap_or((target, ""));
            if file.contains("://") {
                continue;
            }
            let file = if file.is_empty() { page } else { file };
            assert!(root().join("docs").join(file).exists(), "docs/{page}: {target} is not there");
            let headed =
                || read(&format!("docs/{file}")).lines().any(|line| line.starts_with('#') && anchor(line) == place);
            assert!(place.is_empty() || headed(), "docs/{page}: {target} has no such heading");
        }
    }
}

#[test]
fn the_examples_can_be_used() {
    let (config, warrants) = (root().join("deploy/writ.toml"), root().join("deploy/warrants.toml"));
    let said = Writ::new("check").args([Path::new("--config"), &config]).succeed();
    assert!(said.contains("deploy/warrants.toml: 2 warrants, good"), "{said}");
    Writ::new("check").args([Path::new("--warrants"), &warrants]).succeed();
}

/// Runs a program of the system on a file; `None`, said aloud, where it is not to be had.
fn judged(test: &str, program: &str, args: &[&str], file: &Path) -> Option<String> {
    if Command::new(program).arg("--version").output().is_err() {
        skip(test, &format!("{program} is not installed"));
        return None;
    }
    let output = Command::new(program).args(args).arg(file).output().expect("it ran before");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {args:?}: {said}");
    Some(said.into_owned())
}

#[test]
fn prometheus_takes_its_files() {
    let file = |name: &str| root().join("deploy/prometheus").join(name);
    judged("prometheus_takes_its_files", "promtool", &["check", "config"], &file("scrape.yml"));
    judged("prometheus_takes_its_files", "promtool", &["check", "rules"], &file("alerts.yml"));
    judged("prometheus_takes_its_files", "promtool", &["test", "rules"], &file("alerts.test.yml"));
    let (rules, tests) = (read("deploy/prometheus/alerts.yml"), read("deploy/prometheus/alerts.test.yml"));
    for alert in rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")) {
        assert!(tests.contains(&format!("alertname=\"{alert}\"")), "alerts.test.yml does not let {alert} fire");
    }
}

#[test]
fn systemd_takes_the_unit() {
    let folder = TempDir::new().expect("a folder for one test");
    let unit = folder.path().join("writ.service");
    // The program that the unit names is not installed here; /bin/true is.
    let text = read("deploy/writ.service").replace("/usr/bin/writ", "/bin/true");
    std::fs::write(&unit, text).expect("a unit is written");
    if let Some(said) = judged("systemd_takes_the_unit", "systemd-analyze", &["verify", "--man=no"], &unit) {
        assert_eq!(said, "", "systemd has nothing to say of it");
    }
}
