"""What is true of the year: what was planned, and what the contents of each landing show of it."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from branchsim.errors import InternalError
from branchsim.sample.truth import Truth

if TYPE_CHECKING:
    from branchsim.names import Sha
    from branchsim.sample.hotfixes import Hotfix
    from branchsim.sample.team import Team

# ruff: noqa: E501  a table reads best with a row on a line

# How an obligation ended, how that looked on arrival, how it arrived, the cause, and why in words.
_ENDED: dict[str, tuple[str, str, str, str, str]] = {
    "evolved": ("retrofitted", "", "merge", "", "its branch was merged to integration; later its lines were worked on there"),
    "ours": ("lost", "", "merge", "ours-merge", "its branch was merged to integration with the strategy ours"),
    "version": ("retrofitted", "", "merge", "", "its branch was merged; of the version number integration kept its own"),
    "picked-evolved": ("retrofitted", "", "cherry-pick", "", "it was cherry-picked; later its lines were worked on there"),
    "one-sided": ("lost", "", "merge", "one-sided-resolution", "its retrofit conflicted; integration's file was kept"),
    "stale": ("lost", "retrofitted", "merge", "stale-commit", "it arrived, then an older copy of its file was committed"),
    "wrong-base": ("retrofitted", "", "merge", "", "its branch was merged to integration, from which it had started"),
    "squash-moved": ("retrofitted", "", "squash", "", "its commits were squashed into one; later its method was moved"),
    "kept-both": ("retrofitted", "", "merge", "", "its retrofit conflicted, and both sides were kept"),
    "evil-merge": ("lost", "retrofitted", "merge", "evil-merge", "it arrived, then a clean merge was recorded without it"),
    "reordered": ("retrofitted", "", "merge", "", "its branch was merged to integration; later its file was put in order"),
    "late-version": ("late", "", "merge", "late", "its branch was merged to integration when the next release had passed"),
    "revert-propagated": ("lost", "retrofitted", "merge", "revert-propagated", "it arrived, then its merge was reverted"),
    "merged-integration": ("retrofitted", "", "merge", "", "its branch was merged to integration"),
    "stale-restored": ("retrofitted", "", "merge", "", "it arrived, was overwritten, and was put back before the release"),
    "by-hand": ("retrofitted", "", "by hand", "", "the same lines were written on integration by hand"),
    "one-sided-partial": (
        "partial", "", "merge", "one-sided-resolution", "its retrofit conflicted in one of two files; there integration's was kept",
    ),
    "brought-along": ("late", "", "merge", "late", "nobody retrofitted it until the branch of a later hotfix brought it along"),
    "carrier": ("retrofitted", "", "merge", "", "its retrofit conflicted, and both sides were kept"),
    "picked-reapplied": ("retrofitted", "", "cherry-pick", "", "it was cherry-picked, reverted there, and reapplied"),
    "missed": ("missed", "", "", "missed", "nobody brought it to integration"),
    "stale-picked": ("lost", "retrofitted", "cherry-pick", "stale-commit", "it arrived, then an older copy was committed"),
    "squash": ("retrofitted", "", "squash", "", "its commits were squashed into one on integration"),
    "missed-overwritten": ("missed", "", "", "missed", "nobody brought it to integration, and the next release dropped it"),
    "evil-picked": ("lost", "retrofitted", "cherry-pick", "evil-merge", "it arrived, then a clean merge was recorded without it"),
    "reverted": ("reverted", "", "", "reverted-at-source", "it was reverted on preprod: nothing is owed"),
    "superseded-later": ("superseded", "", "", "superseded", "integration removed the class that it changes"),
    "superseded-before": ("superseded", "", "", "superseded", "integration had removed the class that it changes"),
    "forced": ("lost", "missed", "", "force-push", "it was picked to integration, then integration was pushed by force without it"),
    "by-hand-other": ("retrofitted", "missed", "by hand", "", "it was written again on integration, in slightly other words"),
}  # fmt: skip

_OVERWRITES = {
    "ours": "ours-merge",
    "one-sided": "one-sided-resolution",
    "one-sided-partial": "one-sided-resolution",
    "stale": "stale-commit",
    "stale-picked": "stale-commit",
    "stale-restored": "stale-commit",
    "evil-merge": "evil-merge",
    "evil-picked": "evil-merge",
    "missed-overwritten": "one-sided-resolution",
    "forced": "force-push",
}
_TRAPS = {
    "evolved": "evolved",
    "picked-evolved": "evolved",
    "reverted": "explicit-revert",
    "picked-reapplied": "explicit-revert",
    "superseded-later": "superseded",
    "superseded-before": "superseded",
}
_LEAKS = {"wrong-base": "wrong-base", "merged-integration": "merged-integration"}


def rows_of(
    team: Team,
    hotfixes: Mapping[str, Hotfix],
    releases: Sequence[tuple[int, str, Sha]],
    traps: Sequence[tuple[str, Sha, Sha]],
) -> Iterator[Truth]:
    """All rows, in the order of hotfixes, then promotions and further traps."""
    came = team.arrivals("integration")
    for fix in hotfixes.values():
        yield from _obligations(team, fix, came)
        yield from _gone(team, fix)
        yield from _further(team, fix)
    for number, branch, landing in releases:
        yield Truth(
            kind="promotion", name=f"release-{number}", branch=branch, landing=landing, reason=f"release 25.{number}"
        )
    for cause, origin, landing in traps:
        yield Truth(
            kind="trap",
            name=cause,
            subject=_subject(team, origin),
            cause=cause,
            branch="integration",
            landing=landing,
            origin=origin,
            reason="a number of a version was raised"
            if cause == "version-bump"
            else "a feature was withdrawn on purpose",
        )


def _obligations(team: Team, fix: Hotfix, came: Mapping[Sha, Sha]) -> Iterator[Truth]:
    verdict, on_arrival, how, cause, reason = _ENDED[fix.plan.scenario]
    _verify(team, fix, verdict, on_arrival, came)
    lost_later = verdict == "lost" and on_arrival == "retrofitted"
    yield Truth(
        kind="obligation",
        name=fix.plan.name,
        subject=fix.title,
        change=fix.landing or "",
        commits=" ".join(fix.commits),
        landed_on="preprod",
        owed_to="integration",
        verdict=verdict,
        on_arrival=on_arrival or verdict,
        how=how,
        counterpart=(fix.origin if lost_later else fix.counterpart) or "",
        cause=cause,
        landing="" if fix.plan.scenario == "forced" else fix.arrival or "",
        reason=reason,
    )
    if fix.plan.scenario == "reverted" and fix.counterpart is not None:
        yield Truth(
            kind="obligation",
            name=f"{fix.plan.name}-revert",
            subject=_subject(team, fix.counterpart),
            change=fix.counterpart,
            commits=fix.counterpart,
            landed_on="preprod",
            owed_to="integration",
            verdict="reverted",
            on_arrival="reverted",
            cause="reverted-at-source",
            reason="it undoes what integration never had: nothing is owed",
        )


def _verify(team: Team, fix: Hotfix, verdict: str, on_arrival: str, came: Mapping[Sha, Sha]) -> None:
    """Ancestry and contents must bear out what was planned."""
    first = came.get(fix.commits[-1])
    how = _ENDED[fix.plan.scenario][2]
    merged = how == "merge"
    if merged and first != fix.arrival:
        raise InternalError(f"hotfix {fix.plan.name} of the sample came to integration by {first}, not as planned")
    final = fix.present(team.git.tip("integration"))
    evolved = fix.plan.scenario in {"evolved", "picked-evolved"}
    arrives = (on_arrival or verdict) in {"retrofitted", "late"} and not evolved
    if (not merged and first is not None and fix.plan.window >= 7) or (final and not arrives and how != "by hand"):  # noqa: PLR2004
        raise InternalError(f"hotfix {fix.plan.name} of the sample is on integration, which was not planned")
    if arrives and verdict in {"retrofitted", "late"} and not final:
        raise InternalError(f"hotfix {fix.plan.name} of the sample is not on integration, which was not planned")


def _gone(team: Team, fix: Hotfix) -> Iterator[Truth]:
    """Each landing after which a hotfix is no longer there, on any branch."""
    for branch, landings in team.landings.items():
        for place, (before, after) in enumerate(itertools.pairwise(landings), 1):
            if not fix.present(before) or fix.present(after):
                continue
            restored = next((sha for sha in landings[place + 1 :] if fix.present(sha)), None)
            kind, cause = _kind(fix, branch)
            origin = fix.origin or fix.counterpart or after
            yield Truth(
                kind=kind,
                name=fix.plan.name,
                subject=fix.title,
                change=fix.landing or "",
                commits=" ".join([*fix.commits, *fix.carriers]),
                cause=cause,
                branch=branch,
                landing=after,
                origin=_evolving(team, fix) if cause == "evolved" else origin,
                path=fix.fixes[0].path,
                side="target",
                restored_by=restored or "",
                reason=f"{_subject(team, after)} is the first landing on {branch} without it",
            )


def _kind(fix: Hotfix, branch: str) -> tuple[str, str]:
    scenario = fix.plan.scenario
    if scenario == "revert-propagated":
        return ("trap", "explicit-revert") if branch == "integration" else ("overwrite", "revert-propagated")
    if scenario in _OVERWRITES:
        return "overwrite", _OVERWRITES[scenario]
    if scenario in _TRAPS:
        return "trap", _TRAPS[scenario]
    raise InternalError(f"hotfix {fix.plan.name} of the sample is gone from {branch}, which was not planned")


def _evolving(team: Team, fix: Hotfix) -> str:
    """The commit that worked on the lines of a hotfix."""
    for made in team.git.made.values():
        if len(made.parents) == 1 and fix.present(made.parents[0]) and not fix.present(made.sha):
            return made.sha
    return ""


def _further(team: Team, fix: Hotfix) -> Iterator[Truth]:
    cause = _LEAKS.get(fix.plan.scenario)
    if cause is not None:
        yield Truth(
            kind="leak",
            name=fix.plan.name,
            subject=fix.title,
            change=fix.landing or "",
            commits=" ".join(fix.leaked),
            cause=cause,
            branch="preprod",
            landing=fix.landing or "",
            reason=f"its branch brought {len(fix.leaked)} commits of BUILD to preprod that had not passed uat",
        )
    if fix.plan.scenario in {"ours", "one-sided", "one-sided-partial"}:
        yield Truth(
            kind="overwrite",
            name=fix.plan.name,
            subject=fix.title,
            change=fix.landing or "",
            commits=" ".join(fix.commits),
            cause=_OVERWRITES[fix.plan.scenario],
            branch="integration",
            landing=fix.arrival or "",
            origin=fix.arrival or "",
            path=fix.fixes[0].path,
            side="source",
            reason="its retrofit did not deliver it",
        )
    traps = [*fix.traps]
    if fix.plan.scenario in {"kept-both", "carrier"} and fix.arrival is not None:
        traps.insert(0, ("kept-both", fix.arrival, fix.arrival))
    for name, origin, landing in traps:
        yield Truth(
            kind="trap",
            name=fix.plan.name,
            subject=_subject(team, origin),
            change=fix.landing or "",
            cause=name,
            branch="integration",
            landing=landing,
            origin=origin,
            path=fix.fixes[0].path,
            reason={
                "kept-both": "a conflict whose resolution keeps both sides",
                "moved": "the lines were moved, not changed",
                "reordered": "the elements stand in another order, and are the same",
                "version-bump": "of two version numbers the newer one was kept",
            }[name],
        )


def _subject(team: Team, sha: str) -> str:
    subject = next(made.message for made in team.git.made.values() if made.sha == sha)
    first, _, rest = subject.partition("\n")
    return rest.strip().partition("\n")[0] if first.startswith("Merge pull request") and rest.strip() else first


__all__ = ["rows_of"]
