"""A model behind an OpenAI-compatible endpoint.

settings    how it is called, and what of that may be shown
endpoint    requests, retries, and what the user sees of them
parameters  which ones the endpoint turned out not to know
client      the connection: the only file that knows openai
pump        blocking reads on a thread, so that Stop works
events      from bytes to chunks
assembly    from chunks to a reply, cut where it is enough
troubles    what can go wrong
faults      what that means: a retry, or one line
"""

from .endpoint import OpenAIModel
from .settings import Settings, public_url

__all__ = ["OpenAIModel", "Settings", "public_url"]
