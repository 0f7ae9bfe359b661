"""Files that people take for a state dict: what they are, and how to get the weights out of them."""

from __future__ import annotations

from collections.abc import Callable, Collection

from cbam_core.errors import CheckpointError

STARTS: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89HDF\r\n\x1a\n", "hdf5"),
    (0, b"version https://git-lfs.github.com/", "lfs"),
    (0, b"\x93NUMPY", "npy"),
    (0, b"\x1f\x8b", "gzip"),
    (0, b"BZh", "bzip2"),
    (0, b"\xfd7zXZ\0", "xz"),
    (0, b"\x28\xb5\x2f\xfd", "zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "7z"),
    (0, b"Rar!\x1a\x07", "rar"),
    (257, b"ustar", "tar"),
    (0, b"GGUF", "gguf"),
    (4, b"TFL3", "tflite"),
    (4, b"ET12", "executorch"),
    (0, b"%PDF-", "pdf"),
    (0, b"\x89PNG\r\n\x1a\n", "image"),
    (0, b"\xff\xd8\xff", "image"),
    (0, b"GIF8", "image"),
    (8, b"WEBP", "image"),
    (4, b"ftyp", "image"),
    (0, b"PK\x05\x06", "empty-zip"),
)
"""First bytes of files that are not checkpoints: position, bytes, kind."""

ONNX_VERSIONS = [bytes([version]) for version in range(1, 32)]

PACKED = {"gzip", "bzip2", "xz", "zstd", "7z", "rar", "tar"}


def other_kind(data: bytes) -> CheckpointError | None:
    """Say what a file is that is neither an archive nor a pickle nor safetensors; None if that is not known."""
    if not data:
        return CheckpointError(
            "checkpoint.unknown-format",
            "this file is empty: its download or copy did not finish; get it again",
        )
    for at, word, kind in STARTS:
        if data[at : at + len(word)] == word:
            return _packed(kind) if kind in PACKED else ERRORS[kind]()
    start = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head", b"<!--")):
        return _html()
    if start.startswith((b"<?xml", b"<error")):
        return _html() if b"<html" in start else _error_page()
    if start.startswith((b"{", b"[")) and b"\0" not in data[:1024]:
        return _json()
    return _onnx() if _looks_like_onnx(data) else None


def archive_kind(entries: Collection[str]) -> CheckpointError | None:
    """Say what a ZIP archive is that `torch.save` did not write; None for one that it may have written.

    Args:
        entries: names in the archive.
    """
    names = [name for name in entries if not name.endswith("/")]
    ends = tuple(name.partition("/")[2] or name for name in names)
    if "constants.pkl" in ends or any(end.startswith("code/") for end in ends):
        return _torchscript()
    if any(_is_exported(end) for end in (*ends, *names)):
        return _exported()
    if any(end == "data.pkl" for end in ends):
        return None
    if names and all(name.endswith(".npy") for name in names):
        return _npz()
    if any(name.endswith("model.weights.h5") for name in names) or {"config.json", "metadata.json"} <= {*names}:
        return _keras()
    held = [name for name in names if name.endswith((".pth", ".pt", ".ckpt", ".bin", ".safetensors", ".tar"))]
    return _zipped(held[0]) if held else None


def _is_exported(name: str) -> bool:
    return name in ("serialized_exported_program.json", "archive_format") or name.startswith(
        ("data/aotinductor/", "models/model.json", "data/weights/", "data/sample_inputs/")
    )


def _looks_like_onnx(data: bytes) -> bool:
    """Check for a protocol buffer whose first field is a small version number, as in every ONNX model."""
    return data[:1] == b"\x08" and data[1:2] in ONNX_VERSIONS and data[2:3] in (b"\x12", b"\x3a", b"\x42")


def _torchscript() -> CheckpointError:
    return CheckpointError(
        "checkpoint.torchscript",
        "this is a TorchScript program, made by torch.jit: its code is not run here, so save its weights, with "
        "torch.save(torch.jit.load(path).state_dict(), 'weights.pth')",
    )


def _exported() -> CheckpointError:
    return CheckpointError(
        "checkpoint.exported",
        "this is a program exported by torch.export (.pt2): it is not run here, so save its weights, with "
        "torch.save(torch.export.load(path).state_dict, 'weights.pth')",
    )


