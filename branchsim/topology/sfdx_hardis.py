"""Reading the topology of a project that uses sfdx-hardis, from its own configuration and by its own rules.

The configuration says where each branch is merged; it does not say where hotfixes are retrofitted. There the method
that sfdx-hardis documents is assumed, and a note says so. Everything assumed, skipped or odd is a note of the topology.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from branchsim.errors import TopologyError
from branchsim.topology.foreign import json_mapping, manifest_types, yaml_mapping
from branchsim.topology.masks import MetadataMask
from branchsim.topology.model import Topology, open_what_is_closed
from branchsim.topology.patterns import is_pattern
from branchsim.topology.records import Branch, Family, Flow, check_name
from branchsim.topology.walks import Walks, cycle, edges_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from branchsim.topology.providers import FileProvider

PROJECT_FILES = (
    "package.json",
    ".sfdx-hardis.yaml",
    ".sfdx-hardis.yml",
    "config/.sfdx-hardis.yaml",
    "config/.sfdx-hardis.yml",
)
"""Where the project's configuration is looked for; the first that has one counts."""
BRANCH_FILES = "config/branches/"
USER_FILES = "config/user/"
NO_OVERWRITE_FILES = ("manifest/package-no-overwrite.xml", "manifest/packageDeployOnce.xml")
DEFAULT_DEVELOPMENT_BRANCH = "integration"
_DEFAULT_PREFIXES = ("feature", "fix")
_FILE_NAME = re.compile(r"\.sfdx-hardis\.(.*)\.(yaml|yml)", re.DOTALL)

Role = Literal["production", "preprod", "uat-run", "uat", "integration", "other"]

LEVELS: dict[Role, int] = {
    "production": 100,
    "preprod": 90,
    "uat-run": 80,
    "uat": 70,
    "integration": 50,
    "other": 40,
}
_NEXT: dict[Role, Role] = {
    "preprod": "production",
    "uat-run": "preprod",
    "uat": "preprod",
    "integration": "uat",
}
_RUN: frozenset[Role] = frozenset({"production", "preprod", "uat-run"})


def role_of(name: str) -> Role:
    """The role of a branch by the beginning of its name, as sfdx-hardis decides it."""
    low = name.lower()
    if low.startswith(("prod", "main")):
        return "production"
    if low.startswith(("preprod", "staging")):
        return "preprod"
    if low.startswith(("uat", "recette")):
        return "uat-run" if "run" in low else "uat"
    return "integration" if low.startswith("integ") else "other"


def check_branch(name: str, where: str) -> None:
    """Raise unless a name can be that of one real branch."""
    if is_pattern(check_name(name, where)):
        raise TopologyError(f"{where}: {name!r} is a pattern, where the name of one branch is wanted")


def has_sfdx_hardis(files: FileProvider) -> bool:
    """Whether a project has a configuration of sfdx-hardis. A damaged one counts as one."""
    if any(files.read(path) is not None for path in PROJECT_FILES[1:]) or _named(files, BRANCH_FILES):
        return True
    package = files.read(PROJECT_FILES[0])
    return package is not None and b'"sfdx-hardis"' in package and _in_package(package) is not None


def read_sfdx_hardis(files: FileProvider) -> Topology:
    """Read the topology of a project that uses sfdx-hardis.

    Parameters
    ----------
    files : FileProvider
        The files of the project: a work tree (`DirectoryFiles`) or a revision.

    Returns
    -------
    Topology
        Branches from the least to the highest level. ``preprod``, ``uat_run`` and production are RUN, the others BUILD.
        Its notes tell what was assumed or left out.

    Raises
    ------
    TopologyError
        There is no such configuration, a file is damaged or hostile (it is named), a value has the wrong type, or
        promotions run in a circle.
    """
    if not has_sfdx_hardis(files):
        raise TopologyError(
            "no configuration of sfdx-hardis was found; looked for " + ", ".join((*PROJECT_FILES, BRANCH_FILES))
        )
    project = _Project.read(files)
    try:
        return _Assembly(project).topology(files)
    except TopologyError as error:
        raise TopologyError(f"sfdx-hardis configuration: {error}") from None


