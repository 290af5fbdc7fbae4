//! Who logs in, and when a session goes dark.

use super::*;

#[test]
fn logins_by_initial_response_and_by_challenge() {
    let notes = run("
        S: 220 mx
        C: AUTH PLAIN AGFsaWNlAHNlY3JldA==
        S: 535 no
        C: AUTH LOGIN
        S: 334 VXNlcm5hbWU6
        C: YWxpY2U=
        S: 334 UGFzc3dvcmQ6
        C: c2VjcmV0
        S: 235 yes
        C: AUTH CRAM-MD5
        S: 334 PDFAeD4=
        C: *
        S: 501 cancelled
        C: NOOP
        S: 250 ok");
    assert_eq!(
        notes[1..],
        [
            "auth Plain Some(\"alice\") Failed",
            "auth Login Some(\"alice\") Succeeded",
            "auth CramMd5 None Failed",
            "0> NOOP",
            "0< 250"
        ]
    );
}

#[test]
fn after_starttls_nothing_is_read() {
    let notes = run("
        S: 220 mx
        C: EHLO c
        S: 250-mx
        S: 250 STARTTLS
        C: STARTTLS
        S: 220 go
        C: MAIL FROM:<a@x>
        S: 250 ok");
    assert_eq!(notes[3..], ["0> STARTTLS", "0< 220", "dark"]);
    let refused = run("
        S: 220 mx
        C: STARTTLS
        C: NOOP
        S: 454 not now
        S: 250 ok");
    assert_eq!(refused[1..], ["0> STARTTLS", "0< 454", "0> NOOP", "0< 250"]);
}

#[test]
fn a_security_layer_is_dark() {
    for (mechanism, next, dark) in [
        ("GSSAPI", "\0\0\0\x20 wrapped", true),
        ("DIGEST-MD5", "\0\0\x01\0 wrapped", true),
        ("GSSAPI", "MAIL FROM:<a@x>\r\n", false),
        ("PLAIN", "\0\0\0\x20 wrapped", false),
    ] {
        let mut smtp = Smtp::new(true, Limits::default());
        smtp.server(AT, b"220 mx\r\n", &mut |_| {});
        smtp.client(AT, format!("AUTH {mechanism} YWJj\r\n").as_bytes(), &mut |_| {});
        smtp.server(AT, b"235 yes\r\n", &mut |_| {});
        smtp.client(AT, next.as_bytes(), &mut |_| {});
        assert!(!smtp.is_dark(), "the server tells");
        smtp.server(AT, if next.starts_with('\0') { b"\0\0\0\x10 wrapped" } else { b"250 ok\r\n" }, &mut |_| {});
        assert_eq!(smtp.is_dark(), dark, "{mechanism} {next:?}");
    }
}

#[test]
fn tls_from_the_first_octet_is_dark() {
    let mut smtp = Smtp::new(true, Limits::default());
    let mut notes = Vec::new();
    smtp.client(AT, b"\x16\x03\x01\x02\x00", &mut |event| note(&event, &mut notes));
    assert!(notes.is_empty());
    smtp.server(AT, b"\x16\x03\x03\x00\x7a", &mut |event| note(&event, &mut notes));
    assert_eq!(notes, ["dark"]);
    assert!(smtp.is_dark());
}
