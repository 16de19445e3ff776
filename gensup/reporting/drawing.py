"""Figures as SVG in data URIs: the same bytes each time, in the reader's light or dark, legible to the colour-blind.

Written out by hand: a plotting library takes a quarter of a second a figure, and a page has fifty.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from math import cos, pi, sin
from typing import Literal, TypeAlias
from urllib.parse import quote

# Colours with a meaning: (light page, dark page). Series colours are Okabe and Ito's (https://jfly.uni-koeln.de/color/),
# which people tell apart whatever cones they have.
_COLOURS = {
    "ink": ("#1c2129", "#e6e9ee"), "muted": ("#5a6472", "#a0aab8"), "grid": ("#dfe3e9", "#343c48"),
    "surface": ("#fdfdfe", "#181d25"),
    "blue": ("#0072b2", "#4aa8e0"), "orange": ("#d55e00", "#ff8b3d"), "green": ("#009e73", "#2fc79b"),
    "pink": ("#cc79a7", "#e39cc4"), "amber": ("#e69f00", "#f5bb3c"), "sky": ("#56b4e9", "#8fd0f7"),
    "grey": ("#7f7f7f", "#a5a5a5"), "black": ("#000000", "#000000"), "white": ("#ffffff", "#ffffff"),
}  # fmt: skip
SERIES = ("blue", "orange", "green", "pink", "amber", "sky", "grey")
NORMAL, NUISANCE, ANOMALY = "blue", "green", "orange"
DASHES = ("", "6 3", "2 3", "6 3 2 3")
Mark: TypeAlias = Literal["circle", "square", "triangle", "diamond", "wedge", "plus"]
MARKS: tuple[Mark, ...] = ("circle", "square", "triangle", "diamond", "wedge", "plus")
_CORNERS = {
    "square": (4, pi / 4, 1.2),
    "triangle": (3, -pi / 2, 1.2),
    "diamond": (4, 0, 1.2),
    "wedge": (3, pi / 2, 1.2),
}

Anchor: TypeAlias = Literal["start", "middle", "end"]
CHARACTER = 0.56  # mean width of a character, of the size of its type
_LONGEST = 48


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure for the page."""

    uri: str
    alt: str
    width: int  # px
    height: int


@dataclass(slots=True)
class Canvas:
    """A drawing of ``width`` by ``height`` px; y runs downwards."""

    width: int
    height: int
    parts: list[str] = field(default_factory=list)

    def text(
        self,
        x: float,
        y: float,
        words: object,
        *,
        size: float = 12,
        anchor: Anchor = "start",
        colour: str = "ink",
        upright: bool = False,
        longest: int = _LONGEST,
    ) -> None:
        """Words on the line at ``y``; upright ones are read from bottom to top."""
        turned = f' transform="rotate(-90 {_n(x)} {_n(y)})"' if upright else ""
        said = escape(plain(words, longest))
        self.parts.append(
            f'<text x="{_n(x)}" y="{_n(y)}" font-size="{_n(size)}" text-anchor="{anchor}" style="fill:{_paint(colour)}"'
            f"{turned}>{said}</text>"
        )

    def line(
        self,
        points: Sequence[tuple[float, float]],
        colour: str,
        *,
        width: float = 1,
        dash: str = "",
        fill: str = "none",
    ) -> None:
        """An open line through all points; filled it is a shape."""
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        dashes = f' stroke-dasharray="{dash}"' if dash else ""
        style = f"fill:{_paint(fill)};stroke:{_paint(colour)};stroke-width:{_n(width)}"
        self.parts.append(f'<polyline points="{path}" style="{style}"{dashes}/>')

    def rect(self, x: float, y: float, width: float, height: float, colour: str, opacity: float = 1) -> None:
        self.parts.append(
            f'<rect x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" '
            f'style="fill:{_paint(colour)};opacity:{_n(opacity)}"/>'
        )

    def area(self, points: Sequence[tuple[float, float]], colour: str, opacity: float) -> None:
        path = " ".join(f"{_n(x)},{_n(y)}" for x, y in points)
        self.parts.append(f'<polygon points="{path}" style="fill:{_paint(colour)};opacity:{_n(opacity)}"/>')

    def mark(
        self, x: float, y: float, shape: Mark, size: float, *, fill: str = "none", edge: str = "none", width: float = 0
    ) -> None:
        """A shape of about ``size`` px across."""
        style = f"fill:{_paint(fill)};stroke:{_paint(edge)};stroke-width:{_n(width)}"
        r = size / 2
        if shape == "circle":
            self.parts.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="{_n(r)}" style="{style}"/>')
            return
        if shape == "plus":
            arm = r / 3
            points = [(-arm, -r), (arm, -r), (arm, -arm), (r, -arm), (r, arm), (arm, arm), (arm, r), (-arm, r)]
            points += [(-arm, arm), (-r, arm), (-r, -arm), (-arm, -arm)]
        else:
            corners, turn, scale = _CORNERS[shape]
            angles = (turn + 2 * pi * k / corners for k in range(corners))
            points = [(scale * r * cos(a), scale * r * sin(a)) for a in angles]
        path = " ".join(f"{_n(x + dx)},{_n(y + dy)}" for dx, dy in points)
        self.parts.append(f'<polygon points="{path}" style="{style}"/>')

    def image(self, x: float, y: float, width: float, height: float, uri: str, opacity: float = 1) -> None:
        """A picture stretched to the box, each pixel with sharp edges."""
        self.parts.append(
            f'<image x="{_n(x)}" y="{_n(y)}" width="{_n(width)}" height="{_n(height)}" href="{uri}" '
            f'preserveAspectRatio="none" style="image-rendering:pixelated;opacity:{_n(opacity)}"/>'
        )

    def picture(self, alt: str) -> Picture:
        """The drawing in the reader's colours."""
        light = "".join(f"--{name}:{colours[0]};" for name, colours in _COLOURS.items())
        dark = "".join(f"--{name}:{colours[1]};" for name, colours in _COLOURS.items())
        style = (
            f"svg{{{light}background:var(--surface);font-family:system-ui,sans-serif}}"
            f"@media(prefers-color-scheme:dark){{svg{{{dark}}}}}"
        )
        svg = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}"><style>{style}</style>{"".join(self.parts)}</svg>'
        )
        return Picture("data:image/svg+xml," + quote(svg, safe=" !$&'()*+,-./:;=?@_~"), alt, self.width, self.height)


def plain(text: object, longest: int = _LONGEST) -> str:
    """Text from a run folder as a figure can carry it: no control characters, not endless."""
    words = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return words if len(words) <= longest else words[: longest - 1] + "…"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _paint(colour: str) -> str:
    return colour if colour == "none" else f"var(--{colour})"
