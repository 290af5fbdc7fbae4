//! TLS 1.3 (1.2 where a setting allows it) around the connection to an LEMF, with certificates of both ends.
//!
//! The files are read anew for each connection, so that a certificate is renewed by replacing its files: the next
//! connection uses what is there then. Files that cannot be used deliver nothing: what worked before is not used any
//! longer, for whoever replaced it may have meant to withdraw it. Sessions are not resumed, so that every connection
//! proves anew who is at its ends.

mod expiry;
mod fault;
mod files;
mod marks;
mod server;
mod stream;

use std::io;
use std::sync::Arc;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

pub(crate) use self::fault::TlsFault;
pub use self::files::TlsFileError;
pub use self::server::{ServerTlsSettings, server};
pub(crate) use self::stream::{TlsAcknowledged, TlsStream};
use crate::settings::TlsSettings;

/// Why there is no TLS connection.
#[derive(Debug)]
pub(crate) enum NoTls {
    /// The files of the settings cannot be used now.
    Files(TlsFileError),
    /// The other end, or its certificate, will not do, or ours will not do for it.
    Fault(TlsFault),
    /// Reading or writing failed.
    Io(io::Error),
}

impl From<io::Error> for NoTls {
    fn from(error: io::Error) -> Self {
        TlsFault::of(&error).map_or(Self::Io(error), Self::Fault)
    }
}

/// When the certificates of a connection end, in seconds since 1970; 0 where that is not to be found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Expiry {
    /// Ours.
    pub(crate) own: u64,
    /// The LEMF's.
    pub(crate) lemf: u64,
}

/// Makes a fresh TCP connection one of TLS.
pub(crate) async fn secure(
    stream: TcpStream,
    settings: &TlsSettings,
    name: ServerName<'static>,
) -> Result<(TlsStream, TlsAcknowledged, Expiry), NoTls> {
    let settings = settings.clone();
    // Off the thread of the connections: a file system that hangs must not hold up other LEMFs.
    let read = tokio::task::spawn_blocking(move || files::read(&settings)).await.map_err(io::Error::other)?;
    let (config, own) = read.map_err(NoTls::Files)?;
    let (counted, acknowledged) = stream::Counted::new(stream)?;
    let inner = TlsConnector::from(Arc::new(config)).connect(name, counted).await?;
    let certificates = inner.get_ref().1.peer_certificates();
    let lemf = certificates.and_then(<[_]>::first).and_then(expiry::not_after).unwrap_or_default();
    let (stream, acknowledged) = stream::TlsStream::new(inner, acknowledged);
    Ok((stream, acknowledged, Expiry { own, lemf }))
}

/// Whether the files of the settings can be used now.
///
/// # Errors
/// The first that cannot.
pub fn check(settings: &TlsSettings) -> Result<(), TlsFileError> {
    files::read(settings).map(drop)
}
