//! A state is shared by all workers.
//~ `Rc<u64>` cannot be sent between threads safely

use std::rc::Rc;

use container::router::Router;

fn main() {
    let _ = Router::new().state(Rc::new(7_u64));
}
