"""Attention that averages, mixes kernels or chooses branches, and does not weigh one map."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import TRAPS, network, trap


@trap()
class SelfAttention(nn.Module):
    """By two products of matrices."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Conv2d(c, 3 * c, 1), nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).flatten(2).chunk(3, dim=1)
        attn = (q.transpose(1, 2) @ k * q.size(1) ** -0.5).softmax(-1)
        return x + self.proj((v @ attn.transpose(1, 2)).view_as(x))


@trap()
class SelfAttentionByEinsum(nn.Module):
    """With a trained temperature, from zero on."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.q, self.k, self.v = (nn.Conv2d(c, c, 1) for _ in range(3))
        self.gamma, self.temperature = nn.Parameter(torch.rand(1)), nn.Parameter(torch.rand(1))

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (layer(x).flatten(2) for layer in (self.q, self.k, self.v))
        attn = torch.einsum("bci,bcj->bij", q, k).mul(self.temperature.exp()).softmax(dim=-1)
        return self.gamma * torch.einsum("bij,bcj->bci", attn, v).view_as(x) + x


@trap()
class AttentionOfChannels(nn.Module):
    """DANet's second part."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.rand(1))

    def forward(self, x: Tensor) -> Tensor:
        flat = x.flatten(2)
        energy = torch.bmm(flat, flat.transpose(1, 2))
        attention = F.softmax(energy.amax(-1, keepdim=True).expand_as(energy) - energy, dim=-1)
        return self.gamma * torch.bmm(attention, flat).view_as(x) + x


@trap()
class LinearAttention(nn.Module):
    """Softmax over the positions, times the keys, summed; then spread over the values."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.qkv, self.out = nn.Conv2d(c, 1 + 2 * c, 1), nn.Conv2d(c, c, 1)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        query, key, value = self.qkv(x).flatten(2).split([1, c, c], dim=1)
        context = (key * query.softmax(dim=-1)).sum(dim=-1, keepdim=True)
        return self.out((F.relu(value) * context.expand_as(value)).view(b, c, h, w))


@trap()
class SoftmaxPooling(nn.Module):
    """A weighted mean over the positions, written as a product and a sum."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.mask = nn.Conv2d(c, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.mask(x).flatten(2).softmax(-1).view(x.size(0), 1, *x.shape[2:])
        return (x * weights).sum((2, 3), keepdim=True)


@trap()
class GlobalContext(nn.Module):
    """GCNet: a context is pooled by softmax, transformed, and added."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.mask = nn.Conv2d(c, 1, 1)
        self.transform = nn.Sequential(nn.Conv2d(c, 4, 1), nn.LayerNorm([4, 1, 1]), nn.ReLU(), nn.Conv2d(4, c, 1))

    def forward(self, x: Tensor) -> Tensor:
        weights = self.mask(x).flatten(2).softmax(-1).transpose(1, 2)
        context = torch.matmul(x.flatten(2), weights).unsqueeze(-1)
        return x + self.transform(context)


@trap()
class SelectiveKernel(nn.Module):
    """Softmax over two branches, for each channel."""

    branches = 2

    def __init__(self, c: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(c, c, 3, padding=1 + i, dilation=1 + i) for i in range(self.branches))
        self.fc = nn.Sequential(nn.Linear(c, 4), nn.ReLU(), nn.Linear(4, c * self.branches))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.stack([conv(x) for conv in self.convs], 1)
        z = x.sum(1).mean((2, 3))
        attn = torch.softmax(self.fc(z).view(x.size(0), self.branches, x.size(2), 1, 1), dim=1)
        return torch.sum(x * attn, dim=1)


@trap()
class SplitAttention(SelectiveKernel):
    """ResNeSt: over four branches."""

    branches = 4


@trap()
class LevelsBySoftmax(nn.Module):
    """ASFF: three maps share each position."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.levels = nn.ModuleList(nn.Conv2d(c, c, size, padding=size // 2) for size in (1, 3, 5))
        self.weight = nn.Conv2d(3 * c, 3, 1)

    def forward(self, x: Tensor) -> Tensor:
        one, two, three = (level(x) for level in self.levels)
        weights = F.softmax(self.weight(torch.cat([one, two, three], 1)), dim=1)
        return one * weights[:, 0:1] + two * weights[:, 1:2] + three * weights[:, 2:]


