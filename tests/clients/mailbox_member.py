"""mailbox_member.py ROLE UPTO SLOTS SAMPLE_BYTES KEEP_ALL KEEP CRC: see mailbox_member.c. ROLE: read,
write by copies, lend: write in place, one or two at once; with -checked by memory of its own."""
import json
import struct
import sys

sys.path.insert(0, sys.argv[8])
from coxswain_mailbox import Consumer, Producer, Shape  # noqa: E402


def data_of(sequence, length):
    words = ((sequence + at) * 0x9E3779B1 & 0xFFFFFFFF for at in range(length // 4))
    return struct.pack("<%dI" % (length // 4), *words)


def length_of(sequence):
    return 8 + sequence % (size // 4 - 1) * 4


def fill(loan):
    length = length_of(loan.sequence)
    loan.data[:length] = data_of(loan.sequence, length)
    loan.length, loan.stamp_ns, loan.origin_ns = length, 1000 + loan.sequence, 500 + loan.sequence


def lend_one(out):
    with out.loan(timeout_s=20) as loan:  # leaving it gives the slot back
        loan.data[0] = 0xFF
    with out.loan(timeout_s=20) as loan:
        fill(loan)
        loan.publish(length_of(loan.sequence))


def lend_two(out):
    for _ in range(2):
        fill(out.loan(timeout_s=20))
    out.publish()


role, up_to, slots, size, keep_all, keep, crc = [sys.argv[1]] + [int(a) for a in sys.argv[2:8]]
shape = Shape(slots, size, keep=keep, keep_all=bool(keep_all), crc32c=bool(crc))
checked = role.endswith("-checked")
if role.startswith("lend"):
    out = Producer(4, [5], shape, checked=checked)
    while out.published < up_to:
        two = out.published % 3 == 0 and out.published + 2 <= up_to
        (lend_two if two else lend_one)(out)
elif role == "write":
    out = Producer(4, [5], shape)
    while out.published < up_to:
        n = out.published + 1
        if not out.send(data_of(n, length_of(n)), 1000 + n, 500 + n, timeout_s=20):
            sys.exit(111)
else:
    received = missed = wrong = last = 0
    for sample in Consumer(4, 5, 0, shape, resume=True, checked=checked).samples():
        torn = bytes(sample.data) != data_of(sample.sequence, sample.length)
        is_wrong = last != 0 and sample.sequence != last + sample.missed + 1
        missed += sample.missed
        last = sample.sequence
        if sample.release():
            received += 1
            is_wrong = is_wrong or torn
        else:
            missed += 1
        if is_wrong:
            wrong += 1
            print("wrong", last, flush=True)  # at once: it may be killed
    print(json.dumps({"found": 4, "received": received, "missed": missed, "wrong": wrong,
                      "last": last}))
