//! What counts as a transfer, of which kind, with which octets, and who wrote the message.

use super::*;

/// The transfers of a session of somebody who has logged in.
fn transfers(script: &str) -> Vec<String> {
    let kinds = ["Download", "PartialDownload", "Upload"];
    run_logged_in(script).into_iter().filter(|note| kinds.iter().any(|kind| note.starts_with(kind))).collect()
}

const HEADER: &str = "From: A <a@x.example>\\r\\nMessage-ID: <1@x>\\r\\n\\r\\n";

#[test]
fn whole_messages_parts_and_what_is_neither() {
    for (items, sent, expected) in [
        ("BODY[]", "BODY[] {2}\nS: ab", "Download"),
        ("BODY.PEEK[]", "BODY[] {2}\nS: ab", "Download"),
        ("body.peek[]", "body[] \"ab\"", "Download"),
        ("RFC822", "RFC822 {2}\nS: ab", "Download"),
        ("BINARY[]", "BINARY[] ~{2}\nS: ab", "Download"),
        ("(FLAGS BODY[])", "FLAGS (\\Seen) UID 7 BODY[] {2}\nS: ab", "Download"),
        ("(BODY[HEADER] BODY[TEXT])", "BODY[HEADER] {2}\nS! ab\nS:  BODY[TEXT] {2}\nS: ab", "Download"),
        ("(RFC822.SIZE BODY[]<0.9>)", "RFC822.SIZE 2 BODY[]<0> {2}\nS: ab", "Download"),
        ("(RFC822.SIZE BODY[]<0.9>)", "BODY[]<0> {2}\nS: ab RFC822.SIZE 2", "Download"),
        ("(RFC822.SIZE BODY[]<0.2>)", "RFC822.SIZE 3 BODY[]<0> {2}\nS: ab", "PartialDownload"),
        ("BODY[]<1.2>", "RFC822.SIZE 2 BODY[]<1> {2}\nS: ab", "PartialDownload"),
        ("BODY[]<0.2>", "BODY[]<0> {2}\nS: ab", "PartialDownload"),
        ("BODY[TEXT]", "BODY[TEXT] {2}\nS: ab", "PartialDownload"),
        // Some fields of the header are not all of it.
        (
            "(BODY[HEADER.FIELDS (To)] BODY[TEXT])",
            "BODY[HEADER.FIELDS (To)] {2}\nS! ab\nS:  BODY[TEXT] {2}\nS: ab",
            "PartialDownload",
        ),
        ("(BODY[HEADER]<5.2> BODY[TEXT])", "BODY[HEADER]<5> {2}\nS! ab\nS:  BODY[TEXT] {2}\nS: ab", "PartialDownload"),
        ("BODY[1.2.MIME]", "BODY[1.2.MIME] {2}\nS: ab", "PartialDownload"),
        ("BINARY[1]", "BINARY[1] ~{2}\nS: ab", "PartialDownload"),
        ("RFC822.HEADER", "RFC822.HEADER {2}\nS: ab", "PartialDownload"),
        ("ENVELOPE", "ENVELOPE (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)", "PartialDownload"),
        ("BODYSTRUCTURE", "BODYSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 2 1)", "PartialDownload"),
        ("BODY", "BODY (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 2 1)", "PartialDownload"),
        ("PREVIEW", "PREVIEW \"ab\"", "PartialDownload"),
        // Nothing of the message: one for the command.
        ("FLAGS", "FLAGS (\\Seen)", "PartialDownload"),
        ("BODY[]", "BODY[] NIL", "PartialDownload"),
        (
            "(UID RFC822.SIZE BINARY.SIZE[1] INTERNALDATE MODSEQ)",
            "UID 4 RFC822.SIZE 5 BINARY.SIZE[1] 2 MODSEQ (7)",
            "PartialDownload",
        ),
    ] {
        let found = transfers(&format!("C: a FETCH 1 {items}\nS: * 1 FETCH ({sent})\nS: a OK"));
        assert_eq!(found.len(), 1, "{items}: {found:?}");
        assert!(found[0].starts_with(&format!("{expected} Succeeded ")), "{items}: {found:?}");
    }
}

