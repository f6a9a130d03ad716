"""How good an attack is: structural similarity of images, and the area under the ROC curve."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from attacks.digits import SIDE, Images

WINDOW = 7
_C1, _C2 = 0.01**2, 0.03**2


def ssim(one: Images, other: Images) -> NDArray[np.float64]:
    """Mean structural similarity (Z. Wang et al., 2004) of each of m images with each of n others, shape (m, n).

    Pixels from 0 to 1, even windows of 7 × 7, sample covariances: scikit-image's defaults. 1 is the same image.
    """
    a, b = (_windows(images) for images in (one, other))
    mean_a, mean_b = a.mean(-1)[:, None], b.mean(-1)[None]
    size = a.shape[-1]
    a, b = a - a.mean(-1, keepdims=True), b - b.mean(-1, keepdims=True)
    varied_a, varied_b = ((x**2).sum(-1) / (size - 1) for x in (a, b))
    together = np.einsum("mwp,nwp->mnw", a, b) / (size - 1)
    brightness = (2 * mean_a * mean_b + _C1) / (mean_a**2 + mean_b**2 + _C1)
    structure = (2 * together + _C2) / (varied_a[:, None] + varied_b[None] + _C2)
    similarity: NDArray[np.float64] = (brightness * structure).mean(-1)
    return similarity


def auc(lower: NDArray[np.float64], higher: NDArray[np.float64]) -> float:
    """The chance that one of `lower` is below one of `higher`; a tie counts as half (Mann and Whitney, 1947)."""
    ranked = np.sort(higher)
    above = len(ranked) - np.searchsorted(ranked, lower, "right")
    ties = len(ranked) - np.searchsorted(ranked, lower, "left") - above
    return float((above + ties / 2).mean() / len(ranked))


def _windows(images: Images) -> NDArray[np.float64]:
    """Shape (images, windows, pixels)."""
    views = sliding_window_view(images.reshape(-1, SIDE, SIDE), (WINDOW, WINDOW), (1, 2))
    return views.reshape(len(images), -1, WINDOW * WINDOW)
