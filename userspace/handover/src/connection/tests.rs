use tokio::io::{DuplexStream, duplex};
use tokio::time::sleep;
use writ_etsi::{Payload, Profile, TriPayload, decode, pdu_length};
use writ_wire::Time;

use super::*;
use crate::pdu::{Interface, Kind, Pdu};
use crate::settings::HandoverSettings;

/// Of the tests: a hundredth of a second stands for some ten of the standard.
const TIMES: KeepAliveSettings = KeepAliveSettings {
    time1: Duration::from_millis(200),
    time2: Duration::from_millis(50),
    time3: Duration::from_millis(100),
};

fn resources(keep_alive: KeepAliveSettings) -> Resources {
    let link_pdus = Arc::new(LinkPdus::new(&HandoverSettings::default(), Profile::Current, Interface::Hi2).unwrap());
    let counters: Arc<LinkCounters> = Arc::default();
    let buffer = Buffer::new("lea".into(), 1 << 20, Duration::ZERO, Arc::clone(&counters), Arc::clone(&link_pdus));
    Resources {
        buffer: Arc::new(buffer),
        counters,
        latency: Arc::default(),
        link_pdus,
        keep_alive,
        greet: false,
        options: None,
    }
}

/// An LEMF's TCP that acknowledges everything at once.
struct All;

impl Acknowledged for All {
    fn of(&self, written: u64) -> u64 {
        written
    }
}

/// One that acknowledges so many octets.
#[derive(Default)]
struct UpTo(std::cell::Cell<u64>);

impl Acknowledged for UpTo {
    fn of(&self, written: u64) -> u64 {
        written.min(self.0.get())
    }
}

/// Octets that start like a PDU: a SEQUENCE with one OCTET STRING, filled with `mark`.
fn pdu(mark: u8, octets: u8) -> Pdu {
    let mut content = vec![0x30, octets - 2, 0x04, octets - 4];
    content.resize(octets.into(), mark);
    Pdu { interface: Interface::Hi2, kind: Kind::Iri, time: Time::MIN, octets: content.into(), checked: None }
}

async fn read_exactly(stream: &mut DuplexStream, octets: usize) -> Vec<u8> {
    let mut read = vec![0; octets];
    stream.read_exact(&mut read).await.unwrap();
    read
}

/// Reads one PDU as the LEMF does.
async fn read_pdu(stream: &mut DuplexStream) -> writ_etsi::PsPdu {
    let mut octets = Vec::new();
    loop {
        octets.push(stream.read_u8().await.unwrap());
        if let Some(length) = pdu_length(&octets).unwrap() {
            octets.extend(read_exactly(stream, length - octets.len()).await);
            return decode(&octets).unwrap();
        }
    }
}

