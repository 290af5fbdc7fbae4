//! Extensions that need no knowledge of their own: what both ends say crosses whole and in its place, nothing is taken for
//! something else, and what comes after is read as before. Each is shown with a dialogue in the syntax of its RFC.

use super::*;

/// Runs a dialogue of somebody who has logged in, and a FETCH after it; asserts that every turn is told whole and in its place
/// and that nothing does not fit. Gives the transfers.
fn passes(script: &str) -> Vec<String> {
    let script = format!("{script}\nC: zz FETCH 1 BODY[]\nS: * 1 FETCH (BODY[] {{2}}\nS: ab)\nS: zz OK");
    let mut told: Vec<String> = Vec::new();
    let (mut transfers, mut urls) = (Vec::new(), Vec::new());
    for note in run_logged_in(&script) {
        match (note.split_at(2), told.last_mut()) {
            (("C ", rest) | ("S ", rest), Some(last)) if last[..2] == note[..2] => last.push_str(rest),
            (("C " | "S ", _), _) => told.push(note),
            _ if note == "settled" => {}
            _ if note.starts_with("url ") => urls.push(note),
            _ => transfers.push(note),
        }
    }
    let expected = dialogue(&script).into_iter().map(|turn| match turn {
        Turn::Octets(from, octets) => format!("{} {}", side(from), text(&octets)),
        Turn::Gap(..) => unreachable!(),
    });
    assert_eq!(told, expected.collect::<Vec<_>>());
    assert_eq!(transfers.pop().as_deref(), Some("Download Succeeded 19+35 - -"), "{transfers:?}");
    transfers.extend(urls);
    transfers
}

/// The same, of an extension that transfers nothing.
fn passes_without_transfer(script: &str) {
    assert!(passes(script).is_empty());
}

#[test]
fn starttls_offered_and_refused() {
    passes_without_transfer(
        "C: a CAPABILITY\nS: * CAPABILITY IMAP4rev1 STARTTLS LOGINDISABLED\nS: a OK\nC: b STARTTLS\nS: b BAD not now",
    );
}

#[test]
fn literal_plus_and_minus() {
    passes_without_transfer("C: a CREATE {6+}\nC: folder\nS: a OK\nC: b RENAME {6-}\nC: folder {2-}\nC: in\nS: b OK");
}

#[test]
fn binary() {
    let found = passes(
        "C: a FETCH 1 (BINARY.SIZE[2] BINARY.PEEK[2]<0.4>)\nS: * 1 FETCH (BINARY.SIZE[2] 9 BINARY[2]<0> ~{4}\nS: \\0\\r\\n))\nS: a OK\nC: b FETCH 1 BINARY[1]\nS: b NO [UNKNOWN-CTE] no",
    );
    assert_eq!(found, ["PartialDownload Succeeded 48+60 - -", "PartialDownload Failed 21+23 - -"]);
}

#[test]
fn idle_for_as_long_as_it_takes() {
    let news = "S: * 5 EXISTS\nS: * 3 EXPUNGE\nS: * OK still here\n".repeat(100);
    passes_without_transfer(&format!("C: a IDLE\nS: + idling\n{news}C: DONE\nS: a OK"));
    // Refused, sent before the go-ahead, in another case.
    passes_without_transfer("C: a IDLE\nS: a BAD what\nC: b IDLE\nC: done\nS: + go\nS: b OK");
}

#[test]
fn notify() {
    let found = passes(
        "
        C: a NOTIFY SET STATUS (selected MessageNew (UID BODY.PEEK[HEADER.FIELDS (From)]) MessageExpunge) (subtree Lists MessageNew)
        S: * STATUS Lists/Writ (UIDNEXT 10 MESSAGES 9)
        S: a OK
        S: * 2 EXISTS
        S: * 2 FETCH (UID 31 BODY[HEADER.FIELDS (From)] {21}
        S: From: a@x.example\\r\\n\\r\\n)
        S: * STATUS Lists/Writ (UIDNEXT 11 MESSAGES 10)
        C: b NOTIFY NONE
        S: b OK",
    );
    assert_eq!(found, ["PartialDownload Succeeded 0+75 a@x.example -"]);
}

#[test]
fn namespace() {
    passes_without_transfer(
        "C: a NAMESPACE\nS: * NAMESPACE ((\"\" \"/\")) ((\"~\" \"/\" \"X-PARAM\" (\"a\" {1}\nS: b)))  NIL\nS: a OK",
    );
}

