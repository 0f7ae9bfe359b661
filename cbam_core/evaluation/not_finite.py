"""For which image is the output of a network not finite? Named where work over a data set ends because of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from cbam_core.data.dataset import Dataset, image_ids
from cbam_core.errors import ModelError
from cbam_core.network import Classifier
from cbam_core.observing import Images, finite_answers
from cbam_core.results.left_out import numbers_read


@contextmanager
def naming_images(
    classifier: Classifier, dataset: Dataset, shown: Callable[[], tuple[Images, Sequence[int]]]
) -> Iterator[None]:
    """Note on the error for an output that is not finite for which images of a batch it is so.

    Args:
        classifier: the network.
        dataset: the images.
        shown: returns the pixels of the batch that is shown to the network, and the numbers of its images.

    Raises:
        ModelError: what was raised inside, with the note.
    """
    try:
        yield
    except ModelError as error:
        if error.code == "model.not-finite":
            _note(error, classifier, dataset, *shown())
        raise


def _note(error: ModelError, classifier: Classifier, dataset: Dataset, pixels: Images, numbers: Sequence[int]) -> None:
    odd = [number for number, finite in zip(numbers, finite_answers(classifier, pixels), strict=True) if not finite]
    if odd:
        name = next(image_ids(dataset, slice(odd[0], odd[0] + 1)))
        number = int(numbers_read(dataset.left_out, len(dataset))[odd[0]])
        together = "" if len(numbers) == 1 else f"; it is so for {len(odd)} of {len(numbers)} images shown together"
        error.add_note(f"first for {name} (number {number:,} from 0){together}")
