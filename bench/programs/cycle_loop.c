// A loop of 1 kHz by clock_nanosleep, as cycle() is: absolute times, what is over is skipped.
// cycle_loop PASSES: prints how late each pass began, nanoseconds, one a line.
#include "probe.h"

#define PERIOD_NS 1000000LL

int main(int argc, char **argv) {
  int passes = argc > 1 ? atoi(argv[1]) : 0;
  if (passes < 1) return 100;
  long long *late = malloc(passes * sizeof *late);
  if (late == NULL) die("malloc");
  long long due = (now_ns() / PERIOD_NS + 2) * PERIOD_NS;
  for (int pass = 0; pass < passes; pass++) {
    struct timespec until = {.tv_sec = due / 1000000000LL, .tv_nsec = due % 1000000000LL};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) != 0) continue;
    long long now = now_ns();
    due += (now - due) / PERIOD_NS * PERIOD_NS;
    late[pass] = now - due;
    due += PERIOD_NS;
  }
  for (int pass = 0; pass < passes; pass++) printf("%lld\n", late[pass]);
  return 0;
}
