"""Takes 500 readings a second, each written into shared memory."""
import math
import time

from coxswain_mailbox import producer

readings = producer("readings", "struct{t:f64;axis:f32[3];}")
start = time.monotonic()
count = 0
while True:
    t = count / 500
    # Every half a second something happens.
    peak = 8.0 if count % 250 == 0 else 0.0
    with readings.loan() as loan:
        loan.fields.t = t
        loan.fields.axis[:] = [math.sin(t * (at + 1)) + peak for at in range(3)]
        loan.publish()
    count += 1
    time.sleep(max(0.0, start + count / 500 - time.monotonic()))
