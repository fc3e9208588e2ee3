"""``branchsim simulate`` and ``branchsim execute`` as a person runs them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from support.cli import ROOT, Shell
from support.machine import fingerprint
from support.repos import RepoBuilder, git

from branchsim.plan import Commit, FileChange, Plan, PullRequest, Start
from branchsim.topology import Topology

WHO = "Rita Release <rita@example.com>"


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "shell")


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    builder = RepoBuilder(tmp_path / "repo")
    topology = Topology.build_run()
    base = builder.commit("integration", {"a.txt": "1\n2\n3\n", "branchsim.toml": topology.to_toml()}, subject="Start")
    for name in ("uat", "preprod", "production"):
        builder.branch(name, base)
    builder.branch("hotfix/login", "preprod")
    builder.commit("hotfix/login", {"a.txt": "1\n2\nfixed\n"}, subject="Fix | the <login>")
    builder.commit("integration", {"b.txt": "feature\n"}, subject="Feature")
    builder.checkout("uat")
    return builder


def checked(name: str, text: str) -> dict[str, Any]:
    """JSON that keeps to its published schema."""
    value: dict[str, Any] = json.loads(text)
    schema = json.loads((ROOT / "docs" / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(value)
    return value


def conflict(repo: RepoBuilder) -> None:
    repo.commit("integration", {"a.txt": "1\n2\nother | text\n"}, subject="Another")
    repo.finish()


def plan_file(tmp_path: Path) -> Path:
    work = [Commit("x", message="Fix", files=(FileChange("a.txt", b"1\n2\nfixed\n"),))]
    plan = Plan.hotfix("price", Topology.build_run(), work=work, author=WHO, at=1_800_000_000)
    path = tmp_path / "plan.toml"
    path.write_text(plan.to_toml())
    return path


# -- simulate ----------------------------------------------------------------------------------------------------------


def test_a_hotfix_by_name(shell: Shell, repo: RepoBuilder) -> None:
    before = fingerprint(repo.path)
    done = shell.run("simulate", "--hotfix", "login", repo.path, "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    value = checked("simulate", done.stdout)
    assert {"schema", "plan", "outcome", "steps", "conflicts", "forecast", "refs"} <= set(value)
    assert (value["schema"], value["plan"], value["outcome"]) == (1, "hotfix/login", "clean")
    assert [step["outcome"] for step in value["steps"]] == ["clean"] * len(value["steps"])
    assert set(value["refs"]) == {f"refs/heads/{name}" for name in ("integration", "preprod", "production")}
    assert {each["variant"] for each in value["forecast"]} == {"with-retrofit", "without-retrofit"}
    assert fingerprint(repo.path) == before
    assert shell.left_behind() == []


def test_a_conflict_is_exit_code_one_and_told_in_every_format(shell: Shell, repo: RepoBuilder) -> None:
    conflict(repo)
    for form in ("table", "csv", "markdown", "json"):
        done = shell.run("simulate", "--hotfix", "login", repo.path, "--format", form)
        assert (done.returncode, done.stderr) == (1, "")
        assert "conflict" in done.stdout
    (row,) = (row for row in checked("simulate", done.stdout)["conflicts"] if row["phase"] == "plan")
    assert (row["path"], row["target_since"]) == ("a.txt", "2024-01-01T04:00:00Z")


def test_markdown_for_a_pull_request_starts_with_the_answer_and_is_escaped(shell: Shell, repo: RepoBuilder) -> None:
    repo.branch("uat", "hotfix/login")
    repo.commit("preprod", {"a.txt": "1\n2\n|x|\n"}, author="*Eve* | `b` <e@example.com>")
    repo.finish()
    done = shell.run("simulate", "--promote", "uat:preprod", repo.path, "--format", "markdown")
    assert done.returncode == 1
    assert done.stdout.startswith("### promote uat to preprod: ends in a conflict\n")
    assert "**Conflicts**" in done.stdout
    assert "\\*Eve\\* \\| \\`b\\`" in done.stdout
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert all(line.replace("\\|", "").count("|") in {5, 6, 7, 8} for line in rows)


def test_a_single_promotion_needs_no_topology(shell: Shell, tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "bare", bare=True) as made:
        made.commit("uat", {"a": "1\n"})
        made.branch("preprod", "uat")
        made.commit("uat", {"a": "2\n"})
    done = shell.run("simulate", "--promote", "uat:preprod", made.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("promote uat to preprod: clean\n")


def test_what_the_strategy_has_no_place_for_is_simulated_alone(shell: Shell, repo: RepoBuilder) -> None:
    done = shell.run("simulate", "--promote", "hotfix/login:preprod", repo.path, "--format", "json")
    found = json.loads(done.stdout)
    assert (done.returncode, found["outcome"], found["obligations"]) == (0, "clean", None)
    assert "no step retrofits it" in found["notes"][-1]
    assert [(each["source"], each["target"]) for each in found["forecast"]] == [("preprod", "production")]
    done = shell.run("simulate", "--promote", "integration:production", repo.path)
    assert done.returncode == 0
    done = shell.run("simulate", "--promote", "production:uat", repo.path)
    assert (done.returncode, "which takes promote from integration" in " ".join(done.stdout.split())) == (0, True)
    # A strategy that is named for it is kept to.
    file = repo.path / "branchsim.toml"
    done = shell.run("simulate", "--promote", "production:uat", repo.path, "--topology", file)
    assert (done.returncode, "does not let" in done.stderr) == (2, True)


def test_a_runbook_names_the_trees(shell: Shell, repo: RepoBuilder) -> None:
    done = shell.run("simulate", "--hotfix", "login", repo.path, "--runbook", "github")
    assert done.returncode == 0
    assert "gh pr" in done.stdout
    assert done.stdout.count("# expected tree: ") >= 3


def test_the_identity_is_the_persons_own(shell: Shell, repo: RepoBuilder) -> None:
    (shell.home / ".gitconfig").write_text("[user]\n\tname = Own Name\n\temail = own@example.com\n")
    done = shell.run("execute", "--hotfix", "login", repo.path, "--for-real", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert git(repo.path, "log", "-1", "--format=%an <%ae> %cn", "production") == "Own Name <own@example.com> Own Name"
    assert abs(int(git(repo.path, "log", "-1", "--format=%ct", "production")) - time.time()) < 600


def test_a_driver_and_a_signature_by_options(shell: Shell, repo: RepoBuilder) -> None:
    (shell.home / ".gitconfig").write_text(
        '[merge "ours"]\n\tdriver = true\n[gpg]\n\tformat = ssh\n[user]\n\tsigningKey = none\n'
    )
    repo.commit("preprod", {"a.txt": "another\n"})
    conflict(repo)
    way = ("simulate", "--promote", "integration:preprod", repo.path)
    merged = shell.run(*way, "--merge-driver", "ours=a.*")
    assert merged.returncode == 0
    assert "a.*: merged by the merge driver ours" in " ".join(merged.stdout.split())
    signed = shell.run(*way, "--merge-driver", "ours=a.*", "--sign")
    assert (signed.returncode, signed.stdout) == (2, "")
    assert "nothing could be signed" in signed.stderr


def test_conflicts_are_handed_out_and_taken_back_solved(shell: Shell, repo: RepoBuilder) -> None:
    conflict(repo)
    way = ("simulate", "--hotfix", "login", repo.path)
    told = shell.run(*way)
    assert "--conflicts FOLDER writes the files" in " ".join(told.stdout.split())
    done = shell.run(*way, "--conflicts", "todo")
    assert done.returncode == 1
    assert "1 file with conflict markers in todo" in done.stderr
    file = shell.home / "todo" / "a.txt"
    assert "<<<<<<<" in file.read_text()
    again = shell.run(*way, "--conflicts", "todo")
    assert (again.returncode, "holds something already" in again.stderr) == (2, True)
    untouched = shell.run(*way, "--solve", "todo")
    assert (untouched.returncode, "still has conflict markers" in untouched.stderr) == (2, True)
    file.write_text("1\n2\nfixed\nother | text\n")
    solved = shell.run(*way, "--solve", "todo", "--write-plan", "plan.toml")
    assert solved.returncode == 0, solved.stdout
    assert "solved by resolve" in " ".join(solved.stdout.split())
    # The plan that was written does the same from its file.
    (shell.home / "plan.toml").chmod(0o644)
    assert shell.run("simulate", "plan.toml", repo.path).returncode == 0
    lost = shell.run("execute", "--hotfix", "login", repo.path, "--solve", "target", "--for-real", "--yes")
    assert (lost.returncode, "--accept-losses" in lost.stderr) == (1, True)


# -- execute -----------------------------------------------------------------------------------------------------------


def test_nothing_moves_without_for_real(shell: Shell, repo: RepoBuilder, tmp_path: Path) -> None:
    before = fingerprint(repo.path)
    done = shell.run("execute", plan_file(tmp_path), repo.path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "can be executed now; nothing was changed" in done.stdout
    assert "refs/heads/production: " in done.stdout
    assert fingerprint(repo.path) == before
    assert shell.left_behind() == []


def test_nobody_to_ask_means_no(shell: Shell, repo: RepoBuilder, tmp_path: Path) -> None:
    before = fingerprint(repo.path)
    done = shell.run("execute", plan_file(tmp_path), repo.path, "--for-real")
    assert done.returncode == 2
    assert "add --yes" in done.stderr
    assert fingerprint(repo.path) == before


def test_what_was_simulated_and_saved_is_executed_with_the_same_ids(
    shell: Shell, repo: RepoBuilder, tmp_path: Path
) -> None:
    saved = tmp_path / "saved.json"
    first = json.loads(
        shell.run("simulate", plan_file(tmp_path), repo.path, "--save", saved, "--format", "json").stdout
    )
    done = shell.run("execute", saved, repo.path, "--for-real", "--yes", "--format", "json")
    assert (done.returncode, done.stderr) == (0, "")
    value = checked("execute", done.stdout)
    assert (value["schema"], value["outcome"], value["execution_outcome"]) == (1, "clean", "done")
    assert value["refs"] == first["refs"]
    for ref, move in first["refs"].items():
        assert git(repo.path, "rev-parse", ref) == move["after"]
    verified = shell.run("execute", "--verify", saved, repo.path)
    assert (verified.returncode, verified.stderr) == (0, ""), verified.stdout
    undone = shell.run("execute", "--undo", repo.path, "--format", "json")
    assert (undone.returncode, undone.stderr) == (0, "")
    assert checked("execute", undone.stdout)["outcome"] == "undone"
    for ref, move in first["refs"].items():
        assert git(repo.path, "rev-parse", "--verify", "-q", ref, accept=(0, 1)) == (move["before"] or "")


def test_a_plan_in_conflict_is_not_executed(shell: Shell, repo: RepoBuilder) -> None:
    conflict(repo)
    before = fingerprint(repo.path)
    done = shell.run("execute", "--hotfix", "login", repo.path, "--for-real", "--yes")
    assert done.returncode == 1
    assert "nothing is executed in part" in done.stderr
    assert fingerprint(repo.path) == before


def test_what_people_did_is_compared_with_what_was_simulated(shell: Shell, repo: RepoBuilder, tmp_path: Path) -> None:
    saved = tmp_path / "saved.json"
    shell.run("simulate", "--hotfix", "login", repo.path, "--save", saved)
    done = shell.run("execute", "--verify", saved, repo.path, "--format", "json")
    assert done.returncode == 1
    assert {step["agreement"] for step in json.loads(done.stdout)["steps"]} == {"not done"}
    # By hand: the same content to preprod by a merge of their own, something else to production.
    repo.merge(into="preprod", source="hotfix/login")
    repo.commit("production", {"a.txt": "something else\n"})
    repo.finish()
    done = shell.run("execute", "--verify", saved, repo.path, "--format", "json")
    assert done.returncode == 1
    found = {step["branch"]: step["agreement"] for step in json.loads(done.stdout)["steps"]}
    assert found == {"preprod": "same tree", "production": "different", "integration": "not done"}
    # It is right here, but somebody pushed something else.
    repo.commit("refs/remotes/origin/preprod", {"a.txt": "pushed\n"}, parents=["uat"])
    repo.finish()
    done = shell.run("execute", "--verify", saved, repo.path)
    assert "4. different merge hotfix/login to preprod: origin/preprod went another way" in done.stdout


def test_a_branch_that_the_plan_deletes_is_gone_as_simulated(shell: Shell, repo: RepoBuilder, tmp_path: Path) -> None:
    plan = Plan(
        "topic",
        (
            Start("feature/x", at="integration"),
            Commit("feature/x", message="Work", files=(FileChange("b.txt", b"work\n"),)),
            PullRequest("feature/x", "integration", delete_source=True),
        ),
    )
    (tmp_path / "plan.toml").write_text(plan.to_toml())
    saved = tmp_path / "saved.json"
    shell.run("simulate", tmp_path / "plan.toml", repo.path, "--save", saved)
    assert shell.run("execute", saved, repo.path, "--for-real", "--yes").returncode == 0
    done = shell.run("execute", "--verify", saved, repo.path, "--format", "json")
    assert done.returncode == 0
    assert [step["agreement"] for step in json.loads(done.stdout)["steps"]] == ["gone", "gone", "same commit"]


# -- bad input ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("simulate",), "no plan was given"),
        (("simulate", "{repo}"), "is a directory, not a plan"),
        (("simulate", "--promote", "uat", "{repo}"), "expects SOURCE:TARGET"),
        (("simulate", "--promote", "uatt:preprod", "{repo}"), "uat"),
        (("simulate", "--promote", "--x:preprod", "{repo}"), "--x"),
        (("simulate", "--hotfix", "-rf", "{repo}"), "-rf"),
        (("simulate", "--hotfix", "a..b", "{repo}"), "a..b"),
        (("simulate", "--hotfix", "x", "--promote", "uat:preprod", "{repo}"), "exclude each other"),
        (("simulate", "--hotfix", "x", "{repo}", "{repo}"), "one repository is expected"),
        (("simulate", "--hotfix", "x", "{repo}/nowhere"), "does not exist"),
        (("simulate", "--hotfix", "login", "--solve", "sorce", "{repo}"), "did you mean 'source'"),
        (("simulate", "nowhere.toml", "{repo}"), "nowhere.toml"),
        (("execute", "--resume", "--undo", "{repo}"), "exclude each other"),
        (("execute", "--undo", "{repo}"), "nothing to undo"),
        (("execute", "--resume", "{repo}"), "nothing to resume"),
        (("execute", "--verify", "plan.toml", "{repo}"), "keep one with"),
        (("execute", "--hotfix", "login", "{repo}", "--remote", "--upload-pack=x"), "no name and no address"),
        (("execute", "--hotfix", "login", "{repo}", "--remote", "nowhere"), "nowhere"),
    ],
    ids=" ".join,
)
def test_bad_input_is_one_sentence_and_changes_nothing(
    shell: Shell, repo: RepoBuilder, arguments: tuple[str, ...], said: str
) -> None:
    before = fingerprint(repo.path)
    done = shell.run(*(part.format(repo=repo.path) for part in arguments))
    assert done.returncode == 2, done.stdout
    assert done.stdout == ""
    assert done.stderr.startswith("branchsim: ")
    assert done.stderr.count("\n") == 1
    assert said in done.stderr
    assert fingerprint(repo.path) == before
    assert shell.left_behind() == []


_START = '[[step]]\nkind = "start"\nbranch = "topic"\nat = "uat"\n'
_COMMIT = '[[step]]\nkind = "commit"\nbranch = "topic"\nmessage = "m"\n'


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ('[[step]]\nkind = "pul-request"\n', "pull-request"),
        ('[[step]]\nkind = "start"\nbrnch = "x"\nat = "uat"\n', "branch"),
        ('[[step]]\nkind = "merge-back"\nsource = "uatt"\ntarget = "preprod"\n', "uat"),
        (_COMMIT + 'patch = "x"\n' + _START, "topic"),
        (_START.replace("topic", "--force"), "--force"),
        (_START.replace("topic", "a b"), "a b"),
        (_START + _COMMIT + '[[step.file]]\npath = "../out"\ntext = "x"\n', "../out"),
        (_START + _COMMIT + '[[step.file]]\npath = ".git/config"\ntext = "x"\n', ".git/config"),
        (_START + _COMMIT + '[[step.file]]\npath = "sub/.GIT/config"\ntext = "x"\n', ".GIT"),
        (_START + _COMMIT + '[[step.file]]\npath = "/etc/passwd"\ntext = "x"\n', "/etc/passwd"),
        (
            _START + _COMMIT + 'patch = "--- a/a.txt\\n+++ b/a.txt\\n@@ -1 +1 @@\\n-nothing like it\\n+b\\n"\n',
            "@@ -1 +1 @@ | -nothing like it | +b",
        ),
        (
            _START + _COMMIT + 'patch = "--- a/../out\\n+++ b/../out\\n@@ -0,0 +1 @@\\n+b\\n"\n',
            "patch",
        ),
    ],
)
def test_a_bad_plan_is_one_sentence_and_changes_nothing(
    shell: Shell, repo: RepoBuilder, tmp_path: Path, steps: str, said: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_text(f'schema = 1\nname = "bad"\n{steps}')
    before = fingerprint(repo.path)
    done = shell.run("execute", path, repo.path, "--for-real", "--yes")
    assert done.returncode == 2, done.stdout
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    assert said in done.stderr
    assert fingerprint(repo.path) == before
    assert shell.left_behind() == []


@pytest.mark.parametrize("content", ["{", "{}", '{"kind": "branchsim simulation", "schema": 1}', '{"a": [1,'])
def test_a_damaged_saved_simulation_is_one_sentence(
    shell: Shell, repo: RepoBuilder, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "saved.json"
    path.write_text(content)
    done = shell.run("execute", path, repo.path, "--for-real", "--yes")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "saved.json" in done.stderr
