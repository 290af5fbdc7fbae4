//! Dialogues, written as the two ends spoke them, and what the machine must say of each.

use proptest::prelude::*;
use writ_wire::{Direction, Time};

use super::{Limits, Pop3, Verb};
use crate::access::{Event, Login, Machine, Scheme, TransferKind, TransferResult};
use crate::line::At;
use crate::sasl::{Keep, Outcome};

use Direction::{FromClient, FromServer};

/// One turn of a dialogue: octets of one side, or of which side how many are missing.
#[derive(Clone, Debug)]
enum Turn {
    Says(Direction, Vec<u8>),
    Gap(Direction, u64),
}

/// `C: text` and `S: text` lines; `C! text` is sent without a line end, `C~ text` with a bare LF; `C? 10` are ten octets that
/// were not captured. Lines of one side are one turn, but for those after an empty line.
fn dialogue(script: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut fresh = true;
    for line in script.trim().lines().map(str::trim_start) {
        if line.is_empty() {
            fresh = true;
            continue;
        }
        let (letter, rest) = line.split_at(1);
        let from = if letter == "C" { FromClient } else { FromServer };
        let (kind, text) = rest.split_at(1);
        let text = text.strip_prefix(' ').unwrap_or(text);
        if kind == "?" {
            turns.push(Turn::Gap(from, text.parse().unwrap()));
            continue;
        }
        let end = match kind {
            "!" => "",
            "~" => "\n",
            _ => "\r\n",
        };
        let octets = format!("{text}{end}").replace("\\0", "\0").into_bytes();
        match turns.last_mut() {
            Some(Turn::Says(of, turn)) if *of == from && !fresh => turn.extend(octets),
            _ => turns.push(Turn::Says(from, octets)),
        }
        fresh = false;
    }
    turns
}

/// A short line for each event that matters; octets of one side that follow each other are one line.
#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    octets: Option<(Direction, u64, Vec<u8>)>,
    /// Octets of each side that were told, as stretches of its stream.
    told: Vec<(Direction, u64, u64)>,
    /// Whether an exchange had more steps than are held.
    cut: bool,
}

fn text(octets: &[u8]) -> String {
    String::from_utf8_lossy(octets).replace("\r\n", "|").replace('\n', "/")
}

impl Notes {
    fn flush(&mut self) {
        if let Some((from, _, octets)) = self.octets.take() {
            let side = if from == FromClient { "C" } else { "S" };
            self.lines.push(format!("{side} {}", text(&octets)));
        }
    }

    fn take(&mut self, event: &Event<'_>) {
        if let Event::Octets(said) = event {
            assert_eq!(said.wire.end - said.wire.start, said.octets.len() as u64);
            self.told.push((said.from, said.wire.start, said.wire.end));
            match &mut self.octets {
                Some((from, end, octets)) if *from == said.from && *end == said.wire.start => {
                    octets.extend(said.octets);
                    *end = said.wire.end;
                }
                _ => {
                    self.flush();
                    self.octets = Some((said.from, said.wire.end, said.octets.to_vec()));
                }
            }
            return;
        }
        self.flush();
        let note = match event {
            Event::Greeting { logged_in, .. } => format!("greeting {logged_in}"),
            Event::Login(login) => self.login(login),
            Event::Transfer(transfer) => {
                let kind = if transfer.kind == TransferKind::Download { "RETR" } else { "TOP" };
                format!(
                    "{kind} {:?} {}+{} {} {}",
                    transfer.result,
                    transfer.client_octets,
                    transfer.server_octets,
                    transfer.sender.as_deref().unwrap_or("-"),
                    transfer.message_id.as_deref().map_or("-".into(), text)
                )
            }
            Event::Settled { .. } => ";".to_owned(),
            Event::Logoff(end) => format!("logoff {:?} {}+{}", end.result, end.client_octets, end.server_octets),
            Event::Dark { .. } => "dark".to_owned(),
            Event::Lost { from, octets, .. } => format!("lost {from:?} {octets}"),
            Event::Anomaly(anomaly) => format!("! {}", anomaly.name()),
            Event::Octets(_) | Event::LoggedOut(_) | Event::UrlContent(_) | Event::Capabilities { .. } => {
                unreachable!()
            }
        };
        self.lines.push(note);
    }

    fn login(&mut self, login: &Login) -> String {
        self.cut |= matches!(&login.scheme, Scheme::Sasl(exchange) if exchange.cut > 0);
        let steps = login.redacted(Keep::Username);
        for step in &steps {
            self.told.push((step.from, step.offset, step.offset + step.octets.len() as u64));
        }
        let spoken: Vec<String> = steps.iter().map(|step| text(&step.octets)).collect();
        let name = login.identity().map_or("-".to_owned(), |identity| identity.login.clone());
        let kind = if matches!(login.scheme, Scheme::Sasl(_)) { "sasl" } else { "login" };
        format!("{kind} {name} {:?} {}", login.outcome, spoken.concat())
    }
}

