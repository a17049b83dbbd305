//! `doorward doctor`: names what is wrong before the users do, and says what to do about it.

use doorward_tests::issuer::{AUDIENCE, Issuer};
use doorward_tests::{Setup, Store, on_every_store, ports};

on_every_store!(a_sound_installation_passes);

fn a_sound_installation_passes(store: Store) {
    let issuer = Issuer::start();
    let setup = Setup::on(store)
        .with_shared_secret()
        .file(&format!("[[issuers]]\nissuer = \"{}\"\naudiences = [\"{AUDIENCE}\"]\n", issuer.name()));
    let doorward = setup.start();
    let output = doorward.setup().run(&["doctor"], "");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{said}");
    assert!(issuer.key_fetches() > 0, "it asks the issuer");
    let json = doorward.setup().run_ok(&["doctor", "--json"], "");
    serde_json::from_str::<serde_json::Value>(&json).expect("JSON");
}

#[test]
fn what_is_wrong_is_named_with_a_remedy() {
    let away = ports::free();
    let cases = [
        (format!("[[issuers]]\nissuer = \"http://{away}\"\naudiences = [\"a\"]\n"), away.to_string()),
        (format!("[[routes]]\nname = \"plan\"\npath = \"/plan\"\nupstream = \"http://{away}/\"\n"), away.to_string()),
        ("[user_pool]\npool_id = \"us-east-1_abc\"\nregion = \"eu-west-1\"\n".to_owned(), "us-east-1".to_owned()),
    ];
    for (file, named) in cases {
        let output = Setup::on(Store::Sqlite).file(&file).run(&["doctor"], "");
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert_eq!(output.status.code(), Some(1), "{file}: {said}");
        assert!(said.contains(&named), "{file}: {said}");
    }
}

#[test]
fn a_store_that_is_away_is_named_without_its_password() {
    let url = format!("postgres://user:store-password@{}/db", ports::free());
    let output = Setup::bare().set("store.url", &url).run(&["doctor"], "");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(!output.status.success(), "{said}");
    assert!(said.to_lowercase().contains("store") && !said.contains("store-password"), "{said}");
}
