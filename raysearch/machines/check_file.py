"""What is wrong with a file for `ray up`, before any machine is touched: form, numbers, and open doors.

The form is Ray's own schema. The doors are those that Ray's defaults leave open: no token, a dashboard for
everybody, ssh from the whole world, a head with all rights in the cloud. No network is used.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from raysearch.cluster.autoscaler import as_ray_reads_it
from raysearch.errors import InputError, did_you_mean, one_of
from raysearch.machines.check_doors import aws_faults, open_and_secret
from raysearch.machines.shell_commands import Simple, simple_commands
from raysearch.space.yaml_file import Document, KeyPath, read_yaml

TOKEN_PATH = "~/.ray/auth_token"
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
CLOSED_MODES = {"600", "0600", "400", "0400", "go=", "go-rwx", "u=rw,go="}
COMMANDS = (
    "initialization_commands",
    "setup_commands",
    "head_setup_commands",
    "worker_setup_commands",
    "head_start_ray_commands",
    "worker_start_ray_commands",
)
LOCAL_KEYS = ("type", "head_ip", "worker_ips", "external_head_ip", "use_internal_ips")
UNKNOWN = "unknown key"
Fault = tuple[KeyPath, str]


@dataclass(frozen=True)
class Checked:
    """A cluster file as it was read.

    Attributes:
        content: what stands in it.
        faults: all that is wrong with it, with the lines.
        is_well_formed: whether the content has the form of a cluster file, so that it can be looked into.
    """

    content: dict[str, Any]
    faults: tuple[str, ...]
    is_well_formed: bool


def check_cluster_file(path: Path) -> Checked:
    """Look for all that is wrong with a cluster file. Raises as :func:`read_yaml`."""
    document = read_yaml(path)
    content = document.content
    faults, is_well_formed = _form_faults(content)
    # Rules reach into the content; of a wrong form only the form is told.
    if is_well_formed:
        for rule in (_commands, _token, open_and_secret, _numbers, aws_faults):
            faults += rule(content)
    # Ray stops at the first fault, in its own words; asked last, for what we do not know of.
    faults = faults or [((), refusal) for refusal in as_ray_reads_it(content)]
    return Checked(content, _all_told(document, faults), is_well_formed)


def read_cluster_file(path: Path) -> dict[str, Any]:
    """Read a cluster file, whatever doors it leaves open, and return its content.

    Raises:
        InputError: its form is wrong; all faults at once, with their lines.
    """
    document = read_yaml(path)
    faults, is_well_formed = _form_faults(document.content)
    if not is_well_formed:
        raise InputError(*_all_told(document, faults))
    return document.content


def _form_faults(content: Mapping[str, Any]) -> tuple[list[Fault], bool]:
    """Faults of its form, and whether the rest can rely on it; unknown keys are in nobody's way."""
    faults = list(_form(content))
    return faults, all(what.startswith(UNKNOWN) for _, what in faults)


def _all_told(document: Document, faults: Iterable[Fault]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(_told(document, key, what) for key, what in faults))


def _told(document: Document, path: KeyPath, what: str) -> str:
    key = ".".join(str(part) for part in path)
    return f"{document.place(path)}: {key}: {what}" if key else f"{document.place(path)}: {what}"


def _form(content: Mapping[str, Any]) -> Iterator[Fault]:
    """Faults by Ray's own schema; what is found is never repeated, as it may be a secret."""
    import jsonschema  # noqa: PLC0415 - with the rest of a command, not with its help

    spec = find_spec("ray")
    assert spec is not None  # a dependency
    assert spec.submodule_search_locations is not None
    # Ray's own schema, found without importing Ray, which takes seconds.
    schema = Path(spec.submodule_search_locations[0], "autoscaler", "ray-schema.json")
    for error in jsonschema.Draft7Validator(json.loads(schema.read_text(encoding="utf-8"))).iter_errors(
        content
    ):
        path = tuple(error.absolute_path)
        if error.validator == "additionalProperties":
            allowed = [*error.schema["properties"], *(() if path else ("min_workers",))]  # of local machines
            for key in error.instance:
                if key not in allowed:
                    yield (*path, key), f"{UNKNOWN}; {one_of(allowed)}.{did_you_mean(key, allowed)}"
        elif error.validator == "required":
            missing = [key for key in error.validator_value if key not in error.instance]
            yield path, f"needs {', '.join(missing)}"
        elif error.validator == "type":
            yield path, f"must be of type {error.validator_value}, not {type(error.instance).__name__}"
        else:
            yield path, f"must have {error.validator} {error.validator_value}"
    if content.get("provider") and isinstance(content["provider"], dict):
        yield from _provider_keys(content["provider"])


def _provider_keys(provider: Mapping[str, Any]) -> Iterator[Fault]:
    if provider.get("type") not in {"local", "aws"}:
        if "type" in provider:
            yield ("provider", "type"), "must be local or aws; others cannot be checked"
        return
    if provider["type"] == "local":
        yield from _local_keys(provider)


