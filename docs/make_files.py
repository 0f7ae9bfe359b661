"""Writes ``docs/files.md``, the page about files that are read: ``make files``.

Every file of the corpus in ``tests/corpus/files.py`` is made and opened; the page says what came of it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cbam_core.data.fitting import FINE, SHOWN  # noqa: E402
from cbam_core.data.images import MAX_BYTES, MAX_PIXELS, decode  # noqa: E402
from cbam_core.data.jpeg import MOST_PIXELS  # noqa: E402
from cbam_core.errors import CbamError  # noqa: E402
from cbam_core.network import load_classifier  # noqa: E402
from cbam_core.weights import MAX_FILE_BYTES  # noqa: E402
from tests.corpus.files import CHECKPOINTS, IMAGES, Case  # noqa: E402

PAGE = ROOT / "docs" / "files.md"

INTRODUCTION = """\
# Files that are read

This page is made by `make files` from the corpus in `tests/corpus/files.py`: every file in it is made and opened, and
the tables say what came of it. Contents decide, not the ending of a name. Nothing in a file is ever run.

## Checkpoints

Up to {file:.0f} MB. The weights of `CBAM_CNN` and `CBAM_ResNet` are found by their names, wherever they lie in the
file. What `torch.load(weights_only=True)` opens and `load_state_dict(strict=True)` takes is opened, unless its numbers
are not finite. Python and the command line state what a file does not: see `load_classifier` and `cbam explain --help`.

"""

IMAGES_INTRODUCTION = """
## Images

Up to {bytes:.0f} MB and {pixels} million pixels; a JPEG up to {jpeg} million, decoded at a reduced size. Grey values of
more than eight bits follow one rule in every format: black and white are what the file declares, else 0 and the
largest value of the smallest usual depth (8, 10, 12, 14 or 16 bits) that holds all values. `decode(path, stretch=True)`
takes the smallest and largest value instead, and `ground="black"` places transparent areas on black.

`explain` and the app decode a JPEG in as much detail as is needed: at a half, a quarter or an eighth of its
size, as long as the part that the network sees has at least {fine} times the pixels of its input along each
side, and the whole at least {shown:,} along its longer side. Coordinates stay those of the file. On a photo of
12 megapixels with sharp edges and thin lines, an input of 32×32 then differs by at most 0.2 of 255 levels on
average from full decoding, one of 224×224 by at most 0.6, and 99 % of their values by at most 3; smaller JPEGs
and other formats do not differ at all.

"""


def page() -> str:
    """Make the page."""
    start = INTRODUCTION.format(file=MAX_FILE_BYTES / 2**20)
    between = IMAGES_INTRODUCTION.format(
        bytes=MAX_BYTES / 2**20, pixels=MAX_PIXELS // 1_000_000, jpeg=MOST_PIXELS // 1_000_000, fine=FINE, shown=SHOWN
    )
    return start + _table(CHECKPOINTS, _opened) + between + _table(IMAGES, _decoded)


def _table(cases: Iterable[Case], outcome: Callable[[bytes], tuple[str, str]]) -> str:
    return "\n".join(["| file | read | what is said |", "|---|---|---|", *_rows(cases, outcome)]) + "\n"


def _rows(cases: Iterable[Case], outcome: Callable[[bytes], tuple[str, str]]) -> Iterator[str]:
    for case in cases:
        read, said = outcome(case.make())
        cell = said.replace("|", "\\|")
        yield f"| {case.what} | {read} | {cell} |"


def _opened(content: bytes) -> tuple[str, str]:
    try:
        classifier = load_classifier(content)
    except CbamError as error:
        return "no", str(error)
    assumed = [message for message in classifier.card.assumptions if message.code not in USUAL]
    return "yes", "; ".join(map(str, [*classifier.remarks, *assumed]))


USUAL = {"card.assumed-cifar10", "card.assumed-numbers", "card.assumed-normalisation"}
"""Assumptions about every file that states nothing, which the table leaves out."""


def _decoded(content: bytes) -> tuple[str, str]:
    try:
        picture = decode(content)
    except CbamError as error:
        return "no", str(error)
    return "yes", "; ".join(map(str, picture.notes))


def main() -> None:
    """Write the page, as it is where no optional decoder is installed."""
    sys.modules["pillow_heif"] = None  # type: ignore[assignment]
    PAGE.write_text(page(), encoding="utf-8")
    print(f"{PAGE.relative_to(ROOT)}: {len(CHECKPOINTS)} checkpoints, {len(IMAGES)} images")


if __name__ == "__main__":
    main()
