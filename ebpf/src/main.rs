//! The XDP program of a capture interface: hands mail to the AF_XDP socket of the receiving queue.
//!
//! # Decision table
//!
//! | packet | socket on its queue | verdict, counter | what is returned |
//! | --- | --- | --- | --- |
//! | TCP, a mail port at either end, of a connection that was let go | - | `let_go` | as the setting says |
//! | its FIN, RST or SYN, and what comes after that; any other | yes | `mail_redirected` | `XDP_REDIRECT` |
//! | fragment of TCP or of a tunnel, first or later, whatever its ports | yes | `fragment_redirected` | `XDP_REDIRECT` |
//! | either of these | no | `no_socket` | as the setting says |
//! | ends within a header, or a header of impossible length | - | `malformed` | as the setting says |
//! | more headers than are walked | - | `too_deep` | as the setting says |
//! | anything else: ARP, UDP, TCP on other ports | - | `other_passed` | `XDP_PASS`, where the setting is pass |
//! | the same | - | `other_dropped` | `XDP_DROP`, where the setting is drop |
//!
//! Tunnels are walked through to the innermost IP packet, which decides: `writ-filter` names them.
//!
//! A connection is let go, into a map of such, when it is encrypted and no warrant wants its packets. They are counted in the map,
//! too; who let it go takes it out again, with these totals, when its end goes up.
//!
//! Every packet is counted once, with its octets, under the queue that received it. A socket whose rings are full loses
//! packets after that count: the kernel keeps those numbers (`XDP_STATISTICS`), and the socket's owner reads them there.
//! The program never returns `XDP_TX`: nothing is sent on a capture interface.

#![no_std]
#![no_main]

use aya_ebpf::bindings::xdp_action::{XDP_DROP, XDP_PASS, XDP_REDIRECT};
use aya_ebpf::helpers::{bpf_ktime_get_coarse_ns, bpf_xdp_get_buff_len};
use aya_ebpf::macros::{map, xdp};
use aya_ebpf::maps::{Array, LruHashMap, PerCpuArray, XskMap};
use aya_ebpf::programs::XdpContext;
use writ_filter::flow::{Fate, FlowKey, LetGo, MOST_LET_GO, place, segment_of};
use writ_filter::ports::PortSet;
use writ_filter::verdict::{COUNTERS as COUNTER_ENTRIES, Count, OtherTraffic, Verdict, counter_index};
use writ_filter::{Class, FARTHEST, MOST_QUEUES, Mail, Packet, looked_at, setting};

#[map]
static SOCKETS: XskMap = XskMap::with_max_entries(MOST_QUEUES, 0);

#[map]
static PORTS: Array<PortSet> = Array::with_max_entries(1, 0);

#[map]
static SETTINGS: Array<u32> = Array::with_max_entries(setting::COUNT, 0);

#[map]
static COUNTERS: PerCpuArray<Count> = PerCpuArray::with_max_entries(COUNTER_ENTRIES, 0);

#[map]
static LET_GO: LruHashMap<FlowKey, LetGo> = LruHashMap::with_max_entries(MOST_LET_GO, 0);

/// The octets between two addresses, read only after a comparison that the verifier follows.
struct Received {
    begin: usize,
    end: usize,
    /// Zero, which the verifier does not know.
    zero: u32,
}

impl Packet for Received {
    #[inline(always)]
    fn octets<const N: usize>(&self, at: usize) -> Option<[u8; N]> {
        if at > FARTHEST {
            return None;
        }
        let field = self.begin + at;
        if field + N > self.end {
            return None;
        }
        // SAFETY: `begin` and `end` are the context's data and data_end, and the N octets at `field` were just found to
        // lie between them; an array of octets needs no alignment. The verifier refuses the program if this is not so.
        Some(unsafe { *(field as *const [u8; N]) })
    }

    #[inline(always)]
    fn unrelated(&self, header: u16, at: usize) -> (u16, usize) {
        // No place that is read lies beyond FARTHEST, so none further away needs to be told from it.
        let at = if at > FARTHEST { FARTHEST + 1 } else { at };
        (header ^ self.zero as u16, at ^ self.zero as usize)
    }
}

/// Decides for a packet, by the table above.
#[xdp]
fn mail_filter(context: XdpContext) -> u32 {
    decide(&context, context.data_end() - context.data())
}

/// The same for an interface whose packets do not fit into one buffer (Linux 5.18): the headers stand in the first.
#[xdp(frags)]
fn mail_filter_jumbo(context: XdpContext) -> u32 {
    // SAFETY: the kernel passes a valid context, which the helper only reads.
    let octets = unsafe { bpf_xdp_get_buff_len(context.ctx) };
    decide(&context, octets as usize)
}

