"""``cbam app``: the web app, the one door from the library to it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from cbam_core.errors import LaunchError
from cbam_core.places import IMAGE_VARIABLE


def serve_app(
    host: Annotated[
        str, typer.Option(help="Address to listen on; 0.0.0.0 lets every network in, and there is no login.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on; 0 takes any free one.")] = 8501,
    server_address: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Host name that visitors type when a proxy stands in front.",
            show_default="$CBAM_SERVER_ADDRESS",
        ),
    ] = None,
    base_path: Annotated[
        str | None,
        typer.Option(metavar="PATH", help="Path below which a proxy shows the app.", show_default="$CBAM_BASE_PATH"),
    ] = None,
    embed_from: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ORIGIN",
            help="A site that may show the app in a frame; may be given again.",
            show_default="$CBAM_EMBED_FROM",
        ),
    ] = None,
    images: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A folder of pictures that every visitor may look at.",
            show_default=f"${IMAGE_VARIABLE}",
        ),
    ] = None,
) -> None:
    """Start the web app, and print its address when it is ready; Ctrl+C stops it.

    \b
    Examples:
      cbam app
      cbam app --port 8600
      cbam app --host 0.0.0.0
      cbam app --images pictures/for/the/class
      cbam app --base-path lens --server-address tools.example.org
    """
    try:
        from app.server.launch import serve
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in {"app", "streamlit", "starlette"}:
            raise
        raise LaunchError(
            "launch.not-installed",
            "the web app needs {module}, which is not installed; run: pip install 'cbam-lens[app]'",
            module=error.name,
        ) from error
    if images is not None:
        from cbam_core.data.folder import list_pictures

        list_pictures(images)  # a folder that is none is noticed now
        os.environ[IMAGE_VARIABLE] = str(images.absolute())
    serve(host, port, server_address=server_address, base_path=base_path, embed_from=embed_from or None)
