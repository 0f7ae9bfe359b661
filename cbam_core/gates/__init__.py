"""What did the gates do in this forward? Finding and recording them, and where their cells lie on the input."""

from cbam_core.gates.placement import Placement, place
from cbam_core.gates.record import Gate, Record
from cbam_core.gates.recording import capture

__all__ = ["Gate", "Placement", "Record", "capture", "place"]
