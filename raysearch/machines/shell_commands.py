"""The commands in a cluster file, taken apart as a shell does, to tell text in them from what runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

ASSIGNMENT = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
PREFIXES = {"env", "exec", "nohup", "sudo", "command", "{", "(", "then", "do", "!"}


@dataclass(frozen=True)
class Simple:
    """One simple command: its words, and what is assigned for it, or exported before it in the same text."""

    words: tuple[str, ...]
    variables: Mapping[str, str]

    def starts_ray(self) -> bool:
        """Whether it is ``ray start``, whatever folder ``ray`` lies in."""
        return self._is_ray("start")

    def stops_ray(self) -> bool:
        """Whether it ends every Ray of the machine."""
        return self._is_ray("stop")

    def _is_ray(self, verb: str) -> bool:
        return len(self.words) > 1 and self.words[0].rpartition("/")[2] == "ray" and self.words[1] == verb

    def option(self, name: str) -> str | None:
        """Value of an option as ``--name=value`` or ``--name value``, "" without; None if it is not there."""
        found = None
        for word, following in zip(self.words, (*self.words[1:], ""), strict=True):
            if word == name:
                found = "" if following.startswith("--") else following
            elif word.startswith(f"{name}="):
                found = word.partition("=")[2]
        return found


def simple_commands(text: str) -> Iterator[Simple]:
    """Take a command of one or several lines apart; pipes, lists and groups become their simple commands.

    Raises:
        ValueError: a quotation that does not end.
    """
    joined = re.sub(r"\\\n", " ", text)
    exported: dict[str, str] = {}
    for line in joined.split("\n"):
        lexer = shlex.shlex(line, posix=True, punctuation_chars=";&|()")
        lexer.whitespace_split = True
        words: list[str] = []
        # One more, so that the last command is handed on like the others.
        for word in [*lexer, ";"]:
            if not set(word) <= set(";&|()"):
                words.append(word)
                continue
            simple = _simple(words, exported)
            words = []
            # Holds for all commands after it; what stands before a command alone holds for that one.
            if simple.words[:1] == ("export",):
                exported |= _assignments(simple.words[1:])
            elif simple.words:
                yield simple


def _simple(words: list[str], exported: Mapping[str, str]) -> Simple:
    own: dict[str, str] = {}
    start = 0
    for word in words:
        if assigned := ASSIGNMENT.fullmatch(word):
            own[assigned[1]] = assigned[2]
        # `sudo ray start` starts Ray as well.
        elif word not in PREFIXES:
            break
        start += 1
    return Simple(tuple(words[start:]), {**exported, **own})


def _assignments(words: tuple[str, ...]) -> dict[str, str]:
    return {found[1]: found[2] for word in words if (found := ASSIGNMENT.fullmatch(word))}
