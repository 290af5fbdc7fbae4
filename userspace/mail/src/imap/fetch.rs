//! FETCH (RFC 3501 §7.4.2), CONVERTED and URLFETCH responses: what was sent of a message.

use writ_wire::Time;

use super::asked::{Item, Items, number};
use super::downloads::Sent;
use super::envelope::EnvelopeReader;
use super::scan::{KEPT, Scanner, Token};
use super::urlfetch::{Found, Named, Urls};
use crate::access::{TransferKind, UrlContent};
use crate::head::HeadReader;

/// What a literal or string is read for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Value {
    #[default]
    Nothing,
    Head,
    Envelope,
}

/// What was sent of a URL that another came after in the same response.
pub(super) struct Former {
    pub(super) fetched: Fetched,
    /// Octets of the response for it, what stands between the URL before and it among them.
    pub(super) octets: u64,
    /// The time of the packet with the last of them.
    pub(super) last: Time,
}

/// One untagged FETCH, CONVERTED or URLFETCH response, token by token.
#[derive(Default)]
pub(super) struct Fetched {
    /// The message's number; 0 where it has none.
    pub(super) number: u32,
    uid: Option<u32>,
    /// Whether the response ends before its end.
    pub(super) is_cut_short: bool,
    /// Whether it is CONVERTED.
    is_other: bool,
    /// For URLFETCH: which URL's content comes.
    urls: Option<Box<Urls>>,
    /// What was sent of the URL before, each being an event of its own (TS 102 232-2 6.4.1).
    former: Option<Box<Former>>,
    /// Octets of the response that are of former URLs.
    former_octets: u64,
    /// The item whose value comes next.
    item: Option<Item>,
    sent: Sent,
    /// Which items that was.
    items: Items,
    size: Option<u64>,
    /// Where the range of the whole message begins that was sent, and its length.
    range: Option<(u64, u64)>,
    /// What the literal that is being read is read for.
    value: Value,
    literal: Vec<u8>,
    head: Option<Box<HeadReader>>,
    /// Whether all of the header, or of the fields asked for, is being sent.
    head_is_whole: bool,
    envelope: Option<Box<EnvelopeReader>>,
    sender: Option<String>,
    message_id: Option<Box<[u8]>>,
}

impl Fetched {
    /// Octets that are held.
    pub(super) fn held(&self) -> usize {
        self.literal.capacity()
            + self.head.as_ref().map_or(0, |head| head.held())
            + self.urls.as_ref().map_or(0, |urls| urls.held())
    }

    /// For FETCH of the message with this number, and for UIDFETCH of the one with this UID (RFC 9586 §3.3): where that is sent, no
    /// message has a number. `None` for any other name.
    pub(super) fn named(number: u32, name: &[u8]) -> Option<Self> {
        let by_uid = name.eq_ignore_ascii_case(b"UIDFETCH");
        (by_uid || name.eq_ignore_ascii_case(b"FETCH")).then(|| Self {
            number,
            uid: by_uid.then_some(number),
            ..Self::default()
        })
    }

    /// For CONVERTED (RFC 5259 §9).
    pub(super) fn of_other() -> Self {
        Self { is_other: true, ..Self::default() }
    }

    /// For URLFETCH (RFC 4467 §7).
    pub(super) fn of_urls() -> Self {
        Self { urls: Some(Box::default()), ..Self::default() }
    }

    /// Reads a token. The octets of a literal come by [`Self::literal_octets`], and its end by [`Self::literal_ends`]. Gives
    /// whether it is content of a URL in quotes: the scanner's text.
    pub(super) fn token(&mut self, token: Token, scanner: &Scanner) -> bool {
        if self.urls.is_some() {
            return self.url_token(token, scanner);
        }
        self.fetch_token(token, scanner);
        false
    }

