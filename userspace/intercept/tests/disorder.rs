//! Whatever the network does to the segments of a session, what is handed over of it is the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use std::time::Duration;

use proptest::prelude::*;
use support::packet::{ACK, FIN, SYN};
use support::{FromClient, FromServer, Play, cc, email, ip, iri, login};
use writ_intercept::Warrant;
use writ_intercept::record::{Body, Direction as Way, Record};
use writ_intercept::warrant::AuthenticationData;
use writ_wire::Direction;

/// Every turn waits for the one before: the order of all octets is known.
const LOCK_STEP: &str = "
    S: 220 mx
    C: EHLO client
    S: 250-mx
    S: 250-CHUNKING
    S: 250 AUTH LOGIN
    C: AUTH LOGIN
    S: 334 VXNlcm5hbWU6
    C: YWxpY2U=
    S: 334 UGFzc3dvcmQ6
    C: c2VjcmV0
    S: 235 yes
    C: MAIL FROM:<alice@example.org>
    S: 250 ok
    C: RCPT TO:<dave@example.com>
    S: 250 ok
    C: RCPT TO:<nobody@example.com>
    S: 550 who
    C: DATA
    S: 354 go
    C: Message-ID: <1@example.org>
    C:
    C: ..stuffed
    C: body
    C: .
    S: 250 queued
    C: RSET
    S: 250 ok
    C: MAIL FROM:<bob@example.net>
    S: 250 ok
    C: RCPT TO:<dave@example.com>
    S: 250 ok
    C: BDAT 11
    C: chunk one
    S: 250 ok
    C: BDAT 5 LAST
    C: three\\
    S: 250 queued
    C: QUIT
    S: 221 bye";

const PIPELINED: &str = "
    S: 220 mx
    C: EHLO client
    S: 250-mx
    S: 250-PIPELINING
    S: 250 CHUNKING
    C: MAIL FROM:<bob@example.net>
    C: RCPT TO:<carol@example.com>
    C: RSET
    C: MAIL FROM:<alice@example.org>
    C: RCPT TO:<carol@example.com>
    C: RCPT TO:<dave@example.com>
    C: DATA
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 250 ok
    S: 550 who
    S: 250 ok
    S: 354 go
    C: Message-ID:
    C:  <2@example.org>
    C:
    C: text
    C: .
    C: MAIL FROM:<bob@example.net>
    C: RCPT TO:<dave@example.com>
    C: BDAT 5 LAST
    C: chunk\\
    C: QUIT
    S: 250 queued
    S: 250 ok
    S: 250 ok
    S: 250 queued
    S: 221 bye";

fn warrants() -> Vec<Warrant> {
    let full = |warrant| Warrant { authentication_data: AuthenticationData::Full, ..warrant };
    vec![
        cc("ALICE", [email("alice@example.org")]),
        full(cc("LOGIN", [login("alice")])),
        cc("CLIENT", [ip("192.0.2.0/24")]),
        cc("DAVE", [email("dave@example.com")]),
        Warrant { report_failed_sends: true, ..iri("BOB", [email("bob@example.net"), email("carol@example.com")]) },
    ]
}

/// What one end says at once.
type Turn = (Direction, Vec<u8>);

fn turns(script: &str) -> Vec<Turn> {
    let mut turns: Vec<Turn> = Vec::new();
    for line in script.lines().map(str::trim_start) {
        let from = match line.get(..2) {
            Some("C:") => FromClient,
            Some("S:") => FromServer,
            _ => continue,
        };
        let text = line[2..].strip_prefix(' ').unwrap_or(&line[2..]);
        let octets = text.strip_suffix('\\').map_or_else(|| format!("{text}\r\n"), str::to_owned).into_bytes();
        match turns.last_mut() {
            Some((last, said)) if *last == from => said.extend(octets),
            _ => turns.push((from, octets)),
        }
    }
    turns
}

/// A segment on its way: of whom, which part of the stream, what it acknowledges, how many packets late.
#[derive(Clone, Debug)]
struct Sent {
    from: Direction,
    part: (usize, usize),
    acks: usize,
    late: usize,
}

