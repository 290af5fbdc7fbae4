//! A broker that wants certificates, and one that wants credentials: who has none of its own gets nothing through.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "test code")]

mod broker;
mod lemf;
mod pki;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use broker::{Broker, free, is_there};
use crossbeam::channel::bounded;
use lemf::{Conduct, Lemf, eventually, mandate, numbers, record, settings};
use nkeys::KeyPair;
use pki::{Authority, Pair};
use writ_handover::settings::{BrokerSettings, BrokerTls, HandoverSettings};
use writ_handover::{Delivery, DeliverySettings, Mediation, MediationSettings, Outlet};

/// Whether 50 PDUs go through, from an appliance and by a mediator with these settings.
fn goes_through(broker: BrokerSettings) -> bool {
    let lemf = Lemf::start(Conduct::Proper);
    let served =
        || writ_handover::settings::LemfSettings { broker: Some(broker.clone()), ..settings("lea-1", lemf.address) };
    let handover = |name: &str| HandoverSettings {
        network_element_identifier: Some(name.to_owned()),
        ..HandoverSettings::default()
    };
    let mediation = MediationSettings { handover: handover("M"), lemfs: vec![served()], on_thread_start: None };
    let mediation = Mediation::start(mediation).unwrap();
    let (sender, queue) = bounded(1 << 10);
    let settings = DeliverySettings { handover: handover("NE1"), ..DeliverySettings::default() };
    let delivery = Delivery::start(settings, vec![Outlet::network(served())], vec![queue]).unwrap();
    let mandate = mandate(0);
    (0..50).for_each(|_| sender.send(record(&mandate, 1, 200)).unwrap());
    drop(sender);
    let counters = delivery.counters();
    let drained = delivery.drain(Duration::from_secs(if check(&broker) { 10 } else { 3 }));
    if !drained.is_complete() {
        let link = counters.snapshot().lemfs[0].hi2;
        assert_eq!((link.broker_published, link.broker_connected), (0, 0));
        assert!(link.broker_failures > 0 && lemf.received().is_empty());
        assert_eq!(drained.undelivered[0].pdus, 50, "none is lost without a word");
        return false;
    }
    eventually("all arrived", || {
        let mut came = numbers(&lemf.received(), 1);
        // On a machine that is slow a lease may be over before it is renewed.
        came.sort_unstable();
        came.dedup();
        came == (0..50).collect::<Vec<_>>()
    });
    mediation.drain(Duration::from_secs(5));
    true
}

fn check(broker: &BrokerSettings) -> bool {
    writ_handover::broker::check(broker).is_ok()
}

fn tls(ca: &Path, own: &Pair) -> Option<BrokerTls> {
    Some(BrokerTls { ca: ca.to_owned(), certificate: own.certificate.clone(), key: own.key.clone() })
}

#[test]
fn a_broker_with_tls_serves_who_has_a_certificate_and_is_served_by_its_own() {
    if !is_there("a_broker_with_tls_serves_who_has_a_certificate_and_is_served_by_its_own") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (ours, others) = (Authority::new("ours"), Authority::new("others"));
    let ca = ours.write(&folder.path().join("ca.pem"));
    let other_ca = others.write(&folder.path().join("other-ca.pem"));
    let server = ours.issue(folder.path(), "server", "127.0.0.3");
    let own = ours.issue(folder.path(), "own", "writ.example");
    let foreign = others.issue(folder.path(), "foreign", "writ.example");
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let arguments = [
        "--tls",
        "--tlscert",
        &text(&server.certificate),
        "--tlskey",
        &text(&server.key),
        "--tlsverify",
        "--tlscacert",
        &text(&ca),
    ]
    .map(str::to_owned);
    let broker = Broker::with(folder.path(), free(), arguments.to_vec());
    let with = |tls| BrokerSettings { tls, ..broker.settings() };
    assert!(goes_through(with(tls(&ca, &own))));
    assert!(!goes_through(with(None)), "the broker wants TLS");
    assert!(!goes_through(with(tls(&ca, &foreign))), "the broker does not know who signed this");
    assert!(!goes_through(with(tls(&other_ca, &own))), "this is not who signed the broker's");
    // The name of the certificate is held against that of the setting.
    let port = broker.address.rsplit_once(':').unwrap().1;
    let by_name = BrokerSettings { servers: vec![format!("localhost:{port}")], ..with(tls(&ca, &own)) };
    assert!(!goes_through(by_name));
}

