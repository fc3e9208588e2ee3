"""Bad input: one clear sentence on standard error, exit code 2, no traceback, nothing left behind."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from support.cli import Shell
from support.machine import fingerprint, open_directory
from support.repos import RepoBuilder, git

_USAGE = 2


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "shell")


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    """Three branches, one commit that was ported."""
    with RepoBuilder(tmp_path / "repo", bare=True) as made:
        made.commit("main", {"a.txt": "1\n"})
        made.branch("production", "main")
        made.branch("integration", "main")
        fix = made.commit("production", {"a.txt": "1\n2\n"}, subject="Fix the price")
        made.commit("integration", {"b.txt": "1\n"})
        made.pick(into="integration", commit=fix)
    return made.path


def _refused(shell: Shell, done: subprocess.CompletedProcess[str], *parts: str) -> None:
    """What every refusal has in common, and what this one must say."""
    assert done.returncode == _USAGE, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert done.stderr.startswith("branchsim: ")
    assert done.stderr.endswith("\n")
    assert done.stderr.count("\n") == 1, "one sentence, on one line"
    for part in parts:
        assert part in done.stderr
    assert shell.left_behind() == []


_COMMANDS = (
    ("audit", "{}"),
    ("match", "{}", "-s", "main", "-t", "integration"),
    ("topology", "{}", "--guess"),
)


@pytest.mark.parametrize("command", _COMMANDS, ids=lambda command: command[0])
class TestRepository:
    """What is wrong with the repository."""

    @staticmethod
    def _run(shell: Shell, command: tuple[str, ...], path: str | Path) -> subprocess.CompletedProcess[str]:
        return shell.run(*(part.format(path) for part in command))

    def test_no_repository(self, shell: Shell, tmp_path: Path, command: tuple[str, ...]) -> None:
        path = tmp_path / "plain"
        path.mkdir()
        done = self._run(shell, command, path)
        _refused(shell, done, f"{path} is not a git repository", "give the path of one")
        assert list(path.iterdir()) == []

    def test_no_path(self, shell: Shell, tmp_path: Path, command: tuple[str, ...]) -> None:
        _refused(shell, self._run(shell, command, tmp_path / "nowhere"), "nowhere does not exist")

    def test_no_commit(self, shell: Shell, tmp_path: Path, command: tuple[str, ...]) -> None:
        path = RepoBuilder(tmp_path / "empty").finish()
        before = fingerprint(path)
        _refused(shell, self._run(shell, command, path), f"{path} has no commit yet", "commit something first")
        assert fingerprint(path) == before

    @pytest.mark.parametrize("name", ["-x", "--upload-pack=touch pwned", "--git-dir=/"])
    def test_a_path_that_looks_like_an_option(self, shell: Shell, command: tuple[str, ...], name: str) -> None:
        path = shell.home / name
        path.mkdir(parents=True)
        done = shell.run(*command[:1], *(part.format(name) for part in command[2:]), "--", name, cwd=shell.home)
        _refused(shell, done, "is not a git repository")
        assert list(path.iterdir()) == []

    def test_git_is_absent(self, shell: Shell, repo: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
        nothing = tmp_path / "bin"
        nothing.mkdir()
        shell.variables["PATH"] = str(nothing)
        _refused(shell, self._run(shell, command, repo), "git was not found on PATH", "install git 2.39 or newer")

    def test_git_is_too_old(self, shell: Shell, repo: Path, tmp_path: Path, command: tuple[str, ...]) -> None:
        old = tmp_path / "bin"
        old.mkdir()
        (old / "git").write_text("#!/bin/sh\necho git version 2.30.2\n", encoding="utf-8")
        (old / "git").chmod(0o755)
        shell.variables["PATH"] = str(old)
        _refused(
            shell, self._run(shell, command, repo), "git 2.30.2 is too old", "needs git 2.39", "install a newer git"
        )

    def test_a_corrupt_commit(self, shell: Shell, repo: Path, command: tuple[str, ...]) -> None:
        sha = git(repo, "rev-parse", "integration~1")
        for pack in sorted((repo / "objects" / "pack").glob("*.pack")):
            data = pack.read_bytes()
            for piece in pack.parent.glob(f"{pack.stem}.*"):
                piece.unlink()
            git(repo, "unpack-objects", "-q", stdin=data)
        loose = repo / "objects" / sha[:2] / sha[2:]
        loose.chmod(0o644)
        loose.write_bytes(b"not an object")
        _refused(shell, self._run(shell, command, repo), sha, "corrupt", "'git fsck' in it tells more")

    def test_no_permission(self, shell: Shell, command: tuple[str, ...]) -> None:
        with open_directory() as place:
            with RepoBuilder(place / "repo", bare=True) as made:
                made.commit("main", {"a": "1\n"})
            (place / "repo").chmod(0)
            shell.temporary.chmod(0o777)
            # Root may read everything, so it becomes nobody, after a first run that has loaded all modules: those may
            # lie where nobody may not read.
            program = f"""
