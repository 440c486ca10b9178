"""torch's compiler is not imported for training, and is all there for whoever compiles."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest
from toy import TOY_TASK

PREPARED = """
    import sys
    import torch
    from raysearch.training.torch_compiler import put_off_compiler

    put_off_compiler()
    model = torch.nn.Linear(3, 1)


    def trained(optimiser):
        for _ in range(2):
            optimiser.zero_grad()
            model(torch.ones(4, 3)).square().mean().backward()
            optimiser.step()


    def is_loaded():
        return "torch._dynamo.convert_frame" in sys.modules
"""


def told(code: str) -> str:
    """What a fresh process prints, for this one has long imported whatever it tests."""
    done = subprocess.run(
        [sys.executable, "-c", dedent(PREPARED) + dedent(code)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_training_does_not_load_the_compiler() -> None:
    code = """
    for kind in (torch.optim.SGD, torch.optim.Adam, torch.optim.AdamW, torch.optim.RMSprop):
        found = kind(model.parameters(), lr=0.1)
        trained(found)
        found.load_state_dict(found.state_dict())
    print(is_loaded())
    """
    assert told(code) == "False"


def test_a_run_of_a_users_own_task_does_not_load_it(tmp_path: Path) -> None:
    settings = {"learning_rate": 0.1, "width": 2, "activation": "relu"}
    code = f"""
    from raysearch.data.source import DataSource
    from raysearch.training.attempt import attempt_run
    from raysearch.training.order import Order
    from raysearch.training.workers import OneWorker

    del sys.modules["torch._dynamo"]  # a process of Ray's begins with the run
    source = DataSource(None, (0.6, 0.2, 0.2))
    order = Order("{TOY_TASK}:Toy", "{tmp_path}", 0, 0, 1, {settings}, 1, source, 1)
    print(attempt_run(order, OneWorker(), lambda _: None).state, is_loaded())
    """
    assert told(code) == "finished False"


def test_whoever_looks_through_all_modules_does_not_load_it() -> None:
    code = """
    import inspect

    files = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
    inspect.getmodule(compile("1", "no file", "exec"))
    print(is_loaded(), sys.modules["torch._dynamo"].__file__ in files)
    """
    assert told(code) == "False True"


def test_who_compiles_gets_the_real_one() -> None:
    code = """
    trained(torch.optim.SGD(model.parameters(), lr=0.1))
    held = torch._dynamo
    compiled = torch.compile(model, backend="eager")
    assert torch.equal(compiled(torch.ones(4, 3)), model(torch.ones(4, 3)))
    trained(torch.optim.SGD(compiled.parameters(), lr=0.1))
    # The compiler has heard of the functions that it is to leave alone: one that is left alone has a wrapper.
    add = torch.optim.Optimizer.add_param_group.__wrapped__
    print(is_loaded(), type(torch._dynamo).__name__, held.graph_break is torch._dynamo.graph_break,
          add.__dynamo_disable is not add)
    """
    assert told(code) == "True module False True"


@pytest.mark.parametrize(
    "statement",
    [
        "import torch._dynamo.config as found",
        "torch._dynamo.reset(); found = torch._dynamo.config",
    ],
)
def test_any_way_to_it_leads_to_the_real_one(statement: str) -> None:
    assert told(f"    {statement}\n    print(is_loaded(), found.__name__)") == "True torch._dynamo.config"
