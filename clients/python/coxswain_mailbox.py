"""Shared-memory mailboxes of Coxswain for Python 3.8 and later. Standard library only.

    from coxswain_mailbox import consumer, producer

    frames = consumer("frames")                     # a port or a channel in COX_LINKS
    for sample in frames.samples():
        use(sample.data)                            # a memoryview of shared memory, read-only
        if not sample.release():                    # False: the producer has begun to write over it
            forget()
    print(frames.fault)                             # None: it has ended; else what is corrupt

    async for sample in frames: ...                 # with asyncio; selectors: fileno(), arm(), disarm()

    readings = producer("readings")                 # its schema: struct{t:f64;values:f32[3];}
    with readings.loan() as loan:                   # a slot of shared memory, written in place
        loan.fields.t = time.time()                 # its bytes: loan.data, a memoryview
        loan.publish()                              # leaving without it gives the slot back
    readings.send(readings.struct(t=time.time()))   # the same, by a copy

The memory byte by byte, and why the order of accesses is what it is: docs/mailbox.md. Python has no
fences: on x86-64, where only a store followed by a load needs one, taking a lock serves as one, and
this module refuses other machines. A producer or consumer belongs to one thread.
"""
import ctypes
import json
import mmap
import os
import platform
import re
import socket
import threading
import time
from typing import (Any, AsyncIterator, Callable, Iterator, NamedTuple, Optional, Sequence, Tuple,
                    Union)

__all__ = ["Consumer", "End", "Loan", "MailboxError", "Producer", "Sample", "Shape", "consumer",
           "producer", "schema_hash", "struct_of"]

_PAGE = 4096
_SLOT_HEADER = 64
_PUBLISHED, _EPOCH, _STATE, _BELL, _PRODUCER_ARMED = 16, 18, 19, 20, 32
_TURN, _LENGTH, _SEQ, _STAMP, _SAMPLE_EPOCH, _CRC, _ORIGIN = 0, 1, 2, 4, 6, 7, 8
_CURSOR, _ARMED, _OWN_EPOCH, _OWN_BELL, _ATTACHED, _ATTACHED_EPOCH = 16, 64, 19, 20, 48, 49
_RECEIVED, _MISSED, _BYTES, _OVERTAKEN, _LAST_RECEIVE = 16, 17, 18, 19, 20  # of doubles
_WORST_AGE, _EXPIRED, _LATE = 21, 22, 23
_PATH_LATE, _LAST_ORIGIN, _PATHS_MAX = 48, 56, 8
_LAST_PUBLISH, _HEARTBEAT = 24, 25
_FAULT, _FAULT_TEXT, _FAULT_BYTES = 80, 512, 128
_FUTEX, _WAIT, _WAKE, _ALL = 202, 0, 1, 0x7FFFFFFF
_PARKED, _AT_DOORBELL = 1, 2  # ways to wait, of an armed word
_WORD = 0xFFFFFFFF
# A consumer may write its cursor by an ordinary store and look behind it whether the producer is
# armed: the store can wait in its processor until after that look. It does for some hundred
# nanoseconds, and no longer than to the next interrupt; what was stored when the producer armed can
# be read by all so much later.
_SETTLE_S = 0.001
_POSITION_MAX = 2 ** 53 - 1

_libc = ctypes.CDLL(None, use_errno=True)
_lock = threading.Lock()


class MailboxError(RuntimeError):
    """The memory is not the mailbox that it should be, found when it was opened: the two sides
    disagree, or somebody has written where nobody may. `fault`: what is wrong."""

    def __init__(self, fault: str) -> None:
        super().__init__("Cannot open the mailbox: %s" % fault)
        self.fault = fault


class End:
    """No more samples will come. False, as None is, and not None: `while sample := receive()` ends.
    `fault`: what is wrong in memory, so that the link has ended though the mailbox has not; None:
    nothing is, and the producer has ended."""
    __slots__ = ("fault",)

    def __init__(self, fault: Optional[str] = None) -> None:
        self.fault = fault

    def __bool__(self) -> bool:
        return False

    def __repr__(self) -> str:
        return "End()" if self.fault is None else "End(%r)" % self.fault


_ENDED = End()


