"""branchsim: did our hotfix survive?"""

from __future__ import annotations

__version__ = "0.1.0"
