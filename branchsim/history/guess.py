"""Guess a topology from the names of branches and from what was merged where, and say why.

Every figure in a reason is a count over the history that was read. The result is valid, and
`branchsim.history.read_history` takes it as it is.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from branchsim.errors import InputError, TopologyError
from branchsim.formatting import many
from branchsim.history.graph import Graph
from branchsim.history.landings import read_history
from branchsim.history.messages import ported_from, subject_key
from branchsim.history.refs import branch_tips
from branchsim.history.subjects import read_merge
from branchsim.names import RefName
from branchsim.topology import Branch, Family, Flow, Topology, version_key
from branchsim.topology.bots import is_of_a_bot

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from branchsim.git.repository import Repository
    from branchsim.history.landings import History, Landing
    from branchsim.names import Sha

_DAY = 86_400

# Words for the stages between the developers and the users, the nearest to the developers first. `main` and its like
# are not among them: they mean production in one team and the trunk in another.
_STAGES: tuple[tuple[str, str, re.Pattern[str]], ...] = (
    ("develop", "BUILD", re.compile(r"dev|develop|development|dev[-_]?(?:test|int|org)", re.IGNORECASE)),
    ("integration", "BUILD", re.compile(r"int|integ|integration", re.IGNORECASE)),
    ("uat", "BUILD", re.compile(r"uat|recette|qa|test|testing|acceptance|sit", re.IGNORECASE)),
    ("uat_run", "RUN", re.compile(r"(?:uat|recette|qa)[-_/]?run|run[-_/]?(?:uat|recette|qa)", re.IGNORECASE)),
    ("preprod", "RUN", re.compile(r"pre[-_]?prod(?:uction)?|staging|stage", re.IGNORECASE)),
    ("production", "RUN", re.compile(r"prod|production|live", re.IGNORECASE)),
)
_TRUNKS = ("main", "master", "trunk", "devel", "default")
_VERSION = re.compile(r"v?\d+(?:[._-](?:\d+|x))*(?![0-9A-Za-z])", re.IGNORECASE)
# A branch of a release and a day (`release-8.5-20251204`) was cut from that of the release for one fix or customer.
_AND_A_DAY = re.compile(r"(.+?)[-_./](?:19|20)\d\d[-_.]?(?:0[1-9]|1[0-2])[-_.]?(?:0[1-9]|[12]\d|3[01])(?!\d)")
_AROUND_VERSION = frozenset(
    {
        *("release", "releases", "rel", "stable", "branch", "branches", "main", "master", "maint", "maintenance"),
        *("version", "versions", "support", "lts", "series", "v", "line"),
    }
)

_IDLE = 900 * _DAY
_GAP = 3
_MOST_VERSIONS = 8
_SHOWN = 9
_MERGED_INTO = 10
_LONG = 180 * _DAY
_FAMILY_AT_LEAST = 3
_TWICE_AT_LEAST = 2
_WORKED_ON = 5
_OFTEN_DIRECT = 0.2
_SHARE = 0.1
_MOSTLY = 0.5
_PORTED = 0.1
_FAMILY_WORDS = re.compile(
    r"features?|feat|bug-?fix(?:es)?|fix(?:es)?|hot-?fix(?:es)?|releases?|chore|docs?|task|tech|refactor|tests?|ci|build"
    r"|backports?|retrofits?|support|security|patch|revert|story|epic|us",
    re.IGNORECASE,
)
_TICKET = re.compile(r"([A-Z][A-Z0-9]+-)\d")
_UNNAMED = ("direct", "rebase", "revert", "squash")
# What comes before a release is tagged too, and more often.
_BEFORE_RELEASE = re.compile(
    r"(?<![a-z])(?:alpha|beta|rc|dev|nightly|snapshot|canary|edge|test|testing|qa|uat|sit|int|ci|build|pre)(?![a-z])",
    re.IGNORECASE,
)
_FIXES = re.compile(r"hot-?fix|patch|security|emergency", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Guess:
    """A guessed topology.

    Attributes
    ----------
    topology : Topology
        Valid, without patterns among its branches.
    reasons : tuple of str
        Why it is so, a sentence each, with counts.
    """

    topology: Topology
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((str(self.topology), "", *(f"- {reason}" for reason in self.reasons)))


def guess_topology(repository: Repository) -> Guess:
    """Guess which branches are long-lived, what they are for, and how changes move between them.

    Raises
    ------
    InputError
        The repository has no branch.
    GitError
        An object is missing or corrupt.
    """
    tips = {name: repository.refs[refs[0]] for name, refs in branch_tips(repository).items()}
    if not tips:
        raise InputError(f"{repository.path} has no branch; give a topology file, or clone with its branches")
    # Short-lived branches add nothing that the merges do not tell, and may be thousands.
    likely = {name: sha for name, sha in tips.items() if _stage(name) or _is_version(name) or "/" not in name}
    graph = Graph.read(repository.scratch, (likely or tips).values())
    guesser = _Guesser(repository, graph, likely or tips)
    return guesser.guess()


def _stage(name: str) -> str | None:
    return next((stage for stage, _, words in _STAGES if words.fullmatch(name)), None)


def _version(name: str) -> str | None:
    """The version a branch name stands for, if what is around it says that it is a branch of releases."""
    found = _VERSION.search(name)
    if found is None or not re.search(r"\d", found[0]):
        return None
    around = [word for word in re.split(r"[^A-Za-z]+", name[: found.start()] + " " + name[found.end() :]) if word]
    numbered = any(separator in found[0] for separator in "._-") or around
    if not numbered or any(word.lower() not in _AROUND_VERSION for word in around):
        return None
    return found[0]


def _is_version(name: str) -> bool:
    return _version(name) is not None


def _version_order(name: str) -> tuple[object, str]:
    """Older first. ``2.9`` is the line of all 2.9 and stays open, so ``2.9.4``, cut from it, is older."""
    return version_key(f"{(_version(name) or name).lstrip('vV')}.x"), name


class _Guesser:
    def __init__(self, repository: Repository, graph: Graph, tips: dict[str, Sha]) -> None:
        self.repository = repository
        self.graph = graph
        self.tips = tips
        self.reasons: list[str] = []
        self.merges: Counter[tuple[str, str]] = Counter()
        self.into: dict[str, list[int]] = defaultdict(list)
        self.trunk = self._find_trunk()
        chains = self._first_parents()
        for number, commit in enumerate(graph.commits):
            if not commit.is_merge or (told := read_merge(commit.message)) is None:
                continue
            target = told.target
            if target is None and told.pr is None and told.forge == "git":
                target = "master" if "master" in tips else self.trunk
            target = chains.get(number) if target is None else self._today(target)
            if target is not None:
                self.into[target].append(commit.committed_at)
                if told.source is not None and self._today(told.source) != target:
                    self.merges[self._today(told.source), target] += 1

    def _first_parents(self) -> dict[int, str]:
        """The branch by whose first parents each commit is reached; the trunk first, then those named by stage."""
        order = sorted(
            self.tips, key=lambda name: (name != self.trunk, _stage(name) is None, not _is_version(name), name)
        )
        found: dict[int, str] = {}
        for name in order:
            at: int | None = self.graph.number(self.tips[name])
            while at is not None and at not in found:
                found[at] = name
                at = next(iter(self.graph.parents[at]), None)
        return found

    def _today(self, name: str) -> str:
        """The present name of a trunk that was renamed."""
        return self.trunk if name in _TRUNKS and name not in self.tips and self.trunk in _TRUNKS else name

    def guess(self) -> Guess:
        stages = self._find_stages()
        versions = [] if len(stages) > 1 else self._find_versions()
        if len(stages) > 1:
            topology = self._staged(stages)
        elif versions:
            topology = self._with_versions(versions)
        elif others := self._find_others():
            topology = self._with_others(others)
        else:
            self.reasons.append(f"{self.trunk} is the only long-lived branch")
            topology = Topology((Branch(self.trunk, layer="RUN", direct=True),), name="trunk")
        topology = self._with_tags(topology)
        topology = self._with_use(topology)
        if self.repository.broken:
            self.reasons.append(self.repository.broken_note)
        return Guess(topology, tuple(self.reasons))

    # -- which branches -------------------------------------------------------------------------------------------

    def _find_trunk(self) -> str:
        """The branch that everything starts from: the default branch, else by name, else the one with most commits."""
        head = self.repository.head or ""
        default = head.removeprefix("ref: refs/heads/") if head.startswith("ref: refs/heads/") else ""
        if default not in self.tips:
            remote = self.repository.refs.get(RefName("refs/remotes/origin/HEAD"))
            same = [name for name, sha in self.tips.items() if sha == remote]
            default = min(same, key=lambda name: (name not in _TRUNKS, name), default="")
        if default in self.tips and _stage(default) is None and not _is_version(default):
            self.reasons.append(f"{default} is the repository's default branch")
            return default
        named = next((name for name in _TRUNKS if name in self.tips), None)
        if named is not None:
            self.reasons.append(f"{named} is a trunk or production by its name")
            return named
        if default in self.tips:
            self.reasons.append(f"{default} is the repository's default branch")
            return default
        sizes = {name: int(self.graph.ancestors([self.graph.number(sha)]).sum()) for name, sha in self.tips.items()}
        largest = max(sorted(sizes), key=sizes.__getitem__)
        self.reasons.append(f"{largest} has the most commits ({sizes[largest]}) and no branch is a trunk by its name")
        return largest

    def _time(self, name: str) -> int:
        return self.graph.commits[self.graph.number(self.tips[name])].committed_at

    def _find_stages(self) -> dict[str, str]:
        """The stages that exist, with their branch, from the developers to production."""
        newest = max(self._time(name) for name in self.tips)
        found: dict[str, str] = {}
        staged = {name: _stage(name) for name in self.tips}
        if len(set(filter(None, staged.values()))) < 2:  # noqa: PLR2004
            staged |= self._stages_with_a_common_part()
        for stage, _, _ in _STAGES:
            named = [name for name in self.tips if staged[name] == stage]
            alive = [name for name in named if newest - self._time(name) <= _IDLE]
            self.reasons += [
                f"{name} is left out: nothing landed there for {_years(newest - self._time(name))}"
                for name in sorted(set(named) - set(alive))
            ]
            if alive:
                found[stage] = max(alive, key=lambda name: (len(self.into.get(name, ())), self._time(name), name))
        if found and self.trunk not in found.values():
            # A main beside the stages is what is released; where production has a branch of its own and no other branch
            # is developed on, it is main where development happens.
            if "production" not in found:
                found["production"] = self.trunk
            elif not found.keys() & {"develop", "integration"}:
                found["integration"] = self.trunk
            else:
                self.reasons.append(f"{self.trunk} is left out: {found['production']} is production by its name")
        order = [stage for stage, _, _ in _STAGES]
        return {stage: found[stage] for stage in order if stage in found}

    def _stages_with_a_common_part(self) -> dict[str, str]:
        """The stages of branches that all begin or end with the name of the team: ``acme-uat``, ``acme-preprod``."""
        found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        merged = {*self.into, *(source for source, _ in self.merges)}
        for name in self.tips:
            if name not in merged:
                continue
            for cut in range(1, len(name)):
                before, after = name[:cut], name[cut:]
                if (stage := _stage(after)) is not None:
                    found[before.lower(), ""][name] = stage
                if (stage := _stage(before)) is not None:
                    found["", after.lower()][name] = stage
        fitting = {part: names for part, names in found.items() if len(set(names.values())) > 1}
        if not fitting:
            return {}
        part = max(fitting, key=lambda each: (len(set(fitting[each].values())), len("".join(each)), each))
        self.reasons.append(f"{_listed(sorted(fitting[part]))} are named after stages, beside {''.join(part)!r}")
        return fitting[part]

    def _find_versions(self) -> list[str]:
        plain = {name for name in self.tips if _is_version(name)} - {self.trunk}
        of_a_day = sorted(name for name in plain if (found := _AND_A_DAY.match(name)) and found[1] in plain)
        if of_a_day:
            named = "named after another release and a day"
            self.reasons.append(f"{_listed(of_a_day)} {_are(of_a_day)} left out: {named}")
            plain.difference_update(of_a_day)
        alive = self._alive_versions(plain)
        return alive or self._alive_versions(self._versions_of_a_project() - {self.trunk})

    def _alive_versions(self, named: set[str]) -> list[str]:
        """Those on which something landed lately, or on newer ones; of many those where something landed last."""
        versions = sorted(named, key=_version_order)
        if not versions:
            return []
        newest = max(self._time(name) for name in (*versions, self.trunk))
        alive: list[str] = []
        gap = 0
        for name in reversed(versions):
            fresh = newest - self._time(name) <= _IDLE
            gap = 0 if fresh else gap + 1
            if gap > _GAP:
                break
            alive[:0] = [name] if fresh else []
        idle = [name for name in versions if name not in alive]
        if idle:
            self.reasons.append(
                f"{_listed(idle)} {_are(idle)} left out: nothing landed there, or on newer ones, "
                f"for more than {_years(_IDLE)}"
            )
        # An old version that is kept up for years is worked on long after newer ones have come to their end.
        latest = sorted(alive, key=lambda name: (self._time(name), versions.index(name)))[-_MOST_VERSIONS:]
        kept = [name for name in alive if name in latest]
        left = [name for name in alive if name not in latest]
        if left:
            self.reasons.append(
                f"{_listed(left)} {_are(left)} left out: only the {_MOST_VERSIONS} versions are taken "
                "on which something landed last"
            )
        if kept:
            self.reasons.append(f"{_listed(kept)} {_are(kept)} named after versions: releases that are kept open")
        return kept

    def _versions_of_a_project(self) -> set[str]:
        """Branches named after the project and a version (``shop-1-16``), if at least three of them were worked on."""
        groups: dict[str, list[str]] = defaultdict(list)
        for name in self.tips:
            found = _VERSION.search(name)
            if found is not None and any(separator in found[0] for separator in "._-"):
                groups[f"{name[: found.start()]}*{name[found.end() :]}"].append(name)
        on_trunk = self.graph.ancestors([self.graph.number(self.tips[self.trunk])])
        versions: set[str] = set()
        for names in groups.values():
            own = {name: self.graph.ancestors([self.graph.number(self.tips[name])]) & ~on_trunk for name in names}
            worked_on = [name for name, mask in own.items() if int(mask.sum()) >= _WORKED_ON]
            if len(worked_on) >= _FAMILY_AT_LEAST:
                versions.update(names)
        return versions

    def _find_others(self) -> list[str]:
        """Branches without a telling name that lived long and were merged into often."""
        found = []
        for name in sorted(self.tips):
            times = self.into.get(name, ())
            if name == self.trunk or len(times) < _MERGED_INTO:
                continue
            span = max(times) - min(times)
            back, forth = self.merges[name, self.trunk], self.merges[self.trunk, name]
            # A branch that only ever took from the trunk is a topic that was kept up to date, not a line of its own.
            if span >= _LONG and back:
                found.append(name)
                self.reasons.append(
                    f"{name} is long-lived: {len(times)} merges into it over {_years(span)}, "
                    f"{forth} from {self.trunk}, and {back} back into {self.trunk}"
                )
        return found

    # -- which shape ----------------------------------------------------------------------------------------------

    def _staged(self, stages: dict[str, str]) -> Topology:
        names = list(stages.values())
        layers = {stage: layer for stage, layer, _ in _STAGES}
        layer = {stages[stage]: layers[stage] for stage in stages}
        chain = [name for stage, name in stages.items() if stage != "uat_run"]
        if all(kind == "RUN" for kind in layer.values()):
            layer[names[0]] = "BUILD"
        elif all(kind == "BUILD" for kind in layer.values()):
            layer[names[-1]] = "RUN"
        self.reasons += [f"{name} is {stage} by its name" for stage, name in stages.items() if name != self.trunk]
        edges = list(pairwise(chain))
        if "uat_run" in stages:
            after = next(name for stage, name in stages.items() if stage in ("preprod", "production"))
            edges.append((stages["uat_run"], after))
        flows = [Flow("promote", source=source, target=target) for source, target in edges]
        for flow in flows:
            count = self.merges[flow.source, flow.target]
            self.reasons.append(f"{flow.source} is promoted to {flow.target}: {_merges(count)} by their messages")
        first = chain[0]
        for name in names:
            if layer[name] == "RUN" and name != first and (name != names[-1] or self._owes(name, first, names, layer)):
                flows.append(Flow("retrofit", source=name, target=first))
                self.reasons.append(
                    f"what lands on {name} is owed to {first}: {_merges(self.merges[name, first])} went that way"
                )
        branches = tuple(Branch(name, layer=layer[name], direct=stage == "uat_run") for stage, name in stages.items())
        return Topology(branches, tuple(flows), name="build-run" if len(names) > 2 else "gitflow")  # noqa: PLR2004

    def _owes(self, name: str, first: str, names: Sequence[str], layer: dict[str, str]) -> bool:
        """Whether the last branch retrofits by itself: it does if it was ever merged back, or if no other could."""
        others = [other for other in names if layer[other] == "RUN" and other != name]
        return not others or self.merges[name, first] > 0

    def _with_versions(self, versions: list[str]) -> Topology:
        newest = max((self.trunk, *versions), key=_version_order) if _is_version(self.trunk) else self.trunk
        if newest != self.trunk:
            self.reasons.append(f"{newest} is the newest version, so what is on {self.trunk} goes on to it")
            versions = sorted({self.trunk, *versions} - {newest}, key=_version_order)
            self.trunk = newest
        back, forward, merged = self._ports(versions)
        trunk = self.trunk
        direction = "forward" if merged + forward > back else "back"
        self.reasons.append(
            f"between {trunk} and {_listed(versions)}: {back} commits were on {trunk} first and ported to a release, "
            f"{forward} were on a release first, {_merges(merged)} led from a release to a newer one or to {trunk}; "
            + ("so fixes go forward" if direction == "forward" else "so fixes are ported back")
        )
        flows = [Flow("promote", source=trunk, target=name) for name in versions]
        flows += [Flow("retrofit", source=older, target=newer) for older, newer in pairwise(versions)]
        flows += [Flow("retrofit", source=name, target=trunk) for name in versions]
        self.reasons.append(
            f"whatever is on a release must be on every newer one and on {trunk}, or an upgrade loses it"
        )
        branches = (
            Branch(trunk, layer="BUILD", direct=True),
            *(Branch(name, layer="RUN", direct=True) for name in versions),
        )
        return Topology(branches, tuple(flows), name=f"release-train-{direction}")

    def _ports(self, versions: Sequence[str]) -> tuple[int, int, int]:
        """How many commits of the releases were on the trunk first, how many the other way, and merges forward."""
        graph = self.graph
        numbers = {name: graph.number(self.tips[name]) for name in (self.trunk, *versions)}
        on_trunk = graph.ancestors([numbers[self.trunk]])
        on_releases = graph.ancestors([numbers[name] for name in versions])
        mine: dict[tuple[str, int, str], int] = {}
        own = [number for number in range(len(graph)) if on_releases[number] and not on_trunk[number]]
        keys = {(graph.commits[number].author_email, graph.commits[number].authored_at) for number in own}
        for number in range(len(graph)):
            commit = graph.commits[number]
            if on_trunk[number] and (commit.author_email, commit.authored_at) in keys:
                mine.setdefault((commit.author_email, commit.authored_at, subject_key(commit.message)), number)
        back = forward = 0
        for number in own:
            commit = graph.commits[number]
            twin = mine.get((commit.author_email, commit.authored_at, subject_key(commit.message)))
            if twin is not None:
                later = graph.commits[twin].committed_at > commit.committed_at
                forward, back = forward + later, back + (not later)
            else:
                named = (graph.find_abbreviated(digits) for digits in ported_from(commit.message))
                back += any(number is not None and bool(on_trunk[number]) for number in named)
        rank = {name: place for place, name in enumerate((*versions, self.trunk))}
        merged = sum(
            count
            for (source, target), count in self.merges.items()
            if source in rank and target in rank and rank[source] < rank[target]
        )
        return back, forward, merged

    def _with_others(self, others: list[str]) -> Topology:
        trunk = self.trunk
        flows: list[Flow] = []
        for name in others:
            flows.append(Flow("promote", source=name, target=trunk))
            flows.append(Flow("retrofit", source=trunk, target=name))
            self.reasons.append(f"{name} is promoted to {trunk}, and what lands on {trunk} is owed to {name}")
        branches = (
            *(Branch(name, layer="BUILD", direct=True) for name in others),
            Branch(trunk, layer="RUN", direct=True),
        )
        return Topology(branches, tuple(flows), name="guessed")

    # -- what else ------------------------------------------------------------------------------------------------

    def _with_tags(self, topology: Topology) -> Topology:
        tags = [ref[len("refs/tags/") :] for ref in self.repository.refs if ref.startswith("refs/tags/")]
        prefixes = Counter(found[1] for tag in tags if (found := re.match(r"((?:.*?[^0-9.])?)\d+(?:[._-]\d+)+", tag)))
        if not prefixes:
            return topology
        prefix, count = min(
            prefixes.items(), key=lambda item: (_BEFORE_RELEASE.search(item[0]) is not None, -item[1], item[0])
        )
        pattern = f"{prefix}*" if prefix else "[0-9]*"
        try:
            named = topology.replace(release_tags=pattern)
        except TopologyError:  # git allows tags whose beginning could not stand alone as a name
            return topology
        self.reasons.append(f"release tags are {pattern}: {count} of {len(tags)} tags")
        return named

    def _with_use(self, topology: Topology) -> Topology:
        """Add what the replay shows: families of short-lived branches, and branches that are worked on directly."""
        history = read_history(self.repository, topology, commits=self.graph.commits)
        topology = self._without_lines_of_their_own(self._with_direct(topology, history), history)
        landed: dict[str, Counter[str]] = defaultdict(Counter)
        first: dict[str, dict[str, dict[str, Landing]]] = defaultdict(lambda: defaultdict(dict))
        people: dict[str, set[str]] = defaultdict(set)
        newest = max(landings[-1].at for landings in history.landings.values())
        for landings in history.landings.values():
            for landing in landings:
                source = landing.source
                if source is None or source in history.landings or ":" in source:
                    continue
                prefix = _family_prefix(source)
                if prefix is None:
                    continue
                if newest - landing.at <= _IDLE:
                    landed[prefix][landing.branch] += 1
                    if landing.kind == "merge":
                        first[prefix][landing.branch].setdefault(source, landing)
                    people[prefix].update(history.commit(sha).author_email for sha in landing.commits[:1])
        for prefix in sorted(landed):
            # Many people put their own name before the slash; that makes no family.
            word = prefix[:-1]
            known = _FAMILY_WORDS.fullmatch(word) is not None or is_of_a_bot(prefix) or prefix.endswith("-")
            shared = known or len(people[prefix]) >= _FAMILY_AT_LEAST
            # Releases are rare: one that went through a branch of its own tells how they go.
            least = 1 if word.lower() == "release" else _FAMILY_AT_LEAST
            if shared and landed[prefix].total() >= least and re.fullmatch(r"[A-Za-z][\w.-]*", word):
                topology = self._with_family(
                    topology, prefix, landed[prefix], self._fixes(topology, history, first[prefix])
                )
        return topology

    def _with_direct(self, topology: Topology, history: History) -> Topology:
        branches = []
        for branch in topology.branches:
            landings = history.landings[branch.name]
            alone = sum(landing.source is None and landing.kind in _UNNAMED for landing in landings)
            often = bool(landings) and alone >= _OFTEN_DIRECT * len(landings)
            if often and not branch.direct:
                self.reasons.append(
                    f"work lands on {branch.name} without a branch that is named: {alone} of {len(landings)} landings"
                )
            branches.append(replace(branch, direct=branch.direct or often))
        return topology.replace(branches=tuple(branches))

    def _without_lines_of_their_own(self, topology: Topology, history: History) -> Topology:
        """Let a trunk owe nothing back where it is worked on as much as released to, and nothing ever went back.

        Two versions that are both developed look like development and production by their names, and nearly every
        change of the newer one would be called missed on the older one.
        """
        landings = history.landings.get(self.trunk, ())
        alone = sum(landing.source is None and landing.kind in _UNNAMED for landing in landings)
        back = [flow for flow in topology.flows if flow.kind == "retrofit" and flow.source == self.trunk]
        if not back:  # a trunk that was left out owes nothing either
            return topology
        given_back = any(self.merges[self.trunk, flow.target] for flow in back)
        merged = any(self.merges[source, self.trunk] for source in topology.upstream(self.trunk))
        if _stage(self.trunk) is not None or given_back or not merged or alone <= _MOSTLY * len(landings):
            return topology
        targets = _listed([flow.target for flow in back])
        ported, _, _ = self._ports([flow.target for flow in back])
        if ported >= _PORTED * alone:
            return topology
        self.reasons = [
            reason for reason in self.reasons if not reason.startswith(f"what lands on {self.trunk} is owed to")
        ]
        self.reasons.append(
            f"what lands on {self.trunk} is owed to no branch: {alone} of its {len(landings)} landings are work of its "
            f"own, no merge ever led back to {targets}, and {ported} commits were ported there"
        )
        return topology.replace(flows=tuple(flow for flow in topology.flows if flow not in back))

    @staticmethod
    def _fixes(topology: Topology, history: History, first: Mapping[str, Mapping[str, Landing]]) -> tuple[int, int]:
        """How many branches were merged to RUN, and how many of them afterwards to where RUN owes them."""
        run = {name for name in first if topology.layer_of(name) == "RUN"}
        there = {source: landing for name in run for source, landing in first[name].items()}
        owed = {name for each in run for name in topology.owed_to(each)} - run
        again = {
            source
            for name in owed & first.keys()
            for source, landing in first[name].items()
            if source in there and history.precedes(there[source], landing)
        }
        return len(there), len(again)

    def _with_family(self, topology: Topology, prefix: str, counts: Counter[str], fixes: tuple[int, int]) -> Topology:
        total = counts.total()
        usual = [branch.name for branch in topology.branches if counts[branch.name] >= _SHARE * total]
        releases = topology.last_branches()
        if len(releases) > 1 and sum(counts[name] for name in releases) >= _SHARE * total:
            # What goes to one release may go to any, and each has few of them.
            usual = [branch.name for branch in topology.branches if branch.name in {*usual, *releases}]
        run = [name for name in usual if topology.layer_of(name) == "RUN"]
        to, retrofit = usual, []
        bot = is_of_a_bot(prefix)
        owed = {name for each in run for name in topology.owed_to(each)}
        back = [name for name in usual if name not in run and name in owed]
        # The name says that these are hotfixes, or the same branches are merged to RUN and then to where RUN owes them.
        merged, again = fixes
        merged_twice = again >= _TWICE_AT_LEAST and again >= _MOSTLY * merged
        if run and len(run) < len(usual) and not bot and (_FIXES.search(prefix) or merged_twice):
            to, retrofit = run, back
        source = to
        if prefix.lower() == "release/":
            source = list(dict.fromkeys(up for each in to for up in topology.upstream(each))) or to
        family = Family(f"{prefix}*", source=tuple(source), to=tuple(to), retrofit=tuple(retrofit))
        try:
            wider = topology.replace(families=(*topology.families, family))
        except TopologyError:
            return topology
        shown = ", ".join(f"{counts[name]} on {name}" for name in usual if counts[name])
        what = "branches that a bot makes" if bot else "short-lived branches"
        later = (
            f"; {again} of {merged} that landed on RUN were merged back as well" if retrofit and merged_twice else ""
        )
        self.reasons.append(f"{prefix}* is a family of {what}: {many(total, 'landing')} ({shown}){later}")
        return wider


def _family_prefix(name: str) -> str | None:
    """What the branches of a family have in common: all up to the first slash, or the project of a ticket's number."""
    head, slash, _ = name.partition("/")
    if slash:
        return head + slash
    ticket = _TICKET.match(name)
    return ticket[1] if ticket is not None else None


def _listed(names: Iterable[str]) -> str:
    names = list(names)
    if len(names) > _SHOWN:
        names = [*names[: _SHOWN - 1], f"{len(names) - _SHOWN + 1} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _merges(count: int) -> str:
    return "one merge" if count == 1 else f"{count} merges" if count else "no merge"


def _years(seconds: int) -> str:
    days = seconds // _DAY
    return f"{days / 365.25:.1f} years" if days >= 365 else f"{days} days"  # noqa: PLR2004


__all__ = ["Guess", "guess_topology"]
