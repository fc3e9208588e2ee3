from __future__ import annotations

from branchsim.history.owners import Costs, owners


def silent(_: int, __: tuple[str, ...]) -> Costs:
    return {}


def test_what_is_not_shared_has_no_label_and_what_is_goes_upstream() -> None:
    chains = {"up": [9, 3, 2, 1], "down": [8, 3, 2, 1]}
    assert owners(chains, ["up", "down"], evidence=silent) == {1: "up", 2: "up", 3: "up"}
    assert owners(chains, ["down", "up"], evidence=silent) == {1: "down", 2: "down", 3: "down"}


def test_evidence_moves_the_label_and_its_neighbours_follow() -> None:
    """One merge is known to be of the lower branch: a commit on top of it was most likely made there too."""
    chains = {"up": [9, 4, 3, 2, 1], "down": [4, 3, 2, 1]}

    def said(number: int, _: tuple[str, ...]) -> Costs:
        return {"up": 20.0, "down": 0.0} if number == 3 else {}

    assert owners(chains, ["up", "down"], evidence=said) == {1: "down", 2: "down", 3: "down", 4: "down"}


def test_weak_evidence_does_not_outweigh_the_fast_forwards_it_needs() -> None:
    chains = {"up": [9, 3, 2, 1], "down": [3, 2, 1]}

    def said(number: int, _: tuple[str, ...]) -> Costs:
        return {"up": 0.5, "down": 0.0} if number == 2 else {"up": 0.0, "down": 20.0}

    assert owners(chains, ["up", "down"], evidence=said) == {1: "up", 2: "up", 3: "up"}


def test_a_long_silent_stretch_goes_back_upstream() -> None:
    line = list(range(1000, 0, -1))
    chains = {"up": [2000, *line], "down": [1500, *line]}

    def said(number: int, _: tuple[str, ...]) -> Costs:
        return {"up": 20.0, "down": 0.0} if number == 10 else {}

    labels = owners(chains, ["up", "down"], evidence=said)
    assert labels[10] == "down"
    assert labels[900] == "up"


def test_three_branches_share_what_lies_below_their_joints() -> None:
    chains = {"a": [30, 20, 10], "b": [31, 20, 10], "c": [32, 10]}
    labels = owners(chains, ["a", "b", "c"], evidence=lambda number, _: {"a": 20.0, "b": 0.0} if number == 20 else {})
    assert labels == {20: "b", 10: "b"}
