//! Only the last argument may take the body.
//~ `Json<u8>` cannot be an argument of a handler
//~ the last one may take the body: `Json<T>`, `Form<T>`, `Bytes`, `String`, `Body`, `BodyReader`, `Request`

use container::extract::Json;
use container::handler::blocking;
use container::message::Method;
use container::router::Router;

fn handler(_: Json<u8>, _: Method) {}

fn main() {
    let _ = Router::new().get("/", blocking(handler));
}
