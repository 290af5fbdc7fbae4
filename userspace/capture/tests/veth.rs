//! The whole of the live path: packets on a veth pair, the XDP program at its end, AF_XDP sockets behind it.
//!
//! Every test makes two network namespaces of its own, and says that it was skipped where it may not.

#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test may panic")]

mod netns;
mod packets;

use std::collections::BTreeMap;
use std::time::SystemTime;

use netns::{Pair, TAP};
use packets::Case;
use writ_capture::afxdp::{
    AfxdpError, AttachMode, BindMode, Condition, Interface, Obtained, OtherTraffic, QueueSource, Queues, Settings,
    Verdict,
};
use writ_capture::{Batch, CaptureError, Source, link};
use writ_filter::Class;

/// Ends the test, visibly, where it cannot run.
macro_rules! skip_if_impossible {
    () => {
        if let Some(obstacle) = netns::obstacle() {
            println!("SKIPPED: {obstacle}");
            return;
        }
    };
}

fn settings() -> Settings {
    Settings { poll_timeout_ms: 50, frame_count: 1024, rx_ring: 1024, ..Settings::new(TAP) }
}

fn open(pair: &Pair, settings: &Settings) -> Result<(Interface, Vec<QueueSource>), AfxdpError> {
    pair.at_tap(|| Interface::open(settings))
}

/// What `Interface::open` refuses with.
fn refusal(pair: &Pair, settings: &Settings) -> String {
    match open(pair, settings) {
        Ok(_) => panic!("opened"),
        Err(error) => error.to_string(),
    }
}

/// Everything that waits in a source, in its order.
fn receive(source: &mut QueueSource) -> Vec<Vec<u8>> {
    let begin = SystemTime::now();
    let mut frames = Vec::new();
    loop {
        let before = frames.len();
        let batch = source.next_batch(&mut |frame| {
            assert_eq!(frame.link, link::ETHERNET);
            assert_eq!(frame.wire_len as usize, frame.octets.len());
            let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_nanos(frame.time_nanos);
            assert!(begin <= time && time <= SystemTime::now());
            frames.push(frame.octets.to_vec());
        });
        match batch.unwrap() {
            Batch::Frames(count) => assert_eq!(count, frames.len() - before),
            Batch::Idle => return frames,
            Batch::End => panic!("an interface has no end"),
        }
    }
}

/// Packets and octets of each verdict on one queue.
fn verdicts(interface: &Interface, queue: u32) -> BTreeMap<&'static str, (u64, u64)> {
    let counts = interface.verdicts().unwrap();
    assert!(counts.iter().all(|count| count.queue.is_some() || count.packets == 0));
    let counts = counts.into_iter().filter(|count| count.queue == Some(queue));
    counts.map(|count| (count.verdict.name(), (count.packets, count.octets))).collect()
}

/// Sends from one thread on each of the first two processors; each sends all of `frames`.
fn send_from_two_processors(pair: &Pair, frames: &[Vec<u8>]) -> usize {
    let processors = std::thread::available_parallelism().unwrap().get().min(2);
    let sockets: Vec<_> = (0..processors).map(|_| pair.sending_socket()).collect();
    std::thread::scope(|scope| {
        for (processor, socket) in sockets.iter().enumerate() {
            scope.spawn(move || {
                netns::pin_to(processor);
                frames.iter().for_each(|frame| socket.send(frame));
            });
        }
    });
    processors
}

fn mail_frames(count: usize) -> Vec<Vec<u8>> {
    let frame = |at: usize| {
        let segment = packets::tcp(40_000, 25, format!("NOOP {at}\r\n").as_bytes());
        packets::ethernet(&[], packets::ETHER_IPV4, &packets::ipv4(packets::TCP, &[], 0, &segment))
    };
    (0..count).map(frame).collect()
}

