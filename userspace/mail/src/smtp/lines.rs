//! The client's command lines: what each of them makes the machine wait for.

use super::{Anomaly, Command, Event, Mode, Pending, Smtp, Tell, Verb, doubt, suppose};
use crate::line::Line;
use crate::sasl::{Exchange, Outcome};

impl Smtp {
    /// Reads one line as a command.
    pub(super) fn command(&mut self, mut line: Line, tell: Tell<'_>) {
        self.client_knows_crlf |= line.octets.ends_with(b"\r\n");
        self.settle_header(tell);
        let mut verb = match Verb::read(line.text()) {
            // A login however long it is, or its password would be taken for the line of a transaction.
            Verb::Auth => Verb::Auth,
            _ if line.cut > 0 => Verb::Unknown,
            verb => verb,
        };
        if !self.certain && doubt::is_likely_text(&verb, line.text()) {
            verb = Verb::Unknown;
        }
        if self.auth.is_some() {
            if verb == Verb::Unknown {
                self.add_response(line);
                return;
            }
            self.end_exchange(Outcome::Unknown, 0, tell);
        }
        if line.cut > 0 {
            tell(Event::Anomaly(Anomaly::LongLine));
        } else if verb == Verb::Unknown {
            if self.resync {
                return;
            }
            tell(Event::Anomaly(Anomaly::UnknownCommand));
        }
        self.resync = false;
        match &verb {
            Verb::Mail(_) => {
                self.transaction = self.transaction.wrapping_add(1);
                self.shelve_chunks();
            }
            Verb::Hello | Verb::Rset => self.shelve_chunks(),
            // One that may be text decides nothing by itself; a 354 does, and a 220.
            Verb::Data if !self.certain => {}
            Verb::StartTls if self.unproven.is_some() => {}
            Verb::Data | Verb::StartTls => self.mode = Mode::Waiting,
            Verb::Auth => {
                self.mode = Mode::Waiting;
                let mut exchange = Box::new(Exchange::of_command(&mut line));
                if !self.certain || line.cut > 0 {
                    exchange.doubt();
                }
                self.auth = Some(exchange);
            }
            _ => {}
        }
        if self.chunking == Some(false) && matches!(verb, Verb::Bdat { .. }) {
            // A server that takes no chunks reads what follows as commands.
            verb = Verb::Unknown;
        }
        let chunk = match verb {
            Verb::Bdat { size, last } => Some((size, last)),
            Verb::Burl { last: true } => Some((0, true)),
            _ => None,
        };
        // The server fetches what it names before it answers.
        let is_fetched = self.certain && matches!(verb, Verb::Burl { .. });
        self.pending_octets += line.octets.len();
        while self.pending.len() >= self.limits.pending || self.pending_octets > self.limits.pending_octets {
            if self.pending.is_empty() {
                break;
            }
            tell(Event::Anomaly(Anomaly::TooFarAhead));
            self.give_up_oldest(line.last, tell);
        }
        self.pending.push_back(Pending::Command {
            command: Command { verb, transaction: self.transaction, is_certain: self.certain, line },
            told: false,
            head: None,
        });
        if let Some((size, last)) = chunk {
            self.chunks
                .get_or_insert_with(|| if self.depth > 0 { Box::new(suppose::no_head()) } else { Box::default() });
            if size == 0 {
                self.chunk_ended(last);
            } else {
                self.tell_commands(tell);
                self.mode = Mode::Chunk { left: size, last };
            }
        }
        if is_fetched {
            self.tell_commands(tell);
        }
    }
}
