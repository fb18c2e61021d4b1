// restart_probe COUNT ROUNDS SETTLE_MS FIFO…
//
// One FIFO per side. Waits for COUNT stamps of each side, then ROUNDS times, side after side:
// waits SETTLE_MS, kills all COUNT processes of the side at once, and waits until each has stamped
// again. Prints one line a round: for each side the nanoseconds from just before the first kill to
// the last new stamp. The sides take turns within a round, so that noise meets them all.
#include <signal.h>
#include "probe.h"

#define COUNT_MAX 1000
#define SIDES_MAX 4

static struct stamp live[SIDES_MAX][COUNT_MAX];

int main(int argc, char **argv) {
  int sides = argc - 4;
  if (sides < 1 || sides > SIDES_MAX) return 100;
  int count = atoi(argv[1]), rounds = atoi(argv[2]), settle_ms = atoi(argv[3]);
  if (count < 1 || count > COUNT_MAX) return 100;
  int fds[SIDES_MAX];
  for (int side = 0; side < sides; side++) {
    fds[side] = open_fifo(argv[4 + side]);
    for (int i = 0; i < count; i++) live[side][i] = next_stamp(fds[side], 30000);
  }
  for (int round = 0; round < rounds; round++) {
    for (int side = 0; side < sides; side++) {
      sleep_ms(settle_ms);
      long long start = now_ns(), last = 0;
      for (int i = 0; i < count; i++) {
        if (kill(live[side][i].pid, SIGKILL) != 0) die("kill");
      }
      for (int i = 0; i < count; i++) {
        live[side][i] = next_stamp(fds[side], 30000);
        if (live[side][i].ns > last) last = live[side][i].ns;
      }
      printf("%lld%c", last - start, side == sides - 1 ? '\n' : ' ');
    }
    fflush(stdout);
  }
  return 0;
}
