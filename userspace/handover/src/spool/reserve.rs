//! Room on the file system that is left to IRI: content stops being put on disk before the disk is full, so that IRI is
//! kept for longer on a full disk as well, whoever filled it.

use std::io;
use std::path::Path;

use nix::sys::statvfs::statvfs;

/// The reserve is no more than this part of the file system.
const PART: u64 = 8;

/// Fails where adding so many octets of content would leave IRI, which may have `iri` octets on disk, without its reserve.
pub(super) fn check(folder: &Path, cost: u64, iri: u64) -> io::Result<()> {
    let found = statvfs(folder).map_err(io::Error::from)?;
    let octets = |blocks: u64| blocks.saturating_mul(found.fragment_size());
    let reserve = iri.min(octets(found.blocks()) / PART);
    if octets(found.blocks_available()) < reserve.saturating_add(cost) {
        return Err(io::ErrorKind::StorageFull.into());
    }
    Ok(())
}
