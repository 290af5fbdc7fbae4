//! Who logs in, by mechanism.

use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use zeroize::{Zeroize, Zeroizing};

use super::{Mechanism, Step};

/// Clients leave padding out, and servers take it.
pub(super) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// The identities of a login. Zeroised when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Identity {
    /// The authentication identity: whose credentials are used.
    pub login: String,
    /// The authorization identity, where it is another: whom the client asks to act as.
    pub acting_as: Option<String>,
    /// The realm that the login is a name in (RFC 2831 §2.1.1), where one is given: a mail domain as a rule.
    pub realm: Option<String>,
}

impl Drop for Identity {
    fn drop(&mut self) {
        self.login.zeroize();
        self.acting_as.zeroize();
        self.realm.zeroize();
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(..)")
    }
}

impl Identity {
    /// Of a login that names one user in the clear.
    pub(crate) fn of_login(login: &[u8]) -> Option<Self> {
        Self::new(login, b"")
    }

    fn new(login: &[u8], acting_as: &[u8]) -> Option<Self> {
        // Where only one is given, that is who logs in (OAUTHBEARER and EXTERNAL name no other).
        let (login, acting_as) = if login.is_empty() { (acting_as, &b""[..]) } else { (login, acting_as) };
        // No name holds a control character; what does is a message of another mechanism, with its password or token.
        if login.iter().chain(acting_as).any(u8::is_ascii_control)
            || looks_like_token(login)
            || looks_like_token(acting_as)
        {
            return None;
        }
        let text = |octets| String::from_utf8_lossy(octets).into_owned();
        let acting_as = Some(acting_as).filter(|name| !name.is_empty() && *name != login).map(text);
        (!login.is_empty()).then(|| Self { login: text(login), acting_as, realm: None })
    }

    /// The same, of a name in a realm.
    fn within(mut self, realm: &[u8]) -> Self {
        if !realm.is_empty() && !realm.iter().any(u8::is_ascii_control) {
            self.realm = Some(String::from_utf8_lossy(realm).into_owned());
        }
        self
    }
}

/// Whether it is a bearer token's place rather than a name.
fn looks_like_token(name: &[u8]) -> bool {
    let lower = name.to_ascii_lowercase();
    [&b"auth="[..], b"bearer "].iter().any(|word| memchr::memmem::find(&lower, word).is_some())
}

/// Decodes a SASL message; `=` alone is the empty one (RFC 4954 §4).
pub(super) fn decode(payload: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    if payload == b"=" {
        return Some(Zeroizing::new(Vec::new()));
    }
    BASE64.decode(payload).ok().map(Zeroizing::new)
}

/// The password, where the mechanism sends it as it is.
pub(super) fn password(mechanism: Mechanism, responses: &[&Step]) -> Option<Zeroizing<Vec<u8>>> {
    match mechanism {
        Mechanism::Plain => {
            let message = decode(responses.first()?.payload())?;
            let password = message.split(|&octet| octet == 0).nth(2)?;
            Some(Zeroizing::new(password.to_vec()))
        }
        Mechanism::Login => decode(responses.get(1)?.payload()),
        _ => None,
    }
}

/// Reads who logs in from the client's messages.
pub(super) fn read(mechanism: Mechanism, responses: &[&Step]) -> Option<Identity> {
    // The first message is the one that names, or none does: after one that cannot be read comes the password.
    let messages: Vec<_> = responses.iter().map_while(|step| decode(step.payload())).collect();
    let first: &[u8] = messages.first()?;
    match mechanism {
        Mechanism::Plain => {
            let mut parts = first.split(|&octet| octet == 0);
            // Without the second zero the last part could be a password that the client sent in a form of its own.
            let (acting_as, login, password) = (parts.next()?, parts.next()?, parts.next()?);
            // An empty password is no password: then what stands in its place is not where it should be.
            if password.is_empty() || parts.next().is_some() { None } else { Identity::new(login, acting_as) }
        }
        Mechanism::Login => Identity::new(first, b""),
        // "user digest": the name may hold spaces, the digest does not (RFC 2195 §2).
        Mechanism::CramMd5 => {
            let (name, digest) = first.split_at_checked(first.iter().rposition(|&octet| octet == b' ')?)?;
            // 16 octets in hexadecimal: where it is anything else, the name may be the digest or a password.
            let digest = digest.trim_ascii_start();
            let whole = digest.len() == 32 && digest.iter().all(u8::is_ascii_hexdigit);
            if whole { Identity::new(name, b"") } else { None }
        }
        Mechanism::DigestMd5 => {
            let of = |name| directive(first, name).unwrap_or_default();
            Some(Identity::new(&directive(first, b"username")?, &of(b"authzid"))?.within(&of(b"realm")))
        }
        Mechanism::Scram => {
            let mut parts = first.splitn(3, |&octet| octet == b',');
            let (_binding, acting_as, bare) = (parts.next()?, parts.next()?, parts.next()?);
            let login = bare.split(|&octet| octet == b',').find_map(|attribute| attribute.strip_prefix(b"n="))?;
            Identity::new(&saslname(login), &saslname(acting_as.strip_prefix(b"a=").unwrap_or_default()))
        }
        Mechanism::Xoauth2 => {
            let login = first.split(|&octet| octet == 1).find_map(|attribute| attribute.strip_prefix(b"user="))?;
            Identity::new(login, b"")
        }
        Mechanism::OauthBearer => {
            let header = first.split(|&octet| octet == 1).next()?;
            let acting_as = header.split(|&octet| octet == b',').find_map(|attribute| attribute.strip_prefix(b"a="))?;
            Identity::new(&saslname(acting_as), b"")
        }
        Mechanism::External => Identity::new(first, b""),
        Mechanism::Ntlm => messages.iter().find_map(|message| ntlm(message)),
        Mechanism::Unknown => None,
    }
}

