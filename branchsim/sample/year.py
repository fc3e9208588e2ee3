"""The large sample: a Salesforce project over one year, with every way to lose a hotfix and every trap that is none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from branchsim.sample import salesforce as sf
from branchsim.sample.builder import Builder
from branchsim.sample.hotfixes import PLANS, Hotfix, schedule
from branchsim.sample.outcomes import rows_of
from branchsim.sample.team import BRANCHES, DEVELOPERS, MANAGER, Dice, Team, date
from branchsim.topology import Topology, to_toml

if TYPE_CHECKING:
    from branchsim.names import Sha
    from branchsim.sample.truth import Truth

SEED = 2025
RELEASES = 12
_CUT, _VALIDATE, _SHIP = 15, 22, 25
_FEATURES_A_WEEK = 7
_API = {4: "63.0", 9: "64.0"}
_REVERTED_AFTER = (3, 8)

_HARDIS = """\
projectName: acme-crm
developmentBranch: integration
productionBranch: production
availableTargetBranches:
  - integration
  - preprod
"""

_README = """\
# acme-crm

Features start from `integration` and go to `uat`, `preprod` and `production` once a month. Hotfixes start from
`preprod` and are retrofitted to `integration`.
"""


def generate() -> tuple[bytes, list[Truth]]:
    """The sample as a ``git fast-import`` stream, and its truth."""
    with Builder() as builder:
        year = _Year(Team(builder, Dice(SEED)))
        year.plan()
        year.team.run()
        return builder.stream("production"), list(year.truth())


@dataclass
class _Year:
    team: Team
    hotfixes: dict[str, Hotfix] = field(default_factory=dict)
    releases: list[tuple[int, str, Sha]] = field(default_factory=list)
    bumps: list[tuple[str, Sha, Sha]] = field(default_factory=list)
    reverts: list[tuple[str, Sha, Sha]] = field(default_factory=list)

    def plan(self) -> None:
        team = self.team
        team.at(date(1, 2), self._start)
        for number in range(1, RELEASES + 1):
            team.at(date(number, _CUT, 18), lambda n=number: self._cut(n))  # type: ignore[misc]
            team.at(date(number, _VALIDATE, 18), lambda n=number: self._validate(n))  # type: ignore[misc]
            team.at(date(number, _SHIP, 18), lambda n=number: self._ship(n))  # type: ignore[misc]
        for number, version in _API.items():
            team.at(date(number, 2, 7), lambda v=version: self._bump_api(v))  # type: ignore[misc]
        for number in _REVERTED_AFTER:
            team.at(date(number, 12, 20), self._revert_feature)
        for week in range(1, 50):
            for place in range(_FEATURES_A_WEEK):
                day = 6 + 7 * (week - 1) + place % 5
                team.plan_feature(date(1, day, 8 + team.dice.below(9)))
        for index, plan in enumerate(PLANS):
            person = DEVELOPERS[index % len(DEVELOPERS)]
            self.hotfixes[plan.name] = Hotfix(plan, team, f"HOT-{index + 1:02d}", person)
        for fix in self.hotfixes.values():
            start = date(fix.plan.window, _SHIP + 2 + 3 * fix.plan.slot + (fix.plan.slot == 0), 7)
            schedule(fix, start, date(fix.plan.window + 1, _SHIP + 1, 7), self.hotfixes)

    def _start(self) -> None:
        files = sf.start()
        files |= {
            "README.md": _README,
            "branchsim.toml": to_toml(Topology.build_run()),
            "config/.sfdx-hardis.yml": _HARDIS,
        }
        team = self.team
        root = team.commit("production", files, "Start the project", MANAGER)
        for branch in BRANCHES[:-1]:
            team.git.branch(branch, root)
            team.landings[branch] = [root]

    def _cut(self, number: int) -> None:
        team = self.team
        self.releases.append((number, "uat", team.promote("integration", "uat", f"Release 25.{number} to uat")))
        version = {sf.PROJECT: sf.set_version(team.text("integration", sf.PROJECT), f"25.{number + 1}.0")}
        self.bumps.append(("version-bump", *team.quick_feature(f"Start 25.{number + 1}", version, MANAGER)))

    def _validate(self, number: int) -> None:
        team = self.team
        # Here a hotfix that nobody retrofitted meets what BUILD did to the same lines, and loses.
        mine = [
            fix
            for fix in self.hotfixes.values()
            if fix.plan.scenario == "missed-overwritten" and fix.plan.window == number - 1
        ]
        edits = {fix.fixes[0].path: team.text("uat", fix.fixes[0].path) for fix in mine}
        landing = team.promote("uat", "preprod", f"Release 25.{number} to preprod", edits=edits)
        for fix in mine:
            fix.origin = landing
        self.releases.append((number, "preprod", landing))

    def _ship(self, number: int) -> None:
        team = self.team
        landing = team.ship(f"Release 25.{number}")
        team.git.tag(f"v25.{number}.0", landing, f"Release 25.{number}", f"{MANAGER} {team.now + 60} +0000")
        self.releases.append((number, "production", landing))

    def _bump_api(self, version: str) -> None:
        team = self.team
        paths = [path for path in team.git.files(team.git.tip("integration")) if path.endswith(".cls-meta.xml")]
        edits = {path: sf.set_api(team.text("integration", path), version) for path in [sf.PROJECT, *paths]}
        self.bumps.append(
            ("version-bump", *team.quick_feature(f"Move to version {version} of the API", edits, DEVELOPERS[0]))
        )

    def _revert_feature(self) -> None:
        team = self.team
        last = team.features[-1]
        body = "It is put off to the next version.\n\n"
        self.reverts.append(("explicit-revert", last, team.revert("integration", last, DEVELOPERS[5], body=body)))

    def truth(self) -> Iterator[Truth]:
        yield from rows_of(self.team, self.hotfixes, self.releases, [*self.bumps, *self.reverts])


__all__ = ["generate"]
