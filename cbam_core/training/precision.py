"""The number type in which a processor is fast."""

from __future__ import annotations

from functools import cache

import torch


@cache
def arithmetic(device: str) -> torch.dtype:
    """Choose the number type where bfloat16 is exact enough: bfloat16 if the processor supports it, else float32.

    A CPU without such instructions emulates them: forward and backward of `CBAM_CNN` took ten times as long in
    bfloat16 as in float32 on one that has only AVX2. So do NVIDIA GPUs before compute capability 8.

    Args:
        device: type of a device, such as ``"cpu"`` or ``"cuda"``.
    """
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    if device != "cpu":
        return torch.bfloat16
    names = [name for name, has in torch.cpu.get_capabilities().items() if has is True]
    return torch.bfloat16 if any(name.endswith("bf16") for name in names) else torch.float32
