//! The peer with a database and with limits: axum answering `GET /brands` from PostgreSQL, by
//! tokio-postgres and a pool of connections, where it is given `--database URL`; `GET /limited`
//! behind tower's layers for a handler that is to be bounded; and `GET /-/live`. Set up as its users
//! would.
//!
//! It must stay as they would write it: no cache, no batching, nothing that only a benchmark has.

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::error_handling::HandleErrorLayer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, get};
use axum::{Json, Router};
use deadpool_postgres::{Manager, ManagerConfig, Pool, PoolError, RecyclingMethod};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio_postgres::{Config, NoTls};
use tower::limit::GlobalConcurrencyLimitLayer;
use tower::{BoxError, ServiceBuilder};

/// How many `/limited` handles at once, and how long each takes; as in the container's.
const LIMIT: usize = 16;
const LIMITED_TIME: Duration = Duration::from_millis(10);

/// As many as the original had.
const CONNECTIONS: usize = 6;

#[derive(Serialize)]
struct Brand {
    brand_id: i64,
    brand_name: String,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut app = Router::new()
        .route("/limited", limited())
        .route("/-/live", get(async || "alive\n"));
    if let Some(url) = option("--database") {
        let brands = Router::new().route("/brands", get(brands));
        app = app.merge(brands.with_state(pool(&url)?));
    }
    let port = option("--port").unwrap_or("0".to_owned()).parse()?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    eprintln!("listening on http://{}", listener.local_addr()?);
    axum::serve(listener, app).await?;
    Ok(())
}

/// Whoever finds no place is told so at once.
fn limited() -> MethodRouter {
    let full = async |_: BoxError| StatusCode::SERVICE_UNAVAILABLE;
    let bounds = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(full))
        .load_shed()
        // axum applies layers anew for each connection: a limit that is not global is one for each.
        .layer(GlobalConcurrencyLimitLayer::new(LIMIT));
    let answer = async || {
        tokio::time::sleep(LIMITED_TIME).await;
        "ok"
    };
    get(answer).layer(bounds)
}

/// What follows a flag.
fn option(flag: &str) -> Option<String> {
    env::args().skip_while(|arg| arg != flag).nth(1)
}

fn pool(url: &str) -> Result<Pool, Box<dyn Error>> {
    let config: Config = url.parse()?;
    // The default: a connection is taken for living until a query finds that it is not.
    let recycling_method = RecyclingMethod::Fast;
    let manager = Manager::from_config(config, NoTls, ManagerConfig { recycling_method });
    Ok(Pool::builder(manager).max_size(CONNECTIONS).build()?)
}

async fn brands(State(pool): State<Pool>) -> Result<Json<Vec<Brand>>, StatusCode> {
    let brands = all_brands(&pool).await;
    brands
        .map(Json)
        .map_err(|_| StatusCode::SERVICE_UNAVAILABLE)
}

async fn all_brands(pool: &Pool) -> Result<Vec<Brand>, PoolError> {
    let client = pool.get().await?;
    let statement = client
        .prepare_cached("SELECT id, name FROM brands ORDER BY id")
        .await?;
    let rows = client.query(&statement, &[]).await?;
    let brand = |row: &tokio_postgres::Row| Brand {
        brand_id: row.get("id"),
        brand_name: row.get("name"),
    };
    Ok(rows.iter().map(brand).collect())
}
