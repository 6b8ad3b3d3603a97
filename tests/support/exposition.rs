//! Reads the Prometheus text format, version 0.0.4, strictly: whatever a collector might refuse,
//! or take for something else, is a failure.

use std::collections::{BTreeMap, HashSet};

/// Names and values of labels, in the order of their names.
pub type Labels = BTreeMap<String, String>;

/// All metrics of one text.
#[derive(Debug, Default)]
pub struct Metrics {
    metrics: Vec<Metric>,
}

/// One metric and its samples.
#[derive(Debug)]
pub struct Metric {
    /// Its name, without the suffixes of a histogram.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: String,
    /// Suffix, labels and value of each sample.
    pub samples: Vec<(String, Labels, f64)>,
}

impl Metrics {
    /// Reads a whole text.
    ///
    /// # Panics
    /// When it is not in the format.
    pub fn read(text: &str) -> Metrics {
        assert!(text.ends_with('\n'), "the last line has an end");
        let mut metrics = Metrics::default();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let (name, help) = comment(line, "HELP");
            assert!(!help.is_empty(), "{line}");
            let (again, kind) = comment(lines.next().expect("a type follows"), "TYPE");
            assert_eq!(name, again, "HELP and TYPE are of the same metric");
            let mut metric = Metric {
                name: name.to_owned(),
                kind: kind.to_owned(),
                samples: vec![],
            };
            while let Some(line) = lines.next_if(|line| !line.starts_with('#')) {
                metric.samples.push(sample(line, name));
            }
            metric.check();
            metrics.metrics.push(metric);
        }
        let names: HashSet<_> = metrics.metrics.iter().map(|metric| &metric.name).collect();
        assert_eq!(names.len(), metrics.metrics.len(), "no metric comes twice");
        metrics
    }

    /// The value of the only sample that has this name, suffix included, and these labels.
    ///
    /// # Panics
    /// When there is none, or more than one.
    #[track_caller]
    pub fn value(&self, name: &str, labels: &[(&str, &str)]) -> f64 {
        let has = |known: &Labels| {
            let mut labels = labels.iter();
            labels.all(|(name, value)| known.get(*name).is_some_and(|known| known == value))
        };
        let metrics = self.metrics.iter();
        let found: Vec<f64> = metrics
            .filter_map(|metric| Some((metric, name.strip_prefix(metric.name.as_str())?)))
            .flat_map(|(metric, suffix)| metric.samples.iter().map(move |one| (one, suffix)))
            .filter(|((known, labels, _), suffix)| known == suffix && has(labels))
            .map(|((_, _, value), _)| *value)
            .collect();
        assert_eq!(found.len(), 1, "{name} {labels:?}: {found:?}");
        found[0]
    }
}

impl Metric {
    fn check(&self) {
        let Metric {
            name,
            kind,
            samples,
        } = self;
        let mut seen = HashSet::new();
        for (suffix, labels, value) in samples {
            let labels: Vec<_> = labels.iter().collect();
            assert!(
                seen.insert((suffix, labels)),
                "a sample of {name} comes twice"
            );
            assert!(value.is_finite(), "{name}: {value}");
        }
        match kind.as_str() {
            "gauge" => assert!(!name.ends_with("_total"), "{name}"),
            "counter" => {
                assert!(name.ends_with("_total"), "{name}");
                assert!(samples.iter().all(|(_, _, value)| *value >= 0.0), "{name}");
            }
            "histogram" => self.check_histogram(),
            other => panic!("{name} is a {other}"),
        }
        let plain = kind == "histogram" || samples.iter().all(|(suffix, ..)| suffix.is_empty());
        assert!(plain, "{name}");
    }

    /// Buckets grow, the last one is of everything, and there are a count and a sum.
    fn check_histogram(&self) {
        let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        for (suffix, labels, value) in &self.samples {
            if suffix == "_bucket" {
                let mut labels = labels.clone();
                let bound = labels.remove("le").expect("a bucket has a bound");
                let bound = match bound.as_str() {
                    "+Inf" => f64::INFINITY,
                    number => number.parse().expect("a bound is a number"),
                };
                series.entry(labels).or_default().push((bound, *value));
            }
        }
        for (labels, buckets) in &series {
            let growing = buckets
                .windows(2)
                .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
            assert!(growing, "{} {labels:?}: {buckets:?}", self.name);
            let last = *buckets.last().expect("there is a bucket");
            let of = |suffix: &str| {
                let mut samples = self.samples.iter();
                let found = samples.find(|(known, own, _)| known == suffix && own == labels);
                found.expect("there is a sum and a count").2
            };
            assert_eq!(last, (f64::INFINITY, of("_count")), "{}", self.name);
            assert!(of("_sum") >= 0.0, "{}", self.name);
        }
        let each = series.len() * 2 + series.values().map(Vec::len).sum::<usize>();
        assert_eq!(self.samples.len(), each, "{}: nothing else", self.name);
    }
}

/// `# HELP name text` or `# TYPE name kind`.
fn comment<'a>(line: &'a str, keyword: &str) -> (&'a str, &'a str) {
    let rest = line
        .strip_prefix("# ")
        .expect("a metric begins with a comment");
    let rest = rest.strip_prefix(keyword).expect("HELP, then TYPE");
    let (name, text) = rest
        .strip_prefix(' ')
        .and_then(|rest| rest.split_once(' '))
        .expect("a name and a text");
    assert_name(name, ":");
    (name, text)
}

/// `name{label="value"} number`.
fn sample(line: &str, metric: &str) -> (String, Labels, f64) {
    let end = line.find(['{', ' ']).expect("a name ends");
    let (name, mut rest) = line.split_at(end);
    assert_name(name, ":");
    let suffix = name.strip_prefix(metric).expect("a sample of its metric");
    let mut labels = Labels::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        loop {
            let (label, after) = rest.split_once("=\"").expect("a label has a value");
            assert_name(label, "");
            let (value, after) = quoted(after);
            assert!(labels.insert(label.to_owned(), value).is_none(), "{line}");
            match after.split_at(1) {
                (",", after) => rest = after,
                ("}", after) => {
                    rest = after;
                    break;
                }
                _ => panic!("labels end: {line}"),
            }
        }
    }
    let value = rest.strip_prefix(' ').expect("a blank before the value");
    assert!(!value.contains(' '), "no time: {line}");
    (
        suffix.to_owned(),
        labels,
        value.parse().expect("a value is a number"),
    )
}

/// Up to the closing quote: what is within, and what follows.
fn quoted(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match characters.next() {
                Some((_, 'n')) => '\n',
                Some((_, escaped @ ('"' | '\\'))) => escaped,
                other => panic!("no escape: {other:?} in {text}"),
            }),
            other => value.push(other),
        }
    }
    panic!("a value ends: {text}")
}

fn assert_name(name: &str, more: &str) {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_' || more.contains(c);
    let mut characters = name.chars();
    assert!(characters.next().is_some_and(is_first), "{name:?}");
    assert!(
        characters.all(|c| is_first(c) || c.is_ascii_digit()),
        "{name:?}"
    );
}
