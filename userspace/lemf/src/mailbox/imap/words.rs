//! What the words of IMAP4 before a literal, or around a quoted string, make of it.

/// What a literal of the client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upload {
    /// A message (APPEND, RFC 3501 §6.3.11; REPLACE, RFC 8508).
    Message,
    /// A text of one that CATENATE puts together (RFC 4469).
    Catenated,
}

/// The size in `{n}`, `{n+}` or `{n-}` at the end of a line (RFC 3501 §4.3, RFC 7888).
pub(super) fn literal_size(line: &[u8]) -> Option<u64> {
    let inside = line.strip_suffix(b"}")?;
    let start = inside.iter().rposition(|&octet| octet == b'{')?;
    let digits = inside.get(start + 1..)?;
    let digits = digits.strip_suffix(b"+").or_else(|| digits.strip_suffix(b"-")).unwrap_or(digits);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// What the literal that ends `before` is: a message where the mailbox has been named before it. `segment` is what stands
/// since the literal before.
pub(super) fn upload(before: &[u8], segment: &[u8]) -> Option<Upload> {
    let mut words = before.split(|&octet| octet == b' ').filter(|word| !word.is_empty());
    let (_tag, mut verb) = (words.next()?, words.next()?);
    if verb.eq_ignore_ascii_case(b"UID") {
        verb = words.next()?;
    }
    if verb.eq_ignore_ascii_case(b"REPLACE") {
        words.next()?;
    } else if !verb.eq_ignore_ascii_case(b"APPEND") {
        return None;
    }
    let mailbox = words.next()?;
    let is_named = !mailbox.starts_with(b"{") || words.next().is_some();
    let last = segment.split(|&octet| matches!(octet, b' ' | b'(')).rev().nth(1).unwrap_or_default();
    let is_text = last.eq_ignore_ascii_case(b"TEXT") && has_word(before, b"CATENATE");
    is_named.then_some(if is_text { Upload::Catenated } else { Upload::Message })
}

/// Whether the next message of the command begins (MULTIAPPEND, RFC 3502).
pub(super) fn begins_message(segment: &[u8]) -> bool {
    has_word(segment, b"CATENATE")
}

/// Whether a part of what CATENATE puts together is a URL.
pub(super) fn has_url(segment: &[u8]) -> bool {
    has_word(segment, b"URL")
}

fn has_word(segment: &[u8], name: &[u8]) -> bool {
    let mut found = false;
    each_token(segment, |token, _| found |= token.eq_ignore_ascii_case(name));
    found
}

/// What the server sends of messages in `segment`, a part of the line `before`: whether the literal at its end is a whole
/// one, or a part of one, or neither; and the same of quoted strings.
pub(super) fn bodies(before: &[u8], segment: &[u8]) -> (Option<bool>, Vec<(Vec<u8>, bool)>) {
    let mut words = before.split(|&octet| octet == b' ');
    if words.next() != Some(b"*") {
        return (None, Vec::new());
    }
    let kind: fn(&[u8]) -> Option<bool> = match (words.next(), words.next()) {
        (Some(word), _) if word.eq_ignore_ascii_case(b"URLFETCH") => of_url,
        (_, Some(word)) if word.eq_ignore_ascii_case(b"FETCH") => of_item,
        _ => return (None, Vec::new()),
    };
    let (mut last, mut quoted) = (Vec::new(), Vec::new());
    each_token(segment, |token, is_quoted| {
        if is_quoted && let Some(whole) = kind(&last) {
            quoted.push((token.to_vec(), whole));
            last.clear();
        } else if is_quoted {
            // No word of the protocol begins so.
            last = [b"\"", token].concat();
        } else if !(token.starts_with(b"{") || token.starts_with(b"~{")) {
            last = token.to_vec();
        }
    });
    (kind(&last), quoted)
}

/// Whether what follows a word of FETCH data is a whole message, or a part of one; `None` where it is neither.
fn of_item(item: &[u8]) -> Option<bool> {
    let item = item.to_ascii_uppercase();
    if [&b"BODY[]"[..], b"BINARY[]", b"RFC822"].contains(&item.as_slice()) {
        return Some(true);
    }
    // `BODY[HEADER.FIELDS (FROM TO)]` has spaces inside: its end tells as much.
    let is_part = [&b"RFC822.HEADER"[..], b"RFC822.TEXT"].contains(&item.as_slice());
    let is_quoted = item.starts_with(b"\"");
    (!is_quoted && (is_part || item.ends_with(b"]") || item.ends_with(b">"))).then_some(false)
}

/// What follows a URL (RFC 4467), or the name of what was asked for of it (RFC 5524), is a part of a message.
fn of_url(word: &[u8]) -> Option<bool> {
    let bare = word.strip_prefix(b"\"").unwrap_or(word);
    let is_url = bare.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"imap"));
    (is_url || word.eq_ignore_ascii_case(b"BODY") || word.eq_ignore_ascii_case(b"BINARY")).then_some(false)
}

