//! What survives the end of the process: logins, and that they were revoked.

use handlers::backend::{Options, SigningKey};
use handlers::store::Database;
use tests::program::Folder;

use crate::{App, check, options};

#[test]
fn logins_and_revocations_survive_a_restart() {
    let folder = Folder::new("backend-restart");
    let database = Database::File(folder.path().join("data.db"));
    let key_file = folder.path().join("jwt.key");
    let start = || {
        let key = SigningKey::load_or_create(&key_file).expect("there is one");
        App::on(&database, Options { key, ..options() })
    };
    let app = start();
    app.register("ann");
    let (kept, revoked) = (app.login("ann"), app.login("ann"));
    check(&app.logout(&revoked), 200, "revoked");
    drop(app);

    let app = start();
    check(&app.logout(&revoked), 401, "log in again");
    check(&app.logout(&kept), 200, "revoked");
    drop(app);

    let app = start();
    check(&app.logout(&kept), 401, "log in again");
    check(&app.logout(&app.login("ann")), 200, "revoked");
}
