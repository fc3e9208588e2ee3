"""What the branches of a plan do not share, and their merge bases: what git says of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.histories import Step, build, histories

from branchsim.git.log import merge_bases, read_commits, rev_list
from branchsim.git.objects import ObjectReader
from branchsim.git.repository import Repository
from branchsim.names import Sha
from branchsim.simulate import graph as graph_module
from branchsim.simulate.graph import Graph, read_unshared


@settings(max_examples=40, deadline=None)
@given(steps=histories(most=14), near=st.sampled_from([0, 5, 1000]), data=st.data())
def test_all_that_is_left_out_is_reached_from_every_tip(
    tmp_path_factory: pytest.TempPathFactory, steps: list[Step], near: int, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("t") / "repo"
    ids = sorted(set(map(Sha, build(path, steps))))
    tips = data.draw(st.lists(st.sampled_from(ids), min_size=1, max_size=4))
    with (
        Repository(path) as repository,
        ObjectReader(repository.scratch) as reader,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(graph_module, "_NEAR", near)  # from here on git log is asked
        scratch = repository.scratch
        reached = [set(rev_list(scratch, [tip])) for tip in tips]
        known = [commit.sha for commit in read_unshared(scratch, reader, tips)]
        assert len(known) == len(set(known))
        assert set(tips) <= set(known)
        assert set().union(*reached) - set(known) <= set.intersection(*reached)
        graph = Graph(read_unshared(scratch, reader, tips), reader)
        for one in tips:
            for other in tips:
                assert graph.is_ancestor(one, other) == (one in set(rev_list(scratch, [other])))
                assert graph.merge_bases(one, other) == merge_bases(scratch, one, other)
                plain = {c.sha for c in read_commits(scratch, [other, f"^{one}"], changes=False) if not c.is_merge}
                assert set(graph.since(one, other)) == plain


@settings(max_examples=5, deadline=None)
@given(steps=histories(most=14))
def test_no_more_is_read_than_has_to_be(tmp_path_factory: pytest.TempPathFactory, steps: list[Step]) -> None:
    path = tmp_path_factory.mktemp("t") / "repo"
    tip = Sha(build(path, steps)[-1])
    with Repository(path) as repository, ObjectReader(repository.scratch) as reader:
        assert [commit.sha for commit in read_unshared(repository.scratch, reader, [tip, tip])] == [tip]
        assert list(read_unshared(repository.scratch, reader, [])) == []
