"""Commands that take no option twice in silence, and know the home in ``--data=~/jets``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import typer
from typer.core import TyperCommand, TyperOption

from raysearch.files import expanded

HOME = "~"


class App(typer.Typer):
    """Commands, or a group of them, each a :class:`Once`."""

    def command(self, name: str | None = None, **settings: Any) -> Callable[..., Any]:
        """Make a command of a function; see typer."""
        return super().command(name, **{"cls": Once, **settings})


class Once(TyperCommand):
    """A command whose options are given once, unless they take several values."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - a class of typer's own
        """Read the words after the command.

        Raises:
            BadParameter: an option has two values, of which the last would be taken without a word; or one is
                empty, which would be the working directory where a path is meant.
        """
        args = [_with_home(word) for word in args]
        options = [each for each in self.params if isinstance(each, TyperOption)]
        first: dict[str, str] = {}
        for option, value in _given(options, args):
            name = max(option.opts, key=len)
            if not value:
                raise typer.BadParameter(f"{name} has an empty value; is a variable of the shell not set?")
            before = value if option.multiple else first.setdefault(name, value)
            if before != value:
                raise typer.BadParameter(f"{name} has two values, {before} and {value}; it takes one.")
        if "" in args:
            raise typer.BadParameter("an argument is empty; is a variable of the shell not set?")
        return super().parse_args(ctx, args)


def _given(options: list[TyperOption], args: list[str]) -> Iterator[tuple[TyperOption, str]]:
    """Find the options that have a value, each with it, in the order of the words."""
    by_name = {name: option for option in options if not option.is_flag for name in option.opts}
    words = iter(args)
    for word in words:
        if word == "--":  # what follows are arguments
            return
        name, equals, value = word.partition("=")
        if name in by_name:
            yield by_name[name], value if equals else next(words, "")


def _with_home(word: str) -> str:
    """Expand ``--data=~/jets``, as a shell does ``--data ~/jets``."""
    name, equals, value = word.partition("=")
    is_home = name.startswith("--") and equals and value.split("/")[0] == HOME
    return f"{name}={expanded(value)}" if is_home else word
