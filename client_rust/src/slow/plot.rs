//! A picture of a run: completion time of each request against its number, as SVG.

use std::fmt::Write as _;

use super::Completion;

/// The picture, in its own units.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 500.0;

/// Room for the axes' texts around the field of dots.
const MARGIN: f64 = 60.0;

/// Parts that each axis is divided into.
const TICKS: u32 = 5;

/// Two colours that no common kind of colour blindness mixes up.
const DONE: &str = "#0072b2";
const FAILED: &str = "#d55e00";

/// Draws a dot for each request that succeeded, and one in another colour for each that failed.
pub(super) fn draw(completions: &[Completion]) -> String {
    let last = completions.iter().map(|each| each.after.as_secs_f64());
    let last = last.fold(0.0, f64::max);
    let x =
        |number: f64| MARGIN + number / completions.len().max(1) as f64 * (WIDTH - 2.0 * MARGIN);
    // A scale from 0 to the next full second, so that pictures of several runs can be compared.
    let top = last.ceil().max(1.0);
    let y = |time: f64| HEIGHT - MARGIN - time / top * (HEIGHT - 2.0 * MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         font-family=\"sans-serif\" font-size=\"14\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    for tick in 0..=TICKS {
        let part = f64::from(tick) / f64::from(TICKS);
        let number = part * completions.len() as f64;
        text(
            &mut svg,
            x(number),
            HEIGHT - MARGIN + 20.0,
            "middle",
            &format!("{number:.0}"),
        );
        let time = part * top;
        text(
            &mut svg,
            MARGIN - 8.0,
            y(time) + 5.0,
            "end",
            &format!("{time:.1}"),
        );
        let (left, right, level) = (MARGIN, WIDTH - MARGIN, y(time));
        // Writing to a string cannot fail, here and below.
        let _ = writeln!(
            svg,
            "<line x1=\"{left}\" x2=\"{right}\" y1=\"{level:.1}\" y2=\"{level:.1}\" stroke=\"#ddd\"/>"
        );
    }
    for (index, completion) in completions.iter().enumerate() {
        let colour = if completion.outcome.is_ok() {
            DONE
        } else {
            FAILED
        };
        let (x, y) = (x((index + 1) as f64), y(completion.after.as_secs_f64()));
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.5\" fill=\"{colour}\"/>"
        );
    }
    text(&mut svg, WIDTH / 2.0, HEIGHT - 12.0, "middle", "request");
    text(&mut svg, MARGIN, MARGIN - 24.0, "middle", "done after s");
    svg.push_str("</svg>\n");
    svg
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, words: &str) {
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{words}</text>"
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::Failure;
    use crate::slow::tests::{done, failed};

    #[test]
    fn every_request_is_a_dot_and_failures_show() {
        let svg = draw(&[done(500), failed(1, Failure::Status(503)), done(5000)]);
        assert_eq!(svg.matches(DONE).count(), 2, "{svg}");
        assert_eq!(svg.matches(FAILED).count(), 1, "{svg}");
        assert!(svg.ends_with("</svg>\n") && svg.contains(">5.0<"), "{svg}");
        assert!(!draw(&[]).contains("NaN"));
    }
}
