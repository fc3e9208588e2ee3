"""The forty hotfixes of the year: what each changes, how it is retrofitted, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from branchsim.sample import salesforce as sf
from branchsim.sample.team import DAY, DEVELOPERS, HOUR, MANAGER, Team

if TYPE_CHECKING:
    from branchsim.names import Sha
    from branchsim.sample.builder import Edits


@dataclass(frozen=True, slots=True)
class Plan:
    """A hotfix as it is planned: the release it follows, its turn, how it goes, what it changes and why."""

    window: int
    slot: int
    name: str
    scenario: str
    kind: str
    entity: str
    title: str


PLANS = tuple(
    Plan(*row)
    for row in (
        (1, 0, "credit-check", "evolved", "apex", "Account", "Skip credit checks of accounts without a rating"),
        (1, 1, "quote-region", "ours", "flow", "Quote", "Route quotes only within their region"),
        (1, 2, "agent-access", "version", "permissions", "Case", "Let agents see the channel of a case"),
        (1, 3, "order-rounding", "picked-evolved", "apex", "Order__c", "Do not round orders without a currency"),
        (2, 0, "lead-escalation", "one-sided", "apex", "Lead", "Do not escalate leads without a team"),
        (2, 1, "invoice-balance", "stale", "apex", "Invoice__c", "Do not dun invoices without a due date"),
        (2, 2, "payment-limit", "wrong-base", "flow", "Payment__c", "Hold payments above the daily limit"),
        (2, 3, "contract-balance", "squash-moved", "apex", "Contract", "Ignore contracts without an end date"),
        (3, 0, "shipment-rounding", "kept-both", "apex", "Shipment__c", "Do not round shipments without a weight"),
        (3, 1, "renewal-flow", "evil-merge", "flow", "Subscription__c", "Renew subscriptions only with a payer"),
        (3, 2, "partner-access", "reordered", "steady-profile", "Lead", "Let partners edit the source of a lead"),
        (3, 3, "standard-access", "late-version", "profile", "Opportunity", "Let everybody see the stage of a deal"),
        (
            4,
            0,
            "warranty-balance",
            "revert-propagated",
            "apex",
            "Warranty__c",
            "Ignore warranties that were never registered",
        ),
        (4, 1, "quote-layout", "merged-integration", "layout", "Quote", "Show the margin on a quote"),
        (4, 2, "deal-escalation", "stale-restored", "apex", "Opportunity", "Do not escalate deals without an owner"),
        (4, 3, "case-balance", "revert-propagated", "apex", "Case", "Do not count cases without an entitlement"),
        (5, 0, "sales-access", "ours", "permissions", "Invoice__c", "Let sales see the dunning level"),
        (5, 1, "account-rounding", "one-sided-partial", "apex", "Account", "Do not round accounts without a ledger"),
        (5, 2, "subscription-balance", "wrong-base", "apex", "Subscription__c", "Ignore subscriptions on trial"),
        (5, 3, "warranty-flow", "brought-along", "flow", "Warranty__c", "Check warranties against the serial number"),
        (6, 0, "payment-rounding", "carrier", "apex", "Payment__c", "Do not round payments without a currency"),
        (6, 1, "shipment-flow", "merged-integration", "flow", "Shipment__c", "Hold shipments to blocked addresses"),
        (7, 0, "billing-access", "picked-reapplied", "steady-permissions", "Payment__c", "Let billing see the payer"),
        (7, 1, "lead-flow", "missed", "flow", "Lead", "Assign leads only to active owners"),
        (7, 2, "quote-escalation", "stale-picked", "apex", "Quote", "Do not escalate quotes without an approver"),
        (7, 3, "order-layout", "squash", "layout", "Order__c", "Show the carrier on an order"),
        (
            8,
            0,
            "contract-rounding",
            "missed-overwritten",
            "apex",
            "Contract",
            "Do not round contracts without a price book",
        ),
        (8, 1, "deal-balance", "evil-picked", "apex", "Opportunity", "Do not count deals without a forecast"),
        (8, 2, "quote-balance", "by-hand", "apex", "Quote", "Do not count quotes that have expired"),
        (8, 3, "manager-access", "reverted", "profile", "Contract", "Let managers edit the term of a contract"),
        (9, 0, "legacy-import", "superseded-later", "legacy", "LegacyImport", "Skip imported rows without a key"),
        (9, 1, "case-flow", "missed", "flow", "Case", "Close cases only with a resolution"),
        (9, 2, "lead-rounding", "by-hand", "apex", "Lead", "Do not round leads without a budget"),
        (9, 3, "shipment-layout", "forced", "layout", "Shipment__c", "Show the incoterm on a shipment"),
        (
            10,
            0,
            "invoice-rounding",
            "missed-overwritten",
            "apex",
            "Invoice__c",
            "Do not round invoices without a tax code",
        ),
        (10, 1, "order-balance", "by-hand-other", "apex", "Order__c", "Do not count orders on hold"),
        (
            10,
            2,
            "legacy-sync",
            "superseded-before",
            "legacy",
            "LegacySync",
            "Skip rows that were deleted at the source",
        ),
        (11, 0, "sales-region", "reverted", "permissions", "Quote", "Let sales change the region of a quote"),
        (11, 1, "payment-balance", "missed", "apex", "Payment__c", "Do not count payments that were refused"),
        (11, 2, "warranty-rounding", "forced", "apex", "Warranty__c", "Do not round warranties without a price"),
    )
)
"""Up to July the team retrofits by merging the branch of the hotfix, which brings along what preprod had by then; from
August on it picks, so that what was missed stays missed."""

PICKING_FROM = 7


@dataclass(frozen=True, slots=True)
class Fix:
    """What a hotfix puts into one file: a line that shows it, and the whole text that it adds."""

    path: str
    marker: str
    added: str


@dataclass
class Hotfix:
    """A hotfix and what became of it so far.

    Attributes
    ----------
    fixes : list of Fix
        What it puts where; the first is the one that shows whether it is there.
    commits : list of Sha
        Its commits, merges left out.
    landing : Sha
        Its merge to preprod.
    arrival : Sha or None
        The landing on integration that brought it.
    counterpart : Sha or None
        The commit that carries it there, or withdrew or dropped it.
    origin : Sha or None
        The commit that dropped it, where one did.
    carriers : list of Sha
        The commits that carry it elsewhere.
    leaked : tuple of Sha
        What it brought to preprod that was not its own.
    """

    plan: Plan
    team: Team
    ticket: str
    person: str
    fixes: list[Fix] = field(default_factory=list)
    commits: list[Sha] = field(default_factory=list)
    landing: Sha | None = None
    tip: Sha | None = None
    arrival: Sha | None = None
    counterpart: Sha | None = None
    origin: Sha | None = None
    restored: Sha | None = None
    leaked: tuple[Sha, ...] = ()
    carriers: list[Sha] = field(default_factory=list)

    @property
    def branch(self) -> str:
        """Its branch."""
        return f"hotfix/{self.ticket}-{self.plan.name}"

    @property
    def title(self) -> str:
        """Its title with its ticket."""
        return f"{self.ticket} {self.plan.title}"

    def present(self, commit: Sha) -> bool:
        """Whether what it changes is in a commit."""
        fix = self.fixes[0]
        files = self.team.git.files(commit)
        return fix.path in files and fix.marker in self.team.git.content(files[fix.path])

    def without(self, branch: str) -> Edits:
        """The files of a branch as if it had not been."""
        return {fix.path: self.team.text(branch, fix.path).replace(fix.added, "") for fix in self.fixes[:1]}

    def put_in(self, answer: str = "return 0;") -> dict[str, str]:
        """The file of integration with what it adds to a method; what the method does else stays."""
        fix = self.fixes[0]
        text = self.team.text("integration", fix.path)
        head = next(line for line in text.splitlines(keepends=True) if f" {self.block}(" in line)
        return {fix.path: text.replace(head, head + fix.added.replace("return 0;", answer))}

    # What it changes.

    def edits(self, text: Callable[[str], str]) -> dict[str, str]:
        """Its first commit."""
        plan, ticket = self.plan, self.ticket
        number = self.team.numbers()
        field_name = f"Fix_{number}__c"
        place = 11 * number
        match plan.kind:
            case "apex" | "legacy":
                path = sf.legacy(plan.entity) if plan.kind == "legacy" else sf.service(plan.entity)
                before = text(path)
                after = sf.add_guard(before, self.block, ticket, plan.title, field_name)
                marker = f"Log.warn('{ticket}', record.Id);"
            case "flow":
                path, before = sf.flow(plan.entity), text(sf.flow(plan.entity))
                after = sf.add_condition(before, self.block, field_name, number)
                marker = f"<leftValueReference>$Record.{field_name}<"
            case "layout":
                path, before = sf.layout(plan.entity), text(sf.layout(plan.entity))
                after = sf.add_layout_item(before, field_name, place)
                marker = f"<field>{field_name}<"
            case _:
                path = self._access_path()
                before = text(path)
                after = sf.add_permission(before, f"{plan.entity}.{field_name}", place)
                marker = f"<field>{plan.entity}.{field_name}<"
        self.fixes.append(Fix(path, marker, _added(before, after, marker)))
        return {path: after}

    @property
    def block(self) -> str:
        """The method or decision that it changes; features leave these alone."""
        if self.plan.kind == "flow":
            return "Check_Date"
        for word, name in (("rounding", "roundedTotal"), ("balance", "openBalance")):
            if self.plan.name.endswith(word):
                return name
        return "escalation"

    def _access_path(self) -> str:
        name = self.plan.name
        match self.plan.kind:
            case "permissions":
                return sf.permission_set("Service_Agent" if name.startswith("agent") else "Sales_User")
            case "steady-permissions":
                return sf.permission_set("Billing_Admin")
            case "steady-profile":
                return sf.profile("Partner")
            case _:
                return sf.profile("Standard" if name.startswith("standard") else "Admin")

    def second(self) -> dict[str, str]:
        """A second commit in another file: access to the field that the first one reads."""
        path = sf.permission_set("Service_Agent")
        before = self.team.text(self.branch, path)
        field_name = f"{self.plan.entity}.Fix_{self.team.numbers()}__c"
        after = sf.add_permission(before, field_name, 13 * self.team.numbers())
        marker = f"<field>{field_name}<"
        self.fixes.append(Fix(path, marker, _added(before, after, marker)))
        return {path: after}

    # How it lands.

    def write(self, base: str) -> None:
        """Start the branch and do the work."""
        team, git = self.team, self.team.git
        git.branch(self.branch, git.tip(base))
        edits = self.edits(lambda path: team.text(base, path))
        self.commits.append(team.commit(self.branch, edits, self.title, self.person))
        scenario = self.plan.scenario
        if scenario in {"evolved", "squash-moved", "squash", "one-sided-partial", "carrier"}:
            self._also(self.second(), "Give access to the field that is checked")
        if scenario in {"version", "late-version"}:
            version = {sf.PROJECT: sf.set_version(team.text(self.branch, sf.PROJECT), f"25.{self.plan.window}.1")}
            self._also(version, f"Release 25.{self.plan.window}.1")
        if scenario == "merged-integration":
            message = f"Merge branch 'integration' into {self.branch}"
            team.merge(self.branch, git.tip("integration"), message, self.person)

    def _also(self, edits: Edits, what: str) -> None:
        self.commits.append(self.team.commit(self.branch, edits, f"{self.ticket} {what}", self.person))

    def land(self) -> None:
        """Merge it to preprod and ship it."""
        team, git = self.team, self.team.git
        before = git.tip("preprod")
        self.tip = git.tip(self.branch)
        self.landing = team.merge("preprod", self.tip, team.request(self.branch, self.title), MANAGER)
        new = git.ancestors(self.landing) - git.ancestors(before) - git.ancestors(git.tip("uat")) - {*self.commits}
        self.leaked = tuple(sha for sha in git.made if sha in new and len(git.made[sha].parents) == 1)
        team.ship(f"Ship {self.title}")

    # How it is retrofitted.

    def merge_back(self, *, edits: Edits | None = None, ours: bool = False) -> None:
        """Merge the same branch to integration."""
        assert self.tip is not None  # noqa: S101  it has landed
        team = self.team
        message = team.request(self.branch, self.title)
        self.arrival = team.merge("integration", self.tip, message, self.person, edits=edits, ours=ours)
        self.counterpart = self.commits[-1]

    def pick_back(self, *, trailer: bool = True) -> None:
        """Cherry-pick its commits to integration."""
        for commit in self.commits:
            self.counterpart = self.arrival = self.team.pick("integration", commit, self.person, trailer=trailer)
            self.carriers.append(self.arrival)

    def squash_back(self) -> None:
        """Squash its branch to integration, by way of a branch that has nothing else."""
        team = self.team
        retrofit = f"retrofit/{self.ticket}"
        team.git.branch(retrofit, team.git.tip("integration"))
        for commit in self.commits:
            team.pick(retrofit, commit, self.person, trailer=False)
        tip = team.git.tip(retrofit)
        message = team.numbered(f"Retrofit {self.title}")
        self.counterpart = self.arrival = team.squash("integration", tip, message, self.person)
        self.carriers.append(self.arrival)
        team.git.drop(retrofit)

    def by_hand(self, *, other_words: bool) -> None:
        """Somebody else writes it again on integration, together with other work."""
        team = self.team
        edits = self.put_in("return null;" if other_words else "return 0;")
        path = sf.flow(self.plan.entity)
        edits[path] = sf.set_number(team.text("integration", path), "Check_Owner", team.numbers())
        person = DEVELOPERS[0] if self.person != DEVELOPERS[0] else DEVELOPERS[1]
        tip, self.arrival = team.quick_feature(
            f"Align {sf.title(self.plan.entity).lower()}s with production", edits, person
        )
        self.counterpart = tip

    # What happens to it on integration.

    def touch_same_place(self) -> None:
        """BUILD changes the line next to it."""
        path = self.fixes[0].path if self.fixes else sf.service(self.plan.entity)
        text = sf.set_bound(self.team.text("integration", path), self.block, self.team.numbers())
        self.team.quick_feature(f"Set the bound of {self.block}", {path: text}, DEVELOPERS[2])

    def stale_copy(self) -> None:
        """Somebody works on an old copy of the file and commits it."""
        team, path = self.team, self.fixes[0].path
        old = self.without("integration")[path] or ""
        edits = {path: sf.set_bound(old, "riskLevel", team.numbers())}
        title = f"Tune the risk level of {sf.title(self.plan.entity).lower()}s"
        self.origin, _ = team.quick_feature(title, edits, DEVELOPERS[3])

    def evil(self) -> None:
        """A merge that git makes cleanly is recorded without it."""
        team = self.team
        path = sf.service("Case")
        edits = {path: sf.set_bound(team.text("integration", path), "approvalStep", team.numbers())}
        _, self.origin = team.quick_feature(
            "Raise the approval step of cases", edits, DEVELOPERS[4], merge_edits=self.without("integration")
        )

    def revert_back(self, body: str) -> Sha:
        """The retrofit is reverted on integration."""
        assert self.arrival is not None  # noqa: S101  it has arrived
        return self.team.revert("integration", self.arrival, DEVELOPERS[5], body=body)

    def evolve(self) -> None:
        """Somebody who has it works on the same lines."""
        fix = self.fixes[0]
        text = self.team.text("integration", fix.path).replace(fix.marker, f"Log.error('{self.ticket}', record.Id);")
        title = f"Log an error where the {self.block} cannot be told"
        self.team.quick_feature(title, {fix.path: text}, DEVELOPERS[1])

    def move(self) -> None:
        """Its method moves to the end of its class, as it is."""
        path = self.fixes[0].path
        text = sf.move_method(self.team.text("integration", path), self.block)
        self._trap("moved", *self.team.quick_feature(f"Put {self.block} last", {path: text}, DEVELOPERS[2]))

    def reorder(self) -> None:
        """Another tool writes the same metadata in another order."""
        path = self.fixes[0].path
        text = sf.sort_elements(self.team.text("integration", path))
        self._trap("reordered", *self.team.quick_feature("Retrieve access in order", {path: text}, DEVELOPERS[4]))

    traps: list[tuple[str, Sha, Sha]] = field(default_factory=list)

    def _trap(self, cause: str, origin: Sha, landing: Sha) -> None:
        self.traps.append((cause, origin, landing))


def schedule(fix: Hotfix, start: int, after_release: int, others: Mapping[str, Hotfix]) -> None:  # noqa: C901, PLR0912, PLR0915
    """Put what happens to a hotfix into the calendar.

    Parameters
    ----------
    fix : Hotfix
        The hotfix.
    start : int
        When the work begins.
    after_release : int
        A day after the next release is in production.
    others : mapping of str to Hotfix
        All hotfixes by name.
    """
    team, scenario = fix.team, fix.plan.scenario
    if scenario in {"one-sided", "one-sided-partial", "kept-both", "carrier"}:
        team.at(start - DAY, fix.touch_same_place)
    if scenario == "superseded-before":
        team.at(start - DAY, lambda: _remove(fix))
    team.at(start, lambda: fix.write("integration" if scenario == "wrong-base" else "preprod"))
    team.at(start + 5 * HOUR, fix.land)
    back = start + DAY
    match scenario:
        case "ours":
            team.at(back, lambda: _ours(fix))
        case "one-sided" | "one-sided-partial":
            team.at(back, lambda: _one_sided(fix))
        case "kept-both":
            team.at(back, lambda: fix.merge_back(edits=fix.put_in()))
        case "version":
            team.at(back, lambda: _version(fix))
        case "late-version":
            team.at(after_release, lambda: _version(fix))
        case "picked-evolved" | "picked-reapplied" | "stale-picked" | "evil-picked":
            team.at(back, lambda: fix.pick_back(trailer=scenario != "stale-picked"))
        case "squash" | "squash-moved":
            team.at(back, fix.squash_back)
        case "by-hand" | "by-hand-other":
            team.at(back, lambda: fix.by_hand(other_words=scenario == "by-hand-other"))
        case "carrier":
            team.at(back, lambda: _carrier(fix, others["warranty-flow"]))
        case "forced":
            team.at(back, lambda: _forced(fix))
        case "reverted":
            team.at(back, lambda: _withdrawn(fix))
        case "superseded-later":
            team.at(back, lambda: _remove(fix))
        case "missed-overwritten":
            team.at(back, fix.touch_same_place)
        case "missed" | "brought-along" | "superseded-before":
            pass
        case _:
            team.at(back, fix.merge_back)
    soon = start + 3 * DAY
    match scenario:
        case "evolved" | "picked-evolved":
            team.at(after_release + 2 * DAY, fix.evolve)
        case "kept-both" | "squash-moved":
            team.at(after_release + 2 * DAY, fix.move)
        case "reordered":
            team.at(after_release + 3 * DAY, fix.reorder)
        case "stale" | "stale-picked":
            team.at(soon, fix.stale_copy)
        case "stale-restored":
            team.at(soon, fix.stale_copy)
            team.at(soon + 2 * DAY, lambda: _restore(fix))
        case "evil-merge" | "evil-picked":
            team.at(soon, fix.evil)
        case "revert-propagated":
            team.at(soon, lambda: _reverted_there(fix))
        case "picked-reapplied":
            team.at(soon, lambda: _reapplied(fix))
            team.at(after_release + 3 * DAY, fix.reorder)
        case _:
            pass


def _ours(fix: Hotfix) -> None:
    fix.merge_back(ours=True)
    fix.origin = fix.counterpart = fix.arrival


def _one_sided(fix: Hotfix) -> None:
    path = fix.fixes[0].path
    fix.merge_back(edits={path: fix.team.text("integration", path)})
    fix.origin = fix.counterpart = fix.arrival


def _version(fix: Hotfix) -> None:
    fix.merge_back()
    assert fix.arrival is not None  # noqa: S101  it has just been made
    fix.traps.append(("version-bump", fix.arrival, fix.arrival))


def _carrier(fix: Hotfix, forgotten: Hotfix) -> None:
    fix.merge_back(edits=fix.put_in())
    forgotten.arrival, forgotten.counterpart = fix.arrival, forgotten.commits[-1]


def _forced(fix: Hotfix) -> None:
    """A pick to integration is gone with the next push, which was made by force from an older state."""
    team, git = fix.team, fix.team.git
    before = git.tip("integration")
    fix.pick_back()
    lost = git.tip("integration")
    git.branch(f"backup/integration-before-{fix.ticket}", lost)
    git.branch("integration", before)
    path = sf.flow("Account")
    edits = {path: sf.set_number(team.text("integration", path), "Check_Status", team.numbers())}
    _, fix.origin = team.quick_feature("Correct the status check of accounts", edits, DEVELOPERS[6])
    fix.counterpart = lost


def _withdrawn(fix: Hotfix) -> None:
    team = fix.team
    assert fix.landing is not None  # noqa: S101  it has landed
    fix.counterpart = team.revert("preprod", fix.landing, MANAGER, body="The customer wants it otherwise.\n\n")
    team.ship(f"Withdraw {fix.title}")


def _remove(fix: Hotfix) -> None:
    """BUILD has done away with the class."""
    path = sf.legacy(fix.plan.entity)
    edits = {path: None, f"{path}-meta.xml": None}
    fix.counterpart, _ = fix.team.quick_feature(f"Remove {fix.plan.entity}", edits, DEVELOPERS[2])
    fix.origin = fix.counterpart


def _restore(fix: Hotfix) -> None:
    _, fix.restored = fix.team.quick_feature(f"Put back {fix.title}", fix.put_in(), fix.person)


def _reverted_there(fix: Hotfix) -> None:
    fix.origin = fix.revert_back("It breaks the tests of the next version.\n\n")
    fix.counterpart = fix.origin


def _reapplied(fix: Hotfix) -> None:
    fix.origin = fix.revert_back("It was meant for the next sprint.\n\n")
    fix.restored = fix.team.revert("integration", fix.origin, fix.person)


def _added(before: str, after: str, marker: str) -> str:
    """What was put in: the one stretch of lines by which the texts differ, which holds the marker."""
    old, new = before.splitlines(keepends=True), after.splitlines(keepends=True)
    size = len(new) - len(old)
    at = next(place for place, line in enumerate(new) if marker in line)
    for start in range(max(0, at - size + 1), at + 1):
        if new[:start] + new[start + size :] == old:
            return "".join(new[start : start + size])
    raise AssertionError(marker)


__all__ = ["PICKING_FROM", "PLANS", "Fix", "Hotfix", "Plan", "schedule"]
