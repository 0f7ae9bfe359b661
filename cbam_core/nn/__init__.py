"""What is CBAM? The gates, the networks that use them, and the registry of those networks.

A network that is imported here is registered, and known by its name everywhere.
"""

from cbam_core.nn.cbam import CBAM, ChannelAttention, SpatialAttention
from cbam_core.nn.cbam_cnn import CBAM_CNN
from cbam_core.nn.cbam_resnet import CBAM_ResNet
from cbam_core.nn.registry import ARCHITECTURES, Architecture, build, known_names, register, register_architecture

__all__ = [
    "ARCHITECTURES",
    "CBAM",
    "CBAM_CNN",
    "Architecture",
    "CBAM_ResNet",
    "ChannelAttention",
    "SpatialAttention",
    "build",
    "known_names",
    "register",
    "register_architecture",
]
