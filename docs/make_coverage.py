"""Writes ``docs/coverage.json`` and, from it, ``docs/coverage.md``: which gates are found in networks of others.

    make coverage                                        # the page, and networks that the data lack
    .venv/bin/python docs/make_coverage.py --again cbam  # networks with "cbam" in their name anew; "" is in all
    .venv/bin/python docs/make_coverage.py --page        # the page alone

Every network gets random weights and the smallest sensible image, and runs four times on one thread: plain and
captured, each twice. What was measured with the same versions is not measured again, so a stopped run continues.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import math
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from cbam_core import capture  # noqa: E402
from cbam_core.errors import CbamError  # noqa: E402
from cbam_core.files import write_atomically  # noqa: E402

LIST = ROOT / "docs" / "coverage_networks.txt"
DATA = ROOT / "docs" / "coverage.json"
PAGE = ROOT / "docs" / "coverage.md"
PACKAGES = ("torch", "torchvision", "timm", "pytorchcv", "segmentation-models-pytorch")

CLASSES: dict[str, tuple[str, ...]] = {
    "SqueezeExcitation": ("channel",),  # torchvision
    "SEModule": ("channel",),  # timm
    "SqueezeExcite": ("channel",),
    "SqueezeExciteCl": ("channel",),
    "EffectiveSEModule": ("channel",),
    "EseModule": ("channel",),
    "EcaModule": ("channel",),
    "CecaModule": ("channel",),
    "GatherExcite": ("channel",),
    "GlobalContext": ("channel",),
    "CbamModule": ("channel", "spatial"),
    "LightCbamModule": ("channel", "spatial"),
    "SplitAttn": ("channel",),
    "GhostModuleV2": ("full",),
    "GhostModuleV3": ("full",),
    "SEBlock": ("channel",),  # pytorchcv
    "CbamBlock": ("channel", "spatial"),
    "BamBlock": ("full",),
    "PreSEAttBlock": ("channel",),
    "MiddleAttBlock": ("full",),
    "ScConv": ("full",),
    "AirBlock": ("full",),
    "MEUnit": ("full",),
    "MEUBlock": ("spatial", "channel"),
    "DIAAttention": ("channel", "channel"),
    "DiceAttBlock": ("channel",),
    "FeatureFusion": ("channel",),
    "AttentionRefinementBlock": ("channel",),
    "MFABBlock": ("channel",),  # segmentation-models-pytorch; the sum of two is one gate
    "GAUBlock": ("channel",),
    "SCSEModule": ("channel", "spatial"),
}
"""Gates of the classes that are attention by their name and code, each written down by hand."""


@contextmanager
def quick_initialisation() -> Iterator[None]:
    """Draw weights from an interval: a normal distribution takes longer than four forwards."""
    names = ("trunc_normal_", "normal_", "kaiming_normal_", "xavier_normal_")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patches = [patch.object(nn.init, name, lambda tensor, *_, **__: tensor.uniform_(-0.1, 0.1)) for name in names]
        for one in patches:
            one.start()
        try:
            yield
        finally:
            for one in patches:
                one.stop()


def made(library: str, name: str, options: dict[str, Any]) -> nn.Module:
    """Build a network in eval mode, with random weights, also where its own are zero at first."""
    with quick_initialisation(), torch.no_grad():
        model = _MAKERS[library](name, options)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1:
                bound = math.sqrt(3 / max(1, parameter[0].numel()))
                parameter.uniform_(-bound, bound, generator=generator)
    return model.eval()


def _of_timm(name: str, options: dict[str, Any]) -> nn.Module:
    return importlib.import_module("timm").create_model(name, pretrained=False, **options)


def _of_torchvision(name: str, options: dict[str, Any]) -> nn.Module:
    return getattr(importlib.import_module("torchvision.models"), name)(weights=None, **options)


def _of_segmentation(name: str, options: dict[str, Any]) -> nn.Module:
    made = getattr(importlib.import_module("torchvision.models.segmentation"), name)
    return made(weights=None, weights_backbone=None, **options)


def _of_pytorchcv(name: str, options: dict[str, Any]) -> nn.Module:
    return importlib.import_module("pytorchcv.model_provider").get_model(name, pretrained=False, **options)


def _of_smp(name: str, options: dict[str, Any]) -> nn.Module:
    return getattr(importlib.import_module("segmentation_models_pytorch"), name)(encoder_weights=None, **options)


_MAKERS: dict[str, Callable[[str, dict[str, Any]], nn.Module]] = {
    "timm": _of_timm,
    "torchvision": _of_torchvision,
    "torchvision-segmentation": _of_segmentation,
    "pytorchcv": _of_pytorchcv,
    "smp": _of_smp,
}


def networks() -> list[tuple[str, str, dict[str, Any]]]:
    """List library, name and options of all networks."""
    found: list[tuple[str, str, dict[str, Any]]] = []
    for line in LIST.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            library, name, *options = line.split(" ", 2)
            found.append((library, name, json.loads(options[0]) if options else {}))
    models = importlib.import_module("torchvision.models")
    return found + [("torchvision", name, {}) for name in models.list_models(module=models)]


def sizes(model: nn.Module) -> list[int]:
    """List image sizes to try, the smallest sensible first."""
    known = getattr(model, "pretrained_cfg", None) or {}
    own = known.get("input_size", (3, 224, 224))[-1]
    if known.get("fixed_input_size"):
        return [own]
    return list(dict.fromkeys([*[size for size in (128,) if size < own], own, 224, 256, 32, 299, 331, 480]))


def fitting_batch(model: nn.Module) -> Tensor:
    """Make two images of the first size that a network takes, and whose output is finite and varies."""
    said: Exception | None = None
    for size in sizes(model):
        batch = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(size))
        try:
            parts = tensors(model(batch))
        except Exception as error:  # whatever a network says of a size that it does not take
            said = error
            continue
        if all(part.isfinite().all() for part in parts if part.is_floating_point()):
            return batch
    raise RuntimeError(f"no image size fits: {said}")


def tensors(value: Any) -> list[Tensor]:
    """List the tensors of an output, whatever holds them."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for part in value.values() for tensor in tensors(part)]
    return [tensor for part in value for tensor in tensors(part)] if isinstance(value, list | tuple) else []