# -- the files ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Layer:
    """One configuration file: its values, checked as they are asked for."""

    path: str
    values: Mapping[str, Any]

    def text(self, key: str) -> str | None:
        value = self.values.get(key)
        if value is None or value == "":
            return None
        if not isinstance(value, str):
            raise TopologyError(f"{self.path}: {key!r} must be a text, not {type(value).__name__} ({str(value)[:40]})")
        return value

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of texts, or one text; ``None`` where the key is absent or has no value."""
        value = self.values.get(key)
        if value is None:
            return None
        if isinstance(value, str):
            value = [value] if value else []
        if not isinstance(value, list):
            raise TopologyError(f"{self.path}: {key!r} must be a list of texts, not {type(value).__name__}")
        for item in value:
            if not isinstance(item, str):
                raise TopologyError(
                    f"{self.path}: {key!r} must hold texts, not {type(item).__name__} ({str(item)[:40]}); use quotes"
                )
        return tuple(dict.fromkeys(item for item in value if item))

    def labelled(self, key: str) -> tuple[str, ...] | None:
        """A list of names, each with an optional label: ``name,label``."""
        items = self.texts(key)
        return None if items is None else tuple(dict.fromkeys(item.split(",")[0].strip() for item in items))


@dataclass(slots=True)
class _Project:
    """Every configuration file of a project that bears on its topology."""

    main: _Layer
    branches: dict[str, _Layer]
    users: list[_Layer]
    notes: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, files: FileProvider) -> _Project:
        notes: list[str] = []
        main = _Layer("config/.sfdx-hardis.yml", {})
        for path in PROJECT_FILES:
            data = files.read(path)
            values = None if data is None else _in_package(data) if path == "package.json" else yaml_mapping(data, path)
            if values:
                main = _Layer(path, values)
                break
        spelled: dict[str, _Layer] = {}
        for name, path in _named(files, BRANCH_FILES):
            data = files.read(path)
            if name in spelled:
                notes.append(f"{path} is not read: {spelled[name].path} configures the same branch and comes first")
            elif data is not None:
                spelled[name] = _Layer(path, yaml_mapping(data, path) or {})
        users = []
        for _, path in _named(files, USER_FILES):
            data = files.read(path)
            if data is not None:
                users.append(_Layer(path, yaml_mapping(data, path) or {}))
        project = cls(main, {}, users, notes)
        project.branches = project._decoded(spelled)
        notes += [
            f"{layer.path} extends {str(layer.values['extends'])[:200]!r}, which is not followed; its settings lack"
            for layer in (main, *project.branches.values(), *users)
            if layer.values.get("extends")
        ]
        return project

    def _decoded(self, spelled: dict[str, _Layer]) -> dict[str, _Layer]:
        """Branch names from file names: the first ``__`` is a ``/``, unless the name as it stands is used elsewhere."""
        named: set[str] = {
            name
            for layer in (self.main, *spelled.values())
            for key in (
                "developmentBranch",
                "productionBranch",
                "retrofitBranch",
                "availableTargetBranches",
                "mergeTargets",
            )
            for name in layer.labelled(key) or ()
        }
        branches: dict[str, _Layer] = {}
        for name, layer in spelled.items():
            decoded = name if name in named else name.replace("__", "/", 1)
            try:
                check_branch(decoded, layer.path)
            except TopologyError as error:
                self.notes.append(f"{error}; the file is not read")
                continue
            branches[decoded] = layer
        return branches


def _named(files: FileProvider, folder: str) -> list[tuple[str, str]]:
    """The configuration files in a folder as (name in the middle, path); ``.yaml`` comes before ``.yml``."""
    found = []
    for path in files.list(f"{folder}.sfdx-hardis."):
        match = _FILE_NAME.fullmatch(path.removeprefix(folder))
        if match is not None and "/" not in match[1]:
            found.append((match[1], match[2], path))
    return [(name, path) for name, _, path in sorted(found)]


def _in_package(data: bytes) -> dict[str, Any] | None:
    """The part of a ``package.json`` that configures sfdx-hardis. A file that is no JSON belongs to others: none."""
    try:
        values = json_mapping(data, "package.json").get("sfdx-hardis")
    except TopologyError:
        return None
    return values if isinstance(values, dict) else None


# -- the topology ------------------------------------------------------------------------------------------------------


class _Assembly:
    """From the files to the parts of a topology, one question after the other."""

    def __init__(self, project: _Project) -> None:
        self.project = project
        self.notes = project.notes
        main = project.main
        self.production = main.text("productionBranch")
        self.retrofit = main.text("retrofitBranch")
        self.configured_development = main.text("developmentBranch")
        self.entries = main.labelled("availableTargetBranches") or ()
        self.explicit: dict[str, tuple[str, ...]] = {}
        for name, layer in project.branches.items():
            targets = layer.texts("mergeTargets")
            if targets is not None:
                self.explicit[name] = targets
        self.brought_back: list[tuple[str, str]] = []
        self.names = self._names()
        self.roles = self._roles()
        self.development = self._development()

    def topology(self, files: FileProvider) -> Topology:
        flows = self._promotions()
        branches = self._branches(flows)
        circle = cycle([branch.name for branch in branches], edges_of(flows))
        if circle:
            raise TopologyError(f"mergeTargets run in a circle: {' -> '.join(circle)}; correct it in {BRANCH_FILES}")
        flows += self._retrofits(branches, flows)
        families = self._families(branches)
        opened, closed = open_what_is_closed(branches, flows, families)
        self.notes += [
            f"branch {name!r}: nothing is merged to it by configuration, so any work may land there" for name in closed
        ]
        ignored = self.project.main.texts("retrofitIgnoredFiles") or ()
        return Topology(
            opened,
            tuple(flows),
            families,
            name=self.project.main.text("projectName") or "sfdx-hardis",
            ignore_paths=tuple(dict.fromkeys(posixpath.normpath(path) for path in ignored)),
            masks=tuple(self._masks(files)),
            notes=tuple(dict.fromkeys(self.notes)),
        )

    def _names(self) -> list[str]:
        """Every branch that the configuration names, and the default development branch if it names none."""
        places: list[tuple[str, str]] = []
        for key in ("productionBranch", "retrofitBranch", "developmentBranch"):
            name = self.project.main.text(key)
            places += [(name, f"{key} in {self.project.main.path}")] if name is not None else []
        places += [(name, f"availableTargetBranches in {self.project.main.path}") for name in self.entries]
        for source, targets in self.explicit.items():
            places += [(name, f"mergeTargets in {self.project.branches[source].path}") for name in targets]
        names = list(self.project.branches)
        for name, where in places:
            check_branch(name, where)
            if name not in names:
                names.append(name)
                if self.project.branches:
                    self.notes.append(f"branch {name!r} has no file in {BRANCH_FILES}; it is named by {where}")
        if not names:
            names.append(DEFAULT_DEVELOPMENT_BRANCH)
            self.notes.append(f"no branch is configured; the default {DEFAULT_DEVELOPMENT_BRANCH!r} is assumed")
        return names

    def _roles(self) -> dict[str, Role]:
        roles = {name: role_of(name) for name in self.names}
        if self.production is not None:
            roles[self.production] = "production"
        elif "production" not in roles.values() and "master" in roles:
            roles["master"] = "production"
            self.notes.append(
                "branch 'master' is taken for production; sfdx-hardis itself knows it only as productionBranch"
            )
        if "integration" not in roles.values():
            candidate = self.configured_development or ("develop" if "develop" in roles else None)
            if candidate is not None and roles.get(candidate) == "other":
                roles[candidate] = "integration"
                self.notes.append(f"branch {candidate!r} is taken for the integration branch; its name does not say so")
        for name, role in roles.items():
            if (
                role == "production"
                and name != self.production
                and re.match(r"(?i)main(?=[a-z])|prod(?!uction)(?=[a-z])", name)
            ):
                self.notes.append(
                    f"branch {name!r} is taken for production because its name begins with {name[:4]!r}; "
                    "give it mergeTargets if it is not"
                )
        return roles

    def _development(self) -> str | None:
        """Where work begins and retrofits go: as configured, else ``integration`` if there is one, else by role."""
        if self.configured_development is not None:
            return self.configured_development
        if DEFAULT_DEVELOPMENT_BRANCH in self.names:
            return DEFAULT_DEVELOPMENT_BRANCH
        return next((name for name in sorted(self.names) if self.roles[name] == "integration"), None)

    def _promotions(self) -> list[Flow]:
        """Where each branch is promoted to; explicit targets first, so that no guess contradicts them."""
        flows: list[Flow] = []
        unsaid: list[str] = []
        for name in self.names:
            targets = self.explicit.get(name)
            if targets is not None and name in targets:
                self.notes.append(f"branch {name!r} names itself in mergeTargets; that is left out")
                # Who writes only that has not said that there is no target, as an empty list would
                targets = tuple(target for target in targets if target != name) or None
            if targets is None:
                unsaid.append(name)
                continue
            for target in targets:
                if name == self._produced() and self.roles[target] != "production":
                    self.brought_back.append((name, target))
                    self.notes.append(
                        f"{target!r} in mergeTargets of the production branch {name!r} is taken for a retrofit"
                    )
                else:
                    flows.append(Flow("promote", source=name, target=target))
        for name in unsaid:
            for target in self._guessed(name):
                flow = Flow("promote", source=name, target=target)
                if cycle(self.names, edges_of([*flows, flow])):
                    self.notes.append(f"{name!r} is not promoted to {target!r}: mergeTargets lead the other way")
                else:
                    flows.append(flow)
        return flows

    def _guessed(self, name: str) -> tuple[str, ...]:
        """The targets of a branch without ``mergeTargets``, by its role."""
        role = self.roles[name]
        if role == "production":
            return ()
        if role == "other":
            self.notes.append(f"branch {name!r} has no mergeTargets and its name does not tell: it is promoted nowhere")
            return ()
        wanted = _NEXT[role]
        targets = tuple(sorted(other for other in self.names if self.roles[other] == wanted))
        if wanted == "production" and self.production is not None:
            targets = (self.production,)
        elif wanted == "production" and len(targets) > 1:
            exact = tuple(target for target in targets if target.lower() in ("main", "prod", "production", "master"))
            targets = exact or targets
        if targets:
            self.notes.append(
                f"branch {name!r} has no mergeTargets; by its name it is promoted to {', '.join(targets)}"
            )
        else:
            self.notes.append(f"branch {name!r} has no mergeTargets, and there is no {wanted} branch to promote it to")
        return targets

    def _branches(self, flows: list[Flow]) -> list[Branch]:
        sources = {flow.source for flow in flows}
        ends = {flow.target for flow in flows} - sources
        branches = []
        for name in self.names:
            role = self.roles[name]
            level = LEVELS[role]
            given = self.project.branches[name].values.get("level") if name in self.project.branches else None
            if isinstance(given, int) and not isinstance(given, bool):
                level = given
            elif given is not None:
                self.notes.append(
                    f"{self.project.branches[name].path}: level {given!r} is no whole number; {level} is used"
                )
            run = role in _RUN or (role == "other" and level >= LEVELS["uat-run"])
            if not run and name in ends and role == "other":
                run = True
                self.notes.append(f"branch {name!r} is taken for RUN: promotions end there")
            branches.append(Branch(name, layer="RUN" if run else "BUILD", level=level))
        return sorted(branches, key=lambda branch: (branch.level or 0, branch.name))

    def _retrofits(self, branches: list[Branch], promotions: list[Flow]) -> list[Flow]:
        """Where RUN is brought back: to ``retrofitBranch`` from production, and to the development branch from RUN."""
        pairs = list(self.brought_back)
        produced = self._produced()
        if self.retrofit is not None:
            if produced is None:
                self.notes.append(f"retrofitBranch is {self.retrofit!r}, but no branch is known as production")
            elif produced == self.retrofit:
                self.notes.append("retrofitBranch is the production branch itself; that is left out")
            else:
                pairs.append((produced, self.retrofit))
        walks = Walks(branches, promotions)
        layers = {branch.name: branch.layer for branch in branches}
        if self.development is not None:
            run = [name for name in walks.downstream(self.development) if layers[name] == "RUN"]
            pairs += [(name, self.development) for name in run]
            if run:
                self.notes.append(
                    f"the configuration does not say where hotfixes are retrofitted; by the method of sfdx-hardis what "
                    f"lands on {' or '.join(run)} is owed to {self.development}"
                )
        return [Flow("retrofit", source=source, target=target) for source, target in dict.fromkeys(pairs)]

    def _produced(self) -> str | None:
        """The production branch: as configured, else the one whose name says so most plainly."""
        if self.production is not None:
            return self.production
        found = sorted(name for name in self.names if self.roles[name] == "production")
        plain = [name for name in found if name.lower() in ("production", "prod", "main", "master")]
        return next(iter(plain or found), None)

    def _families(self, branches: list[Branch]) -> tuple[Family, ...]:
        """Work branches: every prefix from and to every branch that is offered as a target."""
        known = {branch.name for branch in branches}
        offered = tuple(name for name in self.entries if name in known)
        if not offered and self.development is not None:
            offered = (self.development,)
        families: dict[str, Family] = {}
        preprod = next((branch.name for branch in branches if self.roles[branch.name] == "preprod"), None)
        hot = preprod or self._produced()
        if hot is not None and hot != self.development:
            families["hotfix/*"] = Family("hotfix/*", source=(hot,), to=(hot,))
        ends = dict.fromkeys((preprod, self._produced()))
        starts = tuple(name for name in ends if name is not None and name != self.development)
        goal = self.development or self.retrofit
        if starts and goal is not None and goal not in starts:
            families["retrofit/*"] = Family("retrofit/*", source=starts, to=(goal,))
        if offered:
            for pattern in self._patterns():
                families.setdefault(pattern, Family(pattern, source=offered, to=offered))
        self._remembered(families, known)
        return tuple(families.values())

    def _patterns(self) -> list[str]:
        prefixes = self._prefixes() or _DEFAULT_PREFIXES
        projects = self.project.main.labelled("availableProjects") or ()
        patterns = [f"{prefix}/*" for prefix in prefixes]
        if len(projects) > 1:
            patterns += [f"{project}/{prefix}/*" for project in projects for prefix in prefixes]
        kept = []
        for pattern in patterns:
            try:
                kept.append(check_name(pattern, f"branchPrefixChoices in {self.project.main.path}"))
            except TopologyError as error:
                self.notes.append(f"{error}; it is left out")
        return kept

    def _prefixes(self) -> tuple[str, ...]:
        """``branchPrefixChoices``: a list of ``{title, value}``, or of plain texts."""
        value = self.project.main.values.get("branchPrefixChoices")
        if not isinstance(value, list):
            return ()
        found = (item.get("value") if isinstance(item, dict) else item for item in value)
        return tuple(dict.fromkeys(item for item in found if isinstance(item, str) and item and not is_pattern(item)))

    def _remembered(self, families: dict[str, Family], known: Iterable[str]) -> None:
        """Branches that users' files remember with their targets, where no family says the same: one family each."""
        names = set(known)
        for layer in self.project.users:
            remembered = layer.values.get("localStorageBranchTargets")
            if remembered is None:
                continue
            if not isinstance(remembered, dict):
                raise TopologyError(f"{layer.path}: 'localStorageBranchTargets' must be keys and values")
            for branch, target in sorted(remembered.items(), key=lambda item: str(item[0])):
                try:
                    check_name(branch, f"localStorageBranchTargets in {layer.path}")
                except TopologyError as error:
                    self.notes.append(f"{error}; it is left out")
                    continue
                if branch in names or is_pattern(branch):
                    continue
                if target not in names:
                    self.notes.append(f"{layer.path}: the target {target!r} of {branch!r} is no branch of the topology")
                    continue
                if not any(family.holds(branch) and target in family.to for family in families.values()):
                    families[branch] = Family(branch, source=(target,), to=(target,))

    def _masks(self, files: FileProvider) -> Iterable[MetadataMask]:
        whole = self.project.main.text("packageNoOverwritePath")
        candidates = NO_OVERWRITE_FILES if whole is None else (whole,)
        for path in candidates:
            mask = self._mask(files, path, None, wanted=whole is not None)
            if mask is not None:
                yield mask
                break
        for name, layer in self.project.branches.items():
            own = layer.text("packageNoOverwritePath")
            mask = None if own is None else self._mask(files, own, name, wanted=True)
            if mask is not None:
                yield mask

    def _mask(self, files: FileProvider, path: str, branch: str | None, *, wanted: bool) -> MetadataMask | None:
        clean = posixpath.normpath(path.replace("\\", "/"))
        if clean.startswith(("/", "../")) or clean == "..":
            raise TopologyError(f"packageNoOverwritePath {path!r} leads out of the project; nothing outside is read")
        data = files.read(clean)
        if data is None:
            if wanted:
                self.notes.append(
                    f"packageNoOverwritePath names {path!r}, which does not exist: nothing is masked by it"
                )
            return None
        return MetadataMask.of(manifest_types(data, clean), branch=branch, origin=clean)