#[test]
fn each_message_is_a_transfer_of_its_own_with_its_own_octets() {
    let found = transfers(
        "
        C: a UID FETCH 1:3 BODY[]
        S: * 1 FETCH (UID 1 BODY[] {2}
        S: ab)
        S: * 9 EXISTS
        S: * 2 FETCH (UID 2 BODY[] {4}
        S: abcd)
        S: * 3 FETCH (FLAGS (\\Seen))
        S: a OK",
    );
    assert_eq!(found, ["Download Succeeded 24+34 - -", "Download Succeeded 0+42 - -"]);
}

#[test]
fn a_message_in_several_responses_to_one_command_is_one_transfer() {
    let found = transfers(
        "
        C: a UID FETCH 7:8 (BODY[HEADER] BODY[TEXT])
        S: * 1 FETCH (UID 7 BODY[HEADER] {21}
        S: From: a@x.example\\r\\n
        S: )
        S: * 2 FETCH (UID 8 BODY[HEADER] {2}
        S: ab)
        S: * 1 FETCH (BODY[TEXT] {2}
        S: ab)
        S: * 2 FETCH (UID 8 FLAGS ())
        S: a OK",
    );
    assert_eq!(found, ["Download Succeeded 43+92 a@x.example -", "PartialDownload Succeeded 0+46 - -"]);
    // A number can go to another message between them, where the UID tells.
    let found = transfers(
        "C: a UID FETCH 7:8 BODY[]\nS: * 1 FETCH (UID 7 BODY[] {2}\nS: ab)\nS: * 1 EXPUNGE\nS: * 1 FETCH (UID 8 BODY[] {2}\nS: ab)\nS: a OK",
    );
    assert_eq!(found.len(), 2, "{found:?}");
    // Another command is another interaction.
    let again = "C: a FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {2}\nS: ab)\nS: a OK\n";
    assert_eq!(transfers(&again.repeat(2)).len(), 2);
}

#[test]
fn a_command_that_brought_nothing_is_one_transfer() {
    assert_eq!(transfers("C: a UID FETCH 99 (FLAGS)\nS: a OK"), ["PartialDownload Succeeded 24+6 - -"]);
    assert_eq!(transfers("C: a FETCH 99 BODY[]\nS: a NO none"), ["Download Failed 19+11 - -"]);
    assert_eq!(transfers("C: a FETCH 99 BODY[]<0.5>\nS: a BAD no"), ["PartialDownload Failed 24+10 - -"]);
    assert_eq!(transfers("C: a FETCH 99 FULL"), ["PartialDownload Unknown 17+0 - -"]);
    let flags = "C: a FETCH 1:2 FLAGS\nS: * 1 FETCH (FLAGS ())\nS: * 2 FETCH (FLAGS ())\nS: a OK";
    assert_eq!(transfers(flags), ["PartialDownload Succeeded 19+50 - -"]);
    // STORE brings flags as well, and is no transfer.
    assert!(transfers("C: a STORE 1 +FLAGS (x)\nS: * 1 FETCH (FLAGS (x))\nS: a OK").is_empty());
}