#[inline(always)]
fn decide(context: &XdpContext, octets: usize) -> u32 {
    // SAFETY: the kernel passes a valid xdp_md, and rx_queue_index is a plain number in it.
    let queue = unsafe { (*context.ctx).rx_queue_index };
    let (Some(ports), Some(zero)) = (PORTS.get(0), SETTINGS.get(setting::ZERO)) else { return XDP_PASS };
    // SAFETY: the map lives as long as the program. Read like this, the compiler does not know the value either.
    let zero = unsafe { core::ptr::from_ref(zero).read_volatile() };
    let packet = Received { begin: context.data(), end: context.data_end(), zero };
    let (class, mail) = looked_at(&packet, ports);
    let (verdict, action) = match class {
        Class::Mail if is_let_go(&packet, mail, octets) => (Verdict::LetGo, other_action()),
        Class::Mail => redirect(queue, Verdict::MailRedirected),
        Class::Fragment => redirect(queue, Verdict::FragmentRedirected),
        Class::Malformed => (Verdict::Malformed, other_action()),
        Class::TooDeep => (Verdict::TooDeep, other_action()),
        Class::Other => match other_action() {
            XDP_DROP => (Verdict::OtherDropped, XDP_DROP),
            action => (Verdict::OtherPassed, action),
        },
    };
    count(queue, verdict, octets);
    action
}

/// Decides nothing: what it costs to run is what the kernel spends on calling any program. It is only ever measured.
#[xdp]
fn nothing(_: XdpContext) -> u32 {
    XDP_DROP
}

/// Whether the packet is of a connection that was let go, and no end of it: then it is counted there.
#[inline(always)]
fn is_let_go(packet: &Received, mail: Mail, octets: usize) -> bool {
    if SETTINGS.get(setting::LETS_GO).is_none_or(|lets_go| *lets_go == 0) {
        return false;
    }
    let Some(segment) = segment_of(packet, mail.ip, mail.tcp) else { return false };
    let Some(entry) = LET_GO.get_ptr_mut(segment.key) else { return false };
    let own = if segment.from_low { 0 } else { place::HIGH };
    let before = read(entry, place::REACHED + own) as u32;
    if read(entry, place::OVER) != 0 {
        return false;
    }
    if segment.fate(before) == Fate::Over {
        write(entry, place::OVER, 1);
        return false;
    }
    write(entry, place::REACHED + own, segment.reached(before).into());
    write(entry, place::PACKETS + own, read(entry, place::PACKETS + own) + 1);
    write(entry, place::OCTETS + own, read(entry, place::OCTETS + own) + octets as u64);
    // SAFETY: the helper takes nothing and reads a clock.
    write(entry, place::LAST_SEEN, unsafe { bpf_ktime_get_coarse_ns() });
    true
}

/// A number of an entry of `LET_GO`.
#[inline(always)]
fn read(entry: *mut LetGo, place: usize) -> u64 {
    // SAFETY: the map gave the pointer, and the entry stays readable for this run of the program, even if somebody takes it out
    // meanwhile; the verifier refuses a place outside it. Another processor may write the number: volatile, it is read once.
    unsafe { entry.cast::<u64>().add(place).read_volatile() }
}

/// Writes one.
#[inline(always)]
fn write(entry: *mut LetGo, place: usize, number: u64) {
    // SAFETY: as above, and the map is writable.
    unsafe { entry.cast::<u64>().add(place).write_volatile(number) }
}

/// Redirects to the socket of `queue`, for `verdict`, if there is one.
#[inline(always)]
fn redirect(queue: u32, verdict: Verdict) -> (Verdict, u32) {
    match SOCKETS.redirect(queue, 0) {
        Ok(_) => (verdict, XDP_REDIRECT),
        Err(_) => (Verdict::NoSocket, other_action()),
    }
}

/// What the setting does with packets that are not for Writ.
#[inline(always)]
fn other_action() -> u32 {
    match SETTINGS.get(setting::OTHER_TRAFFIC) {
        Some(setting) if *setting == OtherTraffic::Drop as u32 => XDP_DROP,
        _ => XDP_PASS,
    }
}

#[inline(always)]
fn count(queue: u32, verdict: Verdict, octets: usize) {
    if let Some(count) = COUNTERS.get_ptr_mut(counter_index(queue, verdict)) {
        // SAFETY: the map gave a pointer to this processor's own entry, and XDP programs do not interrupt one another.
        let [packets, total] = unsafe { &mut *count };
        *packets += 1;
        *total += octets as u64;
    }
}

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // The verifier would refuse a loop without end: that the program loads shows that no panic is reachable.
    loop {}
}

/// The kernel asks for a licence; no helper in use is for GPL programs only.
#[unsafe(link_section = "license")]
#[unsafe(no_mangle)]
static LICENSE: [u8; 4] = *b"MIT\0";
