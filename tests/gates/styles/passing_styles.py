"""Gates that are passed around: split, cropped, handed over, carried from step to step, or used on part of a map."""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from tests.gates.styles.cases import Expected, channel, full, logistic, network, spatial, style
from tests.gates.styles.structure_styles import Masking, Weighting, stem


class Product(nn.Module):
    """A module for a multiplication, as graph editors and quantised networks have it."""

    def forward(self, inputs: list[Tensor]) -> Tensor:
        left, right = inputs
        return left * right


@style()
class MultipliedByAModule(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(c, c, 1), nn.Sigmoid())
        self.mul = Product()

    def forward(self, x: Tensor) -> Tensor:
        return self.mul([x, self.gate(x)])

    def gates(self, x: Tensor) -> list[Expected]:
        conv = self.gate[1]
        return [channel(logistic(x.mean((2, 3)) @ conv.weight[:, :, 0, 0].T + conv.bias), "", "gate", "mul")]


@style()
class HandedToAChild(nn.Module):
    """The parent makes the gate, a child multiplies."""

    class Child(nn.Module):
        def __init__(self, c: int) -> None:
            super().__init__()
            self.conv = nn.Conv2d(c, c, 1)

        def forward(self, x: Tensor, *, g: Tensor) -> Tensor:
            return self.conv(x) * g

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc, self.child = nn.Linear(c, c), self.Child(c)

    def forward(self, x: Tensor) -> Tensor:
        return self.child(x, g=self.fc(x.mean((2, 3))).sigmoid()[..., None, None])

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(logistic(self.fc(x.mean((2, 3)))), "", "child")]


@style()
class OneLayerForTwoLevels(nn.Module):
    """The weights of two maps of different sizes are made together, and split."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.down, self.fc = nn.Conv2d(c, 12, 3, stride=2, padding=1), nn.Linear(c + 12, c + 12)

    def forward(self, x: Tensor) -> Tensor:
        small = self.down(x)
        g = torch.sigmoid(self.fc(torch.cat([x.mean((2, 3)), small.mean((2, 3))], 1)))
        first, second = g.split([x.size(1), small.size(1)], dim=1)
        x, small = x * first[..., None, None], small * second[..., None, None]
        return x + small.mean((1, 2, 3), keepdim=True)

    def gates(self, x: Tensor) -> list[Expected]:
        g = logistic(self.fc(torch.cat([x.mean((2, 3)), self.down(x).mean((2, 3))], 1)))
        names = ("", "#2")
        return [channel(g[:, : x.size(1)]), channel(g[:, x.size(1) :], *names, call=None)]


@style()
class ScaleAndBias(nn.Module):
    """Gather-excite with a bias: half of the layer's output is squashed, the other half is added."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, 2 * c)

    def forward(self, x: Tensor) -> Tensor:
        scale, bias = self.fc(x.mean((2, 3)))[:, :, None, None].chunk(2, 1)
        return x * scale.sigmoid() + bias

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(logistic(self.fc(x.mean((2, 3))))[:, : x.size(1)].clone())]


@style()
class CroppedMask(nn.Module):
    """The mask is made on a padded grid, squashed, and cropped to the map."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, 1, 3, padding=2)

    def forward(self, x: Tensor) -> Tensor:
        mask = self.conv(x).sigmoid()
        return x * mask[:, :, 1:-1, 1:-1]

    def gates(self, x: Tensor) -> list[Expected]:
        return [spatial(logistic(F.conv2d(x, self.conv.weight, self.conv.bias, padding=1))[:, 0])]


@style()
class MaskByPixelShuffle(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, 4, 2, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        return x * F.pixel_shuffle(self.conv(x), 2).sigmoid()

    def gates(self, x: Tensor) -> list[Expected]:
        small = logistic(self.conv(x))  # (B, 4, h, w)
        b, _, h, w = small.shape
        return [spatial(small.view(b, 2, 2, h, w).permute(0, 3, 1, 4, 2).reshape(b, 2 * h, 2 * w))]


@style()
class HalfOfTheChannelsInPlace(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, c // 2)

    def forward(self, x: Tensor) -> Tensor:
        g = self.fc(x.mean((2, 3))).sigmoid()
        x = x.clone()
        x[:, : g.size(1)] *= g[:, :, None, None]
        return x

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(logistic(self.fc(x.mean((2, 3)))))]


@style()
class StraightThrough(nn.Module):
    """A hard gate, 0 or 1, with the gradient of a soft one: its value is the hard one."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.fc = nn.Linear(c, c)

    def forward(self, x: Tensor) -> Tensor:
        soft = self.fc(x.mean((2, 3))).sigmoid()
        hard = (soft > 0.5).to(soft.dtype)
        g = hard - soft.detach() + soft
        return x * g[..., None, None]

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel((self.fc(x.mean((2, 3))) > 0).float(), squashed=None)]


