//! The beginning of a command: its tag and its name (RFC 3501 §9, `command`).

use std::ops::Range;

/// A tag is not longer than this: servers read lines of 64 KiB at most, and no tag is refused for its length by itself.
pub(super) const LONGEST_TAG: usize = 64 * 1024;
/// What follows it up to the end of a command's name is not longer than this; what is longer is no command.
const LONGEST: usize = 1024;

/// Which command it is, as far as that changes how a session is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    /// LOGIN (RFC 3501 §6.2.3).
    Login,
    /// AUTHENTICATE (§6.2.2).
    Authenticate,
    /// STARTTLS (§6.2.1).
    StartTls,
    /// COMPRESS (RFC 4978).
    Compress,
    /// UNAUTHENTICATE (RFC 8437).
    Unauthenticate,
    /// PROXYAUTH, of the servers of Netscape, Sun and Oracle: who is logged in goes on as somebody else.
    ProxyAuth,
    /// LOGOUT (RFC 3501 §6.1.3).
    Logout,
    /// FETCH and UID FETCH (§6.4.5, §6.4.8).
    Fetch {
        /// Whether messages are named by their UIDs.
        by_uid: bool,
    },
    /// CONVERT and UID CONVERT (RFC 5259), URLFETCH (RFC 4467): they too can send content.
    Convert,
    /// APPEND (RFC 3501 §6.3.11, RFC 3502, RFC 4469).
    Append,
    /// REPLACE and UID REPLACE (RFC 8508): an APPEND in the place of a message, whose number comes first.
    Replace,
    /// IDLE (RFC 2177): ends with a line that says DONE.
    Idle,
    /// One that is allowed before a login and changes nothing for us.
    Any,
    /// One that is allowed after a login only and changes nothing for us.
    Authenticated,
    /// One that is not known.
    Unknown,
}

impl Verb {
    /// By the name, and by the word after it where the name is UID.
    fn named(name: &[u8]) -> Self {
        match name.to_ascii_uppercase().as_slice() {
            b"LOGIN" | b"UID LOGIN" => Self::Login,
            b"AUTHENTICATE" | b"UID AUTHENTICATE" => Self::Authenticate,
            b"STARTTLS" => Self::StartTls,
            b"COMPRESS" => Self::Compress,
            b"UNAUTHENTICATE" => Self::Unauthenticate,
            b"PROXYAUTH" => Self::ProxyAuth,
            b"LOGOUT" => Self::Logout,
            b"FETCH" => Self::Fetch { by_uid: false },
            b"UID FETCH" => Self::Fetch { by_uid: true },
            b"CONVERT" | b"UID CONVERT" | b"URLFETCH" => Self::Convert,
            b"APPEND" => Self::Append,
            b"REPLACE" | b"UID REPLACE" => Self::Replace,
            b"IDLE" => Self::Idle,
            b"CAPABILITY" | b"NOOP" | b"ID" | b"LANGUAGE" | b"COMPARATOR" => Self::Any,
            b"SELECT" | b"EXAMINE" | b"CREATE" | b"DELETE" | b"RENAME" | b"SUBSCRIBE" | b"UNSUBSCRIBE" | b"LIST"
            | b"LSUB" | b"XLIST" | b"RLIST" | b"RLSUB" | b"NAMESPACE" | b"STATUS" | b"CHECK" | b"CLOSE"
            | b"UNSELECT" | b"EXPUNGE" | b"SEARCH" | b"STORE" | b"COPY" | b"MOVE" | b"SORT" | b"THREAD" | b"ENABLE"
            | b"NOTIFY" | b"GETACL" | b"SETACL" | b"DELETEACL" | b"LISTRIGHTS" | b"MYRIGHTS" | b"GETQUOTA"
            | b"SETQUOTA" | b"GETQUOTAROOT" | b"GETMETADATA" | b"SETMETADATA" | b"GETANNOTATION" | b"SETANNOTATION"
            | b"CONVERSIONS" | b"GENURLAUTH" | b"RESETKEY" | b"CANCELUPDATE" | b"ESEARCH" => Self::Authenticated,
            name if name.starts_with(b"UID ") => Self::Authenticated,
            _ => Self::Unknown,
        }
    }