fn response(keep_alive: &writ_etsi::PsPdu) -> Vec<u8> {
    let mut pdu = keep_alive.clone();
    pdu.payload = Payload::TriPayload(TriPayload::KeepAliveResponse);
    writ_etsi::encode(&pdu).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_pdu_that_was_sent_in_part_is_sent_again_from_its_start() {
    let resources = resources(KeepAliveSettings::default());
    resources.buffer.push([pdu(1, 100), pdu(2, 100), pdu(3, 100)]);
    let (_finish, mut finish) = watch::channel(None);
    // The stream takes 150 octets: the first PDU and half of the second. Then it ends.
    let (near, mut far) = duplex(150);
    let serving = serve(near, &All, &resources, &mut finish);
    // Closed in order, and not read: were it dropped, it would be by chance whether reading or writing saw it first.
    let closing = async {
        sleep(Duration::from_millis(20)).await;
        far.shutdown().await.unwrap();
        far
    };
    let (served, _far) = tokio::join!(serving, closing);
    assert!(matches!(served.ended, Ended::Closed), "{served:?}");
    assert_eq!(resources.buffer.held(), (2, 200));
    assert_eq!((resources.counters.snapshot().pdus_sent, resources.counters.snapshot().octets_sent), (1, 150));

    let (near, mut far) = duplex(1000);
    let serving = serve(near, &All, &resources, &mut finish);
    let reading = async {
        let octets = read_exactly(&mut far, 200).await;
        drop(far);
        octets
    };
    let (_, octets) = tokio::join!(serving, reading);
    assert_eq!(octets, [pdu(2, 100).octets, pdu(3, 100).octets].concat());
    assert_eq!(resources.buffer.held(), (0, 0));
}

#[tokio::test]
async fn what_was_written_and_not_acknowledged_is_sent_again() {
    let resources = resources(KeepAliveSettings::default());
    resources.buffer.push([pdu(1, 100), pdu(2, 100), pdu(3, 100)]);
    let (_finish, mut finish) = watch::channel(None);
    // The kernel takes everything; of that the LEMF acknowledges the first PDU and half of the second.
    let acknowledged = UpTo(150.into());
    let (near, mut far) = duplex(1000);
    let breaking = async {
        read_exactly(&mut far, 300).await;
        sleep(3 * ASK).await;
        assert_eq!(resources.buffer.held(), (2, 200), "what was acknowledged is let go meanwhile");
        drop(far);
    };
    let (served, ()) = tokio::join!(serve(near, &acknowledged, &resources, &mut finish), breaking);
    assert!(matches!(served.ended, Ended::Closed), "{served:?}");
    assert_eq!(resources.counters.snapshot().pdus_sent, 1);

    let (near, mut far) = duplex(1000);
    let reading = async {
        let octets = read_exactly(&mut far, 200).await;
        drop(far);
        octets
    };
    let (_, octets) = tokio::join!(serve(near, &All, &resources, &mut finish), reading);
    assert_eq!(octets, [pdu(2, 100).octets, pdu(3, 100).octets].concat());
    assert_eq!((resources.buffer.held(), resources.counters.snapshot().pdus_sent), ((0, 0), 3));
}

#[tokio::test(start_paused = true)]
async fn it_finishes_when_all_is_acknowledged_and_no_sooner() {
    let resources = resources(KeepAliveSettings::default());
    resources.buffer.push([pdu(1, 100), pdu(2, 100)]);
    let (_finish, mut finish) = watch::channel(Some(Instant::now()));
    let acknowledged = UpTo(199.into());
    let (near, mut far) = duplex(1000);
    let start = Instant::now();
    let reading = async {
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        drop(far);
        sleep(5 * PARTING).await;
        assert_eq!(resources.buffer.held(), (1, 100));
        acknowledged.0.set(200);
        all
    };
    let (served, all) = tokio::join!(serve(near, &acknowledged, &resources, &mut finish), reading);
    assert!(matches!(served.ended, Ended::Finished), "{served:?}");
    assert_eq!((all.len(), resources.buffer.held()), (200, (0, 0)));
    assert!(start.elapsed() >= 5 * PARTING && start.elapsed() < 6 * PARTING);
}

#[tokio::test(start_paused = true)]
async fn an_answered_keep_alive_confirms_what_went_before_it() {
    let resources = resources(TIMES);
    resources.buffer.push([pdu(1, 100)]);
    let (_finish, mut finish) = watch::channel(None);
    let (near, mut far) = duplex(1000);
    let lemf = async {
        read_exactly(&mut far, 100).await;
        let keep_alive = read_pdu(&mut far).await;
        resources.buffer.push([pdu(2, 100)]);
        read_exactly(&mut far, 100).await;
        far.write_all(&response(&keep_alive)).await.unwrap();
        // It says no more, and the connection is given up.
        sleep(10 * TIMES.time3).await;
    };
    let (served, ()) = tokio::join!(serve(near, &All, &resources, &mut finish), lemf);
    assert!(matches!(served.ended, Ended::Unanswered), "{served:?}");
    assert_eq!(resources.buffer.from(0, 9, 1000).len(), 1);
    assert_eq!((resources.buffer.next(), resources.counters.snapshot().pdus_returned), (1, 1));
}

#[tokio::test]
async fn everything_goes_before_it_finishes_and_the_lemf_reads_the_end() {
    let resources = resources(KeepAliveSettings::default());
    resources.buffer.push((0..200).map(|mark| pdu(mark, 90)));
    let (finish, finishing) = watch::channel(None);
    let (near, mut far) = duplex(64);
    finish.send_replace(Some(Instant::now()));
    let mut finishing = finishing;
    let reading = async {
        let mut all = Vec::new();
        far.read_to_end(&mut all).await.unwrap();
        drop(far);
        all
    };
    let (served, all) = tokio::join!(serve(near, &All, &resources, &mut finishing), reading);
    assert!(matches!(served.ended, Ended::Finished), "{served:?}");
    assert_eq!(all.len(), 200 * 90);
    assert!(all.chunks(90).enumerate().all(|(at, octets)| octets[89] == at as u8));
}

#[tokio::test]
async fn what_comes_later_goes_at_once() {
    let resources = resources(KeepAliveSettings::default());
    let (_finish, mut finishing) = watch::channel(None);
    let (near, mut far) = duplex(1000);
    let coming = async {
        for mark in 0..3 {
            sleep(Duration::from_millis(5)).await;
            resources.buffer.push([pdu(mark, 50)]);
            assert_eq!(read_exactly(&mut far, 50).await, pdu(mark, 50).octets);
        }
        drop(far);
    };
    tokio::join!(serve(near, &All, &resources, &mut finishing), coming);
    assert_eq!(resources.latency.snapshot().count(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_kept_alive() {
    let resources = resources(TIMES);
    let (_finish, mut finishing) = watch::channel(None);
    let (near, mut far) = duplex(1000);
    let start = Instant::now();
    let answering = async {
        for number in 0..5 {
            let pdu = read_pdu(&mut far).await;
            assert!(matches!(pdu.payload, Payload::TriPayload(TriPayload::KeepAlive)));
            assert_eq!(pdu.ps_header.sequence_number, number);
            assert_eq!(pdu.ps_header.communication_identifier.communication_identity_number, None);
            far.write_all(&response(&pdu)).await.unwrap();
        }
        drop(far);
        start.elapsed()
    };
    let (served, elapsed) = tokio::join!(serve(near, &All, &resources, &mut finishing), answering);
    assert!(matches!(served.ended, Ended::Closed), "{served:?}");
    assert!(elapsed >= 5 * TIMES.time1 && elapsed < 6 * TIMES.time1, "{elapsed:?}");
    let counts = resources.counters.snapshot();
    assert_eq!((counts.keep_alives_sent, counts.keep_alives_answered), (5, 5));
    assert_eq!((counts.keep_alives_late, counts.pdus_sent, counts.iri + counts.cc + counts.tri), (0, 0, 0));
}

#[tokio::test(start_paused = true)]
async fn without_a_response_it_is_given_up_after_time3() {
    let resources = resources(TIMES);
    let (_finish, mut finishing) = watch::channel(None);
    let (near, _far) = duplex(1000);
    let start = Instant::now();
    let served = serve(near, &All, &resources, &mut finishing).await;
    assert!(matches!(served.ended, Ended::Unanswered), "{served:?}");
    let expected = TIMES.time1 + TIMES.time3;
    assert!(start.elapsed() >= expected && start.elapsed() < expected + Duration::from_millis(20));
    assert_eq!(resources.counters.snapshot().keep_alives_late, 1);
}

#[tokio::test(start_paused = true)]
async fn an_lemf_that_reads_nothing_is_given_up_and_keeps_its_place() {
    let resources = resources(TIMES);
    resources.buffer.push([pdu(1, 100), pdu(2, 100)]);
    let (_finish, mut finishing) = watch::channel(None);
    let (near, _far) = duplex(50);
    let served = serve(near, &All, &resources, &mut finishing).await;
    assert!(matches!(served.ended, Ended::Stalled), "{served:?}");
    assert_eq!(resources.buffer.held(), (2, 200));
    assert_eq!(resources.counters.snapshot().keep_alives_sent, 0, "a connection with PDUs to write is not idle");
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_waited_for_as_long_as_it_reads() {
    let resources = resources(TIMES);
    resources.buffer.push((0..10).map(|mark| pdu(mark, 100)));
    let (_finish, mut finishing) = watch::channel(None);
    let (near, mut far) = duplex(10);
    let reading = async {
        let mut all = Vec::new();
        for _ in 0..100 {
            sleep(TIMES.time1).await;
            all.extend(read_exactly(&mut far, 10).await);
        }
        drop(far);
        all
    };
    let (_, all) = tokio::join!(serve(near, &All, &resources, &mut finishing), reading);
    assert!(all.chunks(100).enumerate().all(|(at, octets)| octets[99] == at as u8));
    assert_eq!(resources.counters.snapshot().pdus_sent, 10);
}

#[tokio::test]
async fn a_keep_alive_never_comes_between_the_parts_of_a_pdu() {
    let resources = resources(TIMES);
    let (_finish, mut finishing) = watch::channel(None);
    let (near, mut far) = duplex(16);
    let lemf = async {
        // The first keep-alive begins and does not fit. A PDU comes meanwhile.
        sleep(TIMES.time1 + Duration::from_millis(20)).await;
        resources.buffer.push([pdu(9, 100)]);
        let keep_alive = read_pdu(&mut far).await;
        assert!(matches!(keep_alive.payload, Payload::TriPayload(TriPayload::KeepAlive)));
        assert_eq!(read_exactly(&mut far, 100).await, pdu(9, 100).octets);
        far.write_all(&response(&keep_alive)).await.unwrap();
        drop(far);
    };
    tokio::join!(serve(near, &All, &resources, &mut finishing), lemf);
    assert_eq!(resources.counters.snapshot().keep_alives_answered, 1);
}

#[tokio::test]
async fn a_hostile_lemf_ends_its_own_connection_and_nothing_else() {
    let garbage: [&[u8]; 4] = [
        b"HTTP/1.1 400 Bad Request\r\n",
        &[0x30, 0x84, 0x7f, 0xff, 0xff, 0xff],
        &[0xff; 64],
        &[0x30, 0x00].repeat(200),
    ];
    for octets in garbage {
        let resources = resources(KeepAliveSettings::default());
        let (_finish, mut finishing) = watch::channel(None);
        let (near, mut far) = duplex(1 << 16);
        far.write_all(octets).await.unwrap();
        let served = serve(near, &All, &resources, &mut finishing).await;
        assert!(matches!(served.ended, Ended::NoProtocol), "{served:?}");
        drop(far);
    }
}
