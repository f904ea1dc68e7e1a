r"""Test doubles for prompts, agents and clients: an endpoint over real HTTP, and a model without HTTP.

Both play a script and record the requests: a test writes the replies of the model, and then checks the messages that it
was sent. Nothing leaves the machine.

    >>> from openai import OpenAI
    >>> from codeact_magic.testing import FakeEndpoint, Say
    >>> script = ["```python\nprint(6 * 7)\n```", Say("It is 42.", usage=(20, 12, 4))]
    >>> with FakeEndpoint(script) as endpoint, OpenAI(base_url=endpoint.base_url, api_key="any") as client:
    ...     ask = [{"role": "user", "content": "What is six times seven?"}]
    ...     code = client.chat.completions.create(model="fake-model", messages=ask)
    ...     answer = client.chat.completions.create(model="fake-model", messages=ask)
    >>> code.choices[0].message.content
    '```python\nprint(6 * 7)\n```'
    >>> answer.choices[0].message.content, answer.usage.total_tokens
    ('It is 42.', 24)
    >>> endpoint.requests[0].body["messages"][0]["content"]
    'What is six times seven?'

`shapes` has what well-known servers send, to be played by an endpoint.
"""

from .doubles import (
    Endless,
    FakeEndpoint,
    Hang,
    Raw,
    RecordedRequest,
    Say,
    Scripted,
    ScriptedModel,
    ScriptedReply,
    Served,
    Status,
)
from .shapes import SHAPES, Shape

__all__ = [
    "SHAPES",
    "Endless",
    "FakeEndpoint",
    "Hang",
    "Raw",
    "RecordedRequest",
    "Say",
    "Scripted",
    "ScriptedModel",
    "ScriptedReply",
    "Served",
    "Shape",
    "Status",
]
