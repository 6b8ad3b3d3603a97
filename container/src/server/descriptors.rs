//! How many connections the process's limit of descriptors has room for. Where that is not known it
//! has room for all.

use log::Level;

use crate::config::Config;

/// Descriptors of a worker besides its connections: its selector and what wakes it, its listener,
/// what a former worker's place keeps, and each acceptor's reserve.
const EACH_WORKER: usize = 8;

/// The part of the limit that is left to others at most, where the limit is small.
const SPARE_PART: usize = 4;

/// Lowers the budget of connections to what there are descriptors for, and says so: out of
/// descriptors nobody could even be told that there is no room.
pub(super) fn fit(config: &mut Config) {
    let Some(limit) = limit() else { return };
    let possible = possible(limit, in_use(), config);
    if possible < config.connections {
        // Whoever has not asked for more does not need to be warned.
        let is_default = config.connections == Config::default().connections;
        let level = if is_default { Level::Info } else { Level::Warn };
        log::log!(
            level,
            "a worker takes {possible} connections, not {}: the process may have {limit} descriptors",
            config.connections
        );
        config.connections = possible;
    }
}

/// Connections of one worker, at least 1.
fn possible(limit: usize, in_use: usize, config: &Config) -> usize {
    let spare = config.spare_descriptors.min(limit / SPARE_PART);
    let taken = in_use + spare + config.workers * EACH_WORKER;
    (limit.saturating_sub(taken) / config.workers).max(1)
}

/// The limit that holds for this process.
fn limit() -> Option<usize> {
    parse(&std::fs::read_to_string("/proc/self/limits").ok()?)
}

/// The soft limit, the first of two numbers, of a text such as `Max open files  1024  4096  files`.
fn parse(limits: &str) -> Option<usize> {
    let line = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_ascii_whitespace().next()?.parse().ok()
}

/// Descriptors that are open.
fn in_use() -> usize {
    std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_soft_limit() {
        let check = |text: &str, expected| assert_eq!(parse(text), expected, "{text}");
        let other =
            "Max processes             95925                95925                processes\n";
        let files = "Max open files            1024                 524288               files\n";
        check(&format!("{other}{files}"), Some(1024));
        check(
            "Max open files            unlimited            unlimited            files",
            None,
        );
        check(other, None);
    }

    #[test]
    fn what_is_left_is_shared_by_the_workers() {
        let check = |limit, workers, expected| {
            let config = Config {
                workers,
                spare_descriptors: 100,
                ..Config::default()
            };
            assert_eq!(possible(limit, 20, &config), expected, "{limit}, {workers}");
        };
        check(20_000, 2, 9932);
        check(1024, 1, 896);
        check(60, 2, 4);
        check(10, 2, 1);
    }
}
