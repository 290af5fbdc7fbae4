//! The octets of a TLS connection, and what TCP has acknowledged of them.

use std::future::Future as _;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Duration, Sleep, sleep};
use tokio_rustls::client;

use super::marks::Marks;
use crate::acknowledged::{Acknowledged, TcpAcknowledged};

/// How long the end of the TCP connection is awaited after TLS has announced it.
const FIN: Duration = Duration::from_secs(2);

/// Shared by the three that know a part each.
#[derive(Clone, Debug, Default)]
struct Shared(Arc<Mutex<Marks>>);

impl Shared {
    fn marks(&self) -> MutexGuard<'_, Marks> {
        // Nothing that can panic is done while it is held.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The socket, with the octets counted that it takes.
#[derive(Debug)]
pub(crate) struct Counted {
    socket: TcpStream,
    shared: Shared,
}

impl Counted {
    /// Of a connection to which nothing was written yet.
    pub(super) fn new(socket: TcpStream) -> io::Result<(Self, TlsAcknowledged)> {
        let tcp = TcpAcknowledged::new(&socket)?;
        let shared = Shared::default();
        Ok((Self { socket, shared: shared.clone() }, TlsAcknowledged { tcp, shared }))
    }

    fn count(&self, taken: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(octets)) = &taken {
            self.shared.marks().taken += *octets as u64;
        }
        taken
    }
}

impl AsyncRead for Counted {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_read(cx, into)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let taken = Pin::new(&mut this.socket).poll_write(cx, octets);
        this.count(taken)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let taken = Pin::new(&mut this.socket).poll_write_vectored(cx, octets);
        this.count(taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.socket.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(cx)
    }
}

/// Of the octets written to a [`TlsStream`]: those whose records TCP has acknowledged.
#[derive(Debug)]
pub(crate) struct TlsAcknowledged {
    tcp: TcpAcknowledged,
    shared: Shared,
}

impl Acknowledged for TlsAcknowledged {
    fn of(&self, written: u64) -> u64 {
        let taken = self.shared.marks().taken;
        let octets = self.tcp.of(taken);
        self.shared.marks().acknowledged(octets).min(written)
    }
}

/// An open connection. It takes octets only when TLS holds nothing back of those before, so that each time a mark can
/// be made, at most what TLS holds (64 KiB) after the last one.
///
/// Its end is that of TCP, as without TLS: a FIN says that the LEMF has read what its kernel took. That TLS announces
/// the end says nothing of what was read, so the FIN is awaited after it; and a FIN without that announcement is one.
pub(crate) struct TlsStream {
    inner: client::TlsStream<Counted>,
    shared: Shared,
    /// TLS has announced the end: until when the FIN is awaited.
    announced: Option<Pin<Box<Sleep>>>,
}

impl TlsStream {
    pub(super) fn new(inner: client::TlsStream<Counted>, acknowledged: TlsAcknowledged) -> (Self, TlsAcknowledged) {
        (Self { inner, shared: acknowledged.shared.clone(), announced: None }, acknowledged)
    }

    /// The version of TLS that both ends agreed on.
    pub(crate) fn version(&self) -> &'static str {
        match self.inner.get_ref().1.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "1.3",
            Some(rustls::ProtocolVersion::TLSv1_2) => "1.2",
            _ => "unknown",
        }
    }

    /// Gives the socket what TLS holds.
    fn flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(Pin::new(&mut self.inner).poll_flush(cx))?;
        self.shared.marks().flushed();
        Poll::Ready(Ok(()))
    }

    fn note(&self, octets: usize) {
        let mut marks = self.shared.marks();
        marks.written += octets as u64;
        if !self.inner.get_ref().1.wants_write() {
            marks.flushed();
        }
    }

    /// After TLS has announced the end: our own end, and then that of TCP.
    fn fin(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // An LEMF may wait for our announcement before it closes. Whether it can still go changes nothing.
        let _ = Pin::new(&mut self.inner).poll_shutdown(cx);
        let mut scratch = [0; 1024];
        loop {
            // What comes after the announcement is ignored (RFC 8446 §6.1).
            let mut rest = ReadBuf::new(&mut scratch);
            match Pin::new(&mut self.inner.get_mut().0.socket).poll_read(cx, &mut rest) {
                Poll::Ready(Ok(())) if rest.filled().is_empty() => return Poll::Ready(Ok(())),
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => break,
            }
        }
        match self.announced.as_mut().map(|until| until.as_mut().poll(cx)) {
            Some(Poll::Ready(())) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            _ => Poll::Pending,
        }
    }
}

impl AsyncRead for TlsStream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.announced.is_none() {
            let before = into.filled().len();
            match ready!(Pin::new(&mut this.inner).poll_read(cx, into)) {
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Poll::Ready(Ok(())),
                Err(error) => return Poll::Ready(Err(error)),
                Ok(()) if into.filled().len() > before || into.remaining() == 0 => return Poll::Ready(Ok(())),
                Ok(()) => this.announced = Some(Box::pin(sleep(FIN))),
            }
        }
        this.fin(cx)
    }
}

impl AsyncWrite for TlsStream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, octets: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(octets)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        octets: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.announced.is_some() {
            // The reader says how it ends.
            return Poll::Pending;
        }
        ready!(this.flush(cx))?;
        let taken = ready!(Pin::new(&mut this.inner).poll_write_vectored(cx, octets))?;
        this.note(taken);
        Poll::Ready(Ok(taken))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.announced.is_some() { Poll::Pending } else { this.flush(cx) }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        ready!(Pin::new(&mut this.inner).poll_shutdown(cx))?;
        this.shared.marks().flushed();
        Poll::Ready(Ok(()))
    }
}