@trap()
class ConditionalKernels(nn.Module):
    """CondConv: sigmoids of the image weigh kernels."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.experts = nn.Parameter(torch.randn(4, c, c, 3, 3) / 9)
        self.routing = nn.Linear(c, 4)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        routing = torch.sigmoid(self.routing(x.mean((2, 3))))
        weight = torch.matmul(routing, self.experts.flatten(1)).view(b * c, c, 3, 3)
        return F.conv2d(x.reshape(1, b * c, h, w), weight, padding=1, groups=b).view(b, c, h, w)


@trap()
class DynamicKernels(ConditionalKernels):
    """The same by a softmax, elementwise."""

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        routing = F.softmax(self.routing(x.mean((2, 3))) / 30, dim=1)
        weight = (routing.view(b, 4, 1, 1, 1, 1) * self.experts.unsqueeze(0)).sum(1).view(b * c, c, 3, 3)
        return F.conv2d(x.reshape(1, b * c, h, w), weight, padding=1, groups=b).view(b, c, h, w)


@trap()
class GatedKernels(ConditionalKernels):
    """Sigmoids of the image weigh the kernels elementwise: what they multiply is a parameter."""

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        routing = torch.sigmoid(self.routing(x.mean((2, 3))))
        weight = (routing.view(b, 4, 1, 1, 1, 1) * self.experts).sum(1).view(b * c, c, 3, 3)
        return F.conv2d(x.reshape(1, b * c, h, w), weight, padding=1, groups=b).view(b, c, h, w)


@trap()
class Involution(nn.Module):
    """A kernel for each position, without a squash."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.kernel = nn.Conv2d(c, 9, 1)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        kernel = self.kernel(x).view(b, 1, 9, h, w)
        return (F.unfold(x, 3, padding=1).view(b, c, 9, h, w) * kernel).sum(2)


@trap()
class ReassembledByContent(nn.Module):
    """CARAFE: kernels under a softmax."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.kernel = nn.Conv2d(c, 9, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        kernel = self.kernel(x).softmax(1).view(b, 1, 9, h, w)
        return (F.unfold(x, 3, padding=1).view(b, c, 9, h, w) * kernel).sum(2)


@trap()
class ModuleOfTorch(nn.Module):
    """`nn.MultiheadAttention` in eval takes a path of its own, which watching must not change."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(c, 2, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        tokens = x.flatten(2).transpose(1, 2)
        tokens, _ = self.attention(tokens, tokens, tokens, need_weights=False)
        return tokens.transpose(1, 2).reshape(x.shape)


@trap()
class EncoderOfTorch(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(c, 2, 16, batch_first=True)

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(x.shape)


@trap()
class FusedAttention(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.qkv = nn.Conv2d(c, 3 * c, 1)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).flatten(2).transpose(1, 2).unsqueeze(1).chunk(3, dim=-1)
        return F.scaled_dot_product_attention(q, k, v).squeeze(1).transpose(1, 2).reshape(x.shape)


@trap()
class WarpedByItself(nn.Module):
    """A transformer of space: where to look is computed, nothing is weighed."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, 6)

    def forward(self, x: Tensor) -> Tensor:
        theta = torch.tanh(self.fc(x.mean((2, 3)))).view(-1, 2, 3)
        return F.grid_sample(x, F.affine_grid(theta, list(x.shape), align_corners=False), align_corners=False)


@trap()
class PositionsChosen(nn.Module):
    """What lies under a threshold is filled, not multiplied."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(c, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        low = self.score(x).sigmoid() < 0.5
        return torch.where(low, torch.zeros_like(x), x).masked_fill(low, 0.0)


@network(TRAPS)
class SimilarityOfEmbeddings(nn.Module):
    """A scaled cosine between two towers."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 8, 3), nn.Conv2d(3, 8, 3)
        self.logit_scale = nn.Parameter(torch.ones([]))

    def forward(self, x: Tensor) -> Tensor:
        one = F.normalize(self.left(x).mean((2, 3)), dim=1)
        two = F.normalize(self.right(x).mean((2, 3)), dim=1)
        return self.logit_scale.exp() * one @ two.t()


@network(TRAPS)
class ClassActivationMap(nn.Module):
    """A map weighed by the classifier's own weights, at the end of its forward."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fc = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(8, 4)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x).relu()
        logits = self.fc(x.mean((2, 3)))
        cam = (x * self.fc.weight[logits.argmax(1)][:, :, None, None]).sum(1)
        return logits, cam


@trap()
class SoftThreshold(nn.Module):
    """Deep residual shrinkage: a sigmoid of each channel becomes a threshold, which is subtracted."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, c)

    def forward(self, x: Tensor) -> Tensor:
        average = x.abs().mean((2, 3))
        threshold = average * self.fc(average).sigmoid()
        return x.sign() * (x.abs() - threshold[..., None, None]).clamp(min=0)


@trap()
class RecursiveGatedConvolution(nn.Module):
    """HorNet: full products without a squash."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.proj, self.depth, self.next = (
            nn.Conv2d(c, 2 * c, 1),
            nn.Conv2d(c, c, 7, padding=3, groups=c),
            nn.Conv2d(c, c, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        first, rest = self.proj(x).chunk(2, 1)
        x = first * self.depth(rest)
        return self.next(x) * self.depth(rest)


@trap()
class GatedBySilu(nn.Module):
    """MogaNet: both factors are swishes of other maps."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.gate, self.value = nn.Conv2d(c, c, 1), nn.Conv2d(c, c, 5, padding=2, groups=c)

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(self.gate(x)) * F.silu(self.value(x))


@network(TRAPS, inputs=lambda generator: (torch.rand(2, 4, 10, 14, generator=generator),))
class AlphaOfTheImage(nn.Module):
    """The fourth channel of an image covers its others."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.stem(x[:, :3] * x[:, 3:]).mean((2, 3))


@network(TRAPS)
class MaskReturnedAlone(nn.Module):
    """A segmentation: the mask is the output, and multiplies nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = self.stem(x).relu()
        return x, self.head(x).sigmoid()