/// The value of a DIGEST-MD5 directive (RFC 2831 §7.1): a token, or a quoted string with backslashes.
fn directive(message: &[u8], name: &[u8]) -> Option<Vec<u8>> {
    let mut rest = message;
    loop {
        rest = rest.trim_ascii_start();
        let equals = rest.iter().position(|&octet| octet == b'=')?;
        let (key, after) = rest.split_at(equals);
        let after = after.get(1..)?;
        let mut value = Vec::new();
        let used = match after.strip_prefix(b"\"") {
            Some(quoted) => {
                let mut escaped = false;
                let mut at = 0;
                for &octet in quoted {
                    at += 1;
                    match octet {
                        _ if escaped => {
                            escaped = false;
                            value.push(octet);
                        }
                        b'\\' => escaped = true,
                        b'"' => break,
                        _ => value.push(octet),
                    }
                }
                at + 1
            }
            None => {
                let end = after.iter().position(|&octet| octet == b',').unwrap_or(after.len());
                value.extend_from_slice(after.get(..end)?);
                end
            }
        };
        if key.trim_ascii().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        let comma = after.get(used..)?.iter().position(|&octet| octet == b',')?;
        rest = after.get(used + comma + 1..)?;
    }
}

/// `saslname` of RFC 5802 §5.1: `=2C` is a comma, `=3D` an equals sign.
fn saslname(octets: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(octets.len());
    let mut rest = octets;
    while let Some((&octet, after)) = rest.split_first() {
        let (plain, after) = match after {
            [b'2', b'C' | b'c', after @ ..] if octet == b'=' => (b',', after),
            [b'3', b'D' | b'd', after @ ..] if octet == b'=' => (b'=', after),
            _ => (octet, after),
        };
        name.push(plain);
        rest = after;
    }
    name
}

/// The domain and user of an NTLM AUTHENTICATE message (MS-NLMP §2.2.1.3), as `user` or `DOMAIN\user`.
fn ntlm(message: &[u8]) -> Option<Identity> {
    let le16 = |at: usize| Some(u16::from_le_bytes(message.get(at..at + 2)?.try_into().ok()?));
    let le32 = |at: usize| Some(u32::from_le_bytes(message.get(at..at + 4)?.try_into().ok()?));
    if message.get(..8)? != b"NTLMSSP\0" || le32(8)? != 3 {
        return None;
    }
    let unicode = le32(60).is_some_and(|flags| flags & 1 == 1);
    let field = |at: usize| -> Option<String> {
        let (length, offset) = (usize::from(le16(at)?), le32(at + 4)? as usize);
        let octets = message.get(offset..offset.checked_add(length)?)?;
        Some(if unicode {
            let units = octets.as_chunks::<2>().0.iter().map(|&pair| u16::from_le_bytes(pair));
            char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
        } else {
            String::from_utf8_lossy(octets).into_owned()
        })
    };
    let (domain, user) = (field(28).unwrap_or_default(), field(36)?);
    if user.is_empty() {
        return None;
    }
    // The domain is that of a Windows network, not of mail: `user` stands alone as the login.
    let acting_as = (!domain.is_empty()).then(|| format!("{domain}\\{user}"));
    Some(Identity { login: user, acting_as, realm: None })
}

#[cfg(test)]
mod tests {
    use writ_wire::{Direction, Time};

    use super::*;

    fn identity(mechanism: Mechanism, messages: &[&[u8]]) -> Option<(String, Option<String>)> {
        let steps: Vec<Step> = messages
            .iter()
            .map(|message| {
                let octets = BASE64.encode(message).into_bytes().into_boxed_slice();
                let payload = 0..octets.len();
                Step { from: Direction::FromClient, offset: 0, first: Time::MIN, last: Time::MIN, octets, payload }
            })
            .collect();
        let identity = read(mechanism, &steps.iter().collect::<Vec<_>>())?;
        Some((identity.login.clone(), identity.acting_as.clone()))
    }

