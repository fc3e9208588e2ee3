"""Executions on real repositories: what was simulated happens, all of it or nothing."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import cast

import pytest
from support.machine import NOBODY, fingerprint, open_directory, unprivileged
from support.repos import RepoBuilder, git

from branchsim.errors import BranchsimError, GitError, InputError
from branchsim.plan import Commit, FileChange, Plan, PullRequest, Resolve, Start
from branchsim.simulate import Simulation, check, execute, read_simulation, resume, save, simulate, undo
from branchsim.topology import Topology

ROOT = Path(__file__).parents[2]
BUILD_RUN = Topology.build_run()
ALL = ("integration", "uat", "preprod", "production")
WHO = "Rita Release <rita@example.com>"


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    builder = RepoBuilder(tmp_path / "repo")
    base = builder.commit("integration", {"a.txt": "1\n2\n3\n4\n5\n", "b.txt": "b\n"}, subject="Start")
    for name in ALL[1:]:
        builder.branch(name, base)
    builder.commit("integration", {"c.txt": "feature\n"}, subject="Feature")
    builder.finish()
    git(builder.path, "symbolic-ref", "HEAD", "refs/heads/main")
    return builder


def hotfix(**options: object) -> Plan:
    work = [Commit("hotfix/login", message="Fix", files=(FileChange("a.txt", b"1\n2\n3\n4\nfixed\n"),))]
    return Plan.hotfix("login", BUILD_RUN, work=work, tag="v1.1", author=WHO, at=1_800_000_000, **options)  # type: ignore[arg-type]


def refs(path: Path) -> dict[str, str]:
    lines = git(path, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
    return dict(line.split(" ") for line in lines)


def expected(before: dict[str, str], simulation: Simulation) -> dict[str, str]:
    after = dict(before)
    for move in simulation.moves:
        if move.after is None:
            after.pop(move.ref, None)
        else:
            after[move.ref] = move.after
    return after


def sound(path: Path) -> None:
    """Git finds nothing wrong, and nothing is kept from its clean-up."""
    git(path, "fsck", "--strict", "--no-dangling")
    common = Path(git(path, "rev-parse", "--path-format=absolute", "--git-common-dir"))
    assert not list((common / "objects/pack").glob("*.keep"))
    assert not (common / "branchsim/pending.json").exists()
    assert not (common / "branchsim/pending.pack").exists()
    assert not list(common.rglob("*.lock")) or {p.name for p in common.rglob("*.lock")} <= {"push.lock"}


# -- the repository itself ---------------------------------------------------------------------------------------------


def test_what_was_simulated_happens_with_the_same_ids(repo: RepoBuilder) -> None:
    before = refs(repo.path)
    simulation = simulate(hotfix(), repo.path, BUILD_RUN)
    receipt = execute(simulation, repo.path)
    assert refs(repo.path) == expected(before, simulation)
    assert receipt.outcome == "done"
    assert {move.ref for move in receipt.moves} == {move.ref for move in simulation.moves}
    assert git(repo.path, "show", "production:a.txt").splitlines()[-1] == "fixed"
    assert git(repo.path, "cat-file", "-t", "v1.1") == "tag"
    assert json.loads(Path(receipt.journal).read_text())["state"] == "done"
    assert git(repo.path, "reflog", "-1", "--format=%gs %gn", "preprod") == "branchsim: hotfix/login Rita Release"
    sound(repo.path)


def test_a_simulation_is_the_same_after_it_was_kept_in_a_file(repo: RepoBuilder, tmp_path: Path) -> None:
    repo.commit("integration", {"a.txt": "1\n2\n3\n4\nfeature\n"}, subject="Another feature")
    repo.finish()
    for plan in (hotfix(), hotfix().then(Resolve("retrofit hotfix/login to integration", take="target"))):
        simulation = simulate(plan, repo.path, BUILD_RUN)
        save(simulation, tmp_path / "saved")
        assert read_simulation(tmp_path / "saved") == simulation


def test_a_check_changes_nothing(repo: RepoBuilder) -> None:
    simulation = simulate(hotfix(), repo.path)
    before = sorted(str(path) for path in repo.path.rglob("*"))
    receipt = check(simulation, repo.path)
    assert receipt.outcome == "possible"
    assert len(receipt.moves) == len(simulation.moves)
    assert sorted(str(path) for path in repo.path.rglob("*")) == before


def test_undo_brings_every_ref_back(repo: RepoBuilder) -> None:
    before = refs(repo.path)
    execute(simulate(hotfix(), repo.path), repo.path)
    receipt = undo(repo.path)
    assert receipt.outcome == "undone"
    assert refs(repo.path) == before
    sound(repo.path)
    with pytest.raises(InputError, match="undone already"):
        undo(repo.path)


def test_a_plan_can_be_executed_again_after_it_was_undone(repo: RepoBuilder) -> None:
    simulation = simulate(hotfix(), repo.path)
    execute(simulation, repo.path)
    undo(repo.path)
    execute(simulation, repo.path)
    assert (
        git(repo.path, "rev-parse", "production") == {m.ref: m.after for m in simulation.moves}["refs/heads/production"]
    )


@pytest.mark.parametrize("name", ["preprod", "integration", "hotfix/login"])
def test_undo_refuses_where_somebody_moved_on(repo: RepoBuilder, name: str) -> None:
    execute(simulate(hotfix(), repo.path), repo.path)
    commit = git(repo.path, "commit-tree", "-p", name, "-m", "more", f"{name}^{{tree}}")
    git(repo.path, "update-ref", f"refs/heads/{name}", commit)
    after = refs(repo.path)
    with pytest.raises(InputError, match=f"somebody moved on: refs/heads/{name}"):
        undo(repo.path)
    assert refs(repo.path) == after


def test_there_is_nothing_to_undo_or_to_resume_at_first(repo: RepoBuilder) -> None:
    with pytest.raises(InputError, match="nothing to undo"):
        undo(repo.path)
    with pytest.raises(InputError, match="nothing to resume"):
        resume(repo.path)


@pytest.mark.parametrize("name", ["preprod", "integration", "production", "uat"])
def test_a_branch_that_moved_since_stops_everything(repo: RepoBuilder, name: str) -> None:
    # uat does not move in the plan: its forecast reads it.
    simulation = simulate(hotfix(), repo.path)
    commit = git(repo.path, "commit-tree", "-p", name, "-m", "more", f"{name}^{{tree}}")
    git(repo.path, "update-ref", f"refs/heads/{name}", commit)
    before = refs(repo.path)
    with pytest.raises(InputError, match=f"refs/heads/{name} was at .* and now is at .*nothing was changed"):
        execute(simulation, repo.path)
    assert refs(repo.path) == before
    sound(repo.path)


def test_a_branch_that_appeared_or_went_stops_everything(repo: RepoBuilder) -> None:
    simulation = simulate(hotfix(), repo.path)
    git(repo.path, "branch", "hotfix/login", "production")
    with pytest.raises(InputError, match="refs/heads/hotfix/login did not exist"):
        execute(simulation, repo.path)
    git(repo.path, "update-ref", "-d", "refs/heads/hotfix/login")
    git(repo.path, "update-ref", "-d", "refs/heads/production")
    with pytest.raises(InputError, match=r"refs/heads/production was at .* and now is gone"):
        execute(simulation, repo.path)


def test_a_lock_on_one_ref_stops_all_of_them(repo: RepoBuilder) -> None:
    simulation = simulate(hotfix(), repo.path)
    before = refs(repo.path)
    (repo.path / ".git/refs/heads/production.lock").touch()
    with pytest.raises(GitError, match=r"production\.lock.*nothing was changed"):
        execute(simulation, repo.path)
    assert refs(repo.path) == before
    (repo.path / ".git/refs/heads/production.lock").unlink()
    sound(repo.path)
    execute(simulation, repo.path)


def test_a_plan_that_did_not_go_through_is_not_executed_in_part(repo: RepoBuilder) -> None:
    repo.commit("integration", {"a.txt": "1\n2\n3\n4\nfeature\n"}, subject="Another feature")
    repo.finish()
    simulation = simulate(hotfix(), repo.path)
    assert simulation.outcome == "conflict"
    with pytest.raises(InputError, match=r"is conflict .*nothing is executed in part"):
        execute(simulation, repo.path)


def test_a_solved_conflict_is_executed_as_it_was_solved(repo: RepoBuilder) -> None:
    repo.commit("integration", {"a.txt": "1\n2\n3\n4\nfeature\n"}, subject="Another feature")
    repo.finish()
    simulation = simulate(
        hotfix(), repo.path, resolve=lambda conflict: b"1\n2\n3\n4\nfeature and fixed\n" if conflict.path else None
    )
    execute(simulation, repo.path)
    assert git(repo.path, "show", "integration:a.txt").splitlines()[-1] == "feature and fixed"
    sound(repo.path)


def test_a_plan_that_moves_nothing_is_said_to_do_so(repo: RepoBuilder) -> None:
    simulation = simulate(Plan.promotion("uat", "preprod"), repo.path)
    with pytest.raises(InputError, match="moves nothing"):
        execute(simulation, repo.path)


def test_a_damaged_pack_is_refused_before_anything_happens(repo: RepoBuilder) -> None:
    import dataclasses

    simulation = simulate(hotfix(), repo.path)
    before = refs(repo.path)
    half = dataclasses.replace(simulation, pack=simulation.pack[: len(simulation.pack) // 2])
    with pytest.raises(InputError, match="simulate the plan again"):
        execute(half, repo.path)
    with pytest.raises(InputError, match="simulate the plan again"):
        execute(dataclasses.replace(simulation, pack=b""), repo.path)
    assert refs(repo.path) == before
    assert git(repo.path, "count-objects", "-v").find("garbage: 0") >= 0


def test_an_object_that_git_refuses_is_named_before_anything_happens(repo: RepoBuilder) -> None:
    bad = FileChange(".gitmodules", b'[submodule "x"]\n\tpath = x\n\turl = -u./payload\n')
    plan = Plan("p", (Commit("uat", message="m", files=(bad,)),))
    with pytest.raises(InputError, match=r"gitmodulesUrl: .*-u\./payload\); change the plan"):
        execute(simulate(plan, repo.path), repo.path)
    assert not (repo.path / ".git" / "branchsim" / "pending.json").exists()


def test_another_clone_that_lacks_the_history_is_refused(repo: RepoBuilder, tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "other") as other:
        other.commit("integration", {"x": "1\n"})
    with pytest.raises(InputError):
        execute(simulate(hotfix(), repo.path), other.path)


def test_a_deleted_source_is_deleted_and_comes_back_with_undo(repo: RepoBuilder) -> None:
    repo.branch("topic", "uat")
    repo.commit("topic", {"t": "t\n"})
    repo.finish()
    git(repo.path, "pack-refs", "--all")
    before = refs(repo.path)
    execute(simulate(Plan("p", (PullRequest("topic", "uat", delete_source=True),)), repo.path), repo.path)
    assert "refs/heads/topic" not in refs(repo.path)
    undo(repo.path)
    assert refs(repo.path) == before


def test_a_bare_repository_and_sha256(tmp_path: Path) -> None:
    with RepoBuilder(tmp_path / "bare.git", bare=True, object_format="sha256") as builder:
        base = builder.commit("integration", {"a.txt": "1\n"})
        for name in ALL[1:]:
            builder.branch(name, base)
    simulation = simulate(
        Plan("p", (Start("topic", at="uat"), Commit("topic", message="m", files=(FileChange("a.txt", b"2\n"),)))),
        builder.path,
    )
    execute(simulation, builder.path)
    assert git(builder.path, "show", "topic:a.txt") == "2"
    sound(builder.path)


# -- work trees --------------------------------------------------------------------------------------------------------


def test_a_clean_work_tree_follows_its_branch_there_and_back(repo: RepoBuilder) -> None:
    repo.checkout("preprod")
    simulation = simulate(hotfix(), repo.path)
    receipt = execute(simulation, repo.path)
    assert receipt.work_trees == (str(repo.path),)
    assert git(repo.path, "status", "--porcelain") == ""
    assert (repo.path / "a.txt").read_text().endswith("fixed\n")
    assert undo(repo.path).work_trees == (str(repo.path),)
    assert git(repo.path, "status", "--porcelain") == ""
    assert (repo.path / "a.txt").read_text().endswith("5\n")
    # A branch that somebody moved back by hand has nothing to follow.
    execute(simulation, repo.path)
    git(repo.path, "reset", "-q", "--hard", simulation.results[4].before or "")
    assert undo(repo.path).work_trees == ()


def test_a_linked_work_tree_follows_too(repo: RepoBuilder, tmp_path: Path) -> None:
    git(repo.path, "worktree", "add", "-q", str(tmp_path / "linked"), "integration")
    # Called from the linked one; journal and refs are shared.
    execute(simulate(hotfix(), tmp_path / "linked"), tmp_path / "linked")
    assert git(tmp_path / "linked", "status", "--porcelain") == ""
    assert (tmp_path / "linked/a.txt").read_text().endswith("fixed\n")
    assert (repo.path / ".git/branchsim/executions").is_dir()


@pytest.mark.parametrize("staged", [False, True])
def test_a_work_tree_with_uncommitted_changes_stops_everything(repo: RepoBuilder, *, staged: bool) -> None:
    repo.checkout("preprod")
    (repo.path / "b.txt").write_text("mine\n")
    if staged:
        git(repo.path, "add", "b.txt")
    before = refs(repo.path)
    with pytest.raises(InputError, match=r"'preprod' is checked out in .* with uncommitted changes \(b\.txt\)"):
        execute(simulate(hotfix(), repo.path), repo.path)
    assert refs(repo.path) == before
    assert (repo.path / "b.txt").read_text() == "mine\n"


def test_an_untracked_file_in_the_way_stops_everything(repo: RepoBuilder) -> None:
    repo.checkout("uat")
    (repo.path / "c.txt").write_text("mine\n")
    before = refs(repo.path)
    with pytest.raises(InputError, match="cannot follow"):
        execute(simulate(Plan.promotion("integration", "uat"), repo.path), repo.path)
    assert (refs(repo.path), (repo.path / "c.txt").read_text()) == (before, "mine\n")


def test_changes_on_a_branch_that_does_not_move_are_in_nobodys_way(repo: RepoBuilder) -> None:
    repo.checkout("uat")
    (repo.path / "b.txt").write_text("mine\n")
    (repo.path / "new").write_text("mine\n")
    execute(simulate(hotfix(), repo.path), repo.path)
    assert (repo.path / "b.txt").read_text() == "mine\n"


def test_an_unfinished_merge_stops_everything(repo: RepoBuilder) -> None:
    repo.checkout("preprod")
    (repo.path / ".git/MERGE_HEAD").write_text(repo["integration"] + "\n")
    with pytest.raises(InputError, match="a merge is not finished"):
        execute(simulate(hotfix(), repo.path), repo.path)


def test_a_checked_out_branch_is_not_deleted(repo: RepoBuilder) -> None:
    repo.branch("topic", "uat")
    repo.commit("topic", {"t": "t\n"})
    repo.checkout("topic")
    with pytest.raises(InputError, match=r"is checked out in .* and would be deleted"):
        execute(simulate(Plan("p", (PullRequest("topic", "uat", delete_source=True),)), repo.path), repo.path)


def test_filters_of_the_repository_never_run(repo: RepoBuilder, tmp_path: Path) -> None:
    repo.commit("preprod", {".gitattributes": "* filter=evil\n"})
    repo.branch("production", "preprod")
    repo.checkout("preprod")
    for key in ("clean", "smudge"):
        git(repo.path, "config", f"filter.evil.{key}", f"touch {tmp_path}/ran; cat")
    with pytest.raises(InputError, match="filters of its own"):
        execute(simulate(hotfix(), repo.path), repo.path)
    assert not (tmp_path / "ran").exists()


def test_hooks_of_the_repository_never_run(repo: RepoBuilder, tmp_path: Path) -> None:
    repo.checkout("preprod")
    hooks = repo.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in (
        "reference-transaction",
        "post-checkout",
        "pre-push",
        "post-merge",
        "post-index-change",
        "pre-auto-gc",
    ):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran-{name}\nexit 1\n")
        (hooks / name).chmod(0o755)
    git(repo.path, "config", "core.fsmonitor", f"touch {tmp_path}/ran-fsmonitor")
    git(repo.path, "config", "core.sshCommand", f"touch {tmp_path}/ran-ssh")
    execute(simulate(hotfix(), repo.path), repo.path)
    undo(repo.path)
    assert not list(tmp_path.glob("ran*"))


# -- a remote ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def clone(repo: RepoBuilder, tmp_path: Path) -> Path:
    """A clone whose origin is a bare repository."""
    git(tmp_path, "clone", "-q", "--bare", str(repo.path), "server.git")
    git(tmp_path, "clone", "-q", "--no-checkout", "server.git", "clone")
    return tmp_path / "clone"


def test_a_push_moves_all_refs_of_the_remote(clone: Path, tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    before = refs(server)
    simulation = simulate(hotfix(), clone, BUILD_RUN)
    local = {ref: sha for ref, sha in refs(clone).items() if ref.startswith("refs/heads/")}
    receipt = execute(simulation, clone, "origin")
    assert refs(server) == expected(before, simulation)
    assert receipt.remote == "origin"
    # The clone's own branches stay where they are; what it knows of the remote is up to date.
    after = refs(clone)
    assert {ref: sha for ref, sha in after.items() if ref.startswith("refs/heads/")} == local
    assert after["refs/remotes/origin/production"] == refs(server)["refs/heads/production"]
    sound(clone)
    sound(server)
    undo(clone)
    assert refs(server) == before


def test_a_remote_that_moved_stops_everything(clone: Path, tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    simulation = simulate(hotfix(), clone)
    commit = git(server, "commit-tree", "-p", "integration", "-m", "more", "integration^{tree}")
    git(server, "update-ref", "refs/heads/integration", commit)
    before = refs(server)
    with pytest.raises(InputError, match="refs/heads/integration of 'origin' was at"):
        execute(simulation, clone, "origin")
    assert refs(server) == before


def test_a_remote_that_rejects_one_of_several_refs_moves_none(clone: Path, tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    hook = server / "hooks/update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/production ] || { echo "production is protected"; exit 1; }\n')
    hook.chmod(0o755)
    before = refs(server)
    with pytest.raises(GitError, match=r"refs/heads/production.*nothing was changed"):
        execute(simulate(hotfix(), clone), clone, "origin")
    assert refs(server) == before
    sound(clone)


def test_a_server_without_atomic_pushes_is_named_and_needs_a_flag(clone: Path, tmp_path: Path) -> None:
    server = tmp_path / "server.git"
    git(server, "config", "receive.advertiseAtomic", "false")
    before = refs(server)
    simulation = simulate(hotfix(), clone)
    with pytest.raises(GitError, match=r"cannot move several refs at once.*--not-atomic"):
        execute(simulation, clone, "origin")
    assert refs(server) == before
    execute(simulation, clone, "origin", atomic=False)
    assert refs(server) == expected(before, simulation)


def test_a_remote_that_does_not_exist_is_one_sentence(clone: Path) -> None:
    simulation = simulate(hotfix(), clone)
    with pytest.raises(GitError, match="remote 'nowhere' cannot be read"):
        execute(simulation, clone, "nowhere")
    with pytest.raises(InputError, match="no name and no address"):
        execute(simulation, clone, "--upload-pack=touch /tmp/evil")


def test_a_branch_of_origin_alone_becomes_a_local_one(clone: Path) -> None:
    simulation = simulate(Plan.promotion("integration", "uat"), clone)
    execute(simulation, clone)
    assert git(clone, "rev-parse", "uat") == simulation.moves[0].after
    undo(clone)
    assert "refs/heads/uat" not in refs(clone)


# -- what happens meanwhile, and what fails ----------------------------------------------------------------------------


def test_a_clean_up_at_the_same_time_takes_nothing_away(repo: RepoBuilder) -> None:
    before = refs(repo.path)
    simulation = simulate(hotfix(), repo.path)

    def report(what: str) -> None:
        if what in {"refs", "commit"}:
            git(repo.path, "repack", "-q", "-a", "-d")
            git(repo.path, "prune", "--expire=now")

    execute(simulation, repo.path, report=report)
    assert refs(repo.path) == expected(before, simulation)
    sound(repo.path)


def test_a_commit_in_the_last_moment_stops_everything(repo: RepoBuilder) -> None:
    simulation = simulate(hotfix(), repo.path)
    commit = git(repo.path, "commit-tree", "-p", "production", "-m", "more", "production^{tree}")

    def report(what: str) -> None:
        if what == "refs":
            git(repo.path, "update-ref", "refs/heads/production", commit)

    before = refs(repo.path)
    with pytest.raises(GitError, match="refs/heads/production"):
        execute(simulation, repo.path, report=report)
    undone = refs(repo.path)
    assert undone == before | {"refs/heads/production": commit}


def test_a_change_to_a_file_in_the_last_moment_stops_everything(repo: RepoBuilder) -> None:
    repo.checkout("preprod")
    simulation = simulate(hotfix(), repo.path)
    before = refs(repo.path)

    def report(what: str) -> None:
        if what == "commit":
            (repo.path / "a.txt").write_text("mine\n")

    with pytest.raises(InputError, match=r"uncommitted changes.*nothing was changed"):
        execute(simulation, repo.path, report=report)
    assert refs(repo.path) == before
    assert (repo.path / "a.txt").read_text() == "mine\n"
    sound(repo.path)


def test_a_read_only_repository_is_one_sentence(repo: RepoBuilder) -> None:
    with open_directory() as path:
        shutil.copytree(repo.path, path / "repo", symlinks=True)
        simulation = simulate(hotfix(), path / "repo")
        before = fingerprint(path)
        with unprivileged(), pytest.raises(GitError, match="cannot be written; check its permissions"):
            execute(simulation, path / "repo")
        assert fingerprint(path) == before


def test_a_read_only_directory_of_a_work_tree_stops_everything(
    repo: RepoBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    repo.checkout("preprod")
    with open_directory() as path:
        monkeypatch.setenv("HOME", str(path))
        place = path / "repo"
        shutil.copytree(repo.path, place, symlinks=True)
        simulation = simulate(hotfix(), place)
        owner = NOBODY if os.geteuid() == 0 else os.geteuid()
        for each in (place, *place.rglob("*")):
            os.chown(each, owner, -1, follow_symlinks=False)
        place.chmod(0o555)
        before = fingerprint(path)
        with unprivileged(), pytest.raises(InputError, match=r"cannot follow: .*/repo cannot be written"):
            check(simulation, place)
        assert fingerprint(path) == before
        place.chmod(0o755)


_FULL = """
import resource, signal, sys
from branchsim.errors import BranchsimError
from branchsim.simulate import execute, read_simulation
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
simulation = read_simulation(sys.argv[1])
room = int(sys.argv[3])
def report(what):
    if what == sys.argv[4]:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
