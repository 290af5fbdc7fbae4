//! One TCP connection of a mail port, from open to close.

use writ_mail::At;
use writ_mail::smtp::{Limits, Smtp};
use writ_wire::{Close, Connection, Direction, Packet, Time};

use crate::context::Context;
use crate::packets::Tape;
use crate::record::{Notice, Protocol};
use crate::smtp::Follow;

/// What a session holds for reading its protocol.
enum Reading {
    Smtp(Box<SmtpSession>),
    /// Encrypted from the first octet, or a protocol that is only counted.
    Counted,
}

struct SmtpSession {
    machine: Smtp,
    follow: Follow,
    /// Packets that are not decided on yet; only while some warrant wants packets.
    tape: Option<Box<Tape>>,
    /// Stream offsets up to which the client's and the server's octets were read.
    read_to: (u64, u64),
}

/// One connection.
pub struct Session {
    reading: Reading,
}

/// What is spoken on a server's port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// A protocol in the clear, at least at first.
    Plain(Protocol),
    /// TLS from the first octet (RFC 8314).
    Tls(Protocol),
}

impl Service {
    /// By the port numbers that IANA assigned; any other is taken for SMTP, as operators use many (2525, 26, 10025).
    pub fn on_port(port: u16) -> Self {
        match port {
            110 => Self::Plain(Protocol::Pop3),
            143 => Self::Plain(Protocol::Imap4),
            465 => Self::Tls(Protocol::Smtp),
            993 => Self::Tls(Protocol::Imap4),
            995 => Self::Tls(Protocol::Pop3),
            _ => Self::Plain(Protocol::Smtp),
        }
    }
}

impl Session {
    /// A new connection.
    pub fn open(connection: &Connection, ctx: &mut Context<'_>) -> Self {
        let service = Service::on_port(connection.server.port());
        let (protocol, encrypted) = match service {
            Service::Plain(protocol) => (protocol, 0),
            Service::Tls(protocol) => (protocol, 1),
        };
        let (all, of_these_encrypted) = match protocol {
            Protocol::Smtp => (&mut ctx.counters.smtp_sessions, &mut ctx.counters.smtps_sessions),
            Protocol::Pop3 => (&mut ctx.counters.pop3_sessions, &mut ctx.counters.pop3s_sessions),
            Protocol::Imap4 => (&mut ctx.counters.imap_sessions, &mut ctx.counters.imaps_sessions),
        };
        *all += 1;
        *of_these_encrypted += encrypted;
        let reading = match service {
            Service::Plain(Protocol::Smtp) => Reading::Smtp(Box::new(SmtpSession {
                machine: Smtp::new(connection.started_by_syn, Limits::default()),
                follow: Follow::new(connection.client, connection.server, ctx),
                tape: None,
                read_to: (0, 0),
            })),
            _ => Reading::Counted,
        };
        Self { reading }
    }

    /// A packet as it was captured.
    pub fn packet(&mut self, packet: &Packet<'_>, ctx: &mut Context<'_>) {
        if let Reading::Smtp(session) = &mut self.reading
            && (ctx.index.wants_packets() || session.tape.is_some())
            && !session.machine.is_dark()
        {
            session.tape.get_or_insert_default().hold(packet, ctx.settings.hold_octets);
            session.decide(packet.time, ctx);
        }
    }

    /// Octets in order.
    pub fn octets(&mut self, from: Direction, time: Time, offset: u64, octets: &[u8], ctx: &mut Context<'_>) {
        let Reading::Smtp(session) = &mut self.reading else { return };
        let at = At { time, offset };
        let SmtpSession { machine, follow, read_to, .. } = &mut **session;
        let end = offset + octets.len() as u64;
        match from {
            Direction::FromClient => {
                read_to.0 = end;
                machine.client(at, octets, &mut |event| follow.event(&event, ctx));
            }
            Direction::FromServer => {
                read_to.1 = end;
                machine.server(at, octets, &mut |event| follow.event(&event, ctx));
            }
        }
        session.decide(time, ctx);
    }

    /// Octets that were never captured.
    pub fn gap(&mut self, from: Direction, time: Time, offset: u64, octets: u64, ctx: &mut Context<'_>) {
        let Reading::Smtp(session) = &mut self.reading else { return };
        let SmtpSession { machine, follow, read_to, .. } = &mut **session;
        match from {
            Direction::FromClient => read_to.0 = offset + octets,
            Direction::FromServer => read_to.1 = offset + octets,
        }
        machine.gap(from, time, octets, &mut |event| follow.event(&event, ctx));
        session.decide(time, ctx);
    }

    /// The connection is over.
    pub fn close(self, time: Time, how: Close, ctx: &mut Context<'_>) {
        let Reading::Smtp(session) = self.reading else { return };
        let mut session = *session;
        let SmtpSession { machine, follow, .. } = &mut session;
        if matches!(how, Close::Evicted | Close::Shutdown) {
            for at in follow.unfinished() {
                follow.covers.tell_notice(at, ctx, time, Notice::SessionDropped);
            }
        }
        machine.close(time, &mut |event| follow.event(&event, ctx));
        if let Some(tape) = &mut session.tape {
            tape.decide(&mut session.follow.covers, ctx, (u64::MAX, u64::MAX));
        }
        session.follow.close(time, ctx);
        session.follow.covers.close(ctx, time);
    }
}

impl SmtpSession {
    /// Hands over held packets once nothing that is still to come can change what they are.
    fn decide(&mut self, time: Time, ctx: &mut Context<'_>) {
        let Some(tape) = &mut self.tape else { return };
        if !self.machine.is_quiet() || self.follow.is_undecided() {
            return;
        }
        let let_go = tape.take_let_go();
        if let_go > 0 {
            ctx.counters.octets_not_held += let_go;
            let covers = &mut self.follow.covers;
            for at in covers.places(|cover| cover.is_open() && cover.wants_packets()) {
                covers.tell_notice(at, ctx, time, Notice::OctetsNotHeld { octets: let_go });
            }
        }
        tape.decide(&mut self.follow.covers, ctx, self.read_to);
        if self.machine.is_dark() {
            tape.decide(&mut self.follow.covers, ctx, (u64::MAX, u64::MAX));
            self.tape = None;
        }
    }
}
