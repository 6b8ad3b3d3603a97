//! What clients send about accounts. Each field is looked at by itself, so that all that is wrong is
//! told at once; the schemas say what the rules will accept.

use schemars::JsonSchema;
use serde::Deserialize;

use super::field::Field;

/// How many accounts a page may have.
pub(super) const PAGE_MAX: u32 = 1000;

/// A new account. All of it has to be there.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(!default, example = example())]
pub(super) struct NewUser {
    /// What its owner is called: unique, and without blanks at its ends.
    #[schemars(with = "String", length(min = 1, max = 128))]
    pub(super) name: Field,
    /// Where its owner gets mail: unique, whatever the case of its letters.
    #[schemars(with = "String", length(max = 128), email)]
    pub(super) email: Field,
    /// At least one upper-case and one lower-case letter are in it.
    #[schemars(with = "String", length(min = 8, max = 128))]
    pub(super) password: Field,
}

/// What is to change of an account, at least one of these.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(example = serde_json::json!({ "name": "Ann Lee" }), extend("minProperties" = 1))]
pub(super) struct UserChange {
    /// What its owner is called: unique, and without blanks at its ends.
    #[schemars(with = "String", length(min = 1, max = 128))]
    pub(super) name: Field,
    /// Where its owner gets mail: unique, whatever the case of its letters. Where users are protected,
    /// and for an account that was never active, it is confirmed by mail first.
    #[schemars(with = "String", length(max = 128), email)]
    pub(super) email: Field,
    /// At least one upper-case and one lower-case letter are in it. Another password ends all logins.
    #[schemars(with = "String", length(min = 8, max = 128))]
    pub(super) password: Field,
}

/// Who wants to log in.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(!default, example = serde_json::json!({ "name": "Ann Lee", "password": "Secret12" }))]
pub(super) struct LoginForm {
    /// The account's name.
    #[schemars(with = "String", length(max = 128))]
    pub(super) name: Field,
    /// Its password.
    #[schemars(with = "String", length(max = 128))]
    pub(super) password: Field,
}

/// Whose password is to be reset.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(!default, example = serde_json::json!({ "email": "ann@example.org" }))]
pub(super) struct ResetForm {
    /// The account's address.
    #[schemars(with = "String", length(max = 128), email)]
    pub(super) email: Field,
}

/// What the password is to be.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(!default, example = serde_json::json!({ "new_password": "Secret12" }))]
pub(super) struct PasswordForm {
    /// At least one upper-case and one lower-case letter are in it.
    #[schemars(with = "String", length(min = 8, max = 128))]
    pub(super) new_password: Field,
}

/// Which accounts are wanted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default)]
pub(super) struct Page {
    /// Those with greater ids. Default 0.
    #[schemars(range(min = i64::MIN, max = i64::MAX))]
    pub(super) after: i64,
    /// At most so many, 1000 at most. Default 100.
    #[schemars(with = "u32", range(min = 1, max = PAGE_MAX))]
    pub(super) limit: Option<u32>,
}

fn example() -> serde_json::Value {
    serde_json::json!({
        "name": "Ann Lee",
        "email": "ann@example.org",
        "password": "Secret12",
    })
}