try:
    execute(simulation, sys.argv[2], report=report)
except BranchsimError as error:
    print(error)
    sys.exit(2)
"""


@pytest.mark.parametrize("at", ["intend", "objects", "refs"])
def test_a_full_disk_changes_nothing_and_is_one_sentence(repo: RepoBuilder, tmp_path: Path, at: str) -> None:
    simulation = simulate(hotfix(), repo.path)
    save(simulation, tmp_path / "saved")
    before = refs(repo.path)
    command = [sys.executable, "-c", _FULL, str(tmp_path / "saved"), str(repo.path), "0", at]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2, done.stderr
    assert done.stdout.count("\n") == 1
    assert "nothing was changed" in done.stdout or "cannot be written" in done.stdout
    for lock in (repo.path / ".git").rglob("*.lock"):
        lock.unlink()
    assert refs(repo.path) == before
    # With room again it goes through.
    execute(simulation, repo.path)
    sound(repo.path)


# -- two at once -------------------------------------------------------------------------------------------------------

_ONE = """
import sys
from branchsim.errors import BranchsimError
from branchsim.simulate import execute, read_simulation
simulation = read_simulation(sys.argv[1])
try:
    execute(simulation, sys.argv[2])
except BranchsimError as error:
    print(error)
    sys.exit(2)
