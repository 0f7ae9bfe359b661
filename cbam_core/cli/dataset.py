"""``cbam data``: download CIFAR-10, print its folder, check that it is there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cbam_core.cli.failures import USER_ERROR
from cbam_core.cli.output import one_line, progress_bar

commands = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Download and check CIFAR-10.")

FolderOption = Annotated[
    Path | None,
    typer.Option(
        "--dir",
        metavar="DIR",
        help="Folder of data sets.",
        show_default="$CBAM_DATA_DIR, or ~/.cache/cbam-lens",
    ),
]


@commands.command(short_help="Download CIFAR-10, once.")
def fetch(folder: FolderOption = None) -> None:
    """Download CIFAR-10 and check it, once: 170 MB to download, 184 MB on the disk.

    If the data set is already there, nothing is downloaded. An interrupted download can be repeated.

    \b
    Examples:
      cbam data fetch
      cbam data fetch --dir /data
    """
    from cbam_core.data import cifar10

    if cifar10.is_fetched(folder):
        typer.echo(one_line(f"CIFAR-10 is already in {cifar10.data_folder(folder) / 'cifar10'}"))
        return
    with progress_bar("{task.percentage:>3.0f} %") as progress:
        task = progress.add_task("fetching", total=None)
        home = cifar10.fetch(
            folder,
            progress=lambda label, done, total: progress.update(task, description=label, completed=done, total=total),
        )
    typer.echo(one_line(f"CIFAR-10 is in {home}"))


@commands.command()
def where(folder: FolderOption = None) -> None:
    """Print the folder of CIFAR-10, even if it is not downloaded yet.

    \b
    Example:
      ls "$(cbam data where)"
    """
    from cbam_core.data import cifar10

    typer.echo(cifar10.data_folder(folder) / "cifar10")


@commands.command(short_help="Check that CIFAR-10 is there.")
def status(
    folder: FolderOption = None,
    verify: Annotated[bool, typer.Option("--verify", help="Read all files and compare their SHA-256 sums.")] = False,
) -> None:
    """Check that CIFAR-10 is there: exit status 0 if so, else 3.

    \b
    Examples:
      cbam data status
      cbam data status --verify
    """
    from cbam_core.data import cifar10

    home = cifar10.data_folder(folder) / "cifar10"
    if not cifar10.is_fetched(folder):
        typer.echo(one_line(f"CIFAR-10 is not in {home}; run `{cifar10.fetch_command(folder)}` to download it"))
        raise typer.Exit(USER_ERROR)
    if verify:
        cifar10.verify(folder)
    size = sum((home / f"{name}.npy").stat().st_size for name in cifar10.FILES)
    checked = ", checksums correct" if verify else ""
    typer.echo(one_line(f"CIFAR-10 is in {home} ({size / 1e6:.0f} MB{checked})"))
