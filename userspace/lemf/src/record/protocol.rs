//! Which mail protocol a session speaks, by what is said in it.

use writ_etsi::EmailProtocol;

/// Which protocol's session begins with these octets of either end, where they tell.
pub(super) fn protocol_of(content: &[u8]) -> Option<EmailProtocol> {
    let line = content.split(|octet| matches!(octet, b'\r' | b'\n')).next().unwrap_or_default();
    let mut words = line.split(|octet| *octet == b' ').map(<[u8]>::to_ascii_uppercase);
    let (first, second) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match (first.as_slice(), second.as_slice()) {
        ([b'0'..=b'9', b'0'..=b'9', b'0'..=b'9', ..], _) => Some(EmailProtocol::Smtp),
        (b"MAIL" | b"RCPT" | b"EHLO" | b"HELO" | b"DATA" | b"BDAT" | b"RSET" | b"STARTTLS", _) => {
            Some(EmailProtocol::Smtp)
        }
        (b"+OK" | b"-ERR" | b"USER" | b"PASS" | b"APOP" | b"CAPA" | b"STLS", _) => Some(EmailProtocol::Pop3),
        (b"*", _) | (_, b"LOGIN" | b"AUTHENTICATE" | b"CAPABILITY") if first != b"AUTH" => Some(EmailProtocol::Imap4),
        _ => None,
    }
}
