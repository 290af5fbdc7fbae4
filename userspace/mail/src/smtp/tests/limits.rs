//! What is held, and for how long.

use super::*;

#[test]
fn what_is_held_is_given_back() {
    let mut smtp = Smtp::new(true, Limits::default());
    smtp.server(AT, b"220 mx\r\n", &mut |_| {});
    for _ in 0..3000 {
        smtp.client(AT, b"NOOP\r\n", &mut |_| {});
    }
    smtp.client(AT, b"DATA\r\n", &mut |_| {});
    (0..1000).for_each(|_| smtp.client(AT, b"x\r\n", &mut |_| {}));
    assert!(smtp.pending.capacity() > 3000 && smtp.stalled.capacity() >= 1000);
    for _ in 0..3000 {
        smtp.server(AT, b"250 ok\r\n", &mut |_| {});
    }
    smtp.server(AT, b"354 go\r\n", &mut |_| {});
    smtp.client(AT, b"\r\n.\r\n", &mut |_| {});
    smtp.server(AT, b"250 ok\r\n", &mut |_| {});
    assert_eq!((smtp.pending.capacity(), smtp.stalled.capacity()), (0, 0));
}

#[test]
fn debug_shows_nothing_of_anybody() {
    let mut smtp = Smtp::new(true, Limits::default());
    let mut shown = String::new();
    let mut tell = |event: Event<'_>| match event {
        Event::Command(command) => shown += &format!("{command:?}"),
        Event::Reply { to, reply } => shown += &format!("{to:?}{reply:?}"),
        Event::Message { head, .. } => shown += &format!("{head:?}"),
        Event::Auth { exchange, .. } => shown += &format!("{exchange:?}{:?}", exchange.identity()),
        _ => {}
    };
    smtp.server(AT, b"220 mx\r\n", &mut tell);
    for turn in ["AUTH PLAIN AGFsaWNlAHNlY3JldA==", "MAIL FROM:<alice@x>", "RCPT TO:<alice@x>", "VRFY alice"] {
        smtp.client(AT, format!("{turn}\r\n").as_bytes(), &mut tell);
        smtp.server(AT, b"250 alice\r\n", &mut tell);
    }
    smtp.client(AT, b"DATA\r\n", &mut tell);
    smtp.server(AT, b"354 alice\r\n", &mut tell);
    smtp.client(AT, b"From: alice\r\nMessage-ID: <alice>\r\n\r\nalice\r\n.\r\nMAIL FROM:<alice", &mut tell);
    smtp.server(AT, b"250 alice\r\n250-alice", &mut tell);
    shown += &format!("{:?}{:?}", smtp.client, HeadReader::default());
    assert!(!shown.is_empty());
    for secret in ["alice", "AGFs", "[97, 108", "97,"] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
}