    /// Whether an OK to it says that somebody has logged in.
    pub(super) fn needs_login(self) -> bool {
        matches!(
            self,
            Self::Fetch { .. }
                | Self::Convert
                | Self::Append
                | Self::Replace
                | Self::Idle
                | Self::Authenticated
                | Self::Unauthenticate
                | Self::ProxyAuth
        )
    }

    /// Whether the client's next octets are not read before the server has answered it.
    pub(super) fn decides(self) -> bool {
        matches!(
            self,
            Self::Login
                | Self::Authenticate
                | Self::StartTls
                | Self::Compress
                | Self::Unauthenticate
                | Self::ProxyAuth
                | Self::Logout
        )
    }
}

/// What a line begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Head {
    /// A command.
    Command {
        /// Its tag, in the octets that were read.
        tag: Range<usize>,
        /// Which it is.
        verb: Verb,
    },
    /// Something that may be a login, however it is misspelled.
    LikeLogin(Range<usize>),
    /// DONE alone (RFC 2177 §3).
    Done,
    /// Nothing but the line's end.
    Empty,
    /// No command: the first word.
    None(Range<usize>),
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Blank,
    Tag,
    /// Between tag and name.
    Space,
    Name,
    /// After UID.
    UidSpace,
    UidName,
}

/// Reads the beginning of a line, octet by octet, up to the one after a command's name.
#[derive(Default)]
pub(super) struct HeadReader {
    state: State,
    read: usize,
    tag: Range<usize>,
    name: Vec<u8>,
}

impl HeadReader {
    /// Takes one octet. Where this decides what the line is, gives that; the octet is not part of it then, unless it ends the
    /// line.
    pub(super) fn take(&mut self, octet: u8) -> Option<Head> {
        let at = self.read;
        let most = if self.state == State::Tag { LONGEST_TAG } else { self.tag.end + LONGEST };
        if at >= most {
            return Some(Head::None(self.tag.clone()));
        }
        self.read += 1;
        let is_space = matches!(octet, b' ' | b'\t' | b'\r');
        let ends = octet == b'\n';
        match self.state {
            State::Blank if ends => return Some(Head::Empty),
            State::Blank if is_space => {}
            State::Blank => {
                self.state = State::Tag;
                self.tag = at..at + 1;
            }
            State::Tag if ends || is_space => {
                self.state = State::Space;
                if ends {
                    return Some(self.without_name());
                }
            }
            State::Tag => self.tag.end = at + 1,
            State::Space if ends => return Some(self.without_name()),
            State::Space if is_space => {}
            State::Space | State::Name | State::UidName if is_name(octet) => {
                if self.state == State::Space {
                    self.state = State::Name;
                }
                self.name.push(octet);
            }
            State::Name if is_space && self.name.eq_ignore_ascii_case(b"UID") => {
                self.state = State::UidSpace;
            }
            State::UidSpace if is_space => {}
            State::UidSpace if is_name(octet) => {
                self.state = State::UidName;
                self.name.extend([b' ', octet]);
            }
            State::Space | State::Name | State::UidSpace | State::UidName => return Some(self.decide()),
        }
        None
    }

    /// Whether a word stands where the tag does, and it is this.
    fn tag_is(&self, octets: &[u8], words: &[&[u8]]) -> bool {
        octets.get(self.tag.clone()).is_some_and(|tag| words.iter().any(|word| tag.eq_ignore_ascii_case(word)))
    }

    fn without_name(&self) -> Head {
        Head::None(self.tag.clone())
    }

