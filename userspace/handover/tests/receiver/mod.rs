//! The reference receiver, in a thread of its own, and a way to it that can be broken.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]
#![allow(dead_code, reason = "each test uses its own part")]

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};

use tokio::sync::oneshot;
use writ_etsi::{PsPdu, decode, pdu_length};
use writ_lemf::record::Keys;
use writ_lemf::{ServerTls, Settings, Summary, receive};

/// A running receiver.
pub struct Receiver {
    pub address: SocketAddr,
    store: PathBuf,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Summary>,
}

impl Receiver {
    pub fn start(store: &Path, listen: &str, tls: Option<ServerTls>) -> Self {
        Self::with_keys(store, listen, tls, Keys::default())
    }

    pub fn with_keys(store: &Path, listen: &str, tls: Option<ServerTls>, keys: Keys) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let (bound, address) = oneshot::channel();
        let (folder, listen) = (store.to_owned(), listen.parse().unwrap());
        let running = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let settings =
                Settings { out: Box::new(std::io::sink()), bound: Some(bound), tls, keys, ..Settings::default() };
            runtime
                .block_on(receive(listen, folder, settings, async {
                    let _ = stopped.await;
                }))
                .unwrap()
        });
        Self { address: address.blocking_recv().unwrap(), store: store.to_owned(), stop, running }
    }

    /// Everything that it has stored until now.
    pub fn received(&self) -> Vec<PsPdu> {
        stored(&self.store)
    }

    /// Takes what has arrived, ends, and says what was counted.
    pub fn stop(self) -> Summary {
        self.stop.send(()).unwrap();
        self.running.join().unwrap()
    }
}

/// The whole PDUs in the store of a receiver.
pub fn stored(store: &Path) -> Vec<PsPdu> {
    let octets = std::fs::read(store.join("pdus.etsi")).unwrap_or_default();
    let (mut rest, mut pdus) = (&octets[..], Vec::new());
    while let Ok(Some(length)) = pdu_length(rest) {
        let Some(pdu) = rest.get(..length) else { break };
        pdus.push(decode(pdu).unwrap());
        rest = &rest[length..];
    }
    pdus
}

/// A way to an address that takes octets of a connection and, after so many, resets it with what it has not passed on.
pub struct Way {
    pub address: SocketAddr,
    /// For the connections that come: octets that each may bring. 0: any number.
    pub budget: Arc<AtomicUsize>,
}

impl Way {
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let way = Self { address: listener.local_addr().unwrap(), budget: Arc::default() };
        let budget = Arc::clone(&way.budget);
        thread::spawn(move || {
            for near in listener.incoming() {
                let (near, Ok(far)) = (near.unwrap(), TcpStream::connect(target)) else { continue };
                let limit = budget.load(Ordering::SeqCst);
                let (near_back, far_back) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                let reset: Arc<AtomicBool> = Arc::default();
                let seen = Arc::clone(&reset);
                thread::spawn(move || pass(far_back, near_back, 0, &seen));
                thread::spawn(move || pass(near, far, limit, &reset));
            }
        });
        way
    }
}

fn pass(mut from: TcpStream, mut to: TcpStream, limit: usize, reset: &AtomicBool) {
    let (mut piece, mut passed) = (vec![0; 1 << 14], 0);
    loop {
        match from.read(&mut piece) {
            Ok(octets) if octets > 0 => {
                passed += octets;
                if limit > 0 && passed > limit {
                    // What was read last is lost: its sender's TCP has had it acknowledged.
                    nix::sys::socket::setsockopt(
                        &from,
                        nix::sys::socket::sockopt::Linger,
                        &nix::libc::linger { l_onoff: 1, l_linger: 0 },
                    )
                    .unwrap();
                    // The other direction holds the socket as well: there is no reset before it lets go, without a FIN.
                    reset.store(true, Ordering::SeqCst);
                    let _ = to.shutdown(Shutdown::Both);
                    return;
                }
                if to.write_all(&piece[..octets]).is_err() {
                    let _ = from.shutdown(Shutdown::Both);
                    return;
                }
            }
            _ => {
                if !reset.load(Ordering::SeqCst) {
                    let _ = to.shutdown(Shutdown::Write);
                }
                return;
            }
        }
    }
}
