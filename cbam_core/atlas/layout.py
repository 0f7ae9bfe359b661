"""Where an atlas keeps what it holds: the names of its files."""

from pathlib import Path

DESCRIPTION = "atlas.json"
GATES = "gates.f16"
LOGITS = "logits.f32"
SCORES = "pca.f32"
IMAGES = "images.parquet"
TABLES = "tables.npz"
MAP = "tsne.npz"
NEAREST = "nearest.npz"
METADATA = "metadata.csv"


def shard_path(folder: Path, number: int) -> Path:
    """Return the path of a shard."""
    return folder / "shards" / f"part-{number:05}.parquet"


def sheet_path(folder: Path, number: int) -> Path:
    """Return the path of the sheet with the thumbnails of a shard."""
    return folder / "thumbnails" / f"part-{number:05}.jpg"
