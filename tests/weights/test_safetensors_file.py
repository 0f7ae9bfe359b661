import safetensors.torch
import torch

from cbam_core.weights.safetensors_file import looks_like_safetensors, read_safetensors
from cbam_core.weights.stored import BYTES
from tests.corpus import checkpoints


def test_every_type_shape_and_text_comes_back() -> None:
    tensors = {str(dtype): torch.arange(6).reshape(2, 3).to(dtype) for dtype in BYTES} | {
        "scalar": torch.tensor(3.0),
        "empty": torch.zeros(0, 4),
    }
    content = safetensors.torch.save(tensors, metadata={"note": "ü"})
    found, metadata = read_safetensors(content)
    assert looks_like_safetensors(content)
    assert metadata == {"note": "ü"}
    assert found.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert found[name].load().dtype == tensor.dtype
        assert torch.equal(found[name].load(), tensor)


def test_header_without_padding_is_read() -> None:
    entry = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
    for name in ("a", "ab", "abc", "abcd"):
        content = checkpoints.safetensors_file({name: entry}, b"\x00\x00\x80\x3f")
        assert read_safetensors(content)[0][name].load().tolist() == [1.0]