    fn decide(&self) -> Head {
        let verb = Verb::named(&self.name);
        if verb == Verb::Unknown {
            let name = self.name.to_ascii_uppercase();
            let likely: [&[u8]; 3] = [b"LOGI", b"AUT", b"PASS"];
            if likely.iter().any(|word| name.starts_with(word)) {
                return Head::LikeLogin(self.tag.clone());
            }
        }
        if self.name.is_empty() {
            return Head::None(self.tag.clone());
        }
        Head::Command { tag: self.tag.clone(), verb }
    }

    /// What the octets read so far begin, seen again with the tag's octets: a login without its tag, or DONE.
    pub(super) fn look_again(&self, head: Head, octets: &[u8]) -> Head {
        let verbs: [&[u8]; 5] = [b"LOGIN", b"AUTHENTICATE", b"AUTH", b"USER", b"PASS"];
        match head {
            Head::Command { tag, verb: Verb::Unknown } if self.tag_is(octets, &verbs) => Head::LikeLogin(tag),
            Head::None(tag) if self.tag_is(octets, &verbs) => Head::LikeLogin(tag),
            Head::None(_) if self.name.is_empty() && self.tag_is(octets, &[b"DONE"]) => Head::Done,
            head => head,
        }
    }
}

/// Whether the octet can stand in a command's name. Names end at anything else, so that `LOGIN"a" b` is a LOGIN.
fn is_name(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'_' | b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(line: &[u8]) -> Option<Head> {
        let mut reader = HeadReader::default();
        for &octet in line {
            if let Some(head) = reader.take(octet) {
                return Some(reader.look_again(head, line));
            }
        }
        None
    }

    #[test]
    fn commands_in_any_spelling() {
        for (line, expected) in [
            (&b"a1 NOOP\r\n"[..], Verb::Any),
            (b"a1 noop\n", Verb::Any),
            (b" a1\t login x y\r\n", Verb::Login),
            (b"a1 LOGIN\"x\" y\r\n", Verb::Login),
            (b"a1 login(", Verb::Login),
            (b"a1 uid  fetch 1 BODY[]\r\n", Verb::Fetch { by_uid: true }),
            (b"a1 UID LOGIN x y\r\n", Verb::Login),
            (b"a1 Fetch 1 BODY[]\r\n", Verb::Fetch { by_uid: false }),
            (b"* AUTHENTICATE PLAIN\r\n", Verb::Authenticate),
            (b"LOGIN LOGOUT\r\n", Verb::Logout),
            (b"a1 XFOO bar\r\n", Verb::Unknown),
        ] {
            let found = head(line);
            assert!(
                matches!(&found, Some(Head::Command { verb, .. }) if *verb == expected),
                "{found:?} of {:?}",
                String::from_utf8_lossy(line)
            );
        }
    }

    #[test]
    fn what_is_no_command() {
        assert_eq!(head(b"DONE\r\n"), Some(Head::Done));
        assert_eq!(head(b"done \r\n"), Some(Head::Done));
        assert_eq!(head(b"\r\n"), Some(Head::Empty));
        assert_eq!(head(b"c2VjcmV0\r\n"), Some(Head::None(0..8)));
        assert_eq!(head(b"a (x)\r\n"), Some(Head::None(0..1)));
        assert_eq!(head(&[b'x'; 70_000]), Some(Head::None(0..LONGEST_TAG)));
        assert_eq!(head(&[b' '; 2000]), Some(Head::None(0..0)));
        let long = [&[b'x'; 60_000], &b" LOGIN a b"[..]].concat();
        assert_eq!(head(&long), Some(Head::Command { tag: 0..60_000, verb: Verb::Login }));
        for line in
            [&b"LOGIN alice secret\r\n"[..], b"a LOGIM alice secret\r\n", b"login secret\r\n", b"a Auth x y\r\n"]
        {
            assert!(matches!(head(line), Some(Head::LikeLogin(_))), "{:?}", String::from_utf8_lossy(line));
        }
    }
}