    fn fetch_token(&mut self, token: Token, scanner: &Scanner) {
        if let Some(envelope) = &mut self.envelope {
            match token {
                Token::Open => envelope.open(),
                Token::Close => {
                    if envelope.close() {
                        self.end_envelope();
                    }
                }
                Token::Word => envelope.string(None),
                Token::Quoted => envelope.string(Some(scanner.text()).filter(|_| !scanner.is_cut())),
                Token::Literal(_) => self.begin_literal(Value::Envelope),
                Token::End => {}
            }
            return;
        }
        if self.is_other {
            self.other_token(token, scanner);
            return;
        }
        match (token, self.item) {
            (Token::Word, None) => self.item = Some(Item::named(scanner.text())),
            // A header field's name in a section can be a literal too.
            (Token::Literal(_), _) if scanner.is_in_section() => self.begin_literal(Value::Nothing),
            // It is of a list that the value is, and so is what follows it: labels (X-GM-LABELS), a file's name (BODYSTRUCTURE).
            (Token::Literal(_), Some(_)) if scanner.depth() > 1 => self.begin_literal(Value::Nothing),
            (Token::Literal(literal), item) => {
                let value = self.begin_value(item.unwrap_or(Item::Other), literal.size);
                // What is not known and is sent in this way is of the message.
                self.sent.part |= item.is_none_or(|item| item == Item::Other);
                self.begin_literal(value);
                self.item = None;
            }
            (Token::Quoted, Some(item)) if scanner.depth() <= 1 => {
                if self.begin_value(item, scanner.text().len() as u64) == Value::Head {
                    self.push_head(scanner.text());
                    self.end_head(self.head_is_whole && !scanner.is_cut());
                }
                self.item = None;
            }
            (Token::Word, Some(item)) if scanner.depth() <= 1 => {
                match item {
                    Item::Size => self.size = number(scanner.text()),
                    Item::Uid => self.uid = number(scanner.text()).and_then(|uid| uid.try_into().ok()),
                    _ => {}
                }
                self.item = None;
            }
            (Token::Open, Some(Item::Envelope)) => {
                self.sent.part = true;
                self.items.add(Item::Envelope);
                let mut envelope = EnvelopeReader::default();
                envelope.open();
                self.envelope = Some(Box::new(envelope));
            }
            (Token::Open, Some(item @ (Item::Structure | Item::Part))) => {
                self.sent.part = true;
                self.items.add(item);
            }
            (Token::Close, Some(_)) if scanner.depth() <= 1 => self.item = None,
            _ => {}
        }
    }

    /// What a URL names is sent: the first of a response tells what the response is.
    fn url_token(&mut self, token: Token, scanner: &Scanner) -> bool {
        let Some(urls) = &mut self.urls else { return false };
        let found = urls.token(token, scanner);
        let (named, over) = (urls.named(), urls.take_over());
        self.begin_url(over);
        let item = match (found, named) {
            (Found::Nothing, _) => return false,
            (Found::Structure, _) => Item::Structure,
            (_, Named::Whole) => Item::Whole,
            (_, Named::Header) => Item::Header { from_start: true, whole: false, is_cut: false },
            (_, Named::Part) => Item::Part,
        };
        match found {
            Found::Literal => {
                let value = self.begin_value(item, 0);
                self.begin_literal(value);
            }
            _ if self.begin_value(item, 0) == Value::Head => {
                self.push_head(scanner.text());
                self.end_head(!scanner.is_cut());
            }
            _ => {}
        }
        found == Found::Quoted
    }

    /// Another URL begins, where what was sent of the one before ended: that is an event of its own, if it was anything.
    fn begin_url(&mut self, over: Option<(u64, Time)>) {
        let Some((reached, last)) = over.filter(|_| self.kind().is_some()) else { return };
        let fetched = Self {
            sent: std::mem::take(&mut self.sent),
            head: self.head.take(),
            sender: self.sender.take(),
            message_id: self.message_id.take(),
            ..Self::default()
        };
        let octets = reached.saturating_sub(self.former_octets);
        self.former_octets += octets;
        self.former = Some(Box::new(Former { fetched, octets, last }));
    }

    /// So many octets of the response were read, the last of them in a packet of this time.
    pub(super) fn reaches(&mut self, octets: u64, time: Time) {
        if let Some(urls) = &mut self.urls {
            urls.reaches(octets, time);
        }
    }

    /// Whether something of a URL waits to be told.
    pub(super) fn has_former(&self) -> bool {
        self.former.is_some()
    }

    /// What was sent of the URL before.
    pub(super) fn take_former(&mut self) -> Option<Box<Former>> {
        self.former.take()
    }

    /// Octets of the response that are of former URLs.
    pub(super) fn former_octets(&self) -> u64 {
        self.former_octets
    }

    /// Octets of a URL's content in quotes.
    pub(super) fn url_quoted<'a>(&'a mut self, octets: &'a [u8], time: Time) -> Option<UrlContent<'a>> {
        self.urls.as_mut()?.content(octets, time)
    }

    /// All of them were read.
    pub(super) fn end_url(&mut self) {
        if let Some(urls) = &mut self.urls {
            urls.end_content();
        }
    }

    /// CONVERTED has a value after each name: content is what is sent as a string or literal, other than as a name.
    fn other_token(&mut self, token: Token, scanner: &Scanner) {
        match token {
            Token::Word => {
                let is_content = !matches!(Item::named(scanner.text()), Item::Other | Item::Size | Item::Uid);
                self.item = is_content.then_some(Item::Part);
            }
            Token::Literal(_) => {
                if !scanner.is_in_section() {
                    self.sent.part |= self.item.take().is_some();
                }
                self.begin_literal(Value::Nothing);
            }
            Token::Quoted => self.sent.part |= self.item.take().is_some(),
            Token::Open => self.sent.part |= self.item.is_some() && scanner.depth() > 1,
            Token::Close | Token::End => {}
        }
    }

