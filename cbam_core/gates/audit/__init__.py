"""What is each block of a network made of, and where does it differ from CBAM as its paper describes it?"""

from cbam_core.gates.audit.auditing import audit_blocks, audit_network
from cbam_core.gates.audit.tracing import trace

__all__ = ["audit_blocks", "audit_network", "trace"]