#[test]
fn the_sender_comes_from_wherever_the_header_is() {
    let envelope = "ENVELOPE (NIL \"s\" ((NIL NIL \"a\" \"x.example\")) NIL NIL NIL NIL NIL NIL \"<1@x>\")";
    let literals = "ENVELOPE (NIL {4}\nS: (\"\\r\\n ((\"A\" NIL {1}\nS: a {9}\nS: x.example)(NIL NIL \"b\" \"y\")) NIL NIL NIL NIL NIL NIL {5}\nS: <1@x>)";
    let size = HEADER.replace("\\r\\n", "\r\n").len();
    for sent in [
        envelope.to_owned(),
        literals.to_owned(),
        "ENVELOPE (NIL \"s\" ((NIL NIL \"Team\" NIL)(NIL NIL \"a\" \"x.example\")(NIL NIL NIL NIL)) NIL NIL NIL NIL NIL NIL \"<1@x>\")".to_owned(),
        format!("BODY[HEADER] {{{size}}}\nS! {HEADER}\nS: "),
        format!("RFC822.HEADER {{{size}}}\nS! {HEADER}\nS: "),
        format!("BODY[HEADER.FIELDS (FROM {{10}}\nS: Message-ID)] {{{size}}}\nS! {HEADER}\nS: "),
        format!("BODY[] {{{}}}\nS! {HEADER}body\nS: ", size + 4),
        format!("BINARY[] ~{{{}}}\nS! {HEADER}bo\\0y\nS: ", size + 4),
        format!("BODY[]<0> {{{}}}\nS! {HEADER}bo\nS: ", size + 2),
        "BODY[HEADER.FIELDS (From)] {25}\nS! From: A <a@x.example>\\r\\n\\r\\n\nS:  BODY[HEADER.FIELDS (Message-Id)] {21}\nS! Message-ID: <1@x>\\r\\n\\r\\n\nS: ".to_owned(),
    ] {
        let found = transfers(&format!("C: a FETCH 1 X\nS: * 1 FETCH ({sent})\nS: a OK"));
        assert!(found[0].ends_with(" a@x.example <1@x>"), "{sent}: {found:?}");
    }
    for sent in [
        // A part is another message.
        format!("BODY[2.HEADER] {{{size}}}\nS! {HEADER}\nS: "),
        format!("BODY[1.MIME] {{{size}}}\nS! {HEADER}\nS: "),
        // Not from its beginning, or cut short in a field.
        format!("BODY[]<5> {{{size}}}\nS! {HEADER}\nS: "),
        "BODY[]<0> {13}\nS! From: a@x.exa\nS: ".to_owned(),
    ] {
        let found = transfers(&format!("C: a FETCH 1 X\nS: * 1 FETCH ({sent})\nS: a OK"));
        assert!(found[0].ends_with(" - -"), "{sent}: {found:?}");
    }
}

#[test]
fn fetches_in_flight_are_told_apart_by_what_they_asked_for() {
    let notes = run_logged_in(
        "
        C: a FETCH 1 FLAGS
        C: b FETCH 2 BODY[]
        C: c FETCH 3:4 BODY[HEADER]
        S: * 2 FETCH (BODY[] {2}
        S: ab)
        S: * 4 FETCH (BODY[HEADER] {2}
        S: ab)
        S: b OK
        S: * 1 FETCH (FLAGS ())
        S: a OK
        S: c OK",
    );
    let events: Vec<_> = notes.iter().filter(|note| !note.starts_with("C ") && !note.starts_with("S ")).collect();
    assert_eq!(
        events,
        [
            "Download Succeeded 18+34 - -",
            "settled",
            "PartialDownload Succeeded 17+28 - -",
            "settled",
            "PartialDownload Succeeded 26+40 - -",
            "settled"
        ]
    );
}

#[test]
fn what_nobody_asked_for_is_a_transfer_if_it_is_of_a_message() {
    let notes = run_logged_in(
        "
        S: * 5 FETCH (FLAGS (\\Seen))
        S: * 6 FETCH (UID 9 BODY[] {2}
        S: ab)
        S: * 7 EXISTS",
    );
    assert_eq!(
        notes,
        [
            "S * 5 FETCH (FLAGS (\\Seen))|",
            "settled",
            "S * 6 FETCH (UID 9 BODY[] {2}|ab)|",
            "Download Succeeded 0+34 - -",
            "settled",
            "S * 7 EXISTS|",
            "settled"
        ]
    );
}

