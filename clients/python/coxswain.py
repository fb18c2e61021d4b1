"""The client of Coxswain for Python 3.8 and later: links and readiness. Standard library only.

    import coxswain

    frames = coxswain.connect("frames")
    poses = coxswain.connect("poses")
    coxswain.ready()
    for frame in frames.frames():
        poses.send_ndjson({"bytes": len(frame)})

Copy this file beside the program, or put its folder into PYTHONPATH. The protocol behind it is
in docs/links.md. Reading and writing block; a link belongs to one thread at a time.
"""
import json
import os
import socket
import stat
import struct
from typing import Any, Callable, Dict, Iterator, List, Optional

__all__ = [
    "Link", "MessageError", "NotSupervisedError", "connect", "dial", "extend_timeout", "is_supervised",
    "links", "ready", "reloading", "status", "stopping", "watchdog",
]

MESSAGE_BYTES_DEFAULT = 1 << 20
MESSAGE_BYTES_MAX = 1 << 30
_READ_BYTES = 65536
_NOTIFY_BYTES_MAX = 4096


class NotSupervisedError(RuntimeError):
    """The program was not started by `cox up`, or by a version that this file does not know."""


class MessageError(ValueError):
    """A message that is not what it should be.

    fault: "too-long", "not-utf8", "not-json" or "unfinished" (the input ended within it).
    index: 1 for the first message of the link. byte_offset: of its first byte.
    """

    def __init__(self, fault: str, index: int, byte_offset: int, rule: str) -> None:
        super().__init__("Message %d (byte %d) %s" % (index, byte_offset, rule))
        self.fault = fault
        self.index = index
        self.byte_offset = byte_offset


OnBadMessage = Optional[Callable[[MessageError], None]]


