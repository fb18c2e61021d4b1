// neighbour_probe send COUNT PERIOD_US: waits a second, then writes that many lines with the time
//   at which each was written, one a period.
// neighbour_probe hear RESULT: reads them to their end and writes to RESULT how long each took,
//   nanoseconds, one a line.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include "probe.h"

#define LINE_BYTES 32

static int send_all(int count, int period_us) {
  char line[LINE_BYTES + 1];
  sleep_ms(1000);
  struct timespec due;
  clock_gettime(CLOCK_MONOTONIC, &due);
  for (int sent = 0; sent < count; sent++) {
    due.tv_nsec += period_us * 1000L;
    due.tv_sec += due.tv_nsec / 1000000000;
    due.tv_nsec %= 1000000000;
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
    snprintf(line, sizeof line, "%031lld\n", now_ns());
    if (write(1, line, LINE_BYTES) != LINE_BYTES) return 111;
  }
  return 0;
}

static int hear_all(const char *path) {
  static char line[LINE_BYTES + 1];
  FILE *result = fopen(path, "w");
  if (result == NULL) return 111;
  for (;;) {
    for (int held = 0; held < LINE_BYTES;) {
      ssize_t count = read(0, line + held, LINE_BYTES - held);
      if (count == 0 && held == 0) return fclose(result) == 0 ? 0 : 111;
      if (count <= 0) return 111;
      held += count;
    }
    fprintf(result, "%lld\n", now_ns() - atoll(line));
  }
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "send") == 0) return send_all(atoi(argv[2]), atoi(argv[3]));
  if (argc == 3 && strcmp(argv[1], "hear") == 0) return hear_all(argv[2]);
  return 100;
}
