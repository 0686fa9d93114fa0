"""The first rows of a recipe as tokens, to be looked at before anything starts.

`python -m adaspec.first_rows` reads a recipe's YAML and prints a `Preview` as JSON, or ends with
one line on stderr. It opens a tokenizer and no weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from adaspec import apart, models, rows
from adaspec.data import encode
from adaspec.preview import MOST_TOKENS, ROWS, Preview, SeenRow, SeenToken
from adaspec.recipe import Recipe, Rows
from adaspec.vocabulary import pieces


def look(recipe: Recipe) -> Preview:
    """What the target's tokenizer makes of a recipe's first rows.

    Raises:
        AdaspecError: as the run itself does.
    """
    data = recipe.data
    source = data.train or data.evaluation
    assert isinstance(source, Rows)  # a holdout is of training rows
    is_trained = recipe.target.new is not None and not recipe.target.tokenizer
    read = list(_rows(source) if is_trained else islice(_first(source), ROWS))
    texts = ("".join(rows.render(row, data)) for row in read)
    tokenizer = models.open_tokenizer(recipe.target, texts, "target")
    known = {piece.id: piece.text for piece in pieces(tokenizer)}
    if data.responses == "target":
        data = data.model_copy(update={"response": ""})
    seen = []
    for example, cut in encode(read[:ROWS], data, tokenizer):
        ids = [] if example is None else example.ids.tolist()
        prompt = len(ids) if example is None else example.prompt_length
        tokens = [
            SeenToken(id=identity, text=known[identity], part="prompt" if i < prompt else "answer")
            for i, identity in enumerate(ids[:MOST_TOKENS])
        ]
        seen.append(SeenRow(tokens=tokens, length=len(ids), answer=len(ids) - prompt, cut=cut))
    return Preview(rows=seen)


def _rows(source: Rows) -> Iterator[rows.Row]:
    """Lazily from a file, which may be long."""
    if source.path is not None:
        return rows.scan_file(source.path, "data")
    return iter(rows.read(source, "data"))


def _first(source: Rows) -> Iterator[rows.Row]:
    """The same; of stories, no more than are shown."""
    few = {"stories": min(ROWS, source.stories)} if source.stories else {}
    return _rows(source.model_copy(update=few))


def main() -> None:
    apart.answer(look)


if __name__ == "__main__":
    main()