/// Feeds turns, those of octets in pieces of at most `piece`; a turn that a gap follows is only ended by it.
fn feed(pop3: &mut Pop3, turns: &[Turn], piece: usize, tell: &mut dyn FnMut(Event<'_>)) {
    let mut offsets = [0_u64; 2];
    for (number, turn) in turns.iter().enumerate() {
        let time = Time::from_nanos(number as u64);
        match turn {
            Turn::Says(from, octets) => {
                for octets in octets.chunks(piece.max(1)) {
                    let offset = &mut offsets[usize::from(*from == FromServer)];
                    let at = At { time, offset: *offset };
                    *offset += octets.len() as u64;
                    match from {
                        FromClient => pop3.client(at, octets, tell),
                        FromServer => pop3.server(at, octets, tell),
                    }
                }
            }
            Turn::Gap(from, octets) => {
                offsets[usize::from(*from == FromServer)] += octets;
                pop3.gap(*from, time, *octets, tell);
            }
        }
    }
    pop3.close(Time::from_nanos(turns.len() as u64), tell);
}

fn notes_of(from_start: bool, turns: &[Turn], piece: usize) -> Notes {
    let mut notes = Notes::default();
    feed(&mut Pop3::new(from_start, Limits::default()), turns, piece, &mut |event| notes.take(&event));
    notes.flush();
    notes
}

/// Every octet of a whole session is told once.
fn assert_all_told(turns: &[Turn], notes: &Notes) {
    for side in [FromClient, FromServer] {
        let sent: usize = turns
            .iter()
            .map(|turn| match turn {
                Turn::Says(from, octets) if *from == side => octets.len(),
                _ => 0,
            })
            .sum();
        let mut told: Vec<_> = notes.told.iter().filter(|told| told.0 == side).map(|told| (told.1, told.2)).collect();
        told.sort_unstable();
        let end = told.iter().fold(0, |end, &(from, to)| {
            assert_eq!(from, end, "{side:?}: {:?}", notes.lines);
            to
        });
        assert_eq!(end, sent as u64, "{side:?}: {:?}", notes.lines);
    }
}

/// What is said of a session, in whatever pieces it comes.
fn run(script: &str) -> Vec<String> {
    let turns = dialogue(script);
    let whole = notes_of(true, &turns, usize::MAX);
    if !whole.lines.iter().any(|line| line == "dark") && !turns.iter().any(|turn| matches!(turn, Turn::Gap(..))) {
        assert_all_told(&turns, &whole);
    }
    for piece in [1, 2, 3, 7, 19] {
        assert_eq!(notes_of(true, &turns, piece).lines, whole.lines, "in pieces of {piece}");
    }
    // Every position at which a turn can be cut in two.
    for (number, turn) in turns.iter().enumerate() {
        let Turn::Says(from, octets) = turn else { continue };
        for cut in 1..octets.len() {
            let mut turns = turns.clone();
            let (a, b) = octets.split_at(cut);
            turns.splice(number..=number, [Turn::Says(*from, a.to_vec()), Turn::Says(*from, b.to_vec())]);
            assert_eq!(notes_of(true, &turns, usize::MAX).lines, whole.lines, "turn {number} cut at {cut}");
        }
    }
    whole.lines
}

/// The same after a login, without it and what comes before.
fn run_in_mailbox(script: &str) -> Vec<String> {
    let login = "
        S: +OK ready
        C: USER alice
        S: +OK
        C: PASS s3cret
        S: +OK in";
    let notes = run(&format!("{login}\n{script}"));
    let login = ["S +OK ready|", "greeting false", "login alice Succeeded USER alice|+OK|PASS ******|+OK in|", ";"];
    assert_eq!(notes[..4], login);
    notes[4..].to_vec()
}

/// TS 102 232-2 clause B.6.
#[test]
fn the_example_of_the_standard() {
    let notes = run("
        S: +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>
        C: APOP mrose c4c9334bac560ecc979e58001b3e22fb
        S: +OK mrose's maildrop has 2 messages (320 octets)
        C: STAT
        S: +OK 2 320
        C: LIST
        S: +OK 2 messages (320 octets)
        S: 1 120
        S: 2 200
        S: .
        C: RETR 1
        S: +OK 120 octets
        S: From: <a@example.org>
        S: Message-ID: <1@example.org>
        S:
        S: text
        S: .
        C: DELE 1
        S: +OK message 1 deleted
        C: TOP 2 10
        S: +OK top of message follows
        S: From: <b@example.org>
        S:
        S: ten lines
        S: .
        C: DELE 2
        S: +OK message 2 deleted
        C: QUIT
        S: +OK dewey POP3 server signing off (maildrop empty)");
    assert_eq!(
        notes,
        [
            "S +OK POP3 server ready <1896.697170952@dbc.mtview.ca.us>|",
            "greeting false",
            "login mrose Succeeded APOP mrose ********************************|\
             +OK mrose's maildrop has 2 messages (320 octets)|",
            ";",
            "C STAT|",
            "S +OK 2 320|",
            ";",
            "C LIST|",
            "S +OK 2 messages (320 octets)|1 120|2 200|.|",
            ";",
            "C RETR 1|",
            "S +OK 120 octets|From: <a@example.org>|Message-ID: <1@example.org>||text|.|",
            "RETR Succeeded 8+79 a@example.org <1@example.org>",
            ";",
            "C DELE 1|",
            "S +OK message 1 deleted|",
            ";",
            "C TOP 2 10|",
            "S +OK top of message follows|From: <b@example.org>||ten lines|.|",
            "TOP Succeeded 10+67 b@example.org -",
            ";",
            "C DELE 2|",
            "S +OK message 2 deleted|",
            ";",
            "C QUIT|",
            "S +OK dewey POP3 server signing off (maildrop empty)|",
            "logoff Succeeded 6+52",
            ";",
        ]
    );
}

#[test]
fn a_login_that_fails_and_one_that_succeeds() {
    let notes = run("
        S: +OK
        C: user alice
        S: +OK
        C: pass wr0ng
        S: -ERR [AUTH] no
        C: USER alice
        S: +OK
        C: PASS s3cret with spaces
        S: +OK
        C: NOOP
        S: +OK");
    assert_eq!(
        notes[2..],
        [
            "login alice Failed user alice|+OK|pass *****|-ERR [AUTH] no|",
            ";",
            "login alice Succeeded USER alice|+OK|PASS ******************|+OK|",
            ";",
            "C NOOP|",
            "S +OK|",
            ";",
        ]
    );
}

#[test]
fn a_user_without_a_pass() {
    // The connection ends, before or after the server's answer.
    assert_eq!(run("S: +OK\nC: USER alice")[2..], ["login alice BrokenOff USER alice|", ";"]);
    assert_eq!(run("S: +OK\nC: USER alice\nS: +OK")[2..], ["login alice BrokenOff USER alice|+OK|", ";"]);
    assert_eq!(run("S: +OK\nC: USER alice\nS: -ERR")[2..], ["login alice Failed USER alice|-ERR|", ";"]);
    // A PASS without an answer.
    assert_eq!(
        run("S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret")[2..],
        ["login alice BrokenOff USER alice|+OK|PASS ******|", ";"]
    );
    // Other commands come between, or another login.
    let notes = run("
        S: +OK
        C: USER alice
        S: +OK
        C: CAPA
        S: +OK
        S: USER
        S: .
        C: USER bob
        S: +OK
        C: PASS s3cret
        S: -ERR
        C: USER carol
        S: +OK
        C: QUIT
        S: +OK");
    assert_eq!(
        notes[2..],
        [
            "C CAPA|",
            "S +OK|USER|.|",
            ";",
            "login alice GivenUp USER alice|+OK|",
            ";",
            "login bob Failed USER bob|+OK|PASS ******|-ERR|",
            ";",
            "login carol BrokenOff USER carol|+OK|",
            ";",
            "C QUIT|",
            "S +OK|",
            "logoff Succeeded 6+5",
            ";",
        ]
    );
}

#[test]
fn what_follows_a_login_is_not_read_before_its_answer() {
    let notes = run("
        S: +OK
        C: CAPA
        C: USER alice
        C: PASS s3cret
        C: STAT
        C: RETR 1
        C: QUIT
        S: +OK
        S: PIPELINING
        S: .
        S: +OK

        S: +OK in
        S: +OK 1 9
        S: +OK
        S: text
        S: .
        S: +OK bye");
    assert_eq!(
        notes[2..],
        [
            "C CAPA|",
            "S +OK|PIPELINING|.|",
            ";",
            "login alice Succeeded USER alice|+OK|PASS ******|+OK in|",
            ";",
            "C STAT|",
            "S +OK 1 9|",
            ";",
            "C RETR 1|",
            "S +OK|text|.|",
            "RETR Succeeded 8+14 - -",
            ";",
            "C QUIT|",
            "S +OK bye|",
            "logoff Succeeded 6+9",
            ";",
        ]
    );
}

#[test]
fn pipelined_commands_have_their_own_answers() {
    let notes = run_in_mailbox(
        "
        C: LIST
        C: list 2
        C: RETR 9
        C: UIDL
        C: UIDL 1
        C: TOP 1 0
        C: DELE 1
        C: LANG
        S: +OK
        S: 1 10
        S: .
        S: +OK 2 10
        S: -ERR no such message
        S: +OK
        S: 1 +OK
        S: .
        S: +OK 1 x
        S: +OK
        S: -ERR is text here
        S: ..
        S: .
        S: +OK
        S: +OK
        S: en English
        S: .",
    );
    assert_eq!(
        notes,
        [
            "C LIST|",
            "S +OK|1 10|.|",
            ";",
            "C list 2|",
            "S +OK 2 10|",
            ";",
            "C RETR 9|",
            "S -ERR no such message|",
            ";",
            "C UIDL|",
            "S +OK|1 +OK|.|",
            ";",
            "C UIDL 1|",
            "S +OK 1 x|",
            ";",
            "C TOP 1 0|",
            "S +OK|-ERR is text here|..|.|",
            "TOP Succeeded 9+31 - -",
            ";",
            "C DELE 1|",
            "S +OK|",
            ";",
            "C LANG|",
            "S +OK|en English|.|",
            ";",
        ]
    );
}

#[test]
fn sasl_with_and_without_an_initial_response() {
    let notes = run("
        S: +OK
        C: AUTH
        S: +OK
        S: PLAIN
        S: .
        C: AUTH PLAIN AGFsaWNlAHdyMG5n
        S: -ERR
        C: AUTH PLAIN
        S: +
        C: *
        S: -ERR cancelled
        C: auth login
        S: + VXNlcm5hbWU6
        C: YWxpY2U=
        S: + UGFzc3dvcmQ6
        C: czNjcmV0
        S: +OK in");
    assert_eq!(
        notes[2..],
        [
            "C AUTH|",
            "S +OK|PLAIN|.|",
            ";",
            "sasl alice Failed AUTH PLAIN AGFsaWNlACoqKioq|-ERR|",
            ";",
            "sasl - Failed AUTH PLAIN|+|*|-ERR cancelled|",
            ";",
            "sasl alice Succeeded auth login|+ VXNlcm5hbWU6|YWxpY2U=|+ UGFzc3dvcmQ6|********|+OK in|",
            ";",
        ]
    );
}

#[test]
fn after_stls_nothing_is_read() {
    let dark = run("S: +OK\nC: STLS\nC! \u{16}\u{3}\u{1}abc\nS: +OK\nS! \u{16}\u{3}\nC: QUIT");
    assert_eq!(dark[2..], ["C STLS|", "S +OK|", ";", "dark"]);
    let refused = run("S: +OK\nC: STLS\nC: CAPA\nS: -ERR\nS: -ERR");
    assert_eq!(refused[2..], ["C STLS|", "S -ERR|", ";", "C CAPA|", "S -ERR|", ";"]);
    assert_eq!(run("C! \u{16}\u{3}\u{1}abc\nS! \u{16}\u{3}\u{3}"), ["dark"]);
    assert_eq!(run("S: +OK\nC: USER a\nS: +OK\nC: STLS\nS: +OK")[2..4], ["login a GivenUp USER a|+OK|", ";"]);
    // Two octets alone make no session dark.
    let clear = run("C: \u{16}\u{3}\nC: NOOP\nS: +OK\nS: -ERR\nS: +OK");
    assert_eq!(clear[..5], ["S +OK|", "greeting false", "! unknown_command", "C **|", "S -ERR|"]);
}

#[test]
fn a_security_layer_is_dark() {
    let exchange = "
        S: +OK
        C: AUTH GSSAPI
        S: +
        C: YWJj
        S: +OK";
    assert_eq!(run(&format!("{exchange}\nC! \\0\\0\\0\\0\nS! \\0")).last().unwrap(), "dark");
    assert_eq!(run(&format!("{exchange}\nS! \\0")).last().unwrap(), "dark");
    let notes = run(&format!("{exchange}\nC: \\0\nC: NOOP\nS: -ERR\nS: +OK"));
    assert_eq!(notes[4..], ["! unknown_command", "C *|", "S -ERR|", ";", "C NOOP|", "S +OK|", ";"]);
    assert_eq!(run(&format!("{exchange}\nC: NOOP\nS: +OK"))[4..], ["C NOOP|", "S +OK|", ";"]);
}

#[test]
fn what_may_be_a_password_is_never_told() {
    let notes = run("
        S: +OK
        C: PASS s3cret
        S: -ERR
        C:   pASS s3cret
        S: -ERR
        C: PASSs3cret
        S: -ERR
        C: APOP alice s3cret
        S: -ERR
        C: USER alice s3cret
        S: -ERR
        C: AUTH $$s3cret
        S: -ERR
        C: s3cret
        S: -ERR
        C: AUTH LOGIN
        C: YWxpY2U=
        C: czNjcmV0
        C: NOOP
        S: -ERR
        S: -ERR
        S: -ERR
        S: +OK");
    assert_eq!(
        notes[2..],
        [
            "login - Failed PASS ******|-ERR|",
            ";",
            "login - Failed   pASS ******|-ERR|",
            ";",
            "login - Failed PASS******|-ERR|",
            ";",
            "login - Failed APOP ************|-ERR|",
            ";",
            "login - Failed USER ************|-ERR|",
            ";",
            "sasl - Failed AUTH ********|-ERR|",
            ";",
            "! unknown_command",
            "C ******|",
            "S -ERR|",
            ";",
            "sasl - Failed AUTH LOGIN|-ERR|",
            ";",
            "! unknown_command",
            "! unknown_command",
            "C ********|",
            "S -ERR|",
            ";",
            "C ********|",
            "S -ERR|",
            ";",
            "C NOOP|",
            "S +OK|",
            ";",
        ]
    );
    // In a mailbox what is no command is content, but not after another login, and not what looks like one.
    let notes = run_in_mailbox(
        "
        C: NOOP
        S: +OK
        C: XYZ 1
        S: -ERR
        C: PASS again
        S: -ERR
        C: AUTH PLAIN AGFsaWNlAHMzY3JldA==
        C: AGFsaWNlAHMzY3JldA==
        S: -ERR
        S: -ERR
        C: \\0PASS s3cret
        S: -ERR",
    );
    assert!(notes.contains(&"C XYZ 1|".to_owned()));
    assert!(notes.contains(&"login - Failed PASS *****|-ERR|".to_owned()));
    assert!(!notes.iter().any(|note| note.contains("s3cret") || note.contains("czNj") || note.contains("MzY3JldA")));
}

#[test]
fn what_the_server_repeats_of_it_is_not_told_either() {
    for script in [
        "S: +OK\nC: s3cret\nS: -ERR what is s3cret",
        "S: +OK\nC: s3cret\nS: +OK you said s3cret",
        "S: +OK\nC: XPASS s3cret\nS: -ERR unknown:\nS: XPASS s3cret",
        "S: +OK\nC: PASSs3cret\nS: -ERR unknown command PASSS3CRET",
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret\nS: -ERR PASS s3cret",
        "S: +OK\nC: USER alice s3cret\nS: -ERR no alice s3cret here",
        "S: +OK\nC: APOP alice s3cret\nS: -ERR no digest: alice s3cret",
        "S: +OK\nC: AUTH s3cret now\nS: -ERR no mechanism s3cret",
        "S: +OK\nC: AUTH LOGIN\nS: -ERR\nC: YWxpY2U=\nC: s3cret\nS: -ERR YWxpY2U=\nS: -ERR s3cret",
        // Sent ahead, and an answer that is one too many before it.
        "S: +OK\nC: AUTH LOGIN\nC: YWxpY2U=\nC: s3cret\nC: NOOP\nS: -ERR\nS: -ERR\nS: -ERR\nS: -ERR s3cret\nS: +OK",
        // The answer breaks off.
        "S: +OK\nC: s3cret\nS! -ERR what is s3cret",
        "S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret\nS! -ERR what is s3cret",
        // The line was not captured.
        "S: +OK\nC? 8\nC: NOOP\nS: -ERR s3cret\nS: +OK",
    ] {
        let notes = run(script);
        assert!(!notes.concat().to_lowercase().contains("s3cret"), "{notes:?}");
    }
    // Its length stays, and so does its status.
    let notes = run("S: +OK\nC: s3cret\nS: -ERR what is s3cret\nC: NOOP\nS: +OK fine\nC: XYZ\nS: -ERR what is XYZ");
    assert_eq!(
        notes[3..],
        [
            "C ******|",
            "S -ERR **************|",
            ";",
            "C NOOP|",
            "S +OK fine|",
            ";",
            "! unknown_command",
            "C ***|",
            "S -ERR ***********|",
            ";"
        ]
    );
    // Where nothing was hidden a refusal is told as it is.
    assert!(run("S: +OK\nC: UIDL 9\nS: -ERR no such message").contains(&"S -ERR no such message|".to_owned()));
}

#[test]
fn a_server_of_bare_line_feeds() {
    let notes = run_in_mailbox(
        "
        C~ RETR 1
        S~ +OK
        S~ Message-ID: <1@x>
        S~
        S~ .
        C~ RETR 2
        S: +OK
        S~ text
        S~ .
        S~ +OK
        S: .",
    );
    assert_eq!(
        notes,
        [
            "C RETR 1/",
            "S +OK/Message-ID: <1@x>//./",
            "RETR Succeeded 7+25 - <1@x>",
            ";",
            "C RETR 2/",
            "S +OK|text/./+OK/.|",
            "RETR Unknown 7+19 - -",
            ";",
        ]
    );
    // What ends its status line as all do and then forgets: the client's next command tells.
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S~ text
        S: .
        C: DELE 1
        S: +OK",
    );
    assert_eq!(notes[2..], ["RETR Succeeded 8+13 - -", ";", "C DELE 1|", "S +OK|", ";"]);
}

#[test]
fn lines_that_nobody_announced() {
    let notes = run_in_mailbox(
        "
        C: XTND XLST
        C: NOOP
        S: +OK
        S: 1 Subject
        S: .
        S: +OK
        C: XTND
        S: +OK
        C: STAT
        S: +OK 1 1",
    );
    assert_eq!(
        notes,
        [
            "C XTND XLST|",
            "S +OK|",
            ";",
            "S 1 Subject|.|",
            ";",
            "C NOOP|",
            "S +OK|",
            ";",
            "C XTND|",
            "S +OK|",
            ";",
            "C STAT|",
            "S +OK 1 1|",
            ";"
        ]
    );
    assert_eq!(run_in_mailbox("S: -ERR idle for too long"), ["S -ERR idle for too long|", "! unasked_reply", ";"]);
}

#[test]
fn a_connection_that_ends_in_a_message() {
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S: From: a@x
        S:
        S! te",
    );
    assert_eq!(notes[2..], ["RETR Unknown 8+20 a@x -", ";"]);
    // Half a field is not believed.
    assert_eq!(run_in_mailbox("C: RETR 1\nS: +OK\nS! From: a@exam")[2..], ["RETR Unknown 8+17 - -", ";"]);
    assert_eq!(run_in_mailbox("C: RETR 1\nS: +OK")[2..], [";"]);
    assert_eq!(run_in_mailbox("C: RETR 1\nC: QUIT"), ["C RETR 1|", ";", "C QUIT|", "logoff Unknown 6+0", ";"]);
}

#[test]
fn lost_octets_of_a_message_do_not_lose_the_session() {
    let after = ["C DELE 1|", "S +OK|", ";"];
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S: From: a@x
        S:
        S? 100
        S: text
        S: .
        C: DELE 1
        S: +OK",
    );
    assert_eq!(notes[3..6], ["S text|.|", "RETR Succeeded 8+127 a@x -", ";"]);
    assert_eq!(notes[6..], after);
    // The end is lost.
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S: From: a@x
        S? 100
        C: DELE 1
        S: +OK",
    );
    assert_eq!(notes[3..], [&["RETR Unknown 8+116 - -", ";"][..], &after].concat());
    // All of it is lost, or its beginning.
    let notes = run_in_mailbox("C: RETR 1\nS? 600\nC: DELE 1\nS: +OK");
    assert_eq!(notes, [&["lost FromServer 600", "C RETR 1|", ";", "RETR Unknown 8+600 - -", ";"][..], &after].concat());
    let notes = run_in_mailbox("C: RETR 1\nS? 20\nS: +OK\nS: .\nC: DELE 1\nS: +OK");
    assert_eq!(notes[3..], [&["S +OK|.|", "RETR Unknown 8+28 - -", ";"][..], &after].concat());
    // It may have been refused.
    let notes = run_in_mailbox("C: RETR 1\nS? 20\nC: DELE 1\nS: +OK");
    assert_eq!(notes, [&["lost FromServer 20", "C RETR 1|", ";", ";"][..], &after].concat());
}

#[test]
fn where_answers_were_lost_nothing_is_said_of_those_that_wait() {
    let notes = run_in_mailbox(
        "
        C: RETR 1
        C: RETR 2
        C: RETR 3
        S: +OK
        S? 100
        S: text
        S: .
        S: +OK
        S: other text
        S: .
        C: RETR 4
        S: +OK
        S: .
        C: QUIT
        S: +OK",
    );
    assert_eq!(notes.iter().filter(|note| note.starts_with("RETR")).collect::<Vec<_>>(), ["RETR Unknown 8+114 - -"]);
    assert!(notes.contains(&"logoff Unknown 6+0".to_owned()));
}

#[test]
fn a_gap_in_a_message_of_one_who_sends_ahead_may_hold_more_than_its_end() {
    let notes = run_in_mailbox(
        "
        C: RETR 1
        S: +OK
        S: From: a@x
        S? 100
        S! text
        C: RETR 2
        S: text
        S: .
        S: +OK
        S: From: b@x
        S: .",
    );
    let transfers: Vec<_> = notes.iter().filter(|note| note.starts_with("RETR")).collect();
    assert_eq!(transfers, ["RETR Unknown 8+129 - -"]);
}

#[test]
fn logins_whose_answers_were_lost() {
    // What was lost before a login says nothing of it.
    let notes = run("S? 5\nC: USER alice\nS: +OK\nC: PASS s3cret");
    assert_eq!(notes[2..], ["login alice BrokenOff USER alice|+OK|PASS ******|", ";"]);
    let notes = run("S: +OK\nC: USER alice\nS? 5\nC: PASS s3cret\nS: +OK\nC: NOOP\nS: +OK");
    assert_eq!(notes[2..5], ["lost FromServer 5", ";", "login alice Succeeded USER alice|PASS ******|+OK|"]);
    let notes = run("S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret\nS? 5\nC: NOOP\nS: +OK");
    assert_eq!(
        notes[2..],
        ["lost FromServer 5", "login alice Unknown USER alice|+OK|PASS ******|", ";", ";", "C NOOP|", "S +OK|", ";"]
    );
    // A challenge was lost: the response is no command.
    let notes = run("S: +OK\nC: AUTH PLAIN\nS? 4\nC: AGFsaWNlAHMzY3JldA==\nS: +OK\nC: NOOP\nS: +OK");
    assert_eq!(notes[3..5], ["sasl alice Succeeded AUTH PLAIN|AGFsaWNlACoqKioqKg==|+OK|", ";"]);
    assert_eq!(notes[5..], ["C NOOP|", "S +OK|", ";"]);
    // The last answer was lost: the next command ends the exchange.
    let notes = run("S: +OK\nC: AUTH PLAIN AGFsaWNlAHMzY3JldA==\nS? 5\nC: NOOP\nS: +OK");
    assert_eq!(notes[3..], ["sasl alice Unknown AUTH PLAIN AGFsaWNlACoqKioqKg==|", ";", "C NOOP|", "S +OK|", ";"]);
}

#[test]
fn lost_octets_of_the_client() {
    // In the middle of a password: what is left of its line is not told.
    let notes = run("
        S: +OK
        C: USER alice
        S: +OK
        C! PASS s3
        C? 2
        C: et
        S: +OK
        C: STAT
        S: +OK 1 1
        C: RETR 1
        S: +OK
        S: .");
    assert_eq!(
        notes[2..],
        [
            "lost FromClient 9",
            "login alice Unknown USER alice|+OK|",
            ";",
            "C **|",
            "S +OK|",
            ";",
            "C STAT|",
            "S +OK 1 1|",
            ";",
            "C RETR 1|",
            "S +OK|.|",
            "RETR Succeeded 8+8 - -",
            ";",
        ]
    );
    // An AUTH LOGIN was lost: its responses are not told.
    let notes = run("
        S: +OK
        C? 12
        S: + VXNlcm5hbWU6
        C: YWxpY2U=
        S: + UGFzc3dvcmQ6
        C: czNjcmV0
        S: +OK");
    assert!(!notes.concat().contains("YWx") && !notes.concat().contains("czN"), "{notes:?}");
    // A command of one who sends ahead: what answers what is not known.
    let notes = run_in_mailbox(
        "
        C: RETR 1
        C? 8
        C: ...
        C: RETR 3
        S: +OK
        S: .
        S: +OK
        S: text
        S: .
        S: +OK
        S: .",
    );
    assert_eq!(notes.iter().filter(|note| note.starts_with("RETR")).collect::<Vec<_>>(), ["RETR Succeeded 8+8 - -"]);
}

#[test]
fn a_line_right_after_lost_octets_is_a_command_if_it_reads_like_one() {
    // The PASS and its refusal were lost, and another comes: what is accepted is the other's.
    let bob = "login bob Succeeded USER bob|+OK|PASS ******|+OK|";
    let notes = run("
        S: +OK
        C: USER alice
        S: +OK
        C? 12
        S? 6
        C: USER bob
        S: +OK
        C: PASS s3cret
        S: +OK");
    let logins: Vec<_> = notes.iter().filter(|note| note.starts_with("login")).collect();
    assert_eq!(logins, ["login alice Unknown USER alice|+OK|", bob]);
    // So it is where USER was sent ahead.
    let notes = run("S: +OK\nC: USER alice\nC? 12\nS: +OK\nS: -ERR\nC: PASS s3cret\nS: +OK");
    let logins: Vec<_> = notes.iter().filter(|note| note.starts_with("login")).collect();
    assert_eq!(logins, ["login alice Unknown USER alice|+OK|", "login - Succeeded PASS ******|+OK|"]);
    // The capabilities were asked for by what was lost.
    let notes = run("S: +OK\nC? 6\nS: +OK\nS: .\nC: USER bob\nS: +OK\nC: PASS s3cret\nS: +OK");
    assert!(notes.contains(&bob.to_owned()), "{notes:?}");
    // What has more to it can be a password.
    let notes = run("S: +OK\nC? 6\nC: STAT s3cret\nS: +OK");
    assert!(!notes.concat().contains("s3cret"), "{notes:?}");
}

#[test]
fn an_exchange_that_was_sent_ahead_is_not_ended_by_what_answers_another() {
    let after = "
        C: CAPA
        S: +OK
        S: USER
        S: .";
    for lost in ["C: AUTH LOGIN\nC: YWxpY2U=\nC: czNjcmV0\nS? 20", "C: AUTH LOGIN\nS? 20\nC: YWxpY2U=\nC: czNjcmV0"] {
        let notes = run(&format!("S: +OK\n{lost}{after}"));
        assert!(notes.iter().any(|note| note.starts_with("sasl") && note.contains(" Unknown ")), "{notes:?}");
        assert!(!notes.concat().contains("Succeeded") && !notes.concat().contains("czN"), "{notes:?}");
    }
}

#[test]
fn a_capture_that_begins_in_mid_stream() {
    let run = |script: &str| {
        let turns = dialogue(script);
        let whole = notes_of(false, &turns, usize::MAX).lines;
        for piece in [1, 2, 3, 7] {
            assert_eq!(notes_of(false, &turns, piece).lines, whole, "in pieces of {piece}");
        }
        whole
    };
    let notes = run("
        S: cret text
        S: .
        C: DELE 1
        S: +OK
        C: RETR 2
        S: +OK
        S: .");
    assert_eq!(notes, ["C DELE 1|", ";", "S +OK|", ";", "C RETR 2|", "S +OK|.|", "RETR Succeeded 8+8 - -", ";"]);
    assert_eq!(run("C: PASS s3cret\nS: +OK"), ["login - Unknown PASS ******|", ";", "S +OK|", ";"]);
    assert_eq!(run("C: cret\nS: +OK\nC: s3cret"), Vec::<String>::new());
    assert_eq!(run("C! \u{17}\u{3}\u{3}\nS: +OK"), ["dark"]);
}

#[test]
fn a_client_far_ahead_hides_nothing_of_its_login() {
    let mut turns = dialogue("S: +OK\nC: USER alice\nC: PASS s3cret");
    turns.push(Turn::Says(FromClient, b"NOOP\r\n".repeat(100_000)));
    turns.extend(dialogue("S: +OK\nS: +OK"));
    let notes = notes_of(true, &turns, 1400);
    let seen: Vec<_> = notes.lines.iter().filter(|note| !note.starts_with("C NOOP") && *note != ";").collect();
    assert_eq!(seen[2], "! too_far_ahead");
    assert_eq!(seen[3], "login alice Succeeded USER alice|+OK|PASS ******|+OK|");
    assert!(seen[4].starts_with("lost FromClient "), "{seen:?}");
    assert_eq!(seen.len(), 5);
}

#[test]
fn nobody_makes_the_machine_hold_without_bound() {
    let limits = Limits { line: 100, pending: 10, pending_octets: 4096, held: 1000 };
    let mut pop3 = Pop3::new(true, limits);
    let at = At { time: Time::MIN, offset: 0 };
    let mut told = 0;
    for _ in 0..1000 {
        pop3.client(at, b"RETR 1\r\nRETR 2\r\nxxxxxxx", &mut |_| told += 1);
        assert!(pop3.pending.len() <= 10);
    }
    pop3.client(at, &[b'x'; 100_000], &mut |_| {});
    assert!(pop3.dropped.is_some());
    pop3.server(at, &[b'x'; 100_000], &mut |_| {});
    pop3.close(Time::MIN, &mut |_| {});
    assert!(pop3.pending.is_empty() && pop3.held.is_empty());
}

#[test]
fn a_long_line_is_told_as_far_as_it_is_held() {
    let limits = Limits { line: 10, ..Limits::default() };
    let mut notes = Notes::default();
    let turns =
        dialogue("S: +OK ready\nC: USER alice-of-wonderland\nS: +OK\nC: PASS s3cret-s3cret\nS: +OK\nC: NOOP and so on");
    feed(&mut Pop3::new(true, limits), &turns, usize::MAX, &mut |event| notes.take(&event));
    let login = notes.lines.iter().find(|note| note.starts_with("login")).unwrap();
    assert_eq!(login, "login - Succeeded USER *****+OK|PASS *****+OK|");
    assert!(notes.lines.contains(&"lost FromClient 6".to_owned()), "{:?}", notes.lines);
}

#[test]
fn octets_are_told_with_the_time_of_their_packet() {
    let mut pop3 = Pop3::new(true, Limits::default());
    let mut told = Vec::new();
    let mut tell = |event: Event<'_>| {
        if let Event::Octets(octets) = event {
            told.push((octets.time.as_nanos(), octets.wire, text(octets.octets)));
        }
    };
    let at = |nanos, offset| At { time: Time::from_nanos(nanos), offset };
    pop3.server(at(1, 0), b"+OK\r\n", &mut tell);
    pop3.client(at(2, 0), b"CA", &mut tell);
    pop3.client(at(3, 2), b"PA\r", &mut tell);
    pop3.client(at(3, 5), b"\n", &mut tell);
    pop3.server(at(4, 5), b"-ERR\r\n", &mut tell);
    assert_eq!(
        told,
        [(1, 0..5, "+OK|".into()), (2, 0..2, "CA".into()), (3, 2..6, "PA|".into()), (4, 5..11, "-ERR|".into())]
    );
}

#[test]
fn is_quiet_when_all_is_told() {
    let mut pop3 = Pop3::new(true, Limits::default());
    let mut quiet = Vec::new();
    for (from, octets) in [
        (FromServer, &b"+OK\r"[..]),
        (FromServer, b"\n"),
        (FromClient, b"USER a\r\n"),
        (FromServer, b"+OK\r\n"),
        (FromClient, b"PASS b\r\nNO"),
        (FromServer, b"+OK\r\n"),
        (FromClient, b"OP\r\n"),
        (FromServer, b"+OK\r\n"),
    ] {
        let at = At { time: Time::MIN, offset: 0 };
        match from {
            FromClient => pop3.client(at, octets, &mut |_| {}),
            FromServer => pop3.server(at, octets, &mut |_| {}),
        }
        quiet.push(pop3.is_quiet());
    }
    assert_eq!(quiet, [false, true, false, false, false, false, false, true]);
}

/// Octets of which sessions are made: words of the protocol, and others.
fn octets() -> impl Strategy<Value = Vec<u8>> {
    let words: Vec<&'static [u8]> = vec![
        b"USER alice",
        b"PASS s3cret",
        b"pass  s3cret ",
        b"APOP a s3cret",
        b"AUTH PLAIN",
        b"AUTH LOGIN czNjcmV0",
        b"czNjcmV0",
        b"AUTH DIGEST-MD5",
        b"*",
        b"CAPA",
        b"STLS",
        b"STAT",
        b"LIST",
        b"LIST 1",
        b"RETR 1",
        b"TOP 1 0",
        b"DELE 1",
        b"QUIT",
        b"XYZ",
        b"+OK",
        b"+OK 1",
        b"-ERR",
        b"+ ",
        b"+ VXNlcm5hbWU6",
        b".",
        b"..",
        b"From: a@x",
        b"Message-ID: <1@x>",
        b"",
        b"\r\n",
        b"\n",
        b"\r\n",
        b"\r\n",
        b"\r",
        b"\x16\x03",
        b"\0",
    ];
    let word = prop_oneof![
        4 => proptest::sample::select(words.clone()).prop_map(|word| [word, b"\r\n"].concat()),
        1 => proptest::sample::select(words).prop_map(<[u8]>::to_vec),
        1 => proptest::collection::vec(any::<u8>(), 0..12),
    ];
    proptest::collection::vec(word, 1..6).prop_map(|words| words.concat())
}

fn turns(gaps: bool) -> impl Strategy<Value = Vec<Turn>> {
    let side = any::<bool>().prop_map(|client| if client { FromClient } else { FromServer });
    let turn = (side, octets(), 0..if gaps { 12_u64 } else { 1 }).prop_map(|(from, octets, kind)| match kind {
        9.. => Turn::Gap(from, kind),
        _ => Turn::Says(from, octets),
    });
    proptest::collection::vec(turn, 0..24)
}

/// Packets of one side that follow each other, in one.
fn joined(turns: &[Turn]) -> Vec<Turn> {
    let mut all: Vec<Turn> = Vec::new();
    for turn in turns {
        match (all.last_mut(), turn) {
            (Some(Turn::Says(of, held)), Turn::Says(from, octets)) if of == from => held.extend(octets),
            _ => all.push(turn.clone()),
        }
    }
    all
}

proptest! {
    #[test]
    fn any_dialogue_is_read_the_same_however_it_is_cut(
        turns in turns(true), from_start in any::<bool>(), piece in 1_usize..9,
    ) {
        let turns = joined(&turns);
        let whole = notes_of(from_start, &turns, usize::MAX);
        prop_assert_eq!(notes_of(from_start, &turns, piece).lines, whole.lines);
    }

    #[test]
    fn without_loss_all_is_told_once(turns in turns(false)) {
        let notes = notes_of(true, &turns, usize::MAX);
        if !notes.cut && !notes.lines.iter().any(|line| line == "dark") {
            assert_all_told(&turns, &notes);
        }
    }

    #[test]
    fn no_password_is_ever_told(turns in turns(true), from_start in any::<bool>(), tight in any::<bool>()) {
        // Where the password stands in the client's stream, nothing else must be told but `*`.
        let mut offset = 0;
        let mut secrets = Vec::new();
        let mut turns = joined(&turns);
        for turn in &mut turns {
            match turn {
                Turn::Gap(FromClient, octets) => offset += *octets,
                Turn::Says(FromClient, octets) => {
                    for secret in [&b"s3cret"[..], b"czNjcmV0"] {
                        let found = memchr::memmem::find_iter(octets, secret);
                        secrets.extend(found.map(|at| offset + at as u64..offset + (at + secret.len()) as u64));
                    }
                    offset += octets.len() as u64;
                }
                _ => {}
            }
        }
        let limits = Limits { line: 40, pending: 3, pending_octets: 1000, held: 300 };
        let limits = if tight { limits } else { Limits::default() };
        let (mut told, mut logged_in) = (Vec::new(), false);
        feed(&mut Pop3::new(from_start, limits), &turns, 5, &mut |event| {
            match event {
                Event::Octets(said) if said.from == FromClient => told.extend(said.wire.zip(said.octets.to_vec())),
                Event::Login(login) => logged_in |= login.outcome == Outcome::Succeeded,
                _ => {}
            }
        });
        // Words that were run together are commands with a strange argument, so only whole lines are looked at.
        let whole: Vec<u8> = turns.iter().flat_map(|turn| match turn {
            Turn::Says(FromClient, octets) => octets.clone(),
            Turn::Gap(FromClient, octets) => vec![b'?'; *octets as usize],
            _ => Vec::new(),
        }).collect();
        for secret in secrets {
            let start = whole[..secret.start as usize].iter().rposition(|&octet| octet == b'\n').map_or(0, |at| at + 1);
            let line = whole[start..secret.end as usize].trim_ascii_start().to_ascii_uppercase();
            let known = [&b"CAPA"[..], b"STLS", b"STAT", b"LIST", b"RETR", b"TOP", b"DELE", b"QUIT"];
            let is_known = logged_in || known.iter().any(|verb| line.starts_with(verb));
            if is_known && !super::command::resembles_login(Verb::Unknown, &line) {
                continue;
            }
            for (at, octet) in &told {
                prop_assert!(!secret.contains(at) || *octet == b'*', "{:?} in {:?}", secret, turns);
            }
        }
    }
}

#[test]
fn debug_shows_nothing_of_anybody() {
    let mut notes = String::new();
    let turns =
        dialogue("S: +OK\nC: USER alice\nS: +OK\nC: PASS s3cret\nS: +OK\nC: RETR 1\nS: +OK\nS: From: a@x\nS: .");
    feed(&mut Pop3::new(true, Limits::default()), &turns, usize::MAX, &mut |event| match event {
        Event::Login(login) => notes += &format!("{login:?}"),
        Event::Transfer(transfer) => {
            assert_eq!(transfer.result, TransferResult::Succeeded);
            notes += &format!("{transfer:?}");
        }
        _ => {}
    });
    assert!(!notes.is_empty());
    assert!(!["alice", "s3cret", "a@x"].iter().any(|word| notes.contains(word)), "{notes}");
}

#[test]
fn no_password_is_told_where_a_login_or_its_answer_was_lost() {
    for script in [
        "C: AUTH LOGIN\nS: + VXNlcm5hbWU6\nC: YWxpY2U=\nS: + UGFzc3dvcmQ6\nC? 14\nS: -ERR wrong password PwSecret9",
        "C: USER alice\nC: PASS PwSecret9\nS? 5\nS: -ERR PwSecret9 x",
        "C: PwSecret9\nS? 10\nS: own command PwSecret9",
        "C: PASS PwSecret9\nS? 10\nS: own command PwSecret9",
    ] {
        let notes = run(&format!("S: +OK\n{script}\nC: USER alice\nS: +OK\nC: PASS x\nS: +OK\nC: QUIT\nS: +OK"));
        assert!(!notes.join("\n").contains("PwSecret9"), "{script}: {notes:#?}");
    }
}

#[test]
fn a_quit_that_is_refused_ends_the_session_all_the_same() {
    let notes = run_in_mailbox("C: QUIT\nS: -ERR some were not removed");
    assert_eq!(notes, ["C QUIT|", "S -ERR some were not removed|", "logoff Failed 6+28", ";"]);
}

/// The messages and logins of a session with lines of nothing in it.
fn among_blanks(script: &str) -> Vec<String> {
    let notes = run(&format!("S: +OK\n{script}"));
    notes.into_iter().filter(|note| ["RETR", "login"].iter().any(|word| note.starts_with(word))).collect()
}

#[test]
fn a_server_may_refuse_a_line_of_nothing_or_pass_over_it() {
    let into = "C: USER alice\nS: +OK\nC: PASS x\nS: +OK\n";
    let message = "S: +OK\nS: From: a@x\nS:\nS: .\n";
    for (script, expected) in [
        // It refuses it.
        (format!("{into}C:\nS: -ERR\nC: RETR 1\n{message}"), vec!["RETR Succeeded 8+21 a@x -"]),
        (format!("{into}C:\nC: RETR 1\nS: -ERR\n{message}"), vec!["RETR Succeeded 8+21 a@x -"]),
        (format!("{into}C:\nC: RETR 1\nS: -ERR\nS: -ERR\nC: RETR 22\n{message}"), vec!["RETR Succeeded 9+21 a@x -"]),
        // It passes over it, which the first acceptance shows.
        (
            format!("{into}C:\nC:\nC: RETR 1\n{message}C:\nC: RETR 22\nS: -ERR\nC: RETR 333\n{message}"),
            vec!["RETR Succeeded 8+21 a@x -", "RETR Succeeded 10+21 a@x -"],
        ),
        // So does that the client goes on after a refusal.
        (format!("{into}C:\nC: RETR 1\nS: -ERR\nC: RETR 22\n{message}"), vec!["RETR Succeeded 9+21 a@x -"]),
    ] {
        assert_eq!(among_blanks(&script)[1..], expected, "{script}");
    }
    let tried = "C:\nC: USER alice\nS: +OK\nC: PASS x\nS: -ERR\nC: USER carol\nS: +OK\nC: PASS x\nS: +OK";
    assert_eq!(
        among_blanks(tried),
        ["login alice Failed USER alice|+OK|PASS *|-ERR|", "login carol Succeeded USER carol|+OK|PASS *|+OK|"]
    );
    // Who was refused is not taken for accepted.
    let tried = "C: USER alice\nS: +OK\nC:\nC: PASS x\nS: -ERR\nC: USER carol\nS: +OK\nC: PASS x\nS: +OK";
    assert_eq!(
        among_blanks(tried),
        ["login alice Failed USER alice|+OK|PASS *|", "login carol Succeeded USER carol|+OK|PASS *|+OK|"]
    );
}

#[test]
fn xclient_is_one_line_that_one_line_answers() {
    // What a proxy of Dovecot sends in one, and what answers it where the proxy is trusted, and where not.
    let sent = "XCLIENT ADDR=192.0.2.7 PORT=4000 SESSION=x/y TTL=4 CLIENT-TRANSPORT=TLS FORWARD=c2VjcmV0";
    for answer in ["+OK Updated", "+OK You are not from trusted IP - ignoring", "-ERR Invalid parameters"] {
        let notes =
            run(&format!("S: +OK [XCLIENT] ready\nC: {sent}\nC: USER alice\nS: {answer}\nS: +OK\nC: PASS x\nS: +OK"));
        assert_eq!(notes[2], format!("C {}********|", &sent[..sent.len() - 8]));
        assert!(notes[3].starts_with("S ") && notes[4] == ";", "{notes:?}");
        assert_eq!(notes[5], "login alice Succeeded USER alice|+OK|PASS *|+OK|");
    }
    let notes = run("S: +OK\nC: XOIP 192.0.2.7\nS: +OK Updated\nC: xclient addr=192.0.2.7 forward=\nS: -ERR");
    assert_eq!(
        notes[2..],
        ["C XOIP 192.0.2.7|", "S +OK Updated|", ";", "C xclient addr=192.0.2.7 forward=|", "S -ERR|", ";"]
    );
}
