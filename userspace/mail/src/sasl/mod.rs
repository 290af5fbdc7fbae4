//! SASL exchanges (RFC 4422) as SMTP, POP3 and IMAP4 carry them: who logs in, and which octets are secret.
//!
//! The exchange of a session is collected step by step, read once when the server has given its answer, and its octets
//! are zeroised when it is dropped.

mod command;
mod identity;
mod redact;

use std::fmt;
use std::ops::Range;

use writ_wire::{Direction, Time};
use zeroize::{Zeroize, Zeroizing};

pub use identity::Identity;
pub use redact::Keep;

/// A client may send no more steps than this in one exchange; no mechanism needs a tenth of it.
const MAX_STEPS: usize = 32;

/// A SASL mechanism, as far as its messages are understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mechanism {
    /// RFC 4616.
    Plain,
    /// The user name and the password in two steps; never a standard, used everywhere.
    Login,
    /// RFC 2195.
    CramMd5,
    /// RFC 2831.
    DigestMd5,
    /// RFC 5802 and its successors, any hash, with or without channel binding.
    Scram,
    /// The OAuth 2 bearer token before it was a standard.
    Xoauth2,
    /// OAUTHBEARER, and OAUTH10A, which names who logs in in the same way (RFC 7628 §3.1).
    OauthBearer,
    /// Microsoft's NTLM.
    Ntlm,
    /// RFC 4422 appendix A.
    External,
    /// Any other: GSSAPI and whatever comes.
    Unknown,
}

impl Mechanism {
    /// By its name, in any case.
    pub fn named(name: &[u8]) -> Self {
        match name.to_ascii_uppercase().as_slice() {
            b"PLAIN" => Self::Plain,
            b"LOGIN" => Self::Login,
            b"CRAM-MD5" => Self::CramMd5,
            b"DIGEST-MD5" => Self::DigestMd5,
            b"XOAUTH2" => Self::Xoauth2,
            b"OAUTHBEARER" | b"OAUTH10A" => Self::OauthBearer,
            b"NTLM" => Self::Ntlm,
            b"EXTERNAL" => Self::External,
            name if name.starts_with(b"SCRAM-") => Self::Scram,
            _ => Self::Unknown,
        }
    }

    /// Whether this is the name of a mechanism, understood or not. What stands in a name's place and is none can be a
    /// password that a client put there.
    pub fn is_name(name: &[u8]) -> bool {
        let name = name.to_ascii_uppercase();
        let families: [&[u8]; 4] = [b"GS2-", b"KERBEROS_", b"EAP-", b"SPNEGO"];
        let others: [&[u8]; 6] = [b"GSSAPI", b"GSS-SPNEGO", b"ANONYMOUS", b"OTP", b"SKEY", b"SECURID"];
        Self::named(&name) != Self::Unknown
            || families.iter().any(|family| name.starts_with(family))
            || others.contains(&name.as_slice())
    }
}

/// One line (or reply) of an exchange as it crossed the wire.
#[derive(Clone, PartialEq, Eq)]
pub struct Step {
    /// Who sent it.
    pub from: Direction,
    /// Stream offset of its first octet.
    pub offset: u64,
    /// The time of the packet with its first octet.
    pub first: Time,
    /// The time of the packet with its last octet.
    pub last: Time,
    /// All of its octets.
    pub octets: Box<[u8]>,
    /// Where in `octets` the SASL message stands, in base64; empty where there is none.
    pub payload: Range<usize>,
}

impl Step {
    /// The SASL message in base64.
    pub fn payload(&self) -> &[u8] {
        self.octets.get(self.payload.clone()).unwrap_or_default()
    }
}

impl Drop for Step {
    fn drop(&mut self) {
        self.octets.zeroize();
    }
}

impl fmt::Debug for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Step({:?}, {} octets)", self.from, self.octets.len())
    }
}

/// How an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The server accepted the login.
    Succeeded,
    /// The server refused it.
    Failed,
    /// The server's answer was not captured.
    Unknown,
    /// The session ended before the server answered, or octets of the client are missing, so that no answer is known to be to this.
    BrokenOff,
    /// The client let it be before the server was asked for an answer, and went on.
    GivenUp,
}

/// One attempt to log in, from the command to the server's answer.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// The mechanism that the client named.
    pub mechanism: Mechanism,
    /// Every line in the order in which the ends saw them, the command first and the final answer last.
    pub steps: Vec<Step>,
    /// Octets past the limits that `steps` does not hold.
    pub cut: u64,
    /// How many steps there were when octets of the client were lost: what the client's messages after them are is not known.
    certain: Option<usize>,
}

