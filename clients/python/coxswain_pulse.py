"""Heartbeats, cycles and checkpoints of Coxswain for Python 3.8 and later. Standard library only.

    import coxswain_pulse as pulse

    for skipped in pulse.cycle("sample"):     # sleeps until the next due time
        work()
        pulse.heartbeat()

    boot = pulse.checkpoints("boot")
    boot.at("open")

A stamp goes into shared memory and is no system call. The memory byte by byte: docs/deadlines.md.
This module is for x86-64, where stores are seen in the order in which they are done. A cycle, and
a set of checkpoints, belong to one thread.
"""
import json
import mmap
import os
import platform
import time
from typing import Dict, Iterator, List, NamedTuple, Optional

__all__ = ["Checkpoints", "Cycle", "PulseError", "checkpoints", "cycle", "heartbeat"]

_MAGIC, _VERSION = 0x50584F43, 1
_HEARTBEAT, _CYCLE, _STEPS = 0, 1, 2
_BEGUN, _ENDED, _FIRST, _SKIPPED = 0, 1, 2, 3
_WORD = 0xFFFFFFFF


class PulseError(RuntimeError):
    """The program is not supervised, or the configuration declares no such contract."""


class _Line(NamedTuple):
    kind: int
    name: str
    steps: List[str]
    word: int      # the first of its cache line
    ring: int      # the first double of its ring
    records: int
    period_ns: int
    offset_ns: int


def _now_ns() -> int:
    return time.clock_gettime_ns(time.CLOCK_MONOTONIC)


def _sleep_until(at_ns: int) -> None:
    # Ends at the time or later; a signal handler that raises ends it.
    time.sleep(max(0, at_ns - _now_ns()) / 1e9)