/// Sends every case from two processors, and checks what arrives where, and every counter.
fn check_every_case(other_traffic: OtherTraffic) {
    let pair = Pair::new(2);
    let before = pair.description();
    let (interface, mut sources) = open(&pair, &Settings { other_traffic, ..settings() }).unwrap();
    assert_eq!(interface.queues(), 2);
    assert_eq!(interface.native_refusal(), None);
    assert_eq!(sources.iter().map(QueueSource::queue).collect::<Vec<_>>(), [0, 1]);
    for source in &sources {
        // A veth runs XDP itself, and has no way around the copy.
        assert_eq!(source.obtained(), Obtained { attach: AttachMode::Native, bind: BindMode::Copy });
    }
    assert!(pair.description().contains("promiscuity 1"), "{}", pair.description());
    let stack = pair.stack_socket();

    let cases = packets::cases();
    let frames: Vec<_> = cases.iter().map(|case| case.frame.clone()).collect();
    let senders = send_from_two_processors(&pair, &frames);

    let expected: Vec<&Vec<u8>> = cases.iter().filter(|case| is_for_writ(case)).map(|case| &case.frame).collect();
    let mut sum = 0;
    for source in sources.iter_mut().take(senders) {
        let received = receive(source);
        assert!(received.iter().eq(expected.iter().copied()), "queue {}: {} frames", source.queue(), received.len());

        let counts = source.counters().read();
        assert_eq!(counts.frames, received.len() as u64);
        assert_eq!(counts.octets, received.iter().map(|frame| frame.len() as u64).sum::<u64>());
        assert_eq!((counts.too_long, counts.no_frame, counts.rx_ring_full, counts.rx_invalid_descs), (0, 0, 0, 0));

        let verdicts = verdicts(&interface, source.queue());
        for verdict in Verdict::ALL {
            let of_it = cases.iter().filter(|case| verdict_of(case, other_traffic) == verdict);
            let expected =
                of_it.fold((0, 0), |(packets, octets), case| (packets + 1, octets + case.frame.len() as u64));
            assert_eq!(verdicts[verdict.name()], expected, "queue {}: {verdict:?}", source.queue());
        }
        sum += verdicts.values().map(|(packets, _)| packets).sum::<u64>();
    }
    assert_eq!(sum, (cases.len() * senders) as u64);

    let others = cases.iter().filter(|case| !is_for_writ(case)).count() * senders;
    let expected_at_stack = if other_traffic == OtherTraffic::Pass { others } else { 0 };
    assert_eq!(stack.drain(), expected_at_stack);

    // All is as it was, and can be opened again at once.
    drop((interface, sources));
    assert_eq!(pair.description(), before);
    let (_interface, mut sources) = open(&pair, &settings()).unwrap();
    let senders = send_from_two_processors(&pair, &mail_frames(3));
    for source in sources.iter_mut().take(senders) {
        assert_eq!(receive(source), mail_frames(3));
    }
}

fn is_for_writ(case: &Case) -> bool {
    matches!(case.class, Class::Mail | Class::Fragment)
}

fn verdict_of(case: &Case, other_traffic: OtherTraffic) -> Verdict {
    match (case.class, other_traffic) {
        (Class::Mail, _) => Verdict::MailRedirected,
        (Class::Fragment, _) => Verdict::FragmentRedirected,
        (Class::Malformed, _) => Verdict::Malformed,
        (Class::TooDeep, _) => Verdict::TooDeep,
        (Class::Other, OtherTraffic::Pass) => Verdict::OtherPassed,
        (Class::Other, OtherTraffic::Drop) => Verdict::OtherDropped,
    }
}

#[test]
fn mail_goes_up_and_the_rest_passes() {
    skip_if_impossible!();
    check_every_case(OtherTraffic::Pass);
}

#[test]
fn mail_goes_up_and_the_rest_is_dropped() {
    skip_if_impossible!();
    check_every_case(OtherTraffic::Drop);
}