import contextlib, io, os, sys
from branchsim.cli import main
sys.argv = ["branchsim", *{[part.format(place / "repo") for part in command]!r}]
unseen = io.StringIO()
with contextlib.suppress(SystemExit), contextlib.redirect_stdout(unseen), contextlib.redirect_stderr(unseen):
    main()
if os.geteuid() == 0:
    os.seteuid(65534)
main()
"""
            done = subprocess.run(
                [sys.executable, "-c", program],
                env=shell.variables,
                cwd=place,
                capture_output=True,
                text=True,
                check=False,
                timeout=120,
            )
            (place / "repo").chmod(0o755)
        _refused(shell, done, "repo cannot be read: Permission denied", "check its permissions")


class TestRevisions:
    """Names that name nothing."""

    def test_an_unknown_revision(self, shell: Shell, repo: Path) -> None:
        done = shell.run("match", repo, "-s", "prodution", "-t", "integration")
        _refused(shell, done, "'prodution' names no commit", "did you mean 'production'?")

    @pytest.mark.parametrize("name", ["--output=pwned", "-x", "^main", "main..integration", "main^{tree}", ""])
    def test_a_revision_that_is_none(self, shell: Shell, repo: Path, name: str) -> None:
        before = fingerprint(repo)
        _refused(shell, shell.run("match", repo, f"--source={name}", "-t", "integration"), repr(name))
        assert fingerprint(repo) == before

    @pytest.mark.parametrize("option", ["--since", "--until"])
    @pytest.mark.parametrize("value", ["last week", "2025-13-45", "--all", "99999999999999999999"])
    def test_neither_date_nor_revision(self, shell: Shell, repo: Path, option: str, value: str) -> None:
        done = shell.run("audit", repo, f"{option}={value}")
        _refused(shell, done, f"{option[2:]} {value!r} is neither a date (like 2025-03-31) nor a revision")

    def test_a_branch_of_the_topology_that_does_not_exist(self, shell: Shell, repo: Path, tmp_path: Path) -> None:
        file = tmp_path / "t.toml"
        file.write_text(_topology(["integratoin", "prodction"]), encoding="utf-8")
        done = shell.run("audit", repo, "--topology", file)
        _refused(
            shell,
            done,
            "'integratoin' (did you mean 'integration'?)",
            "'prodction' (did you mean 'production'?)",
            "do not exist in",
            "which has integration, main, production",
        )

    def test_a_branch_whose_ref_is_broken(self, shell: Shell, repo: Path) -> None:
        """As a disk leaves it that was full, or a machine that lost power."""
        git(repo, "update-ref", "-d", "refs/heads/production")
        (repo / "refs" / "heads" / "production").write_text("", encoding="utf-8")
        said = "git cannot read refs/heads/production: fetch again what is broken, or restore it"
        done = shell.run("match", repo, "-s", "production", "-t", "integration")
        _refused(shell, done, "'production' names no commit", said)
        guessed = shell.run("topology", repo, "--guess", "--format", "toml")
        assert (guessed.returncode, guessed.stderr) == (0, "")
        assert f"# {said}" in guessed.stdout

    def test_a_branch_that_is_near_to_nothing(self, shell: Shell, repo: Path, tmp_path: Path) -> None:
        file = tmp_path / "t.toml"
        file.write_text(_topology(["main", "zzz"]), encoding="utf-8")
        done = shell.run("audit", repo, "--topology", file)
        _refused(shell, done, "branch 'zzz' does not exist in", "which has integration, main, production;")


def _topology(names: list[str]) -> str:
    branches = "".join(f'[[branch]]\nname = "{name}"\nlayer = "RUN"\n' for name in names)
    flows = f'[[flow]]\nkind = "promote"\nfrom = "{names[0]}"\nto = "{names[1]}"\n'
    return f"schema = 1\n{branches}{flows}"


_NINE = ", ".join(["*{0}"] * 9)
_BOMB = 'a: &a ["x"]\n' + "".join(
    f"{name}: &{name} [{_NINE.format(before)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)

_FILES = [
    ("syntax", "schema = 1\n[[branch]\n", ("not valid TOML", "line 2, column")),
    ("unknown key", "schema = 1\n[[brnch]]\n", ("unknown key 'brnch'", "did you mean 'branch'?")),
    ("wrong type", '[[branch]]\nname = 5\nlayer = "RUN"\n', ("[[branch]] number 1", "'name' must be a text")),
    ("wrong table", 'branch = "main"\n', ("'branch' must be", "[[branch]]")),
    ("newer schema", "schema = 99\n", ("schema 99", "reads schema 1")),
    ("unknown branch", _topology(["a", "b"]).replace('to = "b"', 'to = "bb"'), ("'bb'", "'b'")),
    ("not text", "schema = 1\n# \udcff\n", ("line 2 is not UTF-8",)),
    ("nothing", "", ("branch",)),
]


@pytest.mark.parametrize(("text", "parts"), [row[1:] for row in _FILES], ids=[row[0] for row in _FILES])
@pytest.mark.parametrize("how", ["given", "own"])
def test_a_topology_file(shell: Shell, repo: Path, tmp_path: Path, text: str, parts: tuple[str, ...], how: str) -> None:
    data = text.encode("utf-8", "surrogateescape")
    if how == "given":
        file = tmp_path / "broken.toml"
        file.write_bytes(data)
        done = shell.run("audit", repo, "--topology", file)
        parts = (*parts, str(file))
    else:
        clone = tmp_path / "clone"
        git(tmp_path, "clone", "-q", str(repo), str(clone))
        (clone / "branchsim.toml").write_bytes(data)
        done = shell.run("audit", clone)
        parts = (*parts, "branchsim.toml")
    _refused(shell, done, *parts)


@pytest.mark.parametrize("path", ["nowhere.toml", ".", "plain"])
def test_no_topology_file(shell: Shell, repo: Path, path: str) -> None:
    (shell.home / "plain").mkdir()
    done = shell.run("audit", repo, "--topology", path, cwd=shell.home)
    _refused(shell, done, path)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        (_BOMB + "availableTargetBranches: *i\n", ("refused",)),
        (
            'productionBranch: !!python/object/apply:os.system ["touch pwned"]\n',
            ("a tag that would construct an object", "line 1, column 19"),
        ),
        ("productionBranch: [main\n", ("line",)),
        ("productionBranch: main\nproductionBranch: prod\n", ("'productionBranch' is given twice", "line 2, column 1")),
        ("[" * 100_000, ()),
    ],
    ids=["bomb", "tag", "syntax", "twice", "depth"],
)
def test_a_hostile_yaml_file(shell: Shell, repo: Path, tmp_path: Path, text: str, parts: tuple[str, ...]) -> None:
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(repo), str(clone))
    (clone / "config").mkdir()
    (clone / "config" / ".sfdx-hardis.yml").write_text(text, encoding="utf-8")
    _refused(shell, shell.run("audit", clone, cwd=clone), "config/.sfdx-hardis.yml", *parts)
    assert not (clone / "pwned").exists()


class TestCache:
    """A cache that cannot be used costs one sentence and time, never a result."""

    @staticmethod
    def _with(shell: Shell, repo: Path, cache: Path) -> None:
        command = ("match", repo, "-s", "production", "-t", "integration", "--format", "json")
        plain = shell.run(*command, "--no-cache")
        assert (plain.returncode, plain.stderr) == (0, "")
        assert not shell.cache.exists()
        done = shell.run(*command, variables={"BRANCHSIM_CACHE": str(cache)})
        assert done.returncode == 0
        assert done.stdout == plain.stdout
        assert done.stderr.startswith("branchsim: note: the cache ")
        assert "going on without it" in done.stderr
        assert done.stderr.count("\n") == 1
        assert shell.left_behind() == []

    def test_a_full_disk(self, shell: Shell, repo: Path) -> None:
        shell.run("match", repo, "-s", "production", "-t", "integration")
        (file,) = shell.cache.glob("patches-*.sqlite")
        full = shell.home / "full"
        full.mkdir()
        # Whatever is written there fails as on a disk without space.
        (full / file.name).symlink_to("/dev/full")
        shutil.rmtree(shell.cache)
        self._with(shell, repo, full)

    def test_a_place_that_cannot_be_written(self, shell: Shell, repo: Path) -> None:
        self._with(shell, repo, Path("/proc/branchsim"))

    def test_a_file_in_its_place(self, shell: Shell, repo: Path) -> None:
        (shell.home / "file").write_text("", encoding="utf-8")
        self._with(shell, repo, shell.home / "file")

    def test_damage(self, shell: Shell, repo: Path) -> None:
        shell.run("match", repo, "-s", "production", "-t", "integration")
        (file,) = shell.cache.glob("patches-*.sqlite")
        damaged = shell.home / "damaged"
        damaged.mkdir()
        (damaged / file.name).write_bytes(b"no database" * 1000)
        shutil.rmtree(shell.cache)
        self._with(shell, repo, damaged)


class TestPlaces:
    """Where results are written."""

    def test_standard_output_is_full(self, shell: Shell, repo: Path) -> None:
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [sys.executable, "-m", "branchsim", "audit", str(repo), "--format", "json"],
                env=shell.variables,
                stdout=full,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                timeout=120,
            )
        assert done.returncode == _USAGE
        assert done.stderr == "branchsim: standard output cannot be written: No space left on device\n"
        assert shell.left_behind() == []

    def test_the_temporary_directory_is_missing(self, shell: Shell, repo: Path) -> None:
        shell.temporary.rmdir()
        done = shell.run("audit", repo)
        shell.temporary.mkdir()
        # Python falls back to another directory where it can; no half-made one stays.
        assert done.returncode in {0, 1, _USAGE}
        assert "Traceback" not in done.stderr

    def test_a_topology_cannot_be_written(self, shell: Shell, tmp_path: Path) -> None:
        done = shell.run("topology", "--preset", "trunk", "--write", tmp_path / "no" / "such" / "place.toml")
        _refused(shell, done, "place.toml cannot be written: No such file or directory")

    def test_a_topology_file_is_not_overwritten(self, shell: Shell, tmp_path: Path) -> None:
        file = tmp_path / "kept.toml"
        file.write_text("mine", encoding="utf-8")
        _refused(
            shell, shell.run("topology", "--preset", "trunk", "--write", file), "kept.toml exists already", "--force"
        )
        assert file.read_text(encoding="utf-8") == "mine"
        assert sorted(entry.name for entry in tmp_path.iterdir()) == ["kept.toml", "shell"]


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("audit", "--fromat", "json"), ("No such option: --fromat", "--format", "see 'branchsim audit --help'")),
        (("audit", "--format", "xml"), ("'xml' is not one of", "see 'branchsim audit --help'")),
        (("match", "."), ("--source", "see 'branchsim match --help'")),
        (("aduit",), ("aduit", "see 'branchsim --help'")),
        (("topology", "--guess", "--preset", "trunk"), ("exclude each other",)),
        (("topology", "--preset", "gitlfow"), ("gitflow",)),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_wrong_use(shell: Shell, arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    _refused(shell, shell.run(*arguments), *parts)


def test_control_characters_in_what_was_given_do_not_reach_the_terminal(shell: Shell, repo: Path) -> None:
    done = shell.run("match", repo, "-s", "\x1b[2J\x1b]0;owned\x07", "-t", "main")
    _refused(shell, done, "names no commit")
    assert done.stderr.removesuffix("\n").isprintable()
