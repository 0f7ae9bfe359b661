"""Writes ``docs/sample-report.html``: the bundled images, explained by a network that ships: ``make report``.

It has no date, so that the same network and program write the same file.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cbam_core import explain, load_classifier  # noqa: E402
from cbam_core.data.samples import sample_sheet  # noqa: E402
from cbam_core.report import Entry, Report  # noqa: E402
from cbam_core.report.facts import facts_of  # noqa: E402
from cbam_core.report.saving import versions, write_report  # noqa: E402

PAGE = ROOT / "docs" / "sample-report.html"
NETWORK = "cbam_resnet_cifar10"
TITLE = "One hundred CIFAR-10 test images"


def sample_report(step: int = 1) -> Report:
    """The report that is written, of every image or of one in `step`."""
    classifier, sheet = load_classifier(NETWORK), sample_sheet()
    entries = tuple(
        Entry(explanation, f"cifar10-test-{number}.png", classifier.classes[label])
        for explanation, label, number in zip(
            explain(classifier, list(sheet.images[::step])), sheet.labels[::step], sheet.indices[::step], strict=True
        )
    )
    return Report(entries, TITLE, card=facts_of(classifier), versions=versions())


def main() -> None:
    """Write the page."""
    size = write_report(PAGE, sample_report())
    print(f"{PAGE.relative_to(ROOT)}: {size:,} bytes")


if __name__ == "__main__":
    sys.exit(main())