#[test]
fn a_message_that_the_end_cuts_off_is_unknown() {
    assert_eq!(
        transfers("C: a FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {200}\nS: From: a@x.example\nS: x"),
        ["Download Unknown 18+47 a@x.example -"]
    );
    assert_eq!(transfers("S: * 1 FETCH (BODY[] {200}\nS: x"), ["Download Unknown 0+28 - -"]);
    assert_eq!(transfers("C: a APPEND x {200}\nS: +\nC: x"), ["Upload Unknown 21+3 - -"]);
}

#[test]
fn past_a_thousand_the_oldest_are_told_early() {
    let limits = Limits { transfers: 2, ..Limits::default() };
    let message = |number: u32| format!("S: * {number} FETCH (BODY[] {{2}}\nS: ab)\n");
    let all: String = (1..=4).map(message).collect();
    let notes = run_with(&format!("S: * OK\nC: a FETCH 1:4 BODY[]\n{all}S: a OK"), true, limits);
    let found: Vec<_> = notes.iter().filter(|note| note.starts_with("Download")).collect();
    assert_eq!(
        found,
        [
            "Download Unknown 20+28 - -",
            "Download Unknown 0+28 - -",
            "Download Succeeded 0+28 - -",
            "Download Succeeded 0+34 - -"
        ]
    );
    // A whole set told early leaves nothing to be told for the command.
    let limits = Limits { transfers: 0, ..Limits::default() };
    let notes = run_with(&format!("S: * OK\nC: a FETCH 1:4 BODY[]\n{}S: a OK", message(1)), true, limits);
    assert_eq!(notes.iter().filter(|note| note.starts_with("Download")).count(), 1);
}

#[test]
fn a_message_put_into_a_mailbox_is_an_upload() {
    let size = HEADER.replace("\\r\\n", "\r\n").len();
    for (said, expected) in [
        (
            format!("C: a APPEND Sent (\\Seen) {{{size}}}\nS: + go\nC! {HEADER}\nC: "),
            format!("{}+14", 26 + size + 4 + 2),
        ),
        (format!("C: a APPEND Sent {{{size}+}}\nC! {HEADER}\nC: "), format!("{}+8", 22 + size + 2)),
        (format!("C: a APPEND Sent ~{{{size}+}}\nC! {HEADER}\nC: "), format!("{}+8", 23 + size + 2)),
        (
            format!("C: a APPEND {{4+}}\nC: Sent \"17-Jul-1996 02:44:25 -0700\" {{{size}+}}\nC! {HEADER}\nC: "),
            format!("{}+8", 58 + size + 2),
        ),
        (format!("C: a APPEND Sent UTF8 (~{{{size}+}}\nC! {HEADER}\nC: )"), format!("{}+8", 29 + size + 3)),
        (format!("C: a REPLACE 4 Sent {{{size}+}}\nC! {HEADER}\nC: "), format!("{}+8", 25 + size + 2)),
    ] {
        let found = transfers(&format!("{said}\nS: a OK x"));
        assert_eq!(found.len(), 1, "{said}: {found:?}");
        assert!(found[0].starts_with("Upload Succeeded ") && found[0].ends_with(" a@x.example <1@x>"), "{found:?}");
        let octets: u64 = dialogue(&said)
            .iter()
            .map(|turn| match turn {
                Turn::Octets(Direction::FromClient, octets) => octets.len() as u64,
                _ => 0,
            })
            .sum();
        let server = expected.split_once('+').unwrap().1;
        assert_eq!(found[0].split(' ').nth(2), Some(&*format!("{octets}+{server}")), "{said}");
    }
}

