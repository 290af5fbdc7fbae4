//! Each way that somebody can be a target: client by address, by login, by sender; recipient.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::{Play, cc, email, ip, iri, login};
use writ_intercept::address::Form;
use writ_intercept::{Target, Warrant};

/// One message from alice to bob, both on their own servers.
const MESSAGE: &str = "
    S: 220 mx
    C: EHLO client
    S: 250 mx
    C: MAIL FROM:<alice@example.org>
    S: 250 ok
    C: RCPT TO:<bob@example.net>
    S: 250 ok
    C: DATA
    S: 354 go
    C: Message-ID: <1@example.org>
    C:
    C: Hello
    C: .
    S: 250 queued
    C: QUIT
    S: 221 bye";

const AS_BOTH: [&str; 4] =
    ["Begin Logon Succeeded", "Continue Send Unknown", "Report Receive Unknown", "End Logoff Succeeded"];
const AS_SENDER: [&str; 3] = ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"];

fn events(targets: impl IntoIterator<Item = Target>, script: &str) -> Vec<String> {
    Play::run(vec![iri("L", targets)], script).events()
}

#[test]
fn a_client_address_or_prefix_makes_the_client_the_target() {
    for target in ["192.0.2.10", "192.0.2.0/24", "0.0.0.0/0"] {
        assert_eq!(events([ip(target)], MESSAGE), AS_SENDER, "{target}");
    }
    for target in ["192.0.2.11", "192.0.3.0/24", "198.51.100.25", "::/0"] {
        assert!(events([ip(target)], MESSAGE).is_empty(), "{target}");
    }
    for (target, expected) in
        [("2001:db8::10", true), ("2001:db8::/64", true), ("::/0", true), ("2001:db8:1::/48", false)]
    {
        let play = Play::new(vec![iri("L", [ip(target)])]).between("[2001:db8::10]:40000", "[2001:db8::25]:25");
        let events = play.open().say(MESSAGE).fin().finish().events();
        assert_eq!(!events.is_empty(), expected, "{target}");
    }
}

#[test]
fn a_sender_address_makes_the_client_the_target() {
    let play = Play::run(vec![iri("L", [email("alice@example.org")])], MESSAGE);
    assert_eq!(
        play.told(),
        [
            "L#0 @3 Begin Logon Succeeded",
            "L#0 @11 Continue Send Unknown from=<alice@example.org> to=bob@example.net n=1 id=<1@example.org> NonValidated",
            "L#0 @13 End Logoff Succeeded"
        ]
    );
    assert!(events([email("alice@example.com")], MESSAGE).is_empty());
    assert!(events([login("alice@example.org")], MESSAGE).is_empty(), "a login is no sender");
}

#[test]
fn a_recipient_address_makes_a_receipt_and_not_a_session() {
    let play = Play::run(vec![iri("L", [email("bob@example.net")])], MESSAGE);
    assert_eq!(
        play.told(),
        [
            "L#0 @11 Report Receive Unknown from=<alice@example.org> to=bob@example.net n=1 id=<1@example.org> NonValidated"
        ]
    );
}

#[test]
fn every_field_of_table_a_1() {
    let play = Play::run(vec![iri("L", [email("alice@example.org"), email("bob@example.net")])], MESSAGE);
    let iris = play.iris();
    assert_eq!(iris.len(), 4);
    for iri in &iris {
        assert_eq!(iri.client, "192.0.2.10:40000".parse().unwrap());
        assert_eq!(iri.server, "198.51.100.25:25".parse().unwrap());
    }
    let octets: Vec<_> = iris.iter().map(|iri| (iri.client_octets, iri.server_octets)).collect();
    let length = |lines: &[&str]| lines.iter().map(|line| line.len() as u64 + 2).sum::<u64>();
    let client = [
        "MAIL FROM:<alice@example.org>",
        "RCPT TO:<bob@example.net>",
        "DATA",
        "Message-ID: <1@example.org>",
        "",
        "Hello",
        ".",
    ];
    let message = (length(&client), length(&["250 ok", "250 ok", "354 go", "250 queued"]));
    let hello = (length(&["EHLO client"]), length(&["250 mx"]));
    assert_eq!(octets, [hello, message, message, (length(&["QUIT"]), length(&["221 bye"]))]);
}

