//! What the two ends of a session say, turn by turn.

use std::ops::Range;

use writ_wire::Direction::{self, FromClient, FromServer};

use super::letter::{Letter, Lines};

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Transfer {
    /// DATA, RFC 5321 §4.1.1.4.
    Data,
    /// DATA with MAIL, RCPT and DATA in one packet, RFC 2920.
    Pipelined,
    /// BDAT in chunks of a mebibyte, RFC 3030.
    Bdat,
}

/// What is said, in order, in one row of octets.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    /// Who says which octets.
    pub turns: Vec<(Direction, Range<usize>)>,
    /// All octets of both ends but those of `text`.
    octets: Vec<u8>,
    /// Where lines stand that are kept elsewhere.
    text: Option<(Range<usize>, Lines)>,
}

/// Octets of a chunk.
const CHUNK: usize = 1 << 20;

impl Dialogue {
    /// All octets of both ends.
    pub fn len(&self) -> usize {
        self.octets.len() + self.text.as_ref().map_or(0, |(text, _)| text.len())
    }

    /// Whether nothing is said.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends these octets to `into`.
    pub fn copy(&self, range: Range<usize>, into: &mut Vec<u8>) {
        let Some((text, lines)) = &self.text else { return into.extend(&self.octets[range]) };
        let within = |part: Range<usize>| range.start.max(part.start)..range.end.min(part.end);
        let (before, middle, after) = (within(0..text.start), within(text.clone()), within(text.end..usize::MAX));
        if !before.is_empty() {
            into.extend(&self.octets[before]);
        }
        if !middle.is_empty() {
            lines.copy(middle.start - text.start, middle.len(), into);
        }
        if !after.is_empty() {
            into.extend(&self.octets[after.start - text.len()..after.end - text.len()]);
        }
    }

    /// Adds a turn.
    pub fn say(&mut self, from: Direction, octets: impl AsRef<[u8]>) {
        let start = self.len();
        self.octets.extend(octets.as_ref());
        self.turns.push((from, start..self.len()));
    }

    /// Adds a turn that is a message with something before and behind it. There can be one of these in a dialogue.
    fn say_message(&mut self, from: Direction, before: &str, letter: &Letter, after: &str) {
        debug_assert!(self.text.is_none(), "one message in a dialogue");
        let start = self.len();
        self.octets.extend([before, &letter.head].concat().as_bytes());
        let at = self.octets.len();
        self.text = Some((at..at + letter.text, letter.lines.clone()));
        self.octets.extend(["\r\n", after].concat().as_bytes());
        self.turns.push((from, start..self.len()));
    }

    /// SMTP's greeting, and EHLO with what a usual server offers.
    pub fn hello(&mut self) {
        self.say(FromServer, "220 mx.example.org ESMTP\r\n");
        self.say(FromClient, "EHLO client.example.net\r\n");
        self.say(
            FromServer,
            "250-mx.example.org\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-ETRN\r\n250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n\
             250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n",
        );
    }

    /// MAIL and RCPT.
    pub fn envelope(&mut self, sender: &str, recipient: &str, octets: usize) {
        self.say(FromClient, format!("MAIL FROM:<{sender}> SIZE={octets}\r\n"));
        self.say(FromServer, "250 2.1.0 Ok\r\n");
        self.say(FromClient, format!("RCPT TO:<{recipient}>\r\n"));
        self.say(FromServer, "250 2.1.5 Ok\r\n");
    }

    /// A whole SMTP session with one message.
    pub fn smtp(transfer: Transfer, sender: &str, recipient: &str, letter: &Letter) -> Self {
        const GO: &str = "354 End data with <CR><LF>.<CR><LF>\r\n";
        let mut dialogue = Self::default();
        dialogue.hello();
        if transfer == Transfer::Pipelined {
            let size = letter.len();
            dialogue.say(FromClient, format!("MAIL FROM:<{sender}> SIZE={size}\r\nRCPT TO:<{recipient}>\r\nDATA\r\n"));
            dialogue.say(FromServer, ["250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n", GO].concat());
        } else {
            dialogue.envelope(sender, recipient, letter.len());
        }
        match transfer {
            Transfer::Data | Transfer::Pipelined => {
                if transfer == Transfer::Data {
                    dialogue.say(FromClient, "DATA\r\n");
                    dialogue.say(FromServer, GO);
                }
                dialogue.say_message(FromClient, "", letter, ".\r\n");
                dialogue.say(FromServer, "250 2.0.0 Ok: queued\r\n");
            }
            Transfer::Bdat => {
                let message = letter.to_vec();
                let mut chunks = message.chunks(CHUNK).peekable();
                while let Some(chunk) = chunks.next() {
                    let last = if chunks.peek().is_none() { " LAST" } else { "" };
                    dialogue.say(FromClient, [format!("BDAT {}{last}\r\n", chunk.len()).as_bytes(), chunk].concat());
                    dialogue.say(FromServer, format!("250 2.0.0 Ok: {} bytes\r\n", chunk.len()));
                }
            }
        }
        dialogue.say(FromClient, "QUIT\r\n");
        dialogue.say(FromServer, "221 2.0.0 Bye\r\n");
        dialogue
    }

