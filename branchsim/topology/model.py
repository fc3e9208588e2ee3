"""The topology: which branches a team keeps, and how changes are meant to move between them."""

from __future__ import annotations

import dataclasses
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING, Literal

from branchsim.errors import TopologyError, nearest
from branchsim.topology.masks import MetadataMask
from branchsim.topology.patterns import PathGlobs, matches, most_specific
from branchsim.topology.records import Branch, Entry, Family, Flow, ObligationRule, Role, Waiver, check_name, is_blank
from branchsim.topology.validation import validate
from branchsim.topology.walks import Walks, landable

if TYPE_CHECKING:
    from collections.abc import Iterable

    import networkx as nx


@dataclass(frozen=True, slots=True, repr=False)
class Topology:
    """Long-lived branches, the flows between them, and the families of short-lived branches.

    Immutable, comparable, hashable; the ``repr`` is valid Python. Make one from a preset (`Topology.build_run` ...),
    from a file (`read_topology`), or from parts as below.

    Parameters
    ----------
    branches : tuple of Branch
        In the order in which pictures show them, the first nearest to the developers.
    flows : tuple of Flow
        Promotions and retrofits.
    families : tuple of Family
        Short-lived branches.
    name : str
        A word for titles.
    guards : tuple of str
        Rules the team keeps, from `GUARDS`.
    ignore_paths : tuple of str
        Path globs (see `PathGlobs`) that are left out of every judgement.
    list_keys : tuple of str
        In JSON and YAML files, further members that identify a member of a list (beside ``id``, ``name`` and others).
    waivers : tuple of Waiver
        What is accepted, each with a reason.
    release_tags : str or None
        A name pattern of the tags that mark releases.
    masks : tuple of MetadataMask
        Salesforce metadata that deployments do not overwrite.
    notes : tuple of str
        What a reader or `bind` wants a person to know. Not compared, not written to files.

    Raises
    ------
    TopologyError
        The parts do not fit together; the message names the place and what to do.

    Examples
    --------
    >>> topology = Topology(
    ...     (Branch("develop", layer="BUILD"), Branch("main", layer="RUN")),
    ...     (
    ...         Flow("promote", source="develop", target="main"),
    ...         Flow("retrofit", source="main", target="develop"),
    ...     ),
    ... )
    >>> topology.owed_to("main")
    ('develop',)
    """

    branches: tuple[Branch, ...]
    flows: tuple[Flow, ...] = ()
    families: tuple[Family, ...] = ()
    _: KW_ONLY
    name: str = "topology"
    guards: tuple[str, ...] = ()
    ignore_paths: tuple[str, ...] = ()
    list_keys: tuple[str, ...] = ()
    waivers: tuple[Waiver, ...] = ()
    release_tags: str | None = None
    masks: tuple[MetadataMask, ...] = ()
    notes: tuple[str, ...] = field(default=(), compare=False)
    _walks: Walks = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for key, kind in _PARTS.items():
            parts = getattr(self, key)
            if isinstance(parts, (str, bytes)) or not hasattr(parts, "__iter__"):
                raise TopologyError(f"{key}: expected several of {kind.__name__}, not {type(parts).__name__}")
            parts = tuple(parts)
            for part in parts:
                if not isinstance(part, kind):
                    raise TopologyError(f"{key}: expected {kind.__name__}, not {type(part).__name__}")
            object.__setattr__(self, key, parts)
        if is_blank(self.name):
            raise TopologyError("the topology's name is empty; give it a word for titles")
        if self.release_tags is not None:
            check_name(self.release_tags, "release tags")
        validate(
            branches=self.branches,
            flows=self.flows,
            families=self.families,
            guards=self.guards,
            ignore_paths=self.ignore_paths,
            list_keys=self.list_keys,
            masks=self.masks,
        )
        object.__setattr__(self, "_walks", Walks(self.branches, self.flows))

    # -- looking things up ---------------------------------------------------------------------------------------

    def branch(self, name: str) -> Branch:
        """The branch of exactly this name or pattern.

        Raises
        ------
        TopologyError
            There is none; the nearest names are given.
        """
        for branch in self.branches:
            if branch.name == name:
                return branch
        known = [branch.name for branch in self.branches]
        raise TopologyError(f"the topology {self.name!r} has no branch {name!r}{nearest(name, known)}")

    def match_branch(self, name: str) -> Branch | None:
        """The record a real branch name falls under: of that name, else of the most precise pattern that matches."""
        found = most_specific((branch.name for branch in self.branches), name)
        return None if found is None else self.branch(found)

    def layer_of(self, branch: str) -> str:
        """The layer of a branch, given by its name in the topology or by a real name that falls under a pattern."""
        return self._resolved(branch).layer

    def family_of(self, name: str) -> Family | None:
        """The family a real branch name belongs to, by the most precise pattern.

        ``None`` where no family fits, and for a long-lived branch, even where a pattern fits too.
        """
        own = self.match_branch(name)
        found = most_specific((family.pattern for family in self.families), name)
        if found is None or (own is not None and not own.is_pattern):
            return None
        if own is not None and most_specific((own.name, found), name) == own.name:
            return None
        return next(family for family in self.families if family.pattern == found)

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers in the order in which branches name them."""
        return tuple(dict.fromkeys(branch.layer for branch in self.branches))

    @property
    def is_bound(self) -> bool:
        """Whether every branch is a real one: no pattern is left."""
        return not any(branch.is_pattern for branch in self.branches)

    def is_release_tag(self, tag: str) -> bool:
        """Whether a tag marks a release."""
        return self.release_tags is not None and matches(self.release_tags, tag)

    # -- flows ---------------------------------------------------------------------------------------------------

    def promotions(self) -> tuple[Flow, ...]:
        """The flows of kind promote, in order."""
        return tuple(flow for flow in self.flows if flow.kind == "promote")

    def retrofits(self) -> tuple[Flow, ...]:
        """The flows of kind retrofit, in order."""
        return tuple(flow for flow in self.flows if flow.kind == "retrofit")

    def upstream(self, branch: str) -> tuple[str, ...]:
        """The branches from which promotions lead to this one, at once or through others."""
        return self._walks.upstream(self._resolved(branch).name)

    def downstream(self, branch: str) -> tuple[str, ...]:
        """The branches to which promotions lead from this one, at once or through others."""
        return self._walks.downstream(self._resolved(branch).name)

    def promotion_path(self, source: str, target: str) -> tuple[Flow, ...]:
        """The shortest way of promotions between two branches; empty where there is none."""
        return self._walks.path(self._resolved(source).name, self._resolved(target).name)

    def promotion_chain(self) -> tuple[str, ...]:
        """The longest way of promotions, from where work begins to where a release lands.

        Of equally long ways the one to the branch declared last: the newest of several releases.
        """
        return self._walks.chain()

    def last_branch(self) -> str:
        """Where a release lands: the end of `promotion_chain`."""
        return self._walks.chain()[-1]

    def last_branches(self) -> tuple[str, ...]:
        """Every branch that ends promotions, in order; more than one where several releases are kept open."""
        sources = {flow.source for flow in self.promotions()}
        ends = {flow.target for flow in self.promotions()} - sources
        return tuple(branch.name for branch in self.branches if branch.name in ends) or (self.last_branch(),)

    def entries(self, branch: str) -> tuple[Entry, ...]:
        """What may land on a branch: flows first, then families, each in the order of the topology.

        See `accepts_direct` for what comes by none of them.
        """
        name = self._resolved(branch).name
        found = [
            Entry(role=flow.kind, source=flow.source, methods=flow.methods, by=flow)
            for flow in self.flows
            if flow.target == name
        ]
        for family in self.families:
            if name in family.to:
                found.append(
                    Entry(role=self._role(family, name), source=family.pattern, methods=family.methods, by=family)
                )
            elif name in family.retrofit:
                found.append(Entry(role="retrofit", source=family.pattern, methods=family.methods, by=family))
        return tuple(found)

    def accepts_direct(self, branch: str) -> bool:
        """Whether work that comes by no flow and from no family may land on a branch.

        So where the branch says `direct`, and where work has to begin but no family says how.
        """
        record = self._resolved(branch)
        entries = self.entries(record.name)
        return record.direct or not any(entry.role == "promote" or isinstance(entry.by, Family) for entry in entries)

    def _role(self, family: Family, target: str) -> Role:
        if target in family.source:
            return "work"
        if any(self._walks.path(source, target) for source in family.source):
            return "promote"
        if any(flow.target == target and flow.source in family.source for flow in self.retrofits()):
            return "retrofit"
        return "work"

    # -- obligations ---------------------------------------------------------------------------------------------

    def owed_to(self, landed_on: str, family: Family | str | None = None) -> tuple[str, ...]:
        """The branches a change must also reach, once it has landed on a branch otherwise than by a promotion.

        Parameters
        ----------
        landed_on : str
            The branch; its name in the topology, or a real name that falls under a pattern. Between the versions of a
            pattern something is owed only in a topology that is bound (see `bind`).
        family : Family, str or None
            The family the change came from, its pattern, or the name of a real short-lived branch.

        Returns
        -------
        tuple of str
            In the order of the topology. A promoted change owes nothing: where it began, it landed before.
        """
        name = self._resolved(landed_on).name
        owed = set(self._walks.owed(name))
        record = self._family(family)
        if record is not None and name not in record.retrofit:
            for target in record.retrofit:
                owed |= {target, *self._walks.owed(target)}
        owed -= {name, *self._walks.downstream(name)}
        return tuple(branch.name for branch in self.branches if branch.name in owed)

    def obligation_rules(self) -> tuple[ObligationRule, ...]:
        """For every ordered pair of branches, that what lands on the first is owed to the second.

        Returns
        -------
        tuple of ObligationRule
            One for each pair, in the order of the topology, with the reason and the promotions before which the change
            should have arrived.
        """
        rules: list[ObligationRule] = []
        for branch in self.branches:
            by_flow = self._walks.owed(branch.name)
            by_family: dict[str, list[str]] = {}
            for family in self.families:
                if branch.name in family.to:
                    for target in self.owed_to(branch.name, family):
                        by_family.setdefault(target, []).append(family.pattern)
            rules += [
                ObligationRule(
                    landed_on=branch.name,
                    owed_to=other.name,
                    via=by_flow.get(other.name, ()),
                    families=() if other.name in by_flow else tuple(by_family[other.name]),
                    deadlines=self._walks.deadlines(branch.name, other.name),
                )
                for other in self.branches
                if other.name in by_flow or other.name in by_family
            ]
        return tuple(rules)

    def deadlines(self, landed_on: str, owed_to: str) -> tuple[Flow, ...]:
        """The promotions before which a change owed to ``owed_to`` should arrive there.

        They are those that carry the content of ``owed_to`` into the layer of ``landed_on``: in BUILD/RUN ``uat ->
        preprod`` for ``integration``. Between branches of one layer: the last step of each way back to ``landed_on``.
        """
        return self._walks.deadlines(self._resolved(landed_on).name, self._resolved(owed_to).name)

    # -- ignore rules and waivers --------------------------------------------------------------------------------

    @property
    def ignored(self) -> PathGlobs:
        """The ignore rules, ready to ask: ``topology.ignored.covers(path)``."""
        return PathGlobs(self.ignore_paths)

    def mask_for(self, branch: str) -> MetadataMask | None:
        """The mask that holds on a branch: its own, else the one of the whole project, else ``None``."""
        own = next((mask for mask in self.masks if mask.branch == branch), None)
        return own or next((mask for mask in self.masks if mask.branch is None), None)

    def waiver_for(
        self, *, commit: str | None = None, author: tuple[str, str] | None = None, paths: Iterable[str] = ()
    ) -> Waiver | None:
        """The first waiver that covers a change.

        Parameters
        ----------
        commit : str, optional
            The full id of its commit.
        author : tuple of (str, str), optional
            Name and address of its author.
        paths : iterable of str
            The paths it touches. Waivers by path count only if together they cover all of them.
        """
        for waiver in self.waivers:
            if commit is not None and waiver.covers_commit(commit):
                return waiver
            if author is not None and waiver.covers_author(*author):
                return waiver
        touched = tuple(paths)
        by_path = [waiver for waiver in self.waivers if waiver.path is not None]
        covering = [next((waiver for waiver in by_path if waiver.covers_path(path)), None) for path in touched]
        return covering[0] if covering and None not in covering else None

    # -- other forms ---------------------------------------------------------------------------------------------

    def bind(self, names: Iterable[str]) -> Topology:
        """Replace each pattern of a branch by the real branches that fall under it, the oldest version first.

        A retrofit flow from a pattern to itself becomes a chain, each version to the next newer one; every other flow
        and family that names the pattern names each of the real branches instead. A pattern without a real branch
        is taken out with everything that hangs on it; a note says so. Branches that are no pattern stay, whether or not
        ``names`` holds them.

        Parameters
        ----------
        names : iterable of str
            The real branches of a repository, as the topology names them (no ``refs/heads/``, no ``origin/``).
        """
        from branchsim.topology.binding import bind

        return bind(self, names)

    def with_notes(self, *notes: str) -> Topology:
        """The same topology with further notes."""
        return self.replace(notes=(*self.notes, *notes))

    def replace(self, **changes: object) -> Topology:
        """A copy in which some fields have other values; checked like any other topology."""
        parts = {item.name: getattr(self, item.name) for item in dataclasses.fields(self) if item.init}
        unknown = sorted(set(changes) - set(parts))
        if unknown:
            raise TopologyError(f"a topology has no field {unknown[0]!r}{nearest(unknown[0], parts)}")
        return Topology(**{**parts, **changes})

    @property
    def graph(self) -> nx.DiGraph[str]:
        """The branches and flows as a fresh `networkx.DiGraph`; changing it does not change the topology.

        Node attributes: ``layer`` (str), ``order`` (int, from 0), ``level`` (int or None), ``direct`` (bool),
        ``pattern`` (bool). Edge attributes: ``kinds`` (tuple of str, ``promote`` first) and ``methods`` (dict from
        kind to a tuple of str, empty for any). Graph attributes: ``name`` and ``families`` (tuple of Family).
        A retrofit from a pattern to itself is a self-loop until the topology is bound.
        """
        import networkx as nx

        graph: nx.DiGraph[str] = nx.DiGraph(name=self.name, families=self.families)
        for order, branch in enumerate(self.branches):
            graph.add_node(
                branch.name,
                layer=branch.layer,
                order=order,
                level=branch.level,
                direct=branch.direct,
                pattern=branch.is_pattern,
            )
        for flow in (*self.promotions(), *self.retrofits()):
            known = graph.get_edge_data(flow.source, flow.target, default={"kinds": (), "methods": {}})
            graph.add_edge(
                flow.source,
                flow.target,
                kinds=(*known["kinds"], flow.kind),
                methods={**known["methods"], flow.kind: flow.methods},
            )
        return graph

    def describe(self) -> str:
        """A few paragraphs of plain text: branches, flows, families, what is owed where, guards and notes."""
        from branchsim.topology.render import describe

        return describe(self)

    def draw(self, *, ascii_only: bool = False) -> str:
        """A drawing for a terminal; see `branchsim.topology.render.draw`."""
        from branchsim.topology.render import draw

        return draw(self, ascii_only=ascii_only)

    def mermaid(self) -> str:
        """A mermaid flowchart; see `branchsim.topology.render.mermaid`."""
        from branchsim.topology.render import mermaid

        return mermaid(self)

    def to_toml(self) -> str:
        """The topology as the text of a ``branchsim.toml``."""
        from branchsim.topology.files import to_toml

        return to_toml(self)

    def __str__(self) -> str:
        return self.draw()

    def __repr__(self) -> str:
        shown = [
            f"{item.name}={getattr(self, item.name)!r}"
            for item in dataclasses.fields(self)
            if item.init and (item.name == "branches" or getattr(self, item.name) != item.default)
        ]
        return f"Topology({', '.join(shown)})"

    def _repr_html_(self) -> str:
        from branchsim.topology.render import html

        return html(self)

    # -- presets -------------------------------------------------------------------------------------------------

    @classmethod
    def build_run(
        cls,
        *,
        integration: str = "integration",
        uat: str = "uat",
        preprod: str = "preprod",
        production: str = "production",
    ) -> Topology:
        """BUILD/RUN: see `branchsim.topology.presets.build_run`."""
        from branchsim.topology import presets

        return presets.build_run(integration=integration, uat=uat, preprod=preprod, production=production)

    @classmethod
    def build_run_merge_back(
        cls,
        *,
        integration: str = "integration",
        uat: str = "uat",
        uat_run: str | None = None,
        preprod: str = "preprod",
        production: str = "main",
    ) -> Topology:
        """BUILD/RUN where RUN is merged back: see `branchsim.topology.presets.build_run_merge_back`."""
        from branchsim.topology import presets

        return presets.build_run_merge_back(
            integration=integration, uat=uat, uat_run=uat_run, preprod=preprod, production=production
        )

    @classmethod
    def gitflow(cls, *, develop: str = "develop", main: str = "main") -> Topology:
        """Gitflow: see `branchsim.topology.presets.gitflow`."""
        from branchsim.topology import presets

        return presets.gitflow(develop=develop, main=main)

    @classmethod
    def release_train(
        cls,
        *,
        main: str = "main",
        releases: str = "release/*",
        direction: Literal["forward", "back"] = "forward",
    ) -> Topology:
        """Release trains: see `branchsim.topology.presets.release_train`."""
        from branchsim.topology import presets

        return presets.release_train(main=main, releases=releases, direction=direction)

    @classmethod
    def trunk(cls, *, main: str = "main") -> Topology:
        """Trunk-based development: see `branchsim.topology.presets.trunk`."""
        from branchsim.topology import presets

        return presets.trunk(main=main)

    # -- inner ---------------------------------------------------------------------------------------------------

    def _resolved(self, branch: str) -> Branch:
        return self.match_branch(branch) or self.branch(branch)

    def _family(self, family: Family | str | None) -> Family | None:
        if family is None or isinstance(family, Family):
            return family
        named = next((record for record in self.families if record.pattern == family), None)
        return named or self.family_of(family)


_PARTS: dict[str, type] = {
    "branches": Branch,
    "flows": Flow,
    "families": Family,
    "guards": str,
    "ignore_paths": str,
    "list_keys": str,
    "waivers": Waiver,
    "masks": MetadataMask,
    "notes": str,
}


def open_what_is_closed(
    branches: Iterable[Branch], flows: Iterable[Flow], families: Iterable[Family]
) -> tuple[tuple[Branch, ...], tuple[str, ...]]:
    """Mark branches that nothing could ever reach as `direct`, so that what was read is kept and can be judged.

    Returns
    -------
    tuple
        The branches, and the names of those that were opened.
    """
    kept = tuple(branches)
    arrives = landable(kept, tuple(flows), tuple(families))
    closed = tuple(branch.name for branch in kept if branch.name not in arrives)
    return (
        tuple(dataclasses.replace(branch, direct=True) if branch.name in closed else branch for branch in kept),
        closed,
    )