#[test]
fn spellings_of_an_address_are_one_target() {
    for (target, written) in [
        ("ALICE@EXAMPLE.ORG", "alice@example.org"),
        ("alice@example.org", "Alice@Example.ORG."),
        ("alice@example.org", "\"alice\"@example.org"),
        ("alice@bücher.example", "alice@xn--bcher-kva.example"),
        ("alice@xn--bcher-kva.example", "alice@BÜCHER.example"),
        ("jürgen@example.org", "JÜRGEN@example.org"),
        ("alice@example.org", "@relay.example,@other.example:alice@example.org"),
    ] {
        for role in ["MAIL FROM:<alice@example.org>", "RCPT TO:<bob@example.net>"] {
            let verb = role.split(':').next().unwrap();
            let others = MESSAGE.replace("alice@example.org>", "carol@example.org>");
            let script = others.replace(&role.replace("alice", "carol"), &format!("{verb}: <{written}> SMTPUTF8"));
            let got = events([email(target)], &script);
            assert_eq!(got.len(), if verb == "MAIL FROM" { 3 } else { 1 }, "{target} as {written} in {verb}");
        }
    }
}

#[test]
fn tags_and_case_count_as_the_warrant_says() {
    let tagged = MESSAGE.replace("bob@example.net", "Bob+lists@example.net");
    let received = |form: Form, target: &str| {
        let warrant = Warrant { form, ..iri("L", [email(target)]) };
        Play::run(vec![warrant], &tagged).events().len()
    };
    let (case, tag) = (Form { match_case: true, strip_tag: false }, Form { match_case: false, strip_tag: true });
    assert_eq!(received(Form::default(), "bob@example.net"), 0);
    assert_eq!(received(Form::default(), "bob+lists@example.net"), 1);
    assert_eq!(received(tag, "bob@example.net"), 1);
    assert_eq!(received(case, "bob+lists@example.net"), 0);
    assert_eq!(received(case, "Bob+lists@example.net"), 1);
    assert_eq!(received(Form { match_case: true, strip_tag: true }, "Bob@example.net"), 1);
    // All four forms at once, each served by its own.
    let forms = Form::ALL.into_iter().zip(["A", "B", "C", "D"]);
    let play = Play::run(
        forms.map(|(form, liid)| Warrant { form, ..iri(liid, [email("Bob@example.net")]) }).collect(),
        &tagged,
    );
    let liids: Vec<_> = play.room.records.iter().map(|record| record.mandate.liid.as_str()).collect();
    assert_eq!(liids, ["B", "D", "B", "D"], "records, then their ends");
}

