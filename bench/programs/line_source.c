// line_source BYTES LINE_BYTES DELAY_MS: waits, then writes about that many bytes to stdout as
// whole lines of LINE_BYTES (line feed included), in blocks of at most 64 KiB.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "probe.h"

int main(int argc, char **argv) {
  static char block[65536];
  if (argc != 4) return 100;
  size_t line = atoi(argv[2]);
  if (line < 1 || line > sizeof block) return 100;
  size_t size = sizeof block / line * line;
  memset(block, 'x', size);
  for (size_t at = line - 1; at < size; at += line) block[at] = '\n';
  sleep_ms(atoi(argv[3]));
  for (long long left = atoll(argv[1]) / line * line; left > 0;) {
    size_t part = left < (long long)size ? (size_t)left : size;
    for (size_t done = 0; done < part;) {
      ssize_t count = write(1, block + done, part - done);
      if (count < 0) return 111;
      done += count;
    }
    left -= part;
  }
  return 0;
}
