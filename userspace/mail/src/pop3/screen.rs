//! What may be a password in lines of the server that answer nothing that is known.

/// Reads lines as they come, in whatever pieces, and overwrites what may repeat a line of the client: the rest of a line of which the
/// beginning was not captured, and the text behind a status. Any other line is the inside of a message.
#[derive(Default)]
pub(super) struct Screen {
    place: Place,
}

#[derive(Clone, Copy, Default)]
enum Place {
    #[default]
    LineStart,
    /// So many octets of a status were read: whether of a refusal.
    Status {
        refusal: bool,
        octets: usize,
    },
    /// Behind a status, or in a line that began nobody knows how.
    Hidden,
    Text,
}

impl Screen {
    /// What comes is the rest of a line.
    pub(super) fn in_a_line(&mut self) {
        self.place = Place::Hidden;
    }

    /// Reads octets; gives them with what may be secret overwritten.
    pub(super) fn read(&mut self, octets: &[u8]) -> Vec<u8> {
        octets.iter().map(|&octet| self.octet(octet)).collect()
    }

    fn octet(&mut self, octet: u8) -> u8 {
        if octet == b'\n' {
            self.place = Place::LineStart;
            return octet;
        }
        self.place = match (self.place, octet.to_ascii_uppercase()) {
            (Place::LineStart, b'-') => Place::Status { refusal: true, octets: 1 },
            (Place::LineStart, b'+') => Place::Status { refusal: false, octets: 1 },
            (Place::LineStart, _) => Place::Text,
            (Place::Status { refusal, octets }, octet) => {
                let word: &[u8] = if refusal { b"-ERR" } else { b"+OK" };
                match word.get(octets) {
                    Some(&next) if next == octet => Place::Status { refusal, octets: octets + 1 },
                    None => Place::Hidden,
                    // A challenge.
                    Some(_) if !refusal && octets == 1 && octet == b' ' => Place::Hidden,
                    Some(_) => Place::Text,
                }
            }
            (place, _) => place,
        };
        if matches!(self.place, Place::Hidden) && !matches!(octet, b'\r' | b' ') { b'*' } else { octet }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_behind_a_status_is_overwritten_however_it_is_cut() {
        let told =
            b"et word\r\nText\r\n-ERR not s3cret\r\n--boundary\r\n+OK s3cret\n+ czNj\r\n+1\r\n-err\r\n-ERRs3\r\n";
        let expected =
            "** ****\r\nText\r\n-ERR *** ******\r\n--boundary\r\n+OK ******\n+ ****\r\n+1\r\n-err\r\n-ERR**\r\n";
        for piece in [1, 2, 3, 7, told.len()] {
            let mut screen = Screen::default();
            screen.in_a_line();
            let shown: Vec<u8> = told.chunks(piece).flat_map(|octets| screen.read(octets)).collect();
            assert_eq!(String::from_utf8_lossy(&shown), expected);
        }
    }
}