/// What a client and a server say to log in as alice, by mechanism, up to the server's answer.
fn mechanisms(name: &str) -> Vec<(&'static str, String)> {
    let encode = |text: String| STANDARD.encode(text);
    let initial = |mechanism: &str, text: String| format!("C: AUTH {mechanism} {}", encode(text));
    let mut ntlm = b"NTLMSSP\0\x03\0\0\0".to_vec();
    ntlm.resize(64, 0);
    ntlm[36] = name.len() as u8;
    ntlm[40] = 64;
    ntlm.extend(name.bytes());
    vec![
        ("PLAIN", initial("PLAIN", format!("\0{name}\0s3cret-pw"))),
        ("PLAIN for another", initial("PLAIN", format!("{name}\0admin\0s3cret-pw"))),
        ("PLAIN challenged", format!("C: AUTH PLAIN\nS: 334\nC: {}", encode(format!("\0{name}\0s3cret-pw")))),
        (
            "LOGIN",
            format!(
                "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: {}\nS: 334 UGFzc3dvcmQ6\nC: {}",
                encode(name.into()),
                encode("s3cret-pw".into())
            ),
        ),
        (
            "LOGIN at once",
            format!("C: auth login {}\nS: 334 UGFzc3dvcmQ6\nC: {}", encode(name.into()), encode("s3cret-pw".into())),
        ),
        (
            "CRAM-MD5",
            format!(
                "C: AUTH CRAM-MD5\nS: 334 {}\nC: {}",
                encode("<1.2@mx>".into()),
                encode(format!("{name} b913a602c7eda7a495b4e6e7334d3890"))
            ),
        ),
        (
            "DIGEST-MD5",
            format!(
                "C: AUTH DIGEST-MD5\nS: 334 {}\nC: {}\nS: 334 {}\nC:",
                encode("realm=\"x\",nonce=\"n\"".into()),
                encode(format!("username=\"{name}\",realm=\"x\",response=d388dad90d4bbd760a152321f2143af7")),
                encode("rspauth=ea40f60335c427b5527b84dbabcdfffd".into())
            ),
        ),
        (
            "SCRAM-SHA-256",
            format!(
                "C: AUTH SCRAM-SHA-256 {}\nS: 334 {}\nC: {}\nS: 334 {}\nC:",
                encode(format!("n,,n={name},r=abc")),
                encode("r=abcdef,s=c2FsdA==,i=4096".into()),
                encode("c=biws,r=abcdef,p=cHJvb2Y=".into()),
                encode("v=dmVyaWZpZXI=".into())
            ),
        ),
        ("XOAUTH2", initial("XOAUTH2", format!("user={name}\x01auth=Bearer s3cret-pw\x01\x01"))),
        ("OAUTHBEARER", initial("OAUTHBEARER", format!("n,a={name},\x01auth=Bearer s3cret-pw\x01\x01"))),
        ("EXTERNAL", initial("EXTERNAL", name.into())),
        (
            "NTLM",
            format!(
                "C: AUTH NTLM {}\nS: 334 TlRMTVNTUAAC\nC: {}",
                STANDARD.encode(b"NTLMSSP\0\x01\0\0\0"),
                STANDARD.encode(ntlm)
            ),
        ),
    ]
}

#[test]
fn a_login_by_any_mechanism_makes_the_client_the_target() {
    for (mechanism, exchange) in mechanisms("alice") {
        let script = MESSAGE.replace("C: MAIL", &format!("{exchange}\nS: 235 yes\nC: MAIL"));
        let script = script.replace("alice@example.org", "nobody@example.org");
        let play = Play::run(vec![cc("L", [login("Alice")])], &script);
        assert_eq!(play.events(), AS_SENDER, "{mechanism}");
        assert_eq!(play.iris()[1].sender.as_deref(), Some("nobody@example.org"));
        play.nowhere("s3cret-pw");
        for digest in ["b913a602", "d388dad9", "ea40f603", "cHJvb2Y", "dmVyaWZpZXI"] {
            play.nowhere(digest);
        }
        assert!(Play::run(vec![cc("L", [login("alic")])], &script).events().is_empty(), "{mechanism}");
    }
}

#[test]
fn an_email_target_is_a_login_too() {
    let log_in = |name: &str| {
        let exchange = &mechanisms(name)[0].1;
        MESSAGE
            .replace("C: MAIL", &format!("{exchange}\nS: 235 yes\nC: MAIL"))
            .replace("alice@example.org", "x@y.example")
    };
    let target = || vec![iri("L", [email("alice@example.org")])];
    assert_eq!(Play::run(target(), &log_in("alice@example.org")).events(), AS_SENDER);
    assert_eq!(Play::run(target(), &log_in("ALICE@EXAMPLE.ORG")).events(), AS_SENDER);
    assert!(Play::run(target(), &log_in("alice")).events().is_empty(), "whose alice is that?");
    let of = |server: Option<&str>, domain: &str, name: &str, target: Target| {
        let play = Play::new(vec![iri("L", [target])]);
        let server = server.map(|server| server.parse().unwrap());
        let play = play.with(|settings| settings.default_domain(server, domain));
        play.open().say(&log_in(name)).fin().finish().events().len()
    };
    assert_eq!(of(None, "example.org", "alice", email("alice@example.org")), 3);
    assert_eq!(of(Some("198.51.100.25"), "Example.ORG", "Alice", email("alice@example.org")), 3);
    assert_eq!(
        of(Some("198.51.100.26"), "example.org", "alice", email("alice@example.org")),
        0,
        "another server's domain"
    );
    assert_eq!(of(None, "example.com", "alice", email("alice@example.org")), 0);
    assert_eq!(of(None, "example.org", "alice@example.com", email("alice@example.org")), 0);
    assert_eq!(of(None, "example.org", "alice@example.org", login("alice")), 3, "with its domain or without");
    assert_eq!(of(None, "example.org", "alice@example.com", login("alice")), 0);
    assert_eq!(of(None, "example.org", "alice", login("alice@example.org")), 3);
}

