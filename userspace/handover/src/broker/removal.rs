//! What the LEMF has goes from the stream.

use async_nats::Subject;
use async_nats::jetstream::Context;
use async_nats::jetstream::response::Response;
use async_nats::jetstream::stream::{DeleteStatus, Info, Stream};
use futures_util::future::join_all;
use serde::Serialize;

/// Messages that are removed at a time.
const MESSAGES: u64 = 64;

/// A request to remove a message, whose octets need not be overwritten: they are encrypted.
#[derive(Serialize)]
struct Message {
    seq: u64,
    no_erase: bool,
}

/// Removes messages from the beginning of a stream on, one by one: NATS 2.9 was seen to drop messages behind the place up to which a stream
/// was purged, while others were being put into it.
pub(super) struct Removal {
    jetstream: Context,
    subject: Subject,
    /// The sequence of the first message that may still be there.
    next: u64,
}

impl Removal {
    pub(super) fn new(jetstream: Context, stream: &Stream<Info>) -> Self {
        let info = stream.cached_info();
        let subject = format!("STREAM.MSG.DELETE.{}", info.config.name).into();
        Self { jetstream, subject, next: info.state.first_sequence }
    }

    /// Whether anything before this message may still be there.
    pub(super) fn is_due(&self, before: u64) -> bool {
        self.next < before
    }

    /// Removes some of what stands before this message. What the broker does not answer is for the next call; what is gone already is
    /// an answer.
    pub(super) async fn go_on(&mut self, before: u64) {
        let end = before.min(self.next + MESSAGES);
        let requests = (self.next..end).map(|seq| {
            let message = Message { seq, no_erase: true };
            let (jetstream, subject) = (&self.jetstream, self.subject.clone());
            async move { jetstream.request::<_, _, Response<DeleteStatus>>(subject, &message).await.is_ok() }
        });
        if join_all(requests).await.into_iter().all(|answered| answered) {
            self.next = end;
        }
    }
}
