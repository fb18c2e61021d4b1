// pipe_source BYTES: writes that many zero bytes to stdout in blocks of 64 KiB.
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv) {
  static char block[65536];
  if (argc != 2) return 100;
  for (long long left = atoll(argv[1]); left > 0;) {
    ssize_t count = write(1, block, left < (long long)sizeof block ? left : sizeof block);
    if (count < 0) return 111;
    left -= count;
  }
  return 0;
}