    fn login(name: &str) -> Option<(String, Option<String>)> {
        Some((name.to_owned(), None))
    }

    #[test]
    fn who_logs_in_by_mechanism() {
        use Mechanism as M;
        assert_eq!(identity(M::Plain, &[b"\0alice\0secret"]), login("alice"));
        assert_eq!(identity(M::Plain, &[b"bob\0alice\0secret"]), Some(("alice".into(), Some("bob".into()))));
        assert_eq!(identity(M::Login, &[b"alice@example.org", b"secret"]), login("alice@example.org"));
        assert_eq!(identity(M::CramMd5, &[b"al ice 0123456789abcdef0123456789ABCDEF"]), login("al ice"));
        assert_eq!(
            identity(M::DigestMd5, &[br#"realm="a=b,username=\"no", username="ali\"ce",nonce="x""#]),
            login("ali\"ce")
        );
        assert_eq!(identity(M::Scram, &[b"n,,n=al=2Cice,r=abc", b"c=biws,r=abc,p=xyz"]), login("al,ice"));
        assert_eq!(identity(M::Scram, &[b"y,a=bob,n=alice,r=abc"]), Some(("alice".into(), Some("bob".into()))));
        assert_eq!(
            identity(M::Xoauth2, &[b"user=alice@example.org\x01auth=Bearer t\x01\x01"]),
            login("alice@example.org")
        );
        assert_eq!(
            identity(M::OauthBearer, &[b"n,a=alice@example.org,\x01host=h\x01auth=Bearer t\x01\x01"]),
            login("alice@example.org")
        );
        assert_eq!(identity(M::External, &[b"alice"]), login("alice"));
        assert_eq!(identity(M::External, &[b""]), None);
        assert_eq!(identity(M::Unknown, &[b"alice"]), None);
    }

    #[test]
    fn the_realm_of_a_digest() {
        let realm = |message: &str| {
            let octets = BASE64.encode(message).into_bytes().into_boxed_slice();
            let payload = 0..octets.len();
            let step =
                Step { from: Direction::FromClient, offset: 0, first: Time::MIN, last: Time::MIN, octets, payload };
            read(Mechanism::DigestMd5, &[&step]).unwrap().realm.clone()
        };
        assert_eq!(realm(r#"username="alice",realm="example.org",nonce="x""#), Some("example.org".into()));
        assert_eq!(realm(r#"username="alice",nonce="x""#), None);
        assert_eq!(realm(r#"username="alice",realm="""#), None);
    }

    #[test]
    fn what_may_be_a_password_is_no_name() {
        use Mechanism as M;
        for (mechanism, messages) in [
            (M::Login, &[&b"\0alice\0secret"[..]][..]),
            (M::External, &[b"\0alice\0secret"]),
            (M::Plain, &[b"alice\0secret\0"]),
            (M::Plain, &[b"alice\0secret"]),
            (M::Plain, &[b"\0alice\0secret\0more"]),
            (M::CramMd5, &[b"alice 0123456789abcdef0123456789abcdef "]),
            (M::CramMd5, &[b"alice secret words"]),
            (M::Xoauth2, &[b"user=alice^Aauth=Bearer token"]),
            (M::OauthBearer, &[b"n,a=alice auth=Bearer token"]),
        ] {
            assert_eq!(identity(mechanism, messages), None, "{:?}", String::from_utf8_lossy(messages[0]));
        }
    }

    #[test]
    fn ntlm_tells_the_user_in_its_third_message() {
        let mut message = b"NTLMSSP\0\x03\0\0\0".to_vec();
        message.resize(64, 0);
        let mut put = |at: usize, text: &str| {
            let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
            let (length, offset) = (utf16.len() as u16, message.len() as u32);
            message[at..at + 2].copy_from_slice(&length.to_le_bytes());
            message[at + 4..at + 8].copy_from_slice(&offset.to_le_bytes());
            message.extend(utf16);
        };
        put(28, "CORP");
        put(36, "alice");
        message[60] = 1;
        assert_eq!(
            identity(Mechanism::Ntlm, &[b"NTLMSSP\0\x01\0\0\0", &message]),
            Some(("alice".into(), Some("CORP\\alice".into())))
        );
        for cut in 0..message.len() {
            let _ = identity(Mechanism::Ntlm, &[&message[..cut]]);
        }
    }

    #[test]
    fn what_is_no_base64_tells_nobody() {
        let step = Step {
            from: Direction::FromClient,
            offset: 0,
            first: Time::MIN,
            last: Time::MIN,
            octets: (*b"*").into(),
            payload: 0..1,
        };
        assert_eq!(read(Mechanism::Plain, &[&step]), None);
    }
}
