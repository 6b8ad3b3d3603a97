//! `Operation`: what one route says about itself, as plain data.

use schemars::JsonSchema;
use serde_json::Value;

use super::content::{Content, SchemaOf, problem, subschema};

/// The routes that belong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Application {
    /// A few words; no other application has the same.
    pub name: &'static str,
    /// A sentence or two.
    pub about: &'static str,
}

/// How clients show who they are: by a token that they bring in `Authorization: Bearer ..`
/// (RFC 6750, section 2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bearer {
    /// By which operations refer to it: letters, digits, and no other scheme has the same.
    pub name: &'static str,
    /// What the token is, such as `JWT`.
    pub format: &'static str,
    /// Where clients get one, in a sentence or two.
    pub about: &'static str,
}

/// What a route does, takes and answers; given to it with
/// [`annotate`](container::Handler::annotate).
///
/// What follows from the rest is not to be said: a path or a query that does not fit (400), a body
/// that is too large (413) or not the JSON that is expected (400, 415, 422), no room (503) where the
/// route has a limit, and no login (401) where it wants one.
#[derive(Debug, Clone)]
#[must_use]
pub struct Operation {
    pub(super) application: Application,
    pub(super) summary: &'static str,
    pub(super) description: &'static str,
    /// Those that are named one by one.
    pub(super) parameters: Vec<Parameter>,
    /// A type whose fields are the query's parameters.
    pub(super) query: Option<SchemaOf>,
    pub(super) body: Option<Content>,
    /// In the order in which they were given.
    pub(super) answers: Vec<Answer>,
    /// What the container's own refusals look like here.
    pub(super) refusals: Content,
    /// Who has to log in; `None`: nobody.
    pub(super) login: Option<Bearer>,
    /// Whether it asks a database.
    pub(super) asks_store: bool,
    /// Whether it can take long, or as long as the client says.
    pub(super) is_slow: bool,
}

/// A parameter that is named by itself.
#[derive(Debug, Clone)]
pub(super) struct Parameter {
    pub(super) place: Place,
    pub(super) name: &'static str,
    pub(super) meaning: &'static str,
    pub(super) schema: SchemaOf,
    pub(super) example: Value,
}

/// Where a parameter is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// In the path, where it must be.
    Path,
    /// In a field, which may be missing.
    Header,
}

/// An answer, by its status.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    /// `404`, or `4XX` for a whole class.
    pub(super) status: String,
    pub(super) meaning: &'static str,
    pub(super) content: Content,
    /// Names and meanings of the fields that belong to it.
    pub(super) fields: Vec<(&'static str, &'static str)>,
}

impl Operation {
    /// What a route of this application does, in a few words.
    pub fn new(application: Application, summary: &'static str) -> Self {
        Operation {
            application,
            summary,
            description: "",
            parameters: Vec::new(),
            query: None,
            body: None,
            answers: Vec::new(),
            refusals: problem(),
            login: None,
            asks_store: false,
            is_slow: false,
        }
    }

    /// What else there is to know.
    pub fn about(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// A parameter of the path, by its name in the route's pattern.
    pub fn path<T: JsonSchema>(
        self,
        name: &'static str,
        meaning: &'static str,
        example: impl Into<Value>,
    ) -> Self {
        self.parameter::<T>(Place::Path, name, meaning, example.into())
    }

    /// A field that may be there.
    pub fn header<T: JsonSchema>(
        self,
        name: &'static str,
        meaning: &'static str,
        example: impl Into<Value>,
    ) -> Self {
        self.parameter::<T>(Place::Header, name, meaning, example.into())
    }

    /// The query: each field of `T` is a parameter, with its doc comment for a description.
    pub fn query<T: JsonSchema>(mut self) -> Self {
        self.query = Some(|generator| T::json_schema(generator));
        self
    }

    /// The body of the request. JSON must be there.
    pub fn body(mut self, content: Content) -> Self {
        self.body = Some(content);
        self
    }

    /// An answer that the handler may give.
    pub fn answer(self, status: u16, meaning: &'static str, content: Content) -> Self {
        self.answered(status.to_string(), meaning, content)
    }

    /// Any answer of a class: 4 is all from 400 to 499.
    pub fn answer_class(self, class: u8, meaning: &'static str, content: Content) -> Self {
        self.answered(format!("{class}XX"), meaning, content)
    }

    /// A field of the last answer.
    pub fn field(mut self, name: &'static str, meaning: &'static str) -> Self {
        if let Some(answer) = self.answers.last_mut() {
            answer.fields.push((name, meaning));
        }
        self
    }

    /// The shape of the container's own refusals, where the application has given them another.
    pub fn refusals(mut self, content: Content) -> Self {
        self.refusals = content;
        self
    }

    /// It wants a login, and has none but this answer (401) for those who bring none.
    pub fn login(mut self, bearer: Bearer) -> Self {
        self.login = Some(bearer);
        self
    }

    /// It asks a database, and so has no answer (503) while that is away.
    pub fn stores(mut self) -> Self {
        self.asks_store = true;
        self
    }

    /// It can take long, or as long as the client says. Tools that send a great many requests by
    /// themselves are told by `x-slow`.
    pub fn slow(mut self) -> Self {
        self.is_slow = true;
        self
    }

    fn parameter<T: JsonSchema>(
        mut self,
        place: Place,
        name: &'static str,
        meaning: &'static str,
        example: Value,
    ) -> Self {
        let schema: SchemaOf = subschema::<T>;
        self.parameters.push(Parameter {
            place,
            name,
            meaning,
            schema,
            example,
        });
        self
    }

    fn answered(mut self, status: String, meaning: &'static str, content: Content) -> Self {
        self.answers.push(Answer {
            status,
            meaning,
            content,
            fields: Vec::new(),
        });
        self
    }

    /// Adds an answer, with these fields, unless one of its status is there.
    pub(super) fn refuse(
        &mut self,
        status: u16,
        meaning: &'static str,
        fields: &[(&'static str, &'static str)],
    ) {
        let status = status.to_string();
        if !self.answers.iter().any(|answer| answer.status == status) {
            self.answers.push(Answer {
                status,
                meaning,
                content: self.refusals.clone(),
                fields: fields.to_vec(),
            });
        }
    }
}