#[test]
fn condstore() {
    let found = passes(
        "
        C: a SELECT INBOX (CONDSTORE)
        S: * OK [HIGHESTMODSEQ 715194045007] here
        S: a OK [READ-WRITE]
        C: b STORE 7,5,9 (UNCHANGEDSINCE 320162338) +FLAGS.SILENT (\\Deleted)
        S: * 5 FETCH (MODSEQ (320162350))
        S: b OK [MODIFIED 7,9] not all
        C: c FETCH 1:* (FLAGS) (CHANGEDSINCE 12345)
        S: * 1 FETCH (UID 4 MODSEQ (65402) FLAGS (\\Seen))
        S: c OK",
    );
    assert_eq!(found, ["PartialDownload Succeeded 42+54 - -"]);
}

#[test]
fn qresync_vanished() {
    passes_without_transfer(
        "
        C: a ENABLE QRESYNC
        S: * ENABLED QRESYNC
        S: a OK
        C: b SELECT INBOX (QRESYNC (67890007 20050715194045000 41:211,214:541 (1,10 7,77)))
        S: * OK [CLOSED]
        S: * VANISHED (EARLIER) 41,43:116,118
        S: * 49 FETCH (UID 117 FLAGS (\\Seen \\Answered) MODSEQ (20010715194045001))
        S: b OK [READ-WRITE] mailbox selected
        S: * VANISHED 405,407",
    );
}

#[test]
fn esearch() {
    passes_without_transfer(
        "C: a SEARCH RETURN (MIN COUNT) CHARSET UTF-8 SUBJECT {3+}\nC: (\\0\" UNSEEN\nS: * ESEARCH (TAG \"a\") UID MIN 7 COUNT 3 ALL 1:3,5\nS: a OK\nC: b UID SEARCH 1:*\nS: * SEARCH 1 2 3\nS: b OK",
    );
}

#[test]
fn within() {
    passes_without_transfer("C: a SEARCH UNSEEN YOUNGER 259200 OLDER 60\nS: * SEARCH 4 8 15\nS: a OK");
}

