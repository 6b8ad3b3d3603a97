"""Draws what becomes of offered loads: answers to the left, their latency to the right, as SVG.

It must not know where the figures come from.
"""

import math
from collections.abc import Callable

WIDTH, HEIGHT, MARGIN = 420, 270, 48
# Told apart by the colour-blind too.
COLOURS = ("#0072b2", "#d55e00", "#009e73")

# The values of each line, one for each offer.
Lines = dict[str, list[float]]


def drawing(offers: list[str], good: Lines, late_ms: Lines) -> str:
    """Answers per second, and the p99 of those in milliseconds."""
    size = f'width="{2 * WIDTH}" height="{HEIGHT}" viewBox="0 0 {2 * WIDTH} {HEIGHT}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif" font-size="11">',
        '<rect width="100%" height="100%" fill="white"/>',
        chart(0, "answered 200 per second", offers, good, even_ticks(good)),
        chart(WIDTH, "p99 of those", offers, late_ms, powers_of_ten(late_ms)),
        "</svg>\n",
    ]
    return "\n".join(parts)


# Where a value is, from 0 at the bottom to 1 at the top; and the lines to compare it with.
Scale = tuple[Callable[[float], float], list[tuple[float, str]]]


def even_ticks(lines: Lines) -> Scale:
    top = max(map(max, lines.values()))
    step = 10 ** math.floor(math.log10(top)) / 2
    top = step * math.ceil(top / step)
    count = round(top / step)
    return (lambda value: value / top), [(n * step, f"{n * step:,.0f}") for n in range(count + 1)]


def powers_of_ten(lines: Lines) -> Scale:
    low = math.floor(math.log10(min(map(min, lines.values()))))
    high = math.ceil(math.log10(max(map(max, lines.values()))))
    ticks = [(10.0**power, shown_ms(10**power)) for power in range(low, high + 1)]
    return (lambda value: (math.log10(value) - low) / (high - low)), ticks


def shown_ms(milliseconds: float) -> str:
    return f"{milliseconds / 1000:g} s" if milliseconds >= 1000 else f"{milliseconds:g} ms"


def chart(left: int, name: str, offers: list[str], lines: Lines, scale: Scale) -> str:
    place, ticks = scale
    x0, y0 = left + MARGIN, HEIGHT - MARGIN
    wide, high = WIDTH - 2 * MARGIN, HEIGHT - 2 * MARGIN
    xs = [x0 + wide * index / (len(offers) - 1) for index in range(len(offers))]
    parts = [f'<text x="{x0}" y="{MARGIN - 18}" font-weight="bold">{name}</text>']
    for value, text in ticks:
        y = y0 - high * place(value)
        parts.append(f'<path d="M{x0} {y:.1f}h{wide}" stroke="#ddd"/>')
        parts.append(f'<text x="{x0 - 5}" y="{y + 4:.1f}" text-anchor="end">{text}</text>')
    for x, offer in zip(xs, offers):
        parts.append(f'<text x="{x:.0f}" y="{y0 + 16}" text-anchor="middle">{offer}</text>')
    for number, (line, values) in enumerate(lines.items()):
        points = " ".join(f"{x:.1f},{y0 - high * place(y):.1f}" for x, y in zip(xs, values))
        colour = COLOURS[number % len(COLOURS)]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        where = f'x="{x0 + 110 * number}" y="{HEIGHT - 10}"'
        parts.append(f'<text {where} fill="{colour}" font-weight="bold">{line}</text>')
    return "\n".join(parts)
