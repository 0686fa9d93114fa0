"""What `tokenizers` takes for letters and numbers, which a browser of another year may not.

`python -m tests.browser.unicode` writes it into `browser/engine/unicode.js`.
"""

from __future__ import annotations

from pathlib import Path

from tokenizers import Regex
from tokenizers.pre_tokenizers import Split

FILE = Path(__file__).parents[2] / "browser" / "engine" / "unicode.js"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
POINTS = [*range(0xD800), *range(0xE000, 0x110000)]
"""Those that are characters."""


def bounds(category: str) -> list[int]:
    """Where runs of a category begin and end, in turn; an end is the first that is not in it."""
    runs = Split(Regex(rf"\p{{{category}}}+"), behavior="removed", invert=True)
    places = [span for _, span in runs.pre_tokenize_str("".join(map(chr, POINTS)))]
    return [bound for start, end in places for bound in (POINTS[start], POINTS[end - 1] + 1)]


def written(numbers: list[int]) -> str:
    """The distance of each from the one before, to the base 36."""
    distances = [after - before for before, after in zip([0, *numbers], numbers, strict=False)]
    return ",".join(map(base36, distances))


def base36(number: int) -> str:
    return (base36(number // 36) if number >= 36 else "") + DIGITS[number % 36]


def module() -> str:
    return f'''/* Runs of code points, as `tokenizers` has them: see `tests.browser.unicode`. */

export const LETTERS =
  "{written(bounds("L"))}";

export const NUMBERS =
  "{written(bounds("N"))}";
'''


if __name__ == "__main__":
    FILE.write_text(module(), encoding="utf-8")
