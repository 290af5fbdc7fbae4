//! Encrypted sessions: nothing of them can be read, and of those of a target's address there is something to tell.

mod support;

use support::*;

/// The port, and what the client sends in three segments of which only the length means anything.
fn encrypted(port: u16, warrants: Vec<writ_intercept::Warrant>) -> Play {
    let play = Play::new(warrants).between("192.0.2.10:40000", &format!("198.51.100.25:{port}")).open();
    play.say("C: \u{16}\u{3}\u{1}3456789\nS: \u{16}\u{3}\u{3}34\n--\nS: 01\nC: 0").fin().finish()
}

fn octets(play: &Play) -> Vec<(u64, u64)> {
    play.iris().iter().map(|iri| (iri.client_octets, iri.server_octets)).collect()
}

#[test]
fn a_session_on_a_port_of_tls_has_a_begin_an_end_and_octets_for_a_target_by_address() {
    for port in [465, 993, 995] {
        let play =
            encrypted(port, vec![cc("BY-IP", [ip("192.0.2.0/24")]), cc("NAME", [email("0123456789@example.org")])]);
        assert_eq!(play.told(), ["BY-IP#0 @1 Begin Logon Unknown", "BY-IP#0 @5 End Logoff Unknown"]);
        assert_eq!(octets(&play), [(0, 0), (15, 11)]);
        assert_eq!(play.content_octets("BY-IP"), 0, "nobody can say what of it is mail");
    }
    let counters = encrypted(993, vec![]).room.counters;
    assert_eq!((counters.imaps_sessions, counters.pop3s_sessions, counters.communications), (1, 0, 0));
}

#[test]
fn the_packets_of_an_encrypted_session_go_out_where_the_warrant_asks_for_packets() {
    let play = encrypted(993, vec![packets("BY-IP", [ip("192.0.2.10")])]);
    let with_payload: Vec<String> =
        play.packets("BY-IP").into_iter().filter(|shown| shown.contains(['0', '3'])).collect();
    assert_eq!(
        with_payload.iter().filter(|shown| !shown.ends_with('<') && !shown.ends_with('>')).collect::<Vec<_>>(),
        ["@1 >\u{16}\u{3}\u{1}3456789\n", "@2 <\u{16}\u{3}\u{3}34\n", "@3 <01\n", "@4 >0\n"]
    );
}

#[test]
fn after_starttls_the_octets_are_counted_and_the_packets_go_on() {
    let script = "S: 220 mx\nC: EHLO c\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nC: \u{16}\u{3}\u{1}3456789\nS: \u{16}\u{3}\u{3}34";
    let play = Play::run(vec![packets("PACKETS", [ip("192.0.2.10")]), iri("IRI", [ip("192.0.2.10")])], script);
    assert_eq!(
        play.told(),
        [
            "PACKETS#0 @3 Begin Logon Succeeded",
            "IRI#1 @3 Begin Logon Succeeded",
            "PACKETS#0 @8 End Logoff Unknown",
            "IRI#1 @8 End Logoff Unknown",
        ]
    );
    assert_eq!(octets(&play).last(), Some(&(12, 7)));
    let shown = play.packets("PACKETS");
    assert!(
        shown.contains(&"@6 >\u{16}\u{3}\u{1}3456789\n".to_owned())
            && shown.contains(&"@7 <\u{16}\u{3}\u{3}34\n".to_owned()),
        "{shown:?}"
    );
}

#[test]
fn of_an_encrypted_session_only_what_lies_in_the_interval_is_told() {
    let late = writ_intercept::Warrant { start: at(3), ..packets("LATE", [ip("192.0.2.10")]) };
    let early = writ_intercept::Warrant { end: at(3), ..packets("EARLY", [ip("192.0.2.10")]) };
    let play = encrypted(993, vec![late, early]);
    assert_eq!(
        play.told(),
        ["EARLY#0 @1 Begin Logon Unknown", "LATE#1 @3 Begin Logon Unknown", "LATE#1 @5 End Logoff Unknown"]
    );
    let last = play.iris().last().map(|iri| (iri.client_octets, iri.server_octets));
    assert_eq!(last, Some((3, 4)), "what crossed the wire before the start is not counted");
    assert!(play.packets("LATE").iter().all(|shown| !shown.contains("01234")));
    assert!(play.packets("EARLY").iter().all(|shown| !shown.contains("@3") && !shown.contains("@4")));
}

