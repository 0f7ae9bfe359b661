"""What is kept of a visit to Compare: an image, a network and a class for either side, exchanged by one press.

Widgets forget their values when their page is left, and cannot be given one afterwards. So the choices lie in the
session, and the widgets get new keys, and begin with what was chosen, whenever the sides are exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from app.session.choices import Choice, Generation, Remembered
from app.session.uploads import Fitted, Upload, note_kept
from app.widgets.figures import Side

Source = Literal["sample", "test", "upload", "camera", "folder"]
"""Where a side's image comes from."""


@dataclass(frozen=True)
class Selected:
    """What was chosen for one side.

    Attributes:
        source: where the image comes from.
        sample: index in the sample sheet.
        test: number of an image of the test set.
        upload: the visitor's own image, if there is one.
        upload_fit: how that is fitted.
        photo: what the visitor took with their camera.
        folder: name of an image that the operator has provided; "" before one was chosen.
        folder_fit: how that is fitted.
        network: name of a network; "" before one was chosen.
        class_: name of a class; "" before one was chosen.
    """

    source: Source = "sample"
    sample: int = 0
    test: int = 0
    upload: Upload | None = None
    upload_fit: Fitted = field(default_factory=Fitted)
    photo: Upload | None = None
    folder: str = ""
    folder_fit: Fitted = field(default_factory=Fitted)
    network: str = ""
    class_: str = ""

    @property
    def fitted(self) -> Fitted:
        """How the image is fitted."""
        return {"upload": self.upload_fit, "folder": self.folder_fit}.get(self.source, Fitted())


_SIDES: Remembered[dict[Side, Selected]] = Remembered("compare-sides", dict)
_GENERATION = Generation("compare-generation")


def begin(left: Selected, right: Selected) -> None:
    """Set what a visitor sees first; does nothing once they have been here."""
    _SIDES.begin({"left": left, "right": right})


def side_of(side: Side) -> Selected:
    """What was chosen for a side so far."""
    return _SIDES.get()[side]


def keep(side: Side, selected: Selected) -> Selected:
    """Keep what its widgets say of a side, and give it back."""
    sides = {**_SIDES.get(), side: selected}
    _SIDES.set(sides)
    note_kept("compare", any(one.upload is not None or one.photo is not None for one in sides.values()))
    return selected


def change(left: Selected, right: Selected) -> None:
    """Set both sides, as for a visitor who comes by an address; the widgets begin with them."""
    keep("left", left)
    keep("right", right)
    begin_anew()


def begin_anew() -> None:
    """Give all widgets new keys, so that they begin with what is kept."""
    _GENERATION.advance()


def choice_of(what: str, side: Side) -> Choice:
    """The widget by which something is chosen for a side."""
    return Choice(f"compare-{what}-{side}", _GENERATION)


def key_of(what: str, side: Side) -> str:
    """Its key now."""
    return choice_of(what, side).key


def swap(what: str) -> None:
    """Exchange what differs between the sides: ``"pictures"``, ``"networks"`` or ``"classes"``."""
    left, right = side_of("left"), side_of("right")
    if what == "networks":
        swapped = replace(left, network=right.network), replace(right, network=left.network)
    elif what == "classes":
        swapped = replace(left, class_=right.class_), replace(right, class_=left.class_)
    else:
        swapped = (
            replace(right, network=left.network, class_=left.class_),
            replace(left, network=right.network, class_=right.class_),
        )
    change(*swapped)
