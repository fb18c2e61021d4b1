// Appends "pid monotonic-nanoseconds\n" to the FIFO named by its argument, as its very first
// act, and then waits to be killed.
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

int main(int argc, char **argv) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  if (argc != 2) return 100;
  int fd = open(argv[1], O_WRONLY | O_APPEND);
  if (fd < 0) return 111;
  char line[64];
  int size = snprintf(line, sizeof line, "%d %lld\n", (int)getpid(),
                      (long long)now.tv_sec * 1000000000LL + now.tv_nsec);
  if (write(fd, line, size) != size) return 111;
  close(fd);
  for (;;) pause();
}
