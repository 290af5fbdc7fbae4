//! Messages behind an end that not every server knows.

use super::*;

/// A client of its own choice: messages sent in one write each, with lines of some kinds in them, and behind each line
/// another envelope.
#[derive(Clone, Debug)]
struct Smuggler {
    /// Of each message, the part before the first such line and those behind one: the kind of that line, a command that
    /// comes first, and the sender.
    messages: Vec<Vec<(usize, usize, usize)>>,
    /// Which kinds the server takes.
    takes: Vec<bool>,
    /// Whether each reply comes by itself.
    single: bool,
    piece: usize,
}

const FIRST: [(&str, &str); 4] =
    [("", ""), ("RSET\r\n", "250 ok\r\n"), ("junk\r\n", "500 what\r\n"), ("NOOP\r\n", "250 ok\r\n")];

impl Smuggler {
    /// The dialogue, and the messages that the server took.
    fn dialogue(&self, kinds: &[&str]) -> (Vec<(Direction, Vec<u8>)>, Messages) {
        let mut turns = vec![(Direction::FromServer, b"220 mx\r\n".to_vec())];
        let mut taken = Vec::new();
        let mut number = 0;
        for parts in &self.messages {
            let (mut burst, mut replies) = (String::new(), String::new());
            let mut open = (String::new(), String::new());
            for (at, &(kind, first, sender)) in parts.iter().enumerate() {
                number += 1;
                let (first, answer) = FIRST[first];
                let sender = ["<a@x>", "<b@x>", "<c@x>"][sender];
                let envelope = format!("MAIL FROM:{sender}\r\nRCPT TO:<d@y>\r\nDATA\r\n");
                let text = format!("Subject: {number}\r\n\r\ntext {number}");
                if at == 0 {
                    turns.push((Direction::FromClient, envelope.into_bytes()));
                    turns.push((Direction::FromServer, b"250 ok\r\n250 ok\r\n354 go\r\n".to_vec()));
                    open = (sender.to_owned(), text.clone());
                    burst = text;
                    continue;
                }
                let line = kinds[kind];
                burst = [&burst, line, first, &envelope, &text].map(|part| part.to_owned()).concat();
                open.1.push_str(line);
                if self.takes[kind] {
                    taken.push(std::mem::replace(&mut open, (sender.to_owned(), text)));
                    replies.push_str(&format!("250 taken\r\n{answer}250 ok\r\n250 ok\r\n354 go\r\n"));
                } else {
                    open.1.push_str(&[first, &envelope, &text].concat());
                }
            }
            let end = "\r\n.\r\n";
            open.1.push_str(end);
            taken.push(open);
            turns.push((Direction::FromClient, [burst, end.to_owned()].concat().into_bytes()));
            replies.push_str("250 taken\r\n");
            let each = replies.split_inclusive('\n').map(|reply| (Direction::FromServer, reply.as_bytes().to_vec()));
            if self.single { turns.extend(each) } else { turns.push((Direction::FromServer, replies.into_bytes())) }
        }
        turns.push((Direction::FromClient, b"QUIT\r\n".to_vec()));
        turns.push((Direction::FromServer, b"221 bye\r\n".to_vec()));
        (turns, taken)
    }

    /// Whether no other choice of kinds leads to the same replies, in a session of one message.
    fn is_told(&self) -> bool {
        let [parts] = self.messages.as_slice() else { return false };
        let times = |kind: usize| parts[1..].iter().filter(|part| part.0 == kind).count();
        let met: Vec<_> = (0..self.takes.len()).filter(|&kind| times(kind) > 0).collect();
        let taken: usize = met.iter().filter(|&&kind| self.takes[kind]).map(|&kind| times(kind)).sum();
        let alike = (0..1usize << met.len())
            .map(|choice| met.iter().enumerate().map(|(at, &kind)| (choice >> at & 1) * times(kind)).sum::<usize>())
            .filter(|&other| other == taken);
        alike.count() == 1 && parts.iter().all(|part| part.1 == 0)
    }
}

