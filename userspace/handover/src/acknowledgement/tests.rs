use super::*;

const SETTINGS: AcknowledgementSettings =
    AcknowledgementSettings { pdus: 10, interval: Duration::from_secs(1), answer: Duration::from_secs(20) };
const PATIENCE: Duration = Duration::from_secs(5);

fn agreed(now: Instant) -> Acknowledgement {
    let mut acknowledgement = Acknowledgement::wanted(SETTINGS, PATIENCE, 1000, 100);
    assert!(!acknowledgement.is_settled());
    assert_eq!(acknowledgement.due(100, false, now), Some(Ask::Options));
    assert_eq!(acknowledgement.due(100, false, now), None, "once");
    acknowledgement.written(now);
    assert!(acknowledgement.responded(true) && !acknowledgement.is_settled());
    assert_eq!(acknowledgement.due(100, false, now), Some(Ask::Complete));
    assert!(acknowledgement.is_agreed());
    acknowledgement
}

fn ask(acknowledgement: &mut Acknowledgement, number: u32, before: u64, now: Instant) {
    acknowledgement.asks(number, before);
    acknowledgement.written(now);
}

#[test]
fn a_response_stands_for_everything_before_its_request() {
    let now = Instant::now();
    let mut acknowledgement = agreed(now);
    ask(&mut acknowledgement, 7, 110, now);
    ask(&mut acknowledgement, 8, 120, now);
    ask(&mut acknowledgement, 9, 130, now);
    assert_eq!(acknowledgement.acknowledged(6), None, "never asked");
    assert_eq!(acknowledgement.acknowledged(8), Some(120));
    assert_eq!(acknowledgement.acknowledged(8), None, "a second time");
    assert_eq!(acknowledgement.acknowledged(7), None, "answered with the one after it");
    assert!(!acknowledgement.is_answered());
    assert_eq!(acknowledgement.acknowledged(9), Some(130));
    assert!(acknowledgement.is_answered());
}

#[test]
fn it_is_asked_after_so_many_or_so_long_or_so_much() {
    let now = Instant::now();
    let mut acknowledgement = agreed(now);
    assert_eq!(acknowledgement.due(100, true, now), None, "nothing went");
    assert_eq!(acknowledgement.room(100), 10);
    acknowledgement.went(10, now);
    assert_eq!((acknowledgement.room(101), acknowledgement.due(101, false, now)), (9, None));
    assert_eq!(acknowledgement.due(101, true, now), Some(Ask::Acknowledge), "pressing");
    assert_eq!(acknowledgement.due(110, false, now), Some(Ask::Acknowledge), "so many");
    let later = now + SETTINGS.interval;
    assert_eq!(acknowledgement.deadline(false), Some(later));
    assert_eq!(acknowledgement.deadline(true), None);
    assert_eq!(acknowledgement.due(101, false, later), Some(Ask::Acknowledge), "so long");
    acknowledgement.went(990, now);
    assert_eq!(acknowledgement.due(102, false, now), Some(Ask::Acknowledge), "so much");
    for number in 0..MOST_ASKED as u32 {
        ask(&mut acknowledgement, number, 102 + u64::from(number), now);
    }
    assert_eq!(acknowledgement.due(500, true, now), None, "too many without an answer");
}

#[test]
fn what_is_not_answered_is_over_in_time() {
    let now = Instant::now();
    let mut acknowledgement = agreed(now);
    acknowledgement.asks(1, 101);
    assert_eq!(acknowledgement.acknowledged(1), None, "not written yet");
    assert_eq!(acknowledgement.overdue(now + SETTINGS.answer * 2), None, "not written yet");
    acknowledgement.written(now);
    assert_eq!(acknowledgement.deadline(true), Some(now + SETTINGS.answer));
    assert_eq!(acknowledgement.overdue(now + SETTINGS.answer), Some(Overdue::Pdus));
}

#[test]
fn an_lemf_that_declines_or_is_silent_gets_pdus_without_it() {
    let now = Instant::now();
    for declines in [true, false] {
        let mut acknowledgement = Acknowledgement::wanted(SETTINGS, PATIENCE, 1000, 0);
        assert_eq!(acknowledgement.due(0, false, now), Some(Ask::Options));
        acknowledgement.written(now);
        if declines {
            assert!(acknowledgement.responded(false));
        } else {
            assert_eq!(acknowledgement.deadline(false), Some(now + PATIENCE));
            assert_eq!(acknowledgement.overdue(now + PATIENCE), Some(Overdue::Options));
        }
        assert!(acknowledgement.is_settled() && !acknowledgement.is_agreed());
        assert!(!acknowledgement.responded(true), "too late");
        assert_eq!((acknowledgement.due(5, true, now), acknowledgement.deadline(false)), (None, None));
    }
}
