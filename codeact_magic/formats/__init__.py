"""The action formats: how a model writes the code it wants to run, and how its reply is read.

    specs     what each format asks of the endpoint
    writing   the chat messages
    reading   reply -> action, answer or fault
    streaming a reply that is still being written: what of it is prose and what is code
    actions   where in a text an action begins and ends
    calls     actions in JSON
    python    what is Python, and what only looks like it

The reader is tolerant: it takes every format, whichever was asked for, since small models mix them up. Only the first
action of a reply counts, and what follows it is dropped (mostly an invented output).
"""

from .reading import CUT_OFF, EMPTY, NO_CODE, NO_JSON, Reading, enough, read, split_reasoning
from .specs import SPECS, TOOL, Spec
from .streaming import Part, ReplySplitter, may_be_reasoning, tags_as_fences
from .writing import assistant_message, observation_message, write, write_answer

__all__ = [
    "CUT_OFF",
    "EMPTY",
    "NO_CODE",
    "NO_JSON",
    "SPECS",
    "TOOL",
    "Part",
    "Reading",
    "ReplySplitter",
    "Spec",
    "assistant_message",
    "enough",
    "may_be_reasoning",
    "observation_message",
    "read",
    "split_reasoning",
    "tags_as_fences",
    "write",
    "write_answer",
]
