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
# # What happened to this hotfix?
#
# One change, followed over all branches and over time: **where it arrived, which merge took it away, with the lines that were
# lost, who decided, and which releases went without it.**
#
# The sample is a year of a made-up Salesforce project. For a change of your own, set the parameters: any commit of the
# change will do, the landing or one of its parts.

# %% tags=["parameters"]
repository = ""  # the path of a clone; empty: the sample
topology = ""  # a branchsim.toml; empty: the repository's own, else a guess
commit = ""  # a commit of the change; empty: the first one that was lost

# %%
import tempfile
from pathlib import Path

import branchsim as bs
from branchsim import plot, report
from branchsim.sample import load

if not repository:
    place = tempfile.TemporaryDirectory()
    repository = load("year", Path(place.name) / "acme")

audit = bs.audit(repository, topology or None)
lost = audit.findings.query("verdict == 'lost'")
report.table(lost, ["change", "subject", "author", "landed_at", "landed_on", "owed_to", "reason"])

# %% [markdown]
# ## One of them
#
# These were brought to `integration` and are not there. "It is an ancestor, but the merge kept 0 % of its lines" is the case
# that `git log`, `git cherry` and every check for merged branches report as fine. Take the first.

# %%
change = commit or lost["change"].iloc[0]
records = [record for record in audit.records if change in (record.change, *record.commits)]
records[0]

# %% [markdown]
# ## Is it an ancestor? Is it there?
#
# Two questions, two answers. The first is about the graph, the second about the content of the files today.

# %%
import subprocess


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", repository, *arguments], capture_output=True, text=True, check=False)


for branch in audit.topology.branches:
    contained = git("merge-base", "--is-ancestor", change, branch.name).returncode == 0
    print(f"{branch.name:12} {'an ancestor' if contained else 'no ancestor'}")

# %%
life = bs.trace(repository, change, topology or None)
life

# %% [markdown]
# In the sample it went live on `preprod` and `production` on the day it was made. The landing on `integration` the day after is
# the one that lost it: the branch of the hotfix was merged, and its content was not. A few days later another hotfix, whose
# branch had merged `integration`, brought that to `preprod` and `production`, **and took the fix away from the users who had
# it**, long before the next version.
#
# In the timeline the change is the one arc; the triangles are the landings that overwrote it.

# %%
import pandas as pd

owed, overwritten, landings, promotions = audit.obligations, audit.overwrites, audit.landings, audit.promotions
start = life.events["at"].iloc[0]
span = (start - pd.Timedelta(days=14), start + pd.Timedelta(days=60))

figure = plot.timeline(
    landings[landings["landed_at"].between(*span)],
    obligations=owed[owed["change"] == records[0].change],
    promotions=promotions[promotions["at"].between(*span)],
    overwrites=overwritten[(overwritten["change"] == records[0].change) & overwritten["landed_at"].between(*span)],
    branches=[branch.name for branch in audit.topology.branches],
).figure

# %% [markdown]
# ## The very merge
#
# `inspect` redoes it and compares, line by line (in metadata: element by element), what git makes of it with what was
# recorded. Each finding says what was there before, what stands there after, who had brought it, and who decided.

# %%
losing = next(step for step in life.steps if step.event == "lost")
inspection = bs.inspect(repository, losing.landing)
inspection

# %%
inspection.records[0]

# %% [markdown]
# branchsim claims nothing that git cannot show. This is the command named above: the difference between the merge that git
# makes by itself and the one that was committed.

# %%
shown = git("show", "--remerge-diff", "--format=%h %an %ad%n%n    %s%n", "--date=short", losing.landing)
print("\n".join(shown.stdout.splitlines()[:40]))

# %% [markdown]
# In the sample git merges the file by itself: there was no conflict. Somebody took the file back to the state of the target
# before committing the merge ("not mine"), and from then on every later merge treats the change as delivered.
#
# ## What users saw
#
# On each branch: since when it has been without the change. Then the releases that went without it.

# %%
gone = overwritten[overwritten["change"] == records[0].change]
report.table(gone, ["branch", "landed_at", "landing", "cause", "state", "reason"])

# %%
releases = dict.fromkeys(name for names in gone["releases"] for name in names)
print(len(releases), "releases went without it:", ", ".join(list(releases)[:12]), "...")

# %% [markdown]
# ## What helps
#
# Merging the branch of the hotfix once more does nothing: git takes it as merged. The change has to be made again, by a pick of
# its commits onto a new branch:

# %%
print("git switch --create retrofit/again", audit.topology.branches[0].name)
for each in records[0].commits:
    if not audit.history.commit(each).is_merge:
        print("git cherry-pick -x", each[:12])

# %% [markdown]
# Whether that goes through, and what the next promotions then do, can be known before it is real:
# [Before a hotfix](3-before-a-hotfix.ipynb).
