"""The rows of `assets/english`: GSM8K's training rows as prompt and response.

    python -m benchmarks.english.rows --gsm8k train.jsonl

The calculator's marks are taken out and the last line is made a sentence. `train.parquet` is what
the models and the drafts learn from; nothing is trained on `held-out.parquet`, of which the first
200 rows are for evaluation and the last 100 for validation. GSM8K's test rows are in neither.
"""

from __future__ import annotations

import argparse
import random
import re
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from adaspec import ASSETS
from adaspec.recipe import Rows
from adaspec.rows import Row, read, read_file

FOLDER = ASSETS / "english"
HUB = Rows(hub="openai/gsm8k", config="main", split="train")
HELD_OUT, TRAIN = 300, 7000
MARK = re.compile(r"<<.*?>>")
LAST = re.compile(r"\n#### (.*)$")


def plain(row: Row) -> dict[str, str]:
    """A row of GSM8K without its calculator's marks, its last line a sentence."""
    answer = LAST.sub(r"\nThe answer is \1.", MARK.sub("", row["answer"]))
    return {"prompt": row["question"] + "\n", "response": answer}


def write(rows: list[dict[str, str]], path: Path) -> None:
    """As small as Parquet gets: one page a column."""
    pq.write_table(
        pa.Table.from_pylist(rows),
        path,
        compression="brotli",
        compression_level=11,
        use_dictionary=False,
        write_statistics=False,
        store_schema=False,
        row_group_size=len(rows),
        data_page_size=8 << 20,
    )
    print(f"{path}: {len(rows):,} rows, {path.stat().st_size:,} bytes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gsm8k", type=Path, help="train.jsonl; without it, from the Hub")
    parser.add_argument("--out", type=Path, default=FOLDER)
    arguments = parser.parse_args()
    source = read_file(arguments.gsm8k) if arguments.gsm8k else read(HUB, "--gsm8k")
    rows = [plain(row) for row in source]
    random.Random("english").shuffle(rows)
    arguments.out.mkdir(parents=True, exist_ok=True)
    write(rows[:HELD_OUT], arguments.out / "held-out.parquet")
    write(rows[HELD_OUT : HELD_OUT + TRAIN], arguments.out / "train.parquet")


if __name__ == "__main__":
    main()
