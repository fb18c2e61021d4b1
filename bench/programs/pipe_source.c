// pipe_source BYTES DELAY_MS: waits, then writes that many zero bytes to stdout in blocks of 64 KiB.
#include <stdlib.h>
#include <unistd.h>
#include "probe.h"

int main(int argc, char **argv) {
  static char block[65536];
  if (argc != 3) return 100;
  sleep_ms(atoi(argv[2]));
  for (long long left = atoll(argv[1]); left > 0;) {
    ssize_t count = write(1, block, left < (long long)sizeof block ? left : sizeof block);
    if (count < 0) return 111;
    left -= count;
  }
  return 0;
}