class Link:
    """One end of a channel: `with connect("frames") as link`. Every wait is a system call, so
    that a signal handler may raise to end it.

    The iterators yield messages until the producer has ended. A malformed message is raised, or
    given to `on_bad_message` and skipped. What one iterator has read and not yielded, the next
    one does: use one format for a link.

    Where the channel has a `framing`, another format raises ValueError; `messages()` and `send()`
    follow the channel. A largest message is by default the channel's, else 1 MiB; one that is
    larger than the channel's is cut to it. read() and write() are the bytes beneath.
    """

    def __init__(self, info: Dict[str, Any]) -> None:
        self.info = info
        self.name: str = info["name"]
        self.port: str = info["port"]
        self.direction: str = info["direction"]
        self.fd: int = info["fd"]
        # Of a relayed pipe: what a message is, and how large it may be.
        self.framing: Optional[str] = info.get("framing")
        self._largest: Optional[int] = info.get("limits", {}).get("maxMessageBytes")
        self._buffer = bytearray()
        self._offset = 0
        self._index = 1
        self._ended = False
        # Programs that this one starts must not get hold of the link.
        os.set_inheritable(self.fd, False)

    def __enter__(self) -> "Link":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """The descriptor, for select() and the like."""
        return self.fd

    def close(self) -> None:
        """Closes the descriptor: the other side sees it once every instance has finally ended."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def read(self, max_bytes: int = _READ_BYTES) -> bytes:
        """Waits for bytes, at most `max_bytes`; b"" at the end."""
        self._check("reads", ("read", "both"))
        if self._buffer:
            return self._take(min(max_bytes, len(self._buffer)))
        return os.read(self.fd, max_bytes)

    def write(self, data: bytes) -> None:
        """Writes all of `data`; waits while the channel is full.

        Up to 4096 bytes go into a pipe in one piece: a kill leaves no half of them behind.
        Raises BrokenPipeError when nobody will ever read.
        """
        self._check("writes", ("write", "both"))
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self.fd, rest):]

    def messages(self, on_bad_message: OnBadMessage = None) -> Iterator[Any]:
        """Messages of the channel's framing: str, JSON values or bytes."""
        receive = {"lines": self.lines, "ndjson": self.ndjson, "frames": self.frames}
        return receive[self._channel_framing()](on_bad_message=on_bad_message)

    def send(self, message: Any) -> None:
        """Writes a message of the channel's framing: a str, a JSON value or bytes."""
        send = {"lines": self.send_line, "ndjson": self.send_ndjson, "frames": self.send_frame}
        send[self._channel_framing()](message)

    def lines(self, max_line_bytes: Optional[int] = None,
              on_bad_message: OnBadMessage = None) -> Iterator[str]:
        """UTF-8 lines without their line feed."""
        self._speak("lines")
        return self._lines(self._limit(max_line_bytes), on_bad_message)

    def _lines(self, max_bytes: int, on_bad_message: OnBadMessage) -> Iterator[str]:
        for raw in self._raw_lines(max_bytes, on_bad_message):
            index, offset, line = raw
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as cause:
                _bad(MessageError("not-utf8", index, offset, "must be UTF-8"),
                     on_bad_message, cause)

    def ndjson(self, max_line_bytes: Optional[int] = None,
               on_bad_message: OnBadMessage = None) -> Iterator[Any]:
        """One JSON value a line; empty lines are skipped."""
        self._speak("ndjson")
        return self._ndjson(self._limit(max_line_bytes), on_bad_message)

    def _ndjson(self, max_bytes: int, on_bad_message: OnBadMessage) -> Iterator[Any]:
        for index, offset, line in self._raw_lines(max_bytes, on_bad_message):
            if not line.strip():
                continue
            try:
                value = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant)
            except UnicodeDecodeError as cause:
                _bad(MessageError("not-utf8", index, offset, "must be UTF-8"),
                     on_bad_message, cause)
            except (ValueError, RecursionError) as cause:
                _bad(MessageError("not-json", index, offset, "must be JSON"),
                     on_bad_message, cause)
            else:
                yield value

    def frames(self, max_frame_bytes: Optional[int] = None,
               on_bad_message: OnBadMessage = None) -> Iterator[bytes]:
        """Messages after their length (u32, big-endian).

        A length above the limit is refused before anything is allocated for it.
        """
        self._speak("frames")
        return self._frames(self._limit(max_frame_bytes), on_bad_message)

    def _frames(self, max_frame_bytes: int, on_bad_message: OnBadMessage) -> Iterator[bytes]:
        while True:
            if not self._fill(4):
                if self._buffer:
                    self._unfinished(on_bad_message, "was not written whole")
                return
            (length,) = struct.unpack_from(">I", self._buffer)
            if length > max_frame_bytes:
                error = MessageError(
                    "too-long", self._index, self._offset,
                    "must be at most %d bytes, is %d" % (max_frame_bytes, length))
                self._index += 1
                whole = self._discard(4 + length)
                _bad(error, on_bad_message)
                if not whole:
                    return
                continue
            if not self._fill(4 + length):
                self._unfinished(on_bad_message, "was not written whole")
                return
            self._take(4)
            self._index += 1
            yield self._take(length)

    def send_line(self, line: str) -> None:
        """Writes a line; it must not have a line feed in it."""
        if "\n" in line:
            raise ValueError("Cannot send a line that has a line feed in it: it would be two")
        self._speak("lines")
        self.write(self._fitting(line.encode("utf-8")) + b"\n")

    def send_ndjson(self, value: Any) -> None:
        """Writes a value as a line of JSON."""
        self._speak("ndjson")
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
        self.write(self._fitting(text.encode("utf-8")) + b"\n")

    def send_frame(self, payload: bytes) -> None:
        """Writes a message after its length, at most 2^30 bytes."""
        if len(payload) > MESSAGE_BYTES_MAX:
            raise ValueError("A frame must be at most 2^30 bytes, is %d" % len(payload))
        self._speak("frames")
        self.write(struct.pack(">I", len(payload)) + self._fitting(payload))

    def _channel_framing(self) -> str:
        if self.framing is None:
            raise ValueError('Channel "%s" carries bytes: say what a message is, with lines(), '
                             "ndjson() or frames()" % self.name)
        return self.framing

    def _speak(self, framing: str) -> None:
        if self.framing not in (None, framing):
            raise ValueError('Messages of channel "%s" are %s (the channel\'s framing), and not %s'
                             % (self.name, self.framing, framing))

    def _limit(self, asked: Optional[int]) -> int:
        if asked is None:
            asked = self._largest or MESSAGE_BYTES_DEFAULT
        return min(_limit(asked), self._largest or asked)

    def _fitting(self, message: bytes) -> bytes:
        if self._largest is not None and len(message) > self._largest:
            raise ValueError('A message on channel "%s" must be at most %d bytes, is %d'
                             % (self.name, self._largest, len(message)))
        return message

    def _check(self, does: str, directions: "tuple[str, ...]") -> None:
        if self.fd < 0:
            raise ValueError('Channel "%s" was closed' % self.name)
        if self.direction not in directions:
            raise ValueError('Channel "%s": this process has no port that %s it' % (self.name, does))

    def _raw_lines(self, max_bytes: int, on_bad_message: OnBadMessage):
        searched = 0
        while True:
            at = self._buffer.find(b"\n", searched)
            if at < 0 and len(self._buffer) > max_bytes or at > max_bytes:
                yield from self._long_line(max_bytes, on_bad_message)
                searched = 0
                continue
            if at < 0:
                searched = len(self._buffer)
                if self._more():
                    continue
                if self._buffer:
                    self._unfinished(on_bad_message, "has no line feed")
                return
            index, offset = self._index, self._offset
            line = self._take(at)
            self._take(1)
            self._index += 1
            searched = 0
            yield index, offset, line

    def _long_line(self, max_bytes: int, on_bad_message: OnBadMessage):
        """Drops bytes up to the next line feed, holding one chunk at most. Yields nothing."""
        error = MessageError("too-long", self._index, self._offset,
                             "must be at most %d bytes and is longer" % max_bytes)
        self._index += 1
        while True:
            at = self._buffer.find(b"\n")
            self._take(len(self._buffer) if at < 0 else at + 1)
            if at >= 0 or not self._more():
                break
        _bad(error, on_bad_message)
        yield from ()

    def _unfinished(self, on_bad_message: OnBadMessage, rule: str) -> None:
        error = MessageError("unfinished", self._index, self._offset,
                             rule + ": its writer was cut off")
        self._index += 1
        self._take(len(self._buffer))
        _bad(error, on_bad_message)

    def _more(self) -> bool:
        self._check("reads", ("read", "both"))
        if self._ended:
            return False
        chunk = os.read(self.fd, _READ_BYTES)
        self._ended = not chunk
        self._buffer += chunk
        return not self._ended

    def _fill(self, count: int) -> bool:
        while len(self._buffer) < count:
            if not self._more():
                return False
        return True

    def _discard(self, count: int) -> bool:
        while count > 0:
            if not self._buffer and not self._more():
                return False
            count -= len(self._take(min(count, len(self._buffer))))
        return True

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        self._offset += count
        return taken


