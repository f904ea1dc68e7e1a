"""The action formats: how a model writes the code it wants to run, and how its reply is read.

    specs      the request parameters of each format
    writing    the chat messages
    reading    reply -> action, answer or fault
    whole      whether a reply is complete by its own syntax
    streaming  a reply that is still being written -> prose and code
    reasoning  tells reasoning from the rest of a reply
    actions    the boundaries of an action in a text
    cells      where a cell magic ends
    markup     calls in the grammars of chat templates
    calls      actions in JSON
    marks      the marks of all these grammars, as data
    python     tells Python from text that looks like it

Knows the syntax of actions, and nobody else does. Does not know endpoints, sessions, or how code runs. Begin reading at
`reading.read`.

The reader is tolerant: it accepts every format, whichever was asked for, since small models mix them up. Only the first
action of a reply counts; the text after it, mostly an invented output, is dropped.
"""

from .reading import CUT_OFF, EMPTY, NO_CODE, NO_JSON, UNREADABLE, Reading, enough, read
from .reasoning import may_be_reasoning, split_reasoning
from .specs import SPECS, TOOL, Spec
from .streaming import ReplyPart, ReplySplitter, tags_as_fences
from .whole import is_whole
from .writing import assistant_message, observation_message, write, write_answer

__all__ = [
    "CUT_OFF",
    "EMPTY",
    "NO_CODE",
    "NO_JSON",
    "SPECS",
    "TOOL",
    "UNREADABLE",
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
