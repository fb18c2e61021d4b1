"""pulse_member.py FOLDER: see pulse_member.c; the memory is that of COX_LINKS."""
import sys

sys.path.insert(0, sys.argv[1])
import coxswain_pulse as pulse  # noqa: E402

clock = [10050]
pulse._now_ns = lambda: clock[0]


def sleep_until(at_ns):
    clock[0] = at_ns


pulse._sleep_until = sleep_until
for call, name in ((pulse.cycle, "sam"), (pulse.checkpoints, "sample")):
    try:
        call(name)
        sys.exit(104)
    except pulse.PulseError:
        pass
sample, boot = pulse.cycle("sample"), pulse.checkpoints("boot")
pulse.heartbeat()
skipped = [sample.wait()]
clock[0] += 300
skipped.append(sample.wait())
clock[0] += 3500
skipped.append(sample.wait())
clock[0] += 20
sample.end()
clock[0] += 20
sample.leave()
clock[0] += 5000
skipped.append(sample.wait())
pulse.heartbeat()
boot.at("open")
clock[0] += 7
boot.at("read")
print(*skipped, clock[0])
