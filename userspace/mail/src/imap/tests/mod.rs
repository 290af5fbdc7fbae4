//! Dialogues, written as the two ends spoke them, and what the machine must say of each.

mod compressed;
mod extensions;
mod hostile;
mod logins;
mod loss;
mod transfers;

use writ_wire::{Direction, Time};

use super::{Imap, Limits};
use crate::access::{Event, Machine, Transfer, TransferResult};
use crate::line::At;
use crate::sasl::{Keep, Step};

/// `C: text` and `S: text` lines; `C! text` is sent without a line end. `C? 5` is a gap of so many octets.
fn dialogue(script: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in script.lines().map(str::trim_start).filter(|line| !line.is_empty()) {
        let (letter, rest) = line.split_at(1);
        let from = if letter == "C" { Direction::FromClient } else { Direction::FromServer };
        let text = rest[1..].strip_prefix(' ').unwrap_or(&rest[1..]);
        if rest.starts_with('?') {
            turns.push(Turn::Gap(from, text.parse().unwrap()));
            continue;
        }
        let end = if rest.starts_with('!') { "" } else { "\r\n" };
        let octets = format!("{text}{end}").replace("\\r", "\r").replace("\\n", "\n").replace("\\0", "\0").into_bytes();
        match turns.last_mut() {
            Some(Turn::Octets(side, turn)) if *side == from => turn.extend(octets),
            _ => turns.push(Turn::Octets(from, octets)),
        }
    }
    turns
}

enum Turn {
    Octets(Direction, Vec<u8>),
    Gap(Direction, u64),
}

fn side(from: Direction) -> char {
    if from == Direction::FromClient { 'C' } else { 'S' }
}

/// Octet by octet, since a piece can end inside a character; a line's end as `|`.
fn text(octets: &[u8]) -> String {
    octets.iter().map(|&octet| char::from(octet)).collect::<String>().replace("\r\n", "|")
}

/// What is told, as short lines. Octets are put together.
#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    open: Option<(Direction, Vec<u8>)>,
    /// All octets of each side, those of logins among them.
    said: [Vec<u8>; 2],
    /// What was sent of URLs.
    urls: Vec<(String, Vec<u8>)>,
    /// Of each list of capabilities, whether UNAUTHENTICATE is in it.
    offers: Vec<bool>,
    /// Where the next octets of each side must stand.
    next: [Option<u64>; 2],
}

impl Notes {
    fn flush(&mut self) {
        if let Some((from, octets)) = self.open.take() {
            self.lines.push(format!("{} {}", side(from), text(&octets)));
        }
    }

    fn say(&mut self, from: Direction, octets: &[u8]) {
        self.said[usize::from(from == Direction::FromServer)].extend(octets);
    }

    fn event(&mut self, event: &Event<'_>) {
        if let Event::Capabilities { unauthenticate } = event {
            self.offers.push(*unauthenticate);
            return;
        }
        if let Event::UrlContent(content) = event {
            // Cut as the octets are.
            match self.urls.last_mut().filter(|_| content.at > 0) {
                Some((url, octets)) => {
                    assert_eq!(text(content.url), *url);
                    octets.extend(content.octets);
                }
                None => self.urls.push((text(content.url), content.octets.to_vec())),
            }
            return;
        }
        if let Event::Octets(octets) = event {
            self.say(octets.from, octets.octets);
            let next = &mut self.next[usize::from(octets.from == Direction::FromServer)];
            // What was inflated from the same octets says so each time.
            let inflated = octets.wire.end - octets.wire.start != octets.octets.len() as u64;
            assert!(next.is_none_or(|next| next <= octets.wire.start) || inflated, "out of order");
            *next = Some(octets.wire.end);
            match &mut self.open {
                Some((from, held)) if *from == octets.from => held.extend(octets.octets),
                _ => {
                    self.flush();
                    self.open = Some((octets.from, octets.octets.to_vec()));
                }
            }
            return;
        }
        self.flush();
        let line = match event {
            Event::Octets(_) | Event::UrlContent(_) | Event::Capabilities { .. } => unreachable!(),
            Event::Greeting { logged_in, .. } => format!("greeting {logged_in}"),
            Event::Ahead => "ahead".into(),
            Event::Login(login) => {
                let who = login.identity().map_or("?".into(), |identity| identity.login.clone());
                let steps = login.redacted(Keep::Username);
                for step in login.redacted(Keep::Everything) {
                    self.say(step.from, &step.octets);
                }
                let shown = |step: &Step| format!("{} {}", side(step.from), text(&step.octets));
                let steps: Vec<_> = steps.iter().map(shown).collect();
                format!("login {who} {:?} {}", login.outcome, steps.join(" "))
            }
            Event::LoggedOut(closing) => {
                format!(
                    "logged out {} {}+{}",
                    result_text(closing.result),
                    closing.client_octets,
                    closing.server_octets
                )
            }
            Event::Transfer(transfer) => transfer_text(transfer),
            Event::Settled { .. } => "settled".into(),
            Event::Logoff(closing) => {
                format!("logoff {} {}+{}", result_text(closing.result), closing.client_octets, closing.server_octets)
            }
            Event::Dark { compressed } => if *compressed { "dark, compressed" } else { "dark" }.into(),
            Event::Lost { from, octets, in_literal, .. } => {
                format!("lost {} {octets}{}", side(*from), if *in_literal { " in a literal" } else { "" })
            }
            Event::Anomaly(anomaly) => format!("! {}", anomaly.name()),
        };
        self.lines.push(line);
    }
}

