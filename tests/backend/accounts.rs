//! From registration to a new password.

use std::time::Duration;

use handlers::backend::Options;
use serde_json::json;
use tests::read_answers;

use crate::{App, PASSWORD, ask, check, json_of, member, options, tell};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// A registration.
fn body(name: &str) -> serde_json::Value {
    json!({ "name": name, "email": format!("{name}@example.org"), "password": PASSWORD })
}

#[test]
fn the_whole_way() {
    let app = App::new();
    let registered = app.tell("POST /api/register", &body("ann"));
    check(&registered, 201, "on its way");
    assert_eq!(member(&registered, "user")["active"], false);
    let mail = app.mail();
    assert_eq!((mail.len(), &*mail[0].to), (1, "ann@example.org"));
    check(&app.try_login("ann", PASSWORD), 400, "not active yet");

    let link = app.mailed_path();
    assert!(link.starts_with("/api/register/confirm/"), "{link}");
    let confirmed = app.ask(&format!("GET {link}"));
    check(&confirmed, 200, "active");
    assert_eq!(member(&confirmed, "user")["active"], true);

    let answer = app.try_login("ann", PASSWORD);
    check(&answer, 200, "welcome");
    let members = json_of(&answer);
    let members: Vec<&String> = members.as_object().expect("an object").keys().collect();
    assert_eq!(members, ["message", "token", "user"]);
    let token = app.login("ann");
    check(&app.logout(&token), 200, "revoked");
    check(&app.logout(&token), 401, "log in again");
}

#[test]
fn a_link_activates_once() {
    let app = App::new();
    check(&app.tell("POST /api/register", &body("ann")), 201, "");
    let link = app.mailed_path();
    check(&app.ask(&format!("GET {link}")), 200, "active");
    check(&app.ask(&format!("GET {link}")), 400, "used already");
    check(&app.try_login("ann", PASSWORD), 200, "");
}

/// A mail scanner that asked by HEAD used the link up.
#[test]
fn a_look_at_a_link_does_not_use_it_up() {
    let app = App::new();
    check(&app.tell("POST /api/register", &body("ann")), 201, "");
    let link = app.mailed_path();
    let look = || {
        let wire = app.server.exchange(&ask(&format!("HEAD {link}")).wire());
        read_answers(&wire, &[0]).remove(0)
    };
    let looked = [look(), look()];
    let confirmed = app.ask(&format!("GET {link}"));
    check(&confirmed, 200, "active");
    for answer in looked {
        assert_eq!(answer.status, 200);
        let length = answer.field("content-length");
        assert_eq!(length, confirmed.field("content-length"));
    }
    assert_eq!(look().status, 400, "used already");
}

#[test]
fn links_expire() {
    let app = App::new();
    check(&app.tell("POST /api/register", &body("ann")), 201, "");
    let ann = app.mailed_path();
    check(&app.tell("POST /api/register", &body("bob")), 201, "");
    let bob = app.mailed_path();
    app.advance(5 * DAY - Duration::from_secs(10));
    check(&app.ask(&format!("GET {ann}")), 200, "active");
    app.advance(Duration::from_secs(20));
    check(&app.ask(&format!("GET {bob}")), 400, "expired");
    check(&app.try_login("bob", PASSWORD), 400, "not active yet");

    let email = json!({ "email": "ann@example.org" });
    check(&app.tell("POST /api/reset", &email), 202, "");
    let link = app.mailed_path();
    app.advance(HOUR + Duration::from_secs(10));
    let new = json!({ "new_password": "Another12" });
    check(&app.tell(&format!("POST {link}"), &new), 400, "expired");
    check(&app.try_login("ann", PASSWORD), 200, "");
}

#[test]
fn what_is_no_token_is_a_bad_request() {
    let app = App::new();
    let new = json!({ "new_password": "Another12" });
    let unguessed = "0".repeat(64);
    for token in ["x", "%FF%00", "a%2Fb", &unguessed, &"0".repeat(1000)] {
        check(
            &app.ask(&format!("GET /api/register/confirm/{token}")),
            400,
            "",
        );
        check(
            &app.tell(&format!("POST /api/reset/{token}"), &new),
            400,
            "",
        );
    }
}

#[test]
fn all_that_is_wrong_with_a_registration_is_told_at_once() {
    let app = App::new();
    check(
        &app.tell("POST /api/register", &json!({})),
        400,
        "name is missing; email is missing; password is missing",
    );
    check(
        &app.tell(
            "POST /api/register",
            &json!({ "name": "", "email": "ann", "password": 1 }),
        ),
        400,
        "name must not be empty; email must be an address such as ann@example.org; \
         password must be a text",
    );
    let long = "a".repeat(129);
    check(
        &app.tell(
            "POST /api/register",
            &json!({ "name": long, "email": long, "password": long }),
        ),
        400,
        "name must have at most 128 characters; email must have at most 128 characters; \
         password must have at most 128 characters",
    );
    check(
        &app.tell("POST /api/register", &json!(["ann"])),
        400,
        "the body",
    );
    assert_eq!(app.mail(), []);
}

