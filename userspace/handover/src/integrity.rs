//! Integrity checks (TS 102 232-1): for each LIID, CIN and interface, hashes over its PDUs in order, and signatures over
//! the hashes. Pure: it is told what goes out and what time it is, and says when a check is due and what is in it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashMap;
use serde::Deserialize;
use sha2::Digest as _;
use writ_etsi::asn1::{Additions, OctetString};
use writ_etsi::{CheckType, DataType, EncodeError, HashAlgorithm, IntegrityCheck, encode_integrity_check};
use writ_intercept::record::Mandate;
use writ_wire::Time;

use self::unchecked::OpenLine;
pub(crate) use self::unchecked::Unchecked;
use crate::pdu::{Checked, Interface, Kind, Pdu};
use crate::sequence::Line;
use crate::signing::SigningKey;

mod unchecked;

/// `agreement.integrity.cover`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cover {
    /// Every PDU of the sequence but the checks themselves: segment flags and messages to the LEMF too.
    #[default]
    All,
    /// PDUs of IRI and CC.
    Records,
}

/// When checks go, and what they are made with.
#[derive(Clone)]
pub(crate) struct IntegrityRules {
    pub(crate) hash: HashAlgorithm,
    pub(crate) hash_pdus: usize,
    pub(crate) hash_quiet: Duration,
    pub(crate) cover: Cover,
    pub(crate) signer: Option<SigningKey>,
    pub(crate) sign_hashes: usize,
    pub(crate) sign_delay: Duration,
    /// Whether the profile has fields for the algorithms.
    pub(crate) names_algorithms: bool,
}

/// A check that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    Hash(Line),
    Signature(Line),
}

/// A check, and whose it is.
pub(crate) struct Check {
    pub(crate) mandate: Arc<Mandate>,
    pub(crate) check: IntegrityCheck,
}

/// The checks of one LEMF. A line is held only while something of it has no hash, or a hash no signature.
pub(crate) struct Integrity {
    rules: IntegrityRules,
    chains: HashMap<Line, Chain>,
    /// When to look whether a line was quiet.
    quiet: BTreeSet<(Time, Line)>,
    /// When a signature is due for the first hash that has none.
    unsigned: VecDeque<(Time, Line)>,
    /// The places of the last PDU of HI2 and HI3.
    places: [u64; 2],
    /// Of HI2 and HI3: the place of the first PDU of each line that is in no hash, or of its first hash that is in no signature.
    open: [BTreeSet<(u64, Line)>; 2],
}

struct Chain {
    mandate: Arc<Mandate>,
    hasher: Hasher,
    /// The numbers of the PDUs that are in the hash so far.
    numbers: Vec<u32>,
    /// The place of the first of them.
    first_open: u64,
    /// The place by which the line stands among those that are open.
    open_from: u64,
    last: Time,
    is_watched: bool,
    /// The numbers of the hashes that have no signature.
    hashes: Vec<u32>,
    /// Those hashes, encoded one after the other.
    encoded: Vec<u8>,
    first_hash: Time,
}

impl Integrity {
    pub(crate) fn new(rules: IntegrityRules) -> Self {
        Self {
            rules,
            chains: HashMap::new(),
            quiet: BTreeSet::new(),
            unsigned: VecDeque::new(),
            places: [0; 2],
            open: [BTreeSet::new(), BTreeSet::new()],
        }
    }

    /// Takes note that the next PDU of an interface was made.
    pub(crate) fn placed(&mut self, interface: Interface) -> Checked {
        let [hi2, hi3] = &mut self.places;
        let place = match interface {
            Interface::Hi2 => hi2,
            Interface::Hi3 => hi3,
        };
        *place += 1;
        Checked { place: *place, open_from: 0 }
    }

    /// Says of the last PDU of each interface what is covered with it.
    pub(crate) fn mark(&self, pdus: &mut [Pdu]) {
        for ((interface, place), open) in Interface::ALL.into_iter().zip(self.places).zip(&self.open) {
            let last =
                pdus.iter_mut().rev().filter(|pdu| pdu.interface == interface).find_map(|pdu| pdu.checked.as_mut());
            if let Some(checked) = last {
                checked.open_from = open.first().map_or(place + 1, |(place, _)| *place);
            }
        }
    }

    /// Takes in what another run has left of a line.
    pub(crate) fn resume(&mut self, line: Line, mandate: &Arc<Mandate>, left: OpenLine, now: Time) {
        let mut chain = Chain::new(mandate, self.rules.hash, now, 0);
        for (number, octets) in left.pdus {
            chain.hasher.update(&octets);
            chain.numbers.push(number);
        }
        for (number, encoded) in left.hashes {
            chain.hashes.push(number);
            chain.encoded.extend(encoded);
        }
        self.stand(line, None, Some(0));
        self.chains.insert(line, chain);
    }

