"""The command line as a process without its mirror to MLflow, which has tests of its own.

A mirror imports MLflow and makes a database: as dear as the study that a test starts.
"""

from unittest.mock import patch

from raysearch.cli.main import main

if __name__ == "__main__":
    with patch("raysearch.tracking.mirror.start_mirror", lambda folder: None):
        main()
