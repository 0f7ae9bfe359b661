"""``cbam app``: the web app; the only file of the library that imports it."""

from __future__ import annotations

import gc
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from cbam_core.cli.choosing import open_checkpoint, say_left_out
from cbam_core.cli.failures import EXTRAS
from cbam_core.cli.output import say
from cbam_core.cli.spreading import with_groups
from cbam_core.cli.stating import UNSTATED, Stated
from cbam_core.errors import DataError, LaunchError
from cbam_core.places import IMAGE_VARIABLE, NETWORK_VARIABLE, project_folder


@dataclass(frozen=True)
class Address:
    """Where the app is served, and who may show it.

    Attributes:
        host: address to listen on.
        port: port to listen on; 0 for any free one.
        server_address: host name for visitors; None for that of the environment, like the others.
        base_path: path behind a proxy.
        embed_from: sites that may show the app in a frame.
    """

    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS", help="Address to listen on; 0.0.0.0 accepts every network, and there is no login."
        ),
    ] = "127.0.0.1"
    port: Annotated[
        int, typer.Option(metavar="PORT", min=0, max=65535, help="Port to listen on; 0 for any free port.")
    ] = 8501
    server_address: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Host name for visitors, if there is a proxy.",
            show_default="$CBAM_SERVER_ADDRESS",
        ),
    ] = None
    base_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Path of the app behind a proxy.", show_default="$CBAM_BASE_PATH"),
    ] = None
    embed_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="Site that may show the app in a frame; may be repeated.",
            show_default="$CBAM_EMBED_FROM",
        ),
    ] = None


@with_groups
def serve_app(
    *,
    address: Address,
    model: Annotated[
        str | None,
        typer.Option(
            metavar="NETWORK",
            help="A network of your own that the app shows first: timm:NAME, torchvision:NAME, package.module:factory, "
            "a .toml file that says which, or a .safetensors or .pth file.",
            show_default=f"${NETWORK_VARIABLE}",
        ),
    ] = None,
    stated: Stated = UNSTATED,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Folder of images that every visitor may see; with one subfolder for each class, it takes the place "
            "of CIFAR-10.",
            show_default=f"${IMAGE_VARIABLE}",
        ),
    ] = None,
) -> None:
    """Start the web app, and print its address when it is ready. Ctrl+C stops it.

    \b
    Examples:
      cbam app
      cbam app --port 8600
      cbam app --host 0.0.0.0
      cbam app --images images/for/the/class
      cbam app --model my.nets:resnet --weights best.pth --classes names.txt --size 224 --images val
      cbam app --base-path lens --server-address tools.example.org
    """
    with without_collection():
        find_app()
        from app.server.launch import serve

        if images is not None:
            _show_images(images)
        if model is not None:
            _show_network(model, stated)
        elif stated != UNSTATED:
            raise typer.BadParameter("--weights, --classes and the like are about a network: name it with --model")
        serve(
            address.host,
            address.port,
            server_address=address.server_address,
            base_path=address.base_path,
            embed_from=address.embed_from or None,
        )


def _show_images(folder: Path) -> None:
    """Have the app show the images of a folder; say which of its files visitors will not see.

    Raises:
        DataError: it is not a folder.
    """
    from cbam_core.data.folder import MOST, list_images
    from cbam_core.data.image_folder import list_image_folder

    list_images(folder)
    try:
        found = list_image_folder(folder)
    except DataError as error:  # images may come later
        say(str(error))
    else:
        say_left_out(found.unlisted, str(folder))
        if found.labels is None and len(found.paths) > MOST:
            say(
                f"of the {len(found.paths):,} images in {folder}, the app shows the first {MOST}; it shows all if they "
                "lie in one subfolder for each class"
            )
    os.environ[IMAGE_VARIABLE] = str(folder.absolute())


def _show_network(model: str, stated: Stated) -> None:
    """Have the app show a network first.

    Raises:
        CbamError: it cannot be opened.
    """
    from cbam_core.network.opening import operators_text

    open_checkpoint(model, stated)
    os.environ[NETWORK_VARIABLE] = operators_text(model, stated.statement)


@contextmanager
def without_collection() -> Iterator[None]:
    """Disable the garbage collector: loading modules makes many objects, and next to no garbage.

    The server enables it when it is ready.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def find_app() -> None:
    """Make ``import app`` find this project's web app, and not a file of that name in the user's folder.

    Raises:
        LaunchError: a package that the app needs is not installed, the web app is missing, or this process has
            already imported another ``app``.
    """
    for module, extra in EXTRAS.items():
        if extra == "app" and importlib.util.find_spec(module) is None:
            raise LaunchError(
                "launch.not-installed",
                "the web app needs {module}, which is not installed; run: pip install 'cbam-lens[app]'",
                module=module,
            )
    folder = project_folder()
    if sys.path[:1] != [str(folder)]:
        sys.path.insert(0, str(folder))
    found = importlib.util.find_spec("app")
    if found is None or found.origin != str(folder / "app" / "__init__.py"):
        raise LaunchError(
            "launch.other-app",
            "the web app should be in {folder}, but Python found {found}; install CBAM Lens again",
            folder=str(folder / "app"),
            found="none" if found is None else found.origin or "a folder without code",
        )
