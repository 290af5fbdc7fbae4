//! IP packets of CC in `ip-packet` format, as a capture file that any packet tool reads.

use std::io;
use std::path::Path;

use writ_etsi::MicroSecondTimeStamp;

use super::open_files::OpenFiles;

/// Packets begin with their IP header (LINKTYPE_RAW).
const LINKTYPE_RAW: u32 = 101;
/// The longest packet, and so the most octets of a record.
const SNAPLEN: u32 = 262_144;

/// Appends the packets in `content` to the capture file at `path`, and says how many there were.
pub(super) fn append(
    files: &mut OpenFiles,
    path: &Path,
    stamp: Option<&MicroSecondTimeStamp>,
    content: &[u8],
) -> io::Result<u64> {
    if std::fs::metadata(path).is_err() {
        files.append(path, &file_header())?;
        // The file must be there before the next call asks for it.
        files.flush()?;
    }
    let (seconds, micro_seconds) = stamp.map_or((0, 0), |stamp| (stamp.seconds, stamp.micro_seconds));
    let seconds = u32::try_from(seconds).unwrap_or(u32::MAX);
    let mut count = 0;
    for packet in packets(content) {
        let length = u32::try_from(packet.len()).unwrap_or(u32::MAX);
        let captured = length.min(SNAPLEN);
        for field in [seconds, micro_seconds, captured, length] {
            files.append(path, &field.to_le_bytes())?;
        }
        files.append(path, packet.get(..captured as usize).unwrap_or(packet))?;
        count += 1;
    }
    Ok(count)
}

/// The header of a pcap file, in little-endian order, times in microseconds.
fn file_header() -> [u8; 24] {
    let mut header = [0; 24];
    let fields: [&[u8]; 7] = [
        &0xa1b2_c3d4_u32.to_le_bytes(),
        &2u16.to_le_bytes(),
        &4u16.to_le_bytes(),
        &0i32.to_le_bytes(),
        &0u32.to_le_bytes(),
        &SNAPLEN.to_le_bytes(),
        &LINKTYPE_RAW.to_le_bytes(),
    ];
    for (place, octet) in header.iter_mut().zip(fields.into_iter().flatten()) {
        *place = *octet;
    }
    header
}

/// The packets in octets that hold one or several back to back, by the lengths in their headers. What is no IP packet,
/// or not a whole one, is one piece with all that follows it.
fn packets(content: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = content;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (packet, after) = rest.split_at_checked(packet_length(rest)).unwrap_or((rest, &[]));
        rest = after;
        Some(packet)
    })
}

/// The length that an IP header gives its packet; of all the octets where there is no such header.
fn packet_length(octets: &[u8]) -> usize {
    let field = |at: usize| match octets.get(at..at + 2) {
        Some([high, low]) => usize::from(*high) << 8 | usize::from(*low),
        _ => 0,
    };
    let (length, least) = match octets.first().map(|octet| octet >> 4) {
        Some(4) => (field(2), 20),
        // A payload length of 0 is a jumbogram's (RFC 2675), which goes to the end.
        Some(6) if field(4) > 0 => (40 + field(4), 40),
        _ => (0, 1),
    };
    if length >= least { length } else { octets.len() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ipv4(length: u16) -> Vec<u8> {
        let mut packet = vec![0; usize::from(length)];
        packet[0] = 0x45;
        packet[2..4].copy_from_slice(&length.to_be_bytes());
        packet
    }

    fn ipv6(payload: u16) -> Vec<u8> {
        let mut packet = vec![0; 40 + usize::from(payload)];
        packet[0] = 0x60;
        packet[4..6].copy_from_slice(&payload.to_be_bytes());
        packet
    }

    #[test]
    fn packets_back_to_back() {
        let content = [ipv4(60), ipv6(20), ipv4(20), b"rest".to_vec()].concat();
        assert_eq!(packets(&content).map(<[u8]>::len).collect::<Vec<_>>(), [60, 60, 20, 4]);
        for odd in [&ipv4(60)[..59], b"\x45\0\0\0", b"\x45", b"x", &ipv6(0)[..]] {
            assert_eq!(packets(odd).collect::<Vec<_>>(), [odd]);
        }
        assert_eq!(packets(b"").count(), 0);
    }

    #[test]
    fn a_file_has_one_header_however_often_it_is_appended_to() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.pcap");
        let stamp = MicroSecondTimeStamp { seconds: 1, micro_seconds: 2, additions: writ_etsi::asn1::Additions::NONE };
        for _ in 0..2 {
            let mut files = OpenFiles::new(1);
            assert_eq!(append(&mut files, &path, Some(&stamp), &ipv4(20)).unwrap(), 1);
            assert_eq!(append(&mut files, &path, None, &ipv4(21)).unwrap(), 1);
            files.flush().unwrap();
        }
        let octets = std::fs::read(&path).unwrap();
        assert_eq!(octets.len(), 24 + 2 * (16 + 20 + 16 + 21));
        assert_eq!(octets[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
        assert_eq!(octets[20..24], [101, 0, 0, 0]);
        assert_eq!(octets[24..40], [1, 0, 0, 0, 2, 0, 0, 0, 20, 0, 0, 0, 20, 0, 0, 0]);
        assert_eq!(octets[40..60], ipv4(20));
    }
}
