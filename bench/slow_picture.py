"""The picture of the slow requests: completion time of each against its number, as SVG.

It must not measure. The colours are told apart by the colour-blind too, and each line has its name
beside it. The ground is white, so that it can be read on a dark page.
"""

WIDTH, HEIGHT = 1000, 620
LEFT, RIGHT, TOP, BOTTOM = 64, 276, 84, 64

REQUESTS_MAX = 1000
SECONDS_MAX = 52

INK, FAINT, RULE = "#222", "#666", "#e3e3e3"
ORIGINAL, ASYNC, BLOCKING, SMALL, REFUSED = "#666", "#0072b2", "#d55e00", "#009e73", "#aa3377"

# Where lines lie on each other, the upper one is the thinner.
THIN, MEDIUM, THICK = 2.5, 6, 11

# What was published of the original: 100 done after 10 s, the last after about 50 s.
PUBLISHED = ((100, 10.0), (1000, 50.0))


def draw(seen: dict) -> str:
    """Draws what was seen of the cases `async`, `blocking` and `small`."""
    wide, blocked, small = (seen[name] for name in ("async", "blocking", "small"))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'width="{WIDTH}" height="{HEIGHT}" font-family="Helvetica, Arial, sans-serif" '
        f'font-size="14" fill="{INK}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>',
        text(LEFT, 34, "A thousand requests of 5 s at the same time", size=20, weight="bold"),
        text(LEFT, 58, "When each was done. One worker of the container, one processor.", FAINT),
        axes(),
        original(),
        dots(small.answered, SMALL, THICK),
        dots(blocked.answered, BLOCKING, MEDIUM),
        dots(wide.answered, ASYNC, THIN),
        dots(small.refused, REFUSED, MEDIUM),
        text(x(100) + 16, y(10) + 20, "100 of 1,000 done: 10 s", ORIGINAL, size=13),
        beside(50, ORIGINAL, "the original, as published", "all of 1,000 done: about 50 s"),
        beside(
            last(blocked.answered),
            BLOCKING,
            "blocking, 256 threads",
            f"4 batches: {last(blocked.answered):.2f} s",
        ),
        beside(
            last(wide.answered), ASYNC, "async", f"all at once: {last(wide.answered):.2f} s"
        ),
        beside(
            0,
            REFUSED,
            "blocking, 100 threads, deadline 6 s",
            f"{count(small.refused)} refused within {last(small.refused):.2f} s",
        ),
        pointed(count(small.answered), last(small.answered)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def x(number: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * number / REQUESTS_MAX


def y(seconds: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * seconds / SECONDS_MAX


def axes() -> str:
    parts = []
    for seconds in range(0, SECONDS_MAX, 5):
        colour = FAINT if seconds == 0 else RULE
        path = f"M{x(0):.1f} {y(seconds):.1f}H{x(REQUESTS_MAX):.1f}"
        parts.append(f'<path d="{path}" stroke="{colour}"/>')
        if seconds % 10 == 0:
            parts.append(text(LEFT - 10, y(seconds) + 5, str(seconds), FAINT, anchor="end"))
    for number in range(0, REQUESTS_MAX + 1, 200):
        parts.append(text(x(number), y(0) + 22, f"{number:,}", FAINT, anchor="middle"))
    parts.append(text(x(REQUESTS_MAX / 2), y(0) + 46, "request number", FAINT, anchor="middle"))
    parts.append(
        f'<text x="22" y="{y(25):.0f}" fill="{FAINT}" text-anchor="middle" '
        f'transform="rotate(-90 22 {y(25):.0f})">done after, seconds</text>'
    )
    return "\n".join(parts)


def original() -> str:
    line = "L".join(f"{x(number):.1f} {y(seconds):.1f}" for number, seconds in PUBLISHED)
    parts = [f'<path d="M{line}" stroke="{ORIGINAL}" stroke-width="2" stroke-dasharray="7 5"/>']
    for number, seconds in PUBLISHED:
        parts.append(f'<circle cx="{x(number):.1f}" cy="{y(seconds):.1f}" r="4" fill="{ORIGINAL}"/>')
    return "\n".join(parts)


def dots(times: list[float | None], colour: str, size: float) -> str:
    """A dot for each request that has a time."""
    each = enumerate(times, 1)
    path = "".join(f"M{x(n):.1f} {y(time):.1f}h0" for n, time in each if time is not None)
    style = f'fill="none" stroke="{colour}" stroke-width="{size}" stroke-linecap="round"'
    return f'<path d="{path}" {style}/>'


def beside(seconds: float, colour: str, name: str, figure: str) -> str:
    """The name of a line, to the right of where it ends."""
    left, middle = x(REQUESTS_MAX) + 24, y(seconds)
    return (
        text(left, middle - 3, name, colour, weight="bold", size=13)
        + "\n"
        + text(left, middle + 14, figure, colour, size=13)
    )


def pointed(answered: int, seconds: float) -> str:
    """The name of the few whom the small pool took."""
    return text(
        x(0) + 4,
        y(seconds) + 24,
        f"the {answered} that found one of 100 threads: {seconds:.2f} s",
        SMALL,
        weight="bold",
        size=13,
    )


def text(
    left: float,
    base: float,
    words: str,
    colour: str = INK,
    anchor: str = "start",
    weight: str = "normal",
    size: int = 14,
) -> str:
    return (
        f'<text x="{left:.1f}" y="{base:.1f}" fill="{colour}" text-anchor="{anchor}" '
        f'font-weight="{weight}" font-size="{size}">{words}</text>'
    )


def last(times: list[float | None]) -> float:
    return max((time for time in times if time is not None), default=0)


def count(times: list[float | None]) -> int:
    return sum(time is not None for time in times)
