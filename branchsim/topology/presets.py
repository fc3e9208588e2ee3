"""Topologies that many teams keep. Each is data: take one, `replace` what differs, and write it to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from branchsim.errors import TopologyError
from branchsim.topology.model import Topology
from branchsim.topology.patterns import is_pattern
from branchsim.topology.records import Branch, Family, Flow

if TYPE_CHECKING:
    from branchsim.topology.records import Method

_BUILD_RUN_GUARDS = (
    "no-promotion-while-open",
    "no-squash-if-merged-again",
    "run-frozen-while-ahead",
    "keep-branch-until-retrofitted",
)


def build_run(
    *, integration: str = "integration", uat: str = "uat", preprod: str = "preprod", production: str = "production"
) -> Topology:
    """BUILD/RUN as in Salesforce CI/CD.

    BUILD, ``integration -> uat -> preprod``, makes the next version; RUN, ``preprod -> production``, ships patches.
    A hotfix starts from ``preprod``, is merged there and promoted to ``production``, and the same branch is merged to
    ``integration``: it is kept until then, and never squashed because it is merged twice. Features go to
    ``integration`` only. While ``preprod`` holds a version that ``production`` does not, no hotfix can ship.
    """
    return Topology(
        (
            Branch(integration, layer="BUILD"),
            Branch(uat, layer="BUILD"),
            Branch(preprod, layer="RUN"),
            Branch(production, layer="RUN"),
        ),
        (
            Flow("promote", source=integration, target=uat, methods=("merge", "fast-forward")),
            Flow("promote", source=uat, target=preprod, methods=("merge", "fast-forward")),
            Flow("promote", source=preprod, target=production, methods=("merge", "fast-forward")),
            Flow("retrofit", source=preprod, target=integration, methods=("merge",)),
        ),
        (
            Family("feature/*", source=(integration,), to=(integration,), methods=("merge", "squash", "rebase")),
            Family("hotfix/*", source=(preprod,), to=(preprod,), retrofit=(integration,), methods=("merge",)),
        ),
        name="build-run",
        guards=_BUILD_RUN_GUARDS,
    )


def build_run_merge_back(
    *,
    integration: str = "integration",
    uat: str = "uat",
    uat_run: str | None = None,
    preprod: str = "preprod",
    production: str = "main",
) -> Topology:
    """BUILD/RUN where RUN is merged back: ``preprod`` or ``main`` is merged into a ``retrofit/*`` branch of its own.

    The retrofit branch goes to ``integration`` and brings everything that RUN holds, so a hotfix branch is merged once,
    may be squashed, and need not be kept. With ``uat_run``, maintenance that can wait is validated there before it is
    promoted to ``preprod``; a hotfix still goes to ``preprod`` itself.

    Parameters
    ----------
    uat_run : str, optional
        The branch before ``preprod`` in RUN, for example ``"uat_run"``; none by default.
    """
    promotes = [(integration, uat), (uat, preprod), (preprod, production)]
    branches = [Branch(integration, layer="BUILD"), Branch(uat, layer="BUILD")]
    families = [
        Family("feature/*", source=(integration,), to=(integration,), methods=("merge", "squash", "rebase")),
        Family("hotfix/*", source=(preprod,), to=(preprod,), methods=("merge", "squash")),
    ]
    if uat_run is not None:
        promotes.insert(2, (uat_run, preprod))
        branches.append(Branch(uat_run, layer="RUN"))
        families.append(Family("fix/*", source=(uat_run,), to=(uat_run,), methods=("merge", "squash")))
    families.append(Family("retrofit/*", source=(preprod, production), to=(integration,), methods=("merge",)))
    return Topology(
        (*branches, Branch(preprod, layer="RUN"), Branch(production, layer="RUN")),
        (
            *(Flow("promote", source=a, target=b, methods=("merge", "fast-forward")) for a, b in promotes),
            Flow("retrofit", source=preprod, target=integration, methods=("merge",)),
            Flow("retrofit", source=production, target=integration, methods=("merge",)),
        ),
        tuple(families),
        name="build-run-merge-back",
        guards=("no-promotion-while-open", "run-frozen-while-ahead"),
    )


def gitflow(*, develop: str = "develop", main: str = "main") -> Topology:
    """Gitflow: ``develop`` for the next version, ``main`` for what is released.

    ``release/*`` starts from ``develop`` and goes to ``main``: that landing is the promotion. What was fixed on a
    ``release/*`` or ``hotfix/*`` branch is owed to ``develop``.
    """
    return Topology(
        (Branch(develop, layer="BUILD"), Branch(main, layer="RUN")),
        (
            Flow("promote", source=develop, target=main),
            Flow("retrofit", source=main, target=develop),
        ),
        (
            Family("feature/*", source=(develop,), to=(develop,)),
            Family("bugfix/*", source=(develop,), to=(develop,)),
            Family("release/*", source=(develop,), to=(main,), retrofit=(develop,)),
            Family("hotfix/*", source=(main,), to=(main,), retrofit=(develop,)),
        ),
        name="gitflow",
        guards=("no-promotion-while-open", "no-squash-if-merged-again", "keep-branch-until-retrofitted"),
    )


def release_train(
    *, main: str = "main", releases: str = "release/*", direction: Literal["forward", "back"] = "forward"
) -> Topology:
    """Release trains: each release is cut from ``main`` and kept open.

    In both directions what is on a release must be on every newer release and on ``main``, or an upgrade loses it; and
    the next release cut from ``main`` is the deadline. The direction says how it gets there.

    Parameters
    ----------
    releases : str
        A name pattern. `Topology.bind` replaces it by the real branches, in the order of their versions.
    direction : {"forward", "back"}
        ``forward``: a fix lands on the oldest release that needs it, by ``hotfix/*``, and is merged to the next newer
        one, and so on to ``main``. ``back``: it lands on ``main`` and is picked to the releases, directly or by
        ``backport/*``; then the counterpart on ``main`` is older than the change on the release.

    Raises
    ------
    TopologyError
        The direction is unknown, or ``releases`` is no pattern.
    """
    if direction not in ("forward", "back"):
        raise TopologyError(f"release_train: unknown direction {direction!r}; the directions are forward and back")
    if not is_pattern(releases):
        raise TopologyError(f"release_train: {releases!r} is no pattern; write for example 'release/*'")
    forward = direction == "forward"
    # Back: main had the fix first, in whatever way, so how it gets there is nobody's concern.
    how: tuple[Method, ...] = ("merge",) if forward else ()
    return Topology(
        (Branch(main, layer="BUILD"), Branch(releases, layer="RUN", direct=not forward)),
        (
            Flow("promote", source=main, target=releases, methods=() if forward else ("fast-forward", "cherry-pick")),
            Flow("retrofit", source=releases, target=releases, methods=how),
            Flow("retrofit", source=releases, target=main, methods=how),
        ),
        (
            Family("feature/*", source=(main,), to=(main,)),
            Family("hotfix/*", source=(releases,), to=(releases,), methods=("merge",))
            if forward
            else Family("backport/*", source=(releases,), to=(releases,)),
        ),
        name=f"release-train-{direction}",
        guards=("no-promotion-while-open",) if forward else (),
        release_tags="v*",
    )


def trunk(*, main: str = "main") -> Topology:
    """Trunk-based development: one branch, short-lived branches around it, releases are tags. Nothing is owed."""
    return Topology(
        (Branch(main, layer="RUN", direct=True),),
        (),
        tuple(Family(pattern, source=(main,), to=(main,)) for pattern in ("feature/*", "fix/*")),
        name="trunk",
        release_tags="v*",
    )
