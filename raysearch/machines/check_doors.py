"""The doors that a cluster file could leave open: to the world, to its readers, in the cloud's account."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from typing import Any

from raysearch.space.yaml_file import KeyPath

FILL_IN = "FILL-IN"
EXAMPLES = [
    ipaddress.ip_network(text) for text in ("192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24")
]  # RFC 5737
WIDEST = {4: 8, 6: 16}  # shorter prefixes are the world, or half of it
NETWORK = re.compile(r"[0-9a-fA-F:.]+/\d+")
ADDRESS = re.compile(r"(?<![\w.])\d+\.\d+\.\d+\.\d+(?![\w.])")
EVERYWHERE = re.compile(r"(?<![\d.])0\.0\.0\.0(?![\d.])|(?<![\w:])::(?![\w:/])")
SECRET_WORD = (
    r"(?:password|passwd|passphrase|secret|api[-_]?key|access[-_]?key(?:[-_]?id)?|auth[-_]?token|token)"
)
SECRET_KEY = re.compile(rf"(?:.*[-_])?{SECRET_WORD}", re.IGNORECASE)
NOT_A_REFERENCE = r"(?![\"']?[$`])[^\s;&|]"
SECRET_TEXT = re.compile(
    rf"\b\w*{SECRET_WORD}={NOT_A_REFERENCE}"  # NAME=value
    rf"|(?<!\S)--?[a-z-]*{SECRET_WORD}[ =]{NOT_A_REFERENCE}"  # --name value
    r"|\bsshpass\b"
    r"|\bbearer \S"
    r"|\bAKIA[0-9A-Z]{16}\b"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY"
    r"|://[^/\s:@$]+:[^/\s@$]+@",
    re.IGNORECASE,
)
POWERFUL = re.compile(r"admin|power-?user|full-?access|root|ray-autoscaler-v1", re.IGNORECASE)
NO_SECRETS = {"HttpTokens"}  # of EC2's metadata: required or optional


def open_and_secret(content: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Faults of single values, wherever they stand. A secret is not repeated."""
    for path, value in _values(content, ()):
        text = str(value)
        if any(_is_wide(found) for found in NETWORK.findall(text)) or EVERYWHERE.search(text):
            yield path, "is open to the whole world (0.0.0.0 or ::); name your own addresses"
        if FILL_IN in text:
            yield path, f"is still to be filled in ({FILL_IN})"
        elif found := next((each for each in ADDRESS.findall(text) if _is_example(each)), None):
            yield path, f"{found} is an address of examples, to be filled in"
        if path[-1:] and _is_secret(path, text):
            yield path, "holds a secret; a cluster file is copied to every machine, secrets stay out of it"


def _values(node: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(node, dict):
        for key, inner in node.items():
            yield (*path, key), key
            yield from _values(inner, (*path, key))
    elif isinstance(node, list):
        for index, inner in enumerate(node):
            yield from _values(inner, (*path, index))
    elif node is not None:
        yield path, node


def _is_secret(path: KeyPath, text: str) -> bool:
    key = str(path[-1])
    if text != key and key not in NO_SECRETS and SECRET_KEY.fullmatch(key):
        return True
    return bool(SECRET_TEXT.search(text))


def _is_wide(text: str) -> bool:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return False
    return network.prefixlen < WIDEST[network.version]


def _is_example(text: str) -> bool:
    try:
        return any(ipaddress.ip_address(text) in network for network in EXAMPLES)
    except ValueError:
        return False


def aws_faults(content: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    """Faults of a file whose provider is aws, none for another one."""
    provider = content["provider"]
    if provider["type"] != "aws":
        return
    if "region" not in provider:
        yield ("provider",), "needs region"
    if "min_workers" in content:
        yield ("min_workers",), "does nothing on aws; every node type has its own"
    if "security_group" in provider:
        yield (
            ("provider", "security_group"),
            (
                "Ray adds ssh from the whole world to its rules; make the group yourself "
                "and name it by SecurityGroupIds"
            ),
        )
    if "aws_credentials" in provider:
        yield (
            ("provider", "aws_credentials"),
            "holds a secret; leave it to the environment or ~/.aws of this machine",
        )
    node_types = content.get("available_node_types")
    if not node_types:
        yield (
            ("available_node_types",),
            "must be given; left to itself, Ray takes its own, which ask for no IMDSv2",
        )
        return
    for name, node_type in node_types.items():
        at: KeyPath = ("available_node_types", name, "node_config")
        yield from ((at, what) for what in _node_faults(node_type["node_config"]))
        if name == content.get("head_node_type"):
            yield from _head_faults(node_type["node_config"], at)
    yield from _number_faults(content)


def _node_faults(node: Mapping[str, Any]) -> Iterator[str]:
    if not node.get("SecurityGroupIds"):
        yield "needs SecurityGroupIds; left to itself, Ray makes a group that takes ssh from the whole world"
    metadata = node.get("MetadataOptions") or {}
    if metadata.get("HttpTokens") != "required" and metadata.get("HttpEndpoint") != "disabled":
        yield "needs MetadataOptions: {HttpTokens: required} (IMDSv2)"
    profile = node.get("IamInstanceProfile") or {}
    names = profile.values() if isinstance(profile, dict) else [profile]
    for each in names:
        if POWERFUL.search(str(each)):
            yield f"IamInstanceProfile {each} is too powerful; a role that starts and ends machines is enough"


def _head_faults(node: Mapping[str, Any], at: KeyPath) -> Iterator[tuple[KeyPath, str]]:
    if not node.get("IamInstanceProfile"):
        yield at, "needs IamInstanceProfile; left to itself, Ray gives the head all of EC2 and S3"


def _number_faults(content: Mapping[str, Any]) -> Iterator[tuple[KeyPath, str]]:
    most = content.get("max_workers", 2)  # Ray's default
    total = 0
    for name, node_type in content["available_node_types"].items():
        least = node_type.get("min_workers", 0)
        total += least
        if least > node_type.get("max_workers", most):
            yield ("available_node_types", name, "min_workers"), "is more than its max_workers"
    if total > most:
        yield ("max_workers",), f"is {most}, the min_workers of all node types are {total}"