def _npz() -> CheckpointError:
    return CheckpointError(
        "checkpoint.npz",
        "this is a NumPy archive (.npz) of arrays without PyTorch's names: load the arrays into the network and save "
        "it, with torch.save(model.state_dict(), path)",
    )


def _npy() -> CheckpointError:
    return CheckpointError(
        "checkpoint.npy",
        "this is one NumPy array (.npy), and a network has many: load them into the network and save it, with "
        "torch.save(model.state_dict(), path)",
    )


def _keras() -> CheckpointError:
    return CheckpointError(
        "checkpoint.keras",
        "this is a Keras model (.keras), and only weights of PyTorch networks can be opened: build the network in "
        "PyTorch, copy the weights into it, and save it with torch.save(model.state_dict(), path)",
    )


def _hdf5() -> CheckpointError:
    return CheckpointError(
        "checkpoint.hdf5",
        "this is an HDF5 file, as Keras writes (.h5), and only weights of PyTorch networks can be opened: build the "
        "network in PyTorch, copy the weights into it, and save it with torch.save(model.state_dict(), path)",
    )


def _onnx() -> CheckpointError:
    return CheckpointError(
        "checkpoint.onnx",
        "this looks like an ONNX model, whose weights have lost PyTorch's names: open the file that it was exported "
        "from, or save that network with torch.save(model.state_dict(), path)",
    )


def _tflite() -> CheckpointError:
    return CheckpointError(
        "checkpoint.tflite",
        "this is a TensorFlow Lite model, and only weights of PyTorch networks can be opened: open the network that it "
        "was converted from",
    )


def _executorch() -> CheckpointError:
    return CheckpointError(
        "checkpoint.executorch",
        "this is an ExecuTorch program (.pte), whose weights have lost PyTorch's names: open the network that it was "
        "made from",
    )


def _gguf() -> CheckpointError:
    return CheckpointError(
        "checkpoint.gguf",
        "this is a GGUF file of a language model, which has no attention of this kind: open the weights of a "
        "convolutional network",
    )


def _lfs() -> CheckpointError:
    return CheckpointError(
        "checkpoint.lfs-pointer",
        "this is a Git LFS pointer, a few lines that stand for the real file: get that with 'git lfs pull', or by the "
        "download button of the page that the file is on",
    )


def _html() -> CheckpointError:
    return CheckpointError(
        "checkpoint.html",
        "this is a web page (HTML), saved instead of the file that it links to: open the page in a browser, and use "
        "its download button",
    )


def _error_page() -> CheckpointError:
    return CheckpointError(
        "checkpoint.xml",
        "this is an XML text, such as a server's answer that a file could not be downloaded: read it, and download "
        "the file again",
    )


def _json() -> CheckpointError:
    return CheckpointError(
        "checkpoint.json",
        "this is a text in JSON, such as a configuration or a server's answer that a file could not be downloaded: "
        "choose the file of weights beside it, or download it again",
    )


def _pdf() -> CheckpointError:
    return CheckpointError(
        "checkpoint.unknown-format",
        "this is a PDF document, not a checkpoint: choose a .safetensors or .pth file",
    )


def _image() -> CheckpointError:
    return CheckpointError(
        "checkpoint.unknown-format",
        "this is an image, not a checkpoint: open it where images are chosen, and choose a .safetensors or .pth file "
        "here",
    )


def _empty_zip() -> CheckpointError:
    return CheckpointError("checkpoint.no-state-dict", "this ZIP archive is empty: save the weights again")


def _zipped(name: str) -> CheckpointError:
    return CheckpointError(
        "checkpoint.zipped",
        "this is a ZIP archive that holds {name}: unpack it, and open that file",
        name=name[-60:] if name.isprintable() else repr(name[-60:]),
    )


def _packed(kind: str) -> CheckpointError:
    return CheckpointError(
        "checkpoint.packed",
        "this is a packed archive ({kind}): unpack it, and open the file of weights inside",
        kind=kind,
    )


ERRORS: dict[str, Callable[[], CheckpointError]] = {
    "empty-zip": _empty_zip,
    "executorch": _executorch,
    "gguf": _gguf,
    "hdf5": _hdf5,
    "image": _image,
    "lfs": _lfs,
    "npy": _npy,
    "pdf": _pdf,
    "tflite": _tflite,
}
