//! Members of a JSON payload that other programs put there: numbers, nested ones, and those that are nobody's keys.

use super::common::{Scene, in_stores};
use serde_json::{Value, json};

in_stores!(
    [SECRETS_JSON, PARAMETERS_JSON]
    [numbers_and_nested_members_survive, a_value_that_is_no_longer_a_number_becomes_text]
);

fn numbers_and_nested_members_survive(scene: &Scene) {
    let repo = &scene.repo;
    let before = json!({"PORT": 5432, "RATIO": 1.50, "ON": true, "NOTHING": null, "NAME": "canary-name",
        "NESTED": {"list": [1, {"deep": "canary-deep"}]}, "LIST": ["a"]});
    scene.write_text("development", &before.to_string());
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("PORT").as_deref(), Some("5432"));
    assert_eq!(repo.value("ON").as_deref(), Some("true"));
    assert_eq!(repo.value("NESTED"), None);
    repo.edit("PORT", "5433");
    repo.edit("NAME", "canary-new");
    repo.envsync(["push"]).ok();
    let after: Value = serde_json::from_str(&scene.text("development").unwrap()).unwrap();
    let mut expected = before;
    expected["PORT"] = json!(5433);
    expected["NAME"] = json!("canary-new");
    assert_eq!(after, expected);
}

fn a_value_that_is_no_longer_a_number_becomes_text(scene: &Scene) {
    let repo = &scene.repo;
    scene.write_text("development", r#"{"PORT": 5432, "BIG": 12345678901234567890123, "NAME": "canary-name"}"#);
    repo.envsync(["pull"]).ok();
    assert_eq!(repo.value("BIG").as_deref(), Some("12345678901234567890123"));
    repo.edit("PORT", "auto");
    repo.envsync(["push"]).ok();
    let text = scene.text("development").unwrap();
    assert!(text.contains("12345678901234567890123"), "a long number keeps its digits: {text}");
    assert_eq!(scene.read_key("development", "PORT").as_deref(), Some("auto"));
}