#[test]
fn a_source_can_be_moved_to_its_worker() {
    skip_if_impossible!();
    let pair = Pair::new(1);
    let (_interface, sources) = open(&pair, &settings()).unwrap();
    let frames = mail_frames(5_000);
    let received = std::thread::scope(|scope| {
        let mut source = sources.into_iter().next().unwrap();
        let total = frames.len();
        let worker = scope.spawn(move || {
            let mut received = Vec::new();
            while received.len() < total {
                source.next_batch(&mut |frame| received.push(frame.octets.to_vec())).unwrap();
                let lost = source.counters().read();
                assert_eq!((lost.no_frame, lost.rx_ring_full), (0, 0));
            }
            received
        });
        let socket = pair.sending_socket();
        for burst in frames.chunks(64) {
            burst.iter().for_each(|frame| socket.send(frame));
            std::thread::sleep(std::time::Duration::from_micros(500));
        }
        worker.join().unwrap()
    });
    assert_eq!(received, frames);
}

#[test]
fn every_lost_packet_is_counted() {
    skip_if_impossible!();
    let pair = Pair::new(1);
    let (interface, mut sources) = open(&pair, &Settings { frame_count: 128, rx_ring: 64, ..settings() }).unwrap();
    let socket = pair.sending_socket();
    let frames = mail_frames(1_000);
    frames.iter().for_each(|frame| socket.send(frame));
    // What fits into the ring is there, the oldest; the kernel counted the rest.
    let received = receive(&mut sources[0]);
    assert_eq!(received, frames[..64]);
    let counts = sources[0].counters().read();
    assert_eq!(counts.frames, 64);
    assert_eq!((counts.rx_ring_full, counts.no_frame, counts.too_long), (936, 0, 0));
    assert_eq!(verdicts(&interface, 0)["mail_redirected"].0, 1_000);
    // The queue goes on as if nothing had been.
    mail_frames(10).iter().for_each(|frame| socket.send(frame));
    assert_eq!(receive(&mut sources[0]), mail_frames(10));
}

#[test]
fn a_queue_without_socket_is_counted_as_such() {
    skip_if_impossible!();
    let pair = Pair::new(2);
    let stack = pair.stack_socket();
    let (interface, mut sources) = open(&pair, &Settings { queues: Queues::Listed(vec![0]), ..settings() }).unwrap();
    assert_eq!(sources.len(), 1);
    let senders = send_from_two_processors(&pair, &mail_frames(7));
    assert_eq!(receive(&mut sources[0]), mail_frames(7));
    assert_eq!(verdicts(&interface, 0)["mail_redirected"].0, 7);
    if senders == 2 {
        assert_eq!(verdicts(&interface, 1)["no_socket"].0, 7);
        assert_eq!(stack.drain(), 7);
    }
}

#[test]
fn generic_mode_is_taken_and_told_where_native_is_refused() {
    skip_if_impossible!();
    let pair = Pair::new(1);
    // The driver of veth refuses XDP where its peer may send more than a page, and this end says that it takes no more than one.
    pair.ip_at_sender(&format!("link set {} mtu 9000", netns::SENDER));
    let (interface, mut sources) = open(&pair, &settings()).unwrap();
    assert_eq!(interface.attach_mode(), AttachMode::Generic);
    assert!(interface.native_refusal().is_some());
    assert_eq!(sources[0].obtained(), Obtained { attach: AttachMode::Generic, bind: BindMode::Copy });

    let socket = pair.sending_socket();
    mail_frames(20).iter().for_each(|frame| socket.send(frame));
    assert_eq!(receive(&mut sources[0]), mail_frames(20));
    assert_eq!(verdicts(&interface, 0)["mail_redirected"].0, 20);
}

#[test]
fn a_vanished_interface_is_one_error() {
    skip_if_impossible!();
    let pair = Pair::new(1);
    let (_interface, mut sources) = open(&pair, &settings()).unwrap();
    assert_eq!(receive(&mut sources[0]).len(), 0);
    pair.ip_at_tap(&format!("link del {TAP}"));
    // The kernel takes a device down in the background.
    let mut batches = (0..100).map(|_| sources[0].next_batch(&mut |_| panic!("a frame")));
    let error = batches.find_map(Result::err).expect("an error within 5 seconds");
    assert!(matches!(error, CaptureError::Afxdp(AfxdpError::Gone { .. })), "{error:?}");
    assert!(matches!(sources[0].next_batch(&mut |_| panic!("a frame")), Ok(Batch::End)));
}

