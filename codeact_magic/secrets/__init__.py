"""What must be neither shown, nor saved, nor sent to a model: which texts those are, and how they are masked.

Knows the forms of secrets. Does not know where a kernel finds them: `kernels/sent/environment.py` does.

forms    the forms in which services give out keys and tokens
masker   masks the secrets of one run, also in text that comes in pieces
known    the secrets that a kernel has had, and those that the user has lifted the mask from
"""

from .forms import found
from .known import Secrets
from .masker import Masker, Pieces

__all__ = ["Masker", "Pieces", "Secrets", "found"]
