//! A picture of a run: completion time of each request against its number, as SVG.

use std::fmt::Write as _;

use super::Completions;

/// The picture, in its own units.
const WIDTH: f64 = 800.0;
const HEIGHT: f64 = 500.0;

/// Room for the axes' texts around the field of dots.
const MARGIN: f64 = 60.0;

/// Parts that each axis is divided into.
const TICKS: u32 = 5;

/// Draws a dot for each request that succeeded.
pub(super) fn draw(completions: &Completions) -> String {
    let done = completions.iter().enumerate();
    let points: Vec<_> = done
        .filter_map(|(number, time)| Some((number + 1, time.ok()?.as_secs_f64())))
        .collect();
    let last = points.iter().map(|(_, time)| *time).fold(0.0, f64::max);
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
    for (number, time) in points {
        let (x, y) = (x(number as f64), y(time));
        let _ = writeln!(
            svg,
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.5\" fill=\"#06c\"/>"
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
    use std::time::Duration;

    use super::*;
    use crate::failure::Failure;

    #[test]
    fn every_success_is_a_dot() {
        let completions = vec![
            Ok(Duration::from_millis(500)),
            Err(Failure::Timeout),
            Ok(Duration::from_secs(5)),
        ];
        let svg = draw(&completions);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.ends_with("</svg>\n") && svg.contains(">5.0<"), "{svg}");
        assert!(!draw(&vec![]).contains("NaN"));
    }
}
