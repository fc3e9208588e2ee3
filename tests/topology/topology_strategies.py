"""Hypothesis strategies for names, paths and whole topologies that hold together."""

from __future__ import annotations

from hypothesis import strategies as st

from branchsim.errors import TopologyError
from branchsim.topology import GUARDS, METHODS, Branch, Family, Flow, MetadataMask, Topology, Waiver

# Names as git allows them, with signs that mean something to TOML, HTML, mermaid or a shell.
NAME_CHARACTERS = "abzA19-_./é漢'\"<>&|#;$()!%+=,{}"


def _is_name(text: str) -> bool:
    try:
        Branch(text, layer="BUILD")
    except TopologyError:
        return False
    return True


names = st.text(NAME_CHARACTERS, min_size=1, max_size=10).filter(_is_name)
texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=12).filter(str.strip)
methods = st.lists(st.sampled_from(METHODS), unique=True, max_size=3).map(tuple)
path_globs = st.text("ab*?/.!", min_size=1, max_size=8).filter(lambda glob: bool(glob.strip("!/")))

waivers = st.one_of(
    st.builds(Waiver, commit=st.text("0123456789abcdefABCDEF", min_size=4, max_size=40), reason=texts),
    st.builds(Waiver, path=texts, reason=texts),
    st.builds(Waiver, author=texts, reason=texts),
)
types = st.dictionaries(
    st.sampled_from(["Profile", "Layout", "CustomField", "Flow"]), st.lists(texts, min_size=1, max_size=3), max_size=3
)


@st.composite
def topologies(draw: st.DrawFn, *, single_layer: bool = False) -> Topology:
    """A valid topology of plain branch names: promotions lead onward, everything is open to direct work."""
    count = draw(st.integers(1, 6))
    branch_names = draw(st.lists(names, min_size=count, max_size=count, unique=True))
    layers = st.just("X") if single_layer else st.sampled_from(["BUILD", "RUN"])
    branches = tuple(
        Branch(name, layer=draw(layers), level=draw(st.none() | st.integers(0, 100)), direct=True)
        for name in branch_names
    )
    onward = [(a, b) for i, a in enumerate(branch_names) for b in branch_names[i + 1 :]]
    anywhere = [(a, b) for a in branch_names for b in branch_names if a != b]
    promotes = draw(st.lists(st.sampled_from(onward), unique=True, max_size=6)) if onward else []
    retrofits = draw(st.lists(st.sampled_from(anywhere), unique=True, max_size=4)) if anywhere else []
    flows = tuple(
        [Flow("promote", source=a, target=b, methods=draw(methods)) for a, b in promotes]
        + [Flow("retrofit", source=a, target=b, methods=draw(methods)) for a, b in retrofits]
    )
    bare = Topology(branches, flows)
    families = []
    for pattern in draw(st.lists(names.map(lambda name: f"{name}/*"), unique=True, max_size=3)):
        start = draw(st.sampled_from(branch_names))
        to = draw(st.sampled_from(branch_names))
        owed = [name for name in bare.owed_to(to) if name != to]
        retrofit = draw(st.lists(st.sampled_from(owed), unique=True, max_size=2)) if owed else []
        families.append(Family(pattern, source=(start,), to=(to,), retrofit=tuple(retrofit), methods=draw(methods)))
    masks = [
        MetadataMask.of(draw(types), branch=draw(st.none() | st.sampled_from(branch_names)), origin=draw(texts))
        for _ in range(draw(st.integers(0, 2)))
    ]
    return Topology(
        branches,
        flows,
        tuple(families),
        name=draw(texts),
        guards=tuple(draw(st.lists(st.sampled_from(sorted(GUARDS)), unique=True))),
        ignore_paths=tuple(draw(st.lists(path_globs, max_size=3))),
        list_keys=tuple(draw(st.lists(st.sampled_from(["sku", "iso code", "Name"]), max_size=2))),
        waivers=tuple(draw(st.lists(waivers, max_size=2))),
        release_tags=draw(st.none() | st.just("v*")),
        masks=tuple(masks),
        notes=tuple(draw(st.lists(texts, max_size=2))),
    )
