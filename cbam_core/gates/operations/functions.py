"""Names of torch's functions, without the differences between their spellings, and what sorts of them there are."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Any

_ALIASES = {
    "__mul__": "mul", "__rmul__": "mul", "__imul__": "mul", "multiply": "mul",
    "__add__": "add", "__radd__": "add", "__iadd__": "add",
    "__sub__": "sub", "__isub__": "sub", "subtract": "sub", "__rsub__": "rsub",
    "__truediv__": "div", "__itruediv__": "div", "__div__": "div", "__idiv__": "div", "divide": "div",
    "true_divide": "div", "__rdiv__": "rdiv", "__rtruediv__": "rdiv",
    "__pow__": "pow", "__ipow__": "pow", "float_power": "pow", "__rpow__": "rpow", "__neg__": "neg", "negative": "neg",
    "__pos__": "positive", "__abs__": "abs", "absolute": "abs", "__matmul__": "matmul", "__rmatmul__": "rmatmul",
    "clip": "clamp", "expit": "sigmoid", "fix": "trunc", "arctan": "atan", "arcsinh": "asinh",
    "concat": "cat", "concatenate": "cat", "relu_": "relu",
    "swapaxes": "transpose", "swapdims": "transpose", "moveaxis": "movedim", ".T": "t", ".mT": "mT", ".H": "mT",
    ".mH": "mT", "adjoint": "mT", ".data": "detach", ".real": "detach", "__and__": "logical_and",
    "__or__": "logical_or", "__xor__": "logical_xor", "__invert__": "logical_not", "__rand__": "logical_and",
    "__gt__": "gt", "__lt__": "lt", "__ge__": "ge", "__le__": "le", "__eq__": "eq", "__ne__": "ne", "greater": "gt",
    "less": "lt", "greater_equal": "ge", "less_equal": "le", "not_equal": "ne", "native_batch_norm": "batch_norm",
    "bilinear_interpolate": "interpolate", "upsample": "interpolate", "upsample_nearest": "interpolate",
    "upsample_bilinear": "interpolate", "_transpose_dunder": "transpose", "permute_copy": "permute",
    "hardtanh_": "hardtanh",
}  # fmt: skip

_names: dict[Any, str] = {}


def name_of(func: Callable[..., Any]) -> str:
    """Return one name for a function, its methods, operators and in-place forms; attributes begin with a dot."""
    try:
        return _names[func]
    except (KeyError, TypeError):
        name = _plain_name(func)
    with suppress(TypeError):  # a callable that cannot be hashed
        _names[func] = name
    return name


def _plain_name(func: Callable[..., Any]) -> str:
    name = _own_name(func)
    if name == "__get__":
        name = f".{getattr(getattr(func, '__self__', None), '__name__', '')}"
    if name in _ALIASES:
        return _ALIASES[name]
    if not name.startswith("_") and name.endswith("_"):
        name = name.rstrip("_")
    name = name.removeprefix("special_")  # the functions of torch.special
    return _ALIASES.get(name, name)


def _own_name(func: Callable[..., Any]) -> str:
    """Return what a function is called; of one overload of an operator, such as ``mul.Tensor``, the operator."""
    return str(getattr(func, "__name__", "")).partition(".")[0]


def changes_in_place(func: Callable[..., Any]) -> bool:
    """Check whether a function changes its first argument, by its name."""
    name = _own_name(func)
    return name.startswith("__i") if name.startswith("__") else name.endswith("_")


CREATING = frozenset({
    "zeros_like", "ones_like", "full_like", "empty_like", "rand_like", "randn_like", "randint_like", "new_zeros",
    "new_ones", "new_full", "new_empty", "new_tensor", "new_empty_strided", "uniform", "normal", "random",
    "exponential", "geometric", "cauchy", "log_normal", "fill", "zero", "fill_diagonal", "bernoulli", "multinomial",
    "zeros", "ones", "full", "empty", "rand", "randn", "randint", "randperm", "arange", "linspace", "eye", "tensor",
    "as_tensor", "from_numpy", "poisson", "tril_indices", "triu_indices", "scalar_tensor",
})  # fmt: skip
"""Functions whose result does not depend on the values of the tensors that they take."""

RANDOM = frozenset({
    "rand_like", "randn_like", "randint_like", "uniform", "normal", "random", "exponential", "geometric", "cauchy",
    "log_normal", "bernoulli", "multinomial", "rand", "randn", "randint", "randperm", "poisson",
})  # fmt: skip

CONSTANTS = {"zeros_like": 0.0, "new_zeros": 0.0, "zeros": 0.0, "zero": 0.0, "ones_like": 1.0, "new_ones": 1.0,
             "ones": 1.0}  # fmt: skip
"""Value of every element of a result."""

UNCHANGED = frozenset({
    "detach", "clone", "contiguous", "to", "float", "double", "half", "bfloat16", "type", "type_as", "cpu", "cuda",
    "requires_grad", "alias", "positive", "dropout", "dropout1d", "dropout2d", "dropout3d", "feature_dropout",
    "alpha_dropout", "feature_alpha_dropout", "identity", "copy", "_to_copy", "rename", "refine_names", "align_as",
    "conj", "resolve_conj", "resolve_neg", "nan_to_num", "checkpoint", "retain_grad", "pin_memory", "share_memory",
    "native_dropout", "lift_fresh", "as_subclass",
})  # fmt: skip
"""Functions that keep each element, or scale it at random."""

VIEWS = frozenset({
    "view", "reshape", "unsqueeze", "squeeze", "expand", "expand_as", "view_as", "reshape_as", "permute", "transpose",
    "movedim", "t", "mT", "flatten", "unflatten", "ravel", "__getitem__", "select", "narrow", "index_select", "chunk",
    "split", "unbind", "tensor_split", "repeat", "tile", "repeat_interleave", "flip", "fliplr", "flipud", "roll",
    "rot90", "broadcast_to", "atleast_1d", "atleast_2d", "atleast_3d", "diagonal", "unfold", "pixel_shuffle",
    "pixel_unshuffle", "channel_shuffle", "split_with_sizes", "hsplit", "vsplit", "dsplit", "as_strided", "take",
    "unsafe_chunk", "unsafe_split", "gather", "take_along_dim", "broadcast_tensors", "native_channel_shuffle",
    "expand_copy", "view_copy", "unsqueeze_copy", "slice",
})  # fmt: skip
"""Functions whose results hold elements of their argument."""

JOINS = frozenset({"cat", "stack", "hstack", "vstack", "dstack", "column_stack", "row_stack"})

KEEPING_BOUNDS = frozenset({
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d", "max_pool1d", "max_pool2d", "max_pool3d", "max_pool2d_with_indices", "mean", "amax", "amin",
    "max", "min", "median", "mode", "quantile", "nanmean", "nanmedian", "sort", "topk", "cummax", "cummin", "aminmax",
    "boolean_dispatch", "masked_select", "kthvalue", "fn",
})  # fmt: skip
"""Functions whose results lie between the least and the greatest element."""

AVERAGE_POOLS = frozenset({"avg_pool1d", "avg_pool2d", "avg_pool3d"})
"""Means over windows, in which padding may count as zeros."""

MIXING = frozenset({
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "linear", "matmul",
    "rmatmul", "bmm", "mm", "mv", "addmm", "baddbmm", "addbmm", "addmv", "einsum", "bilinear", "tensordot", "dot",
    "inner", "vdot", "chain_matmul", "multi_dot", "scaled_dot_product_attention", "multi_head_attention_forward",
    "lstm", "gru", "rnn_tanh", "rnn_relu", "lstm_cell", "gru_cell", "deform_conv2d", "convolution", "_conv_forward",
    "embedding_bag", "conv_tbc", "addr", "outer", "ger", "vecdot",
})  # fmt: skip
"""Functions that weigh one tensor by another and add up: learned layers, as a rule."""

CHANNEL_SECOND = frozenset({
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d", "batch_norm",
    "instance_norm", "group_norm", "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d",
    "adaptive_max_pool1d", "adaptive_max_pool2d", "adaptive_max_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "interpolate", "pixel_shuffle", "deform_conv2d", "local_response_norm",
    "grid_sample", "lp_pool2d", "fold",
})  # fmt: skip
"""Functions whose results have their channels on the second axis."""

STEPS = frozenset({
    "gt", "lt", "ge", "le", "eq", "ne", "isnan", "isinf", "isfinite", "logical_and", "logical_or", "logical_not",
    "logical_xor", "bool", "signbit", "sign", "heaviside", "one_hot", "isclose", "any", "all", "isin", "sgn", "argmax",
    "argmin", "argsort", "bucketize", "searchsorted", "threshold",
})  # fmt: skip
"""Functions that decide rather than weigh."""

READS = frozenset({
    "__bool__", "item", "__float__", "__int__", "__index__", "tolist", "numpy", "__array__", "__contains__", "equal",
    "allclose", "is_nonzero", "nonzero", "unique", "unique_consecutive", "masked_select", "argwhere", "__complex__",
    "_local_scalar_dense", "bincount", "nonzero_static",
})  # fmt: skip
"""Functions that tell Python about values, which may then decide what runs."""

PRODUCTS = frozenset({
    "mul", "div", "rdiv", "addcmul", "addcdiv", "lerp", "einsum", "matmul", "bmm", "mm", "mv", "baddbmm", "addmm",
    "_foreach_mul", "conv1d", "conv2d", "conv3d", "prod", "tensordot", "rmatmul", "where",
})  # fmt: skip
"""Functions that may multiply a map by a gate."""
