// restart_probe FIFO COUNT ROUNDS SETTLE_MS
//
// Waits for COUNT stamps, then ROUNDS times: waits SETTLE_MS, kills all COUNT processes at once,
// waits until each has stamped again, and prints the nanoseconds from just before the first kill
// to the last new stamp.
#include <signal.h>
#include "probe.h"

#define COUNT_MAX 1000

int main(int argc, char **argv) {
  if (argc != 5) return 100;
  int fd = open_fifo(argv[1]);
  int count = atoi(argv[2]), rounds = atoi(argv[3]), settle_ms = atoi(argv[4]);
  if (count < 1 || count > COUNT_MAX) return 100;
  static struct stamp live[COUNT_MAX];
  for (int i = 0; i < count; i++) live[i] = next_stamp(fd, 30000);
  for (int round = 0; round < rounds; round++) {
    sleep_ms(settle_ms);
    long long start = now_ns(), last = 0;
    for (int i = 0; i < count; i++) {
      if (kill(live[i].pid, SIGKILL) != 0) die("kill");
    }
    for (int i = 0; i < count; i++) {
      live[i] = next_stamp(fd, 30000);
      if (live[i].ns > last) last = live[i].ns;
    }
    printf("%lld\n", last - start);
    fflush(stdout);
  }
  return 0;
}
