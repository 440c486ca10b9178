"""Writes a report as its own process does, but when it is told to: without drawing, and without MLflow.

It looks for ``go`` in the study's folder, and fails where that says why.
"""

import subprocess
import sys
from pathlib import Path
from types import ModuleType
from unittest.mock import patch

from waiting import wait_for

from raysearch.library import report_writer


def build_report(folder: Path) -> Path:
    order = folder / "go"
    wait_for(order.exists)
    if reason := order.read_text():
        raise ValueError(reason)
    (folder / "report").mkdir(exist_ok=True)
    page = folder / report_writer.PAGE
    page.write_text("a report")
    return page


if __name__ == "__main__":
    build = ModuleType("raysearch.report.build")
    build.build_report = build_report  # type: ignore[attr-defined]
    sys.modules[build.__name__] = build
    with patch("raysearch.tracking.mirror.start_mirror", lambda _: subprocess.Popen(["true"])):
        sys.exit(report_writer.main(Path(sys.argv[1]), int(sys.argv[2])))
