//! Two network namespaces with a veth pair between them, and raw sockets in them.

#![expect(unsafe_code, reason = "namespaces and packet sockets are system calls")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

/// The end of the pair that sends, in its own namespace.
pub const SENDER: &str = "wire0";
/// The end that is captured, in the other.
pub const TAP: &str = "tap0";

/// Two namespaces, removed on drop with all that is in them.
pub struct Pair {
    sender: String,
    tap: String,
}

/// Why the tests of this file cannot run here, or `None` where they can.
pub fn obstacle() -> Option<&'static str> {
    // SAFETY: takes nothing and cannot fail.
    if unsafe { libc::geteuid() } != 0 {
        return Some("network namespaces and XDP need root");
    }
    if Command::new("ip").arg("-V").output().is_err() {
        return Some("ip (iproute2) is not installed");
    }
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::socket(libc::AF_XDP, libc::SOCK_RAW, 0) };
    if fd < 0 {
        return Some("this kernel has no AF_XDP");
    }
    // SAFETY: the kernel just made it.
    drop(unsafe { OwnedFd::from_raw_fd(fd) });
    None
}

fn ip(arguments: &str) {
    let output = Command::new("ip").args(arguments.split(' ')).output().unwrap();
    assert!(output.status.success(), "ip {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Pair {
    /// A pair with so many queues at either end, both ends up, and no packet on it but those that a test sends.
    pub fn new(queues: u32) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("writcap-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let pair = Self { sender: format!("{name}-wire"), tap: format!("{name}-tap") };
        ip(&format!("netns add {}", pair.sender));
        ip(&format!("netns add {}", pair.tap));
        let queues = format!("numrxqueues {queues} numtxqueues {queues}");
        // Without IPv6 there is no neighbour discovery, the only packets that the kernel would send by itself. A kernel that
        // has no IPv6 has no such file.
        for namespace in [&pair.sender, &pair.tap] {
            within(namespace, || std::fs::write("/proc/sys/net/ipv6/conf/default/disable_ipv6", "1").ok());
        }
        ip(&format!(
            "-n {} link add {SENDER} {queues} type veth peer name {TAP} {queues} netns {}",
            pair.sender, pair.tap
        ));
        ip(&format!("-n {} link set {SENDER} up", pair.sender));
        ip(&format!("-n {} link set {TAP} up", pair.tap));
        pair
    }

    /// `ip` on the sending end's namespace.
    pub fn ip_at_sender(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.sender));
    }

    /// `ip` on the captured end's namespace.
    pub fn ip_at_tap(&self, arguments: &str) {
        ip(&format!("-n {} {arguments}", self.tap));
    }

    /// What `ip -d link show` says of the captured end.
    pub fn description(&self) -> String {
        let output = Command::new("ip").args(["-n", &self.tap, "-d", "link", "show", TAP]).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    /// Runs in a thread that is in the captured end's namespace.
    pub fn at_tap<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        within(&self.tap, run)
    }

    /// A raw socket at the sending end.
    pub fn sending_socket(&self) -> PacketSocket {
        within(&self.sender, || PacketSocket::open(SENDER))
    }

    /// A raw socket that sees what the captured end's stack gets.
    pub fn stack_socket(&self) -> PacketSocket {
        within(&self.tap, || PacketSocket::open(TAP))
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        for name in [&self.sender, &self.tap] {
            let _ = Command::new("ip").args(["netns", "del", name]).status();
        }
    }
}

/// Runs in a thread that is in the namespace `name`: a thread's namespace is its own, and this one's stays.
fn within<T: Send>(name: &str, run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let namespace = File::open(format!("/run/netns/{name}")).unwrap();
            // SAFETY: takes numbers only, of a descriptor that lives over the call.
            let result = unsafe { libc::setns(namespace.as_raw_fd(), libc::CLONE_NEWNET) };
            assert_eq!(result, 0, "{}", io::Error::last_os_error());
            run()
        });
        match thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Runs in a thread without any capability in effect.
