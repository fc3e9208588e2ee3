"""Sample repositories with a known truth: a small one that can be read by eye, and a year of a Salesforce project.

`load` builds one from its stored stream, `read_truth` says what happened in it. What is stored is made by the
generators in this package (``data/regenerate.py`` runs them); nothing of the machine gets in.
"""

from __future__ import annotations

from branchsim.sample.samples import SAMPLES, Sample, build, load, read_stream, read_truth, sample
from branchsim.sample.truth import COLUMNS, Truth

__all__ = ["COLUMNS", "SAMPLES", "Sample", "Truth", "build", "load", "read_stream", "read_truth", "sample"]
