//! LMTP: the server answers for each recipient (RFC 2033 §4.2).

mod support;

use support::{Play, cc, email, ip};
use writ_intercept::Warrant;

/// A message to carol, bob and dave, of whom the server accepts all, and what it says to the end of the message.
fn run(warrants: Vec<Warrant>, answers: &str) -> Play {
    let script = format!(
        "S: 220 mx LMTP\nC: LHLO mta\nS: 250 mx\nC: MAIL FROM:<alice@example.org>\nC: RCPT TO:<carol@example.com>\n\
         C: RCPT TO:<bob@example.com>\nC: RCPT TO:<dave@example.com>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 250 ok\nS: 354 go\n\
         C: Message-ID: <1@x>\nC:\nC: text\nC: .\n{answers}C: MAIL FROM:<erin@example.net>\nS: 250 ok\nC: RCPT TO:<bob@example.com>\n\
         S: 550 no\nC: QUIT\nS: 221 bye"
    );
    let play = Play::new(warrants).with(|settings| settings.deliver_here("example.com"));
    play.open().say(&script).fin().finish()
}

fn bob() -> Vec<Warrant> {
    vec![cc("BOB", [email("bob@example.com")])]
}

const TAKEN: &str = "S: 250 for carol\nS: 250 for bob\nS: 250 for dave\n";

#[test]
fn all_of_the_answers_are_the_messages() {
    let play = run(bob(), TAKEN);
    let told = play.told();
    let expected = "Report Receive Succeeded from=<alice@example.org> to=carol@example.com,bob@example.com,dave@example.com n=3 id=<1@x> NonValidated";
    assert!(told[0].ends_with(expected), "{told:?}");
    // All three are octets of the transaction.
    assert_eq!(play.iris()[0].server_octets, 4 * 8 + 8 + 15 + 13 + 14);
    assert_eq!(play.events().len(), 1);
    assert!(play.content("BOB").ends_with(">250 for carol\n250 for bob\n250 for dave\n"), "{}", play.content("BOB"));
    play.nowhere("erin");
}

#[test]
fn a_recipient_for_whom_it_was_refused_received_nothing() {
    let refused = TAKEN.replace("250 for bob", "452 no room for bob");
    assert!(run(bob(), &refused).events().is_empty());
    let failed_too = Warrant { report_failed_sends: true, ..bob().remove(0) };
    assert_eq!(run(vec![failed_too], &refused).events(), ["Report Receive Failed"]);
    // For others, and for the sender, it is no recipient.
    let play = run(vec![cc("DAVE", [email("dave@example.com")]), cc("ALICE", [email("alice@example.org")])], &refused);
    assert_eq!(
        play.events(),
        ["Begin Logon Succeeded", "Continue Send Succeeded", "Report Receive Succeeded", "End Logoff Succeeded"]
    );
    assert!(
        play.told()
            .iter()
            .filter(|line| line.contains("id="))
            .all(|line| line.contains("to=carol@example.com,dave@example.com n=2"))
    );
    // Two targets of one warrant, of which one is refused.
    let both = || vec![cc("BOTH", [email("bob@example.com"), email("dave@example.com")])];
    assert_eq!(run(both(), &refused).events(), ["Report Receive Succeeded"]);
    let none = refused.replace("250 for dave", "550 no dave");
    assert!(run(both(), &none).events().is_empty());
}

#[test]
fn a_message_that_is_refused_for_all_was_not_accepted() {
    let refused = TAKEN.replace("250", "550");
    let play = run(vec![cc("ALICE", [ip("192.0.2.10")])], &refused);
    assert!(!play.events().iter().any(|event| event.contains("Send")), "{:?}", play.events());
    assert_eq!(play.room.counters.messages_refused, 1);
}