class _Memory:
    def __init__(self, fd: int) -> None:
        if platform.machine() != "x86_64":
            raise PulseError("Cannot stamp: this client is for x86-64")
        self.map = mmap.mmap(fd, os.fstat(fd).st_size, mmap.MAP_SHARED)
        view = memoryview(self.map)
        # Single words and doubles are copied whole, as they are aligned.
        self.words = view.cast("I")
        self.doubles = view.cast("d")
        header = self.words[0], self.words[1], self.words[2]
        if header != (_MAGIC, _VERSION, len(view)):
            raise PulseError("Cannot stamp: this is no pulse memory of version %d" % _VERSION)
        self.lines = [self._line(at) for at in range(self.words[3])]

    def _line(self, at: int) -> _Line:
        entry = self.words[4] // 4 + 16 * at
        kind, ring, records, text, length = self.words[entry:entry + 5]
        name, *steps = self.map[text:text + length].decode().split("\n")
        period, offset = self.doubles[entry // 2 + 4], self.doubles[entry // 2 + 5]
        return _Line(kind, name, steps, 16 * (1 + at), ring // 8, records, int(period), int(offset))

    def find(self, kind: int, name: str) -> Optional[_Line]:
        return next((one for one in self.lines if (one.kind, one.name) == (kind, name)), None)


_memory: Optional[_Memory] = None


def _find(call: str, kind: int, name: str) -> "tuple[_Memory, _Line]":
    global _memory
    if _memory is None:
        told = json.loads(os.environ.get("COX_LINKS", "{}")).get("pulse")
        if told is None:
            raise PulseError("Cannot call %s(): this program was not started by `cox up`, or its "
                             "configuration has no `deadlines` for it to stamp" % call)
        _memory = _Memory(told["fd"])
    line = _memory.find(kind, name)
    if line is None:
        names = [one.name for one in _memory.lines if one.kind == kind]
        raise PulseError("Cannot call %s(%r): the configuration of this process declares only %r"
                         % (call, name, names))
    return _memory, line


_own: "Optional[tuple[_Memory, _Line]]" = None


def heartbeat() -> None:
    """Shows a sign of life. PulseError where the configuration declares no heartbeat `by: "client"`."""
    global _own
    if _own is None:
        _own = _find("heartbeat", _HEARTBEAT, "")
    memory, line = _own
    words = memory.words
    signs = (words[line.word + _BEGUN] + 1) & _WORD
    words[line.word + _BEGUN] = signs
    memory.doubles[line.word // 2 + 2] = _now_ns()
    words[line.word + _ENDED] = signs


class Checkpoints:
    """The steps of a program, by name; the configuration has their order and their times."""

    def __init__(self, memory: _Memory, line: _Line) -> None:
        self._memory = memory
        self._line = line
        self._numbers: Dict[str, int] = {step: at for at, step in enumerate(line.steps)}

    def at(self, step: str) -> None:
        """This step is reached. KeyError where there is no such step."""
        number = self._numbers[step]
        line, words, doubles = self._line, self._memory.words, self._memory.doubles
        count = (words[line.word + _BEGUN] + 1) & _WORD
        record = line.ring + 4 * (count & (line.records - 1))
        doubles[record] = _now_ns()
        doubles[record + 1] = number
        words[line.word + _BEGUN] = count


class Cycle:
    """A periodic job: `for skipped in cycle(...)`, or wait(), end() and leave() by hand."""

    def __init__(self, memory: _Memory, line: _Line) -> None:
        self._memory = memory
        self._line = line
        self._runs = False
        self._entered = False
        self.period_ns = line.period_ns
        self.due_ns = 0
        self.start_ns = 0
        self.skipped = 0

    def wait(self) -> int:
        """Ends the pass that runs, sleeps until the next is due, begins it.

        Returns how many due times were passed over: 0 when it was in time.
        """
        line, words, doubles = self._line, self._memory.words, self._memory.doubles
        self.end()
        now = _now_ns()
        pass_ = (words[line.word + _BEGUN] + 1) & _WORD
        skipped = 0
        if not self._entered:
            self._entered = True
            turns = (now - line.offset_ns) // line.period_ns + 1
            self.due_ns = turns * line.period_ns + line.offset_ns
            words[line.word + _FIRST] = pass_
        else:
            self.due_ns += line.period_ns
            skipped = self._skip(now)
        now = _now_ns()
        while now < self.due_ns:
            _sleep_until(self.due_ns)
            now = _now_ns()
        skipped += self._skip(now)
        self.start_ns = now
        self._runs = True
        record = line.ring + 4 * (pass_ & (line.records - 1))
        doubles[record] = now
        doubles[record + 2] = self.due_ns
        first = words[line.word + _FIRST]
        doubles[record + 3] = first - 2 ** 32 if first >> 31 else first
        words[line.word + _BEGUN] = pass_
        return skipped

    def end(self) -> None:
        """Ends the pass that runs, before wait() does: what follows is not its time."""
        if not self._runs:
            return
        self._runs = False
        line, words = self._line, self._memory.words
        pass_ = words[line.word + _BEGUN]
        self._memory.doubles[line.ring + 4 * (pass_ & (line.records - 1)) + 1] = _now_ns()
        words[line.word + _ENDED] = pass_

    def leave(self) -> None:
        """Ends the pass that runs and leaves the loop: nothing is due until it is entered again."""
        self.end()
        self._entered = False
        word, words = self._line.word, self._memory.words
        words[word + _FIRST] = (words[word + _BEGUN] + 1) & _WORD

    def __iter__(self) -> Iterator[int]:
        try:
            while True:
                yield self.wait()
        finally:
            self.leave()

    def _skip(self, now: int) -> int:
        count = max(0, now - self.due_ns) // self.period_ns
        if count > 0:
            self.due_ns += count * self.period_ns
            self.skipped += count
            word, words = self._line.word + _SKIPPED, self._memory.words
            words[word] = (words[word] + count) & _WORD
        return count


def cycle(name: str) -> Cycle:
    """The cycle that the configuration declares under this name. PulseError where there is none."""
    return Cycle(*_find("cycle", _CYCLE, name))


def checkpoints(name: str) -> Checkpoints:
    """The steps that the configuration declares under this name. PulseError where there are none."""
    return Checkpoints(*_find("checkpoints", _STEPS, name))