#[test]
fn names_and_addresses_are_registered_once() {
    let app = App::new();
    app.register("ann");
    let mut other = body("ann");
    other["email"] = json!("bob@example.org");
    check(
        &app.tell("POST /api/register", &other),
        400,
        "name is taken",
    );
    let mut other = body("bob");
    other["email"] = json!("ANN@example.org");
    check(
        &app.tell("POST /api/register", &other),
        400,
        "email is taken",
    );
    assert_eq!(app.mail().len(), 1, "nobody is written to");
}

#[test]
fn all_that_is_taken_is_told_at_once() {
    let app = App::new();
    app.register("ann");
    app.register("bob");
    let mut other = body("ann");
    for (email, told) in [
        ("ann@example.org", "name is taken; email is taken"),
        ("BOB@example.org", "name is taken; email is taken"),
        ("cid@example.org", "name is taken"),
    ] {
        other["email"] = json!(email);
        for line in ["POST /api/register", "POST /api/user"] {
            let answer = app.tell(line, &other);
            assert_eq!(member(&answer, "description"), told, "{line} {email}");
        }
    }
    other["email"] = json!("bob@example.org");
    other["name"] = json!("bob");
    let answer = app.tell("PATCH /api/user/1", &other);
    let told = "name is taken; email is taken";
    assert_eq!(member(&answer, "description"), told);
}

/// An account whose owner had missed the link was dead for ever, and held its name and its address.
#[test]
fn who_misses_the_link_is_not_lost() {
    let app = App::new();
    let register = || app.tell("POST /api/register", &body("ann"));
    check(&register(), 201, "");
    check(&register(), 400, "name is taken; email is taken");
    app.advance(5 * DAY + HOUR);
    check(&register(), 201, "");
    let link = app.mailed_path();
    check(&app.ask(&format!("GET {link}")), 200, "active");
    check(&app.try_login("ann", PASSWORD), 200, "welcome");
    app.advance(6 * DAY);
    check(&register(), 400, "name is taken");
}

/// The answer to the reset of an account that was not active yet said that one can log in.
#[test]
fn a_reset_makes_an_account_active() {
    let app = App::new();
    check(&app.tell("POST /api/register", &body("ann")), 201, "");
    let confirm = app.mailed_path();
    let email = json!({ "email": "ann@example.org" });
    check(&app.tell("POST /api/reset", &email), 202, "");
    let link = app.mailed_path();
    let new = json!({ "new_password": "Another12" });
    check(
        &app.tell(&format!("POST {link}"), &new),
        200,
        "log in with it",
    );
    check(&app.try_login("ann", "Another12"), 200, "welcome");
    check(&app.ask(&format!("GET {confirm}")), 400, "used already");
}

/// Old links outlived the address and the password that they were mailed for.
#[test]
fn a_change_withdraws_links_that_were_mailed_before() {
    let app = App::new();
    app.register("ann");
    let ask_reset = |email: &str| {
        check(
            &app.tell("POST /api/reset", &json!({ "email": email })),
            202,
            "",
        );
        app.mailed_path()
    };
    for change in [
        json!({ "password": "Another12" }),
        json!({ "email": "lee@example.org" }),
    ] {
        let link = ask_reset("ann@example.org");
        check(&app.tell("PATCH /api/user/1", &change), 200, "");
        let eve = json!({ "new_password": "Attacker1" });
        check(
            &app.tell(&format!("POST {link}"), &eve),
            400,
            "used already",
        );
    }
    check(&app.try_login("ann", "Another12"), 200, "welcome");

    // An account that was never active confirms the address that it has, and no other.
    check(&app.tell("POST /api/register", &body("act")), 201, "");
    let first = app.mailed_path();
    let victim = json!({ "email": "victim@example.org" });
    let changed = app.tell("PATCH /api/user/2", &victim);
    check(&changed, 202, "act@example.org");
    assert_eq!(
        app.mail().pop().expect("there is mail").to,
        "victim@example.org"
    );
    let second = app.mailed_path();
    check(&app.ask(&format!("GET {first}")), 400, "used already");
    let confirmed = app.ask(&format!("GET {second}"));
    check(&confirmed, 200, "victim@example.org");
    assert_eq!(member(&confirmed, "user")["active"], true);
}

