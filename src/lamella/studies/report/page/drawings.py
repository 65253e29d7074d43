"""Drawings as SVG that take their colours from the page, in light and in dark.

An arm has the same colour and mark as in the pictures that matplotlib draws: colour ``var(--c0)``
for the first arm, and so on.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lamella.studies.pictures.style import MARKERS, PALETTE
from lamella.studies.report.page.scales import Scale, accuracies, linear, losses

WIDTH, HEIGHT = 310.0, 206.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 8.0, 8.0, 29.0
ROW = 26.0
CROWDED = 4.0
OUTLINES = {
    "s": ((-1, -1), (1, -1), (1, 1), (-1, 1)),
    "^": ((0, -1.25), (1.2, 0.95), (-1.2, 0.95)),
    "v": ((0, 1.25), (1.2, -0.95), (-1.2, -0.95)),
    "<": ((-1.25, 0), (0.95, -1.2), (0.95, 1.2)),
    "D": ((0, -1.35), (1.35, 0), (0, 1.35), (-1.35, 0)),
}
STROKES = {
    "P": ((-1.2, 0, 1.2, 0), (0, -1.2, 0, 1.2)),
    "X": ((-1, -1, 1, 1), (-1, 1, 1, -1)),
    "*": ((-1.2, 0, 1.2, 0), (-0.6, -1.05, 0.6, 1.05), (-0.6, 1.05, 0.6, -1.05)),
}


@dataclass(frozen=True)
class Curve:
    """Numbers of an arm along the epochs: their mean over seeds, the lowest and the highest."""

    place: int
    name: str
    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Dots:
    """Scores of an arm: one a seed, their mean and its interval; and of another set, the mean."""

    place: int
    name: str
    seeds: Sequence[float]
    mean: float
    low: float
    high: float
    other: float


def color(place: int) -> str:
    """Return the colour of the arm at that place."""
    return f"var(--c{place % len(PALETTE)})"


def mark(place: int, x: float, y: float, size: float = 3.2) -> str:
    """Draw the mark of the arm at that place."""
    kind = MARKERS[place % len(MARKERS)]
    if kind in STROKES:
        lines = (
            f"M{x + size * a:.1f} {y + size * b:.1f}L{x + size * c:.1f} {y + size * d:.1f}"
            for a, b, c, d in STROKES[kind]
        )
        return f'<path d="{"".join(lines)}" stroke="{color(place)}" stroke-width="2.2"/>'
    if kind in OUTLINES:
        corners = "L".join(f"{x + size * a:.1f} {y + size * b:.1f}" for a, b in OUTLINES[kind])
        return f'<path d="M{corners}Z" fill="{color(place)}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{1.1 * size:.1f}" fill="{color(place)}"/>'


def key(place: int) -> str:
    """Draw the line and mark of an arm, to stand beside its name."""
    line = f'<path d="M1 7H25" stroke="{color(place)}" stroke-width="2"{_dashes(place)}/>'
    return (
        f'<svg class="key" viewBox="0 0 26 14" aria-hidden="true">{line}{mark(place, 13, 7)}</svg>'
    )


def curves(arms: Sequence[Curve], what: str, kind: str) -> str:
    """Draw curves over the epochs with bands over the seeds; ``kind`` is "loss" or "accuracy"."""
    numbers = [v for arm in arms for v in (*arm.low, *arm.high) if math.isfinite(v)]
    if not numbers:
        return ""
    x = linear([0.0, *(x for arm in arms for x in arm.x)], LEFT, WIDTH - RIGHT, _whole, 5)
    last = math.ceil(max(arm.x[-1] for arm in arms if arm.x))
    x = Scale(0.0, last, x.start, x.end, x.ticks)
    scale = losses if kind == "loss" else accuracies
    y = scale(numbers, HEIGHT - BOTTOM, TOP)
    drawn = [_grid(x, y), _label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, "epoch")]
    for arm in reversed(arms):  # the first arm on top
        drawn.append(f'<g class="arm" data-arm="{arm.place}">{_curve(arm, x, y)}</g>')
    return _svg(WIDTH, HEIGHT, what, drawn)


def dots(arms: Sequence[Dots], what: str) -> str:
    """Draw test scores by arm: each seed, the mean with its interval, and the training mean."""
    numbers = [v for a in arms for v in (*a.seeds, a.low, a.high, a.other) if math.isfinite(v)]
    if not numbers:
        return ""
    left = 14 + 5.3 * max(len(line) for arm in arms for line in _lines(arm.name))
    height = max(HEIGHT, TOP + ROW * len(arms) + BOTTOM)
    x = accuracies(numbers, left, WIDTH - RIGHT - 6)
    gap = (height - TOP - BOTTOM) / len(arms)
    drawn = [
        f'<path class="grid" d="M{place:.1f} {TOP}V{height - BOTTOM:.1f}"/>'
        + _label(place, height - BOTTOM + 15, text)
        for place, text in _apart(x.shown())
    ]
    for row, arm in enumerate(arms):
        drawn.append(
            f'<g class="arm" data-arm="{arm.place}">{_dots(arm, x, TOP + gap * (row + 0.5))}</g>'
        )
    return _svg(WIDTH, height, what, drawn)


def reach(spans: Sequence[tuple[float, float]]) -> float:
    """Return how far from zero intervals are drawn: as far as all that are not far off reach."""
    far = sorted(max(abs(low), abs(high)) for low, high in spans)
    most = far[(len(far) - 1) // 2] if far else 0.0
    return max((each for each in far if each <= CROWDED * most), default=0.0) or 1.0


def interval(place: int, mean: float, low: float, high: float, reach: float) -> str:
    """Draw a difference with its interval beside a line at zero, small enough for a table.

    What lies beyond ``reach`` is an arrow.
    """
    if not math.isfinite(mean):
        return ""
    x = Scale(-reach, reach, 6, 114, [])
    drawn = f'<path class="zero" d="M{x(0):.1f} 1V17"/>'
    ink = f'stroke="{color(place)}" stroke-width="2"'
    if abs(mean) > reach:
        tip, back = (116, 109) if mean > 0 else (4, 11)
        drawn += f'<path d="M{x(0):.1f} 9H{tip}M{back} 4L{tip} 9L{back} 14" {ink}/>'
    else:
        if math.isfinite(low):
            drawn += f'<path d="M{x(low):.1f} 9H{x(high):.1f}" {ink}/>'
        drawn += mark(place, x(mean), 9)
    return f'<svg class="interval" viewBox="0 0 120 18" aria-hidden="true">{drawn}</svg>'


def _curve(arm: Curve, x: Scale, y: Scale) -> str:
    points = [
        (x(at), y(mean), y(low), y(high))
        for at, mean, low, high in zip(arm.x, arm.mean, arm.low, arm.high, strict=True)
        if math.isfinite(mean)
    ]
    if not points:
        return ""
    there = "L".join(f"{at:.1f} {high:.1f}" for at, _, _, high in points)
    back = "L".join(f"{at:.1f} {low:.1f}" for at, _, low, _ in reversed(points))
    line = "L".join(f"{at:.1f} {mean:.1f}" for at, mean, _, _ in points)
    every = max(1, len(points) // 5)
    marks = "".join(mark(arm.place, at, mean, 2.6) for at, mean, _, _ in points[::-1][::every])
    return (
        f"<title>{escape(arm.name)}</title>"
        f'<path class="band" d="M{there}L{back}Z" fill="{color(arm.place)}"/>'
        f'<path class="line" d="M{line}" stroke="{color(arm.place)}"{_dashes(arm.place)}/>{marks}'
    )


def _dots(arm: Dots, x: Scale, y: float) -> str:
    ink = color(arm.place)
    lines = _lines(arm.name)
    drawn = "".join(
        f'<text class="name" x="2" y="{y + 3.8 + 10.5 * (i - (len(lines) - 1) / 2):.1f}">'
        f"{escape(line)}</text>"
        for i, line in enumerate(lines)
    )
    if not math.isfinite(arm.mean):
        return drawn + f'<text class="name" x="{x.start:.1f}" y="{y + 3.8:.1f}">no score</text>'
    if math.isfinite(arm.other):
        drawn += (
            f'<circle class="hollow" cx="{x(arm.other):.1f}" cy="{y:.1f}" r="3.4" stroke="{ink}">'
            f"<title>training: {100 * arm.other:.2f}%</title></circle>"
        )
    for score in arm.seeds:
        drawn += f'<circle class="seed" cx="{x(score):.1f}" cy="{y:.1f}" r="1.8" fill="{ink}"/>'
    if math.isfinite(arm.low):
        reach = f"M{x(arm.low):.1f} {y:.1f}H{x(arm.high):.1f}"
        drawn += f'<path d="{reach}" stroke="{ink}" stroke-width="2"/>'
    title = f"<title>{escape(arm.name)}: {100 * arm.mean:.2f}%</title>"
    return drawn + f"<g>{title}{mark(arm.place, x(arm.mean), y)}</g>"


def _grid(x: Scale, y: Scale) -> str:
    lines = [
        f'<path class="grid" d="M{x.start} {place:.1f}H{x.end}"/>'
        f'<text x="{x.start - 6}" y="{place + 3.5:.1f}" text-anchor="end">{text}</text>'
        for place, text in y.shown()
    ]
    return "".join(lines + [_label(at, HEIGHT - BOTTOM + 15, text) for at, text in x.shown()])


def _apart(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Leave out ticks whose texts would run into those before them."""
    kept: list[tuple[float, str]] = []
    for place, text in ticks:
        if not kept or place - kept[-1][0] > 3.9 * (len(text) + len(kept[-1][1])):
            kept.append((place, text))
    return kept


def _label(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{text}</text>'


def _svg(width: float, height: float, what: str, drawn: Sequence[str]) -> str:
    return (
        f'<svg class="drawing" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(what)}">{"".join(drawn)}</svg>'
    )


def _dashes(place: int) -> str:
    return ' stroke-dasharray="6 2.5"' if place >= len(PALETTE) else ""


def _lines(name: str) -> list[str]:
    """Break a long name in two, at the space that is nearest to its middle."""
    if len(name) <= 17:
        return [name]
    spaces = [place for place, letter in enumerate(name) if letter == " "]
    if not spaces:
        return [name if len(name) <= 24 else f"{name[:23]}…"]
    middle = min(spaces, key=lambda place: abs(place - len(name) / 2))
    return [
        line if len(line) <= 24 else f"{line[:23]}…" for line in (name[:middle], name[middle + 1 :])
    ]


def _whole(value: float, digits: int) -> str:
    return f"{value:g}"
