"""What an administrator allows, and options clamped to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from traitlets import Float, Int

from ..errors import UsageError
from ..options import MODES, Options
from ..text import one_line

LIMITED = "limited by your administrator"
LOCAL = "local"  # what stands for the local model in the list of endpoints
# Options whose limit is the most that may be set; 0 means "no limit" where it may be set at all.
LIMITS = (
    "max_steps",
    "max_tokens_per_turn",
    "max_cost_per_turn",
    "max_repeats",
    "max_tokens",
    "context_tokens",
    "timeout",
    "retries",
    "action_timeout",
    "max_output",
    "max_summary",
    "max_saved_output",
)
_LISTS = ("endpoints", "models")


@dataclass(frozen=True)
class Policy:
    """What an administrator allows.

    Attributes:
        max_approve: the mode that asks least (in the order of MODES); None: any.
        endpoints: patterns of addresses, "local" for the local model; None: any.
        models: patterns of names; None: any.
        save_folder: the folder that sessions are saved in; None: any.
        limits: the most that options may be, by name.
        source: the files that say so.
    """

    max_approve: str | None = None
    endpoints: tuple[str, ...] | None = None
    models: tuple[str, ...] | None = None
    save_folder: str | None = None
    limits: Mapping[str, float] = field(default_factory=dict)
    source: str = ""

    def __and__(self, other: Policy) -> Policy:
        """Return what both allow. What only one of them can fix, the first one fixes."""
        modes = [mode for mode in (self.max_approve, other.max_approve) if mode]
        limits = dict(self.limits)
        for name, most in other.limits.items():
            limits[name] = min(most, limits.get(name, most))
        return Policy(
            max_approve=min(modes, key=MODES.index, default=None),
            endpoints=_both(self.endpoints, other.endpoints),
            models=_both(self.models, other.models),
            save_folder=other.save_folder if self.save_folder is None else self.save_folder,
            limits=limits,
            source=", ".join(filter(None, [self.source, other.source])),
        )

    def applied(self, options: Options) -> tuple[Options, dict[str, Any]]:
        """Return `options` as far as they are allowed, and the values that they have instead of others."""
        changed = dict(self._changes(options))
        if not self.source:
            return options, {}
        return Options(**(options.by_name() | changed)), changed

    def _changes(self, options: Options) -> Iterator[tuple[str, Any]]:
        if self.max_approve and MODES.index(options.approve) > MODES.index(self.max_approve):
            yield "approve", self.max_approve
        if self.save_folder is not None and options.save_folder != self.save_folder:
            yield "save_folder", self.save_folder
        for name, most in self.limits.items():
            value = getattr(options, name)
            if value > most or (value == 0 and _is_unlimited(name)):
                yield name, type(value)(most)

    def check(self, endpoint: str, model: str = "") -> None:
        """Raise UsageError if an endpoint, or its `model`, is not allowed. `endpoint` is its address, or LOCAL."""
        for kind, value, allowed in (("endpoint", endpoint, self.endpoints), ("model", model, self.models)):
            if value and allowed is not None and not any(fnmatchcase(value, one) for one in allowed):
                some = ", ".join(one_line(one, 80) for one in allowed) or "none"
                raise UsageError(f"The {kind} {one_line(value, 80)} is not allowed: {LIMITED}. Allowed: {some}.")

    def lines(self) -> list[str]:
        """Return what is limited, one line each."""
        lists = {name: getattr(self, name) for name in _LISTS}
        fixed = {"max_approve": self.max_approve, "save_folder": self.save_folder, **lists, **self.limits}
        return [f"{name}: {_shown(value)}" for name, value in fixed.items() if value is not None]


def _both(one: tuple[str, ...] | None, other: tuple[str, ...] | None) -> tuple[str, ...] | None:
    if one is None or other is None:
        return other if one is None else one
    return tuple(pattern for pattern in one if pattern in other)


def _is_unlimited(name: str) -> bool:
    """Return whether 0 stands for no limit."""
    return "0: no limit" in (Options.class_traits()[name].help or "") or name == "max_tokens"


def _shown(value: Any) -> str:
    return one_line(", ".join(value) if isinstance(value, tuple) else value, 200)


def parsed(content: Mapping[str, Any], source: str) -> Policy:
    """Return the policy that the content of a file stands for. Raises ValueError, which says what is wrong."""
    known = {"max_approve", "save_folder", "limits", *_LISTS}
    if unknown := sorted(set(content) - known):
        raise ValueError(f"it says {unknown[0]}, which this version does not know")
    mode = content.get("max_approve")
    if mode is not None and mode not in MODES:
        raise ValueError(f"max_approve is one of {', '.join(MODES)}")
    folder = content.get("save_folder")
    if folder is not None and not isinstance(folder, str):
        raise ValueError("save_folder is a text")
    lists = {name: _texts(name, content[name]) for name in _LISTS if name in content}
    return Policy(
        max_approve=mode, save_folder=folder, limits=_limits(content.get("limits", {})), source=source, **lists
    )


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise ValueError(f"{name} is a list of texts")
    return tuple(value)


def _limits(value: Any) -> dict[str, float]:
    if not isinstance(value, dict):
        raise ValueError("limits is a table")
    for name, most in value.items():
        if name not in LIMITS:
            raise ValueError(f"limits has {name}, which this version cannot limit")
        trait = Options.class_traits()[name]
        assert isinstance(trait, Int | Float)
        if isinstance(most, bool) or not isinstance(most, int | float) or most <= 0 or most < (trait.min or 0):
            raise ValueError(f"limits: {name} is a number above 0, at least {trait.min}")
    return dict(value)
