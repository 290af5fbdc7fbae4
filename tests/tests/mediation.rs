//! Two appliances, a broker, two mediators and an LEMF, each a process of its own; one of each is killed under load, and the
//! broker too. Nothing that the broker had acknowledged is lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam::channel::bounded;
use tempfile::TempDir;
use writ_etsi::{PsPdu, decode, pdu_length};
use writ_handover::cin::CinReserve;
use writ_handover::settings::{BrokerSettings, HandoverSettings, LemfSettings};
use writ_handover::{Delivery, DeliverySettings, Outlet};
use writ_intercept::record::{Body, Cin, Iri, IriType, MailEvent, Mandate, Protocol, Record, Status};
use writ_tests::{build_writ, skip};
use writ_wire::Time;

const FOLDER: &str = "WRIT_TEST_APPLIANCE_FOLDER";
const NAME: &str = "WRIT_TEST_APPLIANCE_NAME";
const BROKER: &str = "WRIT_TEST_APPLIANCE_BROKER";
/// Records of one communication, if it is not cut short.
const RECORDS: u32 = 2000;
/// Records after which an appliance says what the broker has.
const PORTION: u32 = 100;
/// And a pause after them: the broker takes more than a reference receiver of this build.
const PAUSE: Duration = Duration::from_millis(40);
/// Octets that each connection of a mediator holds: what may come twice when another takes over.
const BUFFER: u64 = 1 << 20;

/// An appliance. Publishes until it is killed, or nobody holds its standard input any more, and says of each communication how
/// many PDUs of it the broker has. Does nothing unless the other test started it.
#[test]
#[ignore = "started and killed by the test below"]
fn publishes_until_it_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else { return };
    let name = std::env::var(NAME).expect("a name");
    let lemf = LemfSettings {
        broker: Some(BrokerSettings::at(std::env::var(BROKER).expect("a broker"), folder.join("key"))),
        ..LemfSettings::at("lea-1", "127.0.0.1:9")
    };
    let reserve = CinReserve::open(folder.join(&name)).expect("CINs");
    let cins = reserve.allocator();
    let (sender, queue) = bounded(1 << 12);
    let handover = HandoverSettings { network_element_identifier: Some(name.clone()), ..HandoverSettings::default() };
    let settings = DeliverySettings { handover, cin_reserve: Some(reserve), ..DeliverySettings::default() };
    let delivery = Delivery::start(settings, vec![Outlet::network(lemf)], vec![queue]).expect("delivery starts");
    let counters = delivery.counters();
    let mandate = Arc::new(Mandate { liid: format!("LIID-{name}"), authorization_country: "NL".into(), lemf: 0 });
    let (told, to_end) = mpsc::channel();
    thread::spawn(move || {
        let _ = std::io::stdin().read(&mut [0]);
        let _ = told.send(());
    });
    let (mut sent, mut out) = (0_u64, std::io::stdout().lock());
    'all: loop {
        let cin = cins.allocate().0;
        for count in 1..=RECORDS {
            sender.send(record(&mandate, cin)).expect("delivery takes it");
            sent += 1;
            if count % PORTION == 0 {
                // The cINReset of the first start may be among what was published: one more is waited for then.
                let published = || {
                    let link = counters.snapshot().lemfs[0].hi2;
                    link.broker_published >= sent + link.tri
                };
                while !published() {
                    thread::sleep(Duration::from_millis(1));
                }
                out.write_all(format!("PUBLISHED {cin} {count}\n").as_bytes()).expect("somebody listens");
                if to_end.try_recv().is_ok() {
                    break 'all;
                }
                thread::sleep(PAUSE);
            }
        }
    }
    drop(sender);
    assert!(delivery.drain(Duration::from_secs(20)).is_complete());
}

fn record(mandate: &Arc<Mandate>, cin: u32) -> Record {
    let iri = Iri {
        record_type: IriType::Continue,
        event: MailEvent::Send,
        protocol: Protocol::Smtp,
        client: "192.0.2.1:1024".parse().expect("an address"),
        server: "192.0.2.2:25".parse().expect("an address"),
        client_octets: 1,
        server_octets: 2,
        sender: None,
        recipients: vec!["r".repeat(200); 3],
        total_recipients: None,
        status: Status::Unknown,
        message_id: None,
        aaa: None,
        sender_validity: None,
    };
    let time = Time::from_parts(1_800_000_000, 0);
    Record { mandate: Arc::clone(mandate), cin: Cin(cin), time, body: Body::Iri(Box::new(iri)) }
}