def is_supervised() -> bool:
    """Whether a supervisor started the program and told it of links."""
    return "COX_LINKS" in os.environ


def links() -> List[Dict[str, Any]]:
    """What the supervisor said of each link: name, port, kind, direction, fd, limits."""
    text = os.environ.get("COX_LINKS")
    if text is None:
        raise NotSupervisedError(
            "this program was not started by a supervisor, or has no links. Declare it in "
            "supervisor.config.ts\n"
            '  me: { run: command(["python3", "./me.py"]) }\n'
            '  frames: pipe({ from: "me.frames", to: "other.frames" })\n'
            "and run `cox up`")
    value = json.loads(text)
    if value.get("version") != 1:
        raise NotSupervisedError("COX_LINKS is of version %r, known is 1" % value.get("version"))
    return value["links"]


_connected: "set[int]" = set()


def connect(name: str) -> Link:
    """Connects to a link by the name of its port or of its channel (a port of that name wins).

    Raises LookupError for an unknown name, OSError when the descriptor is not there (a program
    started by the supervised one inherits COX_LINKS and, as a rule, no descriptors).
    """
    known = links()
    found = next((link for link in known if link["port"] == name), None) or next(
        (link for link in known if link["name"] == name), None)
    if found is None:
        listed = ", ".join('"%s" (channel "%s")' % (link["port"], link["name"]) for link in known)
        raise LookupError('Cannot connect to "%s": this process has the links %s' % (name, listed))
    if found["direction"] not in ("read", "write", "both"):
        raise ValueError('Cannot connect to "%s": it takes connections (%s)' % (name, found["kind"]))
    if found["fd"] in _connected:
        raise ValueError(
            'Cannot connect to "%s": it was connected before, and a link has one owner' % name)
    is_kind = stat.S_ISFIFO if found["kind"] == "pipe" else stat.S_ISSOCK
    if not is_kind(os.fstat(found["fd"]).st_mode):
        raise OSError('Cannot connect to "%s": descriptor %d is no %s; was this program started '
                      "by another one?" % (name, found["fd"], found["kind"]))
    _connected.add(found["fd"])
    return Link(found)


