"""The administrator's cap on options: a file that only the administrator can write, and that no option loosens.

Knows which file that is and what it may say. Does not know how an option was set: `Policy.applied` clamps it all the
same. The kernel's code runs as the user, so this guards against accidents, not against malice.

cap      what a policy allows, and options clamped to it
files    finds and reads the files
"""

from .cap import LIMITED, Policy
from .files import read

__all__ = ["LIMITED", "Policy", "read"]
