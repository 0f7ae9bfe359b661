"""What pages ask for, remembered: networks for all visitors, an uploaded image's results for its visitor alone.

The only room with cache decorators. Keys are digests and settings, never images: what Streamlit would hash of a
large array is a sample of it. What comes of an upload is kept in the visitor's session, and goes with it.
What is not remembered yet is worked out in a `slot`, so that one visitor's work does not keep all others waiting.
"""

from app.services.class_means import class_summaries, test_summaries
from app.services.dataset import (
    about_sample,
    about_test_image,
    sample_numbers,
    sample_png,
    sample_tiles,
    samples,
    samples_of,
    test_count,
    test_set,
    test_sheet,
)
from app.services.evaluating import (
    Offer,
    begin_evaluation,
    cancel_evaluation,
    offer_for,
    take_in_evaluations,
    work_on,
)
from app.services.file_version import Stamp, stamp_of
from app.services.folder import gallery, gallery_by_name, gallery_file, gallery_sheet, has_gallery
from app.services.images import (
    FIRST_READING,
    ImageResult,
    block_trace,
    channel_map,
    kept_answers,
    samples_ahead,
    show_sample,
    show_test_image,
    show_upload,
)
from app.services.networks import (
    anatomy,
    checkpoint_in_command,
    evaluation_of,
    gone,
    network,
    network_labels,
    network_of_run,
    networks,
    shipped_as,
    shipped_networks,
    version_of,
)
from app.services.runs import card_of, film_data, is_readable, run_film, run_history, run_progress, training_runs
from app.services.usual import with_usual

__all__ = [
    "FIRST_READING",
    "ImageResult",
    "Offer",
    "Stamp",
    "about_sample",
    "about_test_image",
    "anatomy",
    "begin_evaluation",
    "block_trace",
    "cancel_evaluation",
    "card_of",
    "channel_map",
    "checkpoint_in_command",
    "class_summaries",
    "evaluation_of",
    "film_data",
    "gallery",
    "gallery_by_name",
    "gallery_file",
    "gallery_sheet",
    "gone",
    "has_gallery",
    "is_readable",
    "kept_answers",
    "network",
    "network_labels",
    "network_of_run",
    "networks",
    "offer_for",
    "run_film",
    "run_history",
    "run_progress",
    "sample_numbers",
    "sample_png",
    "sample_tiles",
    "samples",
    "samples_ahead",
    "samples_of",
    "shipped_as",
    "shipped_networks",
    "show_sample",
    "show_test_image",
    "show_upload",
    "stamp_of",
    "take_in_evaluations",
    "test_count",
    "test_set",
    "test_sheet",
    "test_summaries",
    "training_runs",
    "version_of",
    "with_usual",
    "work_on",
]
