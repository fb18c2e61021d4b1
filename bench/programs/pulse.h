// The pulse memory of a supervised C program, as docs/deadlines.md describes it: found by
// COX_LINKS, mapped, stamped. Also what sd_notify does, for programs that have no memory.
#ifndef PULSE_H
#define PULSE_H
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include "probe.h"

#define LINE_BYTES 64
#define RECORD_DOUBLES 4

struct pulse {
  uint32_t *words;
  double *doubles;
};

// Where one cycle is: from its line and its directory's entry.
struct pulse_cycle {
  uint32_t *line;
  double *ring;
  uint32_t mask;
  long long period_ns, offset_ns;
};

static inline struct pulse map_pulse(int fd, size_t bytes) {
  void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
  if (at == MAP_FAILED) die("mmap of the pulse memory");
  return (struct pulse){.words = at, .doubles = at};
}

static inline struct pulse open_pulse(void) {
  const char *links = getenv("COX_LINKS");
  const char *told = links == NULL ? NULL : strstr(links, "\"pulse\":{");
  int fd = -1;
  long bytes = 0;
  if (told == NULL || sscanf(told, "\"pulse\":{\"fd\":%d,\"bytes\":%ld", &fd, &bytes) != 2) {
    fprintf(stderr, "COX_LINKS tells of no pulse memory\n");
    exit(100);
  }
  return map_pulse(fd, bytes);
}

// A sign of life on this line: begun, stamp, whole.
static inline void sign(struct pulse pulse, int line, long long now) {
  uint32_t *words = pulse.words + LINE_BYTES / 4 * (1 + line);
  double *doubles = pulse.doubles + LINE_BYTES / 8 * (1 + line);
  uint32_t signs = words[0] + 1;
  __atomic_store_n(&words[0], signs, __ATOMIC_SEQ_CST);
  double stamp = now;
  __atomic_store(&doubles[2], &stamp, __ATOMIC_SEQ_CST);
  __atomic_store_n(&words[1], signs, __ATOMIC_SEQ_CST);
}

static inline int pulse_lines(struct pulse pulse) { return pulse.words[3]; }

// The cycle of this line.
static inline struct pulse_cycle open_cycle(struct pulse pulse, int line) {
  uint32_t entry = pulse.words[4] + line * LINE_BYTES;
  if (pulse.words[entry / 4] != 1) exit(100);
  return (struct pulse_cycle){
      .line = pulse.words + LINE_BYTES / 4 * (1 + line),
      .ring = pulse.doubles + pulse.words[entry / 4 + 1] / 8,
      .mask = pulse.words[entry / 4 + 2] - 1,
      .period_ns = (long long)pulse.doubles[entry / 8 + 4],
      .offset_ns = (long long)pulse.doubles[entry / 8 + 5],
  };
}

// A pass begins; its program has entered its loop with the first.
static inline void begin_pass(struct pulse_cycle cycle, long long now, long long due) {
  uint32_t pass = cycle.line[0] + 1;
  if (cycle.line[2] == 0) cycle.line[2] = pass;
  double *record = cycle.ring + (pass & cycle.mask) * RECORD_DOUBLES;
  record[0] = now;
  record[2] = due;
  record[3] = cycle.line[2];
  __atomic_store_n(&cycle.line[0], pass, __ATOMIC_SEQ_CST);
}

static inline void end_pass(struct pulse_cycle cycle, long long now) {
  uint32_t pass = cycle.line[0];
  cycle.ring[(pass & cycle.mask) * RECORD_DOUBLES + 1] = now;
  __atomic_store_n(&cycle.line[1], pass, __ATOMIC_SEQ_CST);
}

// Sends to NOTIFY_SOCKET, if there is one; opens it the first time.
static inline void notify(const char *text) {
  static int fd = -1;
  if (fd == -1) {
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    if (path == NULL) return;
    if (strlen(path) >= sizeof to.sun_path) exit(100);
    strcpy(to.sun_path, path);
    if (path[0] == '@') to.sun_path[0] = 0;
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, size) != 0) die(path);
  }
  if (send(fd, text, strlen(text), 0) < 0) die("send to NOTIFY_SOCKET");
}

static inline void sleep_until(long long ns) {
  struct timespec at = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR) continue;
}
#endif
