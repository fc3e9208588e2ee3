"""Branches that programs make: whatever raises versions, mends style or carries ports is no hotfix of a team."""

from __future__ import annotations

import re

# The prefixes with which these services begin their branches, by their own documentation.
_BOTS = re.compile(
    "(?:dependabot|dependabot-preview|renovate|snyk|pyup|greenkeeper|depfu|whitesource-remediate|mend"  # dependencies
    "|pre-commit-ci|imgbot|restyled|sourcery|deepsource|allstar|all-contributors|weblate|crowdin|transifex"  # upkeep
    "|mergify|patchback|backport-action"  # ports
    "|create-pull-request|changeset-release|release-please)"  # pull requests of workflows
    r"(?![A-Za-z0-9])",
    re.IGNORECASE,
)


def is_of_a_bot(pattern: str) -> bool:
    """Whether a branch, or a family of them, has the name that a known bot gives.

    Parameters
    ----------
    pattern : str
        A name (``renovate/lodash-4.x``) or a pattern (``dependabot/*``).
    """
    return _BOTS.match(pattern) is not None


__all__ = ["is_of_a_bot"]
