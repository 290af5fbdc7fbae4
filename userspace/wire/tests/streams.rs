//! Connections as they happen: what is told of each.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]

mod support;

use std::time::Duration;

use support::{ACK, Event, FIN, FromClient, FromServer, Pair, RST, SYN, Tap, small};
use writ_wire::{Close, Link, Settings};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_session_from_syn_to_fin() {
    for pair in [Pair::default(), Pair::v6()] {
        let mut tap = Tap { pair, ..Tap::default() };
        tap.handshake();
        tap.send(FromServer, 5001, 1001, ACK, "220 hello\r\n");
        tap.send(FromClient, 1001, 5012, ACK, "QUIT\r\n");
        tap.send(FromServer, 5012, 1007, ACK, "221 bye\r\n");
        tap.send(FromServer, 5021, 1007, FIN | ACK, "");
        tap.send(FromClient, 1007, 5022, FIN | ACK, "");
        assert_eq!(tap.recorder.told[0].close(), None, "the last FIN is not acknowledged yet");
        tap.send(FromServer, 5022, 1008, ACK, "");
        assert_eq!(tap.recorder.told[0].close(), Some(Close::Fin));
        // A retransmission from behind the end opens nothing.
        tap.send(FromServer, 5021, 1007, FIN | ACK, "");
        assert_eq!(tap.wire.counters().after_close, 1);
        assert_eq!(tap.wire.open_flows(), 1);
        tap.pass(SECOND * 61);
        assert_eq!(tap.wire.open_flows(), 0);
        let told = tap.only();
        assert!(told.connection.client == pair.client && told.connection.server == pair.server);
        assert!(told.connection.started_by_syn);
        let said = |from, text: &str| (from, text.to_owned());
        let script = [said(FromServer, "220 hello\r\n"), said(FromClient, "QUIT\r\n"), said(FromServer, "221 bye\r\n")];
        assert_eq!(told.script(), script);
        assert_eq!((told.packets, told.ends()), (9, 2));
        assert_eq!(told.seen[4], (FromClient, 0, 6, Some(11)));
        // Its FIN has a sequence number, but is no octet that can be acknowledged.
        assert_eq!(told.seen[7], (FromClient, 6, 0, Some(20)));
    }
}

#[test]
fn reordering_duplicates_and_overlap_leave_the_stream_as_it_was() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1004, 5001, ACK, "DEF");
    tap.send(FromClient, 1010, 5001, ACK, "JKL");
    tap.send(FromClient, 1002, 5001, ACK, "BCDEFGHIJ");
    tap.send(FromClient, 1001, 5001, ACK, "ABC");
    tap.send(FromClient, 1001, 5001, ACK, "ABCDEF");
    tap.send(FromClient, 1013, 5001, ACK, "M");
    assert_eq!(tap.wire.held_octets(), 0);
    let counters = *tap.wire.counters();
    assert_eq!(counters.overlaps_disagreeing, 0);
    assert_eq!(counters.out_of_order, 3);
    assert_eq!(tap.only().text(FromClient), "ABCDEFGHIJKLM");
}

#[test]
fn the_first_copy_of_an_overlap_wins_and_a_disagreement_is_counted() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1003, 5001, ACK, "CD");
    tap.send(FromClient, 1002, 5001, ACK, "bxyd");
    tap.send(FromClient, 1001, 5001, ACK, "A");
    assert_eq!(tap.wire.counters().overlaps_disagreeing, 1);
    assert_eq!(tap.only().text(FromClient), "AbCDd");
}

#[test]
fn sequence_numbers_wrap() {
    let mut tap = Tap::default();
    tap.send(FromClient, u32::MAX - 2, 0, SYN, "");
    tap.send(FromServer, u32::MAX, u32::MAX - 1, SYN | ACK, "");
    tap.send(FromClient, 2, 0, ACK, "EFGH");
    tap.send(FromClient, u32::MAX - 1, 0, ACK, "ABCD");
    tap.send(FromServer, 0, 6, ACK, "reply");
    let told = tap.only();
    assert_eq!(told.text(FromClient), "ABCDEFGH");
    assert_eq!(told.text(FromServer), "reply");
}

#[test]
fn a_stream_of_more_than_4_gib_has_offsets_that_go_on() {
    let mut tap = Tap::default();
    tap.handshake();
    let mut seq = 1001_u32;
    // The capture missed nearly everything, in steps that can be believed.
    for _ in 0..9 {
        seq = seq.wrapping_add(1 << 29);
        tap.send(FromClient, seq, 5001, ACK, "x");
        tap.send(FromServer, 5001, seq.wrapping_add(1), ACK, "");
        tap.pass(SECOND * 6);
    }
    let offset = |event: &Event| if let Event::Octets { offset, .. } = event { *offset } else { 0 };
    tap.finish();
    let last = tap.recorder.told[0].events.iter().map(offset).max();
    assert_eq!(last, Some(9 << 29));
}

