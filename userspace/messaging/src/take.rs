//! From what a system says to records.

use std::sync::Arc;

use bytes::Bytes;
use writ_intercept::messaging::{MessagingIri, Property, Qualifier, Secret};
use writ_intercept::record::{Body, Content, Record};
use writ_intercept::{CinSource, TargetIndex, Warrant};
use writ_wire::Time;

use crate::counters::Counters;
use crate::cover::{Cover, Covered, Role};
use crate::event::{Event, Item, Piece, PieceBody};
use crate::live::{Known, LiveEvents};
use crate::repeated::{Key, Keys, Repeated, Told};
use crate::sequence::{Arrival, Sequences};
use crate::settings::Settings;
use crate::succession::Succession;

/// Makes records of what messaging systems say.
pub struct Messaging<C> {
    pub(crate) settings: Settings,
    cins: C,
    pub(crate) keys: Keys,
    pub(crate) sequences: Sequences,
    pub(crate) live: LiveEvents,
    /// Items that are safe, or nobody's.
    said: Repeated,
    /// Events and pieces, each under a warrant.
    told: Repeated,
    pub(crate) counters: Counters,
    /// Items that came.
    turn: u64,
    index: Option<Arc<TargetIndex>>,
}

/// What became of an item.
#[derive(Debug, Default)]
pub struct Taken {
    /// Its key, to be given to [`Messaging::kept`] once it is safe.
    pub said: Option<Key>,
    /// What was told by it, to be taken back with [`Messaging::forget`] if it did not find its way.
    pub told: Vec<Told>,
    /// Events that were told before, and may not have been safe then.
    pub told_before: Vec<Told>,
    /// It is content of an event that nobody knows: nothing was taken.
    pub is_unknown: bool,
}

