"""The browser's engine against torch and tokenizers: the same ids, logits and decisions."""

from __future__ import annotations

import random
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Page
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, trainers
from tokenizers.models import BPE
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaConfig, LlamaForCausalLM

from adaspec import ASSETS, inference, replays, runs
from adaspec.answers import TextRows
from adaspec.recipe import Decoding
from adaspec.run_models import for_browsers
from adaspec.runs import Run
from adaspec.speculation.decoding import Decoder
from adaspec.speculation.trace import Trace
from adaspec.speculation.uniforms import uniforms
from adaspec.views import replay_view
from adaspec.vocabulary import pieces
from tests.browser import unicode
from tests.engine import check_same, in_worker, opening, under_node

TINY = ASSETS / "tiny"
PAIRS = sorted(path.parents[1] for path in ASSETS.glob("*/stock/tokenizer.json"))
PROMPTS = [
    "Nadia has 34 coins. She",
    "Q",
    "Tom had 5 apples, 東京 🙂 and 3.50 euros.\n\nHow many are left?",
]
PIECES = [
    *[
        "the",
        " has",
        "Nadia",
        "34",
        "'s",
        "'ll",
        "'",
        " ",
        "  ",
        "\n",
        "\t",
        "...",
        "<|endoftext|>",
    ],
    *["<|endoftext", "\u0085", "\ufeff", "\u00a0", "\u3000", "\u2028", "\u180e", "\u200b"],
    *["é", "e\u0301", "東京", "🙂", "👩‍👩‍👧", "²", "Ⅷ", "٣", "\u0000"],
]


def random_texts(count: int, *, assigned: bool = False) -> list[str]:
    """Of ASCII, of what splits in odd ways, and of characters of all planes.

    Args:
        assigned: only characters that this Python's Unicode knows, and all later ones: NFC is the
            only thing that depends on more.
    """
    rng = random.Random(0)

    def anywhere(end: int) -> str:
        while True:
            letter = chr(rng.randrange(end))
            kind = unicodedata.category(letter)
            if kind != "Cs" and not (assigned and kind == "Cn"):
                return letter

    def part() -> str:
        makers = [
            lambda: chr(rng.randrange(0x20, 0x7F)),
            lambda: rng.choice(PIECES),
            lambda: anywhere(0x3000),
            lambda: anywhere(0x110000),
        ]
        return rng.choice(makers)()

    return ["".join(part() for _ in range(rng.randrange(1, 40))) for _ in range(count)]


def check_tokenizer(path: Path, texts: list[str]) -> None:
    tokenizer = Tokenizer.from_file(str(path))
    wanted = [encoding.ids for encoding in tokenizer.encode_batch(texts)]
    (answer,) = under_node({"what": "encode", "tokenizer": str(path), "texts": texts})
    for text, ids, of_engine in zip(texts, wanted, answer["ids"], strict=True):
        assert of_engine == ids, text
    assert answer["texts"] == [tokenizer.decode(ids, skip_special_tokens=False) for ids in wanted]


@pytest.mark.parametrize("pair", PAIRS, ids=lambda folder: folder.name)
def test_text_of_all_planes_becomes_the_tokens_that_tokenizers_gives(pair: Path) -> None:
    check_tokenizer(pair / "target" / "tokenizer.json", random_texts(10_000))


def test_letters_and_numbers_are_those_of_tokenizers() -> None:
    assert unicode.FILE.read_text() == unicode.module(), "python -m tests.browser.unicode"


