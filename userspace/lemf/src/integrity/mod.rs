//! Whether what arrived is what was sent (TS 102 232-1, `integrityCheck`): hashes over PDUs, and signatures over hashes,
//! verified against the PDUs themselves.

mod finding;
mod key;

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use sha2::Digest as _;
use writ_etsi::asn1::OctetString;
use writ_etsi::{CheckType, HashAlgorithm, IntegrityCheck, Payload, PsPdu, TriPayload, encode_integrity_check};

pub use self::finding::{Finding, Problem, Verified};
pub use self::key::{VerifyingKey, VerifyingKeyError};
use crate::record::{Communication, Interface, Resets, sequence_of};

/// How much a verifier holds.
#[derive(Debug, Clone, Copy)]
pub struct VerifierLimits {
    /// Octets of PDUs that no check has covered yet.
    pub octets: usize,
    /// PDUs that are remembered, those that were covered too.
    pub pdus: usize,
}

impl Default for VerifierLimits {
    fn default() -> Self {
        Self { octets: 256 << 20, pdus: 1_000_000 }
    }
}

/// Takes PDUs as they come and says what is wrong with them as soon as a check shows it.
pub struct Verifier {
    key: Option<VerifyingKey>,
    limits: VerifierLimits,
    chains: HashMap<Line, Chain>,
    /// Every PDU that is remembered, as they came: whose, of which beginning, and its number.
    order: VecDeque<(Line, u64, u32)>,
    /// Chains that were begun.
    begun: u64,
    resets: Resets,
    octets: usize,
    verified: Verified,
}

/// A sequence of PDUs that have one count of checks.
type Line = (Communication, Interface);

/// The PDUs of a line, by their numbers.
struct Chain {
    held: BTreeMap<u32, Held>,
    /// Which of all chains it is, by when it was begun.
    beginning: u64,
    /// How often the source had begun to count anew when this line was last heard.
    resets: u64,
}

/// What is held of a PDU, under its number.
enum Held {
    /// No check has covered it yet. `is_record`: it holds IRI or CC, which every sender covers.
    Unchecked { octets: Bytes, is_record: bool },
    /// It is what was hashed.
    Checked { digest: [u8; 32] },
    /// A check, which names what was hashed; `encoded` until a signature has covered it.
    Hash { encoded: Option<Vec<u8>>, digest: [u8; 32] },
    /// A signature.
    Signature { digest: [u8; 32] },
}

impl Held {
    /// Whether it is this PDU.
    fn is(&self, octets: &[u8]) -> bool {
        match self {
            Self::Unchecked { octets: held, .. } => held == octets,
            Self::Checked { digest } | Self::Hash { digest, .. } | Self::Signature { digest } => *digest == sum(octets),
        }
    }
}

impl Verifier {
    /// A verifier. Without a key, signatures are counted and not verified.
    #[must_use]
    pub fn new(key: Option<VerifyingKey>, limits: VerifierLimits) -> Self {
        Self {
            key,
            limits,
            chains: HashMap::new(),
            order: VecDeque::new(),
            begun: 0,
            resets: Resets::default(),
            octets: 0,
            verified: Verified::default(),
        }
    }