class Shape(NamedTuple):
    """What the mailbox is: what the process was told, never what memory says."""
    slots: int
    sample_bytes: int
    keep: int = 0
    keep_all: bool = False
    consumers: int = 1
    crc32c: bool = False
    schema_hash: "tuple[int, int]" = (0, 0)

    @property
    def stride(self) -> int:
        unit = _PAGE if self.sample_bytes >= _PAGE else 64
        return -(-(_SLOT_HEADER + self.sample_bytes) // unit) * unit

    @property
    def segment_bytes(self) -> int:
        return _PAGE + self.slots * self.stride


_NUMBERS = {"i8": ctypes.c_int8, "u8": ctypes.c_uint8, "i16": ctypes.c_int16,
            "u16": ctypes.c_uint16, "i32": ctypes.c_int32, "u32": ctypes.c_uint32,
            "i64": ctypes.c_int64, "u64": ctypes.c_uint64, "f32": ctypes.c_float,
            "f64": ctypes.c_double}


def struct_of(schema: str) -> type:
    """The ctypes.Structure of a schema in its normal form, `struct{t:f64;values:f32[3];}`: fields
    as attributes, laid out as the schema says."""
    if not re.fullmatch(r"struct\{([A-Za-z]\w*:[iuf]\d+(\[\d+\])?;)+\}", schema):
        raise ValueError("No schema: %r" % schema)
    fields: "list[tuple[str, Any]]" = []
    for name, kind, length in re.findall(r"(\w+):([iuf]\d+)(?:\[(\d+)\])?;", schema):
        number = _NUMBERS[kind]
        fields.append((name, number * int(length) if length else number))
    return type("Fields", (ctypes.LittleEndianStructure,), {"_fields_": fields})


def schema_hash(schema: str) -> "tuple[int, int]":
    """Of a schema in its normal form: 64-bit FNV-1a, its low and its high half."""
    value = 0xCBF29CE484222325
    for byte in schema.encode("ascii"):
        value = (value ^ byte) * 0x100000001B3 & (1 << 64) - 1
    value = value or 1
    return value & _WORD, value >> 32


def _link(name: str, role: str, schema: Optional[str]) -> "dict[str, Any]":
    """What COX_LINKS says of a mailbox, by the name of its port or of its channel."""
    text = os.environ.get("COX_LINKS")
    if text is None:
        how = "<-" if role == "consumer" else ">-"
        raise MailboxError("no supervisor started this program. To try it alone: `cox run --port "
                           "'%s=mailbox:%s%s' -- PROGRAM`. To supervise it, declare it in a "
                           "configuration and run `cox up`" % (name, schema or "64KiB", how))
    record = json.loads(text)
    if record["version"] != 1:
        raise MailboxError("the supervisor is of another version than this module")
    links = record["links"]
    found = [link for link in links if link["port"] == name] or [
        link for link in links if link["name"] == name]
    if not found:
        raise KeyError("No link %r; this process has %s" % (
            name, ", ".join(repr(link["port"]) for link in links) or "none"))
    mailbox = found[0].get("mailbox")
    if mailbox is None:
        raise TypeError("Link %r is no mailbox (%s)" % (name, found[0]["kind"]))
    if mailbox["role"] != role:
        raise TypeError("This process is the %s of %r" % (mailbox["role"], name))
    theirs = mailbox.get("schema")
    if schema is not None and schema != theirs:
        raise TypeError("Samples of %r are %s in the configuration, and here %s" % (
            name, theirs or "bytes without a schema", schema))
    return mailbox


def _shape_of(mailbox: "dict[str, Any]") -> "Shape":
    shape = mailbox["shape"]
    return Shape(shape["slots"], shape["sampleBytes"], keep=shape["keep"],
                 keep_all=shape["history"] == "keepAll", consumers=shape["consumers"],
                 crc32c=shape["checksum"] == "crc32c", schema_hash=tuple(shape["schemaHash"]))


def consumer(name: str, schema: Optional[str] = None) -> "Consumer":
    """Takes a consumer's end that COX_LINKS tells of, by the name of its port or of its channel.
    `schema`: the normal form that this program means; it is compared with the configuration's."""
    mailbox = _link(name, "consumer", schema)
    return Consumer(mailbox["samplesFd"], mailbox["pageFds"][0], mailbox["number"],
                    _shape_of(mailbox), resume=mailbox["from"] == "resume",
                    newest=mailbox["behind"] == "newest", schema=mailbox.get("schema"),
                    lifespan_ns=mailbox["lifespanNs"], latency_ns=mailbox["latencyNs"],
                    checked=mailbox["checked"],
                    path_limits_ns=tuple(mailbox["pathLimitsNs"]),
                    doorbell_fd=mailbox["doorbellFds"][0], on_corrupt=_tell_corrupt)


def producer(name: str, schema: Optional[str] = None) -> "Producer":
    """Takes the producer's end that COX_LINKS tells of; see consumer()."""
    mailbox = _link(name, "producer", schema)
    return Producer(mailbox["samplesFd"], mailbox["pageFds"], _shape_of(mailbox),
                    doorbell_fds=mailbox["doorbellFds"], block_s=mailbox["blockNs"] / 1e9,
                    schema=mailbox.get("schema"), checked=mailbox["checked"])


class _Timespec(ctypes.Structure):
    _fields_ = [("sec", ctypes.c_long), ("nsec", ctypes.c_long)]


def _fence() -> None:
    """An atomic instruction of the processor: no load behind it is done before a store ahead."""
    _lock.acquire(False)
    _lock.release()


class _Memory:
    """A mapping, in words. Single words are read and written whole: memoryview copies 4 bytes."""

    def __init__(self, fd: int, size: int, write: bool) -> None:
        if platform.machine() != "x86_64":
            raise MailboxError("this client is for x86-64")
        if os.fstat(fd).st_size < size:
            raise MailboxError("a segment must have %d bytes" % size)
        prot = mmap.PROT_READ | (mmap.PROT_WRITE if write else 0)
        self.map = mmap.mmap(fd, size, mmap.MAP_SHARED, prot)
        self.view = memoryview(self.map)
        self.words = self.view.cast("I")
        self.doubles = self.view.cast("d")
        # The address, for the futex: ctypes takes it of a writable buffer alone.
        self.address = _address_of(self.map)

    def position(self, word: int) -> int:
        words = self.words
        for _ in range(8):
            high = words[word + 1]
            low = words[word]
            if words[word + 1] == high:
                ahead = 0 if (high & 1) == low >> 31 else 1
                position = (high - ahead) * 2 ** 31 + (low & 0x7FFFFFFF)
                return position if 0 <= position <= _POSITION_MAX else -1
        return -1

    def wait(self, word: int, seen: int, timeout_s: Optional[float]) -> None:
        limit = None
        if timeout_s is not None:
            whole = int(timeout_s)
            limit = ctypes.byref(_Timespec(whole, int((timeout_s - whole) * 1e9)))
        _libc.syscall(ctypes.c_long(_FUTEX), ctypes.c_void_p(self.address + 4 * word), _WAIT,
                      ctypes.c_uint(seen), limit, None, 0)

    def wake(self, word: int) -> None:
        _libc.syscall(ctypes.c_long(_FUTEX), ctypes.c_void_p(self.address + 4 * word), _WAKE,
                      _ALL, None, None, 0)


class _Buffer(ctypes.Structure):
    """The beginning of Py_buffer: how to learn a read-only mapping's address."""
    _fields_ = [("buf", ctypes.c_void_p), ("rest", ctypes.c_byte * 120)]


def _address_of(exporter: mmap.mmap) -> int:
    buffer = _Buffer()
    api = ctypes.pythonapi
    api.PyObject_GetBuffer.argtypes = [ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int]
    api.PyObject_GetBuffer(exporter, ctypes.byref(buffer), 0)
    address = buffer.buf
    api.PyBuffer_Release(ctypes.byref(buffer))
    return address


_table = []
for _byte in range(256):
    for _bit in range(8):
        _byte = _byte >> 1 ^ (0x82F63B78 if _byte & 1 else 0)
    _table.append(_byte)


def _crc32c(data: memoryview) -> int:
    crc = _WORD
    for byte in data:
        crc = _table[(crc ^ byte) & 0xFF] ^ crc >> 8
    return crc ^ _WORD


def _tell_corrupt() -> None:
    """Lets the supervisor look for what is in a page of this process; without one, nothing. One
    whose socket is full has a message to hear that lets it look as well."""
    path = os.environ.get("NOTIFY_SOCKET", "")
    if path == "":
        return
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as channel:
            # sd_notify(3): "@" stands for the NUL of an abstract name.
            channel.sendto(b"X_COX_MAILBOX=corrupt",
                           "\0" + path[1:] if path.startswith("@") else path)
    except OSError:
        pass  # It looks at the page at the latest when this process has ended.


def _header_fault(memory: _Memory, shape: Shape) -> Optional[str]:
    expected = (0x4D584F43, 1, _PAGE, shape.slots, shape.stride, shape.sample_bytes,
                shape.schema_hash[0], shape.schema_hash[1], int(shape.keep_all), shape.keep,
                shape.consumers, int(shape.crc32c))
    names = ("magic", "version", "headerBytes", "slots", "slotStride", "sampleBytes", "schemaHash",
             "schemaHash", "history", "keep", "consumers", "checksum")
    for word, (name, value) in enumerate(zip(names, expected)):
        found = memory.words[word]
        if found != value:
            return "%s must be %d, is %d" % (name, value, found)
    return _state_fault(memory.words[_STATE])


def _state_fault(state: int) -> Optional[str]:
    return None if state in (0, 1) else "state must be 0 or 1, is %d" % state


class Sample:
    """A sample that was lent. `data` is a read-only memoryview of shared memory until the release,
    and raises ValueError afterwards. What was made of it, a slice or an array, does not know of the
    release and finds what came later; with `checked` there must be none any more by then.

    With keep_last the producer may write over it: what was computed from it counts when release()
    says so."""

    def __init__(self, owner: "Consumer", sequence: int, slot: int, turn: int, missed: int,
                 header: "tuple[int, ...]", data: memoryview, copy: Optional[bytearray]) -> None:
        self._owner, self._slot, self._turn, self._copy = owner, slot, turn, copy
        self.is_lent = True
        self.sequence, self.missed = sequence, missed
        self.length = header[_LENGTH]
        self.stamp_ns = header[_STAMP] | header[_STAMP + 1] << 32
        self.epoch = header[_SAMPLE_EPOCH]
        self.origin_ns = header[_ORIGIN] | header[_ORIGIN + 1] << 32
        self.data = data

    def __enter__(self) -> "Sample":
        return self

    def __exit__(self, *_: object) -> None:
        if self.is_lent:
            self.release()

    def fields(self) -> Any:
        """A copy of its fields that stays: a `struct` of the consumer. Whole when release() says so."""
        if self._owner.struct is None:
            raise TypeError("This mailbox has no schema")
        return self._owner.struct.from_buffer_copy(self.data)

    def is_intact(self) -> bool:
        """Whether the data is still this sample's; always, with keep_all."""
        self._check()
        return self._owner._turn_of(self._slot) == self._turn

    def release(self) -> bool:
        """Gives it back, in the order of receiving; False: the producer has begun to overwrite it.
        ValueError the second time. With `checked` BufferError while something that was made of
        `data` is in use; it stays lent then."""
        self._check()
        _end(self.data, self._copy)
        intact = self._owner._release(self)
        self.is_lent = False
        return intact

    def _check(self) -> None:
        if not self.is_lent:
            raise ValueError("Sample %d was released" % self.sequence)


def _end(data: memoryview, copy: Optional[bytearray]) -> None:
    """Ends a view. A bytearray that is to be emptied finds every use that there still is of it."""
    data.release()
    if copy is not None:
        copy.clear()


class Consumer:
    """One consumer of a mailbox: `number` from 0. `resume`: goes on after the last one released.
    `newest`: one that has fallen behind goes on at the newest, and not at the oldest kept.
    `lifespan_ns`: a sample that is older at its receipt is given back and counted; 0: none is.
    `latency_ns`: one that is older is counted as late; 0: none is.
    `path_limits_ns`: of the paths that end here; one whose origin is older is late for it.
    `checked`: each sample is a copy that is empty after its release; for tests.
    `doorbell_fd`: the read end of its doorbell, which nobody else reads.
    `on_corrupt`: called once, when memory was found corrupt and the page says so.
    Raises MailboxError when the memory is not the mailbox that `shape` says."""

    def __init__(self, samples_fd: int, page_fd: int, number: int, shape: Shape,
                 resume: bool = False, newest: bool = False, schema: Optional[str] = None,
                 lifespan_ns: int = 0, latency_ns: int = 0, checked: bool = False,
                 path_limits_ns: Tuple[int, ...] = (), doorbell_fd: Optional[int] = None,
                 on_corrupt: Optional[Callable[[], None]] = None) -> None:
        self._on_corrupt, self._doorbell_fd = on_corrupt, doorbell_fd
        if doorbell_fd is not None:
            # A description of this process alone: nobody else's reads change with it.
            os.set_blocking(doorbell_fd, False)
        self._over: Optional[End] = None
        self._waits = False
        self._lifespan_ns, self._latency_ns = lifespan_ns, latency_ns
        self._path_limits_ns = path_limits_ns[:_PATHS_MAX]
        self._checked = checked
        self._lent = 0
        self._told_early = 0  # of those skipped: they are in the page already
        self._shape, self._number, self._newest = shape, number, newest and not shape.keep_all
        self.struct = None if schema is None else struct_of(schema)
        self._own = _Memory(page_fd, _PAGE, True)
        try:
            self._samples = _Memory(samples_fd, shape.segment_bytes, False)
        except MailboxError as error:
            self._fail(error.fault)
            raise
        fault = _header_fault(self._samples, shape)
        cursor = self._own.position(_CURSOR)
        self._armed_count = self._own.words[_ARMED] >> 2
        self._own.words[_ARMED] = self._armed_count << 2 & _WORD
        self._seen = 0
        self._skipped = 0
        self._woken = 0
        if fault is None:
            self._look()
            fault = self.fault
        if fault is None and not 0 <= cursor <= self._seen:
            fault = "cursor must be at most %d, is %d" % (self._seen, cursor)
        if fault is not None:
            if self._over is None:
                self._fail(fault)
            raise MailboxError(fault)
        self._attached_at = self._seen
        self._high = cursor >> 31
        self._next = cursor + 1 if resume else max(cursor + 1, self._seen)
        self._move_cursor(self._next - 1)
        self._own.words[_OWN_EPOCH] = self._own.words[_ATTACHED_EPOCH]

    def __enter__(self) -> "Consumer":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    @property
    def fault(self) -> Optional[str]:
        """Why the link has ended though the mailbox has not: what is wrong in memory; None: nothing."""
        return None if self._over is None else self._over.fault

    def poll(self) -> "Union[Sample, End, None]":
        """The next sample; None: there is none now; an End: none will come."""
        shape, words = self._shape, self._samples.words
        for _ in range(16):
            if self._over is None and (self._next > self._seen or self._newest):
                ended = self._look()
                if self._next > self._seen and self._over is None:
                    return _ENDED if ended else None
            if self._over is not None:
                return self._over
            if not shape.keep_all and self._next <= self._seen - shape.keep:
                self._jump(self._seen if self._newest else self._seen - shape.keep + 1)
            slot = self._next % shape.slots
            turn = self._next // shape.slots * 2 + 2 & _WORD
            base = (_PAGE + slot * shape.stride) // 4
            if words[base + _TURN] == turn:
                header = tuple(words[base + at] for at in range(10))
                length = min(header[_LENGTH], shape.sample_bytes)
                start = base * 4 + _SLOT_HEADER
                data = self._samples.view[start:start + length].toreadonly()
                sums = not shape.crc32c or _crc32c(data) == header[_CRC]
                if words[base + _TURN] == turn:
                    fault = self._fault_of(header, sums)
                    if fault is not None:
                        return self._fail(fault)
                    self._next += 1
                    self._own.doubles[_MISSED] += self._skipped - self._told_early
                    self._told_early = self._skipped
                    stamp_ns = header[_STAMP] | header[_STAMP + 1] << 32
                    if 0 < self._lifespan_ns < time.monotonic_ns() - stamp_ns:
                        self._expire()
                        continue
                    copy = bytearray(data) if self._checked else None
                    if copy is not None:
                        data = memoryview(copy).toreadonly()
                    sample = Sample(self, self._next - 1, slot, turn, self._skipped, header, data,
                                    copy)
                    if self._latency_ns > 0 or self._path_limits_ns:
                        self._count_late(stamp_ns, sample.origin_ns)
                    self._skipped = self._told_early = 0
                    self._lent += 1
                    return sample
            self._look()
            if self._over is not None:
                return self._over
            taken = self._attached_at if shape.keep_all else self._seen - shape.keep
            if self._next > taken:
                return self._fail("turn of %d must be %d, is %d" % (
                    self._next, turn, words[base + _TURN]))
            self._jump(taken + 1)
            if shape.keep_all:
                # The producer may wait for what is passed over here.
                self._move_cursor(taken)
        return None

    def receive(self, timeout_s: Optional[float] = None) -> "Union[Sample, End, None]":
        """The next sample; sleeps for it. None: the time is up; an End: none will come."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            found = self.poll()
            if found is not None:
                return found
            # A sleep of at most a second: between two of them signals are served.
            left = 1.0 if end is None else min(1.0, end - time.monotonic())
            if left <= 0:
                return None
            bell = self._arm(_PARKED)
            if bell is not None:
                self._samples.wait(_BELL, bell, left)
                self._rest()

    def fileno(self) -> int:
        """Its doorbell, for select() and the like, which find it readable once what arm() has
        announced was heard. TypeError when it was given none."""
        if self._doorbell_fd is None:
            raise TypeError("This mailbox has no doorbell")
        return self._doorbell_fd

    def arm(self) -> bool:
        """Says that the program is about to wait until fileno() is readable, after a poll() that
        found nothing. False: there is something to poll for by now, and nobody will ring."""
        return self._arm(_AT_DOORBELL) is not None

    def disarm(self) -> None:
        """The reverse of arm(), whether it has rung or not; then poll(). ConnectionError when nobody
        can ring any more: the supervisor has ended."""
        self._rest()
        try:
            # What rings after this is of no wait any more, and ends the next one too early.
            rung = os.read(self.fileno(), _PAGE)
        except BlockingIOError:
            return
        if rung == b"":
            raise ConnectionError("The mailbox's doorbell is gone: its supervisor has ended")

    async def next(self) -> "Union[Sample, End]":
        """The next sample; waits for it while the running event loop of asyncio goes on. An End:
        none will come. RuntimeError while another call waits; raises as fileno() and disarm() do."""
        import asyncio
        loop, fd = asyncio.get_running_loop(), self.fileno()
        if self._waits:
            raise RuntimeError("Another call waits for this mailbox")
        self._waits = True
        try:
            while True:
                found = self.poll()
                if found is not None:
                    return found
                if not self.arm():
                    await asyncio.sleep(0)
                    continue
                rung: "asyncio.Future[None]" = loop.create_future()
                try:
                    loop.add_reader(fd, lambda: rung.done() or rung.set_result(None))
                    await rung
                finally:
                    loop.remove_reader(fd)
                    self.disarm()
        finally:
            self._waits = False

    async def __aiter__(self) -> AsyncIterator[Sample]:
        """As samples(), by next(): the event loop goes on between them."""
        while True:
            found = await self.next()
            if not isinstance(found, Sample):
                return
            yield found
            if found.is_lent:
                found.release()

    def samples(self) -> Iterator[Sample]:
        """Samples until the mailbox ends, or memory turns out to be corrupt (`fault`). Each is given
        back when the loop goes on, unless that was done; who wants to know whether it was overtaken
        releases it."""
        while True:
            found = self.receive()
            if not isinstance(found, Sample):
                return
            yield found
            if found.is_lent:
                found.release()

    def _arm(self, how: int) -> Optional[int]:
        """Says that it is about to wait; the bell, to sleep on. None: there is something to poll for."""
        bell = self._samples.words[_BELL]
        self._armed_count = self._armed_count + 1 & 0x3FFFFFFF
        self._own.words[_ARMED] = self._armed_count << 2 | how
        _fence()
        # It may have published, and looked for this word, just before.
        if not self._look() and self._next > self._seen and self._over is None:
            return bell
        self._rest()
        return None

    def _rest(self) -> None:
        self._own.words[_ARMED] = self._armed_count << 2

    def _look(self) -> bool:
        """Brings `seen` up to date; whether nothing more will come."""
        for _ in range(2):
            position = self._samples.position(_PUBLISHED)
            if position < self._seen:
                self._fail("published must be at least %d, is %d" % (self._seen, position))
                return False
            if position != self._seen:
                self._seen = position
                return False
            state = self._samples.words[_STATE]
            if state == 0:
                return False
            fault = _state_fault(state)
            if fault is not None:
                self._fail(fault)
                return False
        return True

    def _fault_of(self, header: "tuple[int, ...]", sums: bool) -> Optional[str]:
        """What is wrong with the header of a sample that nobody has overtaken."""
        length, most = header[_LENGTH], self._shape.sample_bytes
        sequence = header[_SEQ] | header[_SEQ + 1] << 32
        if length > most or self.struct is not None and length != most:
            return "length of %d must be %s%d, is %d" % (
                self._next, "" if self.struct is not None else "at most ", most, length)
        if sequence != self._next:
            return "sequence must be %d, is %d" % (self._next, sequence)
        return None if sums else "checksum of %d is wrong" % self._next

    def _fail(self, fault: str) -> End:
        """Ends the link; the supervisor reads this page and makes an event of it."""
        self._over = over = End(fault)
        text = fault.encode("ascii", "replace")[:_FAULT_BYTES - 1]
        self._own.view[_FAULT_TEXT:_FAULT_TEXT + len(text) + 1] = text + b"\0"
        self._own.words[_FAULT] = self._own.words[_ATTACHED_EPOCH]
        if self._on_corrupt is not None:
            self._on_corrupt()
        return over

    def _jump(self, target: int) -> None:
        self._skipped += target - self._next
        self._next = target

    def _count_late(self, stamp_ns: int, origin_ns: int) -> None:
        """In this order: who watches takes it as received first, then as late, then as released."""
        now, doubles = time.monotonic_ns(), self._own.doubles
        doubles[_WORST_AGE] = max(doubles[_WORST_AGE], now - stamp_ns)
        doubles[_LAST_RECEIVE] = now
        if 0 < self._latency_ns < now - stamp_ns:
            doubles[_LATE] += 1
        for path, limit_ns in enumerate(self._path_limits_ns):
            if now - origin_ns > limit_ns:
                doubles[_PATH_LATE + path] += 1
        # Behind the counts: up to here all are in them.
        doubles[_LAST_ORIGIN] = max(doubles[_LAST_ORIGIN], origin_ns)

    def _expire(self) -> None:
        """The sample just found is too old; it is given back as soon as all before it are."""
        self._own.doubles[_EXPIRED] += 1
        if self._lent == 0:
            self._move_cursor(self._next - 1)

    def _turn_of(self, slot: int) -> int:
        return self._samples.words[(_PAGE + slot * self._shape.stride) // 4 + _TURN]

    def _release(self, sample: Sample) -> bool:
        intact = self._turn_of(sample._slot) == sample._turn
        doubles = self._own.doubles
        if intact:
            doubles[_RECEIVED] += 1
            doubles[_BYTES] += sample.length
        else:
            doubles[_OVERTAKEN] += 1
        doubles[_LAST_RECEIVE] = time.monotonic_ns()
        self._lent = max(0, self._lent - 1)
        self._move_cursor(self._next - 1 if self._lent == 0 else sample.sequence)
        return intact

    def _move_cursor(self, position: int) -> None:
        words, high = self._own.words, position >> 31
        if high != self._high:
            if high != self._high + 1:
                words[_CURSOR] = self._high << 31 & _WORD
            words[_CURSOR + 1] = high
            self._high = high
        words[_CURSOR] = position & _WORD
        if not self._shape.keep_all:
            return
        _fence()
        armed = self._samples.words[_PRODUCER_ARMED]
        if armed == self._woken or armed & 0xFF != self._number + 1:
            return
        self._woken = armed
        words[_OWN_BELL] = words[_OWN_BELL] + 1 & _WORD
        self._own.wake(_OWN_BELL)


class _Fields:
    """The fields of a slot on loan. An array that was taken out does not know of the loan's end."""
    __slots__ = ("_loan",)

    def __init__(self, loan: "Loan") -> None:
        object.__setattr__(self, "_loan", loan)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loan._in_place(), name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in self._loan._owner._names:
            raise AttributeError("The schema has no field %r" % name)
        setattr(self._loan._in_place(), name, value)


class Loan:
    """A slot on loan, to be written in place. `data` is a writable memoryview of shared memory, and
    what is in it of no use; it raises ValueError once the slot was published or given back. What
    was made of it, a slice or an array, does not know, and would write into what consumers read;
    with `checked` there must be none any more by then.

    `length`: how many of its bytes will be published, all at first. `stamp_ns`: when it was
    measured, CLOCK_MONOTONIC; 0: when it is published. `origin_ns`: the stamp of the sample that it
    is made from; 0: its own. Leaving `with` without publishing gives the slot back."""

    def __init__(self, owner: "Producer", sequence: int, slot: int, turn: int, length: int) -> None:
        self._owner, self._slot, self._turn = owner, slot, turn
        self._copy = bytearray(length) if owner._checked else None
        self._struct: Any = None
        self.sequence, self.length, self.stamp_ns, self.origin_ns = sequence, length, 0, 0
        self.is_lent, self._lent_bytes = True, length
        start = owner._start_of(slot)
        self.data = (owner._samples.view[start:start + length] if self._copy is None
                     else memoryview(self._copy))

    def __enter__(self) -> "Loan":
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if not self.is_lent:
            return
        try:
            self.discard()
        except BufferError:
            # What is raised already is the news.
            if kind is None:
                raise

    @property
    def fields(self) -> Any:
        """The fields of the schema, in place. ValueError once it was published or given back, also
        by themselves."""
        self._in_place()
        return _Fields(self)

    def publish(self, length: Optional[int] = None) -> None:
        """Publishes it, or its first `length` bytes. Raises, and it stays on loan: ValueError when
        it is not the oldest on loan (Producer.publish() takes all), or for another length than 0 to
        what was lent, with a schema that of the struct; with `checked` BufferError while something
        that was made of `data` is in use."""
        self._check()
        if self._owner._loans[0] is not self:
            raise ValueError("Cannot publish %d: %d is on loan before it" % (
                self.sequence, self._owner._loans[0].sequence))
        if length is not None:
            self._check_length(length)
            self.length = length
        self._owner._publish(1)

    def discard(self) -> None:
        """Gives it back, and all that were lent after it; the same numbers come again. With
        `checked` BufferError after that, when something that was made of `data` is in use."""
        self._check()
        self._owner._give_up(self._owner._loans.index(self))

    def _check_length(self, length: int) -> None:
        self._owner._check_length(length)
        if length > self._lent_bytes:
            raise ValueError("%d bytes were lent, and not %d" % (self._lent_bytes, length))

    def _check(self) -> None:
        if not self.is_lent:
            raise ValueError("The loan of %d has ended" % self.sequence)

    def _in_place(self) -> Any:
        self._check()
        owner = self._owner
        if owner.struct is None:
            raise TypeError("This mailbox has no schema")
        if self._struct is None:
            memory: Any = owner._samples.map if self._copy is None else self._copy
            start = owner._start_of(self._slot) if self._copy is None else 0
            self._struct = owner.struct.from_buffer(memory, start)
        return self._struct

    def _settle(self) -> None:
        """What was written is in the slot, and nobody gets at it by this object any more."""
        self._struct = None
        self.data.release()
        if self._copy is None:
            return
        start = self._owner._start_of(self._slot)
        self._owner._samples.view[start:start + len(self._copy)] = self._copy
        self._copy.clear()
        self._copy = None


class Producer:
    """The producer of a mailbox. `checked`: each loan is memory of its own that is empty once it
    was published; for tests."""

    def __init__(self, samples_fd: int, page_fds: "Sequence[int]", shape: Shape,
                 doorbell_fds: "Sequence[int]" = (), block_s: float = 0.0,
                 schema: Optional[str] = None, checked: bool = False) -> None:
        if len(page_fds) != shape.consumers:
            raise MailboxError("consumers must be %d" % shape.consumers)
        self._shape, self._block_s, self._checked = shape, block_s, checked
        self._loans: "list[Loan]" = []
        self._doorbells = doorbell_fds
        self.struct = None if schema is None else struct_of(schema)
        self._names = {name for name, *_ in getattr(self.struct, "_fields_", ())}
        self._samples = _Memory(samples_fd, shape.segment_bytes, True)
        self._consumers = [_Memory(fd, _PAGE, False) for fd in page_fds]
        fault = _header_fault(self._samples, shape)
        if fault is not None:
            raise MailboxError(fault)
        self.published = self._samples.position(_PUBLISHED)
        if self.published < 0:
            raise MailboxError("published is no position")
        self._epoch = self._samples.words[_EPOCH]
        self._cursors = [0] * shape.consumers
        self._rung = [0] * shape.consumers
        self._slowest = 0
        self._armed_count = self._samples.words[_PRODUCER_ARMED] >> 8
        self._samples.words[_PRODUCER_ARMED] = self._armed_count << 8 & _WORD
        self._notify()

    def loan(self, length: Optional[int] = None, timeout_s: Optional[float] = None
             ) -> Optional[Loan]:
        """Lends the next slot, `length` bytes of it (all). Several may be on loan. None: a keep_all
        consumer is behind, also after timeout_s (as the configuration says); or it is one loan too
        many: with keep_last there may be slots - keep."""
        length = self._shape.sample_bytes if length is None else length
        self._check_length(length)
        if not self._has_slot(timeout_s):
            return None
        loan = Loan(self, *self._claim(), length)
        self._loans.append(loan)
        return loan

    def publish(self) -> None:
        """Publishes all that is on loan, in the order of the loans; consumers are woken once.
        Raises as Loan.publish() does; nothing is published then."""
        if self._loans:
            self._publish(len(self._loans))

    def discard(self) -> None:
        """Gives back all that is on loan, as Loan.discard() does."""
        self._give_up(0)

    def send(self, value: "Union[bytes, bytearray, memoryview, ctypes.Structure]",
             stamp_ns: int = 0, origin_ns: int = 0, timeout_s: Optional[float] = None) -> bool:
        """Publishes a copy of bytes, or of a `struct`. False: a keep_all consumer is behind, also
        after timeout_s (as the configuration says). Stamps are CLOCK_MONOTONIC, ns. ValueError for
        another length than a sample may have, and while a slot is on loan."""
        data = memoryview(value).cast("B")
        self._check_length(len(data))
        if self._loans:
            raise ValueError("Cannot send while a slot is on loan")
        if not self._has_slot(timeout_s):
            return False
        sequence, slot, turn = self._claim()
        start = self._start_of(slot)
        self._samples.view[start:start + len(data)] = data
        now = time.monotonic_ns()
        self._seal(sequence, slot, turn, len(data), stamp_ns or now, origin_ns)
        self._commit(sequence, now)
        return True

    def beat(self) -> None:
        """Shows a sign of life to whoever watches the mailbox, without a sample."""
        self._samples.doubles[_HEARTBEAT] = time.monotonic_ns()

    def _start_of(self, slot: int) -> int:
        return _PAGE + slot * self._shape.stride + _SLOT_HEADER

    def _check_length(self, length: int) -> None:
        most = self._shape.sample_bytes
        least = most if self.struct is not None else 0
        if not least <= length <= most:
            raise ValueError("A sample must have %d to %d bytes, has %d" % (least, most, length))

    def _has_slot(self, timeout_s: Optional[float]) -> bool:
        shape = self._shape
        if len(self._loans) >= shape.slots - shape.keep:
            return False
        if not shape.keep_all or self._has_room():
            return True
        timeout_s = self._block_s if timeout_s is None else timeout_s
        return self._wait_for_room(time.monotonic() + timeout_s)

    def _claim(self) -> "tuple[int, int, int]":
        """Sequence, slot and turn of the next sample; consumers find out who read there."""
        shape = self._shape
        sequence = self.published + len(self._loans) + 1
        slot = sequence % shape.slots
        turn = sequence // shape.slots * 2 + 1
        self._samples.words[(_PAGE + slot * shape.stride) // 4 + _TURN] = turn & _WORD
        if shape.sample_bytes >= _PAGE:
            # Large copies may go past the caches: those do not keep behind an ordinary store.
            _fence()
        return sequence, slot, turn

    def _seal(self, sequence: int, slot: int, turn: int, length: int, stamp_ns: int,
              origin_ns: int) -> None:
        """Writes the header of a slot whose data is there."""
        words, base = self._samples.words, (_PAGE + slot * self._shape.stride) // 4
        origin_ns = origin_ns or stamp_ns
        start = self._start_of(slot)
        crc = _crc32c(self._samples.view[start:start + length]) if self._shape.crc32c else 0
        for word, value in ((_LENGTH, length), (_SEQ, sequence), (_SEQ + 1, sequence >> 32),
                            (_STAMP, stamp_ns), (_STAMP + 1, stamp_ns >> 32),
                            (_SAMPLE_EPOCH, self._epoch), (_CRC, crc), (_ORIGIN, origin_ns),
                            (_ORIGIN + 1, origin_ns >> 32), (_TURN, turn + 1)):
            words[base + word] = value & _WORD

    def _commit(self, sequence: int, now_ns: int) -> None:
        """Publishes all up to this one; each has been sealed."""
        words = self._samples.words
        self._samples.doubles[_LAST_PUBLISH] = now_ns
        if sequence >> 31 != self.published >> 31:
            words[_PUBLISHED + 1] = sequence >> 31
        self.published = sequence
        words[_PUBLISHED] = sequence & _WORD
        _fence()
        self._notify()

    def _publish(self, count: int) -> None:
        loans = self._loans[:count]
        for loan in loans:
            loan._check_length(loan.length)
        for loan in loans:
            loan._settle()
        now = time.monotonic_ns()
        for loan in loans:
            loan.is_lent = False
            self._seal(loan.sequence, loan._slot, loan._turn, loan.length, loan.stamp_ns or now,
                       loan.origin_ns)
        del self._loans[:count]
        self._commit(loans[-1].sequence, now)

    def _give_up(self, first: int) -> None:
        given, self._loans = self._loans[first:], self._loans[:first]
        in_use: Optional[BufferError] = None
        for loan in given:
            loan.is_lent, loan._struct = False, None
            try:
                _end(loan.data, loan._copy)
            except BufferError as error:
                in_use = error
        if in_use is not None:
            raise in_use

    def _notify(self) -> None:
        parked = False
        for at, consumer in enumerate(self._consumers):
            armed = consumer.words[_ARMED]
            if armed & 3 == 0 or armed == self._rung[at]:
                continue
            self._rung[at] = armed
            parked = parked or armed & 3 == _PARKED
            if armed & 3 == _AT_DOORBELL and at < len(self._doorbells):
                try:
                    os.write(self._doorbells[at], b"\0")
                except BlockingIOError:
                    pass  # It is full: it has rung enough.
        if parked:
            words = self._samples.words
            words[_BELL] = words[_BELL] + 1 & _WORD
            self._samples.wake(_BELL)

    def _has_room(self) -> bool:
        least = self.published
        for at, consumer in enumerate(self._consumers):
            if consumer.words[_ATTACHED] != 1:
                continue
            cursor = consumer.position(_CURSOR)
            if self._cursors[at] < cursor <= self.published:
                self._cursors[at] = cursor
            if self._cursors[at] < least:
                least, self._slowest = self._cursors[at], at
        return self.published + len(self._loans) + 1 - self._shape.slots <= least

    def _wait_for_room(self, end: float) -> bool:
        words = self._samples.words
        while not self._has_room():
            if time.monotonic() >= end:
                return False
            consumer, slowest = self._consumers[self._slowest], self._slowest
            bell = consumer.words[_OWN_BELL]
            self._armed_count = self._armed_count + 1 & 0xFFFFFF
            words[_PRODUCER_ARMED] = self._armed_count << 8 | slowest + 1
            _fence()
            self._sleep(consumer, slowest, bell, end)
            words[_PRODUCER_ARMED] = self._armed_count << 8
        return True

    def _sleep(self, consumer: _Memory, slowest: int, bell: int, end: float) -> None:
        """Sleeps, armed, until that consumer has rung or released. Where the last look began before
        all had settled the sleep is short, and one more look follows."""
        settled = time.monotonic() + _SETTLE_S
        while True:
            now = time.monotonic()
            if now >= end or self._has_room() or self._slowest != slowest:
                return
            if consumer.words[_OWN_BELL] != bell:
                return
            # At most a second: between two sleeps signals are served.
            until = settled if now < settled else now + 1.0
            consumer.wait(_OWN_BELL, bell, min(until, end) - now)
