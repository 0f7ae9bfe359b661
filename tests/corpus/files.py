"""Files as people have them, made in code, each with words for the table in ``docs/files.md``.

`CHECKPOINTS` and `IMAGES` say what each file is; what becomes of it is found by opening it, so the table cannot be
untrue.
"""

from __future__ import annotations

import argparse
import collections
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import Tensor, nn

from cbam_core.nn import CBAM_CNN
from cbam_core.weights.conversion import convert
from cbam_core.weights.layouts import LAYOUTS
from tests.corpus import images
from tests.corpus.checkpoints import light_state, network, saved


@dataclass(frozen=True)
class Case:
    """One file.

    Attributes:
        what: what it is, for readers.
        make: function that returns its bytes.
    """

    what: str
    make: Callable[[], bytes]


@cache
def state() -> Mapping[str, Tensor]:
    return light_state()


def under(prefix: str) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state().items()}


def dense(tensors: Mapping[str, Tensor], **metadata: str) -> bytes:
    """A ``.safetensors`` file of these tensors."""
    return safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()}, metadata=metadata)


def trained() -> dict[str, Any]:
    """A network with optimiser, scheduler and logs."""
    model = CBAM_CNN(3)
    optimiser = torch.optim.Adam(model.parameters())
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimiser.step()
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimiser, [30, 40])
    return {
        "model_state_dict": model.state_dict(),
        "optimizer_state_dict": optimiser.state_dict(),
        "scheduler": scheduler.state_dict(),
        "log": [{"loss": 1.0 / step, "accuracy": 0.5} for step in range(1, 300)],
    }


def with_objects() -> dict[str, Any]:
    """Weights beside objects of many classes."""
    return {
        "state_dict": state(),
        "args": argparse.Namespace(lr=0.1, out=PurePosixPath("runs/1")),
        "seen": collections.Counter("cat"),
        "tags": {"a", "b"},
        "best": np.float64(0.91),
        "indices": np.arange(5),
        "day": date(2026, 1, 2),
        "root": 1 + 2j,
    }


def halved(tensor: Tensor) -> Tensor:
    return tensor.half() if tensor.is_floating_point() else tensor


def averaged() -> dict[str, Tensor]:
    return {**state(), "fc2.bias": torch.full((10,), 0.5)}


def unknown_planes() -> dict[str, Tensor]:
    """Weights whose names do not say which plane of a kernel is the mean."""
    written = convert(state(), LAYOUTS["channel-attention"]).tensors
    return {name.replace("attention.conv1", "attention.conv"): tensor for name, tensor in written.items()}


def small(**arguments: Any) -> bytes:
    """A network of other sizes than usual; its largest tensor is one number that is stored once."""
    tensors = CBAM_CNN(**arguments).state_dict()
    shape = tensors["fc1.weight"].shape
    return saved({**tensors, "fc1.weight": torch.zeros(1, dtype=torch.float16).expand(shape)})


class OwnNetwork(nn.Module):
    """Somebody's own class around the course's network."""

    def __init__(self) -> None:
        super().__init__()
        self.model = network()


def zipped(*names: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return buffer.getvalue()


def tarred() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as file:
        file.addfile(tarfile.TarInfo("weights.pth"))
    return buffer.getvalue()


def npz() -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, weight=np.zeros(3))
    return buffer.getvalue()


LETTERS = list("abcdefghij")

