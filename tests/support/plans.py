"""Hypothesis strategies for plans that hold together, with texts that mean something to TOML, HTML or a shell."""

from __future__ import annotations

from hypothesis import strategies as st

from branchsim.plan import (
    Commit,
    FileChange,
    Gate,
    MergeBack,
    MergeDriver,
    Plan,
    PlanError,
    Promotion,
    PullRequest,
    Resolve,
    Revert,
    Start,
    Step,
    Tag,
)
from branchsim.plan.checks import LATEST, check_label, check_path, check_ref
from branchsim.plan.steps import FILE_MODES, TAKES
from branchsim.topology import METHODS


def _passes(check: object, text: str) -> bool:
    try:
        check(text, "here")  # type: ignore[operator]
    except PlanError:
        return False
    return True


# Names that are legal and mean something to somebody; drawn freely, most texts would have to be thrown away.
_STRANGE = (
    "a'b",
    'q"',
    "<b>",
    "a&b|c",
    "#;1",
    "$(x)",
    "%41!",
    "{a,b}",
    "é/漢",
    "a=b+c",
    "v1.9",
    "A-z_",
    "x/y/z",
    "(1)",
)
names = st.sampled_from(_STRANGE) | st.text("abzA19_é漢'\"<>&|#;$()!%+=,{}", min_size=1, max_size=8).filter(
    lambda t: _passes(check_ref, t)
)
labels = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=12).filter(
    lambda t: _passes(check_label, t)
)
texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
messages = texts.filter(str.strip)
_parts = st.text("ab-é \"'\n", min_size=1, max_size=4)
paths = st.lists(_parts, min_size=1, max_size=3).map("/".join).filter(lambda t: _passes(check_path, t))
shas = st.text("0123456789abcdef", min_size=40, max_size=40)
people = st.sampled_from(["Ann Author <ann@example.com>", "É <>", "a 'b' \"c\" <x@y>"])
contents = st.binary(max_size=20) | texts.map(str.encode)
files = st.builds(
    lambda path, content, mode: FileChange(path, content, None if content is None else mode),
    paths,
    st.none() | contents,
    st.none() | st.sampled_from(FILE_MODES),
)


def _fits(values: list[FileChange]) -> bool:
    written = {file.path for file in values if file.content is not None}
    return not any(path != other and path.startswith(other + "/") for path in written for other in written)


drivers = st.lists(
    st.builds(
        MergeDriver,
        st.sampled_from(["sfdx", "a.b-c_1"]),
        st.lists(st.sampled_from(["*.xml", "a b", 'q"\\', "/d/**/é"]), min_size=1, max_size=2).map(tuple),
        st.sampled_from(["", "merge %O %A %B", "x 'y'\n\"z\""]),
    ),
    max_size=2,
    unique_by=lambda driver: driver.name,
).map(tuple)
several_files = st.lists(files, min_size=1, max_size=3, unique_by=lambda file: file.path).filter(_fits).map(tuple)


@st.composite
def steps(draw: st.DrawFn, pool: list[str]) -> Step:
    one, other = draw(st.permutations(pool))[:2]
    several = draw(st.lists(st.sampled_from(pool), min_size=1, max_size=3, unique=True))
    author = draw(st.none() | people)
    kinds: list[st.SearchStrategy[Step]] = [
        st.builds(Commit, st.just(one), message=messages, files=several_files, author=st.just(author)),
        st.builds(Commit, st.just(one), message=messages, patch=contents.filter(bytes.strip)),
        st.builds(Commit, st.just(one), picks=st.lists(shas, min_size=1, max_size=2).map(tuple)),
        st.builds(
            PullRequest,
            st.just(one),
            st.just(other),
            method=st.sampled_from(METHODS),
            purpose=st.sampled_from(["work", "promote", "retrofit"]),
            on_conflict=st.sampled_from(["stop", "solve-in-source"]),
            message=texts,
        ),
        st.builds(MergeBack, st.just(one), st.just(other), message=texts),
        st.builds(Revert, st.just(one), commit=shas),
        st.builds(Gate, st.sampled_from(["frozen", "contains"]), branch=st.just(one), against=st.just(tuple(several))),
        st.builds(
            Gate, st.just("wrong-base"), branch=st.just(one), against=st.just(tuple(several)), base=st.just(other)
        ),
    ]
    return draw(st.one_of(kinds))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    pool = draw(st.lists(names, min_size=2, max_size=4, unique=True))
    made: list[Step] = []
    new = draw(names.filter(lambda name: name not in pool))
    if draw(st.booleans()):
        made.append(Start(new, at=pool[0], reuse=draw(st.booleans())))
        pool = [*pool, new]
    made += draw(st.lists(steps(pool), max_size=5))
    plan = Plan(draw(labels), tuple(made))
    merging = [step.name for step in plan if isinstance(step, (Commit, PullRequest, MergeBack, Revert))]
    for name in draw(st.lists(st.sampled_from(merging), max_size=2)) if merging else []:
        plan = plan.then(
            Resolve(
                name,
                take=draw(st.sampled_from(TAKES)),
                paths=tuple(draw(st.lists(paths, max_size=2))),
                files=draw(st.just(()) | several_files),
                folder=draw(st.none() | messages),
            )
        )
    if draw(st.booleans()):
        plan = plan.then(Tag(draw(names), at=pool[0], message=draw(texts)))
    if draw(st.booleans()):
        plan = plan.then(PullRequest(pool[0], pool[1], delete_source=True))
    return plan.replace(
        author=draw(st.none() | people),
        at=draw(st.none() | st.integers(0, LATEST)),
        drivers=draw(drivers),
        sign=draw(st.booleans()),
        forecast=tuple(
            Promotion(source=a, target=b)
            for a, b in draw(st.lists(st.permutations(pool).map(lambda p: (p[0], p[1])), max_size=2))
        ),
    )
