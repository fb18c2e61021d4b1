// Both ends of many pipes. many_pipes write FIRST COUNT: 64 bytes to each descriptor every 10 ms.
// many_pipes read FIRST COUNT: takes what comes on any of them.
#define _GNU_SOURCE
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc != 4) return 100;
  const int first = atoi(argv[2]), count = atoi(argv[3]);
  static char buffer[65536];
  if (strcmp(argv[1], "write") == 0) {
    const struct timespec pause = {0, 10 * 1000 * 1000};
    for (;;) {
      for (int fd = first; fd < first + count; fd++)
        if (write(fd, buffer, 64) != 64) return 1;
      nanosleep(&pause, NULL);
    }
  }
  struct pollfd *fds = calloc(count, sizeof *fds);
  for (int index = 0; index < count; index++)
    fds[index] = (struct pollfd){.fd = first + index, .events = POLLIN};
  for (;;) {
    if (poll(fds, count, -1) < 0) return 1;
    for (int index = 0; index < count; index++)
      if (fds[index].revents && read(fds[index].fd, buffer, sizeof buffer) <= 0) return 0;
  }
}
