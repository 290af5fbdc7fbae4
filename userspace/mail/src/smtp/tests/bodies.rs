//! What follows DATA, and chunks.

use super::*;

#[test]
fn what_follows_data_is_what_the_server_makes_of_it() {
    // The client does not wait. Refused: the rest are commands. Taken: the rest is the message.
    let refused = run("
        S: 220 mx
        C: DATA
        C: RSET
        S: 503 no
        S: 250 ok");
    assert_eq!(refused[1..], ["0> DATA", "0< 503", "0> RSET", "0< 250"]);
    let taken = run("
        S: 220 mx
        C: DATA
        C: RSET
        C: .
        S: 354 go
        S: 250 ok");
    assert_eq!(taken[1..], ["0> DATA", "0< 354", "0= RSET\r\n.\r\n", "0< 250 data", "0 Accepted"]);
}

#[test]
fn chunks_may_hold_anything() {
    let notes = run("
        S: 220 mx
        C: MAIL FROM:<a@x> BODY=BINARYMIME
        S: 250 ok
        C: RCPT TO:<b@y>
        S: 250 ok
        C: BDAT 20
        C! Message-ID: <1@x>\\n\\n.
        S: 250 20 octets
        C: BDAT 8 LAST
        C! QUIT\\n\\0.\\n
        S: 250 done
        C: BDAT 0 LAST
        S: 503 no");
    assert_eq!(
        notes[5..],
        [
            "1> BDAT 20",
            "1= Message-ID: <1@x>\n\n.",
            "1< 250",
            "1> BDAT 8 LAST",
            "1= QUIT\n\0.\n",
            "1< 250",
            "1 Accepted <1@x>",
            "1> BDAT 0 LAST",
            "1< 503",
            "1 Refused"
        ]
    );
}

#[test]
fn chunks_sent_ahead_of_all_replies() {
    let notes = run("
        S: 220 mx
        C: MAIL FROM:<a@x>
        C: RCPT TO:<b@y>
        C: BDAT 3
        C! abcBDAT 2 LAST
        C!
        S: 250 ok");
    // The last line has no line end, so it is no command yet.
    assert_eq!(notes[1..5], ["1> MAIL FROM:<a@x>", "1> RCPT TO:<b@y>", "1> BDAT 3", "1= abc"]);
    assert_eq!(notes[5], "1< 250");
}
