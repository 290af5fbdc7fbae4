//! Reads sessions of POP3 and IMAP4 from CC in application format: which octets are lines, and which are a message.
//!
//! Like the reader of SMTP, these read transcripts; what they do not understand still becomes lines.

mod imap;
mod pop3;
#[cfg(test)]
mod tests;

pub use imap::ImapReader;
pub use pop3::Pop3Reader;
