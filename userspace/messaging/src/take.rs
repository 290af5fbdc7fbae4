//! From what a system says to records.

use std::sync::Arc;

use bytes::Bytes;
use writ_intercept::messaging::{
    BoxEvent, Category, MessagingCc, MessagingIri, NotificationEvent, PayloadDirection, Property, Qualifier, Secret,
};
use writ_intercept::record::{Body, Cin, Content, ContentGrant, Record};
use writ_intercept::{CinSource, TargetIndex, Warrant};
use writ_wire::Time;

use crate::counters::Counters;
use crate::cover::{Cover, Covered, Role};
use crate::direction;
use crate::event::{Event, Item, Part, Piece, PieceBody, RtpPiece};
use crate::repeated::{Key, Keys, Repeated, Told};
use crate::sequence::{Arrival, Known, Sequences};
use crate::settings::Settings;

/// Makes records of what messaging systems say.
pub struct Messaging<C> {
    settings: Settings,
    cins: C,
    keys: Keys,
    sequences: Sequences,
    repeated: Repeated,
    counters: Counters,
}

/// What became of an item.
#[derive(Debug, Default)]
pub struct Taken {
    /// What was told by it, to be taken back with [`Messaging::forget`] if it is not kept.
    pub told: Vec<Told>,
}

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
    /// Nothing told yet.
    pub fn new(settings: Settings, cins: C) -> Self {
        let repeated = Repeated::new(settings.remembered, settings.remember_time);
        Self {
            settings,
            cins,
            keys: Keys::default(),
            sequences: Sequences::default(),
            repeated,
            counters: Counters::default(),
        }
    }

    /// What was counted.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Logical sequences that are followed, each under one warrant.
    pub fn sequences(&self) -> usize {
        self.sequences.len()
    }

    /// The warrants that cover an item at the time that it says.
    pub fn cover(&mut self, item: &Item, index: &TargetIndex) -> Cover {
        let (mut cover, time) = match item {
            Item::Event(event) => (Cover::of(event, index), event.time),
            Item::Piece(piece) => {
                let known = self.sequences.known(self.event_key(&piece.system, &piece.of));
                let covered = known.iter().filter_map(|known| {
                    let warrant = Arc::clone(&self.sequences.get(known.sequence)?.warrant);
                    Some(Covered { warrant, role: known.role })
                });
                (Cover(covered.collect()), piece.time)
            }
        };
        let all = cover.0.len();
        cover.0.retain(|covered| covered.warrant.covers(time));
        self.counters.messaging_outside_interval += (all - cover.0.len()) as u64;
        cover
    }

    /// Makes the records of an item under the warrants that cover it, each apart. `now` is when it came.
    pub fn take(&mut self, item: &Item, cover: &Cover, now: Time, records: &mut Vec<Record>) -> Taken {
        let mut taken = Taken::default();
        match item {
            Item::Event(event) => {
                self.counters.messaging_events += 1;
                for covered in &cover.0 {
                    self.event(event, covered, now, records, &mut taken);
                }
            }
            Item::Piece(piece) => {
                self.counters.messaging_pieces += 1;
                self.piece(piece, cover, now, records, &mut taken);
            }
        }
        taken
    }

    /// What was told and could not be kept may be told again.
    pub fn forget(&mut self, told: &[Told]) {
        told.iter().for_each(|told| self.repeated.forget(told.key));
    }

    /// Closes what has been idle for long enough.
    pub fn tick(&mut self, now: Time, records: &mut Vec<Record>) {
        self.sequences.close_idle(now, self.settings.idle_time, records);
        self.counters.messaging_keys_forgotten += self.repeated.trim(now);
    }

    fn event_key(&self, system: &str, id: &str) -> Key {
        self.keys.of(("event", system, id))
    }

    /// Whether this is told for the first time under the warrant: its LIID, which outlives a change of the warrant.
    fn is_new(&mut self, key: Key, warrant: &Warrant, now: Time, taken: &mut Taken) -> bool {
        // Two warrants may have one LIID, such as one for IRI alone and one for content as well.
        let gives_content = warrant.grant().is_some();
        let key = self.keys.of((key, &warrant.mandate.liid, warrant.mandate.lemf, warrant.start, gives_content));
        let is_new = self.repeated.note(key, now);
        if is_new {
            taken.told.push(Told { key, lemf: warrant.mandate.lemf });
        } else {
            self.counters.messaging_repeated += 1;
        }
        is_new
    }

    fn event(&mut self, event: &Event, covered: &Covered, now: Time, records: &mut Vec<Record>, taken: &mut Taken) {
        let Covered { warrant, role } = covered;
        let event_key = self.event_key(&event.system, &event.id);
        if !self.is_new(event_key, warrant, now, taken) {
            return;
        }
        let arrival = Arrival {
            warrant,
            key: self.sequence_key(event, covered),
            is_named: event.session.is_some(),
            category: event.category,
            status: event.status,
            time: event.time,
            now,
        };
        if self.sequences.make_room(self.settings.sequences, now, records) {
            self.counters.messaging_sequences_given_up += 1;
        }
        let (cins, counters) = (&self.cins, &mut self.counters);
        let placed = self.sequences.place(&arrival, self.settings.idle_time, || {
            counters.messaging_communications += 1;
            cins.next_cin()
        });
        let grant = warrant.grant();
        let with_original = self.settings.original_message_to.contains(&warrant.mandate.lemf);
        let original = event.original_message.as_ref().filter(|_| with_original);
        let iri = MessagingIri {
            record_type: placed.record_type,
            system: event.system.clone(),
            category: event.category,
            status: event.status,
            parties: event.parties.clone(),
            trigger: event.trigger,
            properties: properties(event, warrant),
            event_identifier: placed.event_identifier,
            original_message: grant.zip(original).map(|(grant, octets)| grant.content(octets.clone())),
            box_identifier: event.box_identifier.clone(),
            total_recipients: event.total_recipients,
        };
        self.counters.messaging_iri_records += 1;
        let mandate = Arc::clone(&warrant.mandate);
        let body = Body::MessagingIri(Box::new(iri));
        records.push(Record { mandate, cin: placed.cin, time: event.time, body });

        let known = Known {
            sequence: placed.sequence,
            event_identifier: placed.event_identifier,
            category: event.category,
            role: *role,
            legs: [0; 2],
        };
        for part in &event.contents {
            self.part(event_key, part, &known, event.time, now, records, taken);
        }
        if self.sequences.remember(event_key, known, self.settings.events_of_sequence) {
            self.counters.messaging_events_forgotten += 1;
        }
    }

    /// The sequence that an event belongs to, under a warrant. Without a name, what the target does is apart from what each other
    /// party does towards it.
    fn sequence_key(&self, event: &Event, covered: &Covered) -> Key {
        let under = (Arc::as_ptr(&covered.warrant) as usize, event.system.as_str());
        if let Some(session) = &event.session {
            return self.keys.of((under, "session", session));
        }
        let other = event.parties.iter().find(|party| party.qualifier == Qualifier::Originating);
        let other = other.filter(|_| covered.role == Role::Receives).map(|party| &party.identity);
        self.keys.of((under, covered.role, &event.box_identifier, other))
    }

    fn piece(&mut self, piece: &Piece, cover: &Cover, now: Time, records: &mut Vec<Record>, taken: &mut Taken) {
        let event_key = self.event_key(&piece.system, &piece.of);
        let known = self.sequences.known(event_key).to_vec();
        for known in known {
            let Some(sequence) = self.sequences.get(known.sequence) else { continue };
            if !cover.0.iter().any(|covered| Arc::ptr_eq(&covered.warrant, &sequence.warrant)) {
                continue;
            }
            self.sequences.hear_content(known.sequence, piece.time, now);
            match &piece.body {
                PieceBody::Part(part) => self.part(event_key, part, &known, piece.time, now, records, taken),
                PieceBody::Rtp(rtp) => self.leg(event_key, rtp, &known, piece.time, now, records, taken),
            }
        }
    }

    /// A content of an event, or a piece of one.
    #[expect(clippy::too_many_arguments, reason = "what a piece is of, when, and where it goes")]
    fn part(
        &mut self,
        event_key: Key,
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
        let number = part.sequence.map(|(number, _)| number);
        let key = self.keys.of((event_key, "part", part.identifier, number));
        if !self.is_new(key, &warrant, now, taken) {
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
    fn leg(
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
        let key = self.keys.of((event_key, "leg", rtp.from_user, rtp.number));
        if !self.is_new(key, &warrant, now, taken) {
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

    fn next_of_leg(&mut self, event_key: Key, sequence: u64, leg: u32) -> u32 {
        let known = self.sequences.known_mut(event_key).iter_mut().find(|known| known.sequence == sequence);
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

/// The properties that a warrant lets go: a subject is content, a PIN and a password are credentials.
fn properties(event: &Event, warrant: &Warrant) -> Vec<Property<Content, Secret>> {
    let secret = |text: &String| warrant.secret_grant().map(|grant| grant.secret(text.clone()));
    let of = |property: &Property<String, String>| {
        Some(match property {
            Property::Pincode(pin) => Property::Pincode(secret(pin)?),
            Property::Password(password) => Property::Password(secret(password)?),
            Property::Subject(subject) => {
                Property::Subject(warrant.grant()?.content(Bytes::from(subject.clone().into_bytes())))
            }
            Property::Priority(priority) => Property::Priority(*priority),
            Property::GreetingType(kind) => Property::GreetingType(*kind),
            Property::NotificationType(kind) => Property::NotificationType(*kind),
            Property::Language(language) => Property::Language(language.clone()),
            Property::MessageIdentifier(identifier) => Property::MessageIdentifier(identifier.clone()),
            Property::UserAgent(agent) => Property::UserAgent(agent.clone()),
            Property::MessageStatus(status) => Property::MessageStatus(*status),
            Property::RequestedReports(reports) => Property::RequestedReports(*reports),
            Property::Expires(time) => Property::Expires(*time),
            Property::MessageDate(time) => Property::MessageDate(*time),
        })
    };
    event.properties.iter().filter_map(of).collect()
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
