"""``python -m cbam_core``: the command ``cbam``."""

from cbam_core.cli import run

run()
