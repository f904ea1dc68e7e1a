"""Reads observations that were saved before 0.2, when only the note said how a run ended."""

from __future__ import annotations

from typing import Any

from ...session import CONNECTION_LOST, DEAD_KERNEL, Json

_TOO_LONG = "It was interrupted: it ran longer than "
_ENDED = "It did not react, so the kernel was ended."
_GONE_BEFORE = ("Meanwhile ", "The kernel was not used for ", "The kernel no longer reacted, so it was ended.")


def migrated(given: Json) -> Json:
    """Return the JSON of an observation with the status and the fields of today; one of today comes back as it is."""
    status = given.get("status")
    if status not in ("ok", "error", "aborted"):
        return given
    note = str(given.get("note", ""))
    died = _error_name(given.get("outputs")) in (DEAD_KERNEL, CONNECTION_LOST)
    facts: Json = {}
    if status == "aborted":
        facts["status"] = "interrupted"
    elif status == "error" and died:
        facts["status"] = "kernel lost"
    elif status == "error" and _TOO_LONG in note:
        facts["status"] = "timed out"
    if died or _ENDED in note:
        facts["lost"] = True
    if note.startswith(_GONE_BEFORE):
        facts["fresh"] = True
    return {**given, **facts}


def _error_name(outputs: Any) -> str:
    """Return the name of the last error among outputs, which nobody has checked yet."""
    for output in reversed(outputs if isinstance(outputs, list) else []):
        if isinstance(output, dict) and output.get("output_type") == "error":
            return str(output.get("ename"))
    return ""