#[test]
fn sender_and_recipient_under_one_warrant_are_two_events_and_one_content() {
    let play = Play::run(vec![cc("L", [email("alice@example.org"), email("bob@example.net")])], MESSAGE);
    assert_eq!(
        play.events(),
        ["Begin Logon Succeeded", "Continue Send Unknown", "Report Receive Unknown", "End Logoff Succeeded"]
    );
    assert_eq!(
        play.content("L"),
        ">MAIL FROM:<alice@example.org>\n<250 ok\n>RCPT TO:<bob@example.net>\n<250 ok\n>DATA\n<354 go\n\
        >Message-ID: <1@example.org>\n\nHello\n.\n<250 queued\n"
    );
}

#[test]
fn each_of_several_warrants_is_served_apart() {
    let play = Play::run(
        vec![
            cc("SENDER", [email("alice@example.org")]),
            cc("RECEIVER", [email("bob@example.net")]),
            iri("BOTH", [email("alice@example.org"), email("bob@example.net"), ip("192.0.2.10")]),
            cc("NOBODY", [email("carol@example.org")]),
        ],
        MESSAGE,
    );
    let of = |liid: &str| {
        let told = play.told();
        told.into_iter()
            .filter(|line| line.starts_with(liid))
            .map(|line| line[liid.len()..].to_owned())
            .collect::<Vec<_>>()
    };
    let message = "from=<alice@example.org> to=bob@example.net n=1 id=<1@example.org> NonValidated";
    let cin = |lines: &[String]| lines[0].split(' ').next().unwrap().to_owned();
    let (sender, receiver, both) = (of("SENDER"), of("RECEIVER"), of("BOTH"));
    assert!(cin(&sender) != cin(&receiver) && cin(&receiver) != cin(&both) && cin(&sender) != cin(&both));
    let rest = |lines: &[String]| lines.iter().map(|line| line[3..].to_owned()).collect::<Vec<_>>();
    assert_eq!(
        rest(&sender),
        ["@3 Begin Logon Succeeded", &format!("@11 Continue Send Unknown {message}"), "@13 End Logoff Succeeded"]
    );
    assert_eq!(rest(&receiver), [format!("@11 Report Receive Unknown {message}")]);
    assert_eq!(
        rest(&both),
        [
            "@3 Begin Logon Succeeded",
            &format!("@11 Continue Send Unknown {message}"),
            &format!("@11 Report Receive Unknown {message}"),
            "@13 End Logoff Succeeded"
        ]
    );
    assert!(of("NOBODY").is_empty());
    // Content goes the other way for who receives, and none goes under a warrant for IRI.
    let swapped = play.content("RECEIVER").replace('>', "^").replace('<', ">").replace('^', "<");
    assert_eq!(play.content("SENDER").replace(['<', '>'], ""), play.content("RECEIVER").replace(['<', '>'], ""));
    assert!(play.content("SENDER").starts_with(">MAIL") && play.content("RECEIVER").starts_with("<MAIL"), "{swapped}");
    assert_eq!(play.content("BOTH"), "");
}

#[test]
fn a_warrant_for_iri_yields_neither_content_nor_what_is_inside() {
    let script = MESSAGE
        .replace("C: Hello", "C: inner body")
        .replace("C: Message-ID", "C: Subject: outer words\n    C: Message-ID");
    let targets = [email("alice@example.org"), email("bob@example.net"), ip("192.0.2.10"), login("alice")];
    let play = Play::run(vec![iri("L", targets)], &script);
    assert_eq!(play.events().len(), 4);
    assert_eq!(play.room.counters.cc_records, 0);
    for secret in ["inner body", "outer words", "Subject", "MAIL FROM"] {
        play.nowhere(secret);
    }
}

