//! `Report`: what came of the calls, as a page.

use std::collections::BTreeMap;
use std::time::Duration;

use container::Response;
use serde::Serialize;

use crate::pages::Page;

const TEMPLATE: &str = include_str!("report.html");

/// What came of the calls of one page.
#[derive(Serialize)]
pub(super) struct Report {
    title: &'static str,
    /// What was called.
    what: String,
    /// How many times.
    count: u32,
    /// What is known of each success.
    columns: &'static [&'static str],
    successes: Vec<Vec<String>>,
    /// How many failed, by the reason.
    failures: BTreeMap<String, u32>,
    failed: u32,
    /// How long all of them took together.
    took_us: u128,
}

impl Report {
    pub(super) fn new(
        title: &'static str,
        what: String,
        count: u32,
        columns: &'static [&'static str],
    ) -> Self {
        Report {
            title,
            what,
            count,
            columns,
            successes: vec![],
            failures: BTreeMap::new(),
            failed: 0,
            took_us: 0,
        }
    }

    /// A call that came to something, as its columns have it.
    pub(super) fn succeed(&mut self, row: Vec<String>) {
        self.successes.push(row);
    }

    /// A call that came to nothing.
    pub(super) fn fail(&mut self, reason: String) {
        self.failed += 1;
        *self.failures.entry(reason).or_default() += 1;
    }

    /// All of it, as an answer.
    pub(super) fn page(mut self, took: Duration) -> Response {
        self.took_us = took.as_micros();
        Page::render("report.html", TEMPLATE, "", &self).answer()
    }
}
