//! What a handler's arguments are made from, and what they need to be there.

use std::any::{TypeId, type_name};

use http::Extensions;

use super::response::IntoResponse;
use crate::message::Request;

/// What is shared by all requests of a container: the values given to `Router::state`.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// One value per type.
    states: Extensions,
}

/// Whether and how a handler takes the request's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum BodyMode {
    /// It does not.
    Ignored,
    /// Whole; the handler starts when all of it is here.
    Buffered,
    /// As it comes; the handler may start before the body.
    Live,
}

/// What a handler's arguments ask for, collected when its route is made.
#[derive(Debug, Clone)]
pub struct Needs {
    /// The body, in the most demanding way an argument takes it.
    pub body: BodyMode,
    /// Whether the argument that takes a live body waits for it on its thread.
    pub waits: bool,
    /// Type and name of each state.
    pub states: Vec<(TypeId, &'static str)>,
    /// What the request is called.
    pub identity: bool,
}

/// An argument that is made from the head of a request.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an argument of a handler",
    note = "arguments are `Path<T>`, `Query<T>`, `State<T>`, `HeaderMap`, `Method`, ..; the last one \
            may take the body: `Json<T>`, `Form<T>`, `Bytes`, `String`, `Body`, `BodyReader`, `Request`"
)]
pub trait FromHead: Sized {
    /// The answer when it cannot be made.
    type Rejection: IntoResponse;

    /// Makes it.
    ///
    /// # Errors
    /// With the answer that the client gets instead of the handler's.
    fn from_head(request: &Request, context: &Context) -> Result<Self, Self::Rejection>;

    /// Says what it needs to be there.
    fn describe(_needs: &mut Needs) {}
}

/// An argument that takes the whole request, body included; a handler's last.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the last argument of a handler",
    note = "arguments are `Path<T>`, `Query<T>`, `State<T>`, `HeaderMap`, `Method`, ..; the last one \
            may take the body: `Json<T>`, `Form<T>`, `Bytes`, `String`, `Body`, `BodyReader`, `Request`"
)]
pub trait FromRequest<Via = ViaRequest>: Sized {
    /// The answer when it cannot be made.
    type Rejection: IntoResponse;

    /// Makes it. A body that [`describe`](Self::describe) asked for whole is whole.
    ///
    /// # Errors
    /// With the answer that the client gets instead of the handler's.
    fn from_request(request: Request, context: &Context) -> Result<Self, Self::Rejection>;

    /// Says what it needs to be there.
    fn describe(needs: &mut Needs);
}

/// Marks the arguments that take the request itself.
#[derive(Debug)]
pub enum ViaRequest {}

/// Marks the last arguments that need only the head.
#[derive(Debug)]
pub enum ViaHead {}

#[diagnostic::do_not_recommend]
impl<T: FromHead> FromRequest<ViaHead> for T {
    type Rejection = T::Rejection;

    fn from_request(request: Request, context: &Context) -> Result<Self, T::Rejection> {
        T::from_head(&request, context)
    }

    fn describe(needs: &mut Needs) {
        T::describe(needs);
    }
}

impl Context {
    /// No states.
    pub fn new() -> Self {
        Context::default()
    }

    /// Adds a state, in place of an earlier one of its type.
    pub fn insert<T: Clone + Send + Sync + 'static>(&mut self, state: T) {
        self.states.insert(state);
    }

    /// The state of this type.
    pub fn state<T: Clone + Send + Sync + 'static>(&self) -> Option<&T> {
        self.states.get()
    }
}

impl Needs {
    /// Nothing.
    pub fn none() -> Self {
        Needs {
            body: BodyMode::Ignored,
            waits: false,
            states: Vec::new(),
            identity: false,
        }
    }

    /// The body, at least in this way.
    pub fn body(&mut self, mode: BodyMode) {
        self.body = self.body.max(mode);
    }

    /// The body as it comes, for an argument that waits for it on its thread: live in a blocking
    /// handler, whole in others.
    pub fn body_reader(&mut self) {
        self.body(BodyMode::Live);
        self.waits = true;
    }

    /// What the request is called.
    pub fn identity(&mut self) {
        self.identity = true;
    }

    /// The state of this type.
    pub fn state<T: 'static>(&mut self) {
        self.states.push((TypeId::of::<T>(), type_name::<T>()));
    }
}
