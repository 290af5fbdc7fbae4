//! Unified messaging from end to end: a client with a certificate, `writ run` without an interface, `writ lemf`.

use std::collections::BTreeSet;
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use writ_tests::{Oracle, build_writ, skip};

const PATIENCE: Duration = Duration::from_secs(20);

fn base64(octets: &[u8]) -> String {
    base64::engine::general_purpose::STANDARD.encode(octets)
}

fn free_address() -> String {
    let free = TcpListener::bind("127.0.0.1:0").expect("a free port");
    free.local_addr().expect("its address").to_string()
}

fn wait_for(what: &str, mut is_so: impl FnMut() -> bool) {
    let since = Instant::now();
    while !is_so() {
        assert!(since.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A certificate and its key, and who signed it, in files.
fn certificates(folder: &Path, authority: &str, names: &[&str]) {
    let mut params = CertificateParams::new(Vec::new()).expect("parameters");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, authority);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("an authority");
    std::fs::write(folder.join(format!("{authority}.pem")), issuer.pem()).expect("a file");
    for name in names {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(["localhost".to_owned()]).expect("parameters");
        let certificate = params.signed_by(&key, &issuer).expect("a certificate");
        std::fs::write(folder.join(format!("{name}.pem")), certificate.pem()).expect("a file");
        let path = folder.join(format!("{name}.key"));
        std::fs::write(&path, key.serialize_pem()).expect("a file");
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).expect("its mode");
    }
}

/// A receiver and an endpoint in a folder of their own. Both are ended with it.
struct Road {
    folder: TempDir,
    lemf_address: String,
    endpoint: String,
    lemf: Option<Child>,
    writ: Option<Child>,
}

const WARRANTS: &str = r#"
[[warrant]]
liid = "VM-FULL"
authorization_country = "NL"
start = 2026-01-01T00:00:00Z
end = 2027-01-01T00:00:00Z
deliver = "iri+cc"
lemf = "lea-1"
targets = [{ msisdn = "+31 6 12345678" }]
[[warrant]]
liid = "VM-IRI"
authorization_country = "NL"
start = 2026-01-01T00:00:00Z
end = 2027-01-01T00:00:00Z
deliver = "iri"
lemf = "lea-1"
targets = [{ box = "1001", system = "vm-1" }]
"#;

impl Road {
    /// `None`, and a word about it, where there is no curl.
    fn new(test: &str, of_lemf: &str) -> Option<Self> {
        if Command::new("curl").arg("--version").stdout(Stdio::null()).status().is_err() {
            skip(test, "there is no curl");
            return None;
        }
        let folder = TempDir::new().expect("a folder");
        certificates(folder.path(), "ca", &["server", "client"]);
        certificates(folder.path(), "other", &["stranger"]);
        let (lemf_address, endpoint) = (free_address(), free_address());
        let config = format!(
            "warrants = \"warrants.toml\"\nstate = \"state\"\n[handover]\noperator_identifier = \"OP\"\n\
             [[lemf]]\nname = \"lea-1\"\naddress = \"{lemf_address}\"\nretry = 1\n{of_lemf}\n\
             [ingest]\nlisten = \"{endpoint}\"\nclient_ca = \"ca.pem\"\ncertificate = \"server.pem\"\nkey = \"server.key\"\n"
        );
        std::fs::write(folder.path().join("writ.toml"), config).expect("a file");
        std::fs::write(folder.path().join("warrants.toml"), WARRANTS).expect("a file");
        Some(Self { folder, lemf_address, endpoint, lemf: None, writ: None })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn start_lemf(&mut self) {
        let said = File::options().create(true).append(true).open(self.path("lemf.out")).expect("a file");
        let child = Command::new(build_writ())
            .args(["lemf", "--listen", &self.lemf_address, "--store"])
            .arg(self.path("store"))
            .stdout(said)
            .spawn()
            .expect("writ lemf starts");
        self.lemf = Some(child);
        wait_for("writ lemf listens", || TcpStream::connect(&self.lemf_address).is_ok());
    }

    fn start_writ(&mut self) {
        let said = File::options().create(true).append(true).open(self.path("writ.out")).expect("a file");
        let child = Command::new(build_writ())
            .arg("run")
            .arg("--config")
            .arg(self.path("writ.toml"))
            .stdout(said.try_clone().expect("a file"))
            .stderr(said)
            .spawn()
            .expect("writ run starts");
        self.writ = Some(child);
        wait_for("writ run listens", || TcpStream::connect(&self.endpoint).is_ok());
    }

    fn signal(child: &Child, signal: &str) {
        let told = Command::new("kill").args([signal, &child.id().to_string()]).status().expect("kill runs");
        assert!(told.success());
    }

    fn end(child: &mut Option<Child>, signal: &str) {
        let mut child = child.take().expect("it runs");
        Self::signal(&child, signal);
        child.wait().expect("it ends");
    }

    fn said(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Asks as whoever has this certificate; status and answer, `None` where there is no connection.
    fn ask(&self, who: &str, path: &str, more: &[&str], body: Option<&[u8]>) -> Option<(u16, String)> {
        let port = self.endpoint.rsplit_once(':').expect("a port").1;
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "30", "-w", "\n%{http_code}", "--noproxy", "*"]);
        curl.arg("--cacert").arg(self.path("ca.pem"));
        if !who.is_empty() {
            curl.arg("--cert").arg(self.path(&format!("{who}.pem")));
            curl.arg("--key").arg(self.path(&format!("{who}.key")));
        }
        if let Some(body) = body {
            std::fs::write(self.path("body"), body).expect("a file");
            curl.arg("--data-binary").arg(format!("@{}", self.path("body").display()));
        }
        let output = curl.args(more).arg(format!("https://localhost:{port}{path}")).output().expect("curl runs");
        if !output.status.success() {
            return None;
        }
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        let (answer, status) = text.rsplit_once('\n').expect("a status");
        Some((status.parse().expect("a number"), answer.to_owned()))
    }

    fn say(&self, request: &Value) -> (u16, String) {
        let json = ["-H", "content-type: application/json"];
        self.ask("client", "/v1/events", &json, Some(request.to_string().as_bytes())).expect("an answer")
    }

    /// What the receiver wrote of PDUs, once there are so many.
    fn pdus(&self, count: usize) -> Vec<String> {
        let lines = || -> Vec<String> {
            let said = self.said("lemf.out");
            said.lines().filter(|line| line.contains(" VM-")).map(str::to_owned).collect()
        };
        wait_for(&format!("{count} PDUs, of {:#?}", lines()), || lines().len() >= count);
        lines()
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        for child in [&mut self.lemf, &mut self.writ].into_iter().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn event(id: &str, kind: &str, event: &str) -> Value {
    json!({
        "id": id, "system": "vm-1", "time": "2026-11-22T10:15:00Z", "session": "call-1", "box": "1001",
        "event": { kind: event }, "status": "operation-succeeded", "trigger": "user",
        "parties": [{ "qualifier": "originating-party", "identity": { "msisdn": "+31612345678" } }],
        "properties": [{ "subject": "SECRETSUBJECT" }],
    })
}

/// Parts of lines, in any order: HI2 and HI3 have connections of their own.
fn assert_lines(lines: &[String], expected: &[&str]) {
    assert_eq!(lines.len(), expected.len(), "{lines:#?}");
    let mut left: Vec<&String> = lines.iter().collect();
    for part in expected {
        let at = left.iter().position(|line| line.contains(part)).unwrap_or_else(|| panic!("{part} in {lines:#?}"));
        left.remove(at);
    }
}

#[test]
fn a_call_is_handed_over_from_connect_to_disconnect() {
    let Some(mut road) = Road::new("a_call_is_handed_over_from_connect_to_disconnect", "") else { return };
    road.start_lemf();
    road.start_writ();
    assert_eq!(road.say(&event("e1", "message-box", "connect")), (200, "{\"kept\":1}\n".to_owned()));
    let mut deposit = event("e2", "message", "deposit");
    deposit["contents"] = json!([{ "type": "audio/wav", "data": base64(&[7; 100_000]) }]);
    let mut of_others = event("e3", "message", "deposit");
    of_others["box"] = json!("2002");
    of_others["parties"] = json!([{ "qualifier": "originating-party", "identity": { "msisdn": "+31687654321" } }]);
    let mut packet = vec![0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1];
    packet.extend(b"hello");
    let leg = json!({
        "of": "e1", "system": "vm-1", "time": "2026-11-22T10:15:01Z",
        "rtp": { "from": "user", "sequence": 0, "end": true, "packets": [base64(&packet)] },
    });
    let batch = json!([deposit, of_others, leg, event("e4", "message-box", "disconnect")]);
    assert_eq!(road.say(&batch).0, 200);
    // A system that had no answer says it again.
    assert_eq!(road.say(&batch), (200, "{\"kept\":4}\n".to_owned()));
    let lines = road.pdus(11);
    assert_lines(
        &lines,
        &[
            "VM-FULL cin 1 seq 0 IRI Begin messaging message-box connect operation-succeeded event 1 from <+31612345678>",
            "VM-IRI cin 2 seq 0 IRI Begin messaging message-box connect",
            "VM-FULL cin 1 seq 1 IRI Continue messaging message deposit",
            "VM-IRI cin 2 seq 1 IRI Continue messaging message deposit",
            "VM-FULL cin 1 seq 0 TRI firstSegmentFlag",
            "VM-FULL cin 1 seq 1 CC fromTarget messaging event 2 audio/wav 64000 octets",
            "VM-FULL cin 1 seq 2 CC fromTarget messaging event 2 audio/wav 36000 octets",
            "VM-FULL cin 1 seq 3 TRI lastSegmentFlag",
            "VM-FULL cin 1 seq 4 CC fromTarget messaging event 1 content 0 piece 0, the last audio/PCMU 5 octets",
            "VM-FULL cin 1 seq 2 IRI End messaging message-box disconnect",
            "VM-IRI cin 2 seq 2 IRI End messaging message-box disconnect",
        ],
    );
    Road::end(&mut road.writ, "-TERM");
    Road::end(&mut road.lemf, "-TERM");
    let contents = road.path("store").join("contents");
    assert_eq!(std::fs::read(contents.join("VM-FULL-1-e2.wav")).expect("the message"), [7; 100_000]);
    assert_eq!(std::fs::read(contents.join("VM-FULL-1-e1-0.pcmu")).expect("the leg"), b"hello");
    let stored = std::fs::read(road.path("store").join("pdus.etsi")).expect("PDUs");
    let pdus =
        Command::new(build_writ()).arg("decode").arg(road.path("store").join("pdus.etsi")).output().expect("decode");
    let shown = String::from_utf8_lossy(&pdus.stdout).into_owned();
    assert_eq!(shown.matches("SECRETSUBJECT").count(), 3, "under VM-FULL, and not under VM-IRI: {shown}");
    assert!(!String::from_utf8_lossy(&stored).contains("2002"), "nothing of others");
    // Digits of a time may be any.
    let log: String =
        road.said("writ.out").lines().filter_map(|line| line.split_once(' ')).map(|(_, line)| line).collect();
    for secret in ["VM-", "31612345678", "1001", "call-1", "SECRET"] {
        assert!(!log.contains(secret), "{secret} in {log}");
    }
}

#[test]
fn who_may_say_what_and_how_is_decided_before_anything_is_taken() {
    let Some(mut road) = Road::new("who_may_say_what_and_how_is_decided", "") else { return };
    road.start_lemf();
    road.start_writ();
    let said = event("e1", "message", "save").to_string();
    let json = ["-H", "content-type: application/json"];
    for stranger in ["", "stranger"] {
        assert_eq!(road.ask(stranger, "/v1/events", &json, Some(said.as_bytes())), None, "{stranger}");
    }
    assert_eq!(road.ask("client", "/v1/events", &["--tls-max", "1.2"], Some(b"{}")), None, "TLS 1.3 alone");
    let status =
        |path: &str, more: &[&str], body: Option<&[u8]>| road.ask("client", path, more, body).expect("an answer");
    let wrong = status("/v1/events", &json, Some(br#"{"id": "e1", "system": 7}"#));
    assert_eq!(wrong.0, 400);
    assert_eq!(wrong.1, "{\"error\":\"system: expected text of 1 to 64 octets, without control characters\"}\n");
    assert_eq!(status("/v1/events", &[], Some(said.as_bytes())).0, 415);
    assert_eq!(status("/v1/events", &json, Some(&vec![b' '; (8 << 20) + 1])).0, 413);
    let chunked = ["-H", "content-type: application/json", "-H", "transfer-encoding: chunked"];
    assert_eq!(status("/v1/events", &chunked, Some(&vec![b' '; (8 << 20) + 1])).0, 413);
    assert_eq!(status("/v1/events", &[], None).0, 405);
    assert_eq!(status("/", &[], None).0, 404);
    let description = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/messaging-openapi.json");
    assert_eq!(
        status("/v1/openapi.json", &[], None),
        (200, std::fs::read_to_string(description).expect("the description"))
    );
    assert_eq!(status("/v1/events", &json, Some(said.as_bytes())).0, 200);
    assert_eq!(road.pdus(2).len(), 2, "and of all that, one event");
}

#[test]
fn a_warrant_that_is_taken_back_covers_nothing_more() {
    let Some(mut road) = Road::new("a_warrant_that_is_taken_back_covers_nothing_more", "") else { return };
    road.start_lemf();
    road.start_writ();
    assert_eq!(road.say(&event("e1", "message-box", "login")).0, 200);
    let only_iri = WARRANTS.rsplit_once("[[warrant]]").expect("two").1;
    std::fs::write(road.path("warrants.toml"), format!("[[warrant]]{only_iri}")).expect("a file");
    Road::signal(road.writ.as_ref().expect("it runs"), "-HUP");
    wait_for("warrants are read again", || road.said("writ.out").contains("warrants read again"));
    assert_eq!(road.say(&event("e2", "message-box", "logout")).0, 200);
    let lines = road.pdus(3);
    let expected = ["VM-FULL cin 1 seq 0 IRI Begin", "VM-IRI cin 2 seq 0 IRI Begin", "VM-IRI cin 2 seq 1 IRI End"];
    assert_lines(&lines, &expected);
}

/// With a spool, what was answered is on disk: nothing of it is lost with the process.
#[test]
fn what_was_answered_outlives_the_process() {
    let Some(mut road) = Road::new("what_was_answered_outlives_the_process", SPOOL) else { return };
    spool_key(&road);
    road.start_writ();
    for number in 0..5 {
        assert_eq!(road.say(&event(&format!("e{number}"), "message", "save")).0, 200);
    }
    Road::end(&mut road.writ, "-KILL");
    road.start_lemf();
    road.start_writ();
    let lines = road.pdus(10);
    assert_eq!(lines.iter().filter(|line| line.contains("VM-FULL cin 1 seq 4")).count(), 1, "{lines:#?}");
}

/// What an LEMF that is full has no room for goes by its policy, as what comes off the wire does. It refuses and delays nothing of another's,
/// and is told when it returns.
#[test]
fn an_lemf_that_is_full_is_no_matter_for_another() {
    let other = free_address();
    let of_lemf = format!("buffer = 1048576\n[[lemf]]\nname = \"lea-2\"\naddress = \"{other}\"\nretry = 1");
    let Some(mut road) = Road::new("an_lemf_that_is_full_is_no_matter_for_another", &of_lemf) else { return };
    let to_other = WARRANTS.replace("VM-", "VM-B-").replace("lea-1", "lea-2");
    std::fs::write(road.path("warrants.toml"), [WARRANTS, &to_other].concat()).expect("a file");
    let full = std::mem::replace(&mut road.lemf_address, other);
    road.start_lemf();
    road.start_writ();
    for number in 0..20 {
        let mut said = event(&format!("e{number}"), "message", "save");
        said["contents"] = json!([{ "type": "audio/wav", "data": base64(&[7; 100_000]) }]);
        assert_eq!(road.say(&said).0, 200);
    }
    // For each event two of IRI, and of CC two flags and two pieces.
    assert_eq!(road.pdus(20 * 6).len(), 20 * 6);
    Road::end(&mut road.lemf, "-TERM");
    std::fs::remove_file(road.path("lemf.out")).expect("what the other said");
    road.lemf_address = full;
    road.start_lemf();
    wait_for("the LEMF is told", || road.said("lemf.out").contains("buffer"));
    let kept = road.said("lemf.out").lines().filter(|line| line.contains(" VM-FULL") && line.contains(" CC ")).count();
    assert!((4..40).contains(&kept), "{kept} pieces of content were kept, of 40");
}

const SPOOL: &str = "[lemf.spool]\nfolder = \"spool\"\nkey = \"spool.key\"";

fn spool_key(road: &Road) {
    std::fs::write(road.path("spool.key"), "7".repeat(64)).expect("a file");
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(road.path("spool.key"), std::fs::Permissions::from_mode(0o600)).expect("its mode");
}

fn piece(of: &Value, sequence: u32) -> Value {
    json!({
        "of": of["id"], "system": "vm-1", "time": "2026-11-22T10:15:05Z",
        "content": { "id": 0, "type": "audio/wav", "sequence": sequence, "data": base64(&[7; 10]) },
    })
}

/// Whose an event is makes no difference to any answer: neither before nor after the process was killed, nor where it says what is not
/// known any more.
#[test]
fn after_a_crash_a_repetition_is_one_and_a_piece_is_refused() {
    let Some(mut road) = Road::new("after_a_crash_a_repetition_is_one", SPOOL) else { return };
    spool_key(&road);
    road.start_lemf();
    road.start_writ();
    let mut events = [event("ours", "message", "deposit"), event("theirs", "message", "deposit")];
    for said in &mut events {
        said["contents"] = json!([{ "id": 0, "type": "audio/wav", "sequence": 0, "data": base64(b"RIFF") }]);
    }
    events[1]["box"] = json!("2002");
    events[1]["parties"] = json!([{ "qualifier": "originating-party", "identity": { "msisdn": "+31687654321" } }]);
    let expected = "of: expected an event that was said, and of which something was heard within ingest.idle_time: say it, \
                    with \"again\": true if it was said before, and then this";
    let refused = |road: &Road, said: &Value| {
        let (status, answer) = road.say(said);
        let answer: Value = serde_json::from_str(&answer).expect("JSON");
        let refused = json!({ "error": expected, "kept": 1, "refused": [{ "error": expected, "item": 0 }] });
        assert_eq!((status, answer), (409, refused));
    };
    for said in &events {
        // Before its event.
        refused(&road, &json!([piece(said, 1), said]));
        assert_eq!(road.say(&piece(said, 1)).0, 200);
    }
    road.pdus(4);
    Road::end(&mut road.writ, "-KILL");
    road.start_writ();
    for said in &mut events {
        assert_eq!(road.say(&json!([said, piece(said, 1)])), (200, "{\"kept\":2}\n".to_owned()), "a repetition");
        refused(&road, &json!([piece(said, 2), said]));
        said["again"] = json!(true);
        assert_eq!(road.say(&json!([said, piece(said, 1), piece(said, 2)])).0, 200);
    }
    // What the LEMF had not shown to have comes twice from the spool, under the same numbers.
    let lines = || {
        let lines: BTreeSet<String> = road.pdus(9).into_iter().collect();
        lines.into_iter().collect::<Vec<_>>()
    };
    wait_for("all of it comes", || lines().len() >= 9);
    assert_lines(
        &lines(),
        &[
            "VM-FULL cin 1 seq 0 IRI Report messaging message deposit",
            "VM-IRI cin 2 seq 0 IRI Report messaging message deposit",
            "VM-FULL cin 1 seq 0 CC fromTarget messaging event 1 content 0 piece 0 audio/wav 4 octets",
            "VM-FULL cin 1 seq 1 CC fromTarget messaging event 1 content 0 piece 1 audio/wav 10 octets",
            "VM-FULL cin 65537 seq 0 IRI Report messaging message deposit",
            "VM-IRI cin 65538 seq 0 IRI Report messaging message deposit",
            "VM-FULL cin 65537 seq 0 CC fromTarget messaging event 1 content 0 piece 0",
            "VM-FULL cin 65537 seq 1 CC fromTarget messaging event 1 content 0 piece 1",
            "VM-FULL cin 65537 seq 2 CC fromTarget messaging event 1 content 0 piece 2",
        ],
    );
    let noted = std::fs::read(road.path("state").join("said")).expect("what was said");
    for secret in [&b"ours"[..], b"vm-1", b"VM-FULL", b"31612345678"] {
        assert!(!noted.windows(secret.len()).any(|octets| octets == secret), "only keys are there");
    }
}

#[test]
fn a_warrant_that_is_extended_goes_on() {
    let Some(mut road) = Road::new("a_warrant_that_is_extended_goes_on", "") else { return };
    road.start_lemf();
    road.start_writ();
    let said = event("e1", "message", "deposit");
    assert_eq!(road.say(&said).0, 200);
    std::fs::write(road.path("warrants.toml"), WARRANTS.replace("2027-01", "2027-02")).expect("a file");
    Road::signal(road.writ.as_ref().expect("it runs"), "-HUP");
    wait_for("warrants are read again", || road.said("writ.out").contains("warrants read again"));
    assert_eq!(road.say(&json!([piece(&said, 0), event("e2", "message", "save")])).0, 200);
    let lines = road.pdus(5);
    let expected = [
        "VM-FULL cin 1 seq 0 IRI",
        "VM-IRI cin 2 seq 0 IRI",
        "VM-FULL cin 1 seq 0 CC",
        "VM-FULL cin 1 seq 1 IRI",
        "VM-IRI cin 2 seq 1 IRI",
    ];
    assert_lines(&lines, &expected);
}

/// Neither connections on which nothing is said, nor requests that never end, keep others from being answered.
#[test]
fn who_opens_much_and_says_little_keeps_nobody_out() {
    let Some(mut road) = Road::new("who_opens_much_and_says_little_keeps_nobody_out", "") else { return };
    road.start_lemf();
    road.start_writ();
    let soon = |road: &Road, id: &str| {
        let since = Instant::now();
        assert_eq!(road.say(&event(id, "message", "save")).0, 200, "{id}");
        assert!(since.elapsed() < Duration::from_secs(5), "{id}: {:?}", since.elapsed());
    };
    let silent: Vec<TcpStream> = (0..300).map(|_| TcpStream::connect(&road.endpoint).expect("a connection")).collect();
    soon(&road, "silent");
    drop(silent);
    let port = road.endpoint.rsplit_once(':').expect("a port").1;
    // Of an announced 8 MiB one octet comes, eight times.
    let mut slow: Vec<Child> = (0..8)
        .map(|_| {
            let mut curl = Command::new("curl");
            curl.args(["-sS", "-X", "POST", "-T", "-", "--noproxy", "*", "-H", "content-type: application/json"]);
            curl.args(["-H", "transfer-encoding: chunked", "-H", "expect:"]).arg("--cacert").arg(road.path("ca.pem"));
            curl.arg("--cert").arg(road.path("client.pem")).arg("--key").arg(road.path("client.key"));
            curl.arg(format!("https://localhost:{port}/v1/events"));
            let mut child =
                curl.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("curl");
            use std::io::Write as _;
            child.stdin.as_mut().expect("its input").write_all(b"[").expect("an octet");
            child
        })
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    assert!(slow.iter_mut().all(|child| child.try_wait().expect("its state").is_none()), "they are there");
    soon(&road, "slow");
    for child in &mut slow {
        child.kill().expect("it ends");
        child.wait().expect("it ends");
    }
}

/// Every kind of party, property and content that there is, in one call.
fn all_there_is() -> Vec<Value> {
    let mut packet = vec![0x80, 8, 0, 2, 0, 0, 0, 0, 0, 0, 0, 1];
    packet.extend(b"world");
    let mut before = packet.clone();
    before[3] = 1;
    let amr = [&[0x80, 96, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1][..], b"amr"].concat();
    let rtp = |from: &str, sequence: u32, end: bool, packets: &[&[u8]]| {
        json!({
            "of": "connect", "system": "vm-1", "time": "2026-11-22T10:15:01.250001Z",
            "rtp": {
                "from": from, "sequence": sequence, "end": end,
                "payload_types": [{ "number": 96, "type": "audio/AMR" }],
                "packets": packets.iter().map(|packet| base64(packet)).collect::<Vec<_>>(),
            },
        })
    };
    let mut deposit = event("deposit", "message", "deposit");
    deposit["contents"] = json!([
        { "id": 7, "type": "audio/wav", "data": base64(&[9; 150_000]) },
        { "id": 8, "type": "text/plain", "transfer_encoding": "quoted-printable", "data": base64(b"a=3Db") },
        { "id": 0, "type": "audio/wav", "sequence": 0, "data": base64(b"0") },
    ]);
    deposit["original_message"] = json!(base64(b"CDR;1;2"));
    deposit["total_recipient_count"] = json!(70_000);
    let mut parties = vec![
        json!({ "qualifier": "originating-party", "identity": { "msisdn": "+31 6 12345678" }, "validity": "trusted" }),
        json!({ "qualifier": "terminating-party", "identity": { "e164-format": "0031201234567" }, "copy": "bcc" }),
        json!({ "qualifier": "terminating-party", "identity": { "e164-format": "+4930123456" } }),
        json!({ "qualifier": "unknown-party", "identity": { "email-address": ["a@example.org", "\u{e9}@example.org"] } }),
    ];
    for identity in [
        json!({ "ip-address": "2001:db8::1" }),
        json!({ "ip-address": "192.0.2.7" }),
        json!({ "ip-address-and-port": "192.0.2.7:5060" }),
        json!({ "ip-address-and-port": "[2001:db8::2]:443" }),
        json!({ "alphanumeric": "Bank" }),
        json!({ "imsi": "204081234567890" }),
        json!({ "imei": "35145120840121" }),
        json!({ "fax-url": "fax:+31201234567" }),
        json!({ "tel-url": "tel:+31201234567" }),
        json!({ "modem-url": "modem:+31201234567" }),
        json!({ "sip-uri": "sip:a@example.org" }),
        json!({ "sips-uri": "sips:a@example.org" }),
        json!({ "nai": "a@example.org" }),
    ] {
        parties.push(
            json!({ "qualifier": "associated-party", "identity": identity, "validity": "untrusted", "copy": "cc" }),
        );
    }
    deposit["parties"] = json!(parties);
    deposit["properties"] = json!([
        { "pincode": "1234" }, { "priority": "private" }, { "greeting-type": "absence" },
        { "notification-type": "new-message-reminder" }, { "language": "nl" }, { "message-identifier": "<1@example.org>" },
        { "subject": "h\u{e9}" }, { "user-agent": "UA/1" }, { "password": "secret" },
        { "message-status": "delivery-condition-not-met" }, { "requested-reports": "delivery-and-read" },
        { "expires": "2026-12-01T00:00:00Z" }, { "message-date": "2026-11-22T11:15:00.5+01:00" },
    ]);
    let mut reminder = event("reminder", "message-notification", "sms-pin-reminder");
    reminder["contents"] = json!([{ "type": "text/plain;charset=utf-8", "data": base64(b"PIN 1234") }]);
    reminder["status"] = json!("operation-lost");
    reminder["trigger"] = json!("system-operator");
    let mut nameless = event("nameless", "call", "callout");
    nameless.as_object_mut().expect("an object").remove("event");
    nameless.as_object_mut().expect("an object").remove("properties");
    let mut last = piece(&deposit, 1);
    last["content"]["end"] = json!(true);
    let mut said = vec![
        event("connect", "message-box", "connect"),
        rtp("user", 0, false, &[&packet, &before, &amr]),
        rtp("system", 0, true, &[&before]),
        deposit,
        last,
        reminder,
        nameless,
        event("callout", "call", "callout"),
        event("extension", "message-box", "header-play-disable"),
        event("mms", "message-notification", "mms"),
        rtp("user", 1, true, &[&packet]),
    ];
    for (at, status) in
        ["unknown", "not-applicable", "operation-failed", "operation-cancelled", "operation-started"].iter().enumerate()
    {
        let mut other = event(&format!("status-{at}"), "message-box", "greeting-play");
        (other["status"], other["trigger"]) = (json!(status), json!(["unknown", "user-agent", "system"][at % 3]));
        said.push(other);
    }
    said.push(event("disconnect", "message-box", "disconnect"));
    said
}

/// A decoder that shares no code with Writ holds each field of each PDU against what was said.
#[test]
fn another_decoder_finds_what_was_said_field_by_field() {
    let test = "another_decoder_finds_what_was_said_field_by_field";
    let (Some(oracle), Some(mut road)) = (Oracle::find(test), Road::new(test, "")) else { return };
    let config = std::fs::read_to_string(road.path("writ.toml")).expect("a file");
    std::fs::write(road.path("writ.toml"), config + "original_message_to = [\"lea-1\"]\n").expect("a file");
    let with_secrets =
        WARRANTS.replacen("deliver = \"iri+cc\"", "deliver = \"iri+cc\"\nauthentication_data = \"full\"", 1);
    std::fs::write(road.path("warrants.toml"), with_secrets).expect("a file");
    road.start_lemf();
    road.start_writ();
    let said = all_there_is();
    assert_eq!(road.say(&json!(said)), (200, format!("{{\"kept\":{}}}\n", said.len())));
    let events = said.iter().filter(|item| item.get("id").is_some()).count();
    // Two legs of two runs and two more, a content in three segments and two flags, one, two pieces, and a reminder.
    let lines = road.pdus(2 * events + 4 + 5 + 1 + 2 + 1);
    assert_eq!(lines.len(), 2 * events + 13, "{lines:#?}");
    Road::end(&mut road.writ, "-TERM");
    Road::end(&mut road.lemf, "-TERM");
    let warrants =
        json!({ "VM-FULL": { "content": true, "secrets": true }, "VM-IRI": { "content": false, "secrets": false } });
    let mut expected = json!({ "warrants": warrants, "items": said });
    let check = |expected: &Value| {
        std::fs::write(road.path("said.json"), expected.to_string()).expect("a file");
        let path = |name: &str| road.path(name).to_str().expect("a path in UTF-8").to_owned();
        oracle.run("messaging_check.py", &[&path("store/pdus.etsi"), &path("said.json")])
    };
    let counts: Value = serde_json::from_str(&check(&expected).expect("no difference")).expect("JSON");
    assert_eq!((&counts["events"], &counts["contents"]), (&json!(2 * events), &json!(4 + 1 + 1 + 2 + 1)));
    // It would see a difference.
    expected["items"][3]["parties"][9]["identity"]["imsi"] = json!("204081234567891");
    expected["items"][1]["rtp"]["packets"].as_array_mut().expect("packets").pop();
    let said = check(&expected).expect_err("differences");
    assert!(said.contains("parties") && said.contains("contents 1"), "{said}");
}
