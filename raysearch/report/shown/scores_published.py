"""Figures of merit by class as papers print them: their names, and what a reader must know of them."""

from __future__ import annotations

from collections.abc import Sequence

from raysearch.metrics.classification import published_fpr
from raysearch.report.published import Published
from raysearch.report.shown.class_results import FPRS

FPR_AS_PUBLISHED = tuple(f"{100 * published_fpr(fpr):.2f} %" for fpr in FPRS)

FAMILIES: dict[str, str] = {
    "auc": "AUC",
    "tpr10": "TPR at FPR 10 %",
    "tpr10_grid": f"TPR 'at 10 %' as published, read at FPR {FPR_AS_PUBLISHED[0]}",
    "tpr1": "TPR at FPR 1 %",
    "tpr1_grid": f"TPR 'at 1 %' as published, read at FPR {FPR_AS_PUBLISHED[1]}",
    "rejection30": "1/FPR at TPR 30 %",
    "rejection50": "1/FPR at TPR 50 %",
}

HOW_READ = (
    f"TPRs that were read at FPR {FPR_AS_PUBLISHED[0]} and {FPR_AS_PUBLISHED[1]} stand beside ours read "
    "there, exact ones beside exact ones."
)

# What a reader must know of a source, whatever its figures stand beside. From the released code and curves.
OF_SOURCES: dict[str, str] = {
    "1908.05318": (
        "On arXiv:1908.05318: the errors of JEDI-net's AUCs (0.0001) are a constant of the plotting "
        "notebook, for the ten folds in the released files are identical byte by byte: they are no spread. "
        "JEDI-net was tested on 80,000 jets of one block of the validation files; the ten models of the DNN "
        "on one fold, which nine of them had trained on. Operations of JEDI-net were counted with the "
        "products of its 0/1 matrices, which ours does not carry out."
    )
}


def caveats(entries: Sequence[Published]) -> list[str]:
    """Say what a reader must know before comparing."""
    read = any(name.startswith("tpr") for entry in entries for name in entry.metrics)
    known = [told for key, told in OF_SOURCES.items() if any(key in entry.source for entry in entries)]
    return [*([HOW_READ] if read else []), *known]