fn result_text(result: TransferResult) -> &'static str {
    match result {
        TransferResult::Succeeded => "true",
        TransferResult::Failed => "refused",
        TransferResult::Unknown => "false",
    }
}

fn transfer_text(transfer: &Transfer) -> String {
    let id = transfer.message_id.as_deref().map(text);
    format!(
        "{:?} {:?} {}+{} {} {}",
        transfer.kind,
        transfer.result,
        transfer.client_octets,
        transfer.server_octets,
        transfer.sender.as_deref().unwrap_or("-"),
        id.as_deref().unwrap_or("-")
    )
}

fn run_turns(turns: &[Turn], piece: usize, from_start: bool, limits: Limits) -> Notes {
    let mut imap = Imap::new(from_start, limits);
    let mut notes = Notes::default();
    let mut offsets = [0_u64; 2];
    let time = Time::from_nanos(1);
    for turn in turns {
        match turn {
            Turn::Gap(from, octets) => {
                offsets[usize::from(*from == Direction::FromServer)] += octets;
                imap.gap(*from, time, *octets, &mut |event| notes.event(&event));
            }
            Turn::Octets(from, octets) => {
                for octets in octets.chunks(piece) {
                    let offset = &mut offsets[usize::from(*from == Direction::FromServer)];
                    let at = At { time, offset: *offset };
                    *offset += octets.len() as u64;
                    match from {
                        Direction::FromClient => imap.client(at, octets, &mut |event| notes.event(&event)),
                        Direction::FromServer => imap.server(at, octets, &mut |event| notes.event(&event)),
                    }
                }
            }
        }
    }
    imap.close(time, &mut |event| notes.event(&event));
    notes.flush();
    let urls = notes.urls.iter().map(|(url, octets)| format!("url {url}: {}", text(octets)));
    notes.lines.extend(urls);
    notes
}

fn run_with(script: &str, from_start: bool, limits: Limits) -> Vec<String> {
    let turns = dialogue(script);
    let whole = run_turns(&turns, usize::MAX, from_start, limits).lines;
    for piece in [1, 2, 3, 7, 19] {
        assert_eq!(run_turns(&turns, piece, from_start, limits).lines, whole, "in pieces of {piece}");
    }
    whole
}

fn run(script: &str) -> Vec<String> {
    run_with(script, true, Limits::default())
}

/// A session of somebody who has logged in: what is told after that.
fn run_logged_in(script: &str) -> Vec<String> {
    let mut notes = run(&format!("S: * PREAUTH hello\n{script}"));
    assert_eq!(notes.drain(..2).collect::<Vec<_>>(), ["S * PREAUTH hello|", "greeting true"]);
    notes
}

