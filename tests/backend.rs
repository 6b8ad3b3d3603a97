//! The stateful backend: its key-value resource, its accounts from registration to the last login,
//! and the shape of its errors. In memory and in virtual time, on a database of its own.

#[path = "backend/accounts.rs"]
mod accounts;
#[path = "backend/errors.rs"]
mod errors;
#[path = "backend/floods.rs"]
mod floods;
#[path = "backend/forgery.rs"]
mod forgery;
#[path = "backend/log.rs"]
mod log;
#[path = "backend/logins.rs"]
mod logins;
#[path = "backend/resets.rs"]
mod resets;
#[path = "backend/restart.rs"]
mod restart;
#[path = "backend/simple_data.rs"]
mod simple_data;
#[path = "backend/tidying.rs"]
mod tidying;
#[path = "backend/users.rs"]
mod users;

use std::time::Duration;

use container::Router;
use container::testing::Server;
use handlers::backend::{AttemptOptions, Options, PasswordCost, PasswordOptions};
use handlers::mail::Bell;
use handlers::store::{Database, NewMail, Stores, UnixTime};
use serde_json::{Value, json};
use tests::{Answer, on_worker, read_answers};

/// A password that keeps the rules.
const PASSWORD: &str = "Secret12";

/// What tests choose otherwise than users: hashes that take no time, and as many attempts as they
/// like.
fn options() -> Options {
    Options {
        base_url: "http://backend.test".to_owned(),
        passwords: PasswordOptions {
            cost: PasswordCost::CHEAPEST,
            ..PasswordOptions::default()
        },
        attempts: AttemptOptions {
            per_name: None,
            per_peer: None,
        },
        ..Options::default()
    }
}

/// The backend beside another application, and its database.
struct App {
    server: Server,
    stores: Stores,
}

/// One request.
#[derive(Clone, Default)]
struct Ask {
    /// `POST /api/login`
    line: String,
    /// Its body, which is JSON.
    body: Option<String>,
    /// The token that it brings.
    token: Option<String>,
}

impl App {
    fn new() -> App {
        App::with(options())
    }

    fn with(options: Options) -> App {
        App::on(&Database::Memory, options)
    }

    fn on(database: &Database, options: Options) -> App {
        App::served(database, options, Server::new)
    }

    fn served(database: &Database, options: Options, serve: impl FnOnce(Router) -> Server) -> App {
        let stores = Stores::open(database).expect("it opens");
        let other = Router::new().get("/plain", async || "plain");
        let backend = handlers::backend::router(stores.clone(), Bell::new(), options);
        App {
            server: serve(other.merge(backend)),
            stores,
        }
    }

    /// Sends a request and gives the answer, as soon as there is one.
    fn send(&self, ask: &Ask) -> Answer {
        let wire = self.server.exchange(&ask.wire());
        let mut answers = read_answers(&wire, &[]);
        assert_eq!(answers.len(), 1, "{}", ask.line);
        answers.remove(0)
    }

    /// Sends a request without a body.
    fn ask(&self, line: &str) -> Answer {
        self.send(&ask(line))
    }

    /// Sends a request with a body in JSON.
    fn tell(&self, line: &str, body: &Value) -> Answer {
        self.send(&tell(line, body))
    }

    /// All mail that waits to be sent, the oldest first.
    fn mail(&self) -> Vec<NewMail> {
        let queue = self.stores.mail_queue.clone();
        let now = UnixTime::now();
        let claimed = on_worker(async move { queue.claim(now, now, 1000).await });
        let mut claimed = claimed.expect("it answers");
        claimed.sort_by_key(|queued| queued.id);
        claimed.into_iter().map(|queued| queued.mail).collect()
    }

    /// The path of the link in the newest mail.
    fn mailed_path(&self) -> String {
        let mail = self.mail().pop().expect("there is mail");
        let base = options().base_url;
        let links = mail
            .text
            .lines()
            .filter_map(|line| line.strip_prefix(&base));
        let link: Vec<&str> = links.collect();
        assert_eq!(link.len(), 1, "{}", mail.text);
        link[0].to_owned()
    }

    /// Registers somebody and follows the link.
    fn register(&self, name: &str) {
        let email = format!("{name}@example.org");
        let body = json!({ "name": name, "email": email, "password": PASSWORD });
        check(&self.tell("POST /api/register", &body), 201, "on its way");
        let path = self.mailed_path();
        check(&self.ask(&format!("GET {path}")), 200, "active");
    }

    /// Tries to log in.
    fn try_login(&self, name: &str, password: &str) -> Answer {
        let body = json!({ "name": name, "password": password });
        self.tell("POST /api/login", &body)
    }

    /// Logs in and gives the token.
    fn login(&self, name: &str) -> String {
        let answer = self.try_login(name, PASSWORD);
        check(&answer, 200, "welcome");
        let token = member(&answer, "token");
        token.as_str().expect("a text").to_owned()
    }

    /// What `PUT /api/logout` answers to this token.
    fn logout(&self, token: &str) -> Answer {
        self.send(&ask("PUT /api/logout").with_token(token))
    }

    fn advance(&self, time: Duration) {
        self.server.advance(time);
    }
}

/// A request without a body.
fn ask(line: &str) -> Ask {
    Ask {
        line: line.to_owned(),
        ..Ask::default()
    }
}

/// A request with a body in JSON.
fn tell(line: &str, body: &Value) -> Ask {
    ask(line).with_body(&body.to_string())
}

impl Ask {
    fn with_body(mut self, body: &str) -> Ask {
        self.body = Some(body.to_owned());
        self
    }

    fn with_token(mut self, token: &str) -> Ask {
        self.token = Some(token.to_owned());
        self
    }

    /// The last request of its connection.
    fn wire(&self) -> String {
        let mut wire = format!("{} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n", self.line);
        if let Some(token) = &self.token {
            wire.push_str(&format!("Authorization: Bearer {token}\r\n"));
        }
        let body = self.body.as_deref().unwrap_or_default();
        if self.body.is_some() {
            let length = body.len();
            wire.push_str("Content-Type: application/json\r\n");
            wire.push_str(&format!("Content-Length: {length}\r\n"));
        }
        wire + "\r\n" + body
    }
}

/// An answer's body.
fn json_of(answer: &Answer) -> Value {
    assert_eq!(answer.field("content-type"), Some("application/json"));
    serde_json::from_str(&answer.body).expect("it is JSON")
}

/// A member of it.
fn member(answer: &Answer, name: &str) -> Value {
    json_of(answer)[name].clone()
}

/// Compares an answer: its status, a part of what it says, and the shape of errors.
#[track_caller]
fn check(answer: &Answer, status: u16, said: &str) {
    assert_eq!(answer.status, status, "{}", answer.body);
    assert!(answer.body.contains(said), "{said} in {}", answer.body);
    if status >= 400 {
        let error = json_of(answer);
        let members: Vec<&String> = error.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["code", "description", "name"]);
        assert_eq!(error["code"], status);
        let description = error["description"].as_str().expect("a text");
        assert!(description.contains(said), "{said} in {description}");
    }
}
