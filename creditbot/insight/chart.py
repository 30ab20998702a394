"""Charts as inline SVG: stacked columns, and a line with a goal. Pure.

Numbers and labels come in; markup comes out. It needs no script, takes its colours from the page's style sheet, and has
its numbers in titles. The page shows the same numbers in a table, for people who cannot see the chart.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 420, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 12, 26
_STEPS, _WHOLE_STEPS = (1, 2, 2.5, 5, 10), (1, 2, 5, 10)
_MOST_LABELS = 7


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one kind, one for each label of the chart.

    Attributes:
        name: what they are.
        colour: class of the style sheet, such as "c1".
        values: not negative.
    """

    name: str
    colour: str
    values: tuple[float, ...]


def columns(
    title: str, labels: Sequence[str], series: Sequence[Series], words: Callable[[float], str], *, whole: bool = False
) -> Markup:
    """A chart of stacked columns, one for each label; `words` says a number, and `whole` that all of them are whole."""
    sums = [sum(one.values[number] for one in series) for number in range(len(labels))]
    scale = _Scale(max(sums, default=0), len(labels), whole=whole)
    parts = [*_axis(scale, words)]
    for number, label in enumerate(labels):
        base = 0.0
        for one in series:
            value = one.values[number]
            if value > 0:
                top, bottom = scale.y(base + value), scale.y(base)
                parts.append(
                    Markup(
                        '<rect class="{}" x="{:.1f}" y="{:.1f}" width="{:.1f}" height="{:.1f}">'
                        "<title>{}, {}: {}</title></rect>"
                    ).format(
                        one.colour,
                        scale.x(number),
                        top,
                        scale.thick,
                        max(0.5, bottom - top),
                        label,
                        one.name,
                        words(value),
                    )
                )
                base += value
    return _svg(title, [*parts, *_labels(scale, labels)])


def line(title: str, labels: Sequence[str], shares: Sequence[float | None], goal: float) -> Markup:
    """A chart of shares from 0 to 1, with a dashed line for the goal; None leaves a gap."""
    scale = _Scale(1.0, len(labels))
    parts = [*_axis(scale, lambda value: f"{value:.0%}")]
    parts.append(
        Markup('<line class="goal" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"><title>Goal: {:.0%}</title></line>').format(
            _LEFT, WIDTH - _RIGHT, scale.y(goal), scale.y(goal), goal
        )
    )
    path, is_down = [], False
    for number, share in enumerate(shares):
        if share is not None:
            path.append(f"{'L' if is_down else 'M'}{scale.middle(number):.1f} {scale.y(share):.1f}")
        is_down = share is not None
    parts.append(Markup('<path class="trend" d="{}"/>').format(" ".join(path)))
    parts.extend(
        Markup('<circle class="c1" cx="{:.1f}" cy="{:.1f}" r="4"><title>{}: {:.0%}</title></circle>').format(
            scale.middle(number), scale.y(share), labels[number], share
        )
        for number, share in enumerate(shares)
        if share is not None
    )
    return _svg(title, [*parts, *_labels(scale, labels)])


class _Scale:
    """Where numbers and columns are."""

    def __init__(self, largest: float, count: int, *, whole: bool = False) -> None:
        self.step = _step(largest, whole=whole)
        self.top = max(self.step, self.step * -(-largest // self.step))
        self.width = (WIDTH - _LEFT - _RIGHT) / max(1, count)
        self.thick = min(40.0, self.width * 0.7)

    def x(self, number: int) -> float:
        return self.middle(number) - self.thick / 2

    def middle(self, number: int) -> float:
        return _LEFT + self.width * (number + 0.5)

    def y(self, value: float) -> float:
        return HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * value / self.top


def _step(largest: float, *, whole: bool) -> float:
    """The distance of the grid's lines: a round number, of which about four reach the largest value."""
    if largest <= 0 or (whole and largest <= 4):
        return 1.0
    rough, power = largest / 4, 1.0
    while power > rough:
        power /= 10
    while power * 10 <= rough:
        power *= 10
    return next(power * factor for factor in (_WHOLE_STEPS if whole else _STEPS) if power * factor >= rough)


def _axis(scale: _Scale, words: Callable[[float], str]) -> list[Markup]:
    lines = []
    for number in range(round(scale.top / scale.step) + 1):
        value = number * scale.step
        lines.append(
            Markup(
                '<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>'
                '<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{}</text>'
            ).format(_LEFT, WIDTH - _RIGHT, scale.y(value), scale.y(value), _LEFT - 6, scale.y(value) + 4, words(value))
        )
    return lines


def _labels(scale: _Scale, labels: Sequence[str]) -> list[Markup]:
    every = -(-len(labels) // _MOST_LABELS) or 1
    return [
        Markup('<text class="axis" x="{:.1f}" y="{}" text-anchor="middle">{}</text>').format(
            scale.middle(number), HEIGHT - 8, label
        )
        for number, label in enumerate(labels)
        if (len(labels) - 1 - number) % every == 0
    ]


def _svg(title: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, escape(title), Markup("").join(parts)
    )
