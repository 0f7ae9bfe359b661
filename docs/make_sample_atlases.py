"""Builds the atlases of the 100 bundled images that ship beside their networks, ``checkpoints/NAME.atlas``."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from cbam_core import open_atlas  # noqa: E402
from cbam_core.atlas.building import build_atlas  # noqa: E402
from cbam_core.atlas.preparing import prepare  # noqa: E402
from cbam_core.data.dataset import samples  # noqa: E402
from cbam_core.network import load_classifier  # noqa: E402
from cbam_core.places import shipped_checkpoints  # noqa: E402


def main() -> int:
    """Build the atlas of every shipped network again; return the exit status."""
    for name, file in shipped_checkpoints().items():
        folder = build_atlas(load_classifier(name), samples(), file.with_suffix(".atlas"), workers=1, again=True)
        prepare(open_atlas(folder))
        sys.stdout.write(f"{folder}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
