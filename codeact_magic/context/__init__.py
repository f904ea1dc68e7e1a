"""The model's input: the conversation as chat messages, and observations as text.

Knows the format of chat messages, and how much of a session the model sees. Does not know endpoints or kernels. Begin
reading at `messages.messages`.

messages      a session as chat messages, and the turns that the model still sees
html          HTML as plain text
observations  observations as text and images
repetition    steps that repeat earlier ones
wording       the sentences about code that ran, or did not run
"""

from .messages import (
    IMAGES,
    UNFINISHED,
    TurnMessages,
    messages,
    preface,
    step_messages,
    tokens,
    turn_messages,
    window,
)
from .observations import as_text, edited, has_images, observation_text, repeated, words

__all__ = [
    "IMAGES",
    "UNFINISHED",
    "TurnMessages",
    "as_text",
    "edited",
    "has_images",
    "messages",
    "observation_text",
    "preface",
    "repeated",
    "step_messages",
    "tokens",
    "turn_messages",
    "window",
    "words",
]
