//! What a messaging system says: any octets are items, or one line that says what is wrong, without a value; records stand under
//! warrants alone whose targets take part; whether content is refused does not depend on whose it is; and every record has an encoding,
//! in both profiles.

use std::cell::Cell;
use std::sync::Arc;

use writ_etsi::{Payload, Profile, decode};
use writ_handover::encoder::Encoder;
use writ_handover::pdu::{Interface, Kind};
use writ_handover::settings::HandoverSettings;
use writ_intercept::address::Form;
use writ_intercept::record::{Body, CcFormat, Cin, Deliver, Mandate};
use writ_intercept::warrant::AuthenticationData;
use writ_intercept::{CinSource, Target, TargetIndex, Warrant};
use writ_messaging::{Messaging, Settings, read};
use writ_wire::Time;

/// In an input, this stands for something secret.
const SECRET: &str = "zqxj";

struct Cins(Cell<u32>);

impl CinSource for Cins {
    fn next_cin(&self) -> Cin {
        self.0.set(self.0.get() + 1);
        Cin(self.0.get())
    }
}

fn warrant(liid: &str, deliver: Deliver, target: Target) -> Warrant {
    Warrant {
        mandate: Arc::new(Mandate { liid: liid.into(), authorization_country: "NL".into(), lemf: 0 }),
        start: Time::from_parts(1_767_225_600, 0),
        end: Time::from_parts(1_798_761_600, 0),
        deliver,
        cc_format: CcFormat::Application,
        authentication_data: AuthenticationData::Username,
        report_failed_sends: false,
        form: Form::default(),
        targets: vec![target],
        revoked: false.into(),
    }
}

/// Runs an input: a request.
pub fn run(input: &[u8]) {
    let items = match read(input) {
        Ok(items) => items,
        Err(error) => {
            let error = error.to_string();
            assert!(error.lines().count() == 1 && !error.contains(SECRET), "{error}");
            return;
        }
    };
    let nobody = Arc::new(TargetIndex::new(Vec::new()));
    let index = Arc::new(TargetIndex::new(Warrant::replace(
        &[],
        vec![
            warrant("NUMBER", Deliver::IriAndCc, Target::Number("+31612345678".into())),
            warrant("BOX", Deliver::Iri, Target::Box { identifier: "1001".into(), system: None }),
            warrant("ADDRESS", Deliver::IriAndCc, Target::Address("alice@example.org".into())),
            warrant("NOBODY", Deliver::IriAndCc, Target::Number("+99999999999".into())),
        ],
    )));
    // Small, so that an input reaches the limits.
    let settings = Settings { sequences: 3, events: 4, said: 8, remembered: 8, ..Settings::default() };
    let mut messaging = Messaging::new(settings.clone(), Cins(Cell::new(0)), &[7; 32]);
    let mut without_warrants = Messaging::new(settings, Cins(Cell::new(0)), &[7; 32]);
    let mut encoders = [Profile::Current, Profile::V331]
        .map(|profile| Encoder::new(&HandoverSettings::default(), profile).expect("an encoder"));
    let mut records = Vec::new();
    for (at, item) in items.iter().enumerate() {
        assert!(!format!("{item:?}").contains(SECRET));
        let now = Time::from_parts(1_795_342_500 + at as u64 * 300, 0);
        let cover = messaging.cover(item, &index, now);
        let taken = messaging.take(item, &cover, now, &mut records);
        taken.said.into_iter().for_each(|said| messaging.kept(said, now));
        let is_unknown = taken.is_unknown;
        let cover = without_warrants.cover(item, &nobody, now);
        let taken = without_warrants.take(item, &cover, now, &mut records);
        taken.said.into_iter().for_each(|said| without_warrants.kept(said, now));
        // A sequence that is closed for another takes others' events with it.
        if messaging.counters().messaging_sequences_given_up == 0 {
            assert_eq!(is_unknown, taken.is_unknown, "the answer tells whose it is");
        }
        messaging.tick(&index, now, &mut records);
        without_warrants.tick(&nobody, now, &mut records);
        for record in records.drain(..) {
            let liid = record.mandate.liid.as_str();
            assert!(!format!("{record:?}").contains(SECRET));
            assert!(liid != "BOX" || !matches!(record.body, Body::MessagingCc(_)), "content under iri");
            assert_ne!(liid, "NOBODY");
            for encoder in &mut encoders {
                let mut pdus = Vec::new();
                encoder.encode(&record, &mut pdus).expect("what was read has an encoding");
                for pdu in pdus {
                    let decoded = decode(&pdu.octets).expect("a PDU decodes");
                    let is_cc = matches!(decoded.payload, Payload::CcPayloadSequence(_));
                    assert_eq!(is_cc, pdu.kind == Kind::Cc);
                    assert_eq!(pdu.interface == Interface::Hi2, pdu.kind == Kind::Iri);
                }
            }
        }
        assert!(messaging.sequences() <= 3);
    }
}