#[test]
fn data_on_the_syn_and_on_the_syn_ack() {
    let mut tap = Tap::default();
    tap.send(FromClient, 1000, 0, SYN, "EHLO a\r\n");
    tap.send(FromServer, 5000, 1009, SYN | ACK, "220 b\r\n");
    tap.send(FromClient, 1009, 5008, ACK, "QUIT\r\n");
    let told = tap.only();
    assert_eq!(told.text(FromClient), "EHLO a\r\nQUIT\r\n");
    assert_eq!(told.text(FromServer), "220 b\r\n");
}

#[test]
fn the_syn_ack_captured_before_the_syn() {
    let mut tap = Tap::default();
    tap.send(FromServer, 5000, 1001, SYN | ACK, "");
    tap.send(FromServer, 5001, 1001, ACK, "220\r\n");
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.send(FromClient, 1001, 5006, ACK, "QUIT\r\n");
    let told = tap.only();
    assert_eq!(told.connection.client.port(), 40000);
    assert!(told.connection.started_by_syn);
    assert_eq!(told.text(FromServer), "220\r\n");
    assert_eq!(told.text(FromClient), "QUIT\r\n");
}

#[test]
fn keep_alives_are_no_octets() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1000, 5001, ACK, "");
    tap.send(FromClient, 1001, 5001, ACK, "NOOP\r\n");
    tap.send(FromClient, 1006, 5001, ACK, "");
    tap.send(FromClient, 1006, 5001, ACK, "\0");
    tap.send(FromServer, 5000, 1007, ACK, "");
    tap.send(FromClient, 1007, 5001, ACK, "NOOP\r\n");
    assert_eq!(tap.wire.counters().keep_alives, 4);
    assert_eq!(tap.only().text(FromClient), "NOOP\r\nNOOP\r\n");
}

#[test]
fn a_hole_becomes_a_gap_after_its_time() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "AB");
    tap.send(FromClient, 1006, 5001, ACK, "FG");
    tap.send(FromServer, 5001, 1008, ACK, "");
    tap.pass(SECOND * 4);
    assert_eq!(tap.recorder.told[0].script(), [(FromClient, "AB".to_owned())]);
    tap.pass(SECOND * 2);
    assert_eq!(tap.recorder.told[0].script(), [(FromClient, "AB###FG".to_owned())]);
    // What comes later for the gap is old.
    tap.send(FromClient, 1003, 5001, ACK, "CDE");
    tap.send(FromClient, 1008, 5001, ACK, "H");
    assert_eq!(tap.wire.counters().gaps, 1);
    assert_eq!(tap.only().script(), [(FromClient, "AB###FGH".to_owned())]);
}

#[test]
fn a_segment_lost_on_the_network_is_waited_for() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1004, 5001, ACK, "DEF");
    tap.pass(SECOND);
    tap.send(FromServer, 5001, 1001, ACK, "");
    tap.pass(SECOND * 30);
    tap.send(FromClient, 1001, 5001, ACK, "ABC");
    assert_eq!(tap.only().text(FromClient), "ABCDEF");
}

#[test]
fn a_keep_alive_probe_is_not_where_a_capture_in_mid_stream_begins() {
    for from in [FromClient, FromServer] {
        let mut tap = Tap::default();
        let (mine, theirs) = (1001, 5001);
        tap.send(from.flip(), theirs, mine, ACK, "");
        tap.send(from, mine - 1, theirs, ACK, "\0");
        tap.send(from.flip(), theirs, mine, ACK, "");
        tap.pass(SECOND * 20);
        tap.send(from, mine, theirs, ACK, "MAIL");
        tap.send(from.flip(), theirs, mine + 4, ACK, "");
        assert_eq!((tap.wire.counters().keep_alives, tap.wire.counters().gaps), (1, 0));
        assert_eq!(tap.only().text(from), "MAIL");
    }
}