fn smuggler(kinds: usize) -> impl Strategy<Value = Smuggler> {
    let first = prop_oneof![3 => Just(0usize), 1 => 1usize..4];
    let message = proptest::collection::vec((0..kinds, first, 0usize..3), 1..6);
    let messages = prop_oneof![
        2 => message.clone().prop_map(|message| vec![message]),
        1 => proptest::collection::vec(message, 2..4)
    ];
    let takes = proptest::collection::vec(any::<bool>(), kinds);
    (messages, takes, any::<bool>(), prop_oneof![Just(1usize), Just(7), Just(usize::MAX)])
        .prop_map(|(messages, takes, single, piece)| Smuggler { messages, takes, single, piece })
}

proptest! {
    #[test]
    fn nobody_gets_what_a_smuggler_sent_as_another(
        smuggler in prop_oneof![3 => smuggler(2), 1 => smuggler(3), 1 => smuggler(5)],
        kinds in Just(LOOSE.to_vec()).prop_shuffle(),
    ) {
        let (turns, taken) = smuggler.dialogue(&kinds);
        let told = messages(&run_turns(&turns, smuggler.piece));
        for (sender, text) in &told {
            let is_theirs = taken.iter().any(|(owner, whole)| owner == sender && whole.starts_with(text.as_str()));
            prop_assert!(is_theirs || text.is_empty(), "{} {:?} {:?}", sender, text, taken);
        }
        if smuggler.is_told() && smuggler.takes.len() <= 3 {
            prop_assert_eq!(told, taken);
        }
    }
}

#[test]
fn dots_of_every_kind_cost_what_they_are_long() {
    let text: Vec<u8> = (LOOSE.join("x") + "x").into_bytes().repeat(4096);
    let read = |text: &[u8]| {
        let mut smtp = Smtp::new(true, Limits::default());
        let mut octets = 0;
        let mut tell = |event: Event<'_>| {
            if let Event::Body { octets: body, .. } = event {
                octets += body.len();
            }
        };
        smtp.server(AT, b"220 mx\r\n", &mut tell);
        smtp.client(AT, b"DATA\r\n", &mut tell);
        smtp.server(AT, b"354 go\r\n", &mut tell);
        let begin = std::time::Instant::now();
        for piece in text.chunks(65_000) {
            smtp.client(AT, piece, &mut tell);
        }
        let took = begin.elapsed();
        smtp.close(Time::MIN, &mut tell);
        assert_eq!(octets, text.len());
        took
    };
    let (short, long) = (text.repeat(4), text.repeat(32));
    let (once, eight_times) = (read(&short), read(&long));
    assert!(eight_times < once * 32 + std::time::Duration::from_millis(200), "{once:?} {eight_times:?}");
}

#[test]
fn messages_that_nobody_can_tell_cost_what_they_are_long() {
    let envelope = "MAIL FROM:<a@x>\r\nRCPT TO:<b@y>\r\nDATA\r\n";
    let ambiguous = LOOSE[..4].iter().map(|line| format!("a{line}{envelope}")).collect::<String>() + "a\r\n.\r\n";
    let burst = [envelope, &ambiguous].concat().into_bytes();
    let one = b"250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n";
    // The server takes one of the kinds; it answers each message, or all of them at last.
    let read = |times: usize, at_once: bool| {
        let mut smtp = Smtp::new(true, Limits::default());
        let mut octets = 0;
        let mut tell = |event: Event<'_>| match event {
            Event::Body { octets: body, .. } => octets += body.len(),
            Event::Lost { octets: lost, .. } => octets += usize::try_from(lost).unwrap(),
            _ => {}
        };
        smtp.server(AT, b"220 mx\r\n", &mut tell);
        let begin = std::time::Instant::now();
        for _ in 0..times {
            for piece in burst.chunks(50) {
                smtp.client(AT, piece, &mut tell);
            }
            if !at_once {
                smtp.server(AT, &one.repeat(2), &mut tell);
            }
        }
        if at_once {
            smtp.server(AT, &one.repeat(2 * times), &mut tell);
        }
        let took = begin.elapsed();
        smtp.close(Time::MIN, &mut tell);
        assert!(octets > 0);
        took
    };
    for at_once in [false, true] {
        let (once, eight_times) = (read(500, at_once), read(4000, at_once));
        assert!(eight_times < once * 32 + std::time::Duration::from_millis(500), "{at_once} {once:?} {eight_times:?}");
    }
}