def by_class_name(model: nn.Module, batch: Tensor) -> tuple[Counter[str], set[str]]:
    """Count the gates that ran, by the names of classes: kinds, and paths of the modules."""
    kinds: Counter[str] = Counter()
    paths: set[str] = set()
    hooks = []
    for path, module in model.named_modules():
        known = CLASSES.get(type(module).__name__)
        if known and not _without_gate(module):

            def count(*_: object, known: tuple[str, ...] = known, path: str = path) -> None:
                kinds.update(known)
                paths.add(path)

            hooks.append(module.register_forward_hook(count))
    model(batch)
    for hook in hooks:
        hook.remove()
    return kinds, paths


def _without_gate(module: nn.Module) -> bool:
    """Say whether a module's options leave out its gate."""
    return (
        getattr(module, "mlp_scale", True) is None
        or getattr(module, "use_att", True) is False
        or (type(module).__name__ == "GhostModuleV3" and module.mode != "shortcut")
        or (type(module).__name__ == "SplitAttn" and module.radix > 1)
    )


def measured(library: str, name: str, options: dict[str, Any]) -> dict[str, Any]:
    """Run one network, plain and captured."""
    model = made(library, name, options)
    batch = fitting_batch(model)
    named, paths = by_class_name(model, batch)
    plain, again = tensors(model(batch)), tensors(model(batch.flip(0)))
    with capture(model) as record:
        first = tensors(model(batch))
        gates = record.gates
        later = tensors(model(batch.flip(0)))
        same = [(gate.name, gate.kind) for gate in gates] == [(gate.name, gate.kind) for gate in record.gates]
    return {
        "size": batch.shape[-1],
        "gates": len(gates),
        "kinds": dict(Counter(gate.kind for gate in gates)),
        "not_squashed": sum(not gate.squashed for gate in gates),
        "by_class_name": dict(named),
        "elsewhere": sum(not _within(gate.block, paths) for gate in gates),
        "blocks": [gate.name for gate in gates][:4],
        "identical": _identical(plain, first) and _identical(again, later) and same,
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
    }


def _within(block: str, paths: set[str]) -> bool:
    block = block.partition("#")[0]
    return any(block == path or block.startswith(f"{path}.") or path.startswith(f"{block}.") for path in paths)


def _identical(one: Sequence[Tensor], other: Sequence[Tensor]) -> bool:
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def versions() -> dict[str, str]:
    """Versions of the packages whose networks are run."""
    return {package: importlib.metadata.version(package).partition("+")[0] for package in PACKAGES}


def read_data() -> dict[str, Any]:
    """Read what was measured with these versions; nothing else counts."""
    with suppress(OSError, ValueError):
        data: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
        if data["versions"] == versions():
            return data
    return {"versions": versions(), "networks": {}}


def save(data: dict[str, Any]) -> None:
    """Write the data, a network a line."""
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(result)}" for name, result in data["networks"].items())
    text = f'{{"versions": {json.dumps(data["versions"])},\n "networks": {{\n{rows}\n}}}}\n'
    write_atomically(DATA, lambda file: file.write(text.encode()))