def dial(name: str, timeout: Optional[float] = None) -> socket.socket:
    """Connects to a listener that this process is a declared client of, by the name of its channel,
    as often as it likes. The socket is the caller's.

    While the server is down the connection waits for its next instance; it may also still be
    refused, which shows as its end. timeout: seconds for the connection itself, None to wait; it
    stays the socket's.

    Raises LookupError for a name that is none of such a listener, OSError as connect(2) does:
    ConnectionRefusedError when the server has finally ended.
    """
    known = [link for link in links() if link["direction"] == "connect"]
    path = next((link["path"] for link in known if link["name"] == name), None)
    if path is None:
        listed = ", ".join('"%s"' % link["name"] for link in known)
        raise LookupError('Cannot dial "%s": this process is a client of %s' % (
            name, listed or "no listener"))
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        connection.settimeout(timeout)
        connection.connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


def ready() -> None:
    """Tells the supervisor that the work can begin; needs `ready: { by: "notify" }`."""
    _notify("READY=1")


def status(text: str) -> None:
    """Shows a line beside the process in `cox ps`."""
    _notify("STATUS=" + text)


def stopping() -> None:
    """Announces an orderly end that the program began by itself."""
    _notify("STOPPING=1")


def reloading() -> None:
    """Announces that the program reloads; call ready() when it is done."""
    _notify("RELOADING=1")


def watchdog() -> None:
    """Shows a sign of life."""
    _notify("WATCHDOG=1")


def extend_timeout(duration_ms: float) -> None:
    """The running ready or stop timeout is due in `duration_ms` at the earliest."""
    if not 0 < duration_ms <= 864_000_000:
        raise ValueError("duration_ms must be above 0 and at most 864000000, is %r" % duration_ms)
    _notify("EXTEND_TIMEOUT_USEC=%d" % -(-duration_ms * 1000 // 1))


def _notify(text: str) -> None:
    path = os.environ.get("NOTIFY_SOCKET")
    if path is None:
        raise NotSupervisedError(
            "nobody listens: run the program with `cox up` and set "
            '`ready: { by: "notify" }` for it in supervisor.config.ts')
    if any(character in text for character in "\n\r\0"):
        raise ValueError("A message to the supervisor must be one line without NUL")
    data = text.encode("utf-8")
    if len(data) > _NOTIFY_BYTES_MAX:
        raise ValueError("A message must be at most %d bytes, is %d" % (_NOTIFY_BYTES_MAX, len(data)))
    # sd_notify(3): "@" stands for the NUL of an abstract name.
    address = "\0" + path[1:] if path.startswith("@") else path
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
        channel.sendto(data, address)


def _limit(value: int) -> int:
    if isinstance(value, int) and 1 <= value <= MESSAGE_BYTES_MAX:
        return value
    raise ValueError("A largest message must be a whole number from 1 to 2^30, is %r" % value)


def _refuse_constant(name: str) -> None:
    raise ValueError("%s is not JSON" % name)


def _bad(error: MessageError, on_bad_message: OnBadMessage,
         cause: Optional[BaseException] = None) -> None:
    if on_bad_message is None:
        raise error from cause
    on_bad_message(error)