#[test]
fn what_a_silent_receiver_did_not_take_is_not_told() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "one ");
    tap.send(FromServer, 5001, 1005, ACK, "");
    tap.pass(SECOND);
    // Made to be seen by a tap alone, in a pause of both ends.
    tap.send(FromClient, 9001, 5001, ACK, "evil");
    tap.pass(SECOND * 20);
    tap.send(FromClient, 1005, 5001, ACK, "two ");
    tap.send(FromServer, 5001, 1009, ACK, "");
    assert_eq!(tap.wire.counters().unacknowledged_octets, 4);
    // The receiver is not captured any more: its silence says nothing the second time.
    tap.send(FromClient, 1012, 5001, ACK, "four");
    tap.pass(SECOND * 20);
    tap.send(FromClient, 1016, 5001, ACK, " five ");
    tap.send(FromClient, 1025, 5001, ACK, "seven");
    tap.pass(SECOND * 20);
    assert_eq!(tap.only().script(), [(FromClient, "one two ####### five ###seven".to_owned())]);
}

#[test]
fn what_the_receiver_never_took_is_not_told() {
    let mut tap = Tap::default();
    tap.handshake();
    // Made to be seen by a tap alone: far ahead, and never acknowledged.
    tap.send(FromClient, 9001, 5001, ACK, "evil");
    tap.pass(SECOND);
    tap.send(FromServer, 5001, 1001, ACK, "");
    tap.pass(SECOND * 130);
    tap.send(FromClient, 1001, 5001, ACK, "good");
    assert_eq!(tap.wire.counters().unacknowledged_octets, 4);
    assert_eq!(tap.only().text(FromClient), "good");
}

#[test]
fn the_bound_on_held_octets_makes_a_gap_at_once() {
    let mut tap = Tap::new(Settings { hold_octets: 4096, ..small() });
    tap.handshake();
    let kilobyte = "x".repeat(1000);
    for n in 0..8 {
        tap.send(FromClient, 1011 + 1000 * n, 5001, ACK, &kilobyte);
        assert!(tap.wire.held_octets() <= 4096 + 1100);
    }
    assert!(tap.wire.counters().hold_limits > 0);
    let told = tap.only();
    assert_eq!(told.gap_octets(FromClient), 10);
    assert_eq!(told.stream(FromClient).len(), 8010);
}

#[test]
fn the_bound_on_all_held_octets_makes_the_flow_that_asks_give_up() {
    let mut tap = Tap::new(Settings { held_octets: 10_000, ..small() });
    let kilobyte = "x".repeat(1000);
    for port in 0..20 {
        tap.pair.client.set_port(40_000 + port);
        tap.handshake();
        tap.send(FromClient, 1002, 5001, ACK, &kilobyte);
        assert!(tap.wire.held_octets() <= 11_100);
    }
    tap.finish();
    assert_eq!(tap.wire.counters().gap_octets, 20);
    assert!(tap.wire.counters().hold_limits >= 10);
}

#[test]
fn a_reply_captured_before_its_command_is_told_after_it() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromServer, 5001, 1001, ACK, "220\r\n");
    tap.send(FromServer, 5006, 1009, ACK, "250\r\n");
    tap.send(FromServer, 5011, 1015, ACK, "221\r\n");
    tap.send(FromClient, 1009, 5011, ACK, "QUIT\r\n");
    tap.send(FromClient, 1001, 5006, ACK, "EHLO a\r\n");
    assert_eq!(tap.wire.held_octets(), 0);
    assert_eq!(tap.wire.counters().ahead_of_peer, 1, "the 250; the 221 and QUIT were behind a hole, or behind it");
    let script: Vec<String> = tap.only().script().into_iter().map(|(_, text)| text).collect();
    assert_eq!(script, ["220\r\n", "EHLO a\r\n", "250\r\n", "QUIT\r\n", "221\r\n"]);
}

#[test]
fn a_command_nobody_captured_is_a_gap_before_its_reply() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromServer, 5001, 1001, ACK, "220\r\n");
    tap.send(FromServer, 5006, 1009, ACK, "250\r\n");
    tap.pass(SECOND * 6);
    let script =
        [(FromServer, "220\r\n".to_owned()), (FromClient, "########".to_owned()), (FromServer, "250\r\n".to_owned())];
    assert_eq!(tap.recorder.told[0].script(), script);
    tap.send(FromClient, 1009, 5011, ACK, "QUIT\r\n");
    assert_eq!(tap.only().script()[3], (FromClient, "QUIT\r\n".to_owned()));
}