impl<C: CinSource> Messaging<C> {
    /// Nothing told yet. `secret` is what keys are made with: those of an earlier run can be [recalled](Self::recall) if it
    /// had the same.
    pub fn new(settings: Settings, cins: C, secret: &[u8; 32]) -> Self {
        Self {
            live: LiveEvents::new(settings.idle_time),
            said: Repeated::new(settings.said, settings.remember_time),
            told: Repeated::new(settings.remembered, settings.remember_time),
            settings,
            cins,
            keys: Keys::new(secret),
            sequences: Sequences::default(),
            counters: Counters::default(),
            turn: 0,
            index: None,
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

    /// An earlier run has said this, or told it under a warrant.
    pub fn recall(&mut self, key: Key, is_told: bool, at: Time) {
        let repeated = if is_told { &mut self.told } else { &mut self.said };
        repeated.note(key, at);
    }

    /// The warrants that cover an item at the time that it says. `now` is when it came.
    pub fn cover(&mut self, item: &Item, index: &Arc<TargetIndex>, now: Time) -> Cover {
        self.follow(index);
        let (mut cover, time) = match item {
            Item::Event(event) => (Cover::of(event, index), event.time),
            Item::Piece(piece) => {
                let event = self.event_key(&piece.system, &piece.of);
                let known = if self.live.is_live(event, now) { self.live.known(event) } else { &[] };
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
        self.turn += 1;
        match item {
            Item::Event(event) => {
                self.counters.messaging_events += 1;
                self.event(event, cover, now, records, &mut taken);
            }
            Item::Piece(piece) => {
                self.counters.messaging_pieces += 1;
                self.piece(piece, cover, now, records, &mut taken);
            }
        }
        taken
    }

    /// What was told and did not find its way may be told again.
    pub fn forget(&mut self, told: &[Told]) {
        told.iter().for_each(|told| self.told.forget(told.key));
    }

    /// An item is safe, whoever it concerns: where it comes again, that is a repetition.
    pub fn kept(&mut self, said: Key, now: Time) {
        self.said.note(said, now);
    }

    /// Closes what has been idle for long enough, and sees to it that a change of the warrants is followed.
    pub fn tick(&mut self, index: &Arc<TargetIndex>, now: Time, records: &mut Vec<Record>) {
        self.follow(index);
        self.live.expire(now);
        self.sequences.close_idle(now, self.settings.idle_time, records);
        self.counters.messaging_keys_forgotten += self.said.trim(now) + self.told.trim(now);
    }

    /// Lets what a changed warrant covered go on under the one that it was changed into. Where one was changed so that nobody can say
    /// whether it still covers what it did, every event is to be said again, so that it can be judged: every one, since anything
    /// less would tell whose they are.
    fn follow(&mut self, index: &Arc<TargetIndex>) {
        if self.index.as_ref().is_some_and(|known| Arc::ptr_eq(known, index)) {
            return;
        }
        let mut succession = Succession::of(index);
        self.sequences.succeed(|old| succession.successor(old));
        if succession.is_uncertain {
            self.counters.messaging_events_forgotten += self.live.clear();
        }
        self.index = Some(Arc::clone(index));
    }

    fn event_key(&self, system: &str, id: &str) -> Key {
        self.keys.of("event", &[system.as_bytes(), id.as_bytes()])
    }

    /// An event under a warrant: under its LIID, which outlives a change of the warrant.
    fn told_key(&self, event: Key, warrant: &Warrant) -> Key {
        self.keys.of("told", &[&event.octets(), &identity_of(warrant)])
    }

    /// Whether this is told for the first time.
    pub(crate) fn is_new(&mut self, told: Told, now: Time, taken: &mut Taken) -> bool {
        let is_new = self.told.note(told.key, now);
        if is_new {
            taken.told.push(told);
        } else {
            self.counters.messaging_repeated += 1;
        }
        is_new
    }

    fn event(&mut self, event: &Event, cover: &Cover, now: Time, records: &mut Vec<Record>, taken: &mut Taken) {
        let key = self.event_key(&event.system, &event.id);
        taken.said = Some(key);
        let is_live = self.live.is_live(key, now);
        // A repetition is one that is live, or was said and is not to be taken anew. Both are so for all alike, so that what
        // becomes of its content is.
        let is_anew = !is_live && (event.is_again || !self.said.has(key));
        if is_anew {
            self.counters.messaging_events_forgotten += self.live.make_room(self.settings.events);
            self.live.begin(key, self.turn, now);
        } else if is_live {
            self.hear(key, now);
        }
        for covered in &cover.0 {
            let told = self.told_key(key, &covered.warrant);
            if is_anew {
                self.told.forget(told);
            }
            let told = Told { key: told, lemf: covered.warrant.mandate.lemf, is_event: true };
            if self.is_new(told, now, taken) {
                self.tell(event, key, told.key, covered, now, records, taken);
            } else {
                taken.told_before.push(told);
            }
        }
    }

    /// Notes that something was heard of an event that is live, and of its sequences under each warrant: they last as long as it does.
    fn hear(&mut self, event: Key, now: Time) {
        self.live.hear(event, self.turn, now);
        let sequences: Vec<u64> = self.live.known(event).iter().map(|known| known.sequence).collect();
        sequences.into_iter().for_each(|sequence| self.sequences.hear(sequence, self.turn, now));
    }

    #[expect(clippy::too_many_arguments, reason = "what happened, under which warrant, when, and where it goes")]
    fn tell(
        &mut self,
        event: &Event,
        key: Key,
        told: Key,
        covered: &Covered,
        now: Time,
        records: &mut Vec<Record>,
        taken: &mut Taken,
    ) {
        let Covered { warrant, role } = covered;
        let arrival = Arrival {
            warrant,
            key: self.sequence_key(event, covered),
            is_named: event.session.is_some(),
            category: event.category,
            status: event.status,
            time: event.time,
            turn: self.turn,
            now,
        };
        let (cins, counters) = (&self.cins, &mut self.counters);
        let placed = self.sequences.place(&arrival, &self.settings, records, || {
            counters.messaging_communications += 1;
            cins.next_cin()
        });
        if let Some(turn) = placed.given_up {
            self.counters.messaging_sequences_given_up += 1;
            // Its events go with it, and so do all others of which nothing was heard since, whoever's they are.
            self.counters.messaging_events_forgotten += self.live.forget_until(turn);
        }
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
            told,
            sequence: placed.sequence,
            event_identifier: placed.event_identifier,
            category: event.category,
            role: *role,
            is_own_access: event.is_access_of(*role),
            legs: [0; 2],
        };
        for part in &event.contents {
            self.part(part, &known, event.time, now, records, taken);
        }
        self.live.place(key, known);
    }

    /// The sequence that an event belongs to, under a warrant. Without a name, what the target does is apart from what each other
    /// party does towards it.
    fn sequence_key(&self, event: &Event, covered: &Covered) -> Key {
        let (under, system) = (identity_of(&covered.warrant), event.system.as_str());
        if let Some(session) = &event.session {
            return self.keys.of_value((under, system, "session", session));
        }
        let other = event.parties.iter().find(|party| party.qualifier == Qualifier::Originating);
        let other = other.filter(|_| covered.role == Role::Receives).map(|party| &party.identity);
        self.keys.of_value((under, system, covered.role, &event.box_identifier, other))
    }

    fn piece(&mut self, piece: &Piece, cover: &Cover, now: Time, records: &mut Vec<Record>, taken: &mut Taken) {
        let event = self.event_key(&piece.system, &piece.of);
        let key = self.keys.of("piece", &[&event.octets(), &piece.name()]);
        taken.said = Some(key);
        if !self.live.is_live(event, now) {
            // Which of the two it is depends on what its system said alone, and not on whose it is.
            if self.said.has(key) {
                self.counters.messaging_repeated += 1;
            } else {
                self.counters.messaging_pieces_unknown += 1;
                (taken.said, taken.is_unknown) = (None, true);
            }
            return;
        }
        self.hear(event, now);
        for known in self.live.known(event).to_vec() {
            let Some(sequence) = self.sequences.get(known.sequence) else { continue };
            if !cover.0.iter().any(|covered| Arc::ptr_eq(&covered.warrant, &sequence.warrant)) {
                continue;
            }
            self.sequences.goes_on(known.sequence, piece.time);
            match &piece.body {
                PieceBody::Part(part) => self.part(part, &known, piece.time, now, records, taken),
                PieceBody::Rtp(rtp) => self.leg(event, rtp, &known, piece.time, now, records, taken),
            }
        }
    }
}

/// What a warrant is known by, also after a change of its other words. Two warrants may have one LIID, such as one for IRI alone
/// and one for content as well.
fn identity_of(warrant: &Warrant) -> Vec<u8> {
    let mandate = &warrant.mandate;
    let mut octets = mandate.liid.as_bytes().to_vec();
    octets.push(0);
    octets.extend_from_slice(mandate.authorization_country.as_bytes());
    octets.extend_from_slice(&(mandate.lemf as u64).to_le_bytes());
    octets.extend_from_slice(&warrant.start.as_nanos().to_le_bytes());
    octets.push(u8::from(warrant.grant().is_some()));
    octets
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
