"""What the benchmarks share towards people: what they are told on the command line, and tables.

It must know neither servers nor loads.
"""


def positive(text: str) -> int:
    if (number := int(text)) < 1:
        raise ValueError
    return number


def title(text: str) -> None:
    print(f"\n== {text}", flush=True)


def table(rows: list[tuple[str, ...]]) -> None:
    """Prints rows under their first, the names to the left and the figures to the right."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])]
        cells += [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells), flush=True)


def ratio(value: float, base: float | None) -> str:
    return f"{value / base:.2f}" if base else "-"