#[test]
fn refusals_say_what_is_wrong() {
    skip_if_impossible!();
    let pair = Pair::new(2);
    assert_eq!(refusal(&pair, &Settings::new("eth9")), "interface eth9 does not exist");
    let queue_9 = Settings { queues: Queues::Listed(vec![0, 9]), ..settings() };
    assert_eq!(refusal(&pair, &queue_9), "interface tap0 has 2 receive queues: there is no queue 9");

    // The loopback by another name.
    pair.ip_at_tap("link set lo name here up");
    let refused = refusal(&pair, &Settings::new("here"));
    assert_eq!(refused, "interface here is a loopback: expected one that carries a copy of the traffic");

    let unprivileged = pair.at_tap(|| netns::without_capabilities(|| Interface::open(&settings()).map(|_| ())));
    let error = unprivileged.unwrap_err().to_string();
    assert!(error.starts_with("interface tap0: cannot "), "{error}");
    assert!(error.contains("needs CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON and CAP_IPC_LOCK"), "{error}");
    let quiet = Settings { promiscuous: false, ..settings() };
    let unprivileged = pair.at_tap(|| netns::without_capabilities(|| Interface::open(&quiet).map(|_| ())));
    let error = unprivileged.unwrap_err().to_string();
    assert!(error.contains("needs CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON and CAP_IPC_LOCK"), "{error}");

    let first = open(&pair, &settings()).unwrap();
    assert_eq!(refusal(&pair, &settings()), "interface tap0 has another XDP program attached");
    drop(first);
    pair.ip_at_tap(&format!("link set {TAP} down"));
    assert_eq!(refusal(&pair, &settings()), "interface tap0 is down: ip link set tap0 up");
}

#[test]
fn whether_packets_can_come_in_is_told_and_they_do_again() {
    skip_if_impossible!();
    let pair = Pair::new(1);
    let (interface, mut sources) = open(&pair, &settings()).unwrap();
    let condition = || pair.at_tap(|| interface.condition().unwrap());
    assert_eq!(condition(), Condition::Up);
    pair.ip_at_tap(&format!("link set {TAP} down"));
    assert_eq!(condition(), Condition::Down);
    pair.ip_at_tap(&format!("link set {TAP} up"));
    assert_eq!(condition(), Condition::Up);
    pair.ip_at_sender("link set wire0 down");
    assert_eq!(condition(), Condition::NoCarrier);
    pair.ip_at_sender("link set wire0 up");
    assert_eq!(condition(), Condition::Up);
    let socket = pair.sending_socket();
    mail_frames(10).iter().for_each(|frame| socket.send(frame));
    assert_eq!(receive(&mut sources[0]).len(), 10);
    pair.ip_at_tap(&format!("link del {TAP}"));
    assert_eq!(condition(), Condition::Gone);
}

#[test]
fn busy_polling_can_be_asked_for() {
    skip_if_impossible!();
    let pair = Pair::new(1);
    let busy_poll = Some(writ_capture::afxdp::BusyPoll { micros: 20, budget: 64 });
    let (_interface, mut sources) = open(&pair, &Settings { busy_poll, ..settings() }).unwrap();
    let socket = pair.sending_socket();
    mail_frames(100).iter().for_each(|frame| socket.send(frame));
    assert_eq!(receive(&mut sources[0]), mail_frames(100));
}

