//! Times, as the configuration has them.

use std::time::Duration;

use serde::{Deserialize, Deserializer};

/// Seconds as TOML gives them, whole or in decimals.
pub(crate) fn seconds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected seconds, as a number")]
    enum Seconds {
        Whole(u64),
        Decimal(f64),
    }
    match Seconds::deserialize(deserializer)? {
        Seconds::Whole(seconds) => Ok(Duration::from_secs(seconds)),
        Seconds::Decimal(seconds) => Duration::try_from_secs_f64(seconds)
            .map_err(|_| serde::de::Error::custom("expected seconds, as a number that is not negative")),
    }
}
