//! Sessions that a target shares with somebody else, as clients and servers and lossy taps may make them: never an octet of
//! the other's.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use proptest::prelude::*;
use support::packet::ACK;
use support::{FromClient, FromServer, Play, cc, email, iri, packets};
use writ_intercept::Warrant;
use writ_wire::Direction;

/// How a transaction goes on after its envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    Data,
    DataRefused,
    MessageRefused,
    Chunks,
    Reset,
    Hello,
}

/// One transaction of alice or of bob. All that is bob's says so.
#[derive(Clone, Debug)]
struct Mail {
    by_alice: bool,
    /// Whether the server takes each recipient.
    recipients: Vec<bool>,
    then: Then,
    /// Whether the envelope is sent at once.
    pipelined: bool,
    /// Whether the next transaction is sent along with the end of this one.
    joined: bool,
}

fn mail() -> impl Strategy<Value = Mail> {
    let then = prop_oneof![
        4 => Just(Then::Data),
        1 => Just(Then::DataRefused),
        1 => Just(Then::MessageRefused),
        3 => Just(Then::Chunks),
        1 => Just(Then::Reset),
        1 => Just(Then::Hello),
    ];
    (any::<bool>(), prop::collection::vec(prop::bool::weighted(0.8), 1..4), then, any::<bool>(), any::<bool>())
        .prop_map(|(by_alice, recipients, then, pipelined, joined)| Mail {
            by_alice,
            recipients,
            then,
            pipelined,
            joined,
        })
}

/// What is said, turn by turn.
#[derive(Default)]
struct Script {
    turns: Vec<(Direction, String)>,
    /// Replies to what was sent and not yet answered.
    owed: String,
}

impl Script {
    fn client(&mut self, text: &str, reply: &str, wait: bool) {
        match self.turns.last_mut() {
            Some((FromClient, said)) => said.push_str(text),
            _ => self.turns.push((FromClient, text.to_owned())),
        }
        self.owed += reply;
        if wait && !self.owed.is_empty() {
            self.turns.push((FromServer, std::mem::take(&mut self.owed)));
        }
    }

    /// The whole session, and how many messages of alice's the server took.
    fn of(mails: &[Mail]) -> (Self, usize) {
        let mut script = Self::default();
        script.turns.push((FromServer, "220 mx\r\n".to_owned()));
        script.client("EHLO client\r\n", "250-mx\r\n250 CHUNKING\r\n", true);
        let mut accepted = 0;
        for (number, mail) in mails.iter().enumerate() {
            let who = if mail.by_alice { "alice" } else { "bob" };
            let domain = if mail.by_alice { "example.org" } else { "example.net" };
            let wait = !mail.pipelined;
            script.client(&format!("MAIL FROM:<{who}@{domain}>\r\n"), &format!("250 {who}s-sender\r\n"), wait);
            for (at, taken) in mail.recipients.iter().enumerate() {
                let code = if *taken { 250 } else { 550 };
                let recipient = format!("RCPT TO:<{who}s-friend-{at}@example.com>\r\n");
                script.client(&recipient, &format!("{code} {who}s-recipient\r\n"), wait);
            }
            let text = format!(
                "Message-ID: <{who}s-{number}@{domain}>\r\n\r\n{who}s-text\r\n..{who}s-dot\r\nMAIL FROM:<{who}s-quoted@{domain}>\r\n"
            );
            let last = number + 1 == mails.len();
            let go_on = last || !mail.joined;
            let any = mail.recipients.iter().any(|taken| *taken);
            let queued = format!("{} {who}s-end\r\n", if mail.then == Then::MessageRefused { 554 } else { 250 });
            match mail.then {
                Then::Data | Then::MessageRefused if any => {
                    script.client("DATA\r\n", &format!("354 {who}s-turn\r\n"), true);
                    script.client(&format!("{text}.\r\n"), &queued, go_on);
                    accepted += usize::from(mail.by_alice && mail.then == Then::Data);
                }
                Then::Chunks => {
                    let reply = |code: u16| format!("{code} {who}s-chunk\r\n");
                    let code = if any { 250 } else { 503 };
                    script.client(&format!("BDAT {}\r\n{text}", text.len()), &reply(code), wait);
                    script.client(&format!("BDAT 4 LAST\r\n{who:.3}\n"), &reply(code), go_on);
                    accepted += usize::from(mail.by_alice && any);
                    if !any {
                        script.client("RSET\r\n", &format!("250 {who}s-reset\r\n"), true);
                    }
                }
                Then::Hello => script.client("EHLO client\r\n", "250-mx\r\n250 CHUNKING\r\n", true),
                Then::Data | Then::DataRefused | Then::MessageRefused => {
                    script.client("DATA\r\n", &format!("554 {who}s-turn\r\n"), true);
                    script.client("RSET\r\n", &format!("250 {who}s-reset\r\n"), go_on);
                }
                Then::Reset => script.client("RSET\r\n", &format!("250 {who}s-reset\r\n"), go_on),
            }
        }
        script.client("QUIT\r\n", "221 bye\r\n", true);
        (script, accepted)
    }
}