#[test]
fn a_refused_literal_is_not_sent() {
    let notes = run_logged_in("C: a APPEND x {5}\nS: a NO full\nC: b NOOP\nS: b OK");
    assert_eq!(
        notes,
        ["C a APPEND x {5}|", "S a NO full|", "Upload Failed 16+11 - -", "settled", "C b NOOP|", "S b OK|", "settled"]
    );
    // Sent with the announcement: what follows is the literal all the same (RFC 7888 §4).
    let notes = run_logged_in("C! a APPEND x {5+}\\r\\nab\nS: a BAD no\nC: cde\nC: b NOOP\nS: b OK");
    assert_eq!(
        notes,
        [
            "C a APPEND x {5+}|ab",
            "S a BAD no|",
            "C cde|",
            "Upload Failed 24+10 - -",
            "settled",
            "C b NOOP|",
            "S b OK|",
            "settled"
        ]
    );
    // After a refusal no other literal is let come.
    let notes = run_logged_in("C! a APPEND x {5+}\\r\\nab\nS: a BAD no\nC: cde {9}\nC: b NOOP\nS: b OK");
    assert!(notes.contains(&"S b OK|".into()) && notes.last().unwrap() == "settled", "{notes:?}");
}

#[test]
fn several_messages_in_one_command_are_several_uploads() {
    let notes = run_logged_in(
        "
        C: a APPEND x (\\Seen) {19}
        S: + one
        C: From: a@x.example\\n {20+}
        C: Message-ID: <2@x>\\r\\n CATENATE (URL \"/INBOX/;UID=1/;section=1\" TEXT {3+}
        C: abc)
        S: a OK [APPENDUID 1 3:5] done",
    );
    assert_eq!(
        notes[4..7],
        ["Upload Succeeded 44+7 a@x.example -", "Upload Succeeded 27+0 - <2@x>", "Upload Succeeded 58+29 - -",],
        "{notes:?}"
    );
}

#[test]
fn a_message_put_together_from_parts_is_one_upload() {
    let header = HEADER.replace("\\r\\n", "\r\n").len();
    let script = format!(
        "
        C: a APPEND Sent (\\Seen $MDNSent) CATENATE (TEXT {{{header}+}}
        C! {HEADER}
        C:  URL \"/Drafts;UIDVALIDITY=1/;UID=30/;section=1\" TEXT {{6}}
        S: + go
        C: --b--
        C:  URL {{8+}}
        C: /a;UID=1)
        S: a OK [APPENDUID 3 4]"
    );
    let found = transfers(&script);
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("Upload Succeeded") && found[0].ends_with("+28 a@x.example <1@x>"), "{found:?}");
    // What a URL brings comes first: the text after it is not the header.
    let found = transfers(&format!(
        "C: a APPEND x CATENATE (URL \"/a\" TEXT {{{header}+}}\nC! {HEADER}\nC: )\nS: a NO [BADURL \"/a\"]"
    ));
    assert!(found[0].starts_with("Upload Failed") && found[0].ends_with(" - -"), "{found:?}");
}