/// What becomes of a session's segments.
#[derive(Clone, Debug)]
struct Fate {
    cuts: Vec<usize>,
    again: Vec<bool>,
    late: Vec<usize>,
}

impl Fate {
    const NONE: fn() -> Self = || Self { cuts: vec![usize::MAX], again: vec![false], late: vec![0] };
}

fn fates() -> impl Strategy<Value = Fate> {
    let cut = prop_oneof![Just(1_usize), 1_usize..8, 1_usize..60, Just(1_400_usize)];
    let cuts = prop_oneof![Just(vec![1_usize]), prop::collection::vec(cut, 1..20)];
    (cuts, prop::collection::vec(prop::bool::weighted(0.3), 1..20), prop::collection::vec(0_usize..6, 1..40))
        .prop_map(|(cuts, again, late)| Fate { cuts, again, late })
}

/// Cuts each turn into segments; some are sent again, from further back. A turn's answer comes when all of it was captured,
/// as ends send it, but within a turn the tap can see any order.
fn segments(turns: &[Turn], fate: &Fate) -> Vec<Vec<Sent>> {
    let (mut cuts, mut again, mut late) =
        (fate.cuts.iter().cycle(), fate.again.iter().cycle(), fate.late.iter().cycle());
    let mut sent_by = [0_usize, 0];
    let mut all = Vec::new();
    for (from, said) in turns {
        let (here, there) = if *from == FromClient { (0, 1) } else { (1, 0) };
        let (first, end) = (sent_by[here], sent_by[here] + said.len());
        let mut turn = Vec::new();
        let mut at = first;
        while at < end {
            let to = at.saturating_add(*cuts.next().unwrap()).min(end);
            let sent = Sent { from: *from, part: (at, to), acks: sent_by[there], late: *late.next().unwrap() };
            if *again.next().unwrap() {
                let back = at.saturating_sub(*cuts.next().unwrap()).max(first);
                turn.push(Sent { part: (back, to), late: *late.next().unwrap(), ..sent.clone() });
            }
            turn.push(sent);
            at = to;
        }
        sent_by[here] = end;
        all.push(turn);
    }
    all
}

/// Plays a session; every turn has its second, so that times do not depend on how it was cut.
fn play(script: &str, fate: &Fate, starts: (u32, u32), whole_session: bool) -> Play {
    let turns = turns(script);
    let stream = |of: Direction| -> Vec<u8> {
        turns.iter().filter(|(from, _)| *from == of).flat_map(|(_, said)| said.clone()).collect()
    };
    let (client, server) = (stream(FromClient), stream(FromServer));
    let mut play = Play::new(warrants());
    play.packet(FromClient, starts.0, 0, SYN, b"");
    play.packet(FromServer, starts.1, starts.0.wrapping_add(1), SYN | ACK, b"");
    let number = |from: Direction, at: usize| {
        let start = if from == FromClient { starts.0 } else { starts.1 };
        start.wrapping_add(1).wrapping_add(at as u32)
    };
    let send = |play: &mut Play, sent: &Sent| {
        let octets = if sent.from == FromClient { &client } else { &server };
        let (seq, ack) = (number(sent.from, sent.part.0), number(sent.from.flip(), sent.acks));
        play.packet(sent.from, seq, ack, ACK, &octets[sent.part.0..sent.part.1]);
    };
    let segments = segments(&turns, fate);
    let mut order: Vec<(usize, usize, &Sent)> = Vec::new();
    for (second, turn) in segments.iter().enumerate() {
        order.extend(turn.iter().map(|sent| (second, order_of(second, whole_session), sent)));
    }
    let mut order: Vec<_> = order
        .into_iter()
        .enumerate()
        .map(|(at, (second, block, sent))| (block, at + sent.late, second, sent))
        .collect();
    order.sort_by_key(|(block, turn, ..)| (*block, *turn));
    for (_, _, second, sent) in order {
        // A packet captured late has a later time; records are compared without their times then.
        play.now =
            if whole_session { play.now.after(Duration::from_millis(1)) } else { support::at(second as u64 + 1) };
        send(&mut play, sent);
    }
    play.now = support::at(100);
    let (client_end, server_end) = (number(FromClient, client.len()), number(FromServer, server.len()));
    play.packet(FromClient, client_end, server_end, FIN | ACK, b"");
    play.packet(FromServer, server_end, client_end.wrapping_add(1), FIN | ACK, b"");
    play.packet(FromClient, client_end.wrapping_add(1), server_end.wrapping_add(1), ACK, b"");
    play.finish()
}

