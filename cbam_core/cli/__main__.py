"""``python -m cbam_core.cli``: the command ``cbam``, for launchers that start modules."""

from cbam_core.cli import run

run()
