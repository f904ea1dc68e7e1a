"""Compare two pictures, by structural similarity (Wang et al., IEEE TIP 2004) and by colours.

A shift by one pixel is not a difference: another version of the drawing library places fonts and lines a little
differently. Beyond that, the worst spot counts and not the mean: if one point of a plot moved, most of the plot is
unchanged.
"""

from __future__ import annotations

import base64
import binascii
import io
import warnings
from typing import Any, NamedTuple

from .texts import SAME, Difference

# `python -m tests.figures` measures two sets of plots. Plots drawn again, a fraction of a pixel off or noisy, have a
# similarity of 0.94 and more, and colours of 0.9 and less. Plots with one change (a point moved by 1 % of its axis, a
# bar 2 % lower, another colour, a dashed line) have less than 0.8, or more than 1.1. Round points of six pixels that
# became square pass as the same.
ALIKE = 0.9  # the least structural similarity of the worst spot
SPOT = 16  # pixels
MAX_COLOUR_DISTANCES = ((1, 0.25), (5, 0.085))  # (pixels, mean distance of colours from 0 to 1 over pixels squared)
LARGEST = 2_000_000  # pixels; a larger picture is reduced
MISSING = "the bytes of the pictures differ; to compare what they show: pip install 'codeact-magic[verify]'"


def compare_figures(recorded: Any, seen: Any) -> Difference:
    """Return how two pictures (base64 of PNG, JPEG, GIF or WebP) differ to the eye."""
    try:
        one = base64.b64decode(recorded)
        other = base64.b64decode(seen)
    except (TypeError, binascii.Error, ValueError):
        return SAME if recorded == seen else Difference("a picture that cannot be read")
    return SAME if one == other else _compare(one, other)


def _compare(one: bytes, other: bytes) -> Difference:
    try:
        import skimage.metrics  # noqa: F401
    except ImportError:
        return Difference(MISSING)
    try:
        before = _pixels(one)
        after = _pixels(other)
    except Exception:  # decoders raise anything if the bytes are hostile
        return Difference("a picture that cannot be read")
    if before.size != after.size:
        return Difference(f"the figure was {_size(before)} pixels, and is {_size(after)}")
    return _difference([_changes(before, after), _changes(after, before)])


class _Picture(NamedTuple):
    size: tuple[int, int]
    colours: Any  # an array, rows x columns x 3, from 0 to 1


def _pixels(data: bytes) -> _Picture:
    import numpy
    from PIL import Image

    with warnings.catch_warnings():
        warnings.simplefilter("error")  # Pillow warns about a picture with too many pixels
        with Image.open(io.BytesIO(data), formats=["PNG", "JPEG", "GIF", "WEBP"]) as image:
            background = Image.new("RGBA", image.size, "white")
            flat = Image.alpha_composite(background, image.convert("RGBA")).convert("RGB")
    size = flat.size
    factor = round((size[0] * size[1] / LARGEST) ** 0.5)
    if factor > 1:
        flat = flat.reduce(factor)
    return _Picture(size, numpy.asarray(flat, dtype=float) / 255)


def _size(picture: _Picture) -> str:
    return " × ".join(map(str, picture.size))  # noqa: RUF001


_Position = tuple[float, float]  # across and down, from 0 to 1


class _Changes(NamedTuple):
    """The features of a picture that another one lacks, even if each of its pixels may move by one."""

    mean_similarity: float
    worst_similarity: float  # structural similarity of the worst spot
    worst_position: _Position
    colour_distance: float  # the largest distance, in multiples of the allowed one
    colour_position: _Position


def _changes(before: _Picture, after: _Picture) -> _Changes:
    import numpy
    from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter, uniform_filter
    from skimage import metrics

    neighbours = (3, 3, 1)
    closest = numpy.clip(
        before.colours, minimum_filter(after.colours, neighbours), maximum_filter(after.colours, neighbours)
    )
    one = gaussian_filter(before.colours, (0.7, 0.7, 0))
    other = gaussian_filter(closest, (0.7, 0.7, 0))
    distances = _colour_distances(one, other)
    window = min(7, *(side - 1 + side % 2 for side in one.shape[:2]))  # an odd number that fits
    if window < 3:
        return _Changes(1.0, 1.0, (0, 0), distances.max(), _position(distances))
    structural_similarity: Any = metrics.structural_similarity
    mean, alike = structural_similarity(one, other, channel_axis=-1, data_range=1.0, full=True, win_size=window)
    spots = uniform_filter(alike.mean(axis=-1), SPOT)
    return _Changes(float(mean), float(spots.min()), _position(-spots), float(distances.max()), _position(distances))


def _colour_distances(one: Any, other: Any) -> Any:
    """Return the distance of the colours at each pixel, in multiples of the allowed one."""
    import numpy
    from scipy.ndimage import uniform_filter

    apart = numpy.abs(one - other)
    fine, coarse = (
        uniform_filter(apart, (width, width, 1)).max(axis=-1) / most for width, most in MAX_COLOUR_DISTANCES
    )
    return numpy.maximum(fine, coarse)


def _position(values: Any) -> _Position:
    """Return the position of the largest of `values`."""
    row, column = divmod(int(values.argmax()), values.shape[1])
    return column / values.shape[1], row / values.shape[0]


def _difference(both: list[_Changes]) -> Difference:
    """Return the difference of two pictures, from the changes in either direction."""
    worst = min(both, key=lambda changes: changes.worst_similarity)
    if worst.worst_similarity < ALIKE:
        similarity = f"{worst.worst_similarity:.2f} alike there, {ALIKE} needed"
        return Difference(f"the figure looks different, most {_in_words(worst.worst_position)}: {similarity}")
    furthest = max(both, key=lambda changes: changes.colour_distance)
    if furthest.colour_distance > 1:
        return Difference(f"the figure has other colours or lines, most {_in_words(furthest.colour_position)}")
    return Difference("", frozenset([f"figure {min(changes.mean_similarity for changes in both):.3f} alike"]))


def _in_words(position: _Position) -> str:
    """Return a position as text such as "at the top on the left"."""
    across = ("on the left", "in the middle", "on the right")[min(2, int(position[0] * 3))]
    down = ("at the top", "", "at the bottom")[min(2, int(position[1] * 3))]
    return f"{down} {across}".strip()
