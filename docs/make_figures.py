"""Draws the figure of ``docs/figures.md``: ``python docs/make_figures.py``.

Bundled images that are drawn by seed, on a network that ships; the caption goes to standard output.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cbam_core import explain, figure_grid, load_classifier, random_images  # noqa: E402
from cbam_core.data.dataset import samples  # noqa: E402

PICTURE = ROOT / "docs" / "pictures" / "figure.png"
DENSITY = 200
"""Dots per inch: enough for a screen."""


def main() -> None:
    """Draw the figure and print its caption."""
    drawn = random_images(samples(), 8, seed=0, of="cat")
    explanations = explain(load_classifier("cbam_resnet_cifar10"), [*drawn.images])
    figure = figure_grid(
        explanations,
        rows="blocks",
        truths=drawn.truths,
        rule=drawn.rule,
        parts=("input", "probabilities", "truth", "masks", "usual"),
        blocks=("stage1.1.cbam", "stage2.1.cbam", "stage3.0.cbam"),
        opacity=0.7,
    )
    figure.save(PICTURE, DENSITY)
    print(figure.caption)


if __name__ == "__main__":
    main()
