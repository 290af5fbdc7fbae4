//! Servers that repeat, in what they answer, what was overwritten in what they were sent.

mod support;

use support::*;
use writ_intercept::Warrant;
use writ_intercept::warrant::AuthenticationData;

/// A session under warrants of every kind but `full`, of which none has the password.
fn nowhere(server: &str, script: &str) {
    for targets in [ip("192.0.2.10"), login("alice")] {
        for data in [AuthenticationData::None, AuthenticationData::Username] {
            for warrant in [cc("W", [targets.clone()]), packets("W", [targets.clone()])] {
                let warrants = vec![Warrant { authentication_data: data, ..warrant }];
                let play = Play::new(warrants).between("192.0.2.10:40000", server).open().say(script).fin().finish();
                play.nowhere("secret-word");
                play.nowhere("SECRET-WORD");
            }
        }
    }
}

#[test]
fn in_imap4() {
    for refusal in [
        "S: a NO not secret-word",
        "S: a BAD Error in command LOGIN: a LOGIN alice SECRET-WORD",
        "S: * BAD what is a LOGIN alice \"secret-word\"\nS: a NO",
        "S: a OK LOGIN alice secret-word completed",
    ] {
        let script = format!(
            "S: * OK ready\nC: a LOGIN alice secret-word\n{refusal}\nC: b LOGIN alice x\nS: b OK in\nC: c LOGOUT\nS: * BYE\nS: c OK"
        );
        nowhere("198.51.100.143:143", &script);
    }
}

#[test]
fn in_smtp() {
    for refusal in ["535 5.7.8 not secret-word", "501-what\nS: 501 is AUTH PLAIN AGFsaWNlAHNlY3JldC13b3Jk"] {
        let script = format!(
            "S: 220 x\nC: EHLO y\nS: 250 z\nC: AUTH PLAIN AGFsaWNlAHNlY3JldC13b3Jk\nS: {refusal}\nC: AUTH PLAIN AGFsaWNlAHdvcmQ=\nS: 235 in\nC: MAIL FROM:<a@b>\nS: 250 ok\nC: secret-word\nS: 500 what is SECRET-WORD\nC: QUIT\nS: 221 bye"
        );
        nowhere("198.51.100.25:25", &script);
    }
}

#[test]
fn in_pop3() {
    for refusal in ["-ERR not secret-word", "-ERR unknown command PASS SECRET-WORD", "+OK your password is secret-word"]
    {
        let script = format!(
            "S: +OK\nC: USER alice\nS: +OK\nC: PASS secret-word\nS: {refusal}\nC: USER alice\nS: +OK\nC: PASS x\nS: +OK\nC: QUIT\nS: +OK"
        );
        nowhere("198.51.100.110:110", &script);
    }
}