    /// A whole POP3 session in which one message is fetched.
    pub fn pop3(user: &str, letter: &Letter) -> Self {
        let octets = letter.len();
        let mut dialogue = Self::default();
        dialogue.say(FromServer, "+OK POP3 ready\r\n");
        for (command, reply) in [
            ("CAPA", "+OK\r\nUSER\r\nUIDL\r\nTOP\r\nPIPELINING\r\nRESP-CODES\r\n.".to_owned()),
            (&format!("USER {user}"), "+OK".to_owned()),
            ("PASS generated", "+OK Logged in.".to_owned()),
            ("STAT", format!("+OK 1 {octets}")),
            ("UIDL", "+OK\r\n1 0000000165e2f1a0\r\n.".to_owned()),
        ] {
            dialogue.say(FromClient, format!("{command}\r\n"));
            dialogue.say(FromServer, format!("{reply}\r\n"));
        }
        dialogue.say(FromClient, "RETR 1\r\n");
        dialogue.say_message(FromServer, &format!("+OK {octets} octets\r\n"), letter, ".\r\n");
        dialogue.say(FromClient, "DELE 1\r\n");
        dialogue.say(FromServer, "+OK Marked to be deleted.\r\n");
        dialogue.say(FromClient, "QUIT\r\n");
        dialogue.say(FromServer, "+OK Logging out, messages deleted.\r\n");
        dialogue
    }

    /// A whole IMAP4 session in which one message is fetched.
    pub fn imap(user: &str, letter: &Letter) -> Self {
        let octets = letter.len();
        let mut dialogue = Self::default();
        dialogue.say(FromServer, "* OK [CAPABILITY IMAP4rev1 SASL-IR LITERAL+ ENABLE IDLE AUTH=PLAIN] ready.\r\n");
        let list = "* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)\r\n* 1 EXISTS\r\n* 0 RECENT\r\n\
                    * OK [UIDVALIDITY 1772442000] UIDs valid\r\n* OK [UIDNEXT 2] Predicted next UID\r\n";
        for (command, untagged, reply) in [
            (format!("A1 LOGIN {user} generated"), "", "A1 OK [CAPABILITY IMAP4rev1 LITERAL+ ENABLE IDLE] Logged in"),
            ("A2 SELECT INBOX".to_owned(), list, "A2 OK [READ-WRITE] Select completed."),
            (
                "A3 UID FETCH 1:* (FLAGS)".to_owned(),
                "* 1 FETCH (UID 1 FLAGS ())\r\n",
                "A3 OK Fetch completed (0.001 secs).",
            ),
        ] {
            dialogue.say(FromClient, format!("{command}\r\n"));
            dialogue.say(FromServer, format!("{untagged}{reply}\r\n"));
        }
        dialogue.say(FromClient, "A4 UID FETCH 1 (UID BODY.PEEK[])\r\n");
        let begin = format!("* 1 FETCH (UID 1 BODY[] {{{octets}}}\r\n");
        dialogue.say_message(FromServer, &begin, letter, ")\r\nA4 OK Fetch completed (0.001 secs).\r\n");
        dialogue.say(FromClient, "A5 LOGOUT\r\n");
        dialogue.say(FromServer, "* BYE Logging out\r\nA5 OK Logout completed.\r\n");
        dialogue
    }

    /// A whole SMTP session with one message of so many octets, made for it alone.
    pub fn with_message(
        transfer: Transfer,
        octets: usize,
        sender: &str,
        recipient: &str,
        random: &mut super::Random,
    ) -> Self {
        let lines = Lines::new(random);
        Self::smtp(transfer, sender, recipient, &Letter::new(octets, sender, recipient, &lines, random))
    }
}
