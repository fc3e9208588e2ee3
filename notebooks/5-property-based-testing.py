# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Property-based testing of your strategy
#
# A test with examples asks whether the mistakes you thought of are caught. A property-based test makes the examples up:
# **a state machine in twenty lines, with real git; a failure that nobody wrote down; its shrunk story; and the guard that
# fixes it.** For engineers who know pytest; [Hypothesis](https://hypothesis.readthedocs.io) is explained on the way.
#
# The question is the one of every team with more than one long-lived branch: *can a fix that customers have be taken away
# from them again?*

# %% [markdown]
# ## A team in twenty lines
#
# Features are committed on `integration`, hotfixes on `production`, and now and then `integration` is released. There is one file
# with a few places in it. Where a release conflicts, whoever makes it takes the newer version: that of `integration`.
#
# `rule` is what may happen next, `invariant` what has to hold after every step. A `ScratchRepo` is a real repository that is made in
# milliseconds and does a merge as git does it.

# %%
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from branchsim.testing import ScratchRepo

PRICE = "force-app/main/default/classes/Price.cls"
PLACES = st.integers(0, 2)


class Shop(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.repo, self.fixes, self.owed, self.count = ScratchRepo(), [], [], 0
        self.repo.commit("production", {PRICE: "net:\n\n\ntax:\n\n\nsum:\n"}, message="Begin")
        self.repo.branch("integration", at="production")

    def edit(self, branch, place, what):
        self.count += 1
        lines = self.text(branch).split("\n")
        lines[3 * place] += f" {what}-{self.count}"
        self.repo.commit(branch, {PRICE: "\n".join(lines)}, message=f"{what}-{self.count}")
        return f"{what}-{self.count}"

    def text(self, branch):
        return self.repo.files(branch)[PRICE].decode()

    @rule(place=PLACES)
    def feature(self, place):
        self.edit("integration", place, "feature")

    @rule(place=PLACES)
    def hotfix(self, place):
        self.fixes.append(self.edit("production", place, "fix"))
        self.owed.append(self.fixes[-1])

    @rule()
    def release(self):
        self.released = self.repo.merge(into="production", source="integration", resolve="theirs")

    @invariant()
    def every_fix_is_live(self):
        assert all(fix in self.text("production") for fix in self.fixes)

    def teardown(self):
        self.repo.close()


# %% [markdown]
# ## A failure
#
# In a test suite `TestShop = Shop.TestCase` is all that pytest needs. Here we run it by hand and catch what it says. Hypothesis does
# whatever it likes, history after history, until the invariant breaks; then it makes the history smaller as long as it
# still breaks.

# %%
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

quiet = settings(
    max_examples=60,
    stateful_step_count=20,
    deadline=None,
    database=None,
    derandomize=True,  # the same answer on every run
    print_blob=False,
    suppress_health_check=[HealthCheck.too_slow],  # a busy machine is no failure
    phases=[Phase.generate, Phase.shrink],
)


def story(machine, options=quiet):
    """The steps of the smallest failure, or none."""
    try:
        run_state_machine_as_test(machine, settings=options)
    except AssertionError as error:
        lines = "\n".join(error.__notes__).splitlines()
        return [line for line in lines if line.startswith("state.") and "live" not in line and "teardown" not in line]
    return []


found = story(Shop)
print("\n".join(found))

# %% [markdown]
# Three steps, and no number in them that could be smaller. A feature and a hotfix touch the same place; the release conflicts and
# is resolved for the newer version; **the fix is gone from production.** Git will never bring it back: production contains
# the commit of the fix.
#
# ## Its story
#
# The steps are calls, so they can be done again, one by one.

# %%
shop = Shop()
shop.feature(place=0)
shop.hotfix(place=0)
fix = shop.repo.resolve("production")
shop.release()

print("conflicts:        ", *shop.released.conflicts)
print("is it an ancestor?", shop.repo.is_ancestor(fix, of="production"))
print("is it there?      ", "fix-2" in shop.text("production"))

# %%
from branchsim import plot

graph = [  # branch, name of the commit, parents, what happened
    ("production", "c0", (), "begin"),
    ("integration", "c1", ("c0",), "feature-1"),
    ("production", "c2", ("c0",), "fix-2"),
    ("production", "c3", ("c2", "c1"), "released: fix-2 is lost"),
]
figure = plot.branch_graph(graph, highlight=["c3"]).figure

# %% [markdown]
# Whoever does not believe it can have it as a shell script that needs git and nothing else. Its first lines:

# %%
print("\n".join(shop.repo.script("A fix is lost").splitlines()[:12]))

# %% [markdown]
# ## The guard that fixes it
#
# The mistake is made in the release, by somebody who knows neither side. It can be kept from happening there: **no release while a
# fix is owed.** The fix is brought to `integration` first, and if that conflicts, it conflicts with the person who wrote the fix
# and keeps both sides.
#
# A guard is a `precondition`: what it forbids does not happen.

# %%
from collections import Counter

seen = Counter()


class GuardedShop(Shop):
    @precondition(lambda self: self.owed)
    @rule()
    def retrofit(self):
        both = zip(self.text("integration").split("\n"), self.text("production").split("\n"), strict=True)
        merged = [" ".join(dict.fromkeys([*ours.split(), *theirs.split()])) for ours, theirs in both]
        done = self.repo.merge(into="integration", source="production", resolve={PRICE: "\n".join(merged)})
        seen["retrofits"] += 1
        seen["retrofits with a conflict"] += bool(done.conflicts)
        self.owed.clear()

    @precondition(lambda self: not self.owed)
    @rule()
    def release(self):
        seen["releases"] += 1
        super().release()


story(GuardedShop) or "nothing is lost"

# %% [markdown]
# A green result can be empty: perhaps nothing was ever in conflict. So count what happened.

# %%
for what, times in sorted(seen.items()):
    print(f"{times:6,} {what}")

# %% [markdown]
# ## The same for a strategy with more branches
#
# `BranchStrategyMachine` is such a machine for any topology: it starts branches, lands, promotes, retrofits, tags, as the strategy
# and its guards allow, with real git, and with a plain model of dictionaries beside it that has to agree in every tree. Here
# BUILD/RUN **without** its guard, and with people who sometimes forget a retrofit.

# %%
import tempfile
from typing import ClassVar

import branchsim as bs
from branchsim.testing import BranchStrategyMachine

place = tempfile.TemporaryDirectory()


class Forgetful(BranchStrategyMachine):
    strategy = bs.Strategy.build_run().without("no-promotion-while-open")
    mistakes = ("skip-retrofit",)
    promises = ("owed-before-promotion",)
    scripts = place.name


try:
    run_state_machine_as_test(Forgetful, settings=quiet)
except AssertionError as error:
    told = "\n".join(error.__notes__)
    print(told[told.index("What happened") : told.index("The same with git alone")])

# %% [markdown]
# First the story in sentences, then a test to paste into a suite. With the guard the same people, who still forget, can do no
# harm: what is forgotten holds the promotion up, and somebody asks why.


# %%
class Guarded(Forgetful):
    strategy = bs.Strategy.build_run()
    rare: ClassVar = Counter()

    def happened(self, what):
        self.rare[what] += 1


run_state_machine_as_test(Guarded, settings=settings(quiet, max_examples=20, stateful_step_count=30))
for what, times in sorted(Guarded.rare.items()):
    print(f"{times:6,} {what}")

# %% [markdown]
# ## Go on
#
# - Random histories find what is likely. To know that there is *no* shorter way to lose a fix, or none at all within a bound,
#   let [the checker](4-compare-strategies.ipynb) try every history.
# - The promises can be asked of a real repository too, as assertions in a suite:
#
# ```python
# from branchsim.testing import assert_no_lost_fix, assert_obligations_met
#
# assert_no_lost_fix("path/to/repo", since="2025-01-01")
# assert_obligations_met("path/to/repo", overdue=True)
# ```