#[test]
fn packets_longer_than_a_frame_come_whole() {
    skip_if_impossible!();
    let pair = Pair::new(1);
    pair.ip_at_sender(&format!("link set {} mtu 9000", netns::SENDER));
    pair.ip_at_tap(&format!("link set {TAP} mtu 9000"));
    let (interface, mut sources) = open(&pair, &settings()).unwrap();
    let frame = |octets: usize, port| {
        let payload: Vec<u8> = (0..octets).map(|at| at as u8).collect();
        let packet = packets::ipv4(packets::TCP, &[], 0, &packets::tcp(40_000, port, &payload));
        packets::ethernet(&[], packets::ETHER_IPV4, &packet)
    };
    // One frame, two, three; neighbours of the limits, and short ones between.
    let lengths = [10, 8_900, 3_000, 3_785, 3_786, 3_787, 8_946, 0, 7_000];
    let sent: Vec<_> = lengths.iter().map(|octets| frame(*octets, 25)).collect();
    let socket = pair.sending_socket();
    for frame in &sent {
        socket.send(frame);
    }
    socket.send(&frame(8_000, 443));
    assert!(receive(&mut sources[0]) == sent);
    let octets: u64 = sent.iter().map(|frame| frame.len() as u64).sum();
    let counts = sources[0].counters().read();
    assert_eq!((counts.frames, counts.octets, counts.too_long + counts.no_frame), (sent.len() as u64, octets, 0));
    let verdicts = verdicts(&interface, 0);
    assert_eq!(verdicts["mail_redirected"], (sent.len() as u64, octets));
    assert_eq!(verdicts["other_passed"], (1, 8_000 + 54));
}

/// Both directions of each connection on either queue: each frame is steered by its client's port, so that half of them are lent.
#[test]
fn what_is_lent_to_another_queue_is_read_there_whole_and_comes_back() {
    skip_if_impossible!();
    let pair = Pair::new(2);
    let few = Settings { frame_count: 256, rx_ring: 128, ..settings() };
    let (_interface, mut sources) = open(&pair, &few).unwrap();
    QueueSource::join(&mut sources).unwrap();
    let frame = |at: usize| {
        let (client, payload) = (40_000 + (at % 7) as u16, format!("NOOP {at} {}\r\n", "x".repeat(at % 1_000)));
        let (from, to) = if at.is_multiple_of(2) { (client, 25) } else { (25, client) };
        packets::ethernet(
            &[],
            packets::ETHER_IPV4,
            &packets::ipv4(packets::TCP, &[], 0, &packets::tcp(from, to, payload.as_bytes())),
        )
    };
    let sent: Vec<_> = (0..20_000).map(frame).collect();
    // The ports stand behind 14 octets of Ethernet and 20 of IP.
    let worker_of = |octets: &[u8]| {
        let port = |at: usize| u16::from_be_bytes([octets[at], octets[at + 1]]);
        usize::from(port(34).max(port(36))) % 2
    };
    let processors = std::thread::available_parallelism().unwrap().get().min(2);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let (read, counts): (Vec<_>, Vec<_>) = std::thread::scope(|scope| {
        let workers: Vec<_> = sources
            .into_iter()
            .enumerate()
            .map(|(own, mut source)| {
                let is_over = &is_over;
                scope.spawn(move || {
                    let mut read: Vec<Vec<u8>> = Vec::new();
                    let mut idle = false;
                    while !idle || !is_over.load(std::sync::atomic::Ordering::Acquire) {
                        let batch = source.next_batch_steered(
                            &mut |frame| Some(worker_of(frame.octets)).filter(|worker| *worker != own),
                            &mut |frame| {
                                assert_eq!(worker_of(frame.octets), own);
                                read.push(frame.octets.to_vec());
                            },
                        );
                        idle = batch.unwrap() == Batch::Idle;
                        source.read_lent(&mut |frame| {
                            assert_eq!(worker_of(frame.octets), own);
                            read.push(frame.octets.to_vec());
                        });
                    }
                    source.leave();
                    while !source.is_left_alone() {
                        source.read_lent(&mut |frame| read.push(frame.octets.to_vec()));
                        std::thread::yield_now();
                    }
                    (read, (source.counters().read(), source.lent()))
                })
            })
            .collect();
        send_from_two_processors(&pair, &sent);
        std::thread::sleep(std::time::Duration::from_millis(300));
        is_over.store(true, std::sync::atomic::Ordering::Release);
        workers.into_iter().map(|worker| worker.join().unwrap()).unzip()
    });
    let total = (sent.len() * processors) as u64;
    let taken: u64 = counts.iter().map(|(queue, _)| queue.frames).sum();
    let lost: u64 = counts.iter().map(|(queue, _)| queue.rx_ring_full + queue.no_frame + queue.too_long).sum();
    let refused: u64 = counts.iter().map(|(_, lent)| lent.refused).sum();
    let lent: u64 = counts.iter().map(|(_, lent)| lent.frames).sum();
    assert_eq!(taken + lost, total);
    assert_eq!(read.iter().map(Vec::len).sum::<usize>() as u64 + refused, taken);
    assert!(lent > 256, "{lent} were lent: more than there are frames, so that they came back");
    // Nothing was written to while it was read: each is one of those that were sent, and none came more often than it was sent.
    let mut left: BTreeMap<&[u8], usize> = sent.iter().map(|frame| (&frame[..], processors)).collect();
    for frame in read.iter().flatten() {
        let left = left.get_mut(&frame[..]).expect("it was sent");
        *left = left.checked_sub(1).expect("it was not read before");
    }
}

