//! `[[agreement]]`: what is agreed with an LEMF beyond its address and profile.

use std::collections::HashSet;
use std::path::Path;

use writ_etsi::Profile;
use writ_handover::agreement::{AgreementError, AgreementSettings};
use writ_handover::profile;

use super::Config;
use super::place::Step;
use super::validate::Wrong;

impl Config {
    /// Checks what can be checked without a look at a file.
    pub(super) fn agreements(&self) -> Result<(), Wrong> {
        let mut names = HashSet::new();
        self.each_agreement(|agreement| {
            let expected = |expected| Err(AgreementError::Setting { setting: "lemf", expected });
            if !self.lemf.iter().any(|lemf| lemf.name == agreement.lemf) {
                return expected("the name of a [[lemf]]");
            }
            if !names.insert(agreement.lemf.as_str()) {
                return expected("an LEMF with which there is no other [[agreement]]");
            }
            agreement.validate(self.profile_of(&agreement.lemf))
        })
    }

    /// Reads the keys, as a run does.
    pub(super) fn agreements_here(&self, folder: &Path) -> Result<(), Wrong> {
        self.each_agreement(|agreement| {
            let mut agreement = agreement.clone();
            agreement.relative_to(folder);
            agreement.open(self.profile_of(&agreement.lemf)).map(drop)
        })
    }

    fn each_agreement<'a>(
        &'a self,
        mut check: impl FnMut(&'a AgreementSettings) -> Result<(), AgreementError>,
    ) -> Result<(), Wrong> {
        for (at, agreement) in self.agreement.iter().enumerate() {
            check(agreement).map_err(|error| {
                let keys = error.setting().split('.').map(Step::from);
                (["agreement".into(), at.into()].into_iter().chain(keys).collect(), error.to_string())
            })?;
        }
        Ok(())
    }

    pub(super) fn profile_of(&self, lemf: &str) -> Profile {
        profile(self.lemf.iter().find(|other| other.name == lemf).map(|lemf| lemf.profile).unwrap_or_default())
    }
}