#[test]
fn what_goes_on_in_the_clear_where_it_said_it_is_encrypted_shows_no_password() {
    let script = "S: 220 mx\nC: EHLO c\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nC: AUTH PLAIN AGFsaWNlAHNlY3JldC13b3Jk\nS: 235 in";
    let play = Play::run(vec![packets("IP", [ip("192.0.2.10")])], script);
    play.nowhere("secret-word");
    assert_eq!(octets(&play).last(), Some(&(37, 8)));
}

#[test]
fn what_is_spoken_in_the_clear_on_a_port_of_tls_is_read() {
    let script = "S: 220 mx\nC: EHLO c\nS: 250 mx\nC: MAIL FROM:<alice@example.org>\nS: 250 ok\nC: RCPT TO:<bob@example.net>\nS: 250 ok\nC: DATA\nS: 354 go\nC: text\nC: .\nS: 250 queued\nC: QUIT\nS: 221 bye";
    let play =
        Play::new(vec![iri("ALICE", [email("alice@example.org")])]).between("192.0.2.10:40000", "198.51.100.25:465");
    let play = play.open().say(script).fin().finish();
    assert_eq!(play.events(), ["Begin Logon Succeeded", "Continue Send Unknown", "End Logoff Succeeded"]);
}

/// Octets as a client compresses them that stores them (RFC 1951 §3.2.4): a block of each begins with 0.
fn stored(texts: &[&str]) -> std::io::Result<Vec<Vec<u8>>> {
    use std::io::Write as _;
    let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::none());
    let mut segments = Vec::new();
    for text in texts {
        encoder.write_all(text.as_bytes())?;
        encoder.flush()?;
        segments.push(std::mem::take(encoder.get_mut()));
    }
    Ok(segments)
}

#[test]
fn no_packet_of_a_compressed_session_goes_out_that_cannot_be_read_any_further() {
    let warrant = writ_intercept::Warrant {
        authentication_data: writ_intercept::warrant::AuthenticationData::Username,
        ..packets("IP", [ip("192.0.2.10")])
    };
    let play = Play::new(vec![warrant]).between("192.0.2.10:40000", "198.51.100.143:143").open();
    let mut play = play.say("S: * OK ready\nC: k COMPRESS DEFLATE\nS: k OK");
    let client = stored(&["n NOOP\r\n", "m LOGIN alice pw-of-alice\r\n", "l LOGIN bob pw-of-bob\r\n"]).unwrap();
    play.send(FromClient, &client[0]);
    play.send(FromClient, &client[1]);
    play.lose(FromServer, 20);
    let mut play = play.pass(10);
    play.send(FromClient, &client[2]);
    play.send(FromServer, &stored(&["l OK pw-of-bob\r\n"]).unwrap()[0]);
    let play = play.fin().finish();
    play.nowhere("pw-of-alice");
    play.nowhere("pw-of-bob");
    assert!(play.told().iter().any(|line| line.contains("not held")), "{:?}", play.told());
}

#[test]
fn a_line_that_begins_with_nul_is_no_security_layer() {
    let login = "a AUTHENTICATE DIGEST-MD5\nS: + cmVhbG09IngiLG5vbmNlPSJhYmMi\nC: dXNlcm5hbWU9ImFsaWNlIixyZXNwb25zZT1hYmM=\nS: a OK in";
    let tail = "S: * BAD\nC: l LOGIN bob pw-of-bob\nS: l NO\nC: z LOGOUT\nS: * BYE\nS: z OK";
    for line in ["\0", "\0\0\0\u{14}x", "\0abcdefghi"] {
        let warrant = writ_intercept::Warrant {
            authentication_data: writ_intercept::warrant::AuthenticationData::None,
            ..packets("IP", [ip("192.0.2.10")])
        };
        let play = Play::new(vec![warrant]).between("192.0.2.10:40000", "198.51.100.143:143").open();
        let play = play.say(&format!("S: * OK ready\nC: {login}\nC: {line}\n{tail}")).fin().finish();
        play.nowhere("pw-of-bob");
        assert!(play.events().contains(&"End Logoff Succeeded".to_owned()), "{:?}", play.events());
    }
}
