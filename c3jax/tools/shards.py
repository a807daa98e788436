"""Parts of one piece of work for the jobs of an array, each with files of its own."""

from dataclasses import dataclass
from pathlib import PurePath

from c3jax.tools.errors import UsageError


@dataclass(frozen=True)
class Shard:
    """Part `number` of `count`, from 1; 1 of 1 is all.

    >>> Shard(2, 10).of("abcdefghij"), Shard(2, 10).file("landmarks.csv"), Shard().file("a.csv")
    ('b', 'landmarks.02-of-10.csv', 'a.csv')
    """

    number: int = 1
    count: int = 1

    @classmethod
    def parse(cls, text: str) -> "Shard":
        """The shard of `N/M`.

        Raises:
          UsageError: it is none.
        """
        number, _, count = text.partition("/")
        if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
            raise UsageError(f"--shard {text}: give N/M, such as 1/4 for the first of 4 parts")
        return cls(int(number), int(count))

    def of(self, items):
        """Its part of a sequence; the parts are as long as each other, up to one item."""
        first, last = ((n * len(items)) // self.count for n in (self.number - 1, self.number))
        return items[first:last]

    def file(self, name: str) -> str:
        """The name of its own file; sorted by name the parts are in order."""
        if self.count == 1:
            return name
        path, digits = PurePath(name), len(str(self.count))
        return f"{path.stem}.{self.number:0{digits}}-of-{self.count}{path.suffix}"


ALL = Shard()