CHECKPOINTS: tuple[Case, ...] = (
    Case("state dict, `torch.save(model.state_dict(), path)`", lambda: saved(state())),
    Case("state dict as `.safetensors`", lambda: dense(state())),
    Case("the same, in the format of before PyTorch 1.6", lambda: saved(state(), _use_new_zipfile_serialization=False)),
    Case("the same, with `pickle_protocol=4`", lambda: saved(state(), pickle_protocol=4)),
    Case(
        "weights of 16 bits", lambda: saved({k: v.half() if v.is_floating_point() else v for k, v in state().items()})
    ),
    Case("from `DataParallel` and `torch.compile`", lambda: saved(under("module._orig_mod."))),
    Case(
        "from Lightning, `.ckpt`",
        lambda: saved({"epoch": 3, "state_dict": under("model."), "hyper_parameters": {"lr": 1}}),
    ),
    Case("under any keys, at any depth", lambda: saved({"runs": [{"best": {"net": under("backbone.")}}]})),
    Case("under keys that are numbers or tuples", lambda: saved({0: "x", (1, "fold"): state()})),
    Case("with optimiser, scheduler and logs", lambda: saved(trained())),
    Case("with objects of Python and NumPy", lambda: saved(with_objects())),
    Case("with the loss's weights", lambda: saved({**under("model."), "criterion.weight": torch.ones(10)})),
    Case(
        "with the counters of a profiler",
        lambda: saved({**state(), **dict.fromkeys(("total_ops", "conv1.total_ops"), torch.ones(1))}),
    ),
    Case("from `AveragedModel`", lambda: saved({**under("module."), "n_averaged": torch.tensor(3)})),
    Case("plain and averaged weights (EMA)", lambda: saved({"model": state(), "ema": averaged()})),
    Case(
        "without the counters of batch normalisation",
        lambda: saved({name: tensor for name, tensor in state().items() if not name.endswith("tracked")}),
    ),
    Case("whole pickled network, `torch.save(model)`", lambda: saved(network())),
    Case("whole pickled network of an unknown class", lambda: saved(OwnNetwork())),
    Case("class names beside the weights", lambda: saved({"state_dict": state(), "classes": LETTERS})),
    Case("class names that are numbers", lambda: saved({"state_dict": state(), "classes": np.arange(10)})),
    Case("class names in a set", lambda: saved({"state_dict": state(), "classes": set(LETTERS)})),
    Case(
        "`class_to_idx` of an image folder",
        lambda: saved({"net": state(), "class_to_idx": {k: i for i, k in enumerate(LETTERS)}}),
    ),
    Case(
        "mean and deviation beside the weights",
        lambda: saved({"net": state(), "mean": [0.5] * 3, "std": [0.25] * 3, "input_size": 36}),
    ),
    Case("one output", lambda: small(num_classes=1)),
    Case("another ratio", lambda: small(ratio=8)),
    Case("another kernel size", lambda: small(kernel_size=3)),
    Case("grey images", lambda: small(in_channels=1)),
    Case("larger images", lambda: small(image_size=64)),
    Case("CBAM blocks in another known layout", lambda: saved(convert(state(), LAYOUTS["ca-sa"]).tensors)),
    Case("CBAM blocks whose planes have no known order", lambda: saved(unknown_planes())),
    Case("other channels", lambda: saved({**state(), "conv2.weight": torch.zeros(48, 32, 3, 3)})),
    Case("a layer more", lambda: saved({**state(), "fc3.weight": torch.zeros(10, 10)})),
    Case("a layer less", lambda: saved({name: tensor for name, tensor in state().items() if "fc1" not in name})),
    Case("another network", lambda: saved({"features.0.weight": torch.zeros(3, 3)})),
    Case("weights that are not numbers", lambda: saved({**state(), "fc2.bias": torch.full((10,), torch.nan)})),
    Case("file cut off", lambda: saved(state())[:-1000]),
    Case("pickle of another program", lambda: pickle.dumps({"a": 1})),
    Case("file that would run a command", lambda: saved({"state_dict": state(), "x": eval})),
    Case("TorchScript", lambda: zipped("net/data.pkl", "net/constants.pkl", "net/code/__torch__.py")),
    Case("`torch.export`, `.pt2`", lambda: zipped("net/models/model.json", "net/archive_format")),
    Case("NumPy, `.npz`", npz),
    Case("Keras, `.keras`", lambda: zipped("config.json", "metadata.json", "model.weights.h5")),
    Case("Keras, `.h5`", lambda: b"\x89HDF\r\n\x1a\n" + bytes(100)),
    Case("ONNX", lambda: b"\x08\x09\x12\x07pytorch" + bytes(100)),
    Case("TensorFlow Lite", lambda: b"\x1c\0\0\0TFL3" + bytes(100)),
    Case("Git LFS pointer", lambda: b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"),
    Case("web page", lambda: b"\n<!DOCTYPE html><html><body>Sign in</body></html>"),
    Case("server's answer in JSON", lambda: b'{"error": "not found"}'),
    Case("ZIP archive of a checkpoint", lambda: zipped("models/best.pth")),
    Case("tar archive", tarred),
    Case("image", lambda: b"\x89PNG\r\n\x1a\n" + bytes(100)),
    Case("empty file", lambda: b""),
)


def odd(name: str) -> Callable[[], bytes]:
    return images.ODD[name][0]


def bad(name: str) -> Callable[[], bytes]:
    return images.BAD[name][0]


IMAGES: tuple[Case, ...] = (
    Case("JPEG", odd("plain.jpg")),
    Case("PNG", odd("plain.png")),
    Case("WebP", odd("plain.webp")),
    Case("AVIF", odd("plain.avif")),
    Case("GIF", odd("plain.gif")),
    Case("BMP", odd("plain.bmp")),
    Case("TIFF", odd("plain.tif")),
    Case("photo of a camera held upright", odd("turned.jpg")),
    Case("JPEG without its last two bytes", odd("no-end.jpg")),
    Case("JPEG without its last rows", odd("cut-off.jpg")),
    Case("progressive JPEG without its last scan", odd("cut-off-progressive.jpg")),
    Case("half a JPEG", bad("half.jpg")),
    Case("half a PNG", bad("half.png")),
    Case("JPEG of 50 million pixels", odd("fifty-megapixels.jpg")),
    Case("JPEG of 300 million pixels", bad("giant.jpg")),
    Case("PNG of 81 million pixels", bad("bomb.png")),
    Case("file of more than 64 MB", bad("heavy.png")),
    Case("transparent PNG", odd("transparent.png")),
    Case("animation", odd("animated.gif")),
    Case("TIFF of several pages", odd("pages.tif")),
    Case("print colours (CMYK)", odd("cmyk.jpg")),
    Case("colour profile", odd("profile.png")),
    Case("grey of 16 bits", odd("deep-grey.png")),
    Case("grey of 12 bits in a 16-bit PNG", odd("xray-12-in-16.png")),
    Case("grey of 12 bits in a 16-bit TIFF", odd("xray-12-in-16.tif")),
    Case("grey of 12 bits in a 32-bit TIFF", odd("xray-12-in-32.tif")),
    Case("grey of 12 bits in a floating-point TIFF", odd("xray-12-in-float.tif")),
    Case("TIFF with SMinSampleValue and SMaxSampleValue", odd("xray-declared.tif")),
    Case("dim grey in a wide declared range", odd("xray-dim.tif")),
    Case("signed TIFF, as of a CT", odd("integer.tif")),
    Case("colours of 16 bits", odd("deep-colour.png")),
    Case("colours of 12 bits in a 16-bit PNG", odd("colours-12-in-16.png")),
    Case("HEIC, without its decoder", bad("photo.heic")),
    Case("Nikon raw, `.nef`", bad("nikon.nef")),
    Case("Canon raw, `.cr2`", bad("canon.cr2")),
    Case("Canon raw, `.cr3`", bad("canon.cr3")),
    Case("Fujifilm raw, `.raf`", bad("fuji.raf")),
    Case("digital negative, `.dng`", bad("negative.dng")),
    Case("DICOM", bad("scan.dcm")),
    Case("JPEG XL", bad("photo.jxl")),
    Case("SVG", bad("vector.svg")),
    Case("PDF or PostScript", bad("drawing.eps")),
    Case("video", bad("film.mp4")),
    Case("checkpoint under the name of an image", lambda: saved(state())),
    Case("web page instead of an image", bad("page.jpg")),
    Case("Git LFS pointer instead of an image", bad("pointer.png")),
    Case("text", bad("text.png")),
    Case("empty file", bad("empty.png")),
)
