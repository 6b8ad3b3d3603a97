//! `Exposition`: the Prometheus text format, version 0.0.4. Knows no metric.

use std::fmt::{Display, Write as _};
use std::time::Duration;

use crate::observe::{BOUNDS_US, Times};

/// The media type.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A text that grows by one metric at a time.
pub(super) struct Exposition {
    text: String,
    /// The metric that samples are written of.
    name: &'static str,
}

/// What a metric is.
#[derive(Clone, Copy)]
pub(super) enum Kind {
    /// It only grows; its name ends in `_total`.
    Counter,
    /// It goes up and down.
    Gauge,
    /// Times in buckets.
    Histogram,
}

/// Names and values.
pub(super) type Labels<'a> = &'a [(&'a str, &'a str)];

impl Exposition {
    pub(super) fn new() -> Self {
        Exposition {
            text: String::new(),
            name: "",
        }
    }

    /// Begins a metric; all its samples have to follow before the next one begins.
    pub(super) fn metric(&mut self, name: &'static str, kind: Kind, help: &str) -> &mut Self {
        let kind = match kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram => "histogram",
        };
        self.name = name;
        self.text.push_str("# HELP ");
        self.text.push_str(name);
        self.text.push(' ');
        escape(&mut self.text, help, false);
        // Writing to a string does not fail.
        let _ = writeln!(self.text, "\n# TYPE {name} {kind}");
        self
    }

    /// A sample that is a whole number.
    pub(super) fn sample(&mut self, labels: Labels<'_>, value: impl Display) -> &mut Self {
        self.line("", labels, None, format_args!("{value}"));
        self
    }

    /// A sample that is a time.
    pub(super) fn seconds(&mut self, labels: Labels<'_>, value: Duration) -> &mut Self {
        self.line("", labels, None, format_args!("{}", value.as_secs_f64()));
        self
    }

    /// The samples of a histogram.
    pub(super) fn times(&mut self, labels: Labels<'_>, times: &Times) -> &mut Self {
        let mut count = 0;
        for (bound, bucket) in BOUNDS_US.iter().zip(times.buckets) {
            count += bucket;
            let bound = Duration::from_micros(*bound).as_secs_f64().to_string();
            self.line("_bucket", labels, Some(&bound), format_args!("{count}"));
        }
        // What was counted meanwhile must not make the last bucket and the count differ.
        let count = times.count();
        self.line("_bucket", labels, Some("+Inf"), format_args!("{count}"));
        let sum = Duration::from_micros(times.sum_us).as_secs_f64();
        self.line("_sum", labels, None, format_args!("{sum}"));
        self.line("_count", labels, None, format_args!("{count}"));
        self
    }

    /// The whole text.
    pub(super) fn finish(self) -> String {
        self.text
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: Labels<'_>,
        bound: Option<&str>,
        value: std::fmt::Arguments<'_>,
    ) {
        let text = &mut self.text;
        text.push_str(self.name);
        text.push_str(suffix);
        let bound = bound.map(|bound| ("le", bound));
        for (place, (name, value)) in labels.iter().copied().chain(bound).enumerate() {
            text.push(if place == 0 { '{' } else { ',' });
            text.push_str(name);
            text.push_str("=\"");
            escape(text, value, true);
            text.push('"');
        }
        if !labels.is_empty() || bound.is_some() {
            text.push('}');
        }
        // Writing to a string does not fail.
        let _ = writeln!(text, " {value}");
    }
}

/// Backslashes and line feeds are escaped everywhere, quotes in the values of labels.
fn escape(out: &mut String, text: &str, quotes: bool) {
    for character in text.chars() {
        match character {
            '\\' => out.push_str(r"\\"),
            '\n' => out.push_str(r"\n"),
            '"' if quotes => out.push_str("\\\""),
            other => out.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::Histogram;

    #[test]
    fn a_metric_has_its_help_its_type_and_its_samples() {
        let mut exposition = Exposition::new();
        exposition
            .metric("a_total", Kind::Counter, "What \"a\"\nis: \\.")
            .sample(&[], 7)
            .sample(&[("b", "x\"y\\z\n"), ("c", "ä")], 8);
        exposition
            .metric("d_seconds", Kind::Gauge, "d")
            .seconds(&[], Duration::from_millis(1500));
        let expected = r#"# HELP a_total What "a"\nis: \\.
# TYPE a_total counter
a_total 7
a_total{b="x\"y\\z\n",c="ä"} 8
# HELP d_seconds d
# TYPE d_seconds gauge
d_seconds 1.5
"#;
        assert_eq!(exposition.finish(), expected);
    }

    #[test]
    fn buckets_are_cumulative_and_end_with_all() {
        let histogram = Histogram::default();
        for micros in [5, 20, 20, 40_000_000] {
            histogram.record(micros);
        }
        let mut times = Times::default();
        times.add(&histogram);
        let mut exposition = Exposition::new();
        exposition
            .metric("h", Kind::Histogram, "h")
            .times(&[("a", "b")], &times);
        let text = exposition.finish();
        for line in [
            r#"h_bucket{a="b",le="0.00001"} 1"#,
            r#"h_bucket{a="b",le="0.000025"} 3"#,
            r#"h_bucket{a="b",le="30"} 3"#,
            r#"h_bucket{a="b",le="+Inf"} 4"#,
            r#"h_sum{a="b"} 40.000045"#,
            r#"h_count{a="b"} 4"#,
        ] {
            assert!(text.lines().any(|known| known == line), "{line}: {text}");
        }
        assert_eq!(text.lines().count(), 2 + BOUNDS_US.len() + 3);
    }
}