    /// Notes from which place on a line is open.
    fn stand(&mut self, line: Line, was: Option<u64>, is: Option<u64>) {
        let [hi2, hi3] = &mut self.open;
        let open = match line.interface {
            Interface::Hi2 => hi2,
            Interface::Hi3 => hi3,
        };
        was.map(|was| open.remove(&(was, line)));
        is.map(|is| open.insert((is, line)));
    }

    /// The place of the last PDU of an interface.
    fn place(&self, interface: Interface) -> u64 {
        let [hi2, hi3] = self.places;
        match interface {
            Interface::Hi2 => hi2,
            Interface::Hi3 => hi3,
        }
    }

    /// Takes a PDU that goes out now. `true`: a hash is due after it.
    pub(crate) fn add(
        &mut self,
        line: Line,
        mandate: &Arc<Mandate>,
        kind: Kind,
        number: u32,
        octets: &[u8],
        now: Time,
    ) -> bool {
        if self.rules.cover == Cover::Records && kind == Kind::Tri {
            return false;
        }
        let (algorithm, place) = (self.rules.hash, self.place(line.interface));
        if !self.chains.contains_key(&line) {
            self.stand(line, None, Some(place));
        }
        let chain = self.chains.entry(line).or_insert_with(|| Chain::new(mandate, algorithm, now, place));
        if chain.numbers.is_empty() {
            chain.first_open = place;
        }
        chain.hasher.update(octets);
        chain.numbers.push(number);
        chain.last = now;
        if chain.numbers.len() >= self.rules.hash_pdus {
            return true;
        }
        if !chain.is_watched {
            chain.is_watched = true;
            self.quiet.insert((now.after(self.rules.hash_quiet), line));
        }
        false
    }

    /// The hash over what has none, if there is any.
    pub(crate) fn hash(&mut self, line: Line) -> Option<Check> {
        let chain = self.chains.get_mut(&line).filter(|chain| !chain.numbers.is_empty())?;
        let hasher = std::mem::replace(&mut chain.hasher, Hasher::new(self.rules.hash));
        let check = IntegrityCheck {
            included_sequence_numbers: std::mem::take(&mut chain.numbers),
            check_type: CheckType::Hash,
            data_type: Some(data_type(line.interface)),
            check_value: OctetString::from(hasher.finish()),
            hash_algorithm: self.rules.names_algorithms.then_some(self.rules.hash),
            signature_algorithm: None,
            additions: Additions::NONE,
        };
        Some(Check { mandate: Arc::clone(&chain.mandate), check })
    }

    /// Takes note of a hash that went out under a number. `true`: a signature is due after it.
    ///
    /// # Errors
    /// Where it has no encoding.
    pub(crate) fn hashed(
        &mut self,
        line: Line,
        number: u32,
        check: &IntegrityCheck,
        now: Time,
    ) -> Result<bool, EncodeError> {
        if self.rules.signer.is_none() {
            self.let_go(line);
            return Ok(false);
        }
        let place = self.place(line.interface);
        let Some(chain) = self.chains.get_mut(&line) else { return Ok(false) };
        chain.encoded.extend(encode_integrity_check(check)?);
        let is_first = chain.hashes.is_empty();
        chain.hashes.push(number);
        let is_due = chain.hashes.len() >= self.rules.sign_hashes;
        if is_first {
            chain.first_hash = now;
            self.unsigned.push_back((now.after(self.rules.sign_delay), line));
            let was = std::mem::replace(&mut chain.open_from, place);
            self.stand(line, Some(was), Some(place));
        }
        Ok(is_due)
    }

