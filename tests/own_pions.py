"""The file of the second example of docs/own-task.md, made as that page makes it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs/own-task.md"


def make_pions(folder: Path) -> Path:
    """Run the page's own lines in a folder."""
    (lines,) = re.findall(r"```python\n([^`]*np\.savez[^`]*)```", PAGE.read_text())
    subprocess.run([sys.executable, "-c", lines], cwd=folder, check=True)
    return folder / "pions.npz"
