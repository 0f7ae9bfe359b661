"""``cbam convert``: the weights of CBAM blocks, written in another of the common ways."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cbam_core.cli.output import counted, one_line
from cbam_core.errors import CheckpointError, reason_of
from cbam_core.places import shipped_checkpoints

if TYPE_CHECKING:
    from torch import Tensor

    from cbam_core.weights.conversion import Converted
    from cbam_core.weights.layouts import Layout, Planes


def convert(
    source: Annotated[Path, typer.Argument(metavar="FILE", help="A .safetensors or .pth file of any network.")],
    to: Annotated[
        str,
        typer.Option(
            "--to",
            metavar="LAYOUT",
            help="How blocks are to be written: cbam-lens, ca-sa, ca-sa-fc, channel-attention, channel-attention-mlp, "
            "authors, timm or pytorchcv (docs/audit.md shows the names of each).",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="OUT", help="File to write, .safetensors or .pth.")],
    planes: Annotated[
        str | None,
        typer.Option(
            "--planes",
            metavar="ORDER",
            help="Order of the two planes of each 7×7 kernel in FILE, mean,max or max,mean, where names do not say it.",
        ),
    ] = None,
) -> None:
    """Write the CBAM blocks of a state dict in another layout; all other weights stay as they are.

    Names and shapes change, the planes of kernels are exchanged where needed, biases of 0 are dropped, and a norm
    behind a kernel is folded into it. What cannot be carried exactly is refused. No code of the file is run.

    \b
    Examples:
      cbam convert theirs.pth --to cbam-lens --out ours.safetensors
      cbam convert ours.safetensors --to ca-sa --out theirs.pth
      cbam convert mine.pth --planes max,mean --to cbam-lens --out ours.pth
    """
    from cbam_core.weights.conversion import convert as carry
    from cbam_core.weights.file import open_weights

    layout, order = _layout(to), _order(planes)
    source = shipped_checkpoints().get(str(source), source)
    if out.exists() and source.exists() and out.samefile(source):
        raise CheckpointError(
            "convert.onto-itself", "{path} is the file to convert; choose another name to write to", path=str(out)
        )
    file = open_weights(source)
    done = carry({name: stored.load() for name, stored in file.tensors.items()}, layout, order)
    _write(done.tensors, out)
    _say(done, layout, out)


def _layout(name: str) -> Layout:
    from cbam_core.weights.layouts import LAYOUTS

    if name not in LAYOUTS:
        raise typer.BadParameter(f"'{name}' is not one of {', '.join(LAYOUTS)}", param_hint="'--to'")
    return LAYOUTS[name]


def _order(text: str | None) -> Planes | None:
    from cbam_core.weights.layouts import MAX_FIRST, MEAN_FIRST

    if text is None:
        return None
    found = {",".join(order): order for order in (MEAN_FIRST, MAX_FIRST)}.get(text.replace(" ", ""))
    if found is None:
        raise typer.BadParameter(f"'{text}' is neither mean,max nor max,mean", param_hint="'--planes'")
    return found


def _write(tensors: dict[str, Tensor], out: Path) -> None:
    import safetensors.torch
    import torch

    from cbam_core.files import full_disk, write_atomically

    buffer = io.BytesIO()
    if out.suffix.lower() == ".safetensors":
        buffer.write(safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()}))
    else:
        torch.save(tensors, buffer)
    try:
        write_atomically(out, lambda file: file.write(buffer.getbuffer()))
    except OSError as error:
        raise full_disk(error, out, CheckpointError, "convert.unwritable") or CheckpointError(
            "convert.unwritable",
            "cannot write {path}: {reason}; choose a file that you may write to",
            path=str(out),
            reason=reason_of(error),
        ) from error


def _say(done: Converted, layout: Layout, out: Path) -> None:
    typer.echo(one_line(f"{out}: {counted(len(done.blocks), 'block')} as {layout.name}, {len(done.tensors)} tensors"))
    for written in dict.fromkeys(block.written for block in done.blocks):
        typer.echo(f"  was: {one_line(written)}")
    for note in done.notes:
        typer.echo(f"  {one_line(str(note))}")