fn warrants() -> Vec<Warrant> {
    let failed_too = |warrant| Warrant { report_failed_sends: true, ..warrant };
    vec![
        cc("SENDER", [email("alice@example.org")]),
        failed_too(packets("PACKETS", [email("alice@example.org")])),
        cc("FRIEND", [email("alices-friend-0@example.com")]),
        failed_too(iri("IRI", [email("alice@example.org"), email("alices-friend-1@example.com")])),
    ]
}

/// Plays a session in segments of these lengths, of which the tap misses some.
fn play(script: &Script, cuts: &[usize], missed: &[bool]) -> Play {
    let mut play = Play::new(warrants()).open();
    play.acknowledged = true;
    let (mut cuts, mut missed) = (cuts.iter().cycle(), missed.iter().cycle());
    for (from, said) in &script.turns {
        let mut rest = said.as_bytes();
        while !rest.is_empty() {
            let (segment, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
            rest = after;
            if *missed.next().unwrap() {
                play.lose(*from, segment.len());
            } else {
                play.send(*from, segment);
            }
            // The other end acknowledges also what the tap missed.
            play.raw(from.flip(), ACK, b"");
        }
    }
    play.fin().finish()
}

fn nothing_of_bobs(play: &Play) {
    for foreign in ["bob@example.net", "bobs-"] {
        play.nowhere(foreign);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn of_a_shared_session_each_has_the_own_mail_alone(
        mails in prop::collection::vec(mail(), 1..7),
        cuts in prop_oneof![Just(vec![1400_usize]), prop::collection::vec(1_usize..80, 1..20)],
    ) {
        let (script, accepted) = Script::of(&mails);
        let play = play(&script, &cuts, &[false]);
        nothing_of_bobs(&play);
        prop_assert_eq!(play.told().iter().filter(|line| line.starts_with("SENDER") && line.contains(" Send Unknown")).count(), accepted);
        prop_assert!(play.told().iter().all(|line| !line.contains("missed") && !line.contains("not held")));
    }

    #[test]
    fn nor_is_anything_of_others_handed_over_when_the_tap_misses_packets(
        mails in prop::collection::vec(mail(), 1..7),
        cuts in prop_oneof![Just(vec![1400_usize]), prop::collection::vec(1_usize..80, 1..20)],
        missed in prop_oneof![Just(0.03), Just(0.15), Just(0.4)].prop_flat_map(|part| prop::collection::vec(prop::bool::weighted(part), 1..60)),
    ) {
        let (script, _) = Script::of(&mails);
        nothing_of_bobs(&play(&script, &cuts, &missed));
    }
}

/// Not a check but a figure, for docs/decisions.md:
/// `cargo test -p writ-intercept --test strangers -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn what_a_lost_packet_in_a_hundred_costs() {
    use proptest::strategy::ValueTree as _;
    use proptest::test_runner::TestRunner;

    let mut runner = TestRunner::deterministic();
    let sessions = (prop::collection::vec(mail(), 1..7), prop::collection::vec(prop::bool::weighted(0.01), 200));
    let (mut accepted, mut told, mut packets, mut missed) = (0, 0, 0, 0);
    for _ in 0..20_000 {
        let (mails, lost) = sessions.new_tree(&mut runner).unwrap().current();
        let (script, count) = Script::of(&mails);
        let play = play(&script, &[1400], &lost);
        nothing_of_bobs(&play);
        accepted += count;
        told += play.told().iter().filter(|line| line.starts_with("SENDER") && line.contains(" Send Unknown")).count();
        packets += script.turns.len();
        missed += lost.iter().take(script.turns.len()).filter(|lost| **lost).count();
    }
    println!("{missed} of {packets} packets missed: {told} of {accepted} messages told");
}
