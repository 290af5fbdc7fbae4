//! One TCP connection of a mail port, from open to close.

use std::net::IpAddr;
use std::slice::from_ref;

use prefetch_index::prefetch_index;
use writ_mail::At;
use writ_mail::access::Machine;
use writ_mail::imap::{self, Imap};
use writ_mail::pop3::{self, Pop3};
use writ_mail::smtp::{self, Smtp};
use writ_wire::{Close, Connection, Direction, Packet, Time};

use crate::access;
use crate::context::Context;
use crate::cover::Covers;
use crate::dark::{Dark, Dusk};
use crate::packets::Tape;
use crate::record::{Notice, Protocol};
use crate::smtp::Follow;
use crate::told::Told;

/// One connection.
pub struct Session {
    client: IpAddr,
    /// Whether it was to be encrypted from its first octet.
    by_port: bool,
    /// The time of its first octets.
    first: Option<Time>,
    /// Whether packets of it are held, or were.
    taped: bool,
    reading: Reading,
    /// Octets that it was last seen to hold.
    held: usize,
}

/// What a session holds for reading its protocol.
enum Reading {
    Clear(Box<Clear<dyn Dialogue + Send>>),
    Dark(Box<Dark>),
    /// Not at all: it was over, or given up.
    Over,
}

/// A session that can be read.
struct Clear<D: ?Sized> {
    /// Packets that are not decided on yet; only while some warrant wants packets.
    tape: Option<Box<Tape>>,
    /// Stream offsets up to which the client's and the server's octets were read.
    read_to: (u64, u64),
    dialogue: D,
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

/// A protocol's machine, and what follows it.
trait Dialogue {
    fn octets(&mut self, from: Direction, at: At, octets: &[u8], ctx: &mut Context<'_>);
    fn gap(&mut self, from: Direction, time: Time, octets: u64, ctx: &mut Context<'_>);
    /// The connection is over: what stays without an answer.
    fn end(&mut self, time: Time, ctx: &mut Context<'_>);
    /// The connection is over: the session's end.
    fn close(&mut self, time: Time, ctx: &mut Context<'_>);
    fn is_dark(&self) -> bool;
    /// Stream offsets, the client's and the server's, up to which the session was in the clear.
    fn clear_to(&self) -> (u64, u64);
    /// Whether what is dark is only compressed.
    fn is_compressed(&self) -> bool;
    /// What of both streams its machine has told of.
    fn told(&mut self) -> &mut Told;
    /// Stream offsets, the client's and the server's, before which nothing that is still to come can change what the octets are, and
    /// whether they are covered; of a session that was `read_to` these.
    fn decided_to(&mut self, read_to: (u64, u64)) -> (u64, u64);
    /// Octets that the machine and what follows it hold, about.
    fn held(&self) -> usize;
    fn covers(&mut self) -> &mut Covers;
    /// The places of the warrants that would see more of this session if it were followed on.
    fn unfinished(&self) -> Vec<usize>;
}

/// A machine and its follower.
struct Pair<M, F> {
    machine: M,
    follow: F,
}

/// The machines tell events of two vocabularies; all else is the same.
macro_rules! dialogue {
    ($machine:ty, $follow:ty, $is_compressed:expr, $hear:expr) => {
        impl Dialogue for Pair<$machine, $follow> {
            fn octets(&mut self, from: Direction, at: At, octets: &[u8], ctx: &mut Context<'_>) {
                let Self { machine, follow } = self;
                match from {
                    Direction::FromClient => machine.client(at, octets, &mut |event| follow.event(&event, ctx)),
                    Direction::FromServer => {
                        $hear(follow, at.time, ctx);
                        machine.server(at, octets, &mut |event| follow.event(&event, ctx));
                    }
                }
            }

            fn gap(&mut self, from: Direction, time: Time, octets: u64, ctx: &mut Context<'_>) {
                let Self { machine, follow } = self;
                machine.gap(from, time, octets, &mut |event| follow.event(&event, ctx));
            }

            fn end(&mut self, time: Time, ctx: &mut Context<'_>) {
                let Self { machine, follow } = self;
                machine.close(time, &mut |event| follow.event(&event, ctx));
            }

            fn close(&mut self, time: Time, ctx: &mut Context<'_>) {
                self.follow.close(time, ctx);
            }

            fn is_dark(&self) -> bool {
                self.machine.is_dark()
            }

            fn clear_to(&self) -> (u64, u64) {
                self.follow.clear_to
            }

            fn is_compressed(&self) -> bool {
                $is_compressed(&self.follow)
            }

            fn told(&mut self) -> &mut Told {
                &mut self.follow.told
            }

            fn decided_to(&mut self, read_to: (u64, u64)) -> (u64, u64) {
                // Not all that it read is told of one by one: what is not is found out here.
                if self.machine.is_quiet() {
                    self.follow.told.catch_up(read_to);
                }
                self.follow.decided_to()
            }

            fn held(&self) -> usize {
                self.machine.held() + self.follow.held()
            }

            fn covers(&mut self) -> &mut Covers {
                &mut self.follow.covers
            }

            fn unfinished(&self) -> Vec<usize> {
                self.follow.unfinished()
            }
        }
    };
}

dialogue!(Smtp, Follow, |_: &Follow| false, |_: &mut _, _, _: &mut Context<'_>| ());
dialogue!(Pop3, access::Follow, |follow: &access::Follow| follow.is_unreadable, access::Follow::hear);
dialogue!(Imap, access::Follow, |follow: &access::Follow| follow.is_unreadable, access::Follow::hear);

fn clear(dialogue: impl Dialogue + Send + 'static) -> Reading {
    Reading::Clear(Box::new(Clear { tape: None, read_to: (0, 0), dialogue }))
}

impl Session {
    /// A new connection.
    pub fn open(connection: &Connection, time: Time, ctx: &mut Context<'_>) -> Self {
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
        let (client, from_start) = (connection.client.ip(), connection.started_by_syn);
        let mailbox = |ctx: &mut Context<'_>| access::Follow::new(protocol, connection.client, connection.server, ctx);
        let reading = match service {
            // Of a session of TLS that was not captured from its start nothing will ever tell that it is one.
            Service::Tls(_) if !from_start => Reading::Dark(Box::new(Dark::new(
                Dusk {
                    covers: Covers::new(protocol, connection.client, connection.server),
                    client,
                    tape: None,
                    clear_to: (0, 0),
                    is_compressed: false,
                    read_to: (0, 0),
                    first: time,
                },
                ctx,
            ))),
            // What is spoken in the clear on a port of TLS is read as well.
            Service::Plain(Protocol::Smtp) | Service::Tls(Protocol::Smtp) => clear(Pair {
                machine: Smtp::new(from_start, smtp::Limits::default()),
                follow: Follow::new(connection.client, connection.server, ctx),
            }),
            Service::Plain(Protocol::Pop3) | Service::Tls(Protocol::Pop3) => {
                let machine = Pop3::new(from_start, pop3::Limits::default());
                clear(Pair { machine, follow: mailbox(ctx) })
            }
            Service::Plain(Protocol::Imap4) | Service::Tls(Protocol::Imap4) => {
                let limits = imap::Limits { compressed: ctx.settings.compressed, ..imap::Limits::default() };
                clear(Pair { machine: Imap::new(from_start, limits), follow: mailbox(ctx) })
            }
        };
        Self { client, by_port: encrypted == 1, first: None, taped: false, reading, held: 0 }
    }

    /// Has what it keeps elsewhere fetched into the cache.
    pub fn prefetch(&self) {
        if let Reading::Clear(clear) = &self.reading {
            clear.prefetch();
        }
    }

    /// A packet as it was captured.
    pub fn packet(&mut self, packet: &Packet<'_>, ctx: &mut Context<'_>) {
        match &mut self.reading {
            Reading::Clear(clear) => {
                // Most packets carry nothing, and cost nothing more.
                if ctx.index.wants_packets() || self.taped {
                    self.taped = true;
                    clear.tape.get_or_insert_default().hold(packet, ctx.settings.hold_octets);
                    clear.decide(packet.time, ctx);
                }
            }
            Reading::Dark(dark) => dark.packet(packet, ctx),
            Reading::Over => {}
        }
    }

    /// Octets in order.
    pub fn octets(&mut self, from: Direction, time: Time, offset: u64, octets: &[u8], ctx: &mut Context<'_>) {
        self.first.get_or_insert(time);
        match &mut self.reading {
            Reading::Clear(clear) => {
                clear.read_up_to(from, offset + octets.len() as u64);
                clear.dialogue.octets(from, At { time, offset }, octets, ctx);
                self.decide(time, ctx);
            }
            Reading::Dark(dark) => dark.octets(from, time, offset, octets, ctx),
            Reading::Over => {}
        }
    }

    /// Octets that were never captured.
    pub fn gap(&mut self, from: Direction, time: Time, offset: u64, octets: u64, ctx: &mut Context<'_>) {
        match &mut self.reading {
            Reading::Clear(clear) => {
                clear.read_up_to(from, offset + octets);
                clear.dialogue.told().add(from, offset..offset + octets);
                clear.dialogue.gap(from, time, octets, ctx);
                self.decide(time, ctx);
            }
            Reading::Dark(dark) => dark.gap(from, time, offset, octets, ctx),
            Reading::Over => {}
        }
    }

    /// Whether nothing of what is still to come of it is wanted, as long as the warrants stay what they are: it is encrypted and no
    /// warrant covers it.
    pub fn is_unwanted(&self) -> bool {
        match &self.reading {
            Reading::Clear(_) => false,
            Reading::Dark(dark) => dark.is_unwanted(),
            Reading::Over => true,
        }
    }

    /// Octets that went by while nobody wanted it.
    pub fn aside(&mut self, from: Direction, octets: u64) {
        if let Reading::Dark(dark) = &mut self.reading {
            dark.aside(from, octets);
        }
    }

    /// Says of what was read whether it is covered, and leaves off reading where encryption began.
    fn decide(&mut self, time: Time, ctx: &mut Context<'_>) {
        let Reading::Clear(clear) = &mut self.reading else { return };
        if !clear.dialogue.is_dark() {
            clear.decide(time, ctx);
            return;
        }
        ctx.counters.upgraded_sessions += u64::from(!self.by_port);
        let clear_to = clear.dialogue.clear_to();
        let dusk = Dusk {
            covers: clear.dialogue.covers().take(),
            client: self.client,
            tape: clear.tape.take(),
            clear_to,
            is_compressed: clear.dialogue.is_compressed(),
            read_to: clear.read_to,
            // What was in the clear before has had its begin.
            first: self.first.filter(|_| clear_to == (0, 0)).unwrap_or(time),
        };
        self.reading = Reading::Dark(Box::new(Dark::new(dusk, ctx)));
    }

    /// Sees how much it holds; gives how much that was and how much it is.
    pub fn weigh(&mut self) -> (usize, usize) {
        let held = match &self.reading {
            Reading::Clear(clear) => clear.dialogue.held() + clear.tape.as_ref().map_or(0, |tape| tape.held()),
            Reading::Dark(dark) => dark.held(),
            Reading::Over => 0,
        };
        (std::mem::replace(&mut self.held, held), held)
    }

    /// The connection is over, or to be read no further. Who would see more of it is told where that is not its own end.
    pub fn close(&mut self, time: Time, how: Close, ctx: &mut Context<'_>) {
        let is_dropped = matches!(how, Close::Evicted | Close::Shutdown);
        let mut clear = match std::mem::replace(&mut self.reading, Reading::Over) {
            Reading::Over => return,
            Reading::Clear(clear) => clear,
            Reading::Dark(mut dark) => {
                if is_dropped {
                    dark.dropped(time, ctx);
                }
                return dark.close(time, ctx);
            }
        };
        let Clear { tape, dialogue, .. } = &mut *clear;
        if is_dropped {
            for at in dialogue.unfinished() {
                dialogue.covers().tell_notice(at, ctx, time, Notice::SessionDropped);
            }
        }
        dialogue.end(time, ctx);
        if let Some(tape) = tape {
            tape.decide(dialogue.covers(), ctx, (u64::MAX, u64::MAX));
        }
        dialogue.close(time, ctx);
        dialogue.covers().close(ctx, time);
    }
}

impl<D: Dialogue + ?Sized> Clear<D> {
    /// Has all of it fetched into the cache.
    fn prefetch(&self) {
        /// Octets of a line of the cache.
        const LINE: usize = 64;
        for line in 0..size_of_val(self).div_ceil(LINE) {
            prefetch_index(from_ref(&self.read_to.0), line * LINE / size_of::<u64>());
        }
    }

    fn read_up_to(&mut self, from: Direction, end: u64) {
        match from {
            Direction::FromClient => self.read_to.0 = end,
            Direction::FromServer => self.read_to.1 = end,
        }
    }

    /// Hands over held packets once nothing that is still to come can change what they are.
    fn decide(&mut self, time: Time, ctx: &mut Context<'_>) {
        let Some(tape) = &mut self.tape else { return };
        let decided_to = self.dialogue.decided_to(self.read_to);
        let let_go = tape.take_let_go();
        let covers = self.dialogue.covers();
        if let_go > 0 {
            ctx.counters.octets_not_held += let_go;
            for at in covers.places(|cover| cover.is_open() && cover.wants_packets()) {
                covers.tell_notice(at, ctx, time, Notice::OctetsNotHeld { octets: let_go });
            }
        }
        tape.decide(covers, ctx, decided_to);
    }
}
