"""Where is an atlas that is named? A folder, or one of the atlases that were built or ship."""

from __future__ import annotations

from pathlib import Path

from cbam_core.errors import AtlasError
from cbam_core.places import atlas_folders, page_atlas_folders


def find_atlas(given: str | Path) -> Path:
    """Return the folder of an atlas that is given by its path or, where nothing has it, by its name (no ``.atlas``).

    Raises:
        AtlasError: a name, and no atlas has it; the error says which names there are.
    """
    path = Path(given)
    if path.exists():
        return path
    known = (*atlas_folders(), *page_atlas_folders())
    found = next((folder for folder in known if str(given) in (folder.name, folder.stem)), None)
    if found is None and known and path.name == str(given):
        raise AtlasError(
            "atlas.unknown-name",
            "there is no atlas {name}; those that were built or ship are {known}",
            name=str(given),
            known=", ".join(folder.name.removesuffix(".atlas") for folder in known),
        )
    return found or path
