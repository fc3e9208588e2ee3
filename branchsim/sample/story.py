"""The small sample: a shop whose eight hotfixes each take another way, in under forty commits.

Features reach the customers by integration, uat, preprod and production; hotfixes start from preprod and are owed to
integration. Release 2 then shows what became of them.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime

from branchsim.names import Sha
from branchsim.sample.builder import Builder, Edits, Stamp
from branchsim.sample.truth import Truth
from branchsim.topology import Topology, to_toml

_CLASSES = "force-app/main/default/classes"

_ANN = "Ann Ames <ann@shop.example>"
_BEN = "Ben Bello <ben@shop.example>"
_CLEO = "Cleo Cruz <cleo@shop.example>"
_MARY = "Mary Moss <mary@shop.example>"

_README = """\
# The shop

Features go from `integration` to `uat`, `preprod` and `production`. A hotfix starts from `preprod`, is merged there and
promoted to `production`; then the same branch is merged to `integration`, before the next release.
"""


def _apex(name: str, *methods: str) -> str:
    body = "\n".join(f"    {line}" if line else "" for method in methods for line in (*method.splitlines(), ""))
    return f"public with sharing class {name} {{\n{body.rstrip()}\n}}\n"


def _method(head: str, *lines: str) -> str:
    return "\n".join([f"public static {head} {{", *(f"    {line}" for line in lines), "}"])


_START = {
    "Login": _apex(
        "Login",
        _method(
            "Boolean isLocked(User user)", "Integer failures = user.NumberOfFailedLogins;", "return failures > 10;"
        ),
        _method("void remember(User user)", "Cache.Session.put('user', user.Id);"),
    ),
    "Tax": _apex(
        "Tax",
        _method("Decimal rate(String country)", "if (country == 'FR') {", "    return 0.196;", "}", "return 0.19;"),
        _method("Decimal gross(Decimal net, String country)", "return net * (1 + rate(country));"),
    ),
    "Shipping": _apex(
        "Shipping",
        _method("Decimal cost(Decimal weight)", "return weight * 1.2;"),
        _method("Integer days(String country)", "return country == 'FR' ? 2 : 5;"),
    ),
    "Refund": _apex(
        "Refund",
        _method("Boolean allowed(Order__c order)", "return order.Status__c == 'Paid';"),
        _method("Decimal amount(Order__c order)", "return order.Total__c;"),
    ),
    "Discount": _apex(
        "Discount",
        _method("Decimal percent(Account account)", "Decimal percent = account.Discount__c;", "return percent;"),
    ),
    "Payment": _apex(
        "Payment",
        _method("void capture(Order__c order)", "Gateway.capture(order.Payment__c);", "order.Status__c = 'Paid';"),
    ),
    "Invoice": _apex(
        "Invoice",
        _method("String number(Order__c order)", "return 'R-' + order.Name;"),
        _method("Date due(Order__c order)", "return order.Date__c.addDays(14);"),
        _method("Decimal total(Order__c order)", "return Tax.gross(order.Net__c, order.Country__c);"),
    ),
    "Search": _apex(
        "Search",
        _method(
            "List<Product__c> find(String text)", "return [SELECT Id FROM Product__c WHERE Name LIKE :text LIMIT 20];"
        ),
    ),
}

_INVOICE_EXPORT = _apex(
    "InvoiceExport",
    _method("String line(Order__c order)", "return Invoice.number(order) + ';' + Invoice.total(order);"),
)
_CART = _apex("Cart", _method("void add(Product__c product)", "Cache.Session.put('cart', product.Id);"))


def generate() -> tuple[bytes, list[Truth]]:
    """The sample as a ``git fast-import`` stream, and its truth."""
    with Builder() as builder:
        return _Story(builder).tell()


@dataclass
class _Story:
    git: Builder
    rows: list[Truth] = field(default_factory=list)
    _second: int = 0

    def tell(self) -> tuple[bytes, list[Truth]]:
        self._start()
        first = self._release(1, "02-03")
        self._feature_discount()
        self._kept()
        stale = self._overwritten()
        lost = self._ours()
        late = self._landed_late()
        # Only now, because whoever merges a branch that starts from preprod later brings along what is there by then.
        self._picked()
        self._squashed()
        self._missed()
        self._reverted()
        self._to_production("Ship the hotfixes of February", "02-20")
        second = self._release(2, "03-03")
        self._late_retrofit(late)
        self.rows += _promotions((first, second))
        for place, branch in enumerate(("preprod", "production"), 1):
            self._carried(stale, branch, second[place])
            self._carried(lost, branch, second[place])
        return self.git.stream("production"), self.rows

    # The steps everything is made of.

    def _at(self, person: str, day: str, committer: str = "") -> Stamp:
        # A minute apart, so that no two commits of a day stand at the same time.
        self._second += 60
        midnight = datetime.fromisoformat(f"2025-{day}").replace(tzinfo=UTC)
        return Stamp(author=person, at=int(midnight.timestamp()) + 9 * 3600 + self._second, committer=committer)

    def _edit(self, branch: str, name: str, old: str, new: str) -> Edits:
        path = _path(name)
        text = self.git.text(self.git.tip(branch), path)
        assert text.count(old) == 1, (path, old)  # noqa: S101  a slip in this file
        return {path: text.replace(old, new)}

    def _hotfix(self, name: str, person: str, day: str, *steps: tuple[str, str, str, str]) -> list[Sha]:
        """Start ``hotfix/NAME`` from preprod, do its commits, merge it to preprod: the commits, then the merge."""
        branch = f"hotfix/{name}"
        self.git.branch(branch, self.git.tip("preprod"))
        done = []
        for subject, path, old, new in steps:
            edits = self._edit(branch, path, old, new)
            done.append(self.git.commit(branch, edits, subject, self._at(person, day)))
        merge = self.git.merge("preprod", done[-1], f"Merge branch '{branch}' into preprod", self._at(_MARY, day))
        return [*done, merge]

    def _retrofit(self, name: str, day: str, *, ours: bool = False, body: str = "") -> Sha:
        branch = f"hotfix/{name}"
        source = self.git.tip(branch)
        subject = f"Merge branch '{branch}' into integration"
        return self.git.merge("integration", source, subject + body, self._at(_MARY, day), ours=ours)

    def _to_production(self, why: str, day: str) -> Sha:
        subject = f"Merge branch 'preprod' into production\n\n{why}"
        return self.git.merge("production", self.git.tip("preprod"), subject, self._at(_MARY, day))

    def _release(self, number: int, day: str) -> tuple[Sha, Sha, Sha]:
        done = []
        for source, target in itertools.pairwise(("integration", "uat", "preprod", "production")):
            message = f"Merge branch '{source}' into {target}\n\nRelease {number}"
            done.append(self.git.merge(target, self.git.tip(source), message, self._at(_MARY, day)))
        self.git.tag(
            f"v{number}.0",
            done[-1],
            f"Release {number}",
            f"{_MARY} {self.git.made[done[-1]].committer.split()[-2]} +0000",
        )
        return done[0], done[1], done[2]

    def _owed(self, name: str, commits: list[Sha], *, verdict: str, reason: str, **more: str) -> Truth:
        *own, merge = commits
        given = {"on_arrival": verdict} | more
        row = Truth(
            kind="obligation",
            name=name,
            subject=_subject(self.git, own[-1]),
            change=merge,
            commits=" ".join(own),
            landed_on="preprod",
            owed_to="integration",
            verdict=verdict,
            reason=reason,
            **given,
        )
        self.rows.append(row)
        return row

    def _dropped(
        self,
        row: Truth,
        *,
        branch: str,
        landing: Sha,
        origin: Sha,
        cause: str,
        path: str,
        reason: str,
        side: str = "target",
    ) -> Truth:
        over = Truth(
            kind="overwrite",
            name=row.name,
            subject=row.subject,
            change=row.change,
            commits=row.commits,
            cause=cause,
            branch=branch,
            landing=landing,
            origin=origin,
            path=path,
            side=side,
            reason=reason,
        )
        self.rows.append(over)
        return over

    def _carried(self, first: Truth, branch: str, landing: Sha) -> None:
        """The same loss, carried on by a promotion."""
        reason = f"release 2 brought to {branch} what {first.origin[:12]} had done to {first.path}"
        self._dropped(
            first,
            branch=branch,
            landing=landing,
            origin=Sha(first.origin),
            cause=first.cause,
            path=first.path,
            reason=reason,
        )

    # The story.

    def _start(self) -> None:
        git = self.git
        files = {_path(name): text for name, text in _START.items()}
        files |= {"README.md": _README, "branchsim.toml": to_toml(Topology.build_run())}
        root = git.commit("production", files, "Start the shop", self._at(_ANN, "01-06"))
        for branch in ("preprod", "uat", "integration"):
            git.branch(branch, root)
        git.branch("feature/cart", root)
        tip = git.commit("feature/cart", {_path("Cart"): _CART}, "Add a cart", self._at(_BEN, "01-20"))
        git.merge("integration", tip, "Merge branch 'feature/cart' into integration", self._at(_BEN, "01-21"))
        git.drop("feature/cart")

    def _feature_discount(self) -> None:
        """BUILD moves on: the line that a hotfix will change in RUN is changed on integration too."""
        git = self.git
        git.branch("feature/campaign", git.tip("integration"))
        edits = self._edit(
            "feature/campaign", "Discount", "account.Discount__c;", "Campaigns.best(account).Discount__c;"
        )
        tip = git.commit("feature/campaign", edits, "Take discounts from campaigns", self._at(_CLEO, "02-05"))
        git.merge("integration", tip, "Merge branch 'feature/campaign' into integration", self._at(_CLEO, "02-06"))
        git.drop("feature/campaign")

    def _kept(self) -> None:
        commits = self._hotfix(
            "login",
            _ANN,
            "02-07",
            ("Lock an account after five failed logins", "Login", "failures > 10", "failures >= 5"),
        )
        merge = self._retrofit("login", "02-07")
        self._owed(
            "login",
            commits,
            verdict="retrofitted",
            how="merge",
            counterpart=commits[-2],
            landing=merge,
            reason="the same branch was merged to integration on the same day",
        )

    def _picked(self) -> None:
        commits = self._hotfix("tax", _BEN, "02-14", ("Correct the French tax rate", "Tax", "0.196", "0.20"))
        stamp = self._at(_MARY, "02-17")
        pick = self.git.pick("integration", commits[0], stamp, trailer=True)
        self.git.drop("hotfix/tax")
        self._owed(
            "tax",
            commits,
            verdict="retrofitted",
            how="cherry-pick",
            counterpart=pick,
            landing=pick,
            reason="it was cherry-picked to integration",
        )

    def _squashed(self) -> None:
        commits = self._hotfix(
            "shipping",
            _CLEO,
            "02-17",
            ("Charge a minimum for shipping", "Shipping", "weight * 1.2;", "Math.max(4.9, weight * 1.2);"),
            ("Promise seven days abroad", "Shipping", "2 : 5", "2 : 7"),
        )
        squash = self.git.squash(
            "integration", commits[1], "Correct cost and days of shipping (#31)", self._at(_CLEO, "02-18")
        )
        self.git.drop("hotfix/shipping")
        self._owed(
            "shipping",
            commits,
            verdict="retrofitted",
            how="squash",
            counterpart=squash,
            landing=squash,
            reason="its two commits were squashed into one on integration",
        )

    def _missed(self) -> None:
        commits = self._hotfix(
            "refund",
            _BEN,
            "02-19",
            ("Refuse refunds after ninety days", "Refund", "== 'Paid';", "== 'Paid' && order.Age__c <= 90;"),
        )
        self.git.drop("hotfix/refund")
        self._owed("refund", commits, verdict="missed", cause="missed", reason="nobody brought it to integration")

    def _overwritten(self) -> Truth:
        git = self.git
        before = git.text(git.tip("integration"), _path("Invoice"))
        commits = self._hotfix(
            "due-date", _ANN, "02-10", ("Give customers thirty days to pay", "Invoice", "addDays(14)", "addDays(30)")
        )
        retrofit = self._retrofit("due-date", "02-10")
        # A copy of the class from before the fix is committed over the fixed one, with an edit of its own.
        old = before.replace("'R-' +", "'INV-' +")
        subject = "Export invoices (#32)"
        stale = git.commit(
            "integration",
            {_path("Invoice"): old, _path("InvoiceExport"): _INVOICE_EXPORT},
            subject,
            self._at(_BEN, "02-11"),
        )
        row = self._owed(
            "due-date",
            commits,
            verdict="lost",
            on_arrival="retrofitted",
            how="merge",
            counterpart=stale,
            landing=retrofit,
            cause="stale-commit",
            reason=f"it was merged to integration, then {stale[:12]} put an older copy of Invoice.cls over it",
        )
        return self._dropped(
            row,
            branch="integration",
            landing=stale,
            origin=stale,
            cause="stale-commit",
            path=_path("Invoice"),
            reason="an older copy of the class was committed over the fixed one",
        )

    def _ours(self) -> Truth:
        commits = self._hotfix(
            "discount",
            _CLEO,
            "02-12",
            (
                "Treat no discount as zero",
                "Discount",
                "Decimal percent = account.Discount__c;",
                "Decimal percent = account.Discount__c == null ? 0 : account.Discount__c;",
            ),
        )
        body = "\n\n# Conflicts:\n#\tforce-app/main/default/classes/Discount.cls"
        merge = self._retrofit("discount", "02-12", ours=True, body=body)
        row = self._owed(
            "discount",
            commits,
            verdict="lost",
            how="merge",
            counterpart=merge,
            landing=merge,
            cause="ours-merge",
            reason="its retrofit conflicted, and the merge kept integration's side only",
        )
        # On integration nothing was overwritten: the fix never was live there. RUN loses it with the release.
        return self._dropped(
            row,
            branch="integration",
            landing=merge,
            origin=merge,
            cause="ours-merge",
            path=_path("Discount"),
            side="source",
            reason="the merge that should have brought it kept integration's side only",
        )

    def _landed_late(self) -> list[Sha]:
        return self._hotfix(
            "payment",
            _ANN,
            "02-13",
            (
                "Capture a payment only once",
                "Payment",
                "Gateway.capture(order.Payment__c);",
                "if (order.Status__c != 'Paid') {\n            Gateway.capture(order.Payment__c);\n        }",
            ),
        )

    def _late_retrofit(self, commits: list[Sha]) -> None:
        merge = self._retrofit("payment", "03-10")
        self._owed(
            "payment",
            commits,
            verdict="late",
            how="merge",
            counterpart=commits[-2],
            landing=merge,
            cause="late",
            reason="it was merged to integration a week after release 2 had passed",
        )

    def _reverted(self) -> None:
        commits = self._hotfix(
            "search", _BEN, "02-19", ("Find two hundred products", "Search", "LIMIT 20", "LIMIT 200")
        )
        self.git.drop("hotfix/search")
        revert = self.git.revert("preprod", commits[0], self._at(_MARY, "02-19"), body="The page became too slow.\n\n")
        self._owed(
            "search",
            commits,
            verdict="reverted",
            counterpart=revert,
            cause="reverted-at-source",
            reason="it was reverted on preprod the same day: nothing is owed",
        )
        self.rows.append(
            Truth(
                kind="obligation",
                name="search-revert",
                subject=_subject(self.git, revert),
                change=revert,
                commits=revert,
                landed_on="preprod",
                owed_to="integration",
                verdict="reverted",
                on_arrival="reverted",
                cause="reverted-at-source",
                reason="it undoes what integration never had: nothing is owed",
            )
        )


def _promotions(releases: tuple[tuple[Sha, Sha, Sha], ...]) -> list[Truth]:
    return [
        Truth(kind="promotion", name=f"release-{number}", branch=branch, landing=landing, reason=f"release {number}")
        for number, landings in enumerate(releases, 1)
        for branch, landing in zip(("uat", "preprod", "production"), landings, strict=True)
    ]


def _path(name: str) -> str:
    return f"{_CLASSES}/{name}.cls"


def _subject(git: Builder, sha: Sha) -> str:
    return git.made[sha].message.partition("\n")[0]


__all__ = ["generate"]
