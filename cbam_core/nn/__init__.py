"""What is CBAM? The gates, the networks that use them, and the registry of those networks.

All files of this folder are imported, so that each network in them registers itself.
"""

import importlib
import pkgutil

from cbam_core.nn.cbam import CBAM, ChannelAttention, SpatialAttention
from cbam_core.nn.cbam_cnn import CBAM_CNN
from cbam_core.nn.cbam_resnet import CBAM_ResNet
from cbam_core.nn.insertion import Insertion, insert_cbam, inserted_blocks, remove_cbam
from cbam_core.nn.registry import ARCHITECTURES, Architecture, build, known_names, register, register_architecture

for _file in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_file.name)

__all__ = [
    "ARCHITECTURES",
    "CBAM",
    "CBAM_CNN",
    "Architecture",
    "CBAM_ResNet",
    "ChannelAttention",
    "Insertion",
    "SpatialAttention",
    "build",
    "insert_cbam",
    "inserted_blocks",
    "known_names",
    "register",
    "register_architecture",
    "remove_cbam",
]