/// Within a turn the tap can see any order; across turns too where the whole session is shuffled.
fn order_of(second: usize, whole_session: bool) -> usize {
    if whole_session { 0 } else { second }
}

/// What is said of each record but how content is cut: IRI whole, content put together by direction, in the order in which
/// directions change if that is asked for.
fn summary(records: &[Record], liid: &str, times: bool, by_turn: bool) -> Vec<String> {
    let mut iris = Vec::new();
    let mut content: Vec<(Way, Vec<u8>)> = Vec::new();
    for record in records.iter().filter(|record| record.mandate.liid == liid) {
        match &record.body {
            Body::Iri(iri) => {
                let time = if times { record.time.as_nanos() / 1_000 } else { 0 };
                let aaa =
                    iri.aaa.as_ref().map(|aaa| (&aaa.username, aaa.method, &aaa.challenge, &aaa.response, aaa.result));
                iris.push(format!(
                    "{time} {:?} {:?} {:?} {} {} {:?} {:?} {:?} {:?} {:?} {aaa:?}",
                    iri.record_type,
                    iri.event,
                    iri.status,
                    iri.client_octets,
                    iri.server_octets,
                    iri.sender,
                    iri.recipients,
                    iri.total_recipients,
                    iri.message_id,
                    iri.sender_validity
                ));
            }
            Body::Cc(cc) => {
                let place = if by_turn {
                    content.last_mut().filter(|(way, _)| *way == cc.direction)
                } else {
                    content.iter_mut().find(|(way, _)| *way == cc.direction)
                };
                match place {
                    Some((_, octets)) => octets.extend(cc.content.octets()),
                    None => content.push((cc.direction, cc.content.octets().to_vec())),
                }
            }
            Body::Notice(notice) => panic!("nothing was lost: {notice:?}"),
            Body::MessagingIri(_) | Body::MessagingCc(_) => panic!("the wire carries mail"),
            Body::Closed => {}
        }
    }
    content.sort_by_key(|(way, _)| if by_turn { 0 } else { u8::from(*way == Way::ToTarget) });
    iris.extend(content.into_iter().map(|(way, octets)| format!("{way:?} {}", String::from_utf8_lossy(&octets))));
    iris
}

fn same(script: &str, fate: &Fate, starts: (u32, u32), whole_session: bool, by_turn: bool) {
    let plain = play(script, &Fate::NONE(), (1_000, 5_000), false);
    let moved = play(script, fate, starts, whole_session);
    assert!(plain.room.records.len() > 20);
    for warrant in warrants() {
        let liid = &warrant.mandate.liid;
        assert_eq!(
            summary(&moved.room.records, liid, !whole_session, by_turn),
            summary(&plain.room.records, liid, !whole_session, by_turn),
            "{liid}"
        );
    }
}

#[test]
fn one_octet_a_segment_is_the_same_session() {
    let fate = Fate { cuts: vec![1], ..Fate::NONE() };
    same(LOCK_STEP, &fate, (1_000, 5_000), false, true);
    same(PIPELINED, &fate, (1_000, 5_000), false, false);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn reordered_repeated_and_overlapping_segments_of_a_turn_change_nothing(
        fate in fates(), client in any::<u32>(), server in prop_oneof![any::<u32>(), (u32::MAX - 500)..=u32::MAX],
    ) {
        same(LOCK_STEP, &fate, (client, server), false, true);
        same(PIPELINED, &fate, (client, server), false, false);
    }

    #[test]
    fn nor_do_they_when_the_whole_session_is_shuffled(fate in fates(), client in any::<u32>(), server in any::<u32>()) {
        same(LOCK_STEP, &fate, (client, server), true, true);
        same(PIPELINED, &fate, (client, server), true, false);
    }
}
