"""What the walls around a child process promise: which layers hold, and what they keep out.

The rule for strangers' executable models stands here, and only here: every promise of `PROMISES`
must hold. docs/design.md, "Walls", has it in words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

Level = Literal["full", "partial", "none"]
ON = "on"
LAYERS = (
    "memory_watchdog",
    "rlimits",
    "namespaces",
    "capabilities",
    "no_new_privs",
    "landlock",
    "landlock_network",
    "landlock_scopes",
    "seccomp",
)
"""In the order in which they are put up: each would get in the way of the one before. The first is
the parent's own eye on the child."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """Something that a hostile model cannot do while certain layers hold.

    Attributes:
        name: In JSON.
        holds: What it means for a person, where it holds.
        broken: What it means where it does not.
        ways: Sets of layers, each of which is enough.
    """

    name: str
    holds: str
    broken: str
    ways: tuple[frozenset[str], ...]

    def is_kept(self, layers: frozenset[str]) -> bool:
        """Return whether the layers that hold are enough."""
        return any(way <= layers for way in self.ways)


def _either(*ways: str) -> tuple[frozenset[str], ...]:
    return tuple(frozenset(way.split()) for way in ways)


PROMISES = (
    Promise(
        name="files",
        holds="A model reads the files of its own run and writes its scratch folder, nothing else.",
        broken="A hostile model could read or change files of this server's user.",
        # Landlock does not see changes of a file's rights, owner and times: seccomp does.
        ways=_either("landlock seccomp"),
    ),
    Promise(
        name="network",
        holds="A model reaches no network.",
        broken="A hostile model could reach the network.",
        ways=_either("seccomp", "namespaces"),
    ),
    Promise(
        name="programs",
        holds="A model starts no program.",
        broken="A hostile model could start programs.",
        ways=_either("seccomp", "landlock"),
    ),
    Promise(
        name="processes",
        holds="A model neither looks into other processes nor ends them.",
        broken="A hostile model could look into this server's other processes, or end them.",
        ways=_either("seccomp", "landlock landlock_scopes"),
    ),
    Promise(
        name="privileges",
        holds="A model has no powers of an administrator and cannot gain them.",
        broken="A hostile model could use an administrator's powers, where it finds any.",
        ways=_either("capabilities no_new_privs"),
    ),
    Promise(
        name="resources",
        holds="A model that takes too much memory, time or disk is stopped.",
        broken="A hostile model could take all memory or processor time of this machine.",
        ways=_either("memory_watchdog rlimits"),
    ),
)


@dataclass(frozen=True)
class SandboxReport:
    """Which layers hold.

    Attributes:
        layers: For each of `LAYERS` `"on"`, or the reason why it is off.
    """

    layers: dict[str, str]

    @property
    def held(self) -> frozenset[str]:
        """The layers that hold."""
        return frozenset(name for name, state in self.layers.items() if state == ON)

    @property
    def level(self) -> Level:
        """`full`: every promise, and no network by two layers; `none`: files are not kept apart.

        In between is `partial`; `is_enough_for_strangers` says what that is good for.
        """
        if self.is_enough_for_strangers and self.held & {"namespaces", "landlock_network"}:
            return "full"
        return "partial" if self.held & {"namespaces", "landlock", "seccomp"} else "none"

    @property
    def is_enough_for_strangers(self) -> bool:
        """Whether an executable model of a stranger may be loaded behind these walls."""
        return not self.broken_promises

    @property
    def broken_promises(self) -> list[Promise]:
        """What is not kept out, in the order of `PROMISES`."""
        return [promise for promise in PROMISES if not promise.is_kept(self.held)]

    def reasons(self, promise: Promise) -> dict[str, str]:
        """Return for each layer that a promise could rest on, and that is off, why."""
        layers = [name for name in LAYERS if any(name in way for way in promise.ways)]
        return {
            name: self.layers.get(name, "not tried") for name in layers if name not in self.held
        }

    def to_json(self) -> dict[str, Any]:
        """Return what holds, what does not, and what that means."""
        return {
            "level": self.level,
            "strangers": self.is_enough_for_strangers,
            "promises": {promise.name: promise.is_kept(self.held) for promise in PROMISES},
            "missing": [
                {"promise": broken.name, "means": broken.broken, "because": self.reasons(broken)}
                for broken in self.broken_promises
            ],
            "layers": self.layers,
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Return what `to_json` described."""
        return cls(dict(values["layers"]))

    @classmethod
    def without_layers(cls, reason: str) -> Self:
        """Return the report of a process that no layer holds."""
        return cls(dict.fromkeys(LAYERS, reason))
