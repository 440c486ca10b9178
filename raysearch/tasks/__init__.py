"""What is trained: one file per system. A new task is its file here and one line in ``TASKS``."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any

from raysearch.errors import ChangedError, InputError, did_you_mean, one_of
from raysearch.tasks.contract import contract_problems
from raysearch.tasks.earlier import as_of_today
from raysearch.tasks.kept_code import import_kept, is_kept, leave_kept, origin_of
from raysearch.tasks.task import Task

TASKS: dict[str, str] = {
    "jedinet": "raysearch.tasks.jedinet:JediNet",  # jet tagging, interaction network on particle pairs
    "jet_dnn": "raysearch.tasks.jet_dnn:JetDnn",  # the same jets, dense layers on 16 high-level features
    "jet_cnn": "raysearch.tasks.jet_cnn:JetCnn",  # the same jets, convolutions on images
    "jet_gru": "raysearch.tasks.jet_gru:JetGru",  # the same jets, a recurrent network
    "calo_regressor": "raysearch.tasks.calo_regressor:CaloRegressor",  # an electron's energy from its shower
    "gan3d": "raysearch.tasks.gan3d:Gan3dTask",  # showers themselves, by a generator and a discriminator
    "hits_gravnet": "raysearch.tasks.hits_gravnet:HitsGravnet",  # shares of hits, by learned neighbours
    "hits_garnet": "raysearch.tasks.hits_garnet:HitsGarnet",  # the same by learned aggregators
    "hits_dgcnn": "raysearch.tasks.hits_dgcnn:HitsDgcnn",  # the same by a dynamic graph
    "hits_binning": "raysearch.tasks.hits_binning:HitsBinning",  # the same by convolutions on a grid
    "nnd_vae": "raysearch.tasks.nnd_vae:NndVaeTask",  # digits or jets as point clouds, by a VAE
    "hits_condensation": "raysearch.tasks.hits_condensation:HitsCondensation",  # any number of particles
    "graph_gan": "raysearch.tasks.graph_gan:GraphGan",  # jets or digits as point clouds, by a GAN
    "flow_matching": "raysearch.tasks.flow_matching:FlowMatching",  # the same by a velocity field
}


def load_task(reference: str) -> Task[Any]:
    """Load a task by its name in ``TASKS``, or a user's own as ``path/to/my_task.py:MyTask``.

    Raises:
        InputError: no such task, file or class, the file cannot be imported, or what it has is not a whole
            task.
    """
    path, _, name = reference.rpartition(":")
    if path.endswith(".py"):
        module = _import_file(Path(path))
    elif reference in TASKS:
        module_name, _, name = TASKS[reference].partition(":")
        module = importlib.import_module(module_name)
    else:
        hint = did_you_mean(reference, TASKS)
        raise InputError(
            f"task: unknown task {reference!r}; {one_of(list(TASKS))}, or path/to/my_task.py:MyTask.{hint}"
        )
    kind = getattr(module, name, None)
    if not (isinstance(kind, type) and issubclass(kind, Task)):
        found = [
            key for key, value in vars(module).items() if isinstance(value, type) and issubclass(value, Task)
        ]
        found = [key for key in found if key != "Task"]
        raise InputError(f"task: {path} has no task {name!r}; it has {', '.join(found) or 'none'}")
    if problems := contract_problems(kind):
        raise InputError(*problems)
    return as_of_today(kind)()


def _import_file(path: Path) -> Any:  # noqa: ANN401 - modules have no type of their own
    if not path.is_file() and not is_kept(path):
        raise InputError(f"task: {path}: no such file")
    name = f"raysearch_user_task_{path.stem}"
    folder = str(origin_of(path.parent) if is_kept(path) else path.parent)
    if folder not in sys.path:
        sys.path.insert(0, folder)  # a task may import its neighbours
    try:
        if is_kept(path):
            return import_kept(path, name)
        leave_kept()
        return _import_from(path, name)
    except ChangedError:
        raise
    except Exception as error:
        raise InputError(f"task: {path} cannot be imported: {type(error).__name__}: {error}") from error


def _import_from(path: Path, name: str) -> Any:  # noqa: ANN401 - as above
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"task: {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module