#[test]
fn a_one_sided_capture_waits_once() {
    let mut tap = Tap::default();
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.send(FromClient, 1001, 5001, ACK, "");
    tap.send(FromClient, 1001, 5006, ACK, "EHLO a\r\n");
    assert_eq!(tap.recorder.told[0].script(), []);
    tap.pass(SECOND * 6);
    assert_eq!(
        tap.recorder.told[0].script(),
        [(FromServer, "#####".to_owned()), (FromClient, "EHLO a\r\n".to_owned())]
    );
    tap.send(FromClient, 1009, 5009, ACK, "QUIT\r\n");
    assert_eq!(tap.recorder.told[0].script().len(), 4, "nothing is waited for any more");
    // The server's side turns up after all.
    tap.send(FromServer, 5009, 1015, ACK, "221\r\n");
    tap.send(FromServer, 5014, 1015, FIN | ACK, "");
    let told = tap.only();
    assert_eq!(
        told.script()[2..],
        [(FromServer, "###".to_owned()), (FromClient, "QUIT\r\n".to_owned()), (FromServer, "221\r\n".to_owned()),]
    );
}

#[test]
fn a_retransmission_whose_acknowledgement_is_newer_ties_no_knot() {
    let mut tap = Tap::default();
    tap.handshake();
    // The original of "AB" was not captured; the server's reply to it was, and the retransmission knows the reply.
    tap.send(FromServer, 5001, 1003, ACK, "ok");
    tap.send(FromClient, 1001, 5003, ACK, "AB");
    assert_eq!(tap.wire.held_octets(), 0, "no time has to pass");
    assert_eq!(tap.only().script(), [(FromClient, "AB".to_owned()), (FromServer, "ok".to_owned())]);
}

#[test]
fn acknowledgements_of_what_cannot_be_are_not_believed() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001 + (3 << 29), ACK, "AB");
    assert_eq!(tap.wire.counters().acks_unbelieved, 1);
    assert_eq!(tap.only().script(), [(FromClient, "AB".to_owned())]);
}

#[test]
fn the_middle_of_a_connection() {
    let mut tap = Tap::default();
    tap.send(FromServer, 777, 333, ACK, "");
    assert!(tap.recorder.told.is_empty(), "an acknowledgement alone opens no flow");
    tap.send(FromServer, 777, 333, ACK, "250 ok\r\n");
    // Disorder at the start is put right as well.
    tap.send(FromClient, 339, 785, ACK, "b\r\n");
    tap.send(FromClient, 333, 785, ACK, "MAIL a");
    tap.pass(SECOND * 6);
    tap.send(FromServer, 785, 342, ACK, "251\r\n");
    let told = tap.only();
    assert!(!told.connection.started_by_syn);
    assert_eq!(told.connection.server.port(), 25);
    let script: Vec<String> = told.script().into_iter().map(|(_, text)| text).collect();
    assert_eq!(script, ["250 ok\r\n", "MAIL ab\r\n", "251\r\n"]);
}

#[test]
fn a_fin_before_the_last_octets_waits_for_them() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1004, 5001, FIN | ACK, "DEF");
    tap.send(FromServer, 5001, 1001, FIN | ACK, "");
    assert_eq!(tap.recorder.told[0].ends(), 1);
    tap.send(FromClient, 1001, 5001, ACK, "ABC");
    tap.send(FromServer, 5002, 1008, ACK, "");
    tap.send(FromClient, 1008, 5002, ACK, "");
    let told = tap.only();
    assert_eq!(told.text(FromClient), "ABCDEF");
    assert_eq!(told.close(), Some(Close::Fin));
    assert!(told.events.contains(&Event::End { from: FromClient, offset: 6 }));
}

#[test]
fn a_fin_that_its_sender_goes_past_ends_nothing() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, FIN | ACK, "AB");
    tap.send(FromClient, 1003, 5001, ACK, "CD");
    tap.send(FromServer, 5001, 1005, ACK, "ok");
    assert_eq!(tap.only().text(FromClient), "ABCD");
}

#[test]
fn a_fin_from_ahead_that_nobody_acknowledges_makes_no_gap() {
    // The session goes on and ends; it goes on and its end is not captured; nothing comes after it.
    for (goes_on, ends) in [(true, true), (true, false), (false, false)] {
        let mut tap = Tap::default();
        tap.handshake();
        tap.send(FromClient, 1001, 5001, ACK, "MAIL\r\n");
        tap.send(FromServer, 5001, 1007, ACK, "250\r\n");
        tap.send(FromClient, 3007, 5006, FIN | ACK, "");
        if goes_on {
            tap.send(FromClient, 1007, 5006, ACK, "QUIT\r\n");
            tap.send(FromServer, 5006, 1013, ACK, "221\r\n");
        }
        if ends {
            tap.send(FromClient, 1013, 5011, FIN | ACK, "");
            tap.send(FromServer, 5011, 1014, FIN | ACK, "");
            tap.send(FromClient, 1014, 5012, ACK, "");
            assert_eq!(tap.recorder.told[0].close(), Some(Close::Fin));
        }
        tap.finish();
        assert_eq!((tap.wire.counters().gaps, tap.wire.counters().gap_octets), (0, 0), "{goes_on} {ends}");
        let told = tap.only();
        assert_eq!(told.text(FromClient), if goes_on { "MAIL\r\nQUIT\r\n" } else { "MAIL\r\n" });
        assert_eq!(told.ends(), if ends { 2 } else { 0 });
        assert_eq!(told.events.contains(&Event::End { from: FromClient, offset: 12 }), ends);
    }
}