pub fn without_capabilities<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    thread::scope(|scope| {
        let thread = scope.spawn(|| {
            // linux/capability.h: version 3 and this thread; then effective, permitted and inheritable, twice 32 bits.
            let header = [0x2008_0522u32, 0];
            let none = [0u32; 6];
            // SAFETY: both pointers are to arrays of the layout and size that version 3 has.
            let result = unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), none.as_ptr()) };
            assert_eq!(result, 0, "{}", io::Error::last_os_error());
            run()
        });
        thread.join().unwrap()
    })
}

/// Keeps this thread on one processor, which for the sockets below chooses the queue as well.
pub fn pin_to(processor: usize) {
    // SAFETY: a set of zeros is valid, and `processor` is in its range; the call reads the set.
    let result = unsafe {
        let mut set: libc::cpu_set_t = std::mem::zeroed();
        libc::CPU_SET(processor, &mut set);
        libc::sched_setaffinity(0, size_of::<libc::cpu_set_t>(), &raw const set)
    };
    assert_eq!(result, 0, "{}", io::Error::last_os_error());
}

/// A packet socket on one interface.
pub struct PacketSocket(OwnedFd);

impl PacketSocket {
    /// All protocols of `interface`, in this thread's namespace. Sends without a queueing discipline: from processor
    /// `p` by queue `p`.
    fn open(interface: &str) -> Self {
        let all = u16::try_from(libc::ETH_P_ALL).unwrap().to_be();
        let name = std::ffi::CString::new(interface).unwrap();
        // SAFETY: takes numbers only.
        let fd = unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_NONBLOCK, i32::from(all)) };
        assert!(fd >= 0, "{}", io::Error::last_os_error());
        // SAFETY: the kernel just made it.
        let socket = unsafe { OwnedFd::from_raw_fd(fd) };
        // SAFETY: `name` is a string with a terminating zero.
        let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
        // SAFETY: all fields are numbers, for which zero is valid.
        let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
        address.sll_family = u16::try_from(libc::AF_PACKET).unwrap();
        address.sll_protocol = all;
        address.sll_ifindex = i32::try_from(index).unwrap();
        let size = u32::try_from(size_of::<libc::sockaddr_ll>()).unwrap();
        // SAFETY: the pointer and size are those of `address`.
        let result = unsafe { libc::bind(fd, (&raw const address).cast(), size) };
        assert_eq!(result, 0, "{}", io::Error::last_os_error());
        for (option, value) in [(libc::PACKET_QDISC_BYPASS, 1i32), (libc::PACKET_IGNORE_OUTGOING, 1)] {
            // SAFETY: the pointer and size are those of `value`.
            let result = unsafe { libc::setsockopt(fd, libc::SOL_PACKET, option, (&raw const value).cast(), 4) };
            assert_eq!(result, 0, "{}", io::Error::last_os_error());
        }
        Self(socket)
    }

    /// Sends a frame; waits where the device is busy.
    pub fn send(&self, frame: &[u8]) {
        loop {
            // SAFETY: the pointer and length are those of `frame`.
            let sent = unsafe { libc::send(self.0.as_raw_fd(), frame.as_ptr().cast(), frame.len(), 0) };
            if sent >= 0 {
                assert_eq!(sent as usize, frame.len());
                return;
            }
            let error = io::Error::last_os_error();
            let busy = matches!(error.raw_os_error(), Some(libc::ENOBUFS | libc::EAGAIN));
            assert!(busy, "a frame of {} octets: {error}", frame.len());
            thread::yield_now();
        }
    }

    /// How many frames are waiting; takes them.
    pub fn drain(&self) -> usize {
        let mut frame = [0; 2048];
        let mut count = 0;
        // SAFETY: the pointer and length are those of `frame`.
        while unsafe { libc::recv(self.0.as_raw_fd(), frame.as_mut_ptr().cast(), frame.len(), 0) } >= 0 {
            count += 1;
        }
        count
    }
}
