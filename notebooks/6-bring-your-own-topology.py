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
# # Bring your own topology
#
# Everything branchsim says is judged against a description of what your branches are for. **Where such a description comes from:
# a project that sfdx-hardis is configured for, a preset (gitflow, release trains), or a guess from the repository with its
# reasons; how it is corrected; and how waivers and ignore rules keep an audit quiet about what is meant to be so.**
#
# Nobody has to write one from scratch.

# %%
import tempfile
from pathlib import Path

import branchsim as bs

place = tempfile.TemporaryDirectory()
here = Path(place.name)

# %% [markdown]
# ## From sfdx-hardis
#
# A Salesforce project that is deployed by sfdx-hardis says already where each branch is merged to. Two of its files are enough
# to see it; `read_topology` takes the directory of the project.

# %%
project = here / "project"
(project / "config" / "branches").mkdir(parents=True)
(project / "config" / ".sfdx-hardis.yml").write_text(
    """\
developmentBranch: integration
productionBranch: main
availableTargetBranches: [integration, preprod]
""",
    encoding="utf-8",
)
for branch, target in (("integration", "uat"), ("uat", "preprod"), ("preprod", "main")):
    (project / "config" / "branches" / f".sfdx-hardis.{branch}.yml").write_text(
        f"mergeTargets: [{target}]\n", encoding="utf-8"
    )

hardis = bs.read_topology(project)
hardis

# %% [markdown]
# The part to read with care is **what is owed**: it is what an audit will ask for. In sentences:

# %%
print(hardis.describe())

# %%
from branchsim import plot

figure = plot.topology(hardis).figure

# %% [markdown]
# ## From a preset
#
# Gitflow: a hotfix starts from `main`, goes to `main`, and is owed to `develop`.

# %%
figure = plot.topology(bs.Topology.gitflow()).figure

# %% [markdown]
# Release trains keep many branches alive: each version has its own, and a fix on an older one is owed to every newer one and to
# `main`. The branches are a pattern until the topology is bound to those that there are.

# %%
train = bs.Topology.release_train().bind(["main", "release/24.1", "release/24.2", "release/25.1"])
for rule in train.obligation_rules():
    print(f"{rule.landed_on:14} owes to {rule.owed_to}")

# %%
figure = plot.topology(train).figure

# %% [markdown]
# ## A guess from the repository
#
# Without any description branchsim looks at the names of the branches and at who was merged into whom, and gives its reasons with
# counts. Here it guesses the sample, whose own description is taken away first.

# %%
from branchsim.sample import load

repository = load("year", here / "acme")
guess = bs.guess_topology(repository)
for reason in guess.notes:
    print("-", reason)

# %%
figure = plot.topology(guess).figure

# %% [markdown]
# A guess is a start, not a verdict. Compare what is owed by it with what the team says:

# %%
said = bs.read_topology(repository)


def owed(topology):
    return {(rule.landed_on, rule.owed_to) for rule in topology.obligation_rules()}


print("guessed and said:  ", *sorted(owed(guess) & owed(said)))
print("guessed, not said: ", *sorted(owed(guess) - owed(said)))
print("said, not guessed: ", *sorted(owed(said) - owed(guess)))

# %% [markdown]
# ## Correct it
#
# A topology is a value: `replace` gives another one, checked like the first. What cannot be is an error that says where, and what
# to do.

# %%
from branchsim.topology import Branch, Flow

try:
    said.replace(flows=(*said.flows, Flow("promote", source="production", target="integration")))
except bs.TopologyError as error:
    print(error)

# %%
with_training = said.replace(
    branches=(*said.branches, Branch("training", layer="RUN")),
    flows=(*said.flows, Flow("promote", source="preprod", target="training")),
)
figure = plot.topology(with_training).figure

# %% [markdown]
# In a file it is `branchsim.toml`; at the root of the repository it is found by itself. A key with a slip in it is named, with
# the nearest one that is known:

# %%
text = said.to_toml()
print(text[: text.index("[[flow]]")])

# %%
from branchsim.topology import read_topology_toml

try:
    read_topology_toml(text.replace("layer =", "layr =", 1))
except bs.TopologyError as error:
    print(error)

# %% [markdown]
# ## Waivers and ignore rules
#
# Some changes are not owed: an endpoint that only production has, a fix that was replaced on purpose. A *waiver* names a commit, a
# path or an author, and gives the reason. An *ignore rule* names files that differ between branches by design.

# %%
from branchsim import report

audit = bs.audit(repository, said)
before = audit.obligations["verdict"].value_counts()
absent = audit.findings[audit.findings["verdict"] == "missed"]
report.table(absent, ["change", "subject", "landed_at", "owed_to", "reason"])

# %%
from branchsim.topology import Waiver

waived = said.replace(
    waivers=(
        *said.waivers,
        Waiver(commit=absent["change"].iloc[0], reason="replaced by a setting; agreed with the product owner"),
    ),
    ignore_paths=(*said.ignore_paths, "*.layout-meta.xml"),
)
again = bs.audit(repository, waived)
report.table(again.obligations.query("verdict == 'waived'"), ["change", "subject", "verdict", "reason"])

# %% [markdown]
# Nothing disappears silently: what is waived stays in the table with its reason, and a change of which everything is ignored is
# listed as left out.

# %%
import pandas as pd

pd.DataFrame({"before": before, "after": again.obligations["verdict"].value_counts()}).fillna(0).astype(int)

# %%
for left_out in again.skipped:
    print(left_out.what[:12], left_out.reason)

# %% [markdown]
# The same as a file, to be committed beside the code and reviewed like it:

# %%
text = waived.to_toml()
print(text[text.index("[ignore]") :])

# %% [markdown]
# ## Go on
#
# - With a topology that is right: [audit past releases](1-audit-past-releases.ipynb).
# - Does this way of working lose fixes at all, and by which mistake? [Compare branch strategies](4-compare-strategies.ipynb).
# - On the command line: `branchsim topology . --guess --write guessed.toml`, `branchsim topology path/to/project --format toml`.
