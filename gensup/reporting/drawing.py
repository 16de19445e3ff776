"""Figures as SVG in data URIs: the same bytes each time, in the reader's light or dark, legible to the colour-blind."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any
from urllib.parse import quote

import matplotlib
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

# Colours with a meaning: (light page, dark page). A figure is drawn in the first and carries both. Series colours are
# Okabe and Ito's (https://jfly.uni-koeln.de/color/), which people tell apart whatever cones they have.
INK, MUTED, GRID, SURFACE = "#1c2129", "#5a6472", "#dfe3e9", "#fdfdfe"
SERIES = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f")
NORMAL, ANOMALY = SERIES[:2]
_DARK = {
    INK: "#e6e9ee", MUTED: "#a0aab8", GRID: "#343c48", SURFACE: "#181d25",
    "#0072b2": "#4aa8e0", "#d55e00": "#ff8b3d", "#009e73": "#2fc79b", "#cc79a7": "#e39cc4",
    "#e69f00": "#f5bb3c", "#56b4e9": "#8fd0f7", "#7f7f7f": "#a5a5a5",
}  # fmt: skip
DASHES = ("-", "--", ":", "-.")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")

_SAID = ("Date", "Creator", "Format", "Type")  # what matplotlib would say of itself in each figure
_RC: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "gensup",
    "text.parse_math": False,  # labels are other people's text, dollars and all
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 12,
    "axes.titlesize": 12,
    "axes.labelsize": 12,
    "xtick.labelsize": 11,
    "ytick.labelsize": 11,
    "legend.fontsize": 11,
    "text.color": INK,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.facecolor": SURFACE,
    "figure.facecolor": SURFACE,
    "savefig.facecolor": SURFACE,
    "grid.color": GRID,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "legend.frameon": False,
    "axes.unicode_minus": True,
}
_LONGEST = 48


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure for the page."""

    uri: str
    alt: str
    width: int  # px
    height: int


def picture(width: int, height: int, alt: str, draw: Callable[[Figure], None]) -> Picture:
    """What ``draw`` draws on a figure of ``width`` by ``height`` px."""
    # The user's matplotlibrc is none of this page's business.
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_RC)
        figure = Figure(figsize=(width / 72, height / 72), dpi=72, layout="constrained")
        draw(figure)
        data = BytesIO()
        canvas: Any = FigureCanvasSVG(figure)
        canvas.print_svg(data, metadata=dict.fromkeys(_SAID))
    return Picture(_uri(data.getvalue().decode()), alt, width, height)


def plain(text: object) -> str:
    """Text from a run folder as a figure can carry it: no control characters, not endless."""
    words = " ".join("".join(c if c.isprintable() else " " for c in str(text)).split())
    return words if len(words) <= _LONGEST else words[: _LONGEST - 1] + "…"


def _uri(svg: str) -> str:
    """The drawing without its prologue, its fixed colours replaced by those of the reader's scheme."""
    svg = svg[svg.index("<svg") :].replace("'DejaVu Sans', sans-serif", "system-ui, sans-serif")
    for colour in _DARK:
        svg = re.sub(f"(fill|stroke): {colour}", rf"\1: var(--{colour[1:]})", svg)
    light = "".join(f"--{colour[1:]}:{colour};" for colour in _DARK)
    dark = "".join(f"--{colour[1:]}:{other};" for colour, other in _DARK.items())
    style = f"<style>svg{{{light}}}@media(prefers-color-scheme:dark){{svg{{{dark}}}}}</style>"
    head = svg.index(">") + 1
    return "data:image/svg+xml," + quote(svg[:head] + style + svg[head:], safe=" !$&'()*+,-./:;=?@_~")
