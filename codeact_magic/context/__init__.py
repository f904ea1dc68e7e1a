"""What the model is told: the conversation as chat messages, and observations as text.

conversation   session -> messages, and which turns of it are still seen
observations   what came of an action, as text and images
"""

from .messages import IMAGES, UNFINISHED, messages, preface, step_messages, tokens, turn_messages, window
from .observations import as_text, edited, has_images, observation_text, repeated

__all__ = [
    "IMAGES",
    "UNFINISHED",
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
]