    /// The signature over the hashes that have none, if there are any: over these hashes, encoded one after the other, and
    /// then over itself with an empty `checkValue`.
    ///
    /// # Errors
    /// Where it has no encoding.
    pub(crate) fn signature(&mut self, line: Line) -> Result<Option<Check>, EncodeError> {
        let (Some(signer), Some(chain)) = (&self.rules.signer, self.chains.get_mut(&line)) else { return Ok(None) };
        if chain.hashes.is_empty() {
            return Ok(None);
        }
        let (signature_algorithm, hash) = signer.algorithms();
        let mut check = IntegrityCheck {
            included_sequence_numbers: std::mem::take(&mut chain.hashes),
            check_type: CheckType::Signature,
            data_type: Some(data_type(line.interface)),
            check_value: OctetString::default(),
            hash_algorithm: self.rules.names_algorithms.then_some(hash),
            signature_algorithm: self.rules.names_algorithms.then_some(signature_algorithm),
            additions: Additions::NONE,
        };
        let mut signed = std::mem::take(&mut chain.encoded);
        signed.extend(encode_integrity_check(&check)?);
        check.check_value = OctetString::from(signer.sign(&signed));
        let mandate = Arc::clone(&chain.mandate);
        let (was, is) = (chain.open_from, chain.first_open);
        if !chain.numbers.is_empty() {
            chain.open_from = is;
            self.stand(line, Some(was), Some(is));
        }
        self.let_go(line);
        Ok(Some(Check { mandate, check }))
    }

    /// A check that is due by now.
    pub(crate) fn due(&mut self, now: Time) -> Option<Due> {
        while self.quiet.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, line)) = self.quiet.pop_first() else { break };
            let Some(chain) = self.chains.get_mut(&line) else { continue };
            chain.is_watched = false;
            if chain.numbers.is_empty() {
                continue;
            }
            let at = chain.last.after(self.rules.hash_quiet);
            if at <= now {
                return Some(Due::Hash(line));
            }
            // Something came meanwhile.
            chain.is_watched = true;
            self.quiet.insert((at, line));
        }
        while let Some((at, line)) = self.unsigned.pop_front_if(|(at, _)| *at <= now) {
            // Not of one that was signed meanwhile, though others may have come since.
            let is_it = |chain: &Chain| !chain.hashes.is_empty() && chain.first_hash.after(self.rules.sign_delay) == at;
            if self.chains.get(&line).is_some_and(is_it) {
                return Some(Due::Signature(line));
            }
        }
        None
    }

    /// When something may be due next.
    pub(crate) fn next_due(&self) -> Option<Time> {
        [self.quiet.first(), self.unsigned.front()].into_iter().flatten().map(|(at, _)| *at).min()
    }

    /// Every line of which something has no hash, or a hash no signature.
    pub(crate) fn open(&self) -> Vec<Line> {
        let mut lines: Vec<Line> = self.chains.keys().copied().collect();
        lines.sort_unstable();
        lines
    }

    /// Frees what is held for a line of which nothing is left to check.
    fn let_go(&mut self, line: Line) {
        if let Some(chain) = self.chains.get(&line).filter(|chain| chain.numbers.is_empty() && chain.hashes.is_empty())
        {
            let was = chain.open_from;
            self.stand(line, Some(was), None);
            self.chains.remove(&line);
        }
    }
}

impl Chain {
    fn new(mandate: &Arc<Mandate>, algorithm: HashAlgorithm, now: Time, place: u64) -> Self {
        Self {
            mandate: Arc::clone(mandate),
            hasher: Hasher::new(algorithm),
            numbers: Vec::new(),
            first_open: place,
            open_from: place,
            last: now,
            is_watched: false,
            hashes: Vec::new(),
            encoded: Vec::new(),
            first_hash: now,
        }
    }
}

fn data_type(interface: Interface) -> DataType {
    match interface {
        Interface::Hi2 => DataType::Iri,
        Interface::Hi3 => DataType::Cc,
    }
}

/// A hash that grows.
enum Hasher {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
}

impl Hasher {
    fn new(algorithm: HashAlgorithm) -> Self {
        match algorithm {
            HashAlgorithm::Sha1 => Self::Sha1(sha1::Sha1::new()),
            HashAlgorithm::Sha384 => Self::Sha384(sha2::Sha384::new()),
            HashAlgorithm::Sha512 => Self::Sha512(sha2::Sha512::new()),
            // No setting gives one without a name.
            HashAlgorithm::Sha256 | HashAlgorithm::Unrecognised(_) => Self::Sha256(sha2::Sha256::new()),
        }
    }

    fn update(&mut self, octets: &[u8]) {
        match self {
            Self::Sha1(hash) => hash.update(octets),
            Self::Sha256(hash) => hash.update(octets),
            Self::Sha384(hash) => hash.update(octets),
            Self::Sha512(hash) => hash.update(octets),
        }
    }

    fn finish(self) -> Vec<u8> {
        match self {
            Self::Sha1(hash) => hash.finalize().to_vec(),
            Self::Sha256(hash) => hash.finalize().to_vec(),
            Self::Sha384(hash) => hash.finalize().to_vec(),
            Self::Sha512(hash) => hash.finalize().to_vec(),
        }
    }
}
