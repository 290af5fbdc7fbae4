//! A compressed session (RFC 4978): both directions are inflated, and read as any other.

use writ_wire::Direction::{FromClient, FromServer};
use writ_wire::Time;

use super::inflate::{Fault, Flush, Inflater, STEP, TO_FLUSH};
use super::span::Span;
use super::{Compressed, Imap};
use crate::access::{Anomaly, Event, Octets, Tell};
use crate::line::At;

impl Imap {
    /// COMPRESS was accepted: the next octet of either direction is compressed.
    pub(super) fn begin_compression(&mut self, deflate: bool, time: Time, tell: Tell<'_>) {
        let at = At { time, offset: 0 };
        let inflater = |text| Some(Box::new(Inflater::new(self.limits.inflated, text, at)));
        let is_again = self.client.inflater.is_some();
        let (of_client, of_server) = (self.limits.inflated_commands, self.limits.inflated_responses);
        (self.client.inflater, self.server.inflater) = (inflater(of_client), inflater(of_server));
        if !deflate || is_again {
            self.lose_the_thread(time, tell);
            return;
        }
        self.on_the_wire = self.logged_in && self.limits.compressed == Compressed::AsOnTheWire;
    }

    /// UNAUTHENTICATE was accepted: its line end, and that of the OK, are the last that is compressed (RFC 8437 §4). A client that sent
    /// more in the same flush does not know of that.
    pub(super) fn end_compression(&mut self) {
        let next = self.client.held.first(usize::from(TO_FLUSH));
        let goes_on = self.client.left_over.is_some() || !self.client.flush.ends_with(&next);
        if self.client.inflater.is_none() || goes_on {
            return;
        }
        (self.client.inflater, self.server.inflater) = (None, None);
        self.client.flush.end();
        self.server.flush.end();
    }

    fn compression_fails(&mut self, fault: Fault, time: Time, tell: Tell<'_>) {
        tell(Event::Anomaly(match fault {
            Fault::Broken => Anomaly::BrokenCompression,
            Fault::Bomb => Anomaly::OverLimit,
        }));
        self.lose_the_thread(time, tell);
    }

    /// Reads octets of the client that are compressed; gives how many.
    pub(super) fn inflate_client(&mut self, at: At, octets: &[u8], tell: Tell<'_>) -> usize {
        let mut output = vec![0; STEP];
        let mut taken = 0;
        while !self.dark && !self.client.is_waiting() {
            let Some(mut inflater) = self.client.inflater.take() else { break };
            let input = octets.get(taken..).unwrap_or_default();
            let input = input.get(..Flush::length(input)).unwrap_or(input);
            let here = if octets.is_empty() { inflater.at } else { at.plus(taken) };
            let offset = inflater.given();
            // As on the wire: what a step takes must be told with what it says, and no octet of the next command.
            let step = if self.on_the_wire {
                inflater.small_step(input, &mut output)
            } else {
                inflater.step(input, &mut output)
            };
            let (took, gave) = match step {
                Ok((0, 0)) => {
                    self.client.inflater = Some(inflater);
                    break;
                }
                Ok(step) => step,
                Err(fault) => {
                    // What follows is compressed, and no encryption.
                    self.client.inflater = Some(inflater);
                    self.compression_fails(fault, here.time, tell);
                    break;
                }
            };
            inflater.at = here.plus(took);
            self.client.inflater = Some(inflater);
            self.client.flush.took(input.get(..took).unwrap_or_default());
            taken += took;
            let wire = (here.offset, here.offset + took as u64);
            let span = Span { time: here.time, offset, inflated_from: Some(wire), told: self.on_the_wire };
            let inflated = output.get(..gave).unwrap_or_default();
            let read = self.read_client(span, inflated, tell);
            if read < gave && self.on_the_wire {
                // What the client sent ahead may be a login: then the step that holds it must not be told as it is.
                self.on_the_wire = false;
                Span { told: false, ..span }.tell(FromClient, inflated.get(..read).unwrap_or_default(), tell);
            }
            if self.on_the_wire && took > 0 {
                let octets = input.get(..took).unwrap_or_default();
                tell(Event::Octets(Octets {
                    from: FromClient,
                    time: here.time,
                    wire: wire.0..wire.1,
                    inflated: false,
                    octets,
                }));
            }
            if read < gave && !self.dark {
                let rest = inflated.get(read..).unwrap_or_default().to_vec();
                let span = Span { told: false, ..span.plus(read) };
                self.client.left_over = Some((span, rest));
            }
        }
        taken
    }

    /// Reads what was inflated before the client had to wait; whether there was anything.
    pub(super) fn read_left_over(&mut self, tell: Tell<'_>) -> bool {
        if let Some((span, octets)) = self.client.left_over.take() {
            let read = self.read_client(span, &octets, tell);
            if read < octets.len() && !self.dark {
                self.client.left_over = Some((span.plus(read), octets.get(read..).unwrap_or_default().to_vec()));
            }
            return true;
        }
        // The inflater may hold more than a step gives.
        if let Some(inflater) = &self.client.inflater {
            let (at, given) = (inflater.at, inflater.given());
            self.inflate_client(at, &[], tell);
            return self.client.inflater.as_ref().is_some_and(|inflater| inflater.given() > given);
        }
        false
    }

    /// Reads octets of the server that are compressed: all of them.
    pub(super) fn inflate_server(&mut self, at: At, octets: &[u8], tell: Tell<'_>) -> usize {
        let mut output = vec![0; STEP];
        let mut taken = 0;
        while !self.dark {
            let Some(mut inflater) = self.server.inflater.take() else { break };
            let input = octets.get(taken..).unwrap_or_default();
            let input = input.get(..Flush::length(input)).unwrap_or(input);
            let here = at.plus(taken);
            let offset = inflater.given();
            let step = inflater.step(input, &mut output);
            let (took, gave) = match step {
                Ok((0, 0)) => {
                    self.server.inflater = Some(inflater);
                    break;
                }
                Ok(step) => step,
                Err(fault) => {
                    self.compression_fails(fault, here.time, tell);
                    break;
                }
            };
            self.server.inflater = Some(inflater);
            self.server.flush.took(input.get(..took).unwrap_or_default());
            taken += took;
            let wire = (here.offset, here.offset + took as u64);
            let told = self.on_the_wire;
            if told && took > 0 {
                let octets = input.get(..took).unwrap_or_default();
                tell(Event::Octets(Octets {
                    from: FromServer,
                    time: here.time,
                    wire: wire.0..wire.1,
                    inflated: false,
                    octets,
                }));
            }
            let span = Span { time: here.time, offset, inflated_from: Some(wire), told };
            let read = self.read_server(span, output.get(..gave).unwrap_or_default(), tell);
            if self.server.inflater.is_none() && !self.dark {
                // What stands behind the end of compression in its last flush is of nobody.
                if read < gave {
                    tell(Event::Lost {
                        from: FromServer,
                        time: here.time,
                        octets: (gave - read) as u64,
                        in_literal: false,
                    });
                }
                return taken;
            }
        }
        octets.len()
    }
}
