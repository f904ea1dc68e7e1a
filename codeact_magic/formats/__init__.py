"""The action formats: how a model writes the code it wants to run, and how its reply is read.

    specs      the request parameters of each format
    writing    the chat messages
    reading    reply -> action, answer or fault
    whole      whether a reply is complete by its own syntax
    streaming  a reply that is still being written -> prose and code
    actions    the boundaries of an action in a text
    calls      actions in JSON
    python     tells Python from text that looks like it

Knows the syntax of actions, and nobody else does. Does not know endpoints, sessions, or how code runs. Begin reading at
`reading.read`.

The reader is tolerant: it accepts every format, whichever was asked for, since small models mix them up. Only the first
action of a reply counts; the text after it, mostly an invented output, is dropped.
"""

from .reading import CUT_OFF, EMPTY, NO_CODE, NO_JSON, Reading, enough, read, split_reasoning
from .specs import SPECS, TOOL, Spec
from .streaming import ReplyPart, ReplySplitter, may_be_reasoning, tags_as_fences
from .whole import is_whole
from .writing import assistant_message, observation_message, write, write_answer

__all__ = [
    "CUT_OFF",
    "EMPTY",
    "NO_CODE",
    "NO_JSON",
    "SPECS",
    "TOOL",
    "Reading",
    "ReplyPart",
    "ReplySplitter",
    "Spec",
    "assistant_message",
    "enough",
    "is_whole",
    "may_be_reasoning",
    "observation_message",
    "read",
    "split_reasoning",
    "tags_as_fences",
    "write",
    "write_answer",
]
