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
# # Before a hotfix
#
# A release manager's rehearsal: **simulate a hotfix and its retrofit, read the conflicts and what the next promotions will do
# with and without the retrofit, resolve, execute on a copy, and verify.** The repository itself is only read until the last
# step, and that step makes exactly the commits that were simulated.

# %%
import tempfile
from pathlib import Path

import branchsim as bs
from branchsim import plot
from branchsim.plan import Commit, FileChange, Plan, Resolve
from branchsim.sample import load

place = tempfile.TemporaryDirectory()
repository = load("story", Path(place.name) / "shop")
topology = bs.read_topology(repository)

# %% [markdown]
# ## The plan
#
# A customer is charged twice when the tax service is slow. The fix is one file; the way is the one that the topology
# prescribes: start from `preprod`, ship, then retrofit the same branch to `integration`.

# %%
DISCOUNT = "force-app/main/default/classes/Discount.cls"


def discount(*lines: str) -> tuple[FileChange, ...]:
    """The class with these lines at the end of its method."""
    body = "".join(f"        {line}\n" for line in lines)
    text = (
        "public with sharing class Discount {\n"
        "    public static Decimal percent(Account account) {\n"
        "        Decimal percent = Campaigns.best(account).Discount__c;\n"
        f"{body}"
        "    }\n"
        "}\n"
    )
    return (FileChange(DISCOUNT, text.encode()),)


hotfix = Plan.hotfix(
    "no-discount",
    topology,
    work=[
        Commit(
            "hotfix/no-discount",
            message="Treat no discount as zero",
            files=discount("if (percent == null) {", "    return 0;", "}", "return percent;"),
        )
    ],
    author="Rita Release <rita@example.com>",
    at=1_741_700_000,
)
hotfix

# %% [markdown]
# Author and time are part of the plan, so the commits that are simulated are, id for id, the ones that will be made.
#
# Meanwhile BUILD has worked on the same method: discounts are capped at thirty percent. (This cell makes that commit in the
# sample, with a plan of its own.)

# %%
feature = Plan(
    "cap discounts",
    (
        Commit(
            "integration",
            message="Cap discounts at thirty percent",
            files=discount("return Math.min(percent, 30);"),
        ),
    ),
    author="Bea Build <bea@example.com>",
    at=1_741_600_000,
)
receipt = bs.execute(bs.simulate(feature, repository), repository)
receipt.outcome

# %% [markdown]
# ## The rehearsal

# %%
simulation = bs.simulate(hotfix, repository, topology)
simulation

# %% [markdown]
# The hotfix ships. Its retrofit conflicts, and the table says with whom: one region of one file, written by the person on the
# other side, who can be asked today and not in three weeks.

# %%
simulation.conflicts[["phase", "step", "path", "regions", "target_authors", "target_since", "source_authors"]]

# %% [markdown]
# ## Without the retrofit
#
# What if nobody brings it back? The forecast simulates the coming promotions: the same conflict then waits at
# `uat -> preprod`, in the middle of the validation of the next version, for somebody who knows neither side.

# %%
simulation.forecast[["variant", "source", "target", "outcome", "regions", "reason"]]

# %% [markdown]
# ## A resolution that looks fine
#
# In the heat of it somebody keeps the side of `integration`. Git is content, every step goes through, and the fix is an
# ancestor of everything.

# %%
conflict = simulation.conflicts["step"].iloc[0]
one_sided = bs.simulate(hotfix.then(Resolve(conflict, take="target-regions")), repository, topology)
print("outcome:", one_sided.outcome)
print()
for phase, step, loss in one_sided.losses():
    print(f"{phase}, {step}: '{loss.what}' is lost")

# %% [markdown]
# The outcome is `regression`: the resolution drops the fix from BUILD, and the next version then drops it from production,
# **without any conflict**.
#
# ## The right one
#
# Both sides: no discount is zero, and thirty percent is the most.

# %%
solved = hotfix.then(
    Resolve(
        conflict,
        files=discount("if (percent == null) {", "    return 0;", "}", "return Math.min(percent, 30);"),
    )
)
simulation = bs.simulate(solved, repository, topology)
simulation

# %%
figure = plot.forecast(simulation.forecast).figure

# %% [markdown]
# With the retrofit all promotions go through; without it one conflicts and the one after it is never reached.
#
# ## For real
#
# Here that is the copy in a temporary directory. `execute` checks that every branch is still where the simulation saw it and
# moves all of them in one transaction, or none. It keeps a journal, and `undo` takes it back.

# %%
receipt = bs.execute(simulation, repository)
print(receipt.outcome)
for move in receipt.moves:
    print(
        f"{move.ref.removeprefix('refs/heads/'):22} {(move.before or 'new')[:12]:12} -> {(move.after or 'gone')[:12]}"
    )

# %% [markdown]
# ## Verified
#
# Where people did the steps themselves on a hosting service, `verify` compares what they did with what was simulated, step by
# step. Here it is the very same commits.

# %%
from branchsim.simulate import verify

for step in verify(simulation, repository).steps:
    print(f"{step.number}. {step.agreement:12} {step.step}")

# %% [markdown]
# And the audit of the result, asked without knowing of any plan:

# %%
audit = bs.audit(repository, topology, since="2025-03-11", cache=None)
audit.obligations[["subject", "landed_on", "owed_to", "verdict", "evidence"]]

# %% [markdown]
# The same from a terminal: `branchsim simulate --hotfix no-discount . --save simulation.json`, then `branchsim execute
# simulation.json .`, which changes nothing before `--for-real` is given. In a pull request: `branchsim simulate --promote
# uat:preprod .` with exit code 1 where it would lose something.