#[test]
fn a_fin_tells_of_missing_octets_when_they_are_acknowledged_or_nobody_can_tell() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1007, 5001, FIN | ACK, "");
    tap.send(FromServer, 5001, 1008, ACK, "");
    assert_eq!(tap.only().gap_octets(FromClient), 6);
    let mut tap = Tap::default();
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.send(FromClient, 1001, 5001, ACK, "AB");
    tap.send(FromClient, 1007, 5001, FIN | ACK, "");
    assert_eq!(tap.only().gap_octets(FromClient), 4);
}

#[test]
fn one_fin_and_silence_is_an_end() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, FIN | ACK, "QUIT");
    tap.pass(SECOND * 59);
    assert_eq!(tap.recorder.told[0].close(), None);
    tap.pass(SECOND * 10);
    assert_eq!(tap.recorder.told[0].close(), Some(Close::Fin));
}

/// Who closes first need not acknowledge the other's FIN in a packet that is captured, nor at all: a socket that is closed answers
/// with an RST, as those of most clients of TLS do.
#[test]
fn both_fins_are_an_end_after_a_moment() {
    for reset in [false, true] {
        let mut tap = Tap::default();
        tap.handshake();
        tap.send(FromClient, 1001, 5001, FIN | ACK, "bye");
        tap.send(FromServer, 5001, 1005, ACK, "alert");
        tap.send(FromServer, 5006, 1005, FIN | ACK, "");
        if reset {
            tap.send(FromClient, 1005, 0, RST, "");
        }
        assert_eq!(tap.recorder.told[0].close(), None, "{reset}");
        let ended_at = tap.now;
        tap.pass(SECOND * 2);
        let told = &tap.recorder.told[0];
        assert_eq!(told.close(), Some(if reset { Close::Reset } else { Close::Fin }));
        assert_eq!(told.closed_at, Some(ended_at));
        assert_eq!((told.text(FromServer).as_str(), told.ends()), ("alert", 2));
    }
}

#[test]
fn what_is_sent_again_after_both_fins_is_told() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, FIN | ACK, "bye");
    // The octets before it come late.
    tap.send(FromServer, 5006, 1005, FIN | ACK, "");
    tap.pass(SECOND * 3);
    assert_eq!(tap.recorder.told[0].close(), None);
    tap.send(FromServer, 5001, 1005, ACK, "alert");
    tap.send(FromServer, 5001, 1005, ACK, "alert");
    tap.pass(SECOND * 2);
    let told = tap.only();
    assert_eq!((told.text(FromServer).as_str(), told.close()), ("alert", Some(Close::Fin)));
    assert_eq!(told.gap_octets(FromServer), 0);
}

#[test]
fn who_goes_past_its_fin_after_both_is_read_on() {
    // At once: the FIN was none. Later: as after a reset, it is another connection.
    for (after, connections) in [(Duration::ZERO, 1), (SECOND * 3, 2)] {
        let mut tap = Tap::default();
        tap.handshake();
        tap.send(FromServer, 5001, 1001, FIN | ACK, "");
        tap.send(FromClient, 1001, 5002, FIN | ACK, "");
        tap.pass(after);
        tap.send(FromClient, 1001, 5002, ACK, "MAIL");
        tap.finish();
        assert_eq!(tap.recorder.told.len(), connections);
        assert_eq!(tap.recorder.told[connections - 1].text(FromClient), "MAIL");
    }
}

#[test]
fn a_reset_in_the_window_ends_and_one_outside_does_not() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "AB");
    tap.send(FromServer, 5001 + 200_000, 1003, RST, "");
    tap.send(FromServer, 4000, 1003, RST | ACK, "");
    assert_eq!(tap.wire.counters().resets_off_window, 2);
    tap.send(FromServer, 5001, 1003, RST | ACK, "");
    let reset_at = tap.now;
    // What the other end had sent before it learned of the reset is told, and what comes late.
    tap.send(FromClient, 1003, 5001, ACK, "CD");
    tap.pass(SECOND * 6);
    let told = &tap.recorder.told[0];
    assert_eq!(told.close(), Some(Close::Reset));
    assert_eq!(told.closed_at, Some(reset_at));
    assert_eq!(told.text(FromClient), "ABCD");
    tap.send(FromClient, 1005, 5001, ACK, "EF");
    assert_eq!(tap.wire.counters().after_close, 1);
    tap.finish();
}