#[test]
fn the_null_sender_is_told_as_empty_and_is_nobodys() {
    let bounce = MESSAGE.replace("FROM:<alice@example.org>", "FROM:<>");
    let play = Play::run(vec![iri("L", [email("bob@example.net"), email("alice@example.org")])], &bounce);
    assert_eq!(
        play.told(),
        ["L#0 @11 Report Receive Unknown from=<> to=bob@example.net n=1 id=<1@example.org> NonValidated"]
    );
}

#[test]
fn a_session_of_nobody_leaves_nothing() {
    let play = Play::run(vec![cc("L", [email("carol@example.org"), login("carol"), ip("203.0.113.0/24")])], MESSAGE);
    assert!(play.room.records.is_empty());
    assert_eq!((play.room.counters.messages_accepted, play.room.counters.communications), (1, 0));
}

#[test]
fn a_login_inside_a_transaction_makes_its_message_the_targets() {
    let auth = "C: AUTH PLAIN AGFsaWNlAHMzY3JldC1wdw==\nS: 235 yes\n";
    let warrants = || vec![cc("ALICE", [login("alice")]), cc("BOB", [email("bob@example.net")])];
    let play = Play::run(
        warrants(),
        &format!(
            "S: 220 mx\nC: EHLO client\nS: 250 mx\nC: MAIL FROM:<someone@example.net>\nS: 250 ok\n{auth}\
             C: RCPT TO:<dave@example.com>\nS: 250 ok\nC: DATA\nS: 354 go\nC: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye"
        ),
    );
    assert_eq!(play.events(), AS_SENDER);
    let content = play.content("ALICE");
    assert!(
        content.contains("MAIL FROM:<someone@example.net>") && content.contains(">text\n.\n<250 queued"),
        "{content}"
    );
    assert_eq!(play.content("BOB"), "");
    // Between two chunks: what came before the login is gone, and told to be.
    let play = Play::run(
        warrants(),
        &format!(
            "S: 220 mx\nC: EHLO client\nS: 250 CHUNKING\nC: MAIL FROM:<someone@example.net>\nS: 250 ok\n\
             C: RCPT TO:<dave@example.com>\nS: 250 ok\nC: BDAT 5\nC: one\nS: 250 ok\n{auth}C: BDAT 5 LAST\nC: two\nS: 250 queued\n\
             C: QUIT\nS: 221 bye"
        ),
    );
    assert_eq!(play.events(), AS_SENDER);
    let content = play.content("ALICE");
    assert!(content.contains(">BDAT 5 LAST\ntwo\n<250 queued") && !content.contains("one"), "{content}");
    let missing = 33 + 28 + 8 + 5 + 3 * 8;
    assert!(play.told().iter().any(|line| line.ends_with(&format!("not held {missing}"))), "{:?}", play.told());
    // A message that was over before the login is nobody's.
    let play = Play::run(
        warrants(),
        &format!(
            "S: 220 mx\nC: EHLO client\nS: 250 mx\nC: MAIL FROM:<someone@example.net>\nS: 250 ok\nC: RSET\nS: 250 ok\n{auth}C: QUIT\nS: 221 bye"
        ),
    );
    assert!(!play.content("ALICE").contains("someone"));
}

#[test]
fn an_address_is_found_in_every_form_that_servers_take_and_told_as_it_was_written() {
    for (from, told) in [
        ("Alice <alice@example.org>", "alice@example.org"),
        ("\"A\" <alice@example.org> SIZE=1", "alice@example.org"),
        ("<alice@example.org(home)>", "alice@example.org(home)"),
        ("<<alice@example.org>>", "alice@example.org"),
        ("<alice @ example.org>", "alice @ example.org"),
    ] {
        let script = format!(
            "S: 220 mx\nC: EHLO client\nS: 250 mx\nC: MAIL FROM:{from}\nS: 250 ok\nC: RCPT TO:{from}\nS: 250 ok\nC: DATA\nS: 354 go\n\
             C: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye"
        );
        let play = Play::run(vec![cc("ALICE", [email("alice@example.org")])], &script);
        assert_eq!(play.events(), AS_BOTH, "{from}");
        assert!(play.told()[1].contains(&format!("from=<{told}> to={told} n=1")), "{:?}", play.told());
    }
}

