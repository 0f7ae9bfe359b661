"""``cbam atlas info``, ``check``, ``top``, ``map`` and ``export``: what an atlas holds; none of them imports torch."""

from __future__ import annotations

import os
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cbam_core.atlas.naming import find_atlas
from cbam_core.cli.choosing import JsonOption
from cbam_core.cli.conditions import OnlyOption, WhereOption, read_slice
from cbam_core.cli.failures import USER_ERROR
from cbam_core.cli.output import console, counted, one_line, percent, progress_bar, say, share_shown, write_json
from cbam_core.errors import AtlasError
from cbam_core.files import write_atomically
from cbam_core.places import atlas_folders, page_atlas_folders

if TYPE_CHECKING:
    from cbam_core.atlas.answers import AtlasMap, Ranking
    from cbam_core.atlas.atlas import Atlas
    from cbam_core.atlas.gate import Channel
    from cbam_core.atlas.plan import Plan
    from cbam_core.results.usual import NotFinite

AtlasArgument = Annotated[
    str, typer.Argument(metavar="DIR", help="Folder of an atlas, or the name of one that was built or ships.")
]


def _opened(given: str) -> Atlas:
    from cbam_core.atlas.opening import open_atlas

    return open_atlas(given)


def show_info(
    folder: Annotated[
        str | None,
        typer.Argument(metavar="DIR", help="Folder or name of an atlas.", show_default="a list of all"),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Say which network and images an atlas is of, its gates, and which images are damaged; or list all atlases.

    Named are also gates that are not finite for some images (NaN or infinity).

    \b
    Examples:
      cbam atlas info
      cbam atlas info atlases/cbam_cnn_cifar10-cifar10-test
    """
    if folder is None:
        _list(as_json=as_json)
        return
    atlas = _opened(folder)
    if as_json:
        write_json(describe(atlas))
        return
    show(atlas)
    for gate in atlas.gates:
        typer.echo(one_line(f"{gate.name}: {gate.kind}, {' x '.join(map(str, gate.shape))}"))
    if atlas.metadata:
        typer.echo(one_line(f"metadata: {', '.join(atlas.metadata)}"))
    if unread := int((~atlas.ok).sum()):
        typer.echo(f"{counted(unread, 'image')} could not be decoded")
    for one in not_finite_gates(atlas):
        typer.echo(said_not_finite(one))


def not_finite_gates(atlas: Atlas) -> list[NotFinite]:
    """Return the gates that are NaN or infinite for some image, and for which."""
    from cbam_core.atlas.finite import not_finite
    from cbam_core.results.usual import NotFinite

    found = ((gate.name, not_finite(atlas, gate)) for gate in atlas.gates)
    return [NotFinite(name, len(odd), int(odd[0]), atlas.ids[int(odd[0])]) for name, odd in found if len(odd)]


def said_not_finite(one: NotFinite) -> str:
    """Say of a gate for which images it is not finite."""
    return one_line(
        f"{one.gate} is not finite for {counted(one.count, 'image')}, first for {one.image} (number {one.number:,} "
        "from 0)"
    )


def describe(atlas: Atlas) -> dict[str, Any]:
    """Convert what an atlas says of itself to JSON-ready values."""
    folder = atlas.folder or Path()
    return {
        "folder": str(folder),
        "network": atlas.network,
        "images": atlas.title,
        "corruption": atlas.facts["images"]["corruption"],
        "count": len(atlas),
        "unreadable": [atlas.ids[int(number)] for number in (~atlas.ok).nonzero()[0]],
        "accuracy": _accuracy(atlas),
        "bytes": sum(path.stat().st_size for path in folder.rglob("[!.]*") if path.is_file()),
        "metadata": list(atlas.metadata),
        "gates": [
            {"name": gate.name, "block": gate.block, "kind": gate.kind, "shape": list(gate.shape)}
            for gate in atlas.gates
        ],
        "left_out": list(atlas.facts["left_out"]),
        "not_finite_for": [asdict(one) for one in not_finite_gates(atlas)],
        "program": atlas.facts["program"],
        "torch": atlas.facts["torch"],
        "digest": atlas.facts["digest"],
    }


def _images(count: int, read: int) -> str:
    """Say of how many images, and how many of them could be decoded where that is fewer."""
    return counted(count, "image") if read == count else f"{read:,} of {counted(count, 'image')}"


def _accuracy(atlas: Atlas) -> float | None:
    known = atlas.right[atlas.right >= 0]
    return float(known.mean()) if len(known) else None


def show(atlas: Atlas) -> None:
    """Write in one line which network and images an atlas is of, and how large it is."""
    said = describe(atlas)
    corrupted = f" ({said['corruption']})" if said["corruption"] else ""
    accuracy = "" if said["accuracy"] is None else f", accuracy {percent(said['accuracy'])}"
    typer.echo(
        one_line(
            f"{said['network']} on {_images(said['count'], said['count'] - len(said['unreadable']))} of "
            f"{said['images']}{corrupted}{accuracy}; "
            f"{counted(len(atlas.gates), 'gate')} with {_width(atlas):,} values an image; "
            f"{said['bytes'] / 1e6:.1f} MB in {said['folder']}"
        )
    )
    if said["left_out"]:
        typer.echo(one_line(f"left out, because they are too large: {', '.join(said['left_out'])}"))


def _list(*, as_json: bool) -> None:
    """Write one line for each atlas that was built, ships, or came about on a page; what cannot be read is reported."""
    from cbam_core.atlas.layout import TABLES
    from cbam_core.atlas.opening import count_read
    from cbam_core.atlas.plan import read_plan

    found: list[dict[str, Any]] = []
    for folder in (*atlas_folders(), *page_atlas_folders()):
        try:
            plan = read_plan(folder)
        except AtlasError as error:
            say(str(error))
            continue
        known = {"network": plan.network.name, "images": plan.images.title, "corruption": plan.images.corruption}
        finished = (folder / TABLES).exists()
        read = count_read(folder, plan) if finished else plan.count
        found.append({"folder": str(folder), **known, "count": plan.count, "read": read, "finished": finished})
    if as_json:
        write_json(found)
        return
    for one in found:
        state = "" if one["finished"] else ", not finished"
        corrupted = f" ({one['corruption']})" if one["corruption"] else ""
        typer.echo(
            one_line(
                f"{one['folder']}: {one['network']} on {_images(one['count'], one['read'])} of {one['images']}"
                f"{corrupted}{state}"
            )
        )


def check(
    folder: AtlasArgument,
    as_json: JsonOption = False,
) -> None:
    """Check every file of an atlas: the checksums of all shards, and that everything else is what they give.

    Opening an atlas looks at a few rows alone, so that it is fast. Whatever is damaged is named, with what to do.

    \b
    Examples:
      cbam atlas check cbam_cnn_cifar10
      cbam atlas check atlases/cbam_cnn_cifar10-cifar10-test
    """
    from cbam_core.atlas.plan import read_plan
    from cbam_core.atlas.verifying import check_atlas

    place = find_atlas(folder)
    with share_shown("checking") as show_share:
        found = check_atlas(place, show_share)
    plan = read_plan(place)
    if as_json:
        damaged = [{"code": error.code, "sentence": str(error)} for error in found]
        write_json({"folder": str(place), "shards": plan.shards, "count": plan.count, "damaged": damaged})
    elif not found:
        are, they = ("is", "it gives") if plan.shards == 1 else ("are", "they give")
        typer.echo(
            one_line(
                f"{place}: {counted(plan.shards, 'shard')} with {counted(plan.count, 'image')} {are} whole, and all "
                f"rows and tables are what {they}{_unread(place, plan)}"
            )
        )
    for error in () if as_json else found:
        say(str(error))
    if found:
        raise typer.Exit(USER_ERROR)


def _unread(place: Path, plan: Plan) -> str:
    """Say how many images could not be decoded; "" where all could."""
    from cbam_core.atlas.opening import count_read

    left = plan.count - count_read(place, plan)
    return f"; {left:,} of the images could not be decoded" if left else ""


def show_top(
    folder: AtlasArgument,
    gate: Annotated[str, typer.Argument(metavar="GATE", help="Name of a gate, such as cbam3.channel.")],
    channel: Annotated[
        str, typer.Argument(metavar="CHANNEL", help="Number of a channel, from 0, or row and column of a cell as 3,5.")
    ],
    count: Annotated[int, typer.Option("--number", "-n", metavar="N", min=1, help="Number of images.")] = 20,
    lowest: Annotated[bool, typer.Option("--lowest", help="The lowest values instead.")] = False,
    where: WhereOption = None,
    only: OnlyOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the images in which one channel or cell of a gate is highest, or lowest.

    \b
    Examples:
      cbam atlas top cbam_cnn_cifar10 cbam3.channel 17
      cbam atlas top cbam_cnn_cifar10 cbam1.spatial 3,5 --where class=ship --where right=no
    """
    atlas = _opened(folder)
    found = atlas.top(gate, _channel(channel), count, read_slice(atlas, where, only), lowest=lowest)
    rows = _rows(atlas, found)
    if not as_json:
        _show_top(found, rows, lowest=lowest)
        return
    facts = {"column": found.column, "of": found.count, "lowest": lowest, "tied": found.tied}
    write_json({**facts, "left_out": found.left_out, "images": rows})


def _rows(atlas: Atlas, found: Ranking) -> list[dict[str, Any]]:
    """Return what is said of each image that was found, ready for JSON."""
    return [
        {
            "image": int(number),
            "id": atlas.ids[int(number)],
            "value": round(float(value), 5),
            "class": _name(atlas.label_classes, int(atlas.labels[number])),
            "answer": _name(atlas.classes, int(atlas.answers[number])),
        }
        for number, value in zip(found.images, found.values, strict=True)
    ]


def _channel(given: str) -> Channel:
    """Read the number of a channel, or the place of a cell.

    Raises:
        typer.BadParameter: it is neither.
    """
    if not re.fullmatch(r" *-?[0-9]+ *(, *-?[0-9]+ *)*", given):
        raise typer.BadParameter(f"'{given}' is not a number such as 17, or a cell such as 3,5")
    places = tuple(int(part) for part in given.split(","))
    return places[0] if len(places) == 1 else places


def _name(classes: tuple[str, ...], number: int) -> str | None:
    return classes[number] if 0 <= number < len(classes) else None


def _show_top(found: Ranking, rows: list[dict[str, Any]], *, lowest: bool) -> None:
    """Write a table of the images that were found, and what is to be known of it."""
    from rich.table import Table

    end = "lowest" if lowest else "highest"
    typer.echo(one_line(f"{found.column}: {end} of {counted(found.count, 'image')}"))
    table = Table(box=None, pad_edge=False)
    table.add_column("value", justify="right")
    for heading in ("image", "class", "answer"):
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(
            f"{row['value']:.4f}", one_line(row["id"]), *(one_line(row[name] or "") for name in ("class", "answer"))
        )
    console().print(table)
    if found.left_out:
        typer.echo(f"left out, because the value is not finite: {counted(found.left_out, 'image')}")
    if found.undecided:
        typer.echo(
            f"{found.tied:,} images have the value {found.values[-1]:.4f}; those listed are the first of them, and "
            "their order says nothing"
        )


def show_map(
    folder: AtlasArgument,
    tsne: Annotated[
        bool, typer.Option("--tsne", help="By t-SNE, computed and kept for the app: a minute for 10,000 images.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Lay the images out in a plane, by their two principal components or by t-SNE, and say how well neighbours stay.

    \b
    Examples:
      cbam atlas map cbam_cnn_cifar10
      cbam atlas map atlases/cbam_cnn_cifar10-cifar10-test --tsne
    """
    atlas = _opened(folder)
    found = _by_tsne(atlas) if tsne else atlas.map("pca")
    if as_json:
        points = [None if point[0] != point[0] else point for point in found.points.tolist()]
        kept = found.kept if found.sample else None
        measured = {"measured_on": found.sample, "compared_with": found.compared_with}
        write_json({"method": found.method, "kept": kept, **measured, "points": points})
        return
    if not found.sample:
        typer.echo(f"{found.method}: too few images to measure how many neighbours it keeps; --json writes the places")
        return
    sampled = found.compared_with < int(atlas.ok.sum())
    among = f", looking among {found.compared_with:,} of the set" if sampled else ""
    typer.echo(
        one_line(
            f"{found.method}: {percent(found.kept, 0)} of the 10 nearest images in gates are among the 10 nearest on "
            f"the map (measured on {counted(found.sample, 'image')}{among}); --json writes the places"
        )
    )


def _by_tsne(atlas: Atlas) -> AtlasMap:
    """Return the map by t-SNE; compute it if there is none, which takes a while."""
    from cbam_core.atlas.embedding import compute_tsne

    with progress_bar("{task.percentage:>3.0f} %") as progress:
        task = progress.add_task("laying out", total=1.0)
        return compute_tsne(
            atlas, report=lambda share: progress.update(task, completed=share), workers=os.cpu_count() or 1
        )


def export(
    folder: AtlasArgument,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="A .csv or .parquet file to write.")],
    where: WhereOption = None,
    only: OnlyOption = None,
    gates: Annotated[
        bool, typer.Option("--gates/--no-gates", help="Whether all values of all gates are columns.")
    ] = True,
) -> None:
    """Write a slice of an atlas as a table: a row for each image, with its label, answer, metadata and gates.

    \b
    Examples:
      cbam atlas export cbam_cnn_cifar10 --where right=no --no-gates --out wrong.csv
      cbam atlas export cbam_cnn_cifar10 --where class=cat --out cats.parquet
      cbam atlas export cbam_cnn_cifar10 --where inside=pca.AAAAf_AAf___AA__ --out left.csv
      cbam atlas export cbam_cnn_cifar10 --only wrong.csv --out wrong.parquet
    """
    from cbam_core.atlas.exporting import write_csv, write_parquet

    ways = {".csv": write_csv, ".parquet": write_parquet}
    if out.suffix.lower() not in ways:
        raise typer.BadParameter(f"'{out}' does not end with .csv or .parquet, which says what to write")
    atlas = _opened(folder)
    images = atlas.select(read_slice(atlas, where, only))
    write = ways[out.suffix.lower()]
    write_atomically(out, lambda file: write(atlas, images, file, gates=gates))
    wide = (
        f" with {width:,} values of gates each; --no-gates leaves them out"
        if gates and (width := _width(atlas))
        else ""
    )
    say(f"saved {out}: {counted(len(images), 'image')}{wide}")


def _width(atlas: Atlas) -> int:
    """Return the number of values of all gates for one image."""
    return sum(gate.size for gate in atlas.gates)