#[test]
fn a_forged_reset_ends_nothing_when_its_sender_goes_on() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, RST, "");
    tap.send(FromClient, 1001, 5001, ACK, "MAIL");
    tap.pass(SECOND * 60);
    assert_eq!(tap.recorder.told[0].close(), None);
    assert_eq!(tap.only().text(FromClient), "MAIL");
}

#[test]
fn a_connection_that_goes_on_after_a_reset_is_read_on() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, RST, "");
    tap.pass(SECOND * 10);
    assert_eq!(tap.recorder.told[0].close(), Some(Close::Reset));
    tap.send(FromClient, 1001, 5001, ACK, "MAIL");
    tap.finish();
    assert_eq!(tap.recorder.told.len(), 2);
    assert_eq!(tap.recorder.told[1].text(FromClient), "MAIL");
}

#[test]
fn a_refused_connection() {
    let mut tap = Tap::default();
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.send(FromServer, 0, 1001, RST | ACK, "");
    assert_eq!(tap.recorder.told[0].close(), Some(Close::Reset));
    // The next attempt from the same port is another connection.
    tap.send(FromClient, 8000, 0, SYN, "");
    assert_eq!(tap.recorder.told.len(), 2);
    tap.finish();
}

#[test]
fn a_port_used_again_after_the_end() {
    let mut tap = Tap::default();
    for start in [1000, 70_000] {
        tap.send(FromClient, start, 0, SYN, "");
        tap.send(FromServer, 5000, start + 1, SYN | ACK, "");
        tap.send(FromClient, start + 1, 5001, ACK, "QUIT");
        tap.send(FromServer, 5001, start + 5, FIN | ACK, "");
        tap.send(FromClient, start + 5, 5002, FIN | ACK, "");
        tap.send(FromServer, 5002, start + 6, ACK, "");
    }
    tap.finish();
    assert_eq!(tap.recorder.told.len(), 2);
    for told in &tap.recorder.told {
        assert_eq!((told.text(FromClient).as_str(), told.close()), ("QUIT", Some(Close::Fin)));
    }
}

#[test]
fn a_syn_alone_does_not_end_an_open_connection_but_the_servers_answer_to_it_does() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "AB");
    tap.send(FromClient, 900_000, 0, SYN, "");
    tap.send(FromClient, 1003, 5001, ACK, "CD");
    assert_eq!(tap.recorder.told.len(), 1);
    tap.send(FromServer, 7_000_000, 900_001, SYN | ACK, "");
    tap.send(FromClient, 900_001, 7_000_001, ACK, "new");
    tap.finish();
    assert_eq!(tap.recorder.told.len(), 2);
    assert_eq!(tap.recorder.told[0].text(FromClient), "ABCD");
    assert_eq!(tap.recorder.told[0].close(), Some(Close::Reused));
    assert_eq!(tap.recorder.told[1].text(FromClient), "new");
    assert!(tap.recorder.told[1].connection.started_by_syn);
}

#[test]
fn retransmitted_syns_and_simultaneous_open() {
    let mut tap = Tap::default();
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.send(FromServer, 5000, 0, SYN, "");
    tap.send(FromClient, 1000, 5001, SYN | ACK, "");
    tap.send(FromServer, 5000, 1001, SYN | ACK, "");
    tap.send(FromServer, 5001, 1001, ACK, "hi");
    let told = tap.only();
    assert_eq!((told.packets, told.text(FromServer).as_str()), (6, "hi"));
}

#[test]
fn silence_ends_a_connection_and_a_handshake_sooner() {
    let mut tap = Tap::default();
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.pass(SECOND * 36);
    assert_eq!(tap.recorder.told[0].close(), Some(Close::Idle));
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "IDLE");
    tap.pass(SECOND * 23 * 3600);
    tap.send(FromServer, 5001, 1005, ACK, "* 1 EXISTS");
    let heard = tap.now;
    tap.pass(SECOND * 86_390);
    assert_eq!(tap.recorder.told[1].close(), None);
    tap.pass(SECOND * 12_000);
    assert_eq!(tap.recorder.told[1].close(), Some(Close::Idle));
    assert_eq!(tap.recorder.told[1].closed_at, Some(heard.after(SECOND * 86_400)));
    assert_eq!(tap.wire.open_flows(), 0);
}

