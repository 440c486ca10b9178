"""Published scaling of training beside the model of cost, fitted on half of each curve: tables of Markdown.

python -m benchmarks.scaling_published
"""

from __future__ import annotations

import math

from raysearch.scaling.published import CURVES, Checked, check, efficiency


def of_curve(checked: Checked) -> list[str]:
    curve, constants, errors = checked.curve, checked.fitted.constants, checked.fitted.errors
    found = ", ".join(
        f"{name} {getattr(constants, name):.5g}" + ("" if math.isnan(error) else f" +- {error:.2g}")
        for name, error in errors.items()
    )
    rows = [
        f"| {workers} | {seconds:.5g} | {100 * efficiency(curve.seconds, workers):.1f} % "
        f"| {checked.modelled[workers]:.5g} | {_deviation(checked, workers)} |"
        for workers, seconds in curve.seconds.items()
    ]
    head = ["| workers | published | efficiency | model | deviation |", "|---|---|---|---|---|"]
    return [f"**{curve.name}** ({curve.source}; {curve.remark}). {found}.", "", *head, *rows, ""]


def _deviation(checked: Checked, workers: int) -> str:
    deviation = checked.deviations.get(workers)
    return "fitted on" if deviation is None else f"{100 * deviation:+.1f} %"


if __name__ == "__main__":
    for each in CURVES:
        print("\n".join(of_curve(check(each))))
