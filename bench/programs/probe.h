// What the probes share: the clock and the FIFO of stamps.
#ifndef PROBE_H
#define PROBE_H
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct stamp {
  int pid;
  long long ns;
};

static inline long long now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (long long)now.tv_sec * 1000000000LL + now.tv_nsec;
}

static inline void die(const char *what) {
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  exit(111);
}

// Read and write, so that neither side ever waits for the other to open it.
static inline int open_fifo(const char *path) {
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0) die(path);
  return fd;
}

// The next stamp; ends the probe when none comes within timeout_ms.
static inline struct stamp next_stamp(int fd, int timeout_ms) {
  char line[64];
  size_t size = 0;
  for (;;) {
    struct pollfd wait = {.fd = fd, .events = POLLIN};
    if (poll(&wait, 1, timeout_ms) != 1) {
      fprintf(stderr, "no stamp within %d ms\n", timeout_ms);
      exit(111);
    }
    if (read(fd, line + size, 1) != 1) die("read");
    if (line[size] == '\n') break;
    if (++size == sizeof line) exit(101);
  }
  line[size] = 0;
  struct stamp stamp;
  if (sscanf(line, "%d %lld", &stamp.pid, &stamp.ns) != 2) exit(101);
  return stamp;
}

static inline void sleep_ms(long long ms) {
  struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
  nanosleep(&time, NULL);
}
#endif