#[test]
fn octets_that_the_capture_cut_are_a_gap() {
    let mut tap = Tap::default();
    tap.handshake();
    let packet = tap.pair.packet(FromClient, 1001, 5001, ACK, b"ABCDEFGH");
    tap.cut(Link::RawIp, &packet, packet.len() - 5);
    tap.send(FromClient, 1009, 5001, ACK, "IJ");
    // Not even the TCP options were captured.
    let packet = tap.pair.packet(FromClient, 1011, 5001, ACK, b"KL");
    tap.cut(Link::RawIp, &packet, 40);
    assert_eq!(tap.wire.counters().truncated, 2);
    assert_eq!(tap.only().script(), [(FromClient, "ABC#####IJ##".to_owned())]);
}

#[test]
fn what_was_acknowledged_and_never_captured_at_the_end_is_a_gap() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "QUIT\r\n");
    tap.send(FromClient, 1007, 5006, ACK, "");
    assert_eq!(tap.only().script()[1], (FromServer, "#####".to_owned()));
}

#[test]
fn a_fin_that_was_not_captured_is_no_octet() {
    // Neither FIN, and nothing after them but the last acknowledgement of each.
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "QUIT\r\n");
    tap.send(FromServer, 5001, 1007, ACK, "221\r\n");
    tap.send(FromServer, 5007, 1008, ACK, "");
    tap.send(FromClient, 1008, 5007, ACK, "");
    let told = tap.only();
    assert_eq!((told.gap_octets(FromClient), told.gap_octets(FromServer)), (0, 0));

    // The server's, with the reply before it.
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "QUIT\r\n");
    tap.send(FromClient, 1007, 5007, ACK | FIN, "");
    tap.send(FromServer, 5007, 1008, ACK, "");
    let told = tap.only();
    assert_eq!((told.gap_octets(FromClient), told.gap_octets(FromServer)), (0, 5));
}

#[test]
fn a_reply_does_not_wait_for_an_octet_where_the_fin_was_not_captured() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "QUIT\r\n");
    tap.send(FromServer, 5001, 1008, ACK, "221\r\n");
    tap.pass(SECOND * 6);
    tap.send(FromServer, 5006, 1008, ACK | FIN, "");
    let told = tap.only();
    assert_eq!((told.gap_octets(FromClient), told.text(FromServer).as_str()), (0, "221\r\n"));

    // It was an octet after all: others follow it.
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1001, 5001, ACK, "NOOP\r\n");
    tap.send(FromServer, 5001, 1008, ACK, "250\r\n");
    tap.pass(SECOND * 6);
    tap.send(FromClient, 1008, 5006, ACK, "UIT\r\n");
    tap.send(FromServer, 5006, 1013, ACK, "221\r\n");
    let told = tap.only();
    let script = ["NOOP\r\n", "250\r\n", "#UIT\r\n", "221\r\n"];
    assert_eq!(told.script().iter().map(|(_, said)| said.as_str()).collect::<Vec<_>>(), script);
}

#[test]
fn the_client_of_a_connection_between_two_mail_servers() {
    for (client, server) in [(587, 25), (25, 25), (465, 143)] {
        let mut tap = Tap::default();
        tap.pair.client.set_port(client);
        tap.pair.server.set_port(server);
        tap.send(FromClient, 1, 1, ACK, "x");
        assert_eq!(tap.only().connection.server.port(), server);
    }
}

#[test]
fn vlans_tell_connections_apart_only_when_asked_to() {
    for (vlan_in_key, connections) in [(false, 1), (true, 2)] {
        let mut tap = Tap::new(Settings { vlan_in_key, ..small() });
        for (from, seq, vlan, text) in [(FromClient, 100, 7_u16, "EHLO"), (FromServer, 200, 8, "250")] {
            let mut frame = vec![0; 12];
            frame.extend([0x81, 0x00]);
            frame.extend(vlan.to_be_bytes());
            frame.extend([0x08, 0x00]);
            frame.extend(tap.pair.packet(from, seq, 0, ACK, text.as_bytes()));
            tap.frame(Link::Ethernet, &frame);
        }
        tap.finish();
        assert_eq!(tap.recorder.told.len(), connections);
        assert_eq!(tap.recorder.told[0].connection.vlan, 7);
    }
}

