# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown] tags=["notebook-only"]
# # Audit past releases
#
# From a clone to findings: **which changes never reached the branch they were owed to, which were overwritten in which
# release, how long retrofits take, how long RUN was frozen, and what to fix first.**
#
# Without parameters this audits a sample that comes with branchsim: a year of a made-up Salesforce project, twelve
# releases, forty hotfixes, and mistakes that are known. On a repository of your own:
#
# ```text
# papermill 1-audit-past-releases.ipynb audited.ipynb -p repository path/to/clone -p since 2025-01-01
# branchsim report path/to/clone --since 2025-01-01 --out report.html
# ```
#
# The second command executes this very notebook and makes one page of it.

# %% tags=["parameters"]
repository = ""  # the path of a clone; empty: the sample
topology = ""  # a branchsim.toml; empty: the repository's own, else a guess
since = ""  # only what landed since then: a date or a revision
until = ""  # the state as of then: a date or a revision
trailers = True  # whether "cherry picked from commit" counts as evidence
cache = True  # whether facts about commits are kept on disk

# %%
import tempfile
from pathlib import Path

import branchsim as bs
from branchsim import report
from branchsim.sample import load

if not repository:
    place = tempfile.TemporaryDirectory()
    repository = load("year", Path(place.name) / "acme")

audit = bs.audit(
    repository,
    topology or None,
    since=since or None,
    until=until or None,
    trailers=trailers,
    cache="default" if cache else None,
)

# %% [markdown]
# ## Summary

# %%
report.summary(audit)

# %% [markdown]
# ## Which release went without what
#
# Releases that carried a promotion before which a retrofit was due and is *not there* or came *late*, that took changes
# away from the branch they landed on (*overwritten*), or that ended a freeze.

# %%
releases = report.releases(audit)
telling = releases[(releases[["not_there", "late", "overwritten", "frozen_days"]] > 0).any(axis=1)]
report.table(telling, ["release", "at", "changes", "not_there", "late", "overwritten", "frozen_days", "without"])

# %% [markdown]
# A lane for each branch: arcs lead from where a change landed to where it arrived; crosses are where it is absent, triangles
# are landings that took something away.

# %%
figure = audit.plot.timeline().figure

# %% [markdown]
# ## What needs a person
#
# One entry for each change, the most urgent first: gone from a branch that is released from, then lost, never arrived, there
# in part. Each has the git command that shows it.

# %%
report.findings(audit)

# %% [markdown]
# ## How long retrofits take
#
# The share of what was owed that had not arrived after so many days. What has not arrived until today is not left out:
# it counts for as long as it was waited for (Kaplan and Meier).

# %%
figure = audit.plot.retrofit_latency().figure

# %%
figure = audit.plot.latency_over_time().figure

# %% [markdown]
# ## How long RUN was frozen
#
# While a version is on its way through RUN, no hotfix can ship alone. `hotfixes` landed inside the window and went on with
# the version.

# %%
report.table(audit.windows, ["branch", "opened_at", "closed_at", "closed_on", "hours", "hotfixes"])

# %% [markdown]
# How far the layers are apart: what waits for its promotion (above nought), and what is owed back (below).

# %%
figure = audit.plot.divergence().figure

# %% [markdown]
# ## Where changes are overwritten, and by what

# %%
figure = audit.plot.overwrites_by_file().figure

# %%
figure = audit.plot.overwrites_by_cause().figure

# %% [markdown]
# `merge-resolution`: a conflict was solved for one side. `evil-merge`: git merges it cleanly, and the result is another one.
# `stale-commit`: an older copy of the file was committed. `blind-overwrite`: a merge or squash from a side that never had
# the change. `revert-propagated`: a revert that was meant for another branch. `force-push`: the branch was moved back.

# %% [markdown]
# ## Every change that was owed

# %%
figure = audit.plot.presence(most=60).figure

# %% [markdown]
# ## Tables
#
# All obligations:

# %%
owed = ["verdict", "change", "subject", "landed_at", "landed_on", "owed_to", "arrived_at", "counterpart", "evidence"]
report.table(audit.obligations, [*owed, "confidence"])

# %% [markdown]
# All overwrites:

# %%
gone = ["state", "rank", "change", "subject", "path", "branch", "landed_at", "landing", "cause", "restored_by"]
report.table(audit.overwrites.sort_values(["rank", "landed_at"], ascending=False, kind="stable"), gone)

# %% [markdown]
# Landings that the topology does not allow:

# %%
report.table(audit.violations, ["rule", "branch", "landed_at", "landing", "source", "reason"])

# %% [markdown]
# ## How it was read

# %%
figure = audit.plot.topology().figure

# %%
report.reading(audit)

# %% [markdown] tags=["notebook-only"]
# ## Go on
#
# - One of these changes in detail: [What happened to this hotfix?](2-what-happened-to-this-hotfix.ipynb)
# - Before the next one: [Before a hotfix](3-before-a-hotfix.ipynb)
# - The tables are DataFrames, made anew each time they are asked for: `audit.obligations`, `audit.overwrites`, ...