#[test]
fn what_answers_a_pipelined_uid_fetch_goes_to_the_one_that_named_it() {
    // A server may send the data of all before it says that the first is done.
    let found = transfers(
        "
        C: a UID FETCH 7 BODY.PEEK[]
        C: b UID FETCH 8 BODY.PEEK[]
        C: c UID FETCH 9 BODY.PEEK[]
        S: * 1 FETCH (UID 7 BODY[] {2}
        S: ab)
        S: * 2 FETCH (UID 8 BODY[] {3}
        S: abc)
        S: a OK
        S: b OK
        S: c OK nothing there",
    );
    let kinds: Vec<_> = found.iter().map(|line| line.split(' ').take(2).collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(kinds, ["Download Succeeded", "Download Succeeded", "PartialDownload Succeeded"], "{found:?}");
}

#[test]
fn what_answers_many_fetches_in_flight_goes_to_those_that_named_it_in_any_order() {
    // The one whose answers are the last names both, and stands in front of as many as are looked at in their order.
    let mut lines = vec!["C: both FETCH 1:200 BODY[HEADER]".to_owned()];
    lines.extend((1..=100).map(|number| format!("C: s{number} FETCH {number} BODY[]")));
    lines.extend((1..=100).map(|number| format!("C: u{number} UID FETCH {},9000:9001 BODY[]", number + 500)));
    for number in (1..=100).rev() {
        let status = if number % 2 == 0 { "OK" } else { "NO" };
        lines.push(format!("S: * {number} FETCH (BODY[] {{7}}\nS! {number:07}\nS: )\nS: s{number} {status}"));
        let uid = number + 500;
        lines.push(format!("S: * {uid} FETCH (UID {uid} BODY[] {{7}}\nS! {uid:07}\nS: )\nS: u{number} {status}"));
    }
    lines.push("S: * 7 FETCH (BODY[HEADER] {2}\nS! \\r\\n\nS: )\nS: both OK".to_owned());
    let notes = run_logged_in(&lines.join("\n"));
    let events: Vec<_> = notes.iter().filter(|note| note.contains("ownload ")).map(String::as_str).collect();
    let mut expected = Vec::new();
    for number in (1..=100).rev() {
        let result = if number % 2 == 0 { "Succeeded" } else { "Failed" };
        // Each with the octets of its own lines.
        let length = |line: &str| line.len() + 2;
        let asked = length(&format!("s{number} FETCH {number} BODY[]"));
        let sent = length(&format!("* {number} FETCH (BODY[] {{7}}")) + 7 + length(")");
        expected.push(format!("Download {result} {asked}+{} - -", sent + length(&format!("s{number} OK"))));
        let uid = number + 500;
        let asked = length(&format!("u{number} UID FETCH {uid},9000:9001 BODY[]"));
        let sent = length(&format!("* {uid} FETCH (UID {uid} BODY[] {{7}}")) + 7 + length(")");
        expected.push(format!("Download {result} {asked}+{} - -", sent + length(&format!("u{number} OK"))));
    }
    expected.push("PartialDownload Succeeded 31+43 - -".to_owned());
    assert_eq!(events, expected);
}

#[test]
fn a_response_is_of_the_command_that_asked_for_what_it_holds() {
    for set in ["1:5", "1:*", "3"] {
        let script = format!(
            "C: a FETCH {set} BODY.PEEK[]\nC: b FETCH 3 BODY[HEADER]\nS: * 3 FETCH (BODY[HEADER] {{21}}\nS: From: h@x.example\nS:\nS: )\nS: b OK\nS: * 3 FETCH (BODY[] {{2}}\nS: ab)\nS: a OK"
        );
        let notes = run_logged_in(&script);
        let transfers: Vec<_> = notes.iter().filter(|line| line.contains("ownload")).collect();
        assert_eq!(transfers.len(), 2, "{notes:?}");
        assert!(transfers[0].starts_with("PartialDownload Succeeded") && transfers[0].ends_with("h@x.example -"));
        assert!(transfers[1].starts_with("Download Succeeded") && transfers[1].ends_with("- -"), "{notes:?}");
    }
}

#[test]
fn fields_that_a_range_has_whole_name_the_message() {
    let head = "From: Carl <carl@x.example>\\r\\nMessage-ID: <m1@x>\\r\\nSubj";
    let script = |item: &str, text: &str| {
        let length = text.replace("\\r\\n", "--").len();
        format!(
            "C: a FETCH 1 BODY.PEEK[{item}]<0.{length}>\nS: * 1 FETCH (BODY[{item}]<0> {{{length}}}\nS! {text}\nS: )\nS: a OK"
        )
    };
    for item in ["", "HEADER"] {
        let notes = run_logged_in(&script(item, head));
        let told = notes.iter().find(|line| line.starts_with("PartialDownload")).unwrap();
        assert!(told.ends_with("carl@x.example <m1@x>"), "{notes:?}");
        // What is cut within a field is no name.
        let notes = run_logged_in(&script(item, &head[..head.find("1@x").unwrap()]));
        let told = notes.iter().find(|line| line.starts_with("PartialDownload")).unwrap();
        assert!(told.ends_with("carl@x.example -"), "{notes:?}");
    }
}

#[test]
fn what_stands_for_a_missing_address_is_none() {
    let sender = |from: &str, more: &str| {
        let notes = run_logged_in(&format!(
            "C: a FETCH 1 (ENVELOPE BODY[HEADER])\nS: * 1 FETCH (ENVELOPE (NIL NIL ({from}) NIL NIL NIL NIL NIL NIL NIL){more})\nS: a OK"
        ));
        let told = notes.into_iter().find(|note| note.contains("ownload")).unwrap();
        told.split(' ').nth(3).unwrap().to_owned()
    };
    for none in [
        "(NIL NIL \"root\" \"MISSING_DOMAIN\")",
        "(NIL NIL \"root\" \".MISSING-HOST-NAME.\")",
        "(NIL NIL \"root\" \"unspecified-domain\")",
        "(NIL NIL \"MISSING_MAILBOX\" \"MISSING_DOMAIN\")",
        "(NIL NIL \"MISSING_MAILBOX\" \"x.org\")",
        "(NIL NIL \"INVALID_ADDRESS\" \".SYNTAX-ERROR.\")",
    ] {
        assert_eq!(sender(none, ""), "-");
        // The field says what there is.
        assert_eq!(sender(none, " BODY[HEADER] {16}\nS: From: <root@here>"), "root@here".get(..9).unwrap());
        assert_eq!(sender(&format!("{none}(NIL NIL \"b\" \"x.org\")"), ""), "b@x.org");
    }
}

#[test]
fn a_literal_in_a_list_that_is_no_content_is_none() {
    // Nobody asked for it: what is content is a transfer.
    let told = |item: &str| transfers(&format!("C: a STORE 1 (x)\nS: * 1 FETCH ({item} UID 4)\nS: a OK"));
    assert!(told("X-GM-LABELS (\"hello\")").is_empty());
    assert!(told("X-GM-LABELS ({5}\nS: hello)").is_empty());
    assert!(told("X-GM-LABELS ({5}\nS: hello BODY[] \"x\" {1}\nS: y)").is_empty());
    assert_eq!(told("X-NEW {5}\nS: hello"), ["PartialDownload Succeeded 0+36 - -"]);
    let nested = "BODYSTRUCTURE (\"TEXT\" (\"NAME\" {1}\nS: x BODY[] {2}\nS: ab))";
    assert_eq!(told(nested), ["PartialDownload Succeeded 0+73 - -"]);
}

#[test]
fn what_the_server_sends_of_itself_is_no_answer() {
    let of = |command: &str, refused: &str| {
        let notes = run_logged_in(&format!(
            "
            C: a {command}
            S: * 9 FETCH (UID 99 BODY[] {{16}}
            S: From: n@x.org\\r\\n)
            S: a {refused}"
        ));
        notes.into_iter().filter(|note| note.contains("ownload")).collect::<Vec<_>>()
    };
    let news = "Download Succeeded 0+49 n@x.org -".to_owned();
    for command in
        ["UID FETCH 7 (FLAGS)", "FETCH 1 BODY[]", "UID FETCH 7 BODY[]", "FETCH 9 (FLAGS)", "FETCH 1:* (FLAGS)"]
    {
        assert!(of(command, "NO gone").contains(&news), "{command}: {:?}", of(command, "NO gone"));
    }
    for command in ["FETCH 9 BODY[]", "FETCH 1:* BODY[]", "UID FETCH 99 BODY[]", "UID FETCH $ BODY[]"] {
        assert_eq!(of(command, "OK").len(), 1, "{command}");
        assert!(!of(command, "OK").contains(&news), "{command}");
    }
}

#[test]
fn uidfetch_is_a_fetch() {
    let notes = run_logged_in(
        "
        C: a UID FETCH 25:26 BODY[]
        S: * 25 UIDFETCH (BODY[] {16}
        S: From: a@x.org\\r\\n)
        S: * 26 uidfetch (BODY[HEADER] {16}
        S: From: b@x.org\\r\\n BODY[TEXT] \"\")
        S: a OK",
    );
    let told: Vec<_> = notes.iter().filter(|note| note.contains("ownload")).collect();
    assert_eq!(told, ["Download Succeeded 26+46 a@x.org -", "Download Succeeded 0+72 b@x.org -"]);
}
