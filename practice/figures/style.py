"""Colours that colour-blind readers can tell apart, readable on light and on dark paper.

JupyterLab, VS Code and GitHub show a notebook on white or on nearly black, whichever the reader
likes. So figures have no paper of their own: they are transparent, and what is written and drawn
on them is of a middle brightness. Against white as well as against #111111 (JupyterLab's dark
theme) each colour here has a contrast of 3:1 or more, and INK, for text, one of more than 4:1.
"""

from __future__ import annotations

import matplotlib as mpl

NAME = "transparent"  # stored with each figure: one of another style is drawn anew

# Okabe and Ito, https://jfly.uni-koeln.de/color/,
# blue lighter, orange darker, and the red that is nearly orange there a red
BLUE, GREEN, ORANGE, RED, GREY = "#1F83C4", "#009E73", "#CC8400", "#E0442E", "#767676"
INK = "#7A7A7A"
GRID = "#7A7A7A60"  # the same, mostly transparent
DIGIT_PAPER = "#E4E4E4"  # a digit is a picture of ink on paper, in dark themes too

mpl.rcParams.update(
    {
        "figure.facecolor": "none",
        "savefig.facecolor": "none",
        "axes.facecolor": "none",
        "legend.facecolor": "none",
        "text.color": INK,
        "axes.labelcolor": INK,
        "axes.titlecolor": INK,
        "axes.edgecolor": INK,
        "xtick.color": INK,
        "ytick.color": INK,
        "grid.color": GRID,
    }
)
