"""What all scenarios stand on: a folder, the dice, a PostgreSQL, and the worlds made of them."""

from __future__ import annotations

import random
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Self

from chaos.postgres import Postgres
from chaos.source import PostgresSource, Source, SqliteSource
from chaos.world import Shape, World


class Ground:
    """Makes worlds; a context manager that ends all it has started.

    Args:
        seed: of everything drawn at random.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._folder = tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True)
        self._worlds = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if "postgres" in self.__dict__:
            self.postgres.stop()
        self._folder.cleanup()

    @cached_property
    def postgres(self) -> Postgres:
        """A PostgreSQL of our own, started when first asked for."""
        return Postgres()

    def dice(self, name: str) -> random.Random:
        """Dice that fall the same way for the same seed and name."""
        return random.Random(f"{self.seed}/{name}")

    def folder(self) -> Path:
        """A new folder."""
        self._worlds += 1
        folder = Path(self._folder.name) / str(self._worlds)
        folder.mkdir()
        return folder

    def source(self, dialect: str, folder: Path) -> Source:
        """A new source with the table and no rows."""
        if dialect == "sqlite":
            return SqliteSource(folder / "source.db")
        return PostgresSource(self.postgres.url(self.postgres.new_database()))

    def state(self, dialect: str, folder: Path) -> str:
        """The URL of a state store that does not exist yet."""
        if dialect == "sqlite":
            return f"sqlite:///{folder / 'state' / 'state.db'}"
        return self.postgres.url(self.postgres.new_database())

    @contextmanager
    def world(self, name: str, shape: Shape, state: str | None = None) -> Iterator[World]:
        """A world of its own.

        Args:
            name: gives its dice their seed.
            shape: what it is made of.
            state: the URL of its state, if not a new one.
        """
        folder = self.folder()
        source = self.source(shape.source, folder)
        world = World(folder, shape, source, state or self.state(shape.state, folder), self.dice(name))
        try:
            yield world
        finally:
            world.close()


class Clock:
    """Prints what is going on, with the seconds since the start."""

    def __init__(self) -> None:
        self._started = time.monotonic()

    def say(self, words: str) -> None:
        """Print a line of progress."""
        print(f"{time.monotonic() - self._started:6.0f} s  {words}", file=sys.stderr, flush=True)