@network(inputs=lambda generator: (torch.randn(1, 3, 10, 14, generator=generator),))
class SqueezedOfItsBatch(nn.Module):
    """For one image alone: `squeeze()` took the axis of the batch away, and broadcasting does not mind."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.fc = stem(), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        g = self.fc(x.mean((2, 3))).sigmoid().squeeze()
        return (x * g[:, None, None]).mean((2, 3))

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(logistic(self.fc(self.stem(x).mean((2, 3)))), "SqueezedOfItsBatch", "fc")]


@style()
class ConvGru(nn.Module):
    """One step: a reset gate on the state, and an update gate that shares between state and proposal."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.state = nn.Conv2d(c, c, 1)
        self.convz, self.convr, self.convq = (nn.Conv2d(2 * c, c, 3, padding=1) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        h = torch.tanh(self.state(x))
        hx = torch.cat([h, x], dim=1)
        z = torch.sigmoid(self.convz(hx))
        r = torch.sigmoid(self.convr(hx))
        q = torch.tanh(self.convq(torch.cat([r * h, x], dim=1)))
        return (1 - z) * h + z * q

    def gates(self, x: Tensor) -> list[Expected]:
        hx = torch.cat([self.state(x).tanh(), x], 1)
        z, r = logistic(self.convz(hx)), logistic(self.convr(hx))
        return [full(r), full((1 - z, z), multiplier=1 - z, call=None), full(z, "", "#2", call=None)]


@style()
class ConvLstm(nn.Module):
    """The first step: the forget gate meets a state of zeros, which is no map."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(c, 4 * c, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        i, f, o, g = self.conv(x).chunk(4, 1)
        c = torch.zeros_like(x)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        return o.sigmoid() * c.tanh()

    def gates(self, x: Tensor) -> list[Expected]:
        i, _, o, _ = self.conv(x).chunk(4, 1)
        return [full(logistic(i)), full(logistic(o))]


@style()
class OmniDimensional(nn.Module):
    """ODConv: channels in, channels out and places of the kernel are weighed; the kernel is no map."""

    def __init__(self, c: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(c, c, 3, 3) / 9)
        self.fc, self.into, self.out, self.place = nn.Linear(c, 4), nn.Linear(4, c), nn.Linear(4, c), nn.Linear(4, 9)

    def forward(self, x: Tensor) -> Tensor:
        b, c, h, w = x.shape
        hidden = self.fc(x.mean((2, 3))).relu()
        place = self.place(hidden).sigmoid().view(b, 1, 1, 3, 3)
        weight = (place * self.weight).view(b * c, c, 3, 3)
        x = x * self.into(hidden).sigmoid().view(b, c, 1, 1)
        out = F.conv2d(x.reshape(1, b * c, h, w), weight, padding=1, groups=b).view(b, c, h, w)
        return out * self.out(hidden).sigmoid().view(b, c, 1, 1)

    def gates(self, x: Tensor) -> list[Expected]:
        hidden = self.fc(x.mean((2, 3))).clamp(min=0)
        return [channel(logistic(self.into(hidden))), channel(logistic(self.out(hidden)))]


@network()
class Siamese(nn.Module):
    """One backbone sees the image and its mirror image."""

    class Backbone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.att, self.sa = stem(), Weighting(), Masking()

        def forward(self, x: Tensor) -> Tensor:
            x = self.att(self.stem(x))
            return (x * self.sa(x)).mean((2, 3))

    def __init__(self) -> None:
        super().__init__()
        self.backbone = self.Backbone()

    def forward(self, x: Tensor) -> Tensor:
        return self.backbone(x) + self.backbone(x.flip(3))

    def gates(self, x: Tensor) -> list[Expected]:
        own, found = self.backbone, []
        for call, image in enumerate((x, x.flip(3)), start=1):
            ending = f"#{call}" if call > 1 else ""
            features = own.stem(image)
            found.append(channel(own.att.weights(features), f"backbone{ending}", f"backbone.att{ending}", call=call))
            mask = own.sa.mask(own.att.after(features))
            found.append(spatial(mask, f"backbone{ending}", f"backbone.sa{ending}", call=call))
        return found


@network()
class InDataParallel(nn.DataParallel):
    """On one device it calls the module inside."""

    def __init__(self) -> None:
        super().__init__(nn.Sequential(stem(), Weighting()))

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(self.module[1].weights(self.module[0](x)), "module.1")]


def _image(generator: torch.Generator) -> tuple[Any, ...]:
    from torchvision import tv_tensors

    return (tv_tensors.Image(torch.randn(2, 3, 10, 14, generator=generator)),)


@network(inputs=_image)
class OfATensorSubclass(nn.Sequential):
    """The batch comes from torchvision's transforms, and is of their class."""

    def __init__(self) -> None:
        super().__init__(stem(), Weighting())

    def gates(self, x: Tensor) -> list[Expected]:
        return [channel(self[1].weights(self[0](x.as_subclass(torch.Tensor))), "1")]


def _images(generator: torch.Generator) -> tuple[Any, ...]:
    return ([torch.randn(3, 10, 12, generator=generator), torch.randn(3, 8, 14, generator=generator)],)


@network(inputs=_images)
class BatchPutTogetherByCopy(nn.Module):
    """Images of different sizes are written into one batch with borders, as detectors do."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.att = stem(), Weighting()

    def forward(self, images: list[Tensor]) -> Tensor:
        batch = images[0].new_full((len(images), 3, 10, 14), 0)
        for i in range(len(images)):
            batch[i, :, : images[i].shape[1], : images[i].shape[2]].copy_(images[i])
        return self.att(self.stem(batch)).mean((2, 3))

    def gates(self, images: list[Tensor]) -> list[Expected]:
        batch = torch.stack([F.pad(one, (0, 14 - one.shape[2], 0, 10 - one.shape[1])) for one in images])
        return [channel(self.att.weights(self.stem(batch)), "att")]


@network(inputs=_images)
class BatchPutTogetherByIndex(BatchPutTogetherByCopy):
    def forward(self, images: list[Tensor]) -> Tensor:
        batch = torch.zeros(len(images), 3, 10, 14)
        for one, place in zip(images, batch, strict=True):
            place[:, : one.shape[1], : one.shape[2]] = one
        return self.att(self.stem(batch)).mean((2, 3))
