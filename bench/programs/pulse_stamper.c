// Stamps the lines of a pulse memory (docs/deadlines.md) as so many programs of 100 Hz would, each
// with a phase of its own: a pass of 2 ms on a cycle's line, a sign on a heartbeat's.
// pulse_stamper PATH LINES SECONDS: PATH is the memory's /proc/PID/fd/N.
#include "probe.h"
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define PERIOD_NS 10000000LL
#define PASS_NS 2000000LL

static char *memory;

static _Atomic uint32_t *word(int line, int at) {
  return (_Atomic uint32_t *)(memory + 64 * (1 + line) + 4 * at);
}

// Offset and records of the ring; 0 records: a heartbeat.
static uint32_t entry(int line, int at) {
  uint32_t directory = *(uint32_t *)(memory + 16);
  return *(uint32_t *)(memory + directory + 64 * line + 4 * at);
}

static double *record(int line, uint32_t number) {
  return (double *)(memory + entry(line, 1) + 32 * (number & (entry(line, 2) - 1)));
}

static void begin(int line, long long due) {
  uint32_t number = *word(line, 0) + 1;
  if (entry(line, 2) == 0) {
    *word(line, 0) = number;
    *(double *)(memory + 64 * (1 + line) + 16) = (double)now_ns();
    *word(line, 1) = number;
    return;
  }
  *word(line, 2) = 1;
  double *at = record(line, number);
  at[0] = (double)now_ns();
  at[2] = (double)due;
  at[3] = 1;
  *word(line, 0) = number;
}

static void end(int line) {
  uint32_t number = *word(line, 0);
  if (entry(line, 2) == 0 || number == 0) return;
  record(line, number)[1] = (double)now_ns();
  *word(line, 1) = number;
}

int main(int argc, char **argv) {
  if (argc != 4) return 100;
  int fd = open(argv[1], O_RDWR | O_CLOEXEC);
  struct stat status;
  if (fd < 0 || fstat(fd, &status) != 0) die(argv[1]);
  memory = mmap(NULL, status.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) die("mmap");
  int lines = atoi(argv[2]);
  long long first = now_ns() + PERIOD_NS, step = PERIOD_NS / lines;
  long long stop = first + atoll(argv[3]) * 1000000000LL;
  // Line n is due at first + n × step + k × period: one after the other, round and round.
  long long ends = -PASS_NS / step;
  for (long long turn = 0;; turn++, ends++) {
    long long due = first + turn * step;
    if (due >= stop) return 0;
    while (now_ns() < due) {
      struct timespec until = {.tv_sec = due / 1000000000LL, .tv_nsec = due % 1000000000LL};
      clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
    }
    begin(turn % lines, due);
    if (ends >= 0) end(ends % lines);
  }
}
