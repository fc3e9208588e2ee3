"""Confidence intervals of what an experiment measures. Runs are independent; what happens within one is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def of_mean(values: NDArray[np.float64], confidence: float) -> tuple[float | None, float | None]:
    """Student's interval of the mean of independent values that are never negative; unknown where all are the same."""
    count = len(values)
    if count == 1 or (values == values[0]).all():
        return None, None
    from scipy import stats

    half = float(stats.t.ppf((1 + confidence) / 2, count - 1) * values.std(ddof=1) / count**0.5)
    mean = float(values.mean())
    return max(0.0, mean - half), mean + half


def of_share(hit: NDArray[np.float64], of: NDArray[np.float64], confidence: float) -> tuple[float | None, float | None]:
    """The interval of a share of things that come in clusters.

    Parameters
    ----------
    hit, of : array of float
        For each cluster how many things it has of the kind, and how many in all (at least one).
    confidence : float
        The level.

    Returns
    -------
    tuple of (float or None, float or None)
        Wilson's interval for as many independent things as the clusters are worth (Korn and Graubard), so it is there
        for a share of nought too. Unknown where there is one cluster.
    """
    clusters = len(of)
    if clusters <= 1:
        return None, None
    from scipy import stats

    total = of.sum()
    share = hit.sum() / total
    worth = total
    if 0 < share < 1:
        spread = clusters / (clusters - 1) * ((hit - share * of) ** 2).sum() / total**2
        # What clusters share makes them worth less; that they happen to differ little makes them worth no more.
        worth = min(total, share * (1 - share) / spread) if spread > 0 else total
    z = stats.t.ppf((1 + confidence) / 2, clusters - 1)
    middle = (share + z * z / (2 * worth)) / (1 + z * z / worth)
    half = z / (1 + z * z / worth) * (share * (1 - share) / worth + z * z / (4 * worth * worth)) ** 0.5
    return float(max(0.0, middle - half)), float(min(1.0, middle + half))


__all__ = ["of_mean", "of_share"]