def test_so_it_does_where_odd_characters_are_joined(tmp_path: Path) -> None:
    texts = random_texts(4_000, assigned=True)
    tokenizer = Tokenizer(BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=3000,
        special_tokens=["<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts[::2], trainer)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    check_tokenizer(tmp_path / "tokenizer.json", texts)


def test_the_uniforms_are_numpys() -> None:
    seeds = [0, 1, 7, 2**32 - 1, 2**32, 2**53 - 1]
    answers = under_node(*({"what": "uniforms", "seed": seed, "positions": 20} for seed in seeds))
    assert answers == [uniforms(seed, 20).ravel().tolist() for seed in seeds]


def check_logits(folder: Path, tolerance: float, *, plainly: bool) -> None:
    """Read in pieces, and once more from the middle on, over what was read before.

    In float64, since torch's own float32 is off by nearly as much as is allowed here.
    """
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    ids = [(7 * i * i + 3) % model.config.vocab_size for i in range(100)]
    other = [(5 * i + 1) % model.config.vocab_size for i in range(40)]
    parts = [(ids[:65], 0), (ids[65:66], 65), (ids[66:], 66), (other, 60)]
    passes = [{"ids": part, "position": position} for part, position in parts]
    (answer,) = under_node(
        {"what": "read", "model": str(folder), "passes": passes, "plainly": plainly}
    )
    with torch.no_grad():
        first = model(input_ids=torch.tensor([ids])).logits[0]
        second = model(input_ids=torch.tensor([ids[:60] + other])).logits[0, 60:]
    read = torch.tensor([row for rows in answer for row in rows], dtype=torch.float64)
    torch.testing.assert_close(read, torch.cat([first, second]), atol=tolerance, rtol=0)


@pytest.mark.parametrize("plainly", [False, True], ids=["simd", "plain"])
@pytest.mark.parametrize("pair", PAIRS, ids=lambda folder: folder.name)
def test_logits_are_those_of_torch(pair: Path, plainly: bool) -> None:
    check_logits(pair / "target", 1e-4, plainly=plainly)
    check_logits(pair / "stock", 1e-4, plainly=plainly)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_so_they_are_with_shared_keys_an_own_head_and_narrow_weights(
    tmp_path: Path, dtype: torch.dtype
) -> None:
    torch.manual_seed(3)
    config = LlamaConfig(
        vocab_size=301,
        hidden_size=24,
        num_hidden_layers=3,
        num_attention_heads=6,
        num_key_value_heads=2,
        head_dim=8,
        intermediate_size=36,
        max_position_embeddings=128,
        rope_parameters={"rope_type": "default", "rope_theta": 500.0},
        tie_word_embeddings=False,
    )
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.normal_(0, 0.3) if parameter.ndim == 2 else parameter.uniform_(0.5, 1.5)
    model.to(dtype).save_pretrained(tmp_path)
    check_logits(tmp_path, 1e-4, plainly=False)


def traces(
    folder: Path, requests: list[dict[str, Any]], *, vocabulary: int, eos: int, plainly: bool
) -> list[tuple[Trace, Trace]]:
    """Of every request, the library's and the engine's."""
    target, draft = (
        AutoModelForCausalLM.from_pretrained(folder / role, dtype=torch.float32).eval()
        for role in ("target", "stock")
    )
    decode = Decoder(target, vocabulary=vocabulary, eos=eos)
    ours = [
        decode(
            draft if request["decoding"].gamma else None,
            request["prompt"],
            request["decoding"],
            seed=request["seed"],
        )
        for request in requests
    ]
    (theirs,) = under_node(
        {
            "what": "decode",
            "target": str(folder / "target"),
            "draft": str(folder / "stock"),
            "vocabulary": vocabulary,
            "plainly": plainly,
            "requests": [
                request | {"decoding": request["decoding"].model_dump(), "eos": eos}
                for request in requests
            ],
        }
    )
    return list(zip(ours, map(Trace.model_validate, theirs), strict=True))


@pytest.mark.parametrize("plainly", [False, True], ids=["simd", "plain"])
def test_greedy_texts_are_those_of_torch(plainly: bool) -> None:
    tokenizer = AutoTokenizer.from_pretrained(TINY / "target")
    requests = [
        {
            "prompt": tokenizer(prompt)["input_ids"],
            "decoding": Decoding(gamma=gamma, temperature=0, max_new_tokens=80),
            "seed": 0,
        }
        for prompt in PROMPTS
        for gamma in (0, 1, 4)
    ]
    eos = tokenizer.eos_token_id
    pairs = traces(TINY, requests, vocabulary=len(tokenizer), eos=eos, plainly=plainly)
    for ours, theirs in pairs:
        check_same(ours.model_dump(), theirs.model_dump())
    assert any(ours.stopped == "eos" for ours, _ in pairs)


@pytest.mark.parametrize("plainly", [False, True], ids=["simd", "plain"])
def test_every_decision_is_the_librarys(plainly: bool) -> None:
    tokenizer = AutoTokenizer.from_pretrained(TINY / "target")
    laws: list[dict[str, float]] = [
        {"temperature": 1.0},
        {"temperature": 0.6},
        {"temperature": 1.5},
        {"temperature": 1.0, "top_k": 20},
        {"temperature": 1.2, "top_p": 0.9},
        {"temperature": 0.8, "top_k": 50, "top_p": 0.7},
    ]
    requests = [
        {
            "prompt": tokenizer(prompt)["input_ids"],
            "decoding": Decoding(gamma=gamma, max_new_tokens=48, **law),
            "seed": 1000 * gamma + number,
        }
        for gamma in (0, 1, 4, 8)
        for number, law in enumerate(laws)
        for prompt in [PROMPTS[(gamma + number) % len(PROMPTS)]]
    ]
    eos = tokenizer.eos_token_id
    pairs = traces(TINY, requests, vocabulary=len(tokenizer), eos=eos, plainly=plainly)
    for ours, theirs in pairs:
        check_same(ours.model_dump(), theirs.model_dump())
    kinds = {each.last.kind for ours, _ in pairs for each in ours.rounds if each.last}
    assert kinds == {"residual", "bonus"}


def test_so_it_is_of_sharp_models_up_to_the_end_of_the_context(small_models: Path) -> None:
    """The vocabulary that both share is smaller than either's, and no multiple of 4."""
    requests = [
        {
            "prompt": [(3 * i * i) % 290 for i in range(length)],
            "decoding": Decoding(gamma=4, temperature=temperature, max_new_tokens=40),
            "seed": 5,
        }
        for length in (1, 130, 1000, 1019, 1022, 1023)
        for temperature in (0, 1.0)
    ]
    pairs = traces(small_models, requests, vocabulary=294, eos=0, plainly=False)
    for ours, theirs in pairs:
        check_same(ours.model_dump(), theirs.model_dump())
    assert {ours.stopped for ours, _ in pairs} >= {"length", "context"}


@pytest.mark.parametrize("name", runs.EXAMPLES)
def test_the_words_of_a_recorded_replay_are_those_that_pages_show(name: str) -> None:
    run = Run(runs.EXAMPLES[name])
    pair = {"example": "tiny"}.get(name, name)
    tokenizer = str(ASSETS / pair / "target" / "tokenizer.json")
    numbers = [(draft, seq) for draft in replays.drafts(run) for seq in replays.numbers(run, draft)]
    shown = [replay_view.stored(run, *number) for number in numbers]
    requests = [{"what": "words", "tokenizer": tokenizer, "trace": view["trace"]} for view in shown]
    for view, words in zip(shown, under_node(*requests), strict=True):
        assert words == {key: view[key] for key in ("vocabulary", "pieces")}


def test_so_are_those_of_bytes_that_make_no_character(tmp_path: Path) -> None:
    """Any bytes, in any order: every token of the pair, and what no token is."""
    tokenizer = AutoTokenizer.from_pretrained(TINY / "target")
    words = pieces(tokenizer)
    rng = random.Random(1)
    singles = [piece.id for piece in words if len(piece.data) == 1]
    characters = tokenizer("東京 🙂 é\u0301 👩\u200d👧 ∞")["input_ids"]
    text = [*singles, *characters, *(rng.choice(singles + characters) for _ in range(3000))]
    made = Trace.model_validate(
        {
            "prompt": [piece.id for piece in words],
            "decoding": {"gamma": 0},
            "seed": 0,
            "rounds": [
                {
                    "proposals": [],
                    "last": {"token": token, "kind": "bonus", "u": 0.5, "p": 1},
                    "draft_ms": 0,
                    "verify_ms": 1,
                }
                for token in text
            ],
            "prefill_ms": 0,
            "stopped": "length",
        }
    )
    view = replay_view.view(made, words, "", "", "", [])
    path = str(TINY / "target" / "tokenizer.json")
    (answer,) = under_node({"what": "words", "tokenizer": path, "trace": view["trace"]})
    assert view["pieces"]
    assert answer == {key: view[key] for key in ("vocabulary", "pieces")}


TEXTS = [
    ("Tom has 12 apples.\n", "He gives 5 of them to Ada: 7.", 0),
    ("", "Lily ran", 0),
    ("The dog 🙂 ran to 東京 and na", "ïve\t<b> words, " + 90 * "on and ", 0),
    ("A boy", "", 40),
    ("Connor sleeps 6 hours a night.\n", "", 64),
]


@pytest.mark.parametrize("name", runs.EXAMPLES)
def test_of_a_text_it_says_what_the_library_says(name: str) -> None:
    run = Run(runs.EXAMPLES[name])
    folders = for_browsers(run)
    models = inference.open_run(run)
    snapshots = [each for each in folders if each != "target"]
    (answers,) = under_node(
        {
            "what": "rows",
            "tokenizer": str(folders["target"] / "tokenizer.json"),
            "models": {each: str(folder) for each, folder in folders.items()},
            "vocabulary": models.vocabulary,
            "eos": models.tokenizer.eos_token_id,
            "texts": TEXTS,
        }
    )
    for (prompt, response, count), answer in zip(TEXTS, answers, strict=True):
        theirs = TextRows.model_validate(answer)
        ours = inference.read_text(models, prompt, response, snapshots, new_tokens=count or 64)
        assert (theirs.ids, theirs.response_from) == (ours.ids, ours.response_from)
        assert theirs.columns.keys() == ours.columns.keys()
        for column, values in ours.columns.items():
            assert theirs.columns[column] == pytest.approx(values, abs=1e-4), column
        assert theirs.top.keys() == ours.top.keys()
        for model, likeliest in ours.top.items():
            for ids, p, their_ids, their_p in zip(
                likeliest.id, likeliest.p, theirs.top[model].id, theirs.top[model].p, strict=True
            ):
                assert their_p == pytest.approx(p, abs=1e-4)
                assert ids == their_ids or min(np.abs(np.diff(p))) < 1e-5


def test_in_chromium_a_worker_decodes_as_the_library_does_and_stops_at_once(page: Page) -> None:
    tokenizer = AutoTokenizer.from_pretrained(TINY / "target")
    request = {
        "prompt": tokenizer(PROMPTS[2])["input_ids"],
        "decoding": Decoding(max_new_tokens=40),
        "seed": 11,
    }
    eos, vocabulary = tokenizer.eos_token_id, len(tokenizer)
    ((ours, _),) = traces(TINY, [request], vocabulary=vocabulary, eos=eos, plainly=False)
    ask = in_worker(page)
    tokens = TINY / "target" / "tokenizer.json"
    pair = opening(tokens, target=TINY / "target", stock=TINY / "stock")
    assert ask(**pair, vocabulary=vocabulary, eos=eos) == {"arithmetic": "simd"}
    asked = {"what": "decode", "draft": "stock", "prompt": PROMPTS[2], "seed": 11}
    answer = ask(**asked, decoding=request["decoding"].model_dump())
    theirs = Trace.model_validate(answer["trace"])
    check_same(ours.model_dump(), theirs.model_dump())
    assert theirs.plain_ms
    words = [answer["vocabulary"][str(token)]["text"] for token in tokenizer("Tom")["input_ids"]]
    assert "".join(words) == "Tom"
    costs = ask(what="measure", draft="stock", gamma=4)
    assert len(costs["v"]) == 5
    assert costs["v"][0] == 1
    long = Decoding(max_new_tokens=900).model_dump()
    assert ask(**asked, decoding=long, stop_after=3) < 1000, "milliseconds; decoding takes longer"