/// Gives the words and quoted strings of a line, the latter without quotes and escapes.
fn each_token(line: &[u8], mut token: impl FnMut(&[u8], bool)) {
    let mut rest = line;
    while let Some((&first, after)) = rest.split_first() {
        match first {
            b' ' | b'(' | b')' => rest = after,
            b'"' => {
                let (mut value, mut escaped, mut read) = (Vec::new(), false, 0);
                for &octet in after {
                    read += 1;
                    match octet {
                        b'\\' if !escaped => escaped = true,
                        b'"' if !escaped => break,
                        _ => {
                            value.push(octet);
                            escaped = false;
                        }
                    }
                }
                token(&value, true);
                rest = after.get(read..).unwrap_or_default();
            }
            _ => {
                let end =
                    rest.iter().position(|octet| matches!(octet, b' ' | b'(' | b')' | b'"')).unwrap_or(rest.len());
                let (word, after) = rest.split_at_checked(end.max(1)).unwrap_or((rest, &[]));
                token(word, false);
                rest = after;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_sends_of_messages() {
        let found = |line: &[u8]| bodies(line, line);
        assert_eq!(found(b"* 1 FETCH (BODY[TEXT] \"a \\\"b\\\" c\" UID 3 BODY[] \"x\")").1.len(), 2);
        assert_eq!(found(b"* 1 FETCH (BODY[TEXT] \"a \\\"b\\\" c\")").1, [(b"a \"b\" c".to_vec(), false)]);
        assert_eq!(found(b"* 1 FETCH (BODY[]<0> \"x\")").1, [(b"x".to_vec(), false)]);
        assert_eq!(found(b"* 1 FETCH (BODY[HEADER.FIELDS (FROM)] {5}"), (Some(false), vec![]));
        assert_eq!(found(b"* 1 FETCH (BODY[HEADER.FIELDS (\"From\" \"To\")]<0> {5}"), (Some(false), vec![]));
        assert_eq!(found(b"* 1 FETCH (ENVELOPE (\"<a@b>\" \"<c@d>\") RFC822.SIZE 3 {5}"), (None, vec![]));
        assert_eq!(found(b"* 1 FETCH (RFC822 ~{5}"), (Some(true), vec![]));
        let other = b"* 1 FETCH (FLAGS () ENVELOPE (\"a\" \"b\") BODYSTRUCTURE (\"text\" \"plain\") BODY (\"text\" \"x\") BODY[1] NIL)";
        assert_eq!(found(other), (None, vec![]));
        assert_eq!(found(b"* 1 FETCH (ENVELOPE ({5}"), (None, vec![]));
        assert_eq!(found(b"* URLFETCH \"imap://x/;uid=1\" \"y\"").1, [(b"y".to_vec(), false)]);
        assert_eq!(found(b"* URLFETCH imap://x/;uid=1 {3}").0, Some(false));
        assert_eq!(found(b"* URLFETCH \"imap://x\" (BINARY {3}").0, Some(false));
        assert_eq!(found(b"* URLFETCH {3}").0, None);
        assert_eq!(found(b"* OK [X] \"y\""), (None, vec![]));
    }

    #[test]
    fn what_a_client_uploads() {
        for (line, expected) in [
            (&b"a APPEND x {5}"[..], Some(Upload::Message)),
            (b"a append {5}", None),
            (b"a append {5} (\\Seen) {6+}", Some(Upload::Message)),
            (b"a REPLACE 4 Drafts (\\Seen) {6}", Some(Upload::Message)),
            (b"a UID REPLACE 4 Drafts {6}", Some(Upload::Message)),
            (b"a APPEND x CATENATE (URL \"/a;UID=1\" TEXT {6}", Some(Upload::Catenated)),
            (b"a APPEND TEXT {6}", Some(Upload::Message)),
            (b"a LOGIN x {6}", None),
        ] {
            assert_eq!(upload(line, line), expected, "{}", String::from_utf8_lossy(line));
        }
    }
}