#[test]
fn a_packet_that_is_too_long_is_told_from_one_without_a_frame() {
    skip_if_impossible!();
    let pair = Pair::new(1);
    let short = Settings { frame_size: 2048, frame_count: 64, rx_ring: 64, ..settings() };
    let (_interface, mut sources) = open(&pair, &short).unwrap();
    // It was opened for packets of 1500 octets.
    pair.ip_at_sender(&format!("link set {} mtu 3000", netns::SENDER));
    pair.ip_at_tap(&format!("link set {TAP} mtu 3000"));
    let socket = pair.sending_socket();
    let long = packets::ethernet(
        &[],
        packets::ETHER_IPV4,
        &packets::ipv4(packets::TCP, &[], 0, &packets::tcp(40_000, 25, &[7; 2_500])),
    );
    (0..5).for_each(|_| socket.send(&long));
    mail_frames(100).iter().for_each(|frame| socket.send(frame));
    assert_eq!(receive(&mut sources[0]), mail_frames(100)[..64]);
    let counts = sources[0].counters().read();
    assert_eq!((counts.too_long, counts.no_frame, counts.rx_ring_full), (5, 36, 0));
}

#[test]
fn frames_are_in_huge_pages_where_these_are_asked_for_and_there() {
    skip_if_impossible!();
    let pair = Pair::new(1);
    let huge = Settings { huge_pages: true, ..settings() };
    let read = |file: &str| -> u64 {
        let text = std::fs::read_to_string(format!("/sys/kernel/mm/hugepages/hugepages-2048kB/{file}"));
        text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    };
    if read("free_hugepages") == 0 {
        let refused = refusal(&pair, &huge);
        assert_eq!(
            refused,
            "no 4194304 octets of huge pages for a queue: 2 of 2 MiB are needed (sysctl vm.nr_hugepages)"
        );
    }
    /// As many are reserved in the end as before.
    struct Reserved(u64);
    impl Reserved {
        fn set(pages: u64) -> bool {
            std::fs::write("/proc/sys/vm/nr_hugepages", pages.to_string()).is_ok()
        }
    }
    impl Drop for Reserved {
        fn drop(&mut self) {
            Self::set(self.0);
        }
    }
    let reserved = Reserved(read("nr_hugepages"));
    if !Reserved::set(reserved.0 + 2) || read("free_hugepages") < 2 {
        return println!("SKIPPED: no huge pages can be reserved");
    }
    let free = read("free_hugepages");
    let (_interface, mut sources) = open(&pair, &huge).unwrap();
    assert_eq!(free - read("free_hugepages"), 2);
    let socket = pair.sending_socket();
    mail_frames(100).iter().for_each(|frame| socket.send(frame));
    assert_eq!(receive(&mut sources[0]), mail_frames(100));
}
