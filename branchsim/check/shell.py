"""What every shell script begins with that does a history again with git alone."""

from __future__ import annotations

PRELUDE = r"""#
# Needs git and nothing else. Usage: sh {name}.sh [DIRECTORY]
# The directory must be empty or absent; without one a temporary directory is made and kept.
# Exit status: 0 {success}, 1 git did something else, 2 the directory cannot be used.
set -eu
umask 022
for name in $(env | sed -n 's/^\(GIT_[A-Z_0-9]*\)=.*/\1/p'); do unset "$name"; done
GIT_CONFIG_NOSYSTEM=1 GIT_CONFIG_GLOBAL=/dev/null GIT_ATTR_NOSYSTEM=1 LC_ALL=C TZ=UTC GIT_EDITOR=: GIT_MERGE_AUTOEDIT=no
export GIT_CONFIG_NOSYSTEM GIT_CONFIG_GLOBAL GIT_ATTR_NOSYSTEM LC_ALL TZ GIT_EDITOR GIT_MERGE_AUTOEDIT

directory=${{1:-}}
if [ -z "$directory" ]; then
    directory=$(mktemp -d) || exit 2
elif [ -e "$directory" ] && [ -n "$(ls -A "$directory")" ]; then
    echo "$directory is not empty; name an empty or a new directory" >&2
    exit 2
fi
mkdir -p "$directory" || exit 2
cd "$directory" || exit 2
git init -q --template= .
git config core.autocrlf false
git config core.fileMode false
git config commit.gpgSign false
git config merge.conflictStyle merge
git config rerere.enabled false

tell() {{ printf '%s\n' "$*"; }}
wrong() {{ printf 'git did not do what was expected: %s\n' "$*" >&2; exit 1; }}
"""
"""A format with ``name``, that of the script, and ``success``, what exit status 0 says."""

__all__ = ["PRELUDE"]
