"""The Compare page's numbers, without a browser."""

from __future__ import annotations

from adaspec import replays
from adaspec.analysis.drafts import entries
from adaspec.speculation.uniforms import TEST, uniforms
from adaspec.views import compare_view as view
from tests.comparisons import EXAMPLE


def test_forced_lanes_meet_the_chances_that_the_decoder_met():
    """At every place in the text, the uniform that tests a proposal in the replay is the lane's."""
    draft = next(entry for entry in entries([EXAMPLE]) if entry.table == "adaspec")
    trace = replays.read(EXAMPLE, draft.table, 1)
    shown = view.forced([draft], 1)
    assert shown["u"] == uniforms(trace.seed, shown["rows"])[:, TEST].tolist()
    place = tested = 0
    for step in trace.rounds:
        for offset, proposal in enumerate(step.proposals[: step.accepted + step.rejected]):
            if place + offset < shown["rows"]:
                assert shown["u"][place + offset] == proposal.u
                tested += 1
        place += step.tokens
    assert tested > 10
