"""Explanations of several images: a list that shows itself in a notebook, and writes a report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, SupportsIndex, overload

from cbam_core.arguments import PATH, takes
from cbam_core.errors import CbamError
from cbam_core.results.explanation import Explanation

if TYPE_CHECKING:
    from cbam_core.report.truths import Truths


class Explanations(list[Explanation]):
    """A list of explanations, with the names of their images.

    Everything that a list can do, it does. In a notebook it is a gallery with the viewer.

    Args:
        explanations: explanations in order.
        names: names of their images, such as those of files; "" for an image without one.
        labels: labels of their images, as a data loader gave them beside the images; None for an image without one.
    """

    def __init__(
        self,
        explanations: Iterable[Explanation] = (),
        names: Iterable[str] = (),
        labels: Iterable[str | int | None] = (),
    ) -> None:
        super().__init__(explanations)
        self.names = tuple(names)
        self.labels = tuple(labels)

    @overload
    def __getitem__(self, index: SupportsIndex) -> Explanation: ...
    @overload
    def __getitem__(self, index: slice) -> Explanations: ...
    def __getitem__(self, index: SupportsIndex | slice) -> Explanation | Explanations:
        if isinstance(index, slice):
            return Explanations(super().__getitem__(index), self._named()[index], self._labelled()[index])
        return super().__getitem__(index)

    def __repr__(self) -> str:
        networks = ", ".join(repr(name) for name in dict.fromkeys(one.checkpoint for one in self))
        return f"Explanations({len(self)} image{'s' * (len(self) != 1)}{f', by {networks}' if networks else ''})"

    def _repr_html_(self) -> str:
        from cbam_core.report import gallery_html

        return gallery_html(self, self._named())

    @takes(CbamError, path=PATH)
    def report(
        self,
        path: str | Path,
        *,
        names: Sequence[str] | None = None,
        truths: Truths | None = None,
        title: str = "",
    ) -> Path:
        """Write one HTML file about all images: an index to search, the viewer, and mistakes first if truths are given.

        It opens in any browser, without a network. Its numbers are rounded to 16 bits, 1/131,070 of each gate's range
        at most, and pictures with sides of more than 96 pixels are JPEG. It holds up to 20 MB: the gates of further
        images are left out, which the page says.

        Args:
            path: path of the file; an older one is replaced.
            names: names of the images; None for those that `explain` was given.
            truths: their true classes, None where one is unknown: names, or indices in the order of the network's
                outputs, as a list, an array or a tensor. None for the labels that `explain` was given with the images,
                as far as they are classes of the network.
            title: title of the page; "" for the number of images and the network.

        Returns:
            The path.

        Raises:
            RenderError: there is no image, names or truths are not as many as there are images, or a truth is no class
                of the network.
            CbamError: the file cannot be written.
        """
        from cbam_core.report.saving import save_report

        names = self._named() if names is None else names
        truths = self._true_classes() if truths is None else truths
        return save_report(Path(path), self, names=names, truths=truths, title=title)

    def _true_classes(self) -> list[str | None]:
        """Return the names of the classes that labels are, None for any other."""
        return [_class(label, one.classes) for label, one in zip(self._labelled(), self, strict=True)]

    def _labelled(self) -> tuple[str | int | None, ...]:
        """Return a label for each explanation; those of a list that has changed since are unknown."""
        return self.labels if len(self.labels) == len(self) else (None,) * len(self)

    def _named(self) -> tuple[str, ...]:
        """Return a name for each explanation; those of a list that has changed since are unknown."""
        return self.names if len(self.names) == len(self) else ("",) * len(self)


def _class(label: str | int | None, classes: Sequence[str]) -> str | None:
    """Return the name of the class that a label names or numbers; None for none."""
    if isinstance(label, str) or label is None:
        return label if label in classes else None
    return classes[label] if 0 <= label < len(classes) else None
