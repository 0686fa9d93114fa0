"""Built-in data: arithmetic stories that need no network and no licence.

Each row has a `question` and an `answer` that reasons in short steps. The language mixes three
kinds of token on purpose: easy ones (the fixed phrases around every step), hard ones (digits of
results, which take arithmetic), and unpredictable ones (names and amounts that nothing in the
question determines). A draft can learn the first, hardly the second, never the third.
"""

import random

NAMES = (
    "Ada Ben Cleo Dina Emil Fay Gus Hana Ivo Jun Kira Leo Mia Noor Omar Pia Quin Rosa Sami Tess "
    "Uma Vito Wren Xenia Yara Zeno"
).split()
THINGS = (
    "apples pears coins shells stamps marbles books pencils cards eggs roses tickets stones "
    "buttons candles beads"
).split()
PLACES = ["at the market", "in the garden", "at school", "on the beach", "in a shop", "at home"]
GAIN = ["finds {n} more", "buys {n} more", "gets {n} from {friend}", "wins {n} in a game"]
LOSS = ["gives {n} to {friend}", "loses {n}", "sells {n}", "trades away {n}"]
GROUPS = [
    "{n} bags with {m} {things} in each",
    "{n} boxes of {m} {things}",
    "{n} rows of {m} {things}",
]
OPENING = ["Let us see.", "Step by step.", "We count.", "First things first.", "Here is how."]
START = ["{name} starts with {total} {things}.", "At first there are {total} {things}."]
PLUS = ["Then we add {n}: {a} + {n} = {b}.", "{a} + {n} = {b}, so now {b}.", "Plus {n} makes {b}."]
MINUS = ["Then we take {n} away: {a} - {n} = {b}.", "{a} - {n} = {b}, so {b} are left."]
TIMES = ["{n} times {m} is {b}.", "{n} x {m} = {b}, which gives {b} {things}."]
CODA = [
    "{friend} had guessed {guess}.",
    "Later {friend} brings a cake for {guess} people.",
    "{friend} says it took {guess} minutes.",
    "Nobody told {friend}.",
]


def stories(count: int, seed: int) -> list[dict[str, str]]:
    """`count` rows of `question` and `answer`; equal for equal arguments on every machine."""
    rng = random.Random(f"stories-{seed}")
    return [_story(rng) for _ in range(count)]


def _story(rng: random.Random) -> dict[str, str]:
    name, friend = rng.sample(NAMES, 2)
    things = rng.choice(THINGS)
    location = rng.choice(PLACES)
    if rng.random() < 0.3:
        n, m = rng.randint(2, 9), rng.randint(2, 9)
        total = n * m
        groups = rng.choice(GROUPS).format(n=n, m=m, things=things)
        question = [f"{name} has {groups} {location}."]
        steps = [rng.choice(TIMES).format(n=n, m=m, b=total, things=things)]
    else:
        total = rng.randint(5, 60)
        question = [f"{name} has {total} {things} {location}."]
        steps = [rng.choice(START).format(name=name, total=total, things=things)]
    for turn in range(rng.randint(1, 2)):
        gain = total < 12 or rng.random() < 0.5
        n = rng.randint(2, 39) if gain else rng.randint(2, total - 1)
        before, total = total, total + n if gain else total - n
        event = rng.choice(GAIN if gain else LOSS).format(n=n, friend=friend)
        question.append(f"{'Then' if turn else 'One day'} {name} {event}.")
        steps.append(rng.choice(PLUS if gain else MINUS).format(a=before, n=n, b=total))
    question.append(f"How many {things} are there now?")
    coda = rng.choice(CODA).format(friend=rng.choice(NAMES), guess=rng.randint(10, 99))
    answer = [rng.choice(OPENING), *steps, coda, f"The final answer is: {total}"]
    return {"question": " ".join(question), "answer": " ".join(answer)}
