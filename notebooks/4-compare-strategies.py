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
# # Compare branch strategies
#
# For whoever has to choose, or to defend, the way a team works: **which mistake makes which strategy lose a fix, in how few steps,
# and which guard stops it; the shortest such histories, drawn; and an experiment on how the risk grows with the delay of a
# retrofit.**
#
# Two ways of asking. The checker tries *every* history up to a length and so can say "never, within this bound". An experiment lets
# a team work at random, many times over, and says *how often*. Whatever the checker finds is repeated with real git before
# it is shown.

# %%
import branchsim as bs
from branchsim import check

# %% [markdown]
# ## The table
#
# Five ways to work, from many long-lived branches to one; mistakes that people make; nobody and nothing that keeps them from
# it. A number is the length of the shortest history in which a fix that was in production is absent from it later.

# %%
strategies = [
    bs.Strategy.build_run(),
    bs.Strategy.build_run_merge_back(),
    bs.Strategy.gitflow(),
    bs.Strategy.release_train(),
    bs.Strategy.trunk(),
]
mistakes = [(), "skip-retrofit", "one-sided-resolution", "stale-commit", "revert", "force-push"]
table = check.table(strategies, mistakes, guards=["no-promotion-while-open"], depth=6)
table

# %% [markdown]
# Read it by rows:
#
# - **Without a mistake nothing is lost**, under any strategy: a true merge keeps both sides. Losing fixes is not the price of
#   several branches.
# - **A retrofit that is skipped loses nothing by itself.** The promotion still merges both sides. It takes a conflict that is
#   resolved to one side.
# - **Fewer branches, fewer steps**: what a stale commit or a force-push does on a trunk needs three steps, and nothing is in
#   between to notice.
#
# "safe" means: within six steps and a few fixes and features. It is no proof for longer histories.

# %% [markdown]
# ## The combination that matters
#
# A skipped retrofit and a conflict resolved to one side: each is an everyday thing. Together they are the story of most lost
# hotfixes. BUILD/RUN, one fix, histories of up to eight steps:

# %%
asked = ["no-lost-fix", "a-hotfix-ships", "a-release-ships", "a-conflict-happens"]
unguarded = bs.explore(
    bs.Strategy.build_run().without(),
    mistakes=["skip-retrofit", "one-sided-resolution"],
    depth=8,
    properties=asked,
    scope=check.Scope(fixes=1),
)
unguarded

# %%
lost = unguarded.counterexamples["no-lost-fix"]
print(lost)

# %%
figure = lost.draw().figure

# %% [markdown]
# Nothing in this picture looks wrong to git: every merge is a merge, and production contains the commit of the fix. The same
# history as a shell script (`lost.script()`), as a test for pytest (`lost.regression_test()`) or as a page (`lost.markdown()`) can be
# handed to whoever doubts it.
#
# ## The guard that stops it
#
# The same mistakes, and one rule that a merge queue or a required check can enforce: no promotion while a retrofit is open.

# %%
guarded = bs.explore(
    bs.Strategy.build_run().without().replace(guards=("no-promotion-while-open",)),
    mistakes=["skip-retrofit", "one-sided-resolution"],
    depth=8,
    properties=asked,
    scope=check.Scope(fixes=1),
)
print("safe:  ", guarded.safe)
print("states:", f"{guarded.states:,}")
print("empty promises:", guarded.vacuous or "none")

# %% [markdown]
# "Empty promises: none" means that hotfixes and releases did ship in that search, and conflicts did happen. A strategy in which
# nothing can be shipped is safe as well.
#
# No guard of branches helps against a force-push. Its story takes four steps in BUILD/RUN:

# %%
pushed = table.cell("build-run", "force-push").unguarded.counterexamples["no-lost-fix"]
figure = pushed.draw().figure

# %% [markdown]
# ## How often? An experiment on the delay
#
# A team makes two hotfixes a week and retrofits them after two days in the middle, some at once, some after weeks, one in
# ten never. Whoever promotes knows neither side of a conflict and sometimes keeps just one. Six releases, 200 times over, with and
# without the guard; the same hotfixes and features at the same times.

# %%
team = bs.Team(
    hotfixes_per_week=2.0,
    retrofit_delay=bs.Delay.lognormal(48, 1.2),  # hours: the median, and the spread of the logarithm
    mistakes={"skip-retrofit": 0.1},
    others=bs.Habits(both=0.7, ours=0.15, theirs=0.15),
)
free = bs.Strategy.build_run().without().replace(name="no guards")
ruled = bs.Strategy.build_run().replace(name="guards")
made = bs.experiment([free, ruled], team, releases=6, runs=200, seed=1)
made

# %%
figure = made.plot.risk_by_delay().figure

# %% [markdown]
# **Without guards the risk grows with the delay**; what nobody meant to bring back stands on the right, apart. With guards it does
# not: a retrofit that is still open holds the promotion up, so the conflict is solved before it, by somebody who knows the fix.

# %%
made.risk_by_delay()

# %% [markdown]
# A guard is not free. What it saves, and what it costs in hours that hotfixes wait:

# %%
figure = made.plot.strategies("lost_fixes").figure

# %%
figure = made.plot.strategies("waited_hours").figure

# %%
made.summary.query("measure in ['lost_fixes', 'conflicts', 'waited_hours']")

# %% [markdown]
# The intervals say how far the means may be off for want of runs. They do not say how far the model is from your team. Fit one to
# your own history, `bs.Team.from_audit(audit)`, and ask again.
#
# ## Go on
#
# - Test a strategy of your own with random histories and real git:
#   [property-based testing](5-property-based-testing.ipynb).
# - Describe your own branches: [bring your own topology](6-bring-your-own-topology.ipynb).
# - On the command line: `branchsim explore build-run trunk -m none -m force-push --depth 5 --write found`.
