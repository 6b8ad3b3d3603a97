//! What the access log says of accounts: nothing that is as good as a password.

use container::observe::Format;
use container::testing::Server;
use handlers::store::Database;
use serde_json::json;
use tests::log::Lines;

use crate::{App, PASSWORD, check, options};

#[test]
fn no_mailed_token_is_logged_whatever_is_done_with_its_link() {
    for format in [Format::Short, Format::Combined, Format::JsonLines] {
        let lines = Lines::default();
        let (log, writer) = lines.access_log(format);
        let app = App::served(&Database::Memory, options(), |router| {
            Server::with_access_log(router, log, |_| {})
        });
        app.register("ann");
        let body = json!({ "email": "ann@example.org" });
        check(&app.tell("POST /api/reset", &body), 202, "on its way");
        let path = app.mailed_path();
        // As a browser opens it; then too early, in earnest, and once more.
        check(&app.ask(&format!("GET {path}")), 405, "no route");
        let choose = |password: &str| {
            let body = json!({ "new_password": password });
            app.tell(&format!("POST {path}"), &body)
        };
        check(&choose("short"), 400, "at least 8");
        check(&choose(PASSWORD), 200, "changed");
        check(&choose(PASSWORD), 400, "used already");
        drop(app);
        writer.finish();
        let lines = lines.read();
        let (_, token) = path.rsplit_once('/').expect("the token is its end");
        let has = |text: &str| lines.iter().filter(|line| line.contains(text)).count();
        assert_eq!((lines.len(), has(token)), (7, 0), "{lines:?}");
        assert_eq!(has("/api/register/confirm/{token}"), 1, "{lines:?}");
        assert_eq!(has("/api/reset/{token}"), 4, "{lines:?}");
    }
}
