"""The slice as a table for other programs: CSV or Parquet."""

from __future__ import annotations

import hashlib
import shlex
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.atlas.slices import Slice
from app.session.choices import Choice
from app.session.scheduling import in_slot
from app.session.words import Words, plain_text
from cbam_core.atlas.exporting import as_csv, as_parquet
from cbam_core.atlas.regions import method_and_line_as_text

if TYPE_CHECKING:
    from cbam_core.atlas.atlas import Atlas

WORDS = Words(
    {
        "export": "Export",
        "gates": "With all gates ({count} columns)",
        "csv": "CSV",
        "parquet": "Parquet",
        "about": "One row for each image of the slice: number, name, label, answer, confidence, and the columns "
        "of your own.",
        "large": "With all gates these are {count} numbers, more than a page sends; the command writes them to a "
        "file of any size:",
    }
)

MOST = 5_000_000
"""Numbers of gates in a file that a page sends: about 10 MB as Parquet, 40 MB as CSV."""

_GATES = Choice("atlas-export-gates")


def offer_export(atlas: Atlas, chosen: Slice) -> None:
    """Offer files of the slice; they are made when they are asked for."""
    with st.popover(WORDS["export"], icon=":material/download:", key="atlas-export"):
        width = sum(gate.size for gate in atlas.gates)
        _GATES.resume(False)
        gates = st.checkbox(WORDS["gates"].format(count=f"{width:,}"), key=_GATES.key)
        _GATES.remember()
        st.caption(plain_text(WORDS["about"]))
        if gates and width * len(chosen.images) > MOST:
            _say_large(atlas, chosen, width)
            return
        with st.container(horizontal=True, gap="small"):
            _button(atlas, chosen, gates=gates, kind="csv", media_type="text/csv", make=as_csv)
            _button(
                atlas, chosen, gates=gates, kind="parquet", media_type="application/vnd.apache.parquet", make=as_parquet
            )


def _button(
    atlas: Atlas, chosen: Slice, *, gates: bool, kind: str, media_type: str, make: Callable[..., bytes]
) -> None:
    said = (str(atlas.facts.get("digest")), chosen.images.tobytes(), gates)
    digest = hashlib.sha256(repr(said).encode()).hexdigest()[:12]
    st.download_button(
        WORDS[kind],
        in_slot(partial(make, atlas, chosen.images, gates=gates)),
        file_name=f"slice-{digest}.{kind}",
        mime=media_type,
        icon=":material/table_view:",
        on_click="ignore",
        key=f"atlas-export-{kind}",
    )


def _say_large(atlas: Atlas, chosen: Slice, width: int) -> None:
    st.caption(plain_text(WORDS["large"].format(count=f"{width * len(chosen.images):,}")))
    st.code(command(atlas, chosen), language="bash", wrap_lines=True)


def command(atlas: Atlas, chosen: Slice) -> str:
    """The command that writes a slice."""
    folder = "ATLAS" if atlas.folder is None else atlas.folder.name
    conditions = [part for name, value in chosen.conditions.items() for part in _conditions(name, value)]
    if chosen.line is not None:
        conditions.append(f"inside={method_and_line_as_text(*chosen.line)}")
    where = [part for condition in conditions for part in ("--where", condition)]
    return shlex.join(["cbam", "atlas", "export", folder, *where, "--out", "slice.parquet"])


def _conditions(name: str, value: Any) -> list[str]:
    """A condition of a slice as the command has it; alternatives are several."""
    if isinstance(value, bool):
        return [f"{name}={'yes' if value else 'no'}"]
    if isinstance(value, tuple):
        return [f"{name}={value[0]:g}..{value[1]:g}"]
    return [f"{name}={one}" for one in (value if isinstance(value, list) else [value])]