#[test]
fn one_broken_time_stamp_changes_nothing_and_many_from_the_past_are_a_new_capture() {
    let mut tap = Tap::default();
    tap.handshake();
    let now = tap.now;
    tap.now = writ_wire::Time::MIN;
    tap.send(FromClient, 1001, 5001, ACK, "A");
    tap.now = now.after(SECOND * 3600 * 24 * 365 * 48);
    tap.send(FromClient, 1002, 5001, ACK, "B");
    tap.now = now;
    tap.send(FromClient, 1003, 5001, ACK, "C");
    assert_eq!(tap.recorder.told[0].text(FromClient), "ABC");
    assert_eq!(tap.recorder.told.len(), 1);
    // Another capture, made earlier, with another connection.
    tap.now = writ_wire::Time::from_parts(1000, 0);
    tap.pair.client.set_port(50_000);
    tap.handshake();
    for n in 0..100 {
        tap.send(FromClient, 1001 + n, 5001, ACK, "c");
    }
    assert_eq!(tap.recorder.told[0].close(), Some(Close::Shutdown));
    assert_eq!(tap.recorder.told[1].close(), None);
    // By its clock the hole is waited for, and not longer.
    tap.send(FromClient, 1102, 5001, ACK, "d");
    tap.send(FromServer, 5001, 1103, ACK, "");
    tap.now = tap.now.after(SECOND * 6);
    tap.send(FromServer, 5001, 1103, ACK, "");
    assert_eq!(tap.recorder.told[1].gap_octets(FromClient), 1);
    tap.finish();
    assert_eq!(tap.recorder.told.len(), 2);
}

#[test]
fn a_long_pause_between_captures_ends_what_was_open_and_nothing_of_what_follows() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.now = tap.now.after(SECOND * 3600 * 24 * 365);
    tap.pair.client.set_port(50_000);
    tap.handshake();
    for n in 0..100 {
        tap.send(FromClient, 1001 + n, 5001, ACK, "c");
    }
    assert_eq!(tap.recorder.told[0].close(), Some(Close::Idle));
    assert_eq!(tap.recorder.told[1].close(), None);
    tap.finish();
    assert_eq!(tap.recorder.told.len(), 2);
}

#[test]
fn a_connection_whose_start_was_missed_on_ports_of_an_older_one() {
    for far in [3_000_000_000_u32, 3 << 29] {
        let mut tap = Tap::default();
        tap.handshake();
        tap.send(FromClient, 1001, 5001, ACK, "old");
        for n in 0..40 {
            tap.send(FromClient, far + n, 99, ACK, "n");
        }
        tap.finish();
        assert_eq!(tap.recorder.told.len(), 2);
        assert_eq!(tap.recorder.told[0].close(), Some(Close::Reused));
        assert_eq!(tap.recorder.told[1].text(FromClient), "n".repeat(24));
        assert_eq!(tap.wire.counters().off_window, 16);
    }
}

#[test]
fn an_acknowledgement_of_octets_that_their_sender_has_not_sent_makes_no_gap() {
    let mut tap = Tap::default();
    tap.handshake();
    // Made to be seen by a tap alone.
    tap.send(FromClient, 1001, 900_000, ACK, "AB");
    tap.pass(SECOND);
    tap.send(FromServer, 5001, 1003, ACK, "");
    tap.pass(SECOND * 6);
    tap.send(FromServer, 5001, 1003, ACK, "220");
    tap.send(FromServer, 5004, 1003, ACK, "250");
    let told = tap.only();
    assert_eq!(told.script(), [(FromClient, "AB".to_owned()), (FromServer, "220250".to_owned())]);
}

#[test]
fn a_server_that_answers_each_syn_with_another_number() {
    let mut tap = Tap::default();
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.send(FromServer, 5000, 1001, SYN | ACK, "");
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.send(FromServer, 3_000_000_000, 1001, SYN | ACK, "");
    tap.send(FromClient, 1001, 3_000_000_001, ACK, "");
    tap.send(FromServer, 3_000_000_001, 1001, ACK, "220");
    assert_eq!(tap.only().text(FromServer), "220");
    // The second answer was not captured.
    let mut tap = Tap::default();
    tap.send(FromClient, 1000, 0, SYN, "");
    tap.send(FromServer, 5000, 1001, SYN | ACK, "");
    tap.send(FromClient, 1001, 3_000_000_001, ACK, "");
    tap.send(FromServer, 3_000_000_001, 1001, ACK, "220");
    assert_eq!(tap.only().text(FromServer), "220");
}

#[test]
fn octets_that_come_after_the_reset_but_were_sent_before_it_do_not_undo_it() {
    let mut tap = Tap::default();
    tap.handshake();
    tap.send(FromClient, 1003, 5001, RST | ACK, "");
    tap.send(FromClient, 1001, 5001, ACK, "AB");
    tap.pass(SECOND * 6);
    let told = &tap.recorder.told[0];
    assert_eq!((told.text(FromClient).as_str(), told.close()), ("AB", Some(Close::Reset)));
}
