"""``python -m raysearch.testing SPACE.yaml``: the contract of a space file's task, without pytest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from raysearch.errors import RaysearchError
from raysearch.testing.contract import TaskContract
from raysearch.testing.need import BrokenContractError


def main(arguments: list[str] | None = None) -> int:
    """Carry all tests out; the exit code is 1 if one fails, 2 if the space file is refused."""
    parser = argparse.ArgumentParser(prog="python -m raysearch.testing", description=main.__doc__)
    parser.add_argument("space", type=Path, help="a space file")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="as of raysearch tune"
    )
    given = parser.parse_args(arguments)
    contract: type[TaskContract] = type(
        "Contract", (TaskContract,), {"space": given.space.resolve(), "changes": given.set}
    )
    try:
        contract.setup_class()
    except RaysearchError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    try:
        kept = [_is_kept(contract(), name) for name in dir(contract) if name.startswith("test_")]
    finally:
        contract.teardown_class()
    return 0 if all(kept) else 1


def _is_kept(contract: TaskContract, name: str) -> bool:
    words = name.removeprefix("test_").replace("_", " ")
    try:
        getattr(contract, name)()
    except BrokenContractError as error:
        sys.stdout.write(f"BROKEN  {words}\n        {error}\n")
        return False
    sys.stdout.write(f"kept    {words}\n")
    return True


if __name__ == "__main__":
    sys.exit(main())
