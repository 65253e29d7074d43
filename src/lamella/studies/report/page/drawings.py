"""Drawings as SVG, with the colours of the page in light and dark.

Arms have the same colours and markers as in the pictures drawn with matplotlib. The colour of the
first arm is ``var(--c0)``.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from html import escape

from lamella.studies.analysis.measures import Measure
from lamella.studies.pictures.style import MARKERS, PALETTE
from lamella.studies.report.page.scales import Scale, accuracies, linear, losses

WIDTH, HEIGHT = 310.0, 206.0
LEFT, RIGHT, TOP, BOTTOM = 40.0, 8.0, 8.0, 29.0
ROW = 26.0
NOTE = 12.0
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
    """Values of an arm over the epochs: mean, minimum and maximum over seeds."""

    index: int
    name: str
    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]


@dataclass(frozen=True)
class Dots:
    """Test scores of an arm by seed, their mean with its interval, and the mean training score."""

    index: int
    name: str
    seeds: Sequence[float]
    mean: float
    low: float
    high: float
    train: float


def color(index: int) -> str:
    """Return the CSS colour of an arm."""
    return f"var(--c{index % len(PALETTE)})"


def marker(index: int, x: float, y: float, size: float = 3.2) -> str:
    """Draw the marker of an arm."""
    kind = MARKERS[index % len(MARKERS)]
    if kind in STROKES:
        lines = (
            f"M{x + size * a:.1f} {y + size * b:.1f}L{x + size * c:.1f} {y + size * d:.1f}"
            for a, b, c, d in STROKES[kind]
        )
        return f'<path d="{"".join(lines)}" stroke="{color(index)}" stroke-width="2.2"/>'
    if kind in OUTLINES:
        corners = "L".join(f"{x + size * a:.1f} {y + size * b:.1f}" for a, b in OUTLINES[kind])
        return f'<path d="M{corners}Z" fill="{color(index)}"/>'
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{1.1 * size:.1f}" fill="{color(index)}"/>'


def key(index: int) -> str:
    """Draw the line and marker of an arm for a legend."""
    line = f'<path d="M1 7H25" stroke="{color(index)}" stroke-width="2"{_dashes(index)}/>'
    drawn = line + marker(index, 13, 7)
    return f'<svg class="key" viewBox="0 0 26 14" aria-hidden="true">{drawn}</svg>'


def curves(arms: Sequence[Curve], label: str, kind: str) -> str:
    """Draw curves over the epochs with bands over the seeds.

    ``kind`` is "loss", "accuracy" or another score, which decides the scale.
    """
    numbers = [v for arm in arms for v in (*arm.low, *arm.high) if math.isfinite(v)]
    if not numbers:
        return ""
    x = linear([0.0, *(x for arm in arms for x in arm.x)], LEFT, WIDTH - RIGHT, _whole, 5)
    last = math.ceil(max(arm.x[-1] for arm in arms if arm.x))
    x = Scale(0.0, last, x.start, x.end, [tick for tick in x.ticks if tick[0] % 1 == 0])
    scale = {"loss": losses, "accuracy": accuracies}.get(kind, linear)
    y = scale(numbers, HEIGHT - BOTTOM, TOP)
    if y.note:
        y = replace(y, end=TOP + NOTE)
    drawn = [_note(y.note), _grid(x, y), _label((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 3, "epoch")]
    for arm in reversed(arms):  # the first arm on top
        drawn.append(f'<g class="arm" data-arm="{arm.index}">{_curve(arm, x, y)}</g>')
    return _svg(WIDTH, HEIGHT, label, drawn)


def dots(arms: Sequence[Dots], label: str, measure: Measure) -> str:
    """Draw test scores by arm: seeds, mean with interval, and mean training score."""
    numbers = [v for arm in arms for v in (*arm.seeds, arm.train) if math.isfinite(v)]
    if not numbers:
        return ""
    ends = [v for arm in arms for v in (arm.low, arm.high) if math.isfinite(v)]
    # An interval that is cut off at 0 or 100% says nothing about the axis.
    numbers += [v for v in ends if measure.unit != "%" or 0 < v < 1]
    left = 14 + 5.3 * max(len(line) for arm in arms for line in _lines(arm.name))
    height = max(HEIGHT, TOP + ROW * len(arms) + BOTTOM)
    x = (accuracies if measure.unit == "%" else linear)(numbers, left, WIDTH - RIGHT - 6)
    gap = (height - TOP - BOTTOM) / len(arms)
    drawn = [
        _label((left + WIDTH - RIGHT) / 2, height - 1, x.note),
        *(
            f'<path class="grid" d="M{at:.1f} {TOP}V{height - BOTTOM:.1f}"/>'
            + _label(at, height - BOTTOM + 13, text)
            for at, text in _without_overlap(x.shown())
        ),
    ]
    for row, arm in enumerate(arms):
        shape = _dots(arm, x, TOP + gap * (row + 0.5), measure)
        drawn.append(f'<g class="arm" data-arm="{arm.index}">{shape}</g>')
    return _svg(WIDTH, height, label, drawn)


def reach(spans: Sequence[tuple[float, float]]) -> float:
    """Return the limit of the axis around zero, without outliers."""
    far = sorted(max(abs(low), abs(high)) for low, high in spans)
    most = far[(len(far) - 1) // 2] if far else 0.0
    return max((each for each in far if each <= CROWDED * most), default=0.0) or 1.0


def interval(index: int, mean: float, low: float, high: float, reach: float) -> str:
    """Draw a difference with its interval and a line at zero, for a table.

    A difference beyond ``reach`` is an arrow.
    """
    if not math.isfinite(mean):
        return ""
    x = Scale(-reach, reach, 6, 114, [])
    drawn = f'<path class="zero" d="M{x(0):.1f} 1V17"/>'
    ink = f'stroke="{color(index)}" stroke-width="2"'
    if abs(mean) > reach:
        tip, back = (116, 109) if mean > 0 else (4, 11)
        drawn += f'<path d="M{x(0):.1f} 9H{tip}M{back} 4L{tip} 9L{back} 14" {ink}/>'
    else:
        if math.isfinite(low):
            drawn += f'<path d="M{x(low):.1f} 9H{x(high):.1f}" {ink}/>'
        drawn += marker(index, x(mean), 9)
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
    marks = "".join(marker(arm.index, at, mean, 2.6) for at, mean, _, _ in points[::-1][::every])
    return (
        f"<title>{escape(arm.name)}</title>"
        f'<path class="band" d="M{there}L{back}Z" fill="{color(arm.index)}"/>'
        f'<path class="line" d="M{line}" stroke="{color(arm.index)}"{_dashes(arm.index)}/>{marks}'
    )


def _dots(arm: Dots, x: Scale, y: float, measure: Measure) -> str:
    ink = color(arm.index)
    lines = _lines(arm.name)
    drawn = "".join(
        f'<text class="name" x="2" y="{y + 3.8 + 10.5 * (i - (len(lines) - 1) / 2):.1f}">'
        f"{escape(line)}</text>"
        for i, line in enumerate(lines)
    )
    if not math.isfinite(arm.mean):
        return drawn + f'<text class="name" x="{x.start:.1f}" y="{y + 3.8:.1f}">no score</text>'
    if math.isfinite(arm.train):
        drawn += (
            f'<circle class="hollow" cx="{x(arm.train):.1f}" cy="{y:.1f}" r="3.4" stroke="{ink}">'
            f"<title>training: {measure.show(arm.train)}{measure.unit}</title></circle>"
        )
    for score in arm.seeds:
        drawn += f'<circle class="seed" cx="{x(score):.1f}" cy="{y:.1f}" r="1.8" fill="{ink}"/>'
    if math.isfinite(arm.low):
        reach = f"M{x(arm.low):.1f} {y:.1f}H{x(arm.high):.1f}"
        drawn += f'<path d="{reach}" stroke="{ink}" stroke-width="2"/>'
    title = f"<title>{escape(arm.name)}: {measure.show(arm.mean)}{measure.unit}</title>"
    return drawn + f"<g>{title}{marker(arm.index, x(arm.mean), y)}</g>"


def _grid(x: Scale, y: Scale) -> str:
    lines = [
        f'<path class="grid" d="M{x.start} {at:.1f}H{x.end}"/>'
        f'<text x="{x.start - 6}" y="{at + 3.5:.1f}" text-anchor="end">{text}</text>'
        for at, text in y.shown()
    ]
    return "".join(lines + [_label(at, HEIGHT - BOTTOM + 15, text) for at, text in x.shown()])


def _without_overlap(ticks: Sequence[tuple[float, str]]) -> list[tuple[float, str]]:
    """Return the ticks without those whose texts would overlap the previous one."""
    shown: list[tuple[float, str]] = []
    for at, text in ticks:
        if not shown or at - shown[-1][0] > 3.9 * (len(text) + len(shown[-1][1])):
            shown.append((at, text))
    return shown


def _note(text: str) -> str:
    """Draw a remark on the y axis above it."""
    return f'<text x="2" y="{TOP + 2}">{text}</text>' if text else ""


def _label(x: float, y: float, text: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="middle">{text}</text>' if text else ""


def _svg(width: float, height: float, label: str, drawn: Sequence[str]) -> str:
    return (
        f'<svg class="drawing" viewBox="0 0 {width:.0f} {height:.0f}" role="img" '
        f'aria-label="{escape(label)}">{"".join(drawn)}</svg>'
    )


def _dashes(index: int) -> str:
    return ' stroke-dasharray="6 2.5"' if index >= len(PALETTE) else ""


def _lines(name: str) -> list[str]:
    """Split a long name at the space nearest to its middle."""
    if len(name) <= 17:
        return [name]
    spaces = [at for at, letter in enumerate(name) if letter == " "]
    if not spaces:
        return [name if len(name) <= 24 else f"{name[:23]}…"]
    middle = min(spaces, key=lambda at: abs(at - len(name) / 2))
    return [
        line if len(line) <= 24 else f"{line[:23]}…" for line in (name[:middle], name[middle + 1 :])
    ]


def _whole(value: float, digits: int) -> str:
    return f"{value:g}"
