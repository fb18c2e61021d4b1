"""mailbox_fuzz.py SLOTS SAMPLE_BYTES KEEP_ALL KEEP CRC ROUNDS SEED CLIENT: corrupted headers, as
tests/unit/child/mailbox/fuzz_test.ts has them for Deno; prints how many rounds ended how. An
exception other than that of a mailbox that is refused ends it."""
import collections
import json
import mmap
import os
import random
import sys

sys.path.insert(0, sys.argv[8])
sys.dont_write_bytecode = True
from coxswain_mailbox import Consumer, End, MailboxError, Producer, Sample, Shape  # noqa: E402

EDGES = [0, 1, 2, 0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 64, 65, 0x3FFFFF, 0x200000]
slots, size, keep_all, keep, crc, rounds, seed = (int(word) for word in sys.argv[1:8])
shape = Shape(slots, size, keep=keep, keep_all=bool(keep_all), crc32c=bool(crc))
dice = random.Random(seed)
pick = dice.randrange


def share(name, size):
    fd = os.memfd_create(name)
    os.ftruncate(fd, size)
    return fd, mmap.mmap(fd, size)


def value():
    if pick(3) == 0:
        return EDGES[pick(len(EDGES))]
    return pick(32) if pick(2) == 0 else dice.getrandbits(32)


def corrupt():
    where = pick(4)
    if where == 0:
        words[pick(24)] = value()
    elif where == 1:
        words[16 + pick(5)] = value()
    elif where == 2:
        own[16 + pick(5)] = value()
    else:
        words[1024 + pick(slots) * (shape.stride // 4) + pick(10)] = value()


def told():
    """What the supervisor is told; None: nothing."""
    text = bytes(page[512:640])
    return text[:text.index(0)].decode() if own[80] == 7 else None


def outcome_of(consumer):
    found = None
    for _ in range(3):
        found = consumer.receive(0) if pick(8) == 0 else consumer.poll()
        if not isinstance(found, Sample):
            break
        assert found.length == len(found.data) <= size and found._slot < slots
        bytes(found.data)
        found.release()
    if isinstance(found, End) and found.fault is not None:
        assert not found and consumer.fault == found.fault == told() and told_count == 1
        assert consumer.poll() is found is consumer.receive() and told_count == 1
        assert list(consumer.samples()) == []
        return "corrupt"
    assert told() is None and told_count == 0 and consumer.fault is None
    return "ended" if isinstance(found, End) else "none" if found is None else "sample"


def count_told():
    global told_count
    told_count += 1


def make():
    return Consumer(samples_fd, page_fd, 0, shape, resume=True, on_corrupt=count_told)


samples_fd, samples = share("samples", shape.segment_bytes)
page_fd, page = share("page", 4096)
words, own = memoryview(samples).cast("I"), memoryview(page).cast("I")
header = (0x4D584F43, 1, 4096, slots, shape.stride, size, 0, 0, keep_all, keep, 1, crc)
for at, word in enumerate(header):
    words[at] = word
own[48], own[49] = 1, 7
out = Producer(samples_fd, [page_fd], shape)
for n in range(11):
    assert out.send(bytes([n]))
good, good_page = bytes(samples), bytes(page)
counts = collections.Counter()
for _ in range(rounds):
    samples[:], page[:] = good, good_page
    told_count = 0
    consumer = make() if pick(2) == 0 else None
    for _ in range(pick(3) + 1):
        corrupt()
    try:
        consumer = consumer or make()
        counts[outcome_of(consumer)] += 1
    except MailboxError as error:
        assert error.fault == told() and told_count == 1
        counts["refused"] += 1
    try:
        if pick(4) == 0:
            Producer(samples_fd, [page_fd], shape).send(b"x", timeout_s=0)
    except MailboxError:
        pass
print(json.dumps(counts))
