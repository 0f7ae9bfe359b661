"""Claim: explaining one image takes at most 0.6 of the time of Grad-CAM on the same three blocks.

Against torchcam and captum, from the bytes of a file to the result, on one torch thread, on one and the same model.
The rivals decode as their users do (Pillow, then torchvision's Resize, CenterCrop, ToTensor and Normalize) and explain
the predicted class. torchcam registers its hooks once and gets all three maps from one backward pass; `LayerGradCam`
takes one layer, so captum needs a call a layer, after a forward without gradients that names the class.

The claim is about files of the network's own size, PNG and JPEG. Of a photo, decoding is most of the time for
everybody; that ratio is reported beside the claim, where the photos of scikit-image are installed.

    python benchmarks/explain_vs_gradcam.py [--rounds 1000]

Needs the extra `bench`. Photos run a tenth of the rounds.
"""

from __future__ import annotations

import importlib.util
import io
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from apparatus.turns import Times, asked_rounds, medians, paired_ratio, take_turns, tell
from PIL import Image
from torchvision import transforms

from cbam_core import load_classifier
from cbam_core.data.samples import sample_sheet
from cbam_core.explanation import explain
from cbam_core.network import Classifier

LIMIT = 0.6
BLOCKS = ("cbam1", "cbam2", "cbam3")
RIVALS = ("torchcam", "captum")
PHOTOS = ("chelsea.png", "astronaut.png", "coffee.png", "rocket.jpg")


def encoded(pictures: Iterable[Image.Image], kind: str) -> list[bytes]:
    """Pictures as files of a format that Pillow names."""
    contents = []
    for picture in pictures:
        file = io.BytesIO()
        picture.save(file, kind, **({"quality": 92} if kind == "JPEG" else {}))
        contents.append(file.getvalue())
    return contents


def photos() -> list[Image.Image]:
    """The photos that come with scikit-image, 451 x 300 to 640 x 427 pixels; none where it is not installed.

    Without their colour profiles, which `explain` would apply and the rivals would not.
    """
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        return []
    folder = Path(found.origin).parent / "data"
    return [Image.fromarray(np.asarray(Image.open(folder / name).convert("RGB"))) for name in PHOTOS]


def user_preprocessing(classifier: Classifier) -> Callable[[bytes], torch.Tensor]:
    """From a file to a batch of one, as in the documentation of torchvision and of both rivals."""
    width, height = classifier.input_size
    steps = transforms.Compose(
        [
            transforms.Resize(min(width, height)),
            transforms.CenterCrop((height, width)),
            transforms.ToTensor(),
            transforms.Normalize(classifier.mean, classifier.std),
        ]
    )
    return lambda content: steps(Image.open(io.BytesIO(content)).convert("RGB"))[None]


class Torchcam:
    """All three maps of the predicted class by torchcam's `GradCAM`."""

    def __init__(self, classifier: Classifier) -> None:
        from torchcam.methods import GradCAM

        self.model, self.batch_of = classifier.model, user_preprocessing(classifier)
        self.extractor = GradCAM(classifier.model, list(BLOCKS), enable_hooks=False)

    def explain(self, content: bytes) -> list[torch.Tensor]:
        """Maps of the blocks, (1, H, W) each."""
        batch = self.batch_of(content)
        self.extractor.enable_hooks()
        scores = self.model(batch)
        maps: list[torch.Tensor] = self.extractor(int(scores.argmax(1)), scores)
        self.extractor.disable_hooks()  # others use the model next; takes no time
        return maps


class Captum:
    """All three maps of the predicted class by captum's `LayerGradCam`."""

    def __init__(self, classifier: Classifier) -> None:
        from captum.attr import LayerGradCam

        self.model, self.batch_of = classifier.model, user_preprocessing(classifier)
        self.layers = [LayerGradCam(self.model, self.model.get_submodule(name)) for name in BLOCKS]

    def explain(self, content: bytes) -> list[torch.Tensor]:
        """Maps of the blocks, (1, 1, H, W) each."""
        batch = self.batch_of(content)
        with torch.no_grad():
            predicted = int(self.model(batch).argmax(1))
        return [layer.attribute(batch, predicted, relu_attributions=True) for layer in self.layers]


def raced(classifier: Classifier, contents: Sequence[bytes], rounds: int) -> Times:
    """Times of all three on file after file; torchcam's hooks sleep while it is not its turn."""
    torchcam, captum = Torchcam(classifier), Captum(classifier)
    contenders: dict[str, Callable[[int], object]] = {
        "explain": lambda number: explain(classifier, contents[number % len(contents)]),
        "torchcam": lambda number: torchcam.explain(contents[number % len(contents)]),
        "captum": lambda number: captum.explain(contents[number % len(contents)]),
    }
    with torchcam.extractor:  # removes its hooks in the end
        return take_turns(contenders, rounds, warm_up=20)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and say by the exit status whether the claim holds."""
    rounds = asked_rounds(__doc__, 1000, arguments)
    torch.set_num_threads(1)
    classifier = load_classifier("cbam_cnn_cifar10")
    samples = [Image.fromarray(pixels) for pixels in sample_sheet().images]
    files = {"png": encoded(samples, "PNG"), "jpeg": encoded(samples, "JPEG")}
    pictures = photos()
    if pictures:
        files |= {"photo_png": encoded(pictures, "PNG"), "photo_jpeg": encoded(pictures, "JPEG")}
    results, worst = {}, dict.fromkeys(RIVALS, 0.0)
    for kind, contents in files.items():
        claimed = not kind.startswith("photo")
        count = rounds if claimed else max(1, rounds // 10)
        times = raced(classifier, contents, count)
        ratios = {rival: paired_ratio(times, "explain", rival) for rival in RIVALS}
        if claimed:
            worst = {rival: max(worst[rival], ratio) for rival, ratio in ratios.items()}
        results[kind] = {
            "claimed": claimed,
            "rounds": count,
            "ratios": {rival: round(ratio, 3) for rival, ratio in ratios.items()},
            "milliseconds": medians(times),
        }
    return tell(
        "explain_vs_gradcam",
        {"limit": LIMIT, "ratios": {rival: round(ratio, 3) for rival, ratio in worst.items()}, "files": results},
        f"explaining a file of the network's size takes {worst['torchcam']:.2f} of Grad-CAM's time by torchcam and "
        f"{worst['captum']:.2f} by captum (at most {LIMIT}){_on_photos(results)}",
        holds=max(worst.values()) <= LIMIT,
    )


def _on_photos(results: dict[str, dict[str, Any]]) -> str:
    ratios = [result["ratios"] for kind, result in results.items() if kind.startswith("photo")]
    if not ratios:
        return ""
    torchcam, captum = (max(ratio[rival] for ratio in ratios) for rival in RIVALS)
    return f"; a photo, mostly decoding on every side, up to {torchcam:.2f} and {captum:.2f} (no part of the claim)"


if __name__ == "__main__":
    sys.exit(main())
