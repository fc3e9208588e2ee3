"""A counterexample as something to hand on: a shell script, a test for pytest, a story in Markdown."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from branchsim.check.mistakes import MISTAKES
from branchsim.check.replay import AUTHOR, START
from branchsim.check.shell import PRELUDE
from branchsim.check.strategy import PRESETS
from branchsim.check.trace import PATH, effect

if TYPE_CHECKING:
    from branchsim.check.explore import Counterexample
    from branchsim.check.strategy import Strategy
    from branchsim.check.trace import Action, Trace

_HEAD = (
    """\
#!/bin/sh
# {title}
# Strategy: {strategy}. Mistakes: {mistakes}.
"""
    + PRELUDE
    + """\
GIT_AUTHOR_NAME={author} GIT_AUTHOR_EMAIL={email}
GIT_COMMITTER_NAME={author} GIT_COMMITTER_EMAIL={email}
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
at() {{ GIT_AUTHOR_DATE="$1 +0000" GIT_COMMITTER_DATE="$1 +0000"; export GIT_AUTHOR_DATE GIT_COMMITTER_DATE; }}
write() {{ cat >{path}; git add {path}; }}
holds() {{
    cat >.git/expected
    git cat-file blob "HEAD:{path}" | cmp -s - .git/expected || wrong "$1 holds something else"
}}
"""
)


def shell_script(found: Counterexample) -> str:
    """A POSIX shell script that makes the history of a counterexample with git alone.

    Parameters
    ----------
    found : Counterexample
        The counterexample.

    Returns
    -------
    str
        The script. It checks every tree and every conflict, and what is there at the end.
    """
    trace = found.trace
    name, _, email = AUTHOR.rstrip(">").partition(" <")
    title = f"{found.property}, broken in {len(found)} steps: {found.reason}"
    lines = [
        _HEAD.format(
            title=" ".join(title.split()),
            strategy=" ".join(str(found.strategy).split()),
            mistakes=", ".join(found.mistakes) or "none",
            name=found.property,
            success="the history came out as told",
            author=shlex.quote(name),
            email=shlex.quote(email),
            path=PATH,
        ),
        f"git symbolic-ref HEAD {shlex.quote('refs/heads/' + trace.branches[0])}",
        f"at {START}",
        *_written(trace.text(())),
        "git commit -q -m Begin",
        "c0=$(git rev-parse HEAD)",
        *(f"git branch {shlex.quote(branch)}" for branch in trace.branches[1:]),
    ]
    told = -1
    for action in trace.actions:
        if action.step != told:
            told = action.step
            lines += ["", f"tell {shlex.quote(trace.story()[told])}"]
        lines += _commands(trace, action)
    return "\n".join([*lines, "", *_end(trace)]) + "\n"


def _commands(trace: Trace, action: Action) -> list[str]:
    branch, source = shlex.quote(action.branch), shlex.quote(action.source)
    checkout = f"git checkout -q {branch}"
    if action.kind == "branch":
        return [f"git checkout -q -b {branch} {source}"]
    if action.kind == "delete":
        return ["git checkout -q --detach", f"git branch -q -D {branch}"]
    if action.kind == "tag":
        return [f"git tag {branch} {source}"]
    if action.kind == "move":
        return ["git checkout -q --detach", f'git branch -q -f {branch} "${action.commit}"']
    at = f"at {trace.times.get(action.label, START + 3600 * int(action.label[1:]))}"
    if action.kind == "commit":
        made = [*_written(trace.text(action.regions)), _commit(action)]
    elif action.kind == "fast-forward":
        made = [f"git merge -q --ff-only {source} || wrong 'this should be a fast-forward'"]
    else:
        made = _landing(trace, action)
    check = [f"holds {branch} <<'EOF'", *trace.text(action.regions).splitlines(), "EOF"]
    return [checkout, at, *made, f"{action.label}=$(git rev-parse HEAD)", *check]


def _landing(trace: Trace, action: Action) -> list[str]:
    source = shlex.quote(action.source)
    land = {
        "merge": f"git merge -q --no-commit --no-ff {source}",
        "squash": f"git merge -q --squash {source}",
        "pick": f'git cherry-pick --no-commit "${action.commit}"',
        "revert": f'git revert --no-commit "${action.commit}"',
    }[action.kind]
    quiet = f"{land} >/dev/null 2>&1"
    if not action.conflicts:
        return [f"{quiet} || wrong {shlex.quote('this should not conflict: ' + land)}", _commit(action)]
    return [
        f"if {quiet}; then wrong {shlex.quote('this should conflict: ' + land)}; fi",
        f'[ -n "$(git ls-files -u)" ] || wrong {shlex.quote("this should conflict: " + land)}',
        *_written(trace.text(action.regions)),
        _commit(action),
    ]


def _commit(action: Action) -> str:
    """Commit what is staged; the message may name other commits by their labels."""
    message = shlex.quote(action.message)
    start, brace, rest = message.partition("{c")
    if brace:
        label, _, end = rest.partition("}")
        message = f"{start}'\"$c{label}\"'{end}"
    # A landing whose conflict was resolved to the side that was there changes nothing and is a commit all the same.
    return f"git commit -q --allow-empty -m {message}"


def _written(text: str) -> list[str]:
    return ["write <<'EOF'", *text.splitlines(), "EOF"]


def _end(trace: Trace) -> list[str]:
    """Say what every branch holds, and check it."""
    lines = ["tell", "tell 'In the end:'"]
    last: dict[str, tuple[str, ...]] = dict.fromkeys(trace.branches, ())
    holds: dict[str, tuple[str, ...]] = {}
    for action in trace.actions:
        if action.regions and action.kind != "tag":
            holds[action.branch] = tuple(change for region in action.regions for change in region)
    for branch in last:
        for change in trace.changes:
            there = change in holds.get(branch, ())
            ask = f"git cat-file blob {shlex.quote(branch + ':' + PATH)} | grep -Fxq {shlex.quote(effect(change))}"
            say = f"{change} is {'on' if there else 'not on'} {branch}"
            complaint = f"wrong {shlex.quote(f'{change} on {branch}')}"
            lines.append(f"{ask} || {complaint}" if there else f"if {ask}; then {complaint}; fi")
            lines.append(f"tell {shlex.quote('  ' + say)}")
    lines.append('tell "The repository is in $directory"')
    return lines


def regression_test(found: Counterexample) -> str:
    """A test for pytest that fails as long as the strategy lets the history of a counterexample happen.

    Parameters
    ----------
    found : Counterexample
        The counterexample.

    Returns
    -------
    str
        A module with one test. Change the strategy in it, or take it from where it is defined, and it passes once a
        guard or another rule stops the history.
    """
    name = "_".join(part for part in (found.property, *found.mistakes)).replace("-", "_")
    steps = "\n".join(
        f"    # {number}. {step}.\n    {step!r}," for number, step in enumerate(found.trace.steps, start=1)
    )
    strategy = _strategy(found.strategy)
    names = sorted(
        name for name in ("Branch", "Family", "Flow", "MetadataMask", "Topology", "Waiver") if f"{name}(" in strategy
    )
    preset = ["PRESETS"] if strategy.startswith("PRESETS") else []
    imports = [f"from branchsim.topology import {', '.join(names)}"] if names else []
    return "\n".join(
        [
            f'"""{found.property}: {found.reason}"""',
            "",
            f"from branchsim.check import {', '.join(preset or ['Strategy'])}, Scope, Step, assert_prevented",
            *imports,
            "",
            f"STRATEGY = {strategy}",
            f"MISTAKES = {found.mistakes!r}",
            f"SCOPE = {found.scope!r}",
            "STEPS = (",
            steps,
            ")",
            "",
            "",
            f"def test_{name}() -> None:",
            f"    assert_prevented(STRATEGY, STEPS, {found.property!r}, mistakes=MISTAKES, scope=SCOPE)",
            "",
        ]
    )


def _strategy(strategy: Strategy) -> str:
    """The expression that makes a strategy; short where it is one of those that come with the library."""
    for name, make in PRESETS.items():
        preset = make()
        if strategy == preset:
            return f"PRESETS[{name!r}]()"
        if strategy == preset.replace(guards=strategy.guards):
            return f"PRESETS[{name!r}]().replace(guards={strategy.guards!r})"
    return repr(strategy)


def markdown(found: Counterexample) -> str:
    """The history of a counterexample as a story in Markdown.

    Parameters
    ----------
    found : Counterexample
        The counterexample.

    Returns
    -------
    str
        Headings, the steps, what every branch holds after each, the mistakes, and how sure it is.
    """
    trace = found.trace
    lines = [
        f"# {found.property}: broken in {len(found)} steps",
        "",
        found.reason,
        "",
        f"- Strategy: {found.strategy.name}",
        f"- Guards: {', '.join(found.strategy.guards) or 'none'}",
        f"- Mistakes: {', '.join(found.mistakes) or 'none'}",
        f"- Replayed with real git: {'yes, every tree and every conflict is the same' if found.replayed else 'no'}",
        f"- Audited: {'yes, the audit finds exactly what is lost' if found.audited else 'no'}",
        "",
        "## What happens",
        "",
        *trace.story(),
        "",
        "## What each branch holds after each step",
        "",
        f"| step | {' | '.join(f'`{branch}`' for branch in trace.branches)} |",
        f"|---|{'---|' * len(trace.branches)}",
    ]
    for number, holds in enumerate(trace.holdings(), start=1):
        cells = [", ".join(holds[branch]) or "-" for branch in trace.branches]
        lines.append(f"| {number} | {' | '.join(cells)} |")
    if found.mistakes:
        lines += ["", "## The mistakes", ""]
    for name in found.mistakes:
        mistake = MISTAKES[name]
        lines.append(f"- **{name}**. {mistake.what} {mistake.consequence}")
        if mistake.guard:
            held = "is enforced here" if mistake.guard in found.strategy.guards else "is not enforced here"
            lines.append(f"  The guard `{mistake.guard}` forbids it; it {held}.")
    return "\n".join(lines) + "\n"
