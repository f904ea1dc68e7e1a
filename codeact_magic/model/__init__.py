"""A chat model behind an OpenAI-compatible endpoint: requests, streaming, retries and errors.

This package knows HTTP, the chat completions API, and `agent.Request`, the question that it answers. It does not know
prompts, action formats, options or front ends; only `endpoints` reads options and the environment.

Begin with `openai_model`. In the order of a request:

endpoints          chooses the endpoint, model and key
settings           how an endpoint is called, and which part of that may be shown
openai_model       sends a request, retries it, and shows the user its progress
prices             what tokens cost
apis               which of OpenAI's two APIs an endpoint takes
responses          the Responses API, seen as chat completions
caching            marks for endpoints that cache only where they are told to
parameters         leaves out the parameters that the endpoint rejected before
history            mends a conversation that the endpoint refused before
encoding           writes a request as JSON, and keeps what it has in common with the next one
client             the connection; the only module that imports httpx2
background_reader  reads the stream on a thread of its own, so that the user can interrupt at any time
sse                decodes bytes into chunks
reply_builder      builds a reply from chunks, and ends it early if the rest is not needed
call_builder       builds the tool calls of a reply
content            the contents of a message, and the fields that endpoints want back
usage              the tokens that the endpoint counted
endings            how a reply ended, in one vocabulary
loops              finds out that a model repeats itself
transport_errors   the errors of a single request
error_classifier   turns such an error into a retry or into one line for the user
error_details      reads the errors that endpoints send
wordings           how servers word their errors, as data
"""

from .openai_model import OpenAIModel
from .settings import Settings, public_url

__all__ = ["OpenAIModel", "Settings", "public_url"]