    /// Takes a PDU: its octets as they came, and what they say, decrypted where they were encrypted.
    pub fn take(&mut self, octets: &[u8], pdu: &PsPdu) -> Vec<Finding> {
        let mut findings = Vec::new();
        if matches!(pdu.payload, Payload::TriPayload(TriPayload::CinReset)) {
            // It comes over each interface on its own, before or after PDUs of the new count on the other.
            self.resets.reset(&pdu.ps_header);
            return findings;
        }
        if matches!(pdu.payload, Payload::EncryptionContainer(_)) {
            // Whether it is IRI or CC, of which each has numbers of its own, is encrypted too.
            self.verified.closed += 1;
            return findings;
        }
        let Some(line) = sequence_of(pdu) else { return findings };
        let number = pdu.ps_header.sequence_number;
        let resets = self.resets.of(&line.0);
        if let Some((chain, held)) = self.chains.get(&line).and_then(|chain| Some((chain, chain.held.get(&number)?))) {
            // After a reconnection a PDU may come twice; not as another, unless the source counts anew.
            if held.is(octets) {
                return findings;
            }
            if chain.resets == resets {
                self.verified.altered += 1;
                findings.push(Finding::new(&line, Problem::Twice { number }));
                return findings;
            }
            if let Some(chain) = self.chains.remove(&line) {
                self.end(&line, &chain, &mut findings);
            }
        }
        let begun = &mut self.begun;
        let chain = self.chains.entry(line.clone()).or_insert_with(|| {
            *begun += 1;
            Chain { held: BTreeMap::new(), beginning: *begun, resets }
        });
        chain.resets = resets;
        let beginning = chain.beginning;
        let held = match &pdu.payload {
            Payload::TriPayload(TriPayload::IntegrityCheck(check)) => {
                let problem = match check.check_type {
                    CheckType::Hash => self.hash(&line, number, check),
                    CheckType::Signature => self.signature(&line, number, check),
                    CheckType::Unrecognised(_) => Some(Problem::Unknown { check: number }),
                };
                findings.extend(problem.map(|problem| Finding::new(&line, problem)));
                let digest = sum(octets);
                match check.check_type {
                    CheckType::Hash => Held::Hash { encoded: encode_integrity_check(check).ok(), digest },
                    _ => Held::Signature { digest },
                }
            }
            payload => {
                self.octets += octets.len();
                let is_record = matches!(payload, Payload::IriPayloadSequence(_) | Payload::CcPayloadSequence(_));
                Held::Unchecked { octets: Bytes::copy_from_slice(octets), is_record }
            }
        };
        if let Some(chain) = self.chains.get_mut(&line) {
            chain.held.insert(number, held);
        }
        self.order.push_back((line, beginning, number));
        self.make_room();
        findings
    }

    /// Begins counting anew: what came so far was told before.
    pub fn count_anew(&mut self) {
        self.verified = Verified::default();
    }

    /// What was verified so far.
    #[must_use]
    pub fn verified(&self) -> Verified {
        self.verified
    }

    /// What was verified, after all that came; and what is left that nothing covers.
    #[must_use]
    pub fn finish(mut self) -> (Verified, Vec<Finding>) {
        let mut findings = Vec::new();
        let mut chains: Vec<_> = std::mem::take(&mut self.chains).into_iter().collect();
        chains.sort_by(|one, other| one.0.cmp(&other.0));
        for (line, chain) in chains {
            self.end(&line, &chain, &mut findings);
        }
        (self.verified, findings)
    }

    /// Verifies a hash.
    fn hash(&mut self, line: &Line, number: u32, check: &IntegrityCheck) -> Option<Problem> {
        self.verified.hashes += 1;
        let has_forgotten = self.verified.forgotten > 0;
        let Chain { held: chain, .. } = self.chains.get_mut(line)?;
        let included = &check.included_sequence_numbers;
        let is_there = |number: &u32| matches!(chain.get(number), Some(Held::Unchecked { .. }));
        let missing: Vec<u32> = included.iter().copied().filter(|number| !is_there(number)).collect();
        let problem = if !missing.is_empty() && self.verified.closed > 0 {
            // They may be among those that were not opened.
            self.verified.hashes_closed += 1;
            return None;
        } else if !missing.is_empty() {
            Some(if has_forgotten {
                self.verified.unverifiable += 1;
                Problem::NotHeld { check: number, numbers: missing }
            } else {
                self.verified.missing += missing.len() as u64;
                Problem::Missing { check: number, numbers: missing }
            })
        } else {
            let algorithm = check.hash_algorithm.unwrap_or(HashAlgorithm::Sha1);
            let pdus = included.iter().filter_map(|number| match chain.get(number) {
                Some(Held::Unchecked { octets, .. }) => Some(octets),
                _ => None,
            });
            match digest(algorithm, pdus) {
                None => {
                    self.verified.unverifiable += 1;
                    Some(Problem::Unknown { check: number })
                }
                Some(value) if value == check.check_value[..] => None,
                Some(_) => {
                    self.verified.altered += 1;
                    Some(Problem::Altered { check: number, numbers: included.clone() })
                }
            }
        };
        // What a check named was judged with it, whatever came of it.
        for number in included {
            if let Some(held) = chain.get_mut(number)
                && let Held::Unchecked { octets, .. } = held
            {
                self.octets -= octets.len();
                self.verified.pdus += u64::from(problem.is_none());
                let digest = sum(octets);
                *held = Held::Checked { digest };
            }
        }
        problem
    }

