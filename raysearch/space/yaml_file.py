"""YAML with a place for every key: line numbers, no duplicate keys, no anchors, no size bombs."""

from __future__ import annotations

import copy
import re
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from raysearch.errors import InputError

DEEPEST = 50  # no space file nests more than 6 deep
_OPENING = (
    yaml.FlowSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.BlockMappingStartToken,
)
_CLOSING = (yaml.FlowSequenceEndToken, yaml.FlowMappingEndToken, yaml.BlockEndToken)
INT, FLOAT = "tag:yaml.org,2002:int", "tag:yaml.org,2002:float"
_BASE_8_OR_60 = re.compile(r"[-+]?(0[0-9_]+|[0-9][0-9_]*(:[0-9.]+)+)")  # YAML 1.1: 010 is 8, 1:30 is 90
LARGEST_BYTES = 1 << 20  # hundreds of times the largest space file; PyYAML needs seconds for a MiB
KeyPath = tuple[str | int, ...]


@dataclass
class Document:
    """A YAML file's plain content and the place (``file:line`` or the option) of each key path."""

    name: str
    content: dict[str, Any]
    places: dict[KeyPath, str] = field(default_factory=dict)

    def place(self, path: KeyPath) -> str:
        """Name the place of a key path, or of its nearest parent that is written down."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, self.name)


def read_yaml(path: Path) -> Document:
    """Read a YAML mapping.

    Raises:
        InputError: not readable, not YAML, not a mapping, larger than 1 MiB, anchors, or duplicate keys.
    """
    try:
        text = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    if len(text) > LARGEST_BYTES:
        raise InputError(f"{path}: larger than {LARGEST_BYTES} bytes")
    try:
        return parse_yaml(text.decode("utf-8-sig"), str(path))
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        raise InputError(f"{path}:{line}: is not UTF-8: byte {text[error.start]:#04x}") from None


def read_document(source: Path | Mapping[str, Any]) -> Document:
    """Read a YAML mapping from a file, or take one that is there already. Raises as :func:`read_yaml`."""
    if isinstance(source, Path):
        return read_yaml(source)
    return Document("space", copy.deepcopy(dict(source)))  # overrides change it in place


def parse_yaml(text: str, name: str) -> Document:
    """Parse the text of a YAML mapping; ``name`` is what errors call it. Raises as :func:`read_yaml`."""
    try:
        _check_tokens(text, name)
        # Nodes and not values: they know their lines, which an error must name.
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{name}:{mark.line + 1}" if mark else name
        raise InputError(f"{where}: not YAML: {getattr(error, 'problem', None) or error}") from error
    if not isinstance(root, yaml.MappingNode):
        raise InputError(f"{name}: must be a mapping of keys to values")
    document = Document(name, {})
    problems: list[str] = []
    document.content = _plain(root, (), document, problems)
    if problems:
        raise InputError(*problems)
    return document


def _check_tokens(text: str, name: str) -> None:
    """Refuse what makes a small file long work: aliases, and depth, with whose square PyYAML's time grows."""
    # On tokens, before anything is composed: an alias in an alias doubles the content at every level.
    depth = 0
    for token in yaml.scan(text):
        if isinstance(token, (yaml.AnchorToken, yaml.AliasToken)):
            raise InputError(f"{name}: anchors and aliases (&, *) are not allowed")
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > DEEPEST:
            raise InputError(f"{name}: nested too deeply")


def _plain(  # YAML holds anything
    node: yaml.Node, path: KeyPath, document: Document, problems: list[str]
) -> Any:  # noqa: ANN401
    document.places.setdefault(path, f"{document.name}:{node.start_mark.line + 1}")
    if isinstance(node, yaml.MappingNode):
        mapping: dict[Hashable, Any] = {}
        for key_node, value_node in node.value:
            place = f"{document.name}:{key_node.start_mark.line + 1}"
            key = _scalar(key_node)
            if not isinstance(key, str):
                problems.append(f"{place}: keys must be text, got {key!r}")
                continue
            if key in mapping:  # PyYAML would take the last one without a word
                problems.append(f"{place}: duplicate key {key!r}, first at {document.places[(*path, key)]}")
                continue
            document.places[(*path, key)] = place
            mapping[key] = _plain(value_node, (*path, key), document, problems)
        return mapping
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, index), document, problems) for index, item in enumerate(node.value)]
    try:
        return _value(node)
    except (ValueError, yaml.YAMLError) as error:
        problems.append(f"{document.places[path]}: {error}")
        return None


def _value(node: yaml.Node) -> Any:  # noqa: ANN401 - YAML holds anything
    if node.tag in {INT, FLOAT} and _BASE_8_OR_60.fullmatch(node.value):
        raise ValueError(
            f"{node.value} would be read as a number of base 8 or 60; write it without a leading 0 or ':', "
            "or as a text in quotes"
        )
    return _scalar(node)


def _scalar(node: yaml.Node) -> Any:  # noqa: ANN401 - YAML holds anything
    # The safe loader, which makes plain values only: the full one makes any object of any Python module.
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_object(node, deep=True)
    finally:
        loader.dispose()
