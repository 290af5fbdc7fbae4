//! What the two ends of an SMTP session say, turn by turn.

use std::fmt::Write as _;
use std::ops::Range;

use writ_wire::Direction::{self, FromClient, FromServer};

use super::random::Random;

/// How a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Transfer {
    /// DATA, RFC 5321 §4.1.1.4.
    Data,
    /// BDAT in chunks of a mebibyte, RFC 3030.
    Bdat,
}

/// What is said, in order, in one row of octets.
#[derive(Clone, Debug, Default)]
pub struct Dialogue {
    /// All octets of both ends.
    pub octets: Vec<u8>,
    /// Who says which of them.
    pub turns: Vec<(Direction, Range<usize>)>,
}

/// A line of a message: 76 characters and CRLF, as most mail programs make them.
const LINE: usize = 78;
/// Octets of a chunk.
const CHUNK: usize = 1 << 20;
const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Lines of a message that differ; then they come again.
const LINES: usize = 64;

/// A message of exactly `octets` octets (no fewer than its head has), in lines as base64 would have them.
pub fn message(octets: usize, sender: &str, recipient: &str, random: &mut Random) -> Vec<u8> {
    let mut head = String::new();
    let _ = write!(
        head,
        "Message-ID: <{:016x}@example.org>\r\nFrom: <{sender}>\r\nTo: <{recipient}>\r\n\
         Date: Mon, 2 Mar 2026 09:00:00 +0000\r\nSubject: generated\r\n\r\n",
        random.number(),
    );
    let mut lines = Vec::with_capacity(LINES * LINE);
    for _ in 0..LINES {
        let text = LINE - 2;
        while lines.len() % LINE < text {
            let word = random.number();
            let room = (text - lines.len() % LINE).min(10);
            lines.extend((0..room).map(|at| LETTERS[(word >> (6 * at) & 63) as usize]));
        }
        lines.extend(b"\r\n");
    }
    let mut message = head.into_bytes();
    // The last line ends as every line does, even where it is nothing else.
    while message.len() + LINE + 2 <= octets {
        let room = ((octets - message.len() - 2) / LINE * LINE).min(lines.len());
        message.extend(&lines[..room]);
    }
    if let Some(rest) = octets.checked_sub(message.len() + 2) {
        message.extend(&lines[..rest]);
        message.extend(b"\r\n");
    }
    message
}

impl Dialogue {
    /// Adds a turn.
    pub fn say(&mut self, from: Direction, octets: impl AsRef<[u8]>) {
        let start = self.octets.len();
        self.octets.extend(octets.as_ref());
        self.turns.push((from, start..self.octets.len()));
    }

    /// The greeting, and EHLO with what a usual server offers.
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

    /// A message, from DATA or BDAT to the reply that ends it.
    pub fn message(&mut self, transfer: Transfer, message: &[u8]) {
        match transfer {
            Transfer::Data => {
                self.say(FromClient, "DATA\r\n");
                self.say(FromServer, "354 End data with <CR><LF>.<CR><LF>\r\n");
                self.say(FromClient, [message, b".\r\n"].concat());
                self.say(FromServer, "250 2.0.0 Ok: queued\r\n");
            }
            Transfer::Bdat => {
                let mut chunks = message.chunks(CHUNK).peekable();
                while let Some(chunk) = chunks.next() {
                    let last = if chunks.peek().is_none() { " LAST" } else { "" };
                    self.say(FromClient, [format!("BDAT {}{last}\r\n", chunk.len()).as_bytes(), chunk].concat());
                    self.say(FromServer, format!("250 2.0.0 Ok: {} bytes\r\n", chunk.len()));
                }
            }
        }
    }

    /// QUIT.
    pub fn quit(&mut self) {
        self.say(FromClient, "QUIT\r\n");
        self.say(FromServer, "221 2.0.0 Bye\r\n");
    }

    /// A whole session with one message.
    pub fn with_message(transfer: Transfer, octets: usize, sender: &str, recipient: &str, random: &mut Random) -> Self {
        let message = message(octets, sender, recipient, random);
        let mut dialogue = Self { octets: Vec::with_capacity(octets + 2048), turns: Vec::new() };
        dialogue.hello();
        dialogue.envelope(sender, recipient, message.len());
        dialogue.message(transfer, &message);
        dialogue.quit();
        dialogue
    }
}
