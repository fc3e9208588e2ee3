"""Nothing of the user's surroundings or of the repository's own settings runs a program or changes a result."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from support.machine import fingerprint
from support.repos import Content, RepoBuilder, environment, git, submodule, symlink

from branchsim.git.files import RevisionFiles
from branchsim.git.log import merge_bases, read_commits, rev_list
from branchsim.git.merge import Pick, merge_many, pick_many, write_commit_graph
from branchsim.git.objects import ObjectReader
from branchsim.git.patches import read_patches, stable_patch_ids
from branchsim.git.process import run
from branchsim.git.reflog import read_reflogs
from branchsim.git.refs import branch_refs, pull_refs, read_tags, resolve_branches
from branchsim.git.repository import Repository
from branchsim.names import BranchName, RefName

HOSTILE_PATHS: dict[bytes, Content] = {
    b"new\nline": "1\n",
    b"--output=stolen": "1\n",
    b"-x": "1\n",
    b"quote\"'$(touch ran)`": "1\n",
    b"\xff\xfe": "1\n",
    b":(top,glob)**": "1\n",
    b"dir/a b": "1\n",
}


def _make(path: Path) -> RepoBuilder:
    with RepoBuilder(path) as made:
        attributes = "* diff=evil filter=evil merge=evil text eol=crlf ident working-tree-encoding=UTF-16\n"
        start: dict[bytes, Content] = {b".gitattributes": attributes, b"a": "1\n2\n3\n4\n5\n6\n7\n8\n9\n"}
        modules = '[submodule "m"]\n\tpath = m\n\turl = ext::touch\n\tignore = all\n\tupdate = !touch\n'
        more: dict[bytes, Content] = {b".gitmodules": modules, b"m": submodule("1" * 40), b"l": symlink("/etc/passwd")}
        made.commit("main", start | HOSTILE_PATHS | more)
        made.branch("topic", "main")
        first: dict[bytes, Content] = {b"a": "0\n2\n3\n4\n5\n6\n7\n8\n9\n", b"-x": "2\n", b"m": submodule("2" * 40)}
        second: dict[bytes, Content] = {b"a": "1\n2\n3\n4\n5\n6\n7\n8\n0\n", b"new\nline": "3\n", b"crlf": "1\r\n2\r\n"}
        made.commit("topic", first, author="Ann <ann@example.com>")
        made.commit("main", second, message="Käse\n\n(cherry picked from commit 1234)\n")
        made.merge(into="main", source="topic", files=first | {b"a": "evil\n"})
        made.commit("main", message="L\xf6we".encode("latin-1"), encoding="ISO-8859-1")
        made.commit("main", {b"with space": "1\n", b"dir/a b": None, b"dir/moved": "1\n"}, author="Émile <é@x>")
        made.tag("v1", "main", message="One")
        made.branch("refs/pull/7/head", "topic")
        made.branch("refs/remotes/origin/preprod", "topic")
    (path / ".git/logs/refs/heads").mkdir(parents=True, exist_ok=True)
    line = f"{'0' * 40} {made['main']} A <a@b> 1700000000 +0530\tcommit: Käse\n"
    (path / ".git/logs/refs/heads/main").write_text(line)
    return made


def _everything(path: Path) -> dict[str, object]:
    """All that can be asked of a repository."""
    seen: dict[str, object] = {}
    with Repository(path) as repo:
        names = [BranchName("main"), BranchName("topic"), BranchName("preprod")]
        tips = resolve_branches(repo, names)
        main, topic = tips[names[0]][1], tips[names[1]][1]
        commits = list(read_commits(repo.scratch, [main, topic]))
        parents = {commit.sha: commit.parents[0] for commit in commits if commit.parents}
        trees = {commit.sha: commit.tree for commit in commits}
        pairs = [(trees[parent], trees[sha]) for sha, parent in parents.items()]
        picks = [Pick(sha, topic, parent) for sha, parent in parents.items()]
        seen["refs"] = {ref: sha for ref, sha in repo.refs.items() if not ref.startswith("refs/replace/")}
        seen["where"] = (repo.git_dir, repo.common_dir, repo.work_tree, repo.head, repo.object_format, repo.shallow)
        seen["names"] = [repo.resolve(name) for name in ("main", "v1", "HEAD", "preprod", main[:10], "main~2")]
        seen["branches"] = (branch_refs(repo.refs, repo.remotes), tips, pull_refs(repo.refs), read_tags(repo))
        seen["commits"] = commits
        seen["lists"] = (rev_list(repo.scratch, [main]), merge_bases(repo.scratch, main, topic))
        seen["patches"] = read_patches(repo.scratch, pairs)
        seen["ids"] = stable_patch_ids(
            repo.scratch, {sha: (trees[parent], trees[sha]) for sha, parent in parents.items()}
        )
        seen["merges"] = list(merge_many(repo.scratch, [(main, topic), (topic, main), (main, main)]))
        seen["picks"] = list(pick_many(repo.scratch, picks))
        seen["graph"] = write_commit_graph(repo.scratch)
        with ObjectReader(repo.scratch) as reader:
            files = list(reader.walk(trees[main]))
            seen["files"] = files
            seen["contents"] = list(reader.blobs([entry.sha for _, entry in files if not entry.is_submodule]))
        with RevisionFiles(repo.scratch, main) as provider:
            seen["provider"] = [(name, provider.read(name)) for name in provider.list("")]
        seen["reflog"] = read_reflogs(repo, [RefName("refs/heads/main"), RefName("HEAD")])
    return seen


def _booby_trapped(made: RepoBuilder, script: Path) -> str:
    """Settings each of which makes git run a program or print something else, as the text of a configuration."""
    program = str(script)
    programs = (
        "core.fsmonitor core.pager core.editor core.sshCommand core.askPass core.gitProxy core.alternateRefsCommand "
        "diff.external diff.evil.textconv diff.evil.command filter.evil.clean filter.evil.smudge filter.evil.process "
        "merge.evil.driver gpg.program uploadpack.packObjectsHook remote.origin.uploadpack trailer.x.command "
        "interactive.diffFilter gc.recentObjectsHook"
    )
    commands = "alias.log alias.rev-parse alias.cat-file alias.for-each-ref credential.helper"
    booleans = (
        "core.quotePath core.precomposeUnicode core.autocrlf core.ignoreCase diff.noprefix diff.mnemonicPrefix "
        "filter.evil.required merge.verifySignatures log.showSignature log.follow log.mailmap remote.origin.promisor "
        "maintenance.auto patchid.verbatim"
    )
    values = {
        "core.hooksPath": str(script.parent),
        "core.attributesFile": str(made.path / "evil-attributes"),
        "core.abbrev": "5",
        "core.commentChar": "M",
        "diff.renames": "copies",
        "diff.algorithm": "patience",
        "diff.context": "9",
        "diff.orderFile": str(made.path / "order"),
        "diff.ignoreSubmodules": "all",
        "diff.wsErrorHighlight": "all",
        "merge.renames": "false",
        "merge.conflictStyle": "diff3",
        "log.showRoot": "false",
        "log.date": "relative",
        "log.decorate": "full",
        "log.diffMerges": "combined",
        "format.pretty": "oneline",
        "color.ui": "always",
        "mailmap.file": str(made.path / "mailmap"),
        "i18n.logOutputEncoding": "ISO-8859-1",
        "i18n.commitEncoding": "ISO-8859-1",
        "remote.origin.url": f"ext::{program}",
        "remote.origin.partialCloneFilter": "blob:none",
        "extensions.partialClone": "origin",
        "protocol.ext.allow": "always",
        "patchid.stable": "false",
        "include.path": str(made.path / "included"),
        "gc.auto": "1",
        "init.templateDir": str(script.parent),
    }
    settings = dict.fromkeys(programs.split(), program) | dict.fromkeys(commands.split(), "!" + program)
    settings |= dict.fromkeys(booleans.split(), "true") | values
    text = ""
    for key, value in settings.items():
        section, _, name = key.rpartition(".")
        head, _, below = section.partition(".")
        text += f'[{head} "{below}"]\n' if below else f"[{head}]\n"
        text += f'\t{name} = "{value}"\n'
    (made.path / "mailmap").write_text("Mallory <m@x> <ann@example.com>\n")
    (made.path / "order").write_text("*\n")
    (made.path / "included").write_text(f"[core]\n\tpager = {program}\n")
    (made.path / "evil-attributes").write_text("* -diff merge=evil diff=evil\n")
    (made.path / ".mailmap").write_text("Mallory <m@x> <ann@example.com>\n")
    return text


def _poison_repository(made: RepoBuilder, script: Path) -> None:
    text = (made.path / ".git/config").read_text() + _booby_trapped(made, script)
    (made.path / ".git/info").mkdir(exist_ok=True)
    (made.path / ".git/info/attributes").write_text("* -diff merge=evil diff=evil filter=evil\n")
    # A replaced commit and a grafted one: history would look different.
    root = git(made.path, "rev-list", "--max-parents=0", "main")
    git(made.path, "replace", made["topic"], root)
    (made.path / ".git/info/grafts").write_text(f"{made['main']} {root}\n")
    hooks = made.path / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc"):
        (hooks / name).write_bytes(script.read_bytes())
        (hooks / name).chmod(0o755)
    (made.path / ".git/config").write_text(text)


def _poison_user(home: Path, made: RepoBuilder, script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = _booby_trapped(made, script)
    (home / ".config/git").mkdir(parents=True)
    (home / ".gitconfig").write_text(text)
    (home / ".config/git/config").write_text(text)
    (home / ".config/git/attributes").write_text("* -diff merge=evil\n")
    empty = home / "empty"
    empty.mkdir()
    programs = (
        "GIT_EXTERNAL_DIFF GIT_PAGER PAGER GIT_EDITOR EDITOR GIT_SSH GIT_SSH_COMMAND GIT_ASKPASS SSH_ASKPASS "
        "GIT_PROXY_COMMAND BASH_ENV ENV GIT_CONFIG_VALUE_0 GIT_CONFIG_VALUE_1"
    )
    directories = (
        "GIT_DIR GIT_WORK_TREE GIT_COMMON_DIR GIT_OBJECT_DIRECTORY GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_QUARANTINE_PATH"
    )
    configurations = "GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM GIT_CONFIG"
    values: dict[str, object] = {
        "HOME": home,
        "XDG_CONFIG_HOME": home / ".config",
        "GIT_CONFIG_COUNT": 2,
        "GIT_CONFIG_KEY_0": "core.pager",
        "GIT_CONFIG_KEY_1": "diff.external",
        "GIT_CONFIG_PARAMETERS": f"'diff.external'='{script}'",
        "GIT_INDEX_FILE": empty / "index",
        "GIT_NAMESPACE": "evil",
        "GIT_CEILING_DIRECTORIES": "/",
        "GIT_EXEC_PATH": script.parent,
        "GIT_TEMPLATE_DIR": script.parent,
        "GIT_ATTR_SOURCE": "HEAD",
        "GIT_GRAFT_FILE": home / "grafts",
        "GIT_SHALLOW_FILE": home / "shallow",
        "GIT_REPLACE_REF_BASE": "refs/heads/",
        "GIT_DIFF_OPTS": "-u9",
        "GIT_TRACE": home / "trace",
        "GIT_TRACE2": home / "trace2",
        "GIT_ICASE_PATHSPECS": "1",
        "GIT_GLOB_PATHSPECS": "1",
        "GIT_DEFAULT_HASH": "sha256",
        "GIT_PREFIX": "dir/",
        "GIT_TEST_MERGE_ALGORITHM": "recursive",
        "GIT_AUTHOR_DATE": "1999-01-01",
        "GIT_COMMITTER_NAME": "Mallory",
        "LC_ALL": "de_DE.ISO-8859-1",
        "LANGUAGE": "de:fr",
        "LANG": "tr_TR",
        "TZ": "Asia/Kolkata",
        "COLUMNS": "20",
        "TERM": "xterm",
    }
    values |= dict.fromkeys(programs.split(), script) | dict.fromkeys(directories.split(), empty)
    values |= dict.fromkeys(configurations.split(), home / ".gitconfig")
    (home / "grafts").write_text(f"{made['main']}\n")
    (home / "shallow").write_text(f"{made['main']}\n")
    for name, value in values.items():
        monkeypatch.setenv(name, str(value))


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """A program that leaves a mark when it is run."""
    directory = tmp_path / "programs"
    directory.mkdir()
    path = directory / "evil"
    path.write_text(f"#!/bin/sh\necho \"$0 $*\" >> '{tmp_path}/ran'\nexit 0\n")
    path.chmod(0o755)
    for name in ("git-log", "git-remote-ext", "git-cat-file"):
        (directory / name).symlink_to(path)
    return path


@pytest.mark.parametrize("who", ["repository", "user", "both"])
def test_nothing_runs_and_nothing_differs(
    tmp_path: Path, script: Path, monkeypatch: pytest.MonkeyPatch, who: str
) -> None:
    made = _make(tmp_path / "r")
    expected = _everything(made.path)
    if who in {"repository", "both"}:
        _poison_repository(made, script)
    if who in {"user", "both"}:
        (tmp_path / "home").mkdir()
        _poison_user(tmp_path / "home", made, script, monkeypatch)
    before = fingerprint(made.path)
    seen = _everything(made.path)
    assert list(seen) == list(expected)
    for question, answer in expected.items():
        assert seen[question] == answer, question
    assert not (tmp_path / "ran").exists(), (tmp_path / "ran").read_text()
    assert fingerprint(made.path) == before
    if who != "repository":
        assert sorted(entry.name for entry in (tmp_path / "home").iterdir()) == [
            ".config", ".gitconfig", "empty", "grafts", "shallow",
        ]  # fmt: skip


def test_the_traps_would_work(tmp_path: Path, script: Path) -> None:
    made = _make(tmp_path / "r")
    before, after = git(made.path, "rev-parse", "topic~1^{tree}", "main^{tree}").split()
    _poison_repository(made, script)
    # A hostile .gitmodules file ends git's own log before it gets as far.
    git(made.path, "diff", "--ext-diff", "--ignore-submodules=none", before, after, accept=(0, 128))
    assert (tmp_path / "ran").exists()
    assert "Mallory" in git(made.path, "log", "--use-mailmap", "--format=%aN", "main")
    assert git(made.path, "rev-list", "--count", "topic") == "1"


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
@pytest.mark.parametrize("locale", ["C", "de_DE.UTF-8", "tr_TR.UTF-8"])
def test_no_zone_and_no_locale_matters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zone: str, locale: str) -> None:
    made = _make(tmp_path / "r")
    expected = _everything(made.path)
    monkeypatch.setenv("TZ", zone)
    monkeypatch.setenv("LC_ALL", locale)
    assert _everything(made.path) == expected


def test_the_order_of_refs_on_disk_does_not_matter(tmp_path: Path) -> None:
    made = _make(tmp_path / "r")
    expected = _everything(made.path)
    git(made.path, "pack-refs", "--all", "--prune")
    assert _everything(made.path) == expected
    packed = made.path / ".git/packed-refs"
    lines = [line for line in packed.read_text().splitlines() if not line.startswith(("#", "^"))]
    packed.write_text("\n".join(reversed(lines)) + "\n")
    assert _everything(made.path) == expected


def test_reading_changes_no_byte_of_the_source(tmp_path: Path) -> None:
    made = _make(tmp_path / "r")
    git(made.path, "symbolic-ref", "HEAD", "refs/heads/topic")
    (made.path / "untracked").write_text("x")
    (made.path / ".git/index.lock").touch()
    before = fingerprint(made.path)
    for _ in range(2):
        _everything(made.path)
    assert fingerprint(made.path) == before


def test_a_branch_with_a_name_like_an_option_is_only_a_name(tmp_path: Path) -> None:
    made = _make(tmp_path / "r")
    for name in ("--all", "-n", "--output=stolen"):
        (made.path / ".git/refs/heads" / name).write_text(made["topic"] + "\n")
    with Repository(made.path) as repo:
        for name in ("--all", "-n", "--output=stolen"):
            assert repo.resolve(name) == made["topic"]
            assert resolve_branches(repo, [BranchName(name)])[BranchName(name)][1] == made["topic"]
    assert not list(Path.cwd().glob("stolen")) + list(made.path.glob("stolen"))


def test_git_is_run_in_an_environment_of_our_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = _make(tmp_path / "r")
    seen = tmp_path / "seen"
    real = next(Path(place) / "git" for place in os.environ["PATH"].split(":") if (Path(place) / "git").exists())
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "git").write_text(f'#!/bin/sh\nenv > {seen}\nexec {real} "$@"\n')
    (programs / "git").chmod(0o755)
    monkeypatch.setenv("GIT_SOMETHING_NEW", "1")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    run(["log", "-1", made["main"]], made.path / ".git")
    kept = dict(line.split("=", 1) for line in seen.read_text().splitlines() if "=" in line)
    assert "GIT_SOMETHING_NEW" not in kept
    assert (kept["LC_ALL"], kept["TZ"], kept["GIT_NO_REPLACE_OBJECTS"]) == ("C", "UTC", "1")
    assert set(kept) - set(environment()) <= {
        "GIT_CONFIG_SYSTEM", "GIT_ATTR_NOSYSTEM", "GIT_NO_REPLACE_OBJECTS", "GIT_NO_LAZY_FETCH", "GIT_OPTIONAL_LOCKS",
        "GIT_PAGER", "LANGUAGE", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH", "SYSTEMROOT", "PWD", "OLDPWD", "_",
        "SHLVL",
    }  # fmt: skip
