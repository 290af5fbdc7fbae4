//! Contents of events to CC records (clause 8.1).

use std::sync::Arc;

use bytes::Bytes;
use writ_intercept::messaging::{BoxEvent, Category, MessagingCc, NotificationEvent, PayloadDirection};
use writ_intercept::record::{Body, Cin, ContentGrant, Record};
use writ_intercept::{CinSource, Warrant};
use writ_wire::Time;

use crate::direction;
use crate::event::{Part, RtpPiece};
use crate::live::Known;
use crate::repeated::{Key, Told};
use crate::take::{Messaging, Taken};

/// A content to be told: of which event, and which way it went.
struct Of {
    warrant: Arc<Warrant>,
    cin: Cin,
    event_identifier: u32,
    direction: PayloadDirection,
    /// Whether a PIN in it is overwritten.
    hides_digits: bool,
    time: Time,
}

impl<C: CinSource> Messaging<C> {
    /// A content of an event, or a piece of one.
    pub(crate) fn part(
        &mut self,
        part: &Part,
        known: &Known,
        time: Time,
        now: Time,
        records: &mut Vec<Record>,
        taken: &mut Taken,
    ) {
        let Some(sequence) = self.sequences.get(known.sequence) else { return };
        let (warrant, cin) = (Arc::clone(&sequence.warrant), sequence.cin);
        let Some(grant) = warrant.grant() else { return };
        let Some(category) = known.category.filter(|category| category.triggers_content()) else {
            self.counters.messaging_contents_not_due += 1;
            return;
        };
        if self.is_left_out(known, &warrant) || !self.is_new_under(known, cin, &part.name(), &warrant, now, taken) {
            return;
        }
        let is_reminder = category == Category::Notification(NotificationEvent::SmsPinReminder);
        let of = Of {
            hides_digits: is_reminder && warrant.secret_grant().is_none(),
            event_identifier: known.event_identifier,
            direction: direction::of_content(category, known.role),
            warrant,
            cin,
            time,
        };
        self.content(&of, grant, part, records);
    }

    /// A piece of a leg of a call. The legs belong to the event that says that somebody connected, and to no other.
    #[expect(clippy::too_many_arguments, reason = "what a piece is of, when, and where it goes")]
    pub(crate) fn leg(
        &mut self,
        event_key: Key,
        rtp: &RtpPiece,
        known: &Known,
        time: Time,
        now: Time,
        records: &mut Vec<Record>,
        taken: &mut Taken,
    ) {
        let Some(sequence) = self.sequences.get(known.sequence) else { return };
        let (warrant, cin) = (Arc::clone(&sequence.warrant), sequence.cin);
        let Some(grant) = warrant.grant() else { return };
        if known.category != Some(Category::Box(BoxEvent::Connect)) {
            self.counters.messaging_contents_not_due += 1;
            return;
        }
        if self.is_left_out(known, &warrant) || !self.is_new_under(known, cin, &rtp.name(), &warrant, now, taken) {
            return;
        }
        let (direction, identifier) = direction::of_leg(rtp.from_user, known.role);
        let event_identifier = known.event_identifier;
        let of = Of { warrant, cin, event_identifier, direction, hides_digits: false, time };
        let sequence = known.sequence;
        for (at, run) in rtp.runs.iter().enumerate() {
            let number = self.next_of_leg(event_key, sequence, identifier);
            let part = Part {
                identifier: Some(identifier),
                content_type: run.content_type.clone(),
                transfer_encoding: None,
                sequence: Some((number, rtp.is_last && at + 1 == rtp.runs.len())),
                octets: run.octets.clone(),
            };
            self.content(&of, grant, &part, records);
        }
    }

    /// Whether it was agreed that content of what the target does with its own box does not go along (clause 8.1, NOTE 2).
    fn is_left_out(&mut self, known: &Known, warrant: &Warrant) -> bool {
        let is_left_out = known.is_own_access && self.settings.without_own_access.contains(&warrant.mandate.lemf);
        self.counters.messaging_own_access += u64::from(is_left_out);
        is_left_out
    }

    /// Whether this content of an event is told for the first time in this communication.
    fn is_new_under(
        &mut self,
        known: &Known,
        cin: Cin,
        name: &[u8],
        warrant: &Warrant,
        now: Time,
        taken: &mut Taken,
    ) -> bool {
        let place = [cin.0.to_le_bytes(), known.event_identifier.to_le_bytes()].concat();
        let key = self.keys.of("content", &[&known.told.octets(), &place, name]);
        self.is_new(Told { key, lemf: warrant.mandate.lemf, is_event: false }, now, taken)
    }

    fn next_of_leg(&mut self, event_key: Key, sequence: u64, leg: u32) -> u32 {
        let known = self.live.known_mut(event_key).iter_mut().find(|known| known.sequence == sequence);
        let next = known.and_then(|known| known.legs.get_mut(leg as usize));
        next.map_or(0, |next| {
            *next = next.wrapping_add(1);
            next.wrapping_sub(1)
        })
    }

    fn content(&mut self, of: &Of, grant: ContentGrant, part: &Part, records: &mut Vec<Record>) {
        let octets = if of.hides_digits { without_digits(part) } else { part.octets.clone() };
        self.counters.messaging_cc_records += 1;
        self.counters.messaging_cc_octets += octets.len() as u64;
        let cc = MessagingCc {
            direction: of.direction,
            event_identifier: of.event_identifier,
            content_identifier: part.identifier,
            sequence_number: part.sequence.map(|(number, _)| number),
            end_of_sequence: part.sequence.is_some_and(|(_, is_last)| is_last),
            content_type: part.content_type.clone(),
            transfer_encoding: part.transfer_encoding.clone(),
            content: grant.content(octets),
        };
        let mandate = Arc::clone(&of.warrant.mandate);
        records.push(Record { mandate, cin: of.cin, time: of.time, body: Body::MessagingCc(Box::new(cc)) });
    }
}

/// The text of a reminder with its digits overwritten, as long as it was: the PIN is not to be read, the message is. What is encoded
/// once more, or is in UTF-16, is overwritten whole.
fn without_digits(part: &Part) -> Bytes {
    let content_type = part.content_type.to_ascii_lowercase();
    let charset = content_type.split_once("charset=").map_or("utf-8", |(_, charset)| charset.trim_matches('"'));
    let is_plain = part.transfer_encoding.is_none() && content_type.starts_with("text/plain");
    match (charset, str::from_utf8(&part.octets)) {
        // Digits of every script.
        ("utf-8" | "us-ascii", Ok(text)) if is_plain => {
            let hidden = |letter: char| if letter.is_numeric() { '*' } else { letter };
            text.chars().map(hidden).collect::<String>().into()
        }
        // What else there may be a digit in nobody can say.
        _ => vec![b'*'; part.octets.len()].into(),
    }
}
