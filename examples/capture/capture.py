"""Takes 500 readings a second, each written into shared memory."""
import math
import time

from coxswain_mailbox import producer

readings = producer("readings", "struct{t:f64;axis:f32[3];}")
reading = readings.struct()
start = time.monotonic()
count = 0
while True:
    reading.t = count / 500
    # Every half a second something happens.
    peak = 8.0 if count % 250 == 0 else 0.0
    for at in range(3):
        reading.axis[at] = math.sin(reading.t * (at + 1)) + peak
    readings.send(reading)
    count += 1
    time.sleep(max(0.0, start + count / 500 - time.monotonic()))