"""


def test_of_two_executions_at_once_one_wins_and_the_other_changes_nothing(repo: RepoBuilder, tmp_path: Path) -> None:
    before = refs(repo.path)
    simulation = simulate(hotfix(), repo.path)
    save(simulation, tmp_path / "s")
    command = [sys.executable, "-c", _ONE, str(tmp_path / "s"), str(repo.path)]
    processes = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert sorted(process.returncode for process in processes) == [0, 2, 2]
    assert all(text.count("\n") == 1 for text in said if text)
    assert refs(repo.path) == expected(before, simulation)
    sound(repo.path)


def test_an_execution_waits_for_nobody_while_another_goes_on(
    repo: RepoBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules[resume.__module__], "PATIENCE", 0.1)  # those who mend wait for one that dies
    simulation = simulate(hotfix(), repo.path)
    said: list[str] = []

    def report(what: str) -> None:
        if what == "commit":
            with pytest.raises(BranchsimError) as error:
                execute(simulation, repo.path)
            said.append(str(error.value))
            for other in (resume, undo):
                with pytest.raises(BranchsimError) as error:
                    other(repo.path)
                said.append(str(error.value))

    execute(simulation, repo.path, report=report)
    assert len(said) == 3
    assert all("another execution is going on" in text for text in said)
    assert os.listdir(repo.path / ".git/branchsim/executions")  # noqa: PTH208


def test_what_is_no_simulation_is_refused(repo: RepoBuilder) -> None:
    with pytest.raises(InputError, match="execute needs a Simulation, and not str"):
        execute(cast("Simulation", "simulation.json"), repo.path)
    assert not (repo.path / ".git/branchsim").exists()
