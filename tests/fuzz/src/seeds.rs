//! First inputs of each target, made from the captures in `tests/captures` and of a few words.

use std::fs;
use std::path::{Path, PathBuf};

use writ_capture::pcap::CaptureFile;
use writ_capture::{Batch, Source};
use writ_etsi::Profile;
use writ_wire::{Close, Connection, Direction, Frame, Link, Packet, Settings, Streams, Time, Wire};

use crate::choices::Choices;
use crate::made;
use crate::{interception, pieces, wire_frames};

/// Captures longer than this, in octets, make slow inputs and teach nothing new.
const LONGEST: u64 = 13_000;

/// One input: its target, a name, and the octets.
pub type Seed = (&'static str, String, Vec<u8>);

/// The captures that are short enough.
pub fn captures() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../captures");
    let folders = [folder.clone(), folder.join("pop3")];
    let mut captures: Vec<PathBuf> = folders
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("the captures of the tree"))
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pcap"))
        .filter(|path| fs::metadata(path).is_ok_and(|metadata| metadata.len() <= LONGEST))
        .collect();
    captures.sort();
    captures
}

/// Requests of a messaging system.
const MESSAGING: [&str; 3] = [
    r#"{"id":"a","system":"vm-1","time":"2026-11-22T10:15:00Z","event":{"message":"deposit"},"status":"unknown",
"trigger":"user","box":"1001","session":"s","parties":[{"qualifier":"originating-party","identity":{"msisdn":"+31612345678"},
"validity":"trusted","copy":"bcc"},{"qualifier":"terminating-party","identity":{"email-address":["alice@example.org"]}}],
"properties":[{"pincode":"4711"},{"subject":"zqxj"},{"expires":"2026-11-22T10:15:00+01:00"},{"priority":"high"}],
"original_message":"YQ==","total_recipient_count":3,
"contents":[{"id":0,"type":"text/plain","data":"YQ=="},{"id":1,"type":"a/b","sequence":0,"end":false,"data":"YQ=="}]}"#,
    r#"[{"id":"c","system":"vm-1","time":"2026-11-22T10:15:00Z","event":{"message-box":"connect"},"status":"operation-lost",
"trigger":"system","parties":[{"qualifier":"unknown-party","identity":{"sip-uri":"sip:+31612345678@ims.example;user=phone"}}]},
{"of":"c","system":"vm-1","time":"2026-11-22T10:15:01Z","rtp":{"from":"user","sequence":0,"end":true,
"payload_types":[{"number":96,"type":"audio/AMR"}],"packets":["gGAAAQAAAAAAAAABdm9pY2U=","gAAAAQAAAAAAAAABdm9pY2U="]}},
{"of":"c","system":"vm-1","time":"2026-11-22T10:15:02Z","content":{"type":"a/b","sequence":1,"data":""}}]"#,
    r#"[{"id":"x","system":"s","time":"2026-01-01T00:00:00Z","status":"unknown","trigger":"user","parties":[
{"qualifier":"originating-party","identity":{"ip-address-and-port":"[2001:db8::1]:1"}},
{"qualifier":"terminating-party","identity":{"imsi":"204080123456789"}},
{"qualifier":"associated-party","identity":{"imei":"35145120840121"}},
{"qualifier":"originating-party","identity":{"tel-url":"tel:+31-6-12345678;ext=1"}},
{"qualifier":"terminating-party","identity":{"e164-format":"0031612345678"}},
{"qualifier":"terminating-party","identity":{"nai":"alice@example.org"}}]}]"#,
];

/// Every seed.
pub fn all() -> Vec<Seed> {
    let mut seeds = Vec::new();
    for path in captures() {
        let mut name = path.file_stem().expect("a file's name").to_string_lossy().into_owned();
        if path.parent().is_some_and(|folder| folder.ends_with("pop3")) {
            name.insert_str(0, "pop3-");
        }
        of_capture(&path, &name, &mut seeds);
    }
    for (number, case) in made::cases().into_iter().enumerate() {
        seeds.push(("xdp_filter", format!("made-{number}"), case.frame));
    }
    of_words(&mut seeds);
    seeds
}

/// A frame of a capture: its link type, its time, its octets.
type Captured = (u32, Time, Vec<u8>);

fn frames(path: &Path) -> Vec<Captured> {
    let mut file = CaptureFile::open(path).expect("a capture");
    let mut frames = Vec::new();
    loop {
        let batch = file.next_batch(&mut |frame| {
            frames.push((frame.link, Time::from_nanos(frame.time_nanos), frame.octets.to_vec()));
        });
        if batch.expect("a whole capture") == Batch::End {
            return frames;
        }
    }
}