impl Exchange {
    /// Begins with the command.
    pub fn new(mechanism: Mechanism, command: Step) -> Self {
        Self { mechanism, steps: vec![command], cut: 0, certain: None }
    }

    /// Octets that it holds.
    pub(crate) fn held(&self) -> usize {
        self.steps.iter().map(|step| step.octets.len() + size_of::<Step>()).sum()
    }

    /// Adds the next line.
    pub fn add(&mut self, step: Step) {
        if self.steps.len() < MAX_STEPS {
            self.steps.push(step);
        } else {
            self.cut += step.octets.len() as u64;
        }
    }

    /// What may be the rest of an exchange, or another: octets of the client before it were not captured.
    pub(crate) fn of_nobody() -> Self {
        Self { mechanism: Mechanism::Unknown, steps: Vec::new(), cut: 0, certain: Some(0) }
    }

    /// Whether there is the command alone, and no message in it.
    pub(crate) fn is_unsaid(&self) -> bool {
        matches!(self.steps.as_slice(), [command] if command.payload.is_empty()) && self.certain.is_none()
    }

    /// None of it is known to be an exchange.
    pub fn doubt(&mut self) {
        self.certain = Some(0);
    }

    /// Octets of the client were not captured here.
    pub fn lost(&mut self) {
        self.certain.get_or_insert(self.steps.len());
    }

    /// Who logs in, where the mechanism tells.
    ///
    /// `None` also where a message is not of the form that its mechanism gives it: the name may then be a password.
    pub fn identity(&self) -> Option<Identity> {
        if self.mechanism == Mechanism::Login && self.first_answer_is_empty() {
            return None;
        }
        let responses: Vec<&Step> =
            self.client_messages().filter(|message| !message.is_secret).map(|message| message.step).collect();
        identity::read(self.mechanism, &responses)
    }

    /// The password, where the mechanism sends it as it is and who logs in is known.
    pub fn password(&self) -> Option<Zeroizing<Vec<u8>>> {
        self.identity()?;
        let responses: Vec<&Step> = self.client_messages().map(|message| message.step).collect();
        identity::password(self.mechanism, &responses)
    }

    /// The first challenge of the server, in base64 as sent.
    pub fn challenge(&self) -> Option<&[u8]> {
        let challenges = self.steps.iter().filter(|step| step.from == Direction::FromServer);
        challenges.map(Step::payload).find(|payload| !payload.is_empty())
    }

    /// The last response of the client, in base64 as sent.
    pub fn response(&self) -> Option<&[u8]> {
        self.client_messages().map(|message| message.step.payload()).last()
    }

    /// The lines, with every octet overwritten by `*` that `keep` does not let go; each as long as it was.
    pub fn redacted(&self, keep: Keep) -> Vec<Step> {
        redact::redact(self, keep)
    }

    /// Whether the client's first answer to a challenge holds nothing. Where LOGIN has no initial response that was to be the
    /// name, and what follows is the password.
    fn first_answer_is_empty(&self) -> bool {
        let mut sent = self.steps.iter().filter(|step| step.from == Direction::FromClient);
        let by_command = sent.next().is_some_and(|command| !command.payload.is_empty());
        !by_command && sent.next().is_some_and(|answer| matches!(answer.payload(), b"" | b"="))
    }

    /// The client's messages in their order.
    fn client_messages(&self) -> impl Iterator<Item = Message<'_>> {
        let certain = self.certain.unwrap_or(usize::MAX);
        let mut password_asked = false;
        self.steps.iter().enumerate().filter(|(_, step)| !step.payload.is_empty()).filter_map(move |(at, step)| {
            if step.from == Direction::FromServer {
                let asks = |text: &[u8]| text.get(..4).is_some_and(|text| text.eq_ignore_ascii_case(b"pass"));
                // Some servers leave base64 out of their prompts.
                password_asked =
                    asks(step.payload()) || identity::decode(step.payload()).is_some_and(|text| asks(&text));
                return None;
            }
            Some(Message { at, step, is_secret: password_asked || at >= certain })
        })
    }
}

/// One of the client's messages.
struct Message<'a> {
    /// Its place among the steps.
    at: usize,
    step: &'a Step,
    /// Whether it is, or may be, a password whatever the mechanism says: the server asked for one, or the messages before it
    /// were lost.
    is_secret: bool,
}
