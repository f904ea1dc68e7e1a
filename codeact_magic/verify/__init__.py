"""Whether a saved session does again what it did: run in a fresh kernel, its outputs compared with the recorded ones.

engine       where the code runs
rerun        the session, run again and compared
report       what came of it, as a table
proof        a slice of a session, run beside the whole
fingerprint  what a variable's value is known by (it runs in the kernel)
"""

from __future__ import annotations

from .engine import Engine
from .proof import Proof, prove
from .report import Report, Row
from .rerun import verify

__all__ = ["Engine", "Proof", "Report", "Row", "prove", "verify"]