/// TS 102 232-2 C.4.
const C_4: &str = "
    S: * OK IMAP4rev1 Service Ready
    C: a001 login mrc secret
    S: a001 OK LOGIN completed
    C: a002 select inbox
    S: * 18 EXISTS
    S: * FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)
    S: * 2 RECENT
    S: * OK [UNSEEN 17] Message 17 is the first unseen message
    S: * OK [UIDVALIDITY 3857529045] UIDs valid
    S: a002 OK [READ-WRITE] SELECT completed
    C: a003 fetch 12 full
    S: * 12 FETCH (FLAGS (\\Seen) INTERNALDATE \"17-Jul-1996 02:44:25 -0700\" RFC822.SIZE 4286 ENVELOPE (\"Wed, 17 Jul 1996 02:23:25 -0700 (PDT)\" \"IMAP4rev1 WG mtg summary and minutes\" ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((\"Terry Gray\" NIL \"gray\" \"cac.washington.edu\")) ((NIL NIL \"imap\" \"cac.washington.edu\")) ((NIL NIL \"minutes\" \"CNRI.Reston.VA.US\") (\"John Klensin\" NIL \"KLENSIN\" \"INFOODS.MIT.EDU\")) NIL NIL \"<B27397-0100000@cac.washington.edu>\") BODY (\"TEXT\" \"PLAIN\" (\"CHARSET\" \"US-ASCII\") NIL NIL \"7BIT\" 3028 92))
    S: a003 OK FETCH completed
    C: a004 fetch 12 body[header]
    S: * 12 FETCH (BODY[HEADER] {350}
    S: Date: Wed, 17 Jul 1996 02:23:25 -0700 (PDT)
    S: From: Terry Gray <gray@cac.washington.edu>
    S: Subject: IMAP4rev1 WG mtg summary and minutes
    S: To: imap@cac.washington.edu
    S: cc: minutes@CNRI.Reston.VA.US, John Klensin <KLENSIN@INFOODS.MIT.EDU>
    S: Message-Id: <B27397-0100000@cac.washington.edu>
    S: MIME-Version: 1.0
    S: Content-Type: TEXT/PLAIN; CHARSET=US-ASCII
    S:
    S: )
    S: a004 OK FETCH completed
    C: a005 store 12 +flags \\deleted
    S: * 12 FETCH (FLAGS (\\Seen \\Deleted))
    S: a005 OK +FLAGS completed
    C: a006 logout
    S: * BYE IMAP4rev1 server terminating connection
    S: a006 OK LOGOUT completed";

#[test]
fn the_dialogue_of_annex_c() {
    let notes = run(C_4);
    // The octets of lines are told where they stand; of what lies between them only the events are compared here.
    let events: Vec<_> = notes.iter().filter(|note| !note.starts_with("C ") && !note.starts_with("S ")).collect();
    assert_eq!(
        events,
        [
            "greeting false",
            "login mrc Succeeded C a001 login mrc ******| S a001 OK LOGIN completed|",
            "settled",
            "settled",
            "PartialDownload Succeeded 20+594 gray@cac.washington.edu <B27397-0100000@cac.washington.edu>",
            "settled",
            "PartialDownload Succeeded 28+410 gray@cac.washington.edu <B27397-0100000@cac.washington.edu>",
            "settled",
            "settled",
            "logoff true 13+73",
            "settled",
        ]
    );
    assert_eq!(notes[0], "S * OK IMAP4rev1 Service Ready|");
    assert_eq!(notes[4], "C a002 select inbox|");
    assert!(notes[5].starts_with("S * 18 EXISTS|* FLAGS"));
}

#[test]
fn all_octets_are_told_once_and_in_their_order() {
    let turns = dialogue(C_4);
    let notes = run_turns(&turns, 5, true, Limits::default());
    for (number, from) in [Direction::FromClient, Direction::FromServer].into_iter().enumerate() {
        let sent = turns.iter().filter_map(|turn| match turn {
            Turn::Octets(side, octets) if *side == from => Some(&octets[..]),
            _ => None,
        });
        assert_eq!(text(&notes.said[number]), text(&sent.collect::<Vec<_>>().concat()));
    }
}

#[test]
fn every_place_to_cut_it_gives_the_same() {
    let script: Vec<_> = dialogue(C_4);
    let whole = run_turns(&script, usize::MAX, true, Limits::default()).lines;
    for (number, turn) in script.iter().enumerate() {
        let Turn::Octets(from, octets) = turn else { continue };
        for cut in 1..octets.len() {
            let (before, after) = octets.split_at(cut);
            let mut turns = dialogue(C_4);
            turns[number] = Turn::Octets(*from, before.to_vec());
            turns.insert(number + 1, Turn::Octets(*from, after.to_vec()));
            assert_eq!(run_turns(&turns, usize::MAX, true, Limits::default()).lines, whole, "turn {number} at {cut}");
        }
    }
}

#[test]
fn a_session_is_followed_from_login_to_logout() {
    let notes = run("
        S: * OK hello
        C: a1 LOGIN alice secret
        S: a1 OK done
        C: a2 FETCH 1 BODY[]
        S: * 1 FETCH (BODY[] {20}
        S: From: a@x.example\\r\\nx)
        S: a2 OK done
        C: a3 LOGOUT
        S: * BYE
        S: a3 OK done");
    assert_eq!(
        notes,
        [
            "S * OK hello|",
            "greeting false",
            "login alice Succeeded C a1 LOGIN alice ******| S a1 OK done|",
            "settled",
            "C a2 FETCH 1 BODY[]|",
            "S * 1 FETCH (BODY[] {20}|From: a@x.example|x)|a2 OK done|",
            "Download Succeeded 19+59 a@x.example -",
            "settled",
            "C a3 LOGOUT|",
            "S * BYE|a3 OK done|",
            "logoff true 11+19",
            "settled",
        ]
    );
}
