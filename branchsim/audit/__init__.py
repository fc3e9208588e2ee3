"""The audit: what went wrong in a history, with the evidence. Called, it is `branchsim.audit.audit.audit`."""

from __future__ import annotations

from branchsim.facade import make_callable

make_callable(__name__, module="branchsim.audit.audit", function="audit")