    /// A string of this many octets is the item's value.
    fn begin_value(&mut self, item: Item, octets: u64) -> Value {
        self.items.add(item);
        match item {
            Item::Whole => self.sent.whole = true,
            Item::Range(from) => {
                self.sent.part = true;
                self.range = Some((from, octets));
            }
            Item::Header { whole, .. } => {
                self.sent.part = true;
                self.sent.header |= whole;
            }
            Item::Text => (self.sent.part, self.sent.text) = (true, true),
            Item::Part | Item::Structure | Item::Envelope => self.sent.part = true,
            Item::Size | Item::Uid | Item::Other => {}
        }
        let has_head = matches!(item, Item::Whole | Item::Range(0) | Item::Header { from_start: true, .. });
        if has_head && (self.sender.is_none() || self.message_id.is_none()) {
            self.head = Some(Box::default());
            self.head_is_whole = !matches!(item, Item::Range(_) | Item::Header { is_cut: true, .. });
            Value::Head
        } else {
            Value::Nothing
        }
    }

    fn begin_literal(&mut self, value: Value) {
        self.value = value;
        self.literal = Vec::new();
    }

    /// Octets of the literal that was announced. Gives what they are of, where that is what a URL names.
    pub(super) fn literal_octets<'a>(&'a mut self, octets: &'a [u8], time: Time) -> Option<UrlContent<'a>> {
        match self.value {
            Value::Nothing => {}
            Value::Head => self.push_head(octets),
            Value::Envelope => {
                let room = (KEPT + 1).saturating_sub(self.literal.len()).min(octets.len());
                self.literal.extend_from_slice(octets.get(..room).unwrap_or_default());
            }
        }
        self.urls.as_mut()?.octets(octets, time)
    }

    /// So many octets of the literal were not captured.
    pub(super) fn literal_lost(&mut self, octets: u64) {
        if let Some(urls) = &mut self.urls {
            urls.lost(octets);
        }
        // What is left of a field says something else.
        self.head = self.head.take().filter(|head| head.is_done());
        if self.value == Value::Envelope {
            self.literal = vec![0; KEPT + 1];
        }
    }

    /// All octets of the literal were read.
    pub(super) fn literal_ends(&mut self) {
        let over = self.urls.as_mut().and_then(|urls| {
            urls.literal_ends();
            urls.take_over()
        });
        self.begin_url(over);
        match std::mem::take(&mut self.value) {
            Value::Nothing => {}
            Value::Head => self.end_head(self.head_is_whole),
            Value::Envelope => {
                let literal = std::mem::take(&mut self.literal);
                if let Some(envelope) = &mut self.envelope {
                    envelope.string(Some(&literal[..]).filter(|literal| literal.len() <= KEPT));
                }
            }
        }
    }

    fn push_head(&mut self, octets: &[u8]) {
        if let Some(head) = self.head.as_mut().filter(|head| !head.is_done()) {
            head.push(octets);
        }
    }

    /// The header is over, or what was sent of it: then the last field may be only its beginning.
    fn end_head(&mut self, is_whole: bool) {
        let Some(head) = self.head.take() else { return };
        let head = if is_whole { head.finish() } else { head.finish_cut() };
        self.sender = self.sender.take().or_else(|| head.sender().map(|sender| String::from_utf8_lossy(sender).into()));
        self.message_id = self.message_id.take().or_else(|| head.identifier().map(Box::from));
    }

    fn end_envelope(&mut self) {
        self.item = None;
        if let Some(envelope) = self.envelope.take() {
            self.sender = self.sender.take().or(envelope.sender);
            self.message_id = self.message_id.take().or(envelope.message_id);
        }
    }

    /// What of the message was sent; `None` where nothing was.
    pub(super) fn kind(&self) -> Option<TransferKind> {
        self.sent().kind()
    }

    /// Which items of the message were sent.
    pub(super) fn items(&self) -> Items {
        self.items
    }

    /// Its UID, where the response says it.
    pub(super) fn uid(&self) -> Option<u32> {
        self.uid
    }

    /// The same, of which more may come.
    pub(super) fn sent(&self) -> Sent {
        let ranged = self.range.is_some_and(|(from, octets)| from == 0 && self.size.is_some_and(|size| octets >= size));
        Sent { whole: self.sent.whole || ranged, ..self.sent }
    }

    /// Who wrote the message, and its Message-ID, as far as they were sent.
    pub(super) fn into_names(mut self) -> (Option<String>, Option<Box<[u8]>>) {
        self.end_head(false);
        self.end_envelope();
        (self.sender, self.message_id)
    }
}
