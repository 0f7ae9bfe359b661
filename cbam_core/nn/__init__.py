"""What is CBAM? The gates, the networks that use them, and the register of those networks."""

from cbam_core.nn.anatomy import Summary, summarise
from cbam_core.nn.cbam import CBAM, ChannelAttention, SpatialAttention
from cbam_core.nn.cbam_cnn import CBAM_CNN
from cbam_core.nn.cbam_resnet import CBAM_ResNet
from cbam_core.nn.registry import ARCHITECTURES, Architecture, build, register

__all__ = [
    "ARCHITECTURES",
    "CBAM",
    "CBAM_CNN",
    "Architecture",
    "CBAM_ResNet",
    "ChannelAttention",
    "SpatialAttention",
    "Summary",
    "build",
    "register",
    "summarise",
]
