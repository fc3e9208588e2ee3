"""What a revision says itself of its generated and vendored files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from branchsim.effects import Attributes
from branchsim.git.objects import ObjectReader
from branchsim.git.process import run

if TYPE_CHECKING:
    from branchsim.git.scratch import Scratch
    from branchsim.names import Sha

_NAME = b".gitattributes"
_LARGEST = 200_000
_MOST = 200


def attributes_of(scratch: Scratch, tree: Sha | None) -> Attributes | None:
    """Linguist's attributes as the ``.gitattributes`` files of a revision give them.

    Parameters
    ----------
    scratch : Scratch
        Where to read.
    tree : Sha or None
        The tree of the revision.

    Returns
    -------
    Attributes or None
        None where the revision has no such file that can be read.

    Raises
    ------
    GitError
        A tree is missing or corrupt.
    """
    if tree is None:
        return None
    names = [
        name
        for name in run(["ls-tree", "-r", "-z", "--full-tree", "--name-only", tree], scratch.path).split(b"\0")
        if name == _NAME or name.endswith(b"/" + _NAME)
    ]
    if not names:
        return None
    with ObjectReader(scratch) as reader:
        found = reader.entries((tree, name) for name in names[:_MOST])
        by_sha: dict[Sha, list[bytes]] = {}
        for (_, name), entry in found.items():
            by_sha.setdefault(entry.sha, []).append(name)
        files = {
            name.decode("utf-8", "replace").rpartition("/")[0]: content.decode("utf-8", "replace")
            for sha, content in reader.blobs(sorted(by_sha), limit=_LARGEST)
            if isinstance(content, bytes)
            for name in by_sha[sha]
        }
    return Attributes(files) if files else None


__all__ = ["attributes_of"]