/// How many PDUs of each communication the broker is known to have.
type Published = Arc<Mutex<BTreeMap<u32, u32>>>;

/// A running appliance.
struct Appliance {
    child: Child,
    stdin: Option<ChildStdin>,
    listens: JoinHandle<()>,
}

impl Appliance {
    fn start(folder: &Path, name: &str, broker: &str, published: &Published) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args(["--exact", "publishes_until_it_is_killed", "--ignored", "--nocapture", "--test-threads=1"])
            .envs([(FOLDER, folder.as_os_str()), (NAME, name.as_ref()), (BROKER, broker.as_ref())])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("an appliance starts");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().expect("what it says"));
        let published = Arc::clone(published);
        let listens = thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let Some((_, rest)) = line.split_once("PUBLISHED ") else { continue };
                let Some((cin, count)) = rest.split_once(' ') else { continue };
                let (cin, count) = (cin.parse().expect("a CIN"), count.parse().expect("a count"));
                published.lock().expect("nobody panicked").insert(cin, count);
            }
        });
        Self { child, stdin, listens }
    }

    fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it ends");
        self.listens.join().expect("all that it said");
    }

    /// Lets it publish what it has, and end.
    fn end(mut self) {
        drop(self.stdin.take());
        assert!(self.child.wait().expect("it ends").success());
        self.listens.join().expect("all that it said");
    }
}

/// A process that is ended when the test is.
struct Process(Child);