/// Each connection's dialogue.
#[derive(Default)]
struct Dialogues(Vec<Vec<(Direction, Vec<u8>)>>);

impl Streams for Dialogues {
    type Session = usize;

    fn open(&mut self, _connection: &Connection, _time: Time) -> usize {
        self.0.push(Vec::new());
        self.0.len() - 1
    }

    fn packet(&mut self, _session: &mut usize, _packet: &Packet<'_>) {}

    fn octets(&mut self, session: &mut usize, from: Direction, _time: Time, _offset: u64, octets: &[u8]) {
        self.0[*session].push((from, octets.to_vec()));
    }

    fn gap(&mut self, _session: &mut usize, _from: Direction, _time: Time, _offset: u64, _length: u64) {}

    fn close(&mut self, _session: usize, _connection: &Connection, _time: Time, _how: Close) {}
}

fn dialogues(frames: &[Captured]) -> Vec<Vec<u8>> {
    let mut wire = Wire::new(Settings { hash_seed: Some(1), max_flows: 100, ..Settings::default() });
    let mut dialogues = Dialogues::default();
    let mut last = Time::MIN;
    for (link, time, octets) in frames {
        let link = Link::from_dlt(*link).expect("a link type that is read");
        let frame = Frame { time: *time, link, octets, wire_len: octets.len() as u32 };
        wire.frame(&frame, &mut dialogues);
        last = *time;
    }
    wire.finish(last, &mut dialogues);
    dialogues.0.iter().map(|said| pieces::write(said.iter().map(|(from, octets)| (*from, &octets[..])))).collect()
}

fn of_capture(path: &Path, name: &str, seeds: &mut Vec<Seed>) {
    seeds.push(("capture_file", name.to_owned(), fs::read(path).expect("a capture")));
    let frames = frames(path);
    let rows: Vec<(u8, u8, &[u8])> = frames.iter().map(|(_, _, octets)| (0, 4, &octets[..])).collect();
    seeds.push(("wire_frames", name.to_owned(), wire_frames::write(0, &rows)));
    // The same without the Ethernet header, and with the checksums looked at.
    let raw: Vec<(u8, u8, &[u8])> =
        frames.iter().map(|(_, _, octets)| (1, 9, &octets[14.min(octets.len())..])).collect();
    seeds.push(("wire_frames", format!("{name}-raw"), wire_frames::write(1, &raw)));
    for (number, (_, _, octets)) in frames.iter().take(6).enumerate() {
        seeds.push(("xdp_filter", format!("{name}-{number}"), octets.clone()));
    }
    for (number, dialogue) in dialogues(&frames).into_iter().enumerate().filter(|(_, dialogue)| !dialogue.is_empty()) {
        let name = format!("{name}-{number}");
        if name.starts_with("pop3-") {
            seeds.push(("pop3", name.clone(), [&[6][..], &dialogue].concat()));
            continue;
        }
        seeds.push(("lemf_smtp", name.clone(), dialogue.clone()));
        seeds.push(("smtp", name.clone(), [&[6][..], &dialogue].concat()));
        for client in [0, 2] {
            seeds.push(("interception", format!("{name}-{client}"), [&[client, 18][..], &dialogue].concat()));
        }
        for profile in [Profile::V331, Profile::Current] {
            let pdus = interception::pdus(2, &pieces::read(&mut Choices::new(&dialogue)), profile);
            for (number, pdu) in pdus.iter().enumerate() {
                seeds.push(("pdu", format!("{name}-{profile:?}-{number}"), pdu.clone()));
            }
            if !pdus.is_empty() {
                seeds.push(("lemf_store", format!("{name}-{profile:?}"), [vec![0], pdus.concat()].concat()));
            }
        }
    }
}

/// A warrants file with every key, and `zqxj` where a secret is.
const WARRANTS: &str = r#"
[[warrant]]
liid = "zqxj-1"
authorization_country = "NL"
start = 2026-01-01T00:00:00Z
end = 2026-12-31T00:00:00+01:00
deliver = "iri+cc"
cc_format = "ip-packet"
authentication_data = "full"
lemf = "lea-1"
report_failed_sends = true
match_case = true
strip_tag = true
targets = [{ email = "zqxj@example.org" }, { login = "zqxj" }, { ip = "192.0.2.10" }, { ip = "2001:db8:1::/64" }]

[[warrant]]
liid = "zqxj-2"
authorization_country = "NL"
start = 2026-01-01T00:00:00Z
end = 2026-12-31T00:00:00Z
deliver = "iri"
lemf = "zqxj"
targets = [{ email = "zqxj" }]
"#;

const CONFIGURATION: &str = r#"
warrants = "warrants.toml"
state = "/var/lib/writ"

[wire]
mail_ports = [25, 587]
verify_checksums = true
vlan_in_key = true
max_flows = 1000
idle_time = 60
hold_time = 5
hold_octets = 1000
held_octets = 10000

[intercept]
delivered_here = ["example.org"]
default_domain = "example.org"
hold_octets = 1000
server = [{ address = "192.0.2.25", default_domain = "example.net" }]

[metrics]
listen = "127.0.0.1:9100"

[cores]
workers = [1]
delivery = 0

[handover]
operator = "op"
network_element = "ne"

[[lemf]]
name = "lea-1"
address = "127.0.0.1:4000"

[[interface]]
interface = "tap0"
"#;

const POP3: [(Direction, &[u8]); 12] = [
    (Direction::FromServer, b"+OK <1@x>\r\n"),
    (Direction::FromClient, b"CAPA\r\nUSER carol\r\nPASS zqxj\r\nSTAT\r\n"),
    (Direction::FromServer, b"+OK\r\nPIPELINING\r\n.\r\n+OK\r\n-ERR\r\n-ERR\r\n"),
    (Direction::FromClient, b"AUTH LOGIN\r\n"),
    (Direction::FromServer, b"+ VXNlcm5hbWU6\r\n"),
    (Direction::FromClient, b"Y2Fyb2w=\r\n"),
    (Direction::FromServer, b"+ UGFzc3dvcmQ6\r\n"),
    (Direction::FromClient, b"enF4ag==\r\n"),
    (Direction::FromServer, b"+OK\r\n"),
    (Direction::FromClient, b"UIDL\r\nRETR 1\r\nTOP 2 0\r\nDELE 1\r\nXTND XLST\r\nQUIT\r\n"),
    (Direction::FromServer, b"+OK\r\n1 a\r\n.\r\n+OK 9\r\nFrom: <a@x>\r\nMessage-ID: <1@x>\r\n\r\n..\r\n.\r\n"),
    (Direction::FromServer, b"+OK\r\n\r\n.\r\n+OK\r\n+OK\r\nx\r\n.\r\n+OK\r\n"),
];

const IMAP: [(Direction, &[u8]); 18] = [
    (Direction::FromServer, b"* OK [CAPABILITY IMAP4rev1] hi\r\n"),
    (Direction::FromClient, b"a AUTHENTICATE LOGIN\r\n"),
    (Direction::FromServer, b"+ VXNlcm5hbWU6\r\n"),
    (Direction::FromClient, b"Y2Fyb2w=\r\n"),
    (Direction::FromServer, b"+ UGFzc3dvcmQ6\r\n"),
    (Direction::FromClient, b"enF4ag==\r\n"),
    (Direction::FromServer, b"a NO\r\n"),
    (Direction::FromClient, b"b LOGIN {5}\r\n"),
    (Direction::FromServer, b"+ go\r\n"),
    (Direction::FromClient, b"carol {4+}\r\nzqxj\r\nc FETCH 1 (BODY[] ENVELOPE)\r\nd UID FETCH 1 FLAGS\r\n"),
    (
        Direction::FromServer,
        b"* CAPABILITY x\r\nb OK in\r\n* 1 FETCH (BODY[] {25}\r\nFrom: <a@x>\r\nMessage-I ENVELOPE (NIL NIL",
    ),
    (
        Direction::FromServer,
        b" ((NIL NIL \"a\" {1}\r\nx)) NIL NIL NIL NIL NIL NIL \"<1@x>\"))\r\nd OK\r\n* 2 EXISTS\r\nc OK\r\n",
    ),
    (Direction::FromClient, b"e APPEND x (\\Seen) {3+}\r\nabc CATENATE (URL y TEXT {2}\r\n"),
    (Direction::FromServer, b"+\r\n"),
    (Direction::FromClient, b"ab)\r\nf IDLE\r\nDONE\r\ng UNAUTHENTICATE\r\n"),
    (Direction::FromServer, b"e OK\r\n+ x\r\n* 3 FETCH (UID 1 BODY[HEADER.FIELDS (From)] \"x\")\r\nf OK\r\ng OK\r\n"),
    (Direction::FromClient, b"h LOGOUT\r\n"),
    (Direction::FromServer, b"* BYE\r\nh OK\r\n"),
];

fn of_words(seeds: &mut Vec<Seed>) {
    let imap = pieces::write(IMAP);
    let headless = pieces::write(IMAP.into_iter().skip(9));
    for bits in [0_u8, 6, 0x3f] {
        seeds.push(("imap", format!("words-{bits}"), [&[bits][..], &imap].concat()));
        seeds.push(("inflate", format!("words-{bits}"), [&[bits][..], &headless].concat()));
    }
    let compress: [(Direction, &[u8]); 5] = [
        (Direction::FromServer, b"* PREAUTH\r\n"),
        (Direction::FromClient, b"a COMPRESS DEFLATE\r\n"),
        (Direction::FromServer, b"a OK\r\n"),
        // Stored blocks.
        (Direction::FromClient, b"\x00\x08\x00\xf7\xffb NOOP\r\n"),
        (Direction::FromServer, b"\x00\x06\x00\xf9\xffb OK\r\n"),
    ];
    seeds.push(("imap", "compress".to_owned(), [&[6][..], &pieces::write(compress)].concat()));
    seeds.push(("inflate", "stored".to_owned(), [&[0x46][..], &pieces::write(compress.into_iter().skip(3))].concat()));
    for (number, text) in MESSAGING.iter().enumerate() {
        seeds.push(("messaging", format!("{number}"), text.as_bytes().to_vec()));
    }
    seeds.push(("warrants", "all".to_owned(), WARRANTS.into()));
    seeds.push(("configuration", "all".to_owned(), CONFIGURATION.into()));
    for (number, text) in
        ["alice@example.org", "\"al ice\"@B\u{fc}cher.example.", "alice+tag@xn--bcher-kva.example", "alice"]
            .iter()
            .enumerate()
    {
        for form in 0..4 {
            seeds.push(("addresses", format!("{number}-{form}"), [&[form][..], text.as_bytes()].concat()));
        }
    }
    let steps = |mechanism: u8, steps: &[(u8, &[u8])]| {
        let mut input = vec![mechanism, 1];
        for (head, message) in steps {
            input.extend([*head, message.len() as u8]);
            input.extend(*message);
        }
        input
    };
    let exchanges: [(u8, &[(u8, &[u8])]); 8] = [
        (0, &[(8, b"\0alice\0wonderland-7")]),
        (1, &[(8, b""), (1, b"Username:"), (0, b"alice"), (1, b"Password:"), (0, b"wonderland-7")]),
        (
            2,
            &[
                (8, b""),
                (1, b"<1896.697170952@postoffice.example.net>"),
                (0, b"alice b913a602c7eda7a495b4e6e7334d3890"),
            ],
        ),
        (3, &[(8, b""), (1, b"realm=\"x\",nonce=\"y\""), (0, b"username=\"alice\",realm=\"x\",response=00")]),
        (4, &[(8, b"n,,n=alice,r=abc"), (1, b"r=abcd,s=c2FsdA==,i=4096"), (0, b"c=biws,r=abcd,p=cHJvb2Y=")]),
        (5, &[(8, b"user=alice@example.org\x01auth=Bearer token\x01\x01")]),
        (6, &[(12, b"n,a=alice@example.org,\x01host=h\x01auth=Bearer token\x01\x01")]),
        (7, &[(8, b"NTLMSSP\0\x01\0\0\0"), (0, b"NTLMSSP\0\x03\0\0\0")]),
    ];
    for (number, (mechanism, messages)) in exchanges.iter().enumerate() {
        seeds.push(("sasl", format!("{number}"), steps(*mechanism, messages)));
    }
    seeds.push(("pop3", "words".to_owned(), [&[6][..], &pieces::write(POP3)].concat()));
    let isn = [0xff, 0xff, 0xff, 0xf0, 0, 0, 0, 9];
    let dialogues: [&[u8]; 4] = [
        // Said in turns, then both ends end.
        &[0x10, 20, 0x00, 10, 0x10, 30, 0x00, 200, 0x04, 0x14, 0x09, 0x19, 0x04],
        // Held back, fragmented, said again.
        &[0x20, 50, 0x40, 80, 0x05, 0, 90, 0, 60, 0x07, 0, 0x14],
        // Lost, and time passes.
        &[0x06, 0, 40, 0x00, 9, 0x14, 0x08, 80, 0x00, 9, 0x0a],
        // Forged, and a new connection.
        &[0x00, 9, 0x0c, 0x04, 0, 0, 0, 0, 5, 0x0d, 1, 2, 3, 4, 5, 6, 7, 8, 0x10, 9, 0x0b, 1, 0x0e],
    ];
    for (number, steps) in dialogues.iter().enumerate() {
        for v6 in 0..2 {
            seeds.push(("wire_dialogue", format!("{number}-{v6}"), [&[v6][..], &isn, steps].concat()));
        }
    }
}