/// An owner could take any address without ever having read mail there.
#[test]
fn where_users_are_protected_an_address_is_confirmed_first() {
    let app = App::with(Options {
        protect_users: true,
        ..options()
    });
    app.register("ann");
    let token = app.login("ann");
    let change = |change: &serde_json::Value| {
        app.send(&tell("PATCH /api/user/1", change).with_token(&token))
    };
    let both = json!({ "name": "Ann", "email": "lee@example.org" });
    check(
        &change(&both),
        202,
        r#""name":"Ann","email":"ann@example.org""#,
    );
    let link = app.mailed_path();
    let mail = app.mail().pop().expect("there is mail");
    assert_eq!(mail.to, "lee@example.org");
    assert!(mail.text.contains("an account at"), "{}", mail.text);
    check(&app.ask(&format!("GET {link}")), 200, "lee@example.org");
    check(&app.ask(&format!("GET {link}")), 400, "used already");
    // Other letters of the same address, and what is no address, need none.
    let count = app.mail().len();
    check(&change(&json!({ "email": "LEE@example.org" })), 200, "LEE@");
    check(&change(&json!({ "name": "ann" })), 200, "LEE@");
    assert_eq!(app.mail().len(), count);
    app.tell("POST /api/register", &body("bob"));
    let theirs = json!({ "email": "bob@example.org" });
    check(&change(&theirs), 400, "email is taken");
}

#[test]
fn a_reset_changes_the_password_once_and_ends_all_logins() {
    let app = App::new();
    app.register("ann");
    let before = app.login("ann");
    let email = json!({ "email": "Ann@Example.org" });
    check(
        &app.tell("POST /api/reset", &email),
        202,
        "if there is an account",
    );
    let link = app.mailed_path();
    assert!(link.starts_with("/api/reset/"), "{link}");
    let reset = |password: &str| {
        let new = json!({ "new_password": password });
        app.tell(&format!("POST {link}"), &new)
    };
    // A mistake does not use the link up.
    check(
        &reset("short"),
        400,
        "new_password must have at least 8 characters",
    );
    check(
        &app.tell(&format!("POST {link}"), &json!({})),
        400,
        "new_password is missing",
    );
    check(&reset("Another12"), 200, "changed");
    check(&reset("Another34"), 400, "used already");
    check(&app.logout(&before), 401, "log in again");
    check(
        &app.try_login("ann", PASSWORD),
        400,
        "wrong name or password",
    );
    check(&app.try_login("ann", "Another12"), 200, "welcome");
}

#[test]
fn only_the_last_reset_link_works() {
    let app = App::new();
    app.register("ann");
    let email = json!({ "email": "ann@example.org" });
    check(&app.tell("POST /api/reset", &email), 202, "");
    let first = app.mailed_path();
    check(&app.tell("POST /api/reset", &email), 202, "");
    let second = app.mailed_path();
    let new = json!({ "new_password": "Another12" });
    check(
        &app.tell(&format!("POST {first}"), &new),
        400,
        "used already",
    );
    check(&app.tell(&format!("POST {second}"), &new), 200, "");
}

#[test]
fn links_are_for_one_purpose() {
    let app = App::new();
    check(&app.tell("POST /api/register", &body("ann")), 201, "");
    let confirm = app.mailed_path();
    let as_reset = confirm.replace("/register/confirm/", "/reset/");
    let new = json!({ "new_password": "Another12" });
    check(&app.tell(&format!("POST {as_reset}"), &new), 400, "");
    check(&app.ask(&format!("GET {confirm}")), 200, "");
}

#[test]
fn known_and_unknown_addresses_get_the_same_answer() {
    let app = App::new();
    app.register("ann");
    let answers = ["ann@example.org", "nobody@example.org"].map(|email| {
        let body = json!({ "email": email });
        app.tell("POST /api/reset", &body)
    });
    assert_eq!(answers[0].status, 202);
    assert_eq!(answers[0].body, answers[1].body);
    assert_eq!(
        app.mail().len(),
        2,
        "one of the registration, one of the reset"
    );
    check(
        &app.tell("POST /api/reset", &json!({ "email": "ann" })),
        400,
        "email must be",
    );
}

#[test]
fn mail_is_in_the_name_of_the_service() {
    let app = App::with(Options {
        service: "Elsewhere".to_owned(),
        ..options()
    });
    check(&app.tell("POST /api/register", &body("ann")), 201, "");
    let mail = &app.mail()[0];
    assert!(mail.subject.contains("Elsewhere"), "{}", mail.subject);
    let link = app.mailed_path();
    let (_, token) = link.rsplit_once('/').expect("it has a path");
    for part in [&mail.text, &mail.html] {
        assert!(part.contains(token), "{part}");
    }
}
