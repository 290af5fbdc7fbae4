//! Who is logged in to a mailbox.

use std::net::IpAddr;
use std::sync::Arc;

use writ_mail::access::Login;
use writ_mail::sasl::{Identity, Outcome};
use writ_wire::Time;
use zeroize::Zeroizing;

use crate::context::Context;
use crate::record::{Aaa, AaaResult, AuthMethod, Iri, Status};
use crate::warrant::{AuthenticationData, Warrant};

/// Who logged in, or tried to.
pub(super) struct User {
    identity: Option<Identity>,
    /// Only where some warrant that covers the session may have it.
    password: Option<Zeroizing<Vec<u8>>>,
    result: AaaResult,
    /// Octets of the exchange.
    pub(super) client_octets: u64,
    pub(super) server_octets: u64,
    pub(super) first: Time,
    pub(super) last: Time,
}

impl User {
    /// The user of a login; `None` where nothing of it is held.
    pub(super) fn of(login: &Login) -> Option<Self> {
        let (first, last) = login.times()?;
        let (client_octets, server_octets) = login.octets();
        let result = match login.outcome {
            Outcome::Succeeded => AaaResult::Succeeded,
            Outcome::Failed => AaaResult::Failed,
            Outcome::Unknown | Outcome::BrokenOff | Outcome::GivenUp => AaaResult::Unknown,
        };
        Some(Self { identity: login.identity(), password: None, result, client_octets, server_octets, first, last })
    }

    /// Somebody whom the session does not name.
    pub(super) fn unnamed(time: Time) -> Self {
        Self {
            identity: None,
            password: None,
            result: AaaResult::Unknown,
            client_octets: 0,
            server_octets: 0,
            first: time,
            last: time,
        }
    }

    /// Whether both are one user, who has a name.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.identity.is_some() && self.identity == other.identity
    }

    /// Keeps the password: some warrant that covers this may have it.
    pub(super) fn keep_password(&mut self, login: &Login) {
        self.password = login.password();
    }

    /// What logon says of it.
    pub(super) fn status(&self) -> Status {
        match self.result {
            AaaResult::Succeeded => Status::Succeeded,
            AaaResult::Failed => Status::Failed,
            AaaResult::Unknown => Status::Unknown,
        }
    }

    /// The warrants that have this user as a target.
    pub(super) fn targets(&self, server: IpAddr, ctx: &Context<'_>) -> Vec<Arc<Warrant>> {
        let mut found = Vec::new();
        if let Some(identity) = &self.identity {
            ctx.index.by_identity(identity, ctx.settings.domain_of(server), &mut found);
        }
        found
    }

    /// Table B.1: the one recipient is the mailbox that was logged in to.
    pub(super) fn describe(&self, iri: &mut Iri) {
        if let Some(identity) = &self.identity {
            // NTLM names the user once more with the domain of a Windows network, which is none of mail.
            let is_other = |name: &&String| name.rsplit_once('\\').is_none_or(|(_, user)| user != identity.login);
            let mailbox = identity.acting_as.as_ref().filter(is_other).unwrap_or(&identity.login);
            iri.recipients = vec![mailbox.clone()];
            iri.total_recipients = Some(1);
        }
    }

    /// `aAAInformation` as far as the warrant lets it go (clause 7.10).
    pub(super) fn told_under(&self, warrant: &Warrant) -> Option<Aaa> {
        if !warrant.covers(self.first) || !warrant.covers(self.last) {
            return None;
        }
        let full = match warrant.authentication_data {
            AuthenticationData::None => return None,
            AuthenticationData::Username => false,
            AuthenticationData::Full => true,
        };
        let identity = self.identity.as_ref()?;
        let password = self.password.as_ref().filter(|_| full);
        Some(Aaa {
            username: identity.login.clone(),
            password: password.map(|password| String::from_utf8_lossy(password).into_owned()),
            method: AuthMethod::Undefined,
            challenge: None,
            response: None,
            result: self.result,
        })
    }
}