def _local_keys(provider: Mapping[str, Any]) -> Iterator[Fault]:
    for key in provider:
        if key not in LOCAL_KEYS:
            yield ("provider", key), f"{UNKNOWN}; {one_of(LOCAL_KEYS)}.{did_you_mean(key, LOCAL_KEYS)}"
    for key in ("head_ip", "worker_ips"):
        if key not in provider:
            yield ("provider",), f"needs {key}"
    for index, address in enumerate(provider.get("worker_ips") or []):
        if not isinstance(address, str):
            yield ("provider", "worker_ips", index), "must be text"


def command_lists(content: Mapping[str, Any]) -> Iterator[tuple[KeyPath, list[str]]]:
    """Every list of commands in the file with its place, those of node types among them."""
    for key in COMMANDS:
        yield (key,), content.get(key) or []
    for name, node_type in (content.get("available_node_types") or {}).items():
        for key in COMMANDS:
            yield ("available_node_types", name, key), node_type.get(key) or []


def parsed_commands(content: Mapping[str, Any]) -> Iterator[tuple[KeyPath, Simple]]:
    """Every simple command in the file with its place; unreadable ones are left out."""
    for path, commands in command_lists(content):
        for index, text in enumerate(commands):
            with contextlib.suppress(ValueError):
                yield from (((*path, index), simple) for simple in simple_commands(text))


def _commands(content: Mapping[str, Any]) -> Iterator[Fault]:
    is_local = content["provider"]["type"] == "local"
    for path, commands in command_lists(content):
        for index, text in enumerate(commands):
            try:
                simple = list(simple_commands(text))
            except ValueError as error:
                yield (*path, index), f"no shell would read it: {error}"
                continue
            # What a quotation holds is not taken apart, and could start a Ray without a token.
            if any("ray start" in word for each in simple for word in each.words):
                yield (*path, index), "hides a `ray start` inside a quotation; write it plainly"
    starts = list(parsed_commands(content))
    for key, role in (("head_start_ray_commands", "--head"), ("worker_start_ray_commands", "--address")):
        if not any(path[0] == key and each.starts_ray() for path, each in starts):
            yield (key,), f"needs a `ray start {role}`; left to itself, Ray starts without a token"
    for path, each in starts:
        if each.starts_ray():
            yield from ((path, what) for what in _start_faults(each, is_local=is_local))


def _start_faults(start: Simple, *, is_local: bool) -> Iterator[str]:
    if start.variables.get("RAY_AUTH_MODE") != "token":
        yield "`ray start` without RAY_AUTH_MODE=token before it takes commands from everybody"
    if (
        start.option("--disable-usage-stats") is None
        and start.variables.get("RAY_USAGE_STATS_ENABLED") != "0"
    ):
        yield "`ray start` needs --disable-usage-stats, or it reports to Ray's makers"
    if start.option("--head") is None:
        return
    host = start.option("--dashboard-host")
    if host not in LOOPBACK:
        given = "must be given" if host is None else f"is {host}"
        yield f"--dashboard-host {given}; it must be 127.0.0.1, and is reached through ssh"
    if is_local and start.variables.get("RAY_enable_autoscaler_v2") != "0":
        yield "`ray start --head` needs RAY_enable_autoscaler_v2=0, or no worker is ever started (ray#46204)"


def _token(content: Mapping[str, Any]) -> Iterator[Fault]:
    where = {
        each.variables.get("RAY_AUTH_TOKEN_PATH", TOKEN_PATH)
        for _, each in parsed_commands(content)
        if each.starts_ray()
    }
    for path in sorted(where):
        if path not in (content.get("file_mounts") or {}):
            yield ("file_mounts",), f"must bring the token to every machine: {path}: {TOKEN_PATH}"
        elif not _is_closed_everywhere(content, path):
            yield ("setup_commands",), f"must close the token on every machine: chmod 600 {path}"


def _is_closed_everywhere(content: Mapping[str, Any], token: str) -> bool:
    closed = {
        path[:-1]
        for path, each in parsed_commands(content)
        if each.words[0] == "chmod" and each.words[1] in CLOSED_MODES and token in each.words[2:]
    }
    setup, head, worker = ("setup_commands",), ("head_setup_commands",), ("worker_setup_commands",)
    # The token comes to each machine with whatever mode it has here.
    if setup not in closed and not {head, worker} <= closed:
        return False
    own = {  # a node type's commands take the place of the general ones
        ("available_node_types", name, "worker_setup_commands")
        for name, node_type in (content.get("available_node_types") or {}).items()
        if node_type.get("worker_setup_commands")
    }
    return own <= closed


def _numbers(content: Mapping[str, Any]) -> Iterator[Fault]:
    provider = content["provider"]
    least, most = content.get("min_workers"), content.get("max_workers")
    if provider["type"] == "local":
        if not (content.get("auth") or {}).get("ssh_user"):
            yield ("auth",), "needs ssh_user"
        addresses = [provider["head_ip"], *(provider["worker_ips"] or [])]
        for index, address in enumerate(addresses[1:]):
            if address in addresses[: index + 1]:
                yield ("provider", "worker_ips", index), f"{address} is there twice"
        n_workers = len(addresses) - 1
        for key, number in (("min_workers", least), ("max_workers", most)):
            # Ray would wait for machines that there are not.
            if isinstance(number, int) and number > n_workers:
                yield (key,), f"is {number}, provider.worker_ips names {n_workers}"
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield ("min_workers",), f"is {least}, max_workers only {most}"
