"""mailbox_member.py read|write UPTO SLOTS SAMPLE_BYTES KEEP_ALL KEEP CRC: see mailbox_member.c."""
import json
import struct
import sys

sys.path.insert(0, sys.argv[8])
from coxswain_mailbox import Consumer, Producer, Shape  # noqa: E402


def data_of(sequence, length):
    words = ((sequence + at) * 0x9E3779B1 & 0xFFFFFFFF for at in range(length // 4))
    return struct.pack("<%dI" % (length // 4), *words)


role, up_to, slots, size, keep_all, keep, crc = [sys.argv[1]] + [int(a) for a in sys.argv[2:8]]
shape = Shape(slots, size, keep=keep, keep_all=bool(keep_all), crc32c=bool(crc))
if role == "write":
    out = Producer(4, [5], shape)
    while out.published < up_to:
        n = out.published + 1
        if not out.send(data_of(n, 8 + n % (size // 4 - 1) * 4), 1000 + n, 500 + n, timeout_s=20):
            sys.exit(111)
else:
    received = missed = wrong = last = 0
    for sample in Consumer(4, 5, 0, shape, resume=True).samples():
        torn = bytes(sample.data) != data_of(sample.sequence, sample.length)
        wrong += sample.sequence != last + sample.missed + 1
        missed += sample.missed
        last = sample.sequence
        if sample.release():
            received += 1
            wrong += torn
        else:
            missed += 1
    print(json.dumps({"found": 4, "received": received, "missed": missed, "wrong": wrong,
                      "last": last}))
