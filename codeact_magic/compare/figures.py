"""Whether two pictures look the same, by structural similarity (Wang et al., IEEE TIP 2004) and by colours.

What one pixel's shift explains is no difference: fonts and lines are put to the pixels otherwise by another version of
what draws them. Beyond that the worst spot counts, not the mean: where one point of a plot moved, most of it is as
it was.
"""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from typing import Any, NamedTuple

from .texts import SAME, Difference

# `python -m tests.figures` measures plots drawn again, a fraction of a pixel off or noisy (0.94 and more, 0.9 and less)
# and plots with one change each: a point moved by 1 % of its axis, a bar 2 % lower, another colour, a dashed line (less
# than 0.8, or more than 1.1). Round points of six pixels that became square are taken for the same.
ALIKE = 0.9  # structural similarity of the worst spot
SPOT = 16  # pixels
APART = ((1, 0.25), (5, 0.085))  # the most that colours (0 to 1) may be apart, on average over so many pixels squared
LARGEST = 2_000_000  # pixels; a larger picture is made smaller
MISSING = "the pictures are not the same bytes; to compare what they show: pip install 'codeact-magic[verify]'"


def compare_figures(recorded: Any, seen: Any) -> Difference:
    """Return how two pictures (base64 of PNG, JPEG, GIF or WebP) differ to the eye."""
    try:
        one, other = base64.b64decode(recorded), base64.b64decode(seen)
    except (TypeError, binascii.Error, ValueError):
        return SAME if recorded == seen else Difference("a picture that cannot be read")
    return SAME if one == other else _compare(one, other)


def _compare(one: bytes, other: bytes) -> Difference:
    try:
        import skimage.metrics  # noqa: F401
    except ImportError:
        return Difference(MISSING)
    try:
        before, after = _pixels(one), _pixels(other)
    except Exception:  # whatever decoders raise of hostile bytes
        return Difference("a picture that cannot be read")
    if before.size != after.size:
        return Difference(f"the figure was {_size(before)} pixels, and is {_size(after)}")
    return _judged([_looked_at(before, after), _looked_at(after, before)])


class _Picture(NamedTuple):
    size: tuple[int, int]
    colours: Any  # an array, rows x columns x 3, from 0 to 1


def _pixels(data: bytes) -> _Picture:
    import numpy
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # a picture of too many pixels is one to Pillow
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "GIF", "WEBP"]) as image:
            paper = Image.new("RGBA", image.size, "white")
            flat = Image.alpha_composite(paper, image.convert("RGBA")).convert("RGB")
    size = flat.size
    factor = round((size[0] * size[1] / LARGEST) ** 0.5)
    return _Picture(size, numpy.asarray(flat.reduce(factor) if factor > 1 else flat, dtype=float) / 255)


def _size(picture: _Picture) -> str:
    return " × ".join(map(str, picture.size))  # noqa: RUF001


class _Look(NamedTuple):
    """What of a picture another one does not show, even with its pixels moved by one."""

    mean: float
    worst: float  # structural similarity
    place: tuple[float, float]  # of that spot, across and down, from 0 to 1
    apart: float  # colours, in multiples of what they may be
    far: tuple[float, float]  # the place of these


def _looked_at(before: _Picture, after: _Picture) -> _Look:
    import numpy
    from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, uniform_filter
    from skimage import metrics

    one, area = before.colours, (3, 3, 1)
    other = numpy.clip(one, minimum_filter(after.colours, area), maximum_filter(after.colours, area))
    one, other = (gaussian_filter(colours, (0.7, 0.7, 0)) for colours in (one, other))
    window = min(7, *(side - 1 + side % 2 for side in one.shape[:2]))  # an odd number that fits
    apart = numpy.abs(one - other)
    shares = [uniform_filter(apart, (width, width, 1)).max(axis=-1) / most for width, most in APART]
    furthest = numpy.maximum(*shares)
    if window < 3:
        return _Look(1.0, 1.0, (0, 0), furthest.max(), _place(furthest))
    structural_similarity: Any = metrics.structural_similarity
    mean, alike = structural_similarity(one, other, channel_axis=-1, data_range=1.0, full=True, win_size=window)
    spots = uniform_filter(alike.mean(axis=-1), SPOT)
    return _Look(float(mean), float(spots.min()), _place(-spots), float(furthest.max()), _place(furthest))


def _place(values: Any) -> tuple[float, float]:
    """Return where the largest of `values` is."""
    row, column = divmod(int(values.argmax()), values.shape[1])
    return column / values.shape[1], row / values.shape[0]


def _judged(looks: list[_Look]) -> Difference:
    worst = min(looks, key=lambda look: look.worst)
    if worst.worst < ALIKE:
        where = _where(worst.place)
        return Difference(f"the figure looks different, most {where}: {worst.worst:.2f} alike there, {ALIKE} needed")
    furthest = max(looks, key=lambda look: look.apart)
    if furthest.apart > 1:
        return Difference(f"the figure has other colours or lines, most {_where(furthest.far)}")
    return Difference("", frozenset([f"figure {min(look.mean for look in looks):.3f} alike"]))


def _where(place: tuple[float, float]) -> str:
    """Return a place in words."""
    across = ("on the left", "in the middle", "on the right")[min(2, int(place[0] * 3))]
    down = ("at the top", "", "at the bottom")[min(2, int(place[1] * 3))]
    return f"{down} {across}".strip()