/// A JWT as NATS has them.
fn jwt(by: &KeyPair, of: &KeyPair, nats: serde_json::Value) -> String {
    let header = serde_json::json!({ "typ": "JWT", "alg": "ed25519-nkey" });
    let (iss, sub) = (by.public_key(), of.public_key());
    let claims =
        serde_json::json!({ "jti": sub, "iat": 1_700_000_000, "iss": iss, "name": "n", "sub": sub, "nats": nats });
    let part = |value: &serde_json::Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(&header), part(&claims));
    let signature = BASE64_URL_SAFE_NO_PAD.encode(by.sign(signed.as_bytes()).unwrap());
    format!("{signed}.{signature}")
}

#[test]
fn a_broker_with_accounts_serves_who_has_credentials() {
    if !is_there("a_broker_with_accounts_serves_who_has_credentials") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let (operator, system, account) = (KeyPair::new_operator(), KeyPair::new_account(), KeyPair::new_account());
    let [user, stranger] = [KeyPair::new_user(), KeyPair::new_user()];
    let limits = serde_json::json!({ "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": true,
        "conn": -1, "leaf": -1, "mem_storage": -1, "disk_storage": -1, "streams": -1, "consumer": -1 });
    let of_account = serde_json::json!({ "limits": limits, "type": "account", "version": 2 });
    let of_system = serde_json::json!({ "limits": { "subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1,
        "wildcards": true, "conn": -1, "leaf": -1 }, "type": "account", "version": 2 });
    let of_user = || serde_json::json!({ "pub": {}, "sub": {}, "subs": -1, "data": -1, "payload": -1, "type": "user", "version": 2 });
    let config = folder.path().join("nats.conf");
    let text = format!(
        "operator: \"{}\"\nsystem_account: \"{}\"\nresolver: MEMORY\nresolver_preload: {{\n{}: \"{}\"\n{}: \"{}\"\n}}\n",
        jwt(&operator, &operator, serde_json::json!({ "type": "operator", "version": 2 })),
        system.public_key(),
        account.public_key(),
        jwt(&operator, &account, of_account),
        system.public_key(),
        jwt(&operator, &system, of_system),
    );
    fs::write(&config, text).unwrap();
    let write = |name: &str, user: &KeyPair, by: &KeyPair| {
        let (jwt, seed) = (jwt(by, user, of_user()), user.seed().unwrap());
        let text = format!(
            "-----BEGIN NATS USER JWT-----\n{jwt}\n------END NATS USER JWT------\n\n\
             -----BEGIN USER NKEY SEED-----\n{seed}\n------END USER NKEY SEED------\n"
        );
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path
    };
    let own = write("own.creds", &user, &account);
    let foreign = write("foreign.creds", &stranger, &KeyPair::new_account());
    let broker = Broker::with(folder.path(), free(), vec!["-c".to_owned(), config.to_str().unwrap().to_owned()]);
    let with = |credentials| BrokerSettings { credentials, ..broker.settings() };
    assert!(goes_through(with(Some(own.clone()))));
    assert!(!goes_through(with(None)), "the broker wants credentials");
    assert!(!goes_through(with(Some(foreign))), "nobody knows the account");
    // A file that others can read, and one that is none, are refused before anything is sent.
    fs::set_permissions(&own, fs::Permissions::from_mode(0o644)).unwrap();
    let problem = writ_handover::broker::check(&with(Some(own.clone()))).unwrap_err();
    assert!(problem.0 == "credentials" && problem.1.contains("nobody but its owner and group can read"), "{problem:?}");
    assert!(!goes_through(with(Some(own))));
    let none = folder.path().join("none.creds");
    fs::write(&none, "SUAsecret").unwrap();
    fs::set_permissions(&none, fs::Permissions::from_mode(0o600)).unwrap();
    let problem = writ_handover::broker::check(&with(Some(none))).unwrap_err();
    assert!(problem.0 == "credentials" && !problem.1.contains("secret"), "{problem:?}");
}
