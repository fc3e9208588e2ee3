"""Kill executions before every single thing they do to a repository, and see whether resume and undo mend it.

    python benchmarks/crash_execute.py [--every N] [--scenario NAME]

Each run is traced (Linux, ptrace): before the n-th system call that changes a file below the repository, of branchsim
or of any git it started, all of them are killed at once. Then the repository is resumed, and in another run undone, and
must be in one of the two states: every ref, a clean work tree, nothing missing for git fsck, no lock and no kept pack.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from branchsim.errors import InputError
from branchsim.plan import Commit, FileChange, Plan, PullRequest
from branchsim.simulate import Simulation, execute, resume, simulate, undo
from branchsim.topology import Topology

_LIBC = ctypes.CDLL(None, use_errno=True)
_TRACEME, _SYSCALL, _SETOPTIONS, _GETREGSET = 0, 24, 0x4200, 0x4204
_OPTIONS = 1 | 2 | 4 | 8 | 0x100000  # syscall stops are told apart; forks are followed; all die with the tracer
_WALL = 0x40000000
_CALL = signal.SIGTRAP | 0x80
_CREAT_OR_WRITE = os.O_CREAT | os.O_WRONLY | os.O_RDWR | os.O_TRUNC


class _Vector(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


# For each architecture: where number and arguments of a call are among the registers, and the calls that change files:
# by the number of the argument that is a path (None: a descriptor comes first), and of the one that holds flags.
_X86 = (
    15,
    (14, 13, 12, 7),
    {
        1: (None, None), 18: (None, None), 20: (None, None), 77: (None, None),  # write, pwrite64, writev, ftruncate
        2: (0, 1), 257: (1, 2), 82: (0, None), 264: (1, None), 316: (1, None),  # open, openat, rename and its kin
        83: (0, None), 258: (1, None), 84: (0, None), 87: (0, None), 263: (1, None),  # mkdir, rmdir, unlink
        86: (1, None), 265: (3, None), 88: (1, None), 266: (2, None), 90: (0, None),  # link, symlink, chmod
    },
)  # fmt: skip
_ARM = (
    8,
    (0, 1, 2, 3),
    {
        64: (None, None), 68: (None, None), 66: (None, None), 46: (None, None),
        56: (1, 2), 38: (1, None), 276: (1, None), 34: (1, None), 35: (1, None), 37: (3, None), 36: (2, None),
        53: (1, None),
    },
)  # fmt: skip
_ARCHITECTURES = {"x86_64": _X86, "aarch64": _ARM}


def killed_before(action: Callable[[], object], root: Path, number: int | None) -> int:
    """Run something and kill all of it before its n-th change below a directory; how many changes there were."""
    child = os.fork()
    if child == 0:
        _LIBC.ptrace(_TRACEME, 0, None, None)
        os.kill(os.getpid(), signal.SIGSTOP)
        try:
            action()
        except BaseException as error:  # noqa: BLE001  the child must not go on in the parent's place
            sys.stderr.write(f"{error}\n")
            os._exit(1)
        os._exit(0)
    os.waitpid(child, 0)
    _LIBC.ptrace(_SETOPTIONS, child, None, ctypes.c_void_p(_OPTIONS))
    _LIBC.ptrace(_SYSCALL, child, None, None)
    living, inside, count = {child}, set[int](), 0
    while living:
        pid, status = os.waitpid(-1, _WALL)
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            living.discard(pid)
            if pid == child and status:
                raise SystemExit("the execution failed without being killed")
            continue
        living.add(pid)
        stop = os.WSTOPSIG(status)
        if stop == _CALL:
            # Every call stops twice, when it begins and when it ends.
            inside ^= {pid}
            count += pid in inside and _changes(pid, root)
            if pid in inside and count == number:
                for each in living:
                    os.kill(each, signal.SIGKILL)
                _reap()
                return count
        passed = 0 if stop in {_CALL, signal.SIGTRAP, signal.SIGSTOP} else stop
        _LIBC.ptrace(_SYSCALL, pid, None, ctypes.c_void_p(passed))
    return count


def _reap() -> None:
    while True:
        try:
            os.waitpid(-1, _WALL)
        except ChildProcessError:
            return


def _changes(pid: int, root: Path) -> bool:
    """Whether the system call that a process is about to make changes something below a directory."""
    where, arguments, calls = _ARCHITECTURES[platform.machine()]
    room = ctypes.create_string_buffer(1024)
    vector = _Vector(ctypes.cast(room, ctypes.c_void_p), len(room))
    if _LIBC.ptrace(_GETREGSET, pid, ctypes.c_void_p(1), ctypes.byref(vector)):
        return False
    registers = struct.unpack_from("27Q", room.raw)
    call = registers[where]
    if call not in calls:
        return False
    path_at, flags_at = calls[call]
    if flags_at is not None and not registers[arguments[flags_at]] & _CREAT_OR_WRITE:
        return False
    try:
        if path_at is None:
            target = os.readlink(f"/proc/{pid}/fd/{registers[arguments[0]]}")  # noqa: PTH115  no file, a name
        else:
            with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:  # noqa: PTH123
                memory.seek(registers[arguments[path_at]])
                name = os.fsdecode(memory.read(4096).partition(b"\0")[0])
            target = os.path.join(os.readlink(f"/proc/{pid}/cwd"), name)  # noqa: PTH115, PTH118
    except OSError:
        return False
    return target.startswith(f"{root}/")


# -- what is executed ------------------------------------------------------------------------------------------------


def _git(path: Path, *arguments: str, stdin: str = "") -> str:
    variables = {"GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull, "PATH": os.environ["PATH"]}
    who = ("-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "protocol.file.allow=always")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=path, check=True, capture_output=True, text=True, input=stdin, env=variables
    )
    return done.stdout.strip()


def _repository(path: Path) -> None:
    path.mkdir()
    _git(path, "init", "-q", "-b", "integration")
    (path / "a.txt").write_text("1\n2\n3\n4\n5\n")
    (path / "d").mkdir()
    (path / "d/gone.txt").write_text("gone\n")
    _git(path, "add", ".")
    _git(path, "commit", "-q", "-m", "Start")
    for name in ("uat", "preprod", "production", "topic"):
        _git(path, "branch", name)
    (path / "feature.txt").write_text("feature\n")
    _git(path, "add", ".")
    _git(path, "commit", "-q", "-m", "Feature")


def _plan() -> Plan:
    files = (
        FileChange("a.txt", b"1\n2\n3\n4\nfixed\n"),
        FileChange("d/gone.txt", None),
        FileChange("new/n.txt", b"n\n"),
    )
    work = [Commit("hotfix/login", message="Fix", files=files)]
    plan = Plan.hotfix("login", Topology.build_run(), work=work, tag="v1", author="R <r@example.com>", at=1_800_000_000)
    gone = Commit("topic", message="Topic", files=(FileChange("t.txt", b"t\n"),))
    return plan.then(gone, PullRequest("topic", "uat", delete_source=True))


def _refs(path: Path) -> dict[str, str]:
    lines = _git(path, "for-each-ref", "--format=%(refname) %(objectname)", "refs/heads", "refs/tags").splitlines()
    return dict(line.split(" ") for line in lines)


class Scenario:
    """A repository, what is done to it, and the two states it may be in afterwards."""

    def __init__(self, name: str, room: Path) -> None:
        self.name = name
        self.template, self.path = room / "template", room / "work"
        self.remote = "origin" if name.endswith("push") else None
        self.template.mkdir()
        _repository(self.template / "repo")
        if self.remote:
            _git(self.template, "clone", "-q", "--bare", "repo", "server.git")
            _git(self.template / "repo", "remote", "add", "origin", "../server.git")
            _git(self.template / "repo", "fetch", "-q", "origin")
        else:
            _git(self.template / "repo", "switch", "-q", "preprod")
        if name == "packed":
            _git(self.template / "repo", "pack-refs", "--all")
        self.simulation: Simulation = simulate(_plan(), self.template / "repo")
        self.before = _refs(self.watched(self.template))
        self.fresh()
        execute(self.simulation, self.repo, self.remote)
        self.after = _refs(self.watched(self.path))
        if name.startswith("undo"):
            shutil.rmtree(self.template)
            shutil.copytree(self.path, self.template, symlinks=True)

    @property
    def repo(self) -> Path:
        """The repository that is worked on."""
        return self.path / "repo"

    def watched(self, where: Path) -> Path:
        """The repository whose refs move."""
        return where / ("server.git" if self.remote else "repo")

    def fresh(self) -> None:
        """Start again."""
        shutil.rmtree(self.path, ignore_errors=True)
        shutil.copytree(self.template, self.path, symlinks=True)

    def act(self) -> None:
        """What is killed."""
        if self.name.startswith("undo"):
            undo(self.repo)
        else:
            execute(self.simulation, self.repo, self.remote)

    def mend(self, *, forward: bool) -> str:
        """Resume or undo, and say which of the two states it is; raises where it is neither."""
        if self.remote:
            # The server was killed as well; to take its locks away is for whoever keeps it.
            server = self.watched(self.path)
            for lock in [*server.rglob("*.lock"), *server.glob("packed-refs.new")]:
                lock.unlink()
        try:
            (resume if forward else undo)(self.repo)
        except InputError as error:
            if "there is nothing to" not in str(error) and "undone already" not in str(error):
                raise
        refs = _refs(self.watched(self.path))
        _claim(refs in (self.before, self.after), f"neither of the two states: {refs}")
        if not self.remote:
            changed = _git(self.repo, "status", "--porcelain")
            _claim(not changed, f"the work tree is not clean: {changed}")
        _git(self.repo, "fsck", "--strict", "--no-dangling", "--connectivity-only")
        left = [p for p in (self.repo / ".git").rglob("*") if p.suffix in {".keep", ".lock"} or p.stem == "pending"]
        _claim({p.name for p in left} <= {"push.lock"}, f"left behind: {left}")
        return "after" if refs == self.after else "before"


def _claim(holds: bool, otherwise: str) -> None:
    if not holds:
        raise SystemExit(otherwise)


def main() -> None:
    """Run it all and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="only every n-th point")
    parser.add_argument("--scenario", action="append", choices=("local", "packed", "push", "undo", "undo-push"))
    options = parser.parse_args()
    everything = 0
    for name in options.scenario or ("local", "packed", "push", "undo", "undo-push"):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="branchsim-crash-") as room:
            scenario = Scenario(name, Path(room))
            scenario.fresh()
            points = killed_before(scenario.act, scenario.path, None)
            found = {"before": 0, "after": 0}
            for number in range(1, points + 1, options.every):
                for forward in (True, False):
                    scenario.fresh()
                    killed_before(scenario.act, scenario.path, number)
                    try:
                        found[scenario.mend(forward=forward)] += 1
                    except (Exception, SystemExit) as error:
                        kept = Path(tempfile.mkdtemp(prefix="branchsim-crash-kept-"))
                        shutil.copytree(scenario.path, kept / "work", symlinks=True)
                        raise SystemExit(f"{name}: point {number}, forward {forward}: {error}; kept {kept}") from error
            runs = sum(found.values())
            everything += runs
            print(
                f"{name}: {points} points, killed at {runs // 2}, each resumed and undone: all {runs} mended "
                f"({found['before']} as before, {found['after']} as after), {time.monotonic() - began:.0f} s",
                flush=True,
            )
    print(f"{everything} executions killed; all are in one of the two states, nothing lost")


if __name__ == "__main__":
    main()