def run(again: str | None) -> None:
    """Measure the networks that the data lack, and save after each.

    Args:
        again: networks with this in their label are measured anew; None: none of them.
    """
    torch.set_num_threads(1)
    data = read_data()
    results = data["networks"]
    known = {label(*network): network for network in networks()}
    for name, network in known.items():
        if "gates" in results.get(name, {}) and (again is None or again not in name):
            continue
        started = time.perf_counter()
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                results[name] = measured(*network)
            except (CbamError, RuntimeError, ValueError, TypeError, AttributeError, AssertionError) as error:
                results[name] = {"error": f"{type(error).__name__}: {str(error)[:300]}"}
        print(f"{time.perf_counter() - started:6.1f} s  {name}: {results[name]}", flush=True)
        data["networks"] = {one: results[one] for one in known if one in results}
        save(data)


def label(library: str, name: str, options: dict[str, Any]) -> str:
    """Name a network: library, name, and what its options say."""
    said = [
        str(part) for value in options.values() for part in (value.values() if isinstance(value, dict) else [value])
    ]
    return f"{library} {name}" + (f" ({', '.join(said)})" if said else "")


INTRODUCTION = """\
# Gates in networks of others

This page is made by `make coverage`, which runs {count} networks with random weights, plain and inside `capture`, on
two images of the size that is given, twice each: the output must be bit-identical both times. Data:
`docs/coverage.json`. `capture` is told nothing of any network. Versions:
{versions}.

“By class name” counts, in the same forward, the modules whose class is attention by its name and its code (`CLASSES` in
`docs/make_coverage.py`, {classes} classes), with the gates that each must have. “Elsewhere” are gates that belong to
none of these modules: written inline, or in classes that the list does not have. What is [not a
gate](own-network.md#the-gates-alone) is not counted, as shares of a softmax (selective kernels), or what is only added
to the map (non-local blocks).

| library | networks | with gates | gates | by class name | of them found | elsewhere | output bit-identical |
|---|---|---|---|---|---|---|---|
"""

ROWS = """
## Network by network

C: channel, S: spatial, F: full, R: row, L: column gates. A star marks kinds of which some gates are not squashed.

| network | px | gates | by class name | elsewhere | identical |
|---|---|---|---|---|---|
"""

LETTERS = {"channel": "C", "spatial": "S", "full": "F", "row": "R", "column": "L"}


def page(data: dict[str, Any]) -> str:
    """Make the page from the data."""
    results = data["networks"]
    said = ", ".join(f"{package} {version}" for package, version in data["versions"].items())
    start = INTRODUCTION.format(count=len(results), versions=said, classes=len(CLASSES))
    libraries = dict.fromkeys(name.split(" ")[0] for name in results)
    totals = [_total(library, results) for library in libraries]
    rows = [_row(name, result) for name, result in results.items()]
    return start + "".join(totals) + ROWS + "".join(rows)


def _total(library: str, results: dict[str, Any]) -> str:
    own = [result for name, result in results.items() if name.split(" ")[0] == library and "gates" in result]
    identical = sum(result["identical"] for result in own)
    cells = (
        library,
        len(own),
        sum(result["gates"] > 0 for result in own),
        sum(result["gates"] for result in own),
        sum(sum(result["by_class_name"].values()) for result in own),
        sum(_found_of_named(result) for result in own),
        sum(result["elsewhere"] for result in own),
        "all" if identical == len(own) else f"{identical} of {len(own)}",
    )
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _found_of_named(result: dict[str, Any]) -> int:
    return min(result["gates"] - result["elsewhere"], sum(result["by_class_name"].values()))


def _row(name: str, result: dict[str, Any]) -> str:
    if "error" in result:
        return f"| {name} | | {result['error'].replace('|', '/')[:120]} | | | |\n"
    star = "*" if result["not_squashed"] else ""
    cells = (
        name,
        result["size"],
        _counts(result["kinds"]) + star,
        _counts(result["by_class_name"]),
        result["elsewhere"] or "",
        "yes" if result["identical"] else "NO",
    )
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _counts(kinds: dict[str, int]) -> str:
    return " ".join(f"{kinds[kind]} {letter}" for kind, letter in LETTERS.items() if kinds.get(kind)) or "0"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing, and write the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--again", metavar="WORDS", help="networks with these words in their name are measured anew")
    parser.add_argument("--page", action="store_true", help="write the page alone, from the data")
    asked = parser.parse_args(arguments)
    if not asked.page:
        run(asked.again)
    PAGE.write_text(page(json.loads(DATA.read_text(encoding="utf-8"))), encoding="utf-8")


if __name__ == "__main__":
    main()