#[test]
fn a_message_to_two_targets_of_a_warrant_is_one_receipt_that_reached_both_or_is_unknown() {
    let receipt = |recipients: [&str; 2], code: u16| {
        let script = format!(
            "S: 220 mx\nC: EHLO client\nS: 250 mx\nC: MAIL FROM:<bob@example.net>\nS: 250 ok\nC: RCPT TO:<{}>\nS: 250 ok\n\
             C: RCPT TO:<{}>\nS: {code} ok\nC: DATA\nS: 354 go\nC: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye",
            recipients[0], recipients[1]
        );
        let warrant = iri("L", [email("dave@example.com"), email("carol@example.com"), email("erin@example.org")]);
        let play = Play::new(vec![warrant]).with(|settings| settings.deliver_here("example.com"));
        play.open().say(&script).fin().finish().events()
    };
    assert_eq!(receipt(["dave@example.com", "carol@example.com"], 250), ["Report Receive Succeeded"]);
    assert_eq!(receipt(["dave@example.com", "nobody@example.org"], 250), ["Report Receive Succeeded"]);
    assert_eq!(receipt(["dave@example.com", "erin@example.org"], 250), ["Report Receive Unknown"]);
    assert_eq!(receipt(["erin@example.org", "dave@example.com"], 250), ["Report Receive Unknown"]);
    assert_eq!(receipt(["dave@example.com", "carol@example.com"], 251), ["Report Receive Unknown"]);
}

#[test]
fn an_address_without_a_domain_has_the_one_of_a_server_that_is_named() {
    let at = |server: Option<std::net::IpAddr>| {
        let play = Play::new(vec![cc("ALICE", [email("alice@example.org")])]);
        let script = "S: 220 mx\nC: EHLO client\nS: 250 mx\nC: MAIL FROM:<>\nS: 250 ok\nC: RCPT TO:<Alice>\nS: 250 ok\n\
                      C: DATA\nS: 354 go\nC: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye";
        let play =
            play.with(|settings| settings.default_domain(server, "example.org")).open().say(script).fin().finish();
        play.events().len()
    };
    assert_eq!(at(Some("198.51.100.25".parse().unwrap())), 1);
    assert_eq!(at(Some("198.51.100.26".parse().unwrap())), 0);
    // Servers that nobody named may be anybody's, and have other users.
    assert_eq!(at(None), 0);
}

#[test]
fn a_name_in_a_realm_is_the_address_that_both_make() {
    let events = |said: &str, target: Target| {
        let said = STANDARD.encode(said);
        let exchange = format!("C: AUTH DIGEST-MD5\nS: 334 bm9uY2U=\nC: {said}\nS: 235 yes\nC: MAIL");
        let script = MESSAGE.replace("C: MAIL", &exchange).replace("FROM:<alice@example.org>", "FROM:<x@y.example>");
        Play::run(vec![iri("L", [target])], &script).events().len()
    };
    let alice = || email("alice@example.org");
    assert_eq!(events(r#"username="alice",realm="example.org""#, alice()), 3);
    assert_eq!(events(r#"username="alice",realm="example.org""#, login("alice@example.org")), 3);
    assert_eq!(events(r#"username="alice",realm="example.org""#, login("alice")), 3);
    assert_eq!(events(r#"username="alice",realm="mail.example.org""#, alice()), 0);
    assert_eq!(events(r#"username="alice""#, alice()), 0);
    assert_eq!(events(r#"username="alice@example.net",realm="example.org""#, alice()), 0);
    assert_eq!(events(r#"username="alice@example.org",realm="x""#, alice()), 3);
}