#[test]
fn context() {
    passes_without_transfer(
        "
        C: a UID SEARCH RETURN (UPDATE PARTIAL 1:10 COUNT) DELETED KEYWORD x
        S: * ESEARCH (TAG \"a\") UID PARTIAL (1:10 3,7:9) COUNT 17
        S: a OK
        S: * ESEARCH (TAG \"a\") UID ADDTO (1 2733) REMOVEFROM (0 32768)
        C: b CANCELUPDATE \"a\"
        S: b OK",
    );
}

#[test]
fn convert() {
    let found = passes(
        "
        C: a UID CONVERT 123 (\"text/plain\" (\"charset\" \"us-ascii\")) BINARY[1]
        S: * 2 CONVERTED (TAG \"a\") (UID 123 BINARY[1] ~{5}
        S: hello)
        S: a OK
        C: b CONVERT 2 (\"text/plain\") AVAILABLECONVERSIONS[1]
        S: * 2 CONVERTED (TAG \"b\") (AVAILABLECONVERSIONS[1] ((\"text/html\")))
        S: b OK
        C: c CONVERT 2 (\"x/y\") BODYPARTSTRUCTURE[3]
        S: * 2 CONVERTED (TAG \"c\") (BODYPARTSTRUCTURE[3] (\"APPLICATION\" \"PDF\" () NIL NIL \"BASE64\" 2135))
        S: c OK
        C: d CONVERSIONS \"text/*\" \"*\"
        S: * CONVERSION \"text/html\" \"text/plain\" (\"charset\")
        S: d OK",
    );
    assert_eq!(found, ["PartialDownload Succeeded 67+63 - -", "PartialDownload Succeeded 42+101 - -"]);
}

#[test]
fn metadata() {
    passes_without_transfer(
        "
        C: a SETMETADATA INBOX (/private/comment {5}
        S: + go
        C: hello /shared/x NIL)
        S: a OK
        C: b GETMETADATA (DEPTH infinity MAXSIZE 1024) INBOX (/private/comment)
        S: * METADATA INBOX (/private/comment {16}
        S! x) {9}\\r\\n FETCH (
        S:  /private/b \"c\")
        S: b OK [METADATA LONGENTRIES 2199]",
    );
}

#[test]
fn list_extended() {
    passes_without_transfer(
        "C: a LIST (SUBSCRIBED RECURSIVEMATCH) \"\" (\"INBOX\" \"Drafts\" \"Sent/%\") RETURN (CHILDREN STATUS (UNSEEN))\nS: * LIST (\\Subscribed \\HasChildren) \"/\" {6}\nS: a (b \" (\"CHILDINFO\" (\"SUBSCRIBED\"))\nS: * STATUS \"a (b\" (UNSEEN 1)\nS: a OK",
    );
}

#[test]
fn uidplus_appenduid() {
    let found = passes(
        "C: a APPEND x {2}\nS: + go\nC: ab\nS: a OK [APPENDUID 38505 3955] done\nC: b UID EXPUNGE 3000:3002\nS: * 3 EXPUNGE\nS: b OK\nC: c COPY 2:4 m\nS: c OK [COPYUID 38505 304,319:320 3956:3958]",
    );
    assert_eq!(found, ["Upload Succeeded 20+40 - -"]);
}

#[test]
fn catenate() {
    let found =
        passes("C: a APPEND x CATENATE (URL \"/a;UID=1\" TEXT {2+}\nC: ab)\nS: a NO [BADURL \"/a;UID=1\"] gone");
    assert_eq!(found, ["Upload Failed 52+31 - -"]);
}

#[test]
fn urlauth_genurlauth_urlfetch() {
    let found = passes(
        "
        C: a GENURLAUTH \"imap://joe@x.example/INBOX/;uid=20/;section=1;urlauth=submit+fred\" INTERNAL
        S: * GENURLAUTH \"imap://joe@x.example/INBOX/;uid=20/;section=1;urlauth=submit+fred:internal:91354a473744909de610943775f92038\"
        S: a OK
        C: b URLFETCH \"imap://joe@x.example/INBOX/;uid=20\" \"imap://x\"
        S: * URLFETCH \"imap://joe@x.example/INBOX/;uid=20\" {7}
        S: ab)\\r\\nc\"
        S: * URLFETCH \"imap://x\" NIL
        S: b OK
        C: c URLFETCH (\"imap://x\" BODY BINARY)
        S: * URLFETCH \"imap://x\" (BODYPARTSTRUCTURE (\"TEXT\" \"PLAIN\" NIL NIL NIL \"7BIT\" 2 1)) (BINARY ~{2}
        S: ab)
        S: c OK
        C: d RESETKEY INBOX INTERNAL
        S: d OK",
    );
    assert_eq!(
        found,
        [
            "Download Succeeded 60+68 - -",
            "PartialDownload Succeeded 37+107 - -",
            "url imap://joe@x.example/INBOX/;uid=20: ab)|c\"",
            "url imap://x: ab",
        ]
    );
}

#[test]
fn each_url_of_a_response_is_an_event() {
    let found = passes(
        "
        C: a URLFETCH x/;UID=1 x/;UID=2 x/;UID=3 x/;UID=4/;SECTION=1 x/;UID=5
        S: * URLFETCH x/;UID=1 {19}
        S! Message-ID: <1@x>\\r\\n
        S:  x/;UID=2 NIL \"x/;UID=3\" (BODYPARTSTRUCTURE (\"A\" \"B\")) (BODY {19}
        S! Message-ID: <3@x>\\r\\n
        S: ) {18}
        S: x/;UID=4/;SECTION= NIL x/;UID=5 \"Message-ID: <5@x>\"
        S: a NO",
    );
    assert_eq!(
        found[..3],
        ["Download Failed 68+45 - <1@x>", "Download Failed 0+87 - <3@x>", "Download Failed 0+66 - <5@x>"]
    );
    // As many as a command may have wait for its end; the older are told before.
    let urls: String = (0..3).map(|uid| format!(" x/;UID={uid} \"x\"")).collect();
    let limits = Limits { transfers: 1, ..Limits::default() };
    let script = format!("S: * PREAUTH hello\nC: a URLFETCH x\nS: * URLFETCH{urls}\nS: a OK");
    let notes = run_with(&script, true, limits);
    let results: Vec<_> = notes.iter().filter(|note| note.starts_with("Download")).collect();
    assert_eq!(results, ["Download Unknown 14+23 - -", "Download Unknown 0+13 - -", "Download Succeeded 0+21 - -"]);
}

#[test]
fn urlfetch_of_a_whole_message_tells_whose_it_is() {
    let found = passes(
        "
        C: a URLFETCH imap://x/INBOX/;UID=2;URLAUTH=submit+joe:internal:91
        S: * URLFETCH imap://x/INBOX/;UID=2;URLAUTH=submit+joe:internal:91 {41}
        S: From: a@x.example\\r\\nMessage-ID: <1@x>\\r\\n\\r\\nx
        S: a OK
        C: b URLFETCH imap://x/INBOX/;UID=2/;SECTION=HEADER imap://x/INBOX/;UID=3
        S: * URLFETCH {37}
        S! imap://x/INBOX/;UID=2/;SECTION=H
        S: EADER {38}
        S! From: a@x.example\\r\\nMessage-ID: <1@x>\\r\\n
        S:  \"imap://x/INBOX/;UID=3\" \"Message-ID: <3@x>\"
        S: b OK
        C: c URLFETCH imap://x/INBOX/;UID=2/;SECTION=1
        S: * URLFETCH imap://x/INBOX/;UID=2/;SECTION=1 {0}
        S:
        S: c OK
        C: d URLFETCH imap://x/INBOX/;UID=4
        S: * URLFETCH imap://x/INBOX/;UID=4 {19}
        S: Message-ID: <4@x>\\r\\n
        S: d OK",
    );
    assert_eq!(
        found,
        [
            "Download Succeeded 65+119 a@x.example <1@x>",
            // A part of one message and all of another: each is an event.
            "PartialDownload Succeeded 72+99 a@x.example <1@x>",
            "Download Succeeded 0+52 - <3@x>",
            "PartialDownload Succeeded 45+57 - -",
            "Download Succeeded 34+66 - <4@x>",
            "url imap://x/INBOX/;UID=2;URLAUTH=submit+joe:internal:91: From: a@x.example|Message-ID: <1@x>||x",
            "url imap://x/INBOX/;UID=2/;SECTION=HEADER: From: a@x.example|Message-ID: <1@x>|",
            "url imap://x/INBOX/;UID=3: Message-ID: <3@x>",
            "url imap://x/INBOX/;UID=2/;SECTION=1: ",
            "url imap://x/INBOX/;UID=4: Message-ID: <4@x>|",
        ]
    );
}

#[test]
fn the_keyword_forwarded() {
    passes_without_transfer(
        "C: a STORE 7 +FLAGS ($Forwarded $MDNSent)\nS: * 7 FETCH (FLAGS (\\Seen $Forwarded $MDNSent))\nS: a OK",
    );
}

#[test]
fn moving_messages() {
    passes_without_transfer(
        "C: a UID MOVE 42:69 foo\nS: * OK [COPYUID 432432 42:69 1202:1229]\nS: * 22 EXPUNGE\nS: a OK",
    );
}

#[test]
fn utf8_accept() {
    let found = passes(
        "C: a ENABLE UTF8=ACCEPT\nS: * ENABLED UTF8=ACCEPT\nS: a OK\nC: b SELECT \"Entwürfe\"\nS: * LIST () \"/\" \"Entwürfe\"\nS: b OK\nC: c APPEND \"Entwürfe\" UTF8 (~{4+}\nC: ab\\0ü)\nS: c OK",
    );
    assert_eq!(found.len(), 1);
}

#[test]
fn identification() {
    passes_without_transfer(
        "C: a ID (\"name\" \"writ (\" \"os\" NIL {7+}\nC: version {1+}\nC: 1)\nS: * ID (\"name\" \"x\" \"support-url\" \"y\")\nS: a OK\nC: b ID NIL\nS: * ID NIL\nS: b OK",
    );
}

#[test]
fn enable_and_unselect() {
    passes_without_transfer(
        "C: a ENABLE CONDSTORE X-GOOD-IDEA\nS: * ENABLED CONDSTORE\nS: a OK\nC: b UNSELECT\nS: b OK",
    );
}

#[test]
fn sort_and_thread() {
    passes_without_transfer(
        "C: a UID SORT (REVERSE DATE) UTF-8 SINCE 1-Feb-1994\nS: * SORT 5 3 4 1 2\nS: a OK\nC: b THREAD REFERENCES UTF-8 ALL\nS: * THREAD (2)(3 6 (4 23)(44 7 96))\nS: b OK",
    );
}

#[test]
fn acl_and_quota() {
    passes_without_transfer(
        "
        C: a SETACL INBOX Fred -rwipsldexta
        S: a OK
        C: b GETACL INBOX
        S: * ACL INBOX Fred rwipslxetad {5}
        S: Chris lrswi
        S: b OK
        C: c LISTRIGHTS ~/Mail/saved smith
        S: * LISTRIGHTS ~/Mail/saved smith la r swicdkxte
        S: c OK
        C: d GETQUOTAROOT INBOX
        S: * QUOTAROOT INBOX \"\"
        S: * QUOTA \"\" (STORAGE 10 512)
        S: d OK
        C: e SETQUOTA \"\" (STORAGE 512)
        S: e OK",
    );
}

#[test]
fn an_extension_that_nobody_here_knows() {
    passes_without_transfer(
        "C: a XYZZY (foo {3+}\nC: bar \"(\")\nS: * XYZZY 4 (\"x\" {3}\nS: ))) y)\nS: + what\nS: a OK",
    );
}
