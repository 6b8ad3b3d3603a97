//! Names and values.

use handlers::store::{StoreError, Stores, Unique};

use crate::{Case, cases};

pub(crate) const CASES: &[Case] = cases![
    first_ones_are_seeded,
    one_is_added_changed_and_removed,
    several_are_added_all_or_none,
    one_name_is_added_once,
];

const SEEDED: [(&str, &str); 4] = [
    ("language", "Python"),
    ("framework", "Flask"),
    ("website", "Facebook"),
    ("editor", "vscode"),
];

const ATTEMPTS_MAX: usize = 60;

async fn value(stores: &Stores, key: &str) -> Option<String> {
    let value = stores.key_values.value(key.to_owned()).await;
    value.expect("it answers")
}

async fn add(stores: &Stores, entries: &[(&str, &str)]) -> Result<(), StoreError> {
    let entries = entries
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    stores.key_values.add(entries.collect()).await
}

/// The same again, while the machine is so slow that the wait for a connection is over before that is
/// free.
async fn add_patiently(stores: &Stores, entries: &[(&str, &str)]) -> Result<(), StoreError> {
    for _ in 0..ATTEMPTS_MAX {
        match add(stores, entries).await {
            Err(StoreError::Unavailable(_)) => {}
            outcome => return outcome,
        }
    }
    panic!("the database is not there")
}

fn taken(key: &str) -> Result<(), StoreError> {
    Err(StoreError::Taken(Unique::Key(key.to_owned())))
}

async fn first_ones_are_seeded(stores: Stores) {
    for (key, expected) in SEEDED {
        assert_eq!(value(&stores, key).await.as_deref(), Some(expected));
    }
    assert_eq!(value(&stores, "Language").await, None);
    assert_eq!(stores.key_values.count().await, Ok(4));
}

async fn one_is_added_changed_and_removed(stores: Stores) {
    let key_values = &stores.key_values;
    for key in ["a", "", "ä b=&", "'; DROP TABLE key_values; --"] {
        let change = |text: &str| key_values.change(key.to_owned(), text.to_owned());
        assert_eq!(change("early").await, Ok(false));
        assert_eq!(add(&stores, &[(key, "one")]).await, Ok(()));
        assert_eq!(add(&stores, &[(key, "other")]).await, taken(key));
        assert_eq!(value(&stores, key).await.as_deref(), Some("one"));
        assert_eq!(change("").await, Ok(true));
        assert_eq!(value(&stores, key).await.as_deref(), Some(""));
        assert_eq!(key_values.remove(key.to_owned()).await, Ok(true));
        assert_eq!(key_values.remove(key.to_owned()).await, Ok(false));
        assert_eq!(value(&stores, key).await, None);
    }
    assert_eq!(key_values.count().await, Ok(4));
}

async fn several_are_added_all_or_none(stores: Stores) {
    assert_eq!(add(&stores, &[]).await, Ok(()));
    assert_eq!(add(&stores, &[("a", "1"), ("b", "2")]).await, Ok(()));
    // Named is the first that is taken.
    for (entries, first) in [
        (&[("c", ""), ("b", ""), ("a", "")][..], "b"),
        (&[("c", ""), ("d", ""), ("c", "")], "c"),
        (&[("c", ""), ("c", ""), ("a", "")], "c"),
        (&[("editor", "vi")], "editor"),
    ] {
        assert_eq!(add(&stores, entries).await, taken(first), "{entries:?}");
    }
    assert_eq!(value(&stores, "c").await, None);
    assert_eq!(value(&stores, "b").await.as_deref(), Some("2"));
    assert_eq!(stores.key_values.count().await, Ok(6));
}

async fn one_name_is_added_once(stores: Stores) {
    const AT_ONCE: usize = 20;
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|number| {
            let (stores, own) = (stores.clone(), number.to_string());
            container::spawn_local(async move {
                add_patiently(&stores, &[(&own, "own"), ("contested", &own)]).await
            })
        })
        .collect();
    let mut winner = None;
    for (number, task) in tasks.into_iter().enumerate() {
        match task.await.expect("no panic") {
            Ok(()) => assert_eq!(winner.replace(number.to_string()), None, "one wins"),
            refused => assert_eq!(refused, taken("contested")),
        }
    }
    assert_eq!(value(&stores, "contested").await, winner);
    assert_eq!(
        stores.key_values.count().await,
        Ok(6),
        "the others left nothing"
    );
}
