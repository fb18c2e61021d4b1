// pipe_sink FILE: reads stdin to its end in blocks of 64 KiB and writes
// "bytes nanoseconds pipe-size\n" to FILE; the time runs from the first byte to the end.
#define _GNU_SOURCE
#include <unistd.h>
#include "probe.h"

int main(int argc, char **argv) {
  static char block[65536];
  if (argc != 2) return 100;
  long long total = 0, start = 0;
  for (;;) {
    ssize_t count = read(0, block, sizeof block);
    if (count < 0) die("read");
    if (count == 0) break;
    if (total == 0) start = now_ns();
    total += count;
  }
  long long elapsed = now_ns() - start;
  FILE *file = fopen(argv[1], "w");
  if (file == NULL) die(argv[1]);
  fprintf(file, "%lld %lld %d\n", total, elapsed, fcntl(0, F_GETPIPE_SZ));
  return fclose(file) == 0 ? 0 : 111;
}