impl Process {
    fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).spawn().expect("a process starts"))
    }

    fn writ(args: &[&Path], said: &Path) -> Self {
        let said = File::options().create(true).append(true).open(said).expect("a file");
        Self::start(Command::new(build_writ()).args(args).stderr(said))
    }

    fn kill(mut self) {
        self.0.kill().expect("it is killed");
        self.0.wait().expect("it ends");
    }

    /// Ends it as an operator would.
    fn end(mut self) {
        let told = Command::new("kill").args(["-TERM", &self.0.id().to_string()]).status().expect("kill runs");
        assert!(told.success() && self.0.wait().expect("it ends").success());
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn free() -> String {
    TcpListener::bind("127.0.0.4:0").and_then(|free| free.local_addr()).expect("a free port").to_string()
}

fn broker(address: &str, folder: &Path) -> Process {
    let (host, port) = address.rsplit_once(':').expect("a port");
    let mut command = Command::new("nats-server");
    command.args(["-js", "-a", host, "-p", port, "-sd"]).arg(folder.join("jetstream")).stderr(Stdio::null());
    let broker = Process::start(&mut command);
    let since = Instant::now();
    while TcpStream::connect(address).is_err() {
        assert!(since.elapsed() < Duration::from_secs(20), "nats-server listens");
        thread::sleep(Duration::from_millis(20));
    }
    broker
}

/// The whole PDUs in the store of a receiver.
fn stored(store: &Path) -> Vec<PsPdu> {
    let octets = fs::read(store.join("pdus.etsi")).unwrap_or_default();
    let (mut rest, mut pdus) = (&octets[..], Vec::new());
    while let Ok(Some(length)) = pdu_length(rest) {
        let Some((pdu, after)) = rest.split_at_checked(length) else { break };
        pdus.push(decode(pdu).expect("a PDU"));
        rest = after;
    }
    pdus
}

/// The numbers of each communication of each appliance, as they came.
fn numbers(pdus: &[PsPdu]) -> BTreeMap<(String, u32), Vec<u32>> {
    let mut numbers: BTreeMap<_, Vec<u32>> = BTreeMap::new();
    for header in pdus.iter().map(|pdu| &pdu.ps_header) {
        let identifier = &header.communication_identifier;
        let Some(cin) = identifier.communication_identity_number else { continue };
        let element = identifier.network_identifier.network_element_identifier.as_deref().expect("a network element");
        let element = String::from_utf8(element.to_vec()).expect("a name");
        assert_eq!(header.lawful_interception_identifier[..], *format!("LIID-{element}").as_bytes());
        numbers.entry((element, cin)).or_default().push(header.sequence_number);
    }
    numbers
}

#[test]
fn nothing_is_lost_when_an_appliance_a_mediator_and_the_broker_are_killed() {
    let test = "nothing_is_lost_when_an_appliance_a_mediator_and_the_broker_are_killed";
    if !Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_ok_and(|found| found.success()) {
        skip(test, "there is no nats-server here");
        return;
    }
    let folder = TempDir::new().expect("a folder");
    let folder = folder.path();
    fs::write(folder.join("key"), "5a".repeat(32)).expect("a key");
    fs::set_permissions(folder.join("key"), fs::Permissions::from_mode(0o400)).expect("it is kept from others");
    let (address, lemf) = (free(), free());
    let config = folder.join("writ.toml");
    let text = format!(
        "[handover]\noperator_identifier = \"WRIT\"\nnetwork_element_identifier = \"MEDIATOR\"\n\
         [[lemf]]\nname = \"lea-1\"\naddress = \"{lemf}\"\nretry = 1\nbuffer = {BUFFER}\n\
         [lemf.acknowledgement]\npdus = 50\ninterval = 0.1\n\
         [lemf.broker]\nservers = [\"{address}\"]\nkey = \"key\"\nlease = 2\n"
    );
    fs::write(&config, text).expect("a configuration");
    let said = folder.join("said");
    let mediator = || Process::writ(&["mediate".as_ref(), "--config".as_ref(), &config], &said);
    let store = folder.join("store");
    let receiver =
        Process::writ(&["lemf".as_ref(), "--listen".as_ref(), lemf.as_ref(), "--store".as_ref(), &store], &said);
    let mut of_broker = broker(&address, folder);
    let (east, west) = (Published::default(), Published::default());
    let start = |name, published| Appliance::start(folder, name, &address, published);
    let first = mediator();
    let second = mediator();
    let (mut of_east, of_west) = (start("EAST", &east), start("WEST", &west));
    let known = |published: &Published| published.lock().expect("nobody panicked").len();
    let while_it_runs = |seconds: f64| thread::sleep(Duration::from_secs_f64(seconds));
    let arrived = || fs::metadata(store.join("pdus.etsi")).map_or(0, |found| found.len());
    let since = Instant::now();
    while arrived() == 0 || known(&west) == 0 {
        assert!(
            since.elapsed() < Duration::from_secs(60),
            "it begins: {}",
            fs::read_to_string(&said).unwrap_or_default()
        );
        while_it_runs(0.05);
    }
    while_it_runs(1.0);
    first.kill();
    while_it_runs(1.0);
    of_east.kill();
    of_east = start("EAST", &east);
    while_it_runs(2.5);
    let third = mediator();
    of_broker.kill();
    while_it_runs(1.0);
    of_broker = broker(&address, folder);
    while_it_runs(2.0);
    second.kill();
    while_it_runs(3.0);
    of_east.end();
    of_west.end();

    let expected: BTreeSet<(String, u32, u32)> = [("EAST", &east), ("WEST", &west)]
        .into_iter()
        .flat_map(|(name, published)| {
            let published = published.lock().expect("nobody panicked").clone();
            published.into_iter().flat_map(move |(cin, count)| (0..count).map(move |n| (name.to_owned(), cin, n)))
        })
        .collect();
    let since = Instant::now();
    let (came, all) = loop {
        let came = numbers(&stored(&store));
        let all: BTreeSet<_> =
            came.iter().flat_map(|((name, cin), each)| each.iter().map(|n| (name.clone(), *cin, *n))).collect();
        let missing = expected.difference(&all).count();
        if missing == 0 {
            break (came, all);
        }
        if since.elapsed() >= Duration::from_secs(60) {
            let mut of: BTreeMap<_, Vec<u32>> = BTreeMap::new();
            expected.difference(&all).for_each(|(name, cin, n)| of.entry((name, cin)).or_default().push(*n));
            let ranges: Vec<String> = of
                .iter()
                .map(|((name, cin), n)| format!("{name} {cin}: {} from {:?} to {:?}", n.len(), n.first(), n.last()))
                .collect();
            let words = fs::read_to_string(&said).unwrap_or_default();
            panic!("{missing} of {} PDUs never came: {ranges:?}\n{words}", expected.len());
        }
        while_it_runs(0.5);
    };
    third.end();
    receiver.end();
    drop(of_broker);

    let mut twice = 0;
    for ((name, cin), each) in &came {
        // The first time that each came was in order, and nothing is missing before the last.
        let mut next = 0;
        for number in each {
            assert!(*number <= next, "{name}, CIN {cin}: {number} before {next}");
            next = next.max(number + 1);
        }
        twice += each.len() - next as usize;
    }
    let octets = arrived() / (all.len() + twice) as u64;
    let messages = format!(
        "{} PDUs that the broker was known to have, {} came, 0 lost, {twice} twice, of {octets} octets",
        expected.len(),
        all.len()
    );
    eprintln!("{messages}");
    // Of two appliances, each taken over three times at most: what a mediator had on its way.
    assert!(twice as u64 <= 2 * 3 * BUFFER / octets, "{messages}");
    assert!(expected.len() > 2000, "{messages}");
}