    /// Verifies a signature: over the hashes that it includes, encoded one after the other, and then over itself with an
    /// empty `checkValue`.
    fn signature(&mut self, line: &Line, number: u32, check: &IntegrityCheck) -> Option<Problem> {
        self.verified.signatures += 1;
        let Chain { held: chain, .. } = self.chains.get_mut(line)?;
        let mut signed = Vec::new();
        let mut missing = Vec::new();
        for included in &check.included_sequence_numbers {
            match chain.get_mut(included) {
                Some(Held::Hash { encoded, .. }) if encoded.is_some() => {
                    signed.extend(encoded.take().unwrap_or_default());
                }
                _ => missing.push(*included),
            }
        }
        if !missing.is_empty() {
            self.verified.missing += missing.len() as u64;
            return Some(Problem::MissingHash { check: number, numbers: missing });
        }
        let empty = IntegrityCheck { check_value: OctetString::default(), ..check.clone() };
        signed.extend(encode_integrity_check(&empty).unwrap_or_default());
        let Some(key) = &self.key else {
            self.verified.signatures_unverified += 1;
            return None;
        };
        if key.verifies(&signed, &check.check_value, check.signature_algorithm) {
            return None;
        }
        self.verified.forged += 1;
        Some(Problem::Forged { check: number, numbers: check.included_sequence_numbers.clone() })
    }

    /// Says what of a line no check has covered, if anything was covered at all.
    fn end(&mut self, line: &Line, chain: &Chain, findings: &mut Vec<Finding>) {
        let of = |is_it: fn(&Held) -> bool| -> Vec<u32> {
            chain.held.iter().filter(|(_, held)| is_it(held)).map(|(number, _)| *number).collect()
        };
        for held in chain.held.values() {
            if let Held::Unchecked { octets, .. } = held {
                self.octets -= octets.len();
            }
        }
        let uncovered = of(|held| matches!(held, Held::Unchecked { is_record: true, .. }));
        if self.verified.hashes > 0 && !uncovered.is_empty() {
            self.verified.uncovered += uncovered.len() as u64;
            findings.push(Finding::new(line, Problem::Uncovered { numbers: uncovered }));
        }
        let unsigned = of(|held| matches!(held, Held::Hash { encoded: Some(_), .. }));
        if self.verified.signatures > 0 && !unsigned.is_empty() {
            self.verified.unsigned += unsigned.len() as u64;
            findings.push(Finding::new(line, Problem::Unsigned { numbers: unsigned }));
        }
    }

    /// Forgets the oldest beyond the limits.
    fn make_room(&mut self) {
        while self.octets > self.limits.octets || self.order.len() > self.limits.pdus {
            let Some((line, beginning, number)) = self.order.pop_front() else { break };
            // One that began again since holds others under these numbers.
            let Some(chain) = self.chains.get_mut(&line).filter(|chain| chain.beginning == beginning) else { continue };
            if let Some(Held::Unchecked { octets, .. }) = chain.held.remove(&number) {
                self.octets -= octets.len();
                self.verified.forgotten += 1;
            }
            if chain.held.is_empty() {
                self.chains.remove(&line);
            }
        }
    }
}

/// The hash over PDUs, in order; `None` of an algorithm that has no name.
fn digest<'a>(algorithm: HashAlgorithm, pdus: impl Iterator<Item = &'a Bytes>) -> Option<Vec<u8>> {
    fn over<'a, D: sha2::Digest>(pdus: impl Iterator<Item = &'a Bytes>) -> Vec<u8> {
        let mut hash = D::new();
        pdus.for_each(|pdu| hash.update(pdu));
        hash.finalize().to_vec()
    }
    match algorithm {
        HashAlgorithm::Sha1 => Some(over::<sha1::Sha1>(pdus)),
        HashAlgorithm::Sha256 => Some(over::<sha2::Sha256>(pdus)),
        HashAlgorithm::Sha384 => Some(over::<sha2::Sha384>(pdus)),
        HashAlgorithm::Sha512 => Some(over::<sha2::Sha512>(pdus)),
        HashAlgorithm::Unrecognised(_) => None,
    }
}

/// What is kept of a PDU to know it again.
fn sum(octets: &[u8]) -> [u8; 32] {
    sha2::Sha256::digest(octets).into()
}
