"""``cbam atlas suspects``: labels that two signs doubt, and images far from all others; without torch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cbam_core.cli.asking import AtlasArgument
from cbam_core.cli.choosing import JsonOption
from cbam_core.cli.conditions import OnlyOption, WhereOption, read_slice
from cbam_core.cli.output import console, counted, one_line, percent, write_json

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import Bool

    from cbam_core.atlas.answers import DoubtfulLabels, Outliers
    from cbam_core.atlas.atlas import Atlas


def show_suspects(
    folder: AtlasArgument,
    count: Annotated[
        int, typer.Option("--number", "-n", metavar="N", min=1, help="Number of images of each kind.")
    ] = 20,
    where: WhereOption = None,
    only: OnlyOption = None,
    as_json: JsonOption = False,
) -> None:
    """List labels that the network and the nearest images both doubt, and images far from all others in gates.

    Both are compared with the whole set; conditions choose which of them are listed. It is no list of wrong labels:
    most are hard images, and the gates were learnt with the answer.

    \b
    Examples:
      cbam atlas suspects cbam_cnn_cifar10
      cbam atlas suspects photos.atlas -n 100 --where class=cat --json
    """
    from cbam_core.atlas.opening import open_atlas

    atlas = open_atlas(folder)
    chosen = atlas.ok & False
    chosen[atlas.select(read_slice(atlas, where, only))] = True
    found = atlas.suspects(len(atlas))
    doubtful = None if found.doubtful is None else _doubtful(atlas, found.doubtful, chosen)
    far = _outliers(atlas, found.outliers, chosen)
    if as_json:
        usual = found.outliers.usual if len(found.outliers.images) else None
        write_json(
            {
                "doubtful": None if doubtful is None else doubtful[:count],
                "doubtful_count": None if doubtful is None else len(doubtful),
                "outliers": far[:count],
                "usual_distance": usual,
                "compared_with": found.compared_with,
            }
        )
        return
    _show_doubtful(doubtful, count)
    _show_outliers(far[:count], found.outliers)
    if found.compared_with < int(atlas.ok.sum()):
        typer.echo(f"nearest images were looked for among {found.compared_with:,} of the set")


def _doubtful(atlas: Atlas, found: DoubtfulLabels, chosen: Bool[np.ndarray, " n"]) -> list[dict[str, Any]]:
    return [
        {
            "image": int(found.images[place]),
            "id": atlas.ids[int(found.images[place])],
            "label": atlas.label_classes[int(found.labels[place])],
            "answer": atlas.classes[int(found.suggested[place])],
            "label_probability": float(found.probability[place]),
            "answer_probability": float(found.suggested_probability[place]),
            "near_with_label": round(found.k * float(found.neighbours[place])),
            "near_with_answer": round(found.k * float(found.suggested_neighbours[place])),
        }
        for place in chosen[found.images].nonzero()[0]
    ]


def _outliers(atlas: Atlas, found: Outliers, chosen: Bool[np.ndarray, " n"]) -> list[dict[str, Any]]:
    here = chosen[found.images]
    return [
        {"image": int(image), "id": atlas.ids[int(image)], "distance": float(distance)}
        for image, distance in zip(found.images[here], found.distances[here], strict=True)
    ]


def _show_doubtful(found: list[dict[str, Any]] | None, count: int) -> None:
    if found is None:
        typer.echo("there are no labels, or no answers, that could be doubted")
        return
    typer.echo(f"{counted(len(found), 'label')} that the network and the nearest images both doubt")
    rows = [
        [
            f"{row['label']} or {row['answer']}",
            f"{percent(row['label_probability'], 0)} : {percent(row['answer_probability'], 0)}",
            f"{row['near_with_label']} : {row['near_with_answer']}",
            row["id"],
        ]
        for row in found[:count]
    ]
    _table(("label or answer", "probability", "near", "image"), rows)


def _show_outliers(found: list[dict[str, Any]], of: Outliers) -> None:
    if not found:
        typer.echo("there is no image that could be far from others")
        return
    typer.echo(f"far from all others, by the distance to the last of the {of.k} nearest; its median is {of.usual:.2f}")
    _table(("distance", "image"), [[f"{row['distance']:.2f}", row["id"]] for row in found])


def _table(headings: tuple[str, ...], rows: list[list[str]]) -> None:
    from rich.table import Table

    if not rows:
        return
    table = Table(box=None, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*map(one_line, row))
    console().print(table)
