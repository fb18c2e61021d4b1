/*
 * The client of Coxswain for C11 on Linux: heartbeats, cycles and checkpoints, stamped into shared
 * memory. One header, no library.
 *
 *   #include "coxswain_pulse.h"
 *
 *   struct cox_pulse pulse;
 *   struct cox_line alive, sample;
 *   if (cox_pulse_open(&pulse, -1) != 0) exit(100);              // not supervised, or no contract
 *   if (cox_line_find(&pulse, COX_HEARTBEATS, "", &alive) != 0) exit(100);
 *   if (cox_line_find(&pulse, COX_CYCLES, "sample", &sample) != 0) exit(100);
 *   for (;;) {
 *     uint64_t skipped = cox_cycle_wait(&sample);                // sleeps until the next due time
 *     work();
 *     cox_heartbeat(&alive);
 *   }
 *
 * The memory, byte by byte: docs/deadlines.md. A stamp is no system call. A line belongs to one
 * thread. Little-endian 64-bit machines.
 */
#ifndef COXSWAIN_PULSE_H
#define COXSWAIN_PULSE_H
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Both can be defined otherwise before: a test brings a clock of its own. */
#ifndef COX_PULSE_NOW_NS
#define COX_PULSE_NOW_NS() cox_pulse_now_ns()
#endif
#ifndef COX_PULSE_SLEEP_UNTIL
#define COX_PULSE_SLEEP_UNTIL(at_ns) cox_pulse_sleep_until(at_ns)
#endif

#define COX_PULSE_MAGIC 0x50584f43u
#define COX_PULSE_VERSION 1u

enum cox_line_kind { COX_HEARTBEATS, COX_CYCLES, COX_STEPS };

struct cox_pulse {
  unsigned char *memory;
  uint32_t bytes;
};

/* One line; `due` and what follows are of a cycle. */
struct cox_line {
  _Atomic uint32_t *words; /* begun, ended, first, skipped */
  _Atomic uint64_t *sign;
  _Atomic uint64_t *ring;
  uint32_t records;
  const char *text; /* the name; behind line feeds those of steps */
  uint32_t text_bytes;
  int64_t period_ns, offset_ns;
  int64_t due_ns, start_ns;
  int runs, entered;
};

static inline int64_t cox_pulse_now_ns(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
static inline void cox_pulse_sleep_until(int64_t at_ns) {
  struct timespec at = {.tv_sec = at_ns / 1000000000, .tv_nsec = at_ns % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static inline uint32_t cox_pulse_word(const struct cox_pulse *pulse, uint32_t offset) {
  uint32_t word;
  memcpy(&word, pulse->memory + offset, 4);
  return word;
}
static inline double cox_pulse_double(const struct cox_pulse *pulse, uint32_t offset) {
  double value;
  memcpy(&value, pulse->memory + offset, 8);
  return value;
}
static inline void cox_pulse_write(_Atomic uint64_t *place, double value) {
  uint64_t bits;
  memcpy(&bits, &value, 8);
  atomic_store_explicit(place, bits, memory_order_relaxed);
}

/* The descriptor that COX_LINKS names; -1: it names none. */
static inline int cox_pulse_fd(void) {
  const char *links = getenv("COX_LINKS");
  const char *found = links == NULL ? NULL : strstr(links, "\"pulse\":{\"fd\":");
  return found == NULL ? -1 : atoi(found + strlen("\"pulse\":{\"fd\":"));
}

/* Maps the memory of this process. fd -1: the one of COX_LINKS. 0, or -1: there is none. */
static inline int cox_pulse_open(struct cox_pulse *pulse, int fd) {
  struct stat stat;
  if (fd == -1) fd = cox_pulse_fd();
  if (fd < 0 || fstat(fd, &stat) != 0 || stat.st_size < 4096) return -1;
  void *memory = mmap(NULL, stat.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) return -1;
  pulse->memory = memory;
  pulse->bytes = (uint32_t)stat.st_size;
  if (cox_pulse_word(pulse, 0) == COX_PULSE_MAGIC &&
      cox_pulse_word(pulse, 4) == COX_PULSE_VERSION && cox_pulse_word(pulse, 8) == pulse->bytes)
    return 0;
  munmap(memory, stat.st_size);
  return -1;
}

/* Finds the line of this kind and name. 0, or -1: the configuration declares none. */
static inline int cox_line_find(const struct cox_pulse *pulse, enum cox_line_kind kind,
                                const char *name, struct cox_line *line) {
  uint32_t lines = cox_pulse_word(pulse, 12), directory = cox_pulse_word(pulse, 16);
  size_t length = strlen(name);
  for (uint32_t at = 0; at < lines; at++) {
    uint32_t entry = directory + 64 * at;
    if (entry + 64 > pulse->bytes) return -1;
    uint32_t ring = cox_pulse_word(pulse, entry + 4), records = cox_pulse_word(pulse, entry + 8);
    uint32_t text = cox_pulse_word(pulse, entry + 12), bytes = cox_pulse_word(pulse, entry + 16);
    if (cox_pulse_word(pulse, entry) != (uint32_t)kind) continue;
    if ((uint64_t)text + bytes > pulse->bytes) return -1;
    if ((uint64_t)ring + 32 * (uint64_t)records > pulse->bytes) return -1;
    const char *found = (const char *)pulse->memory + text;
    if (bytes < length || memcmp(found, name, length) != 0) continue;
    if (bytes > length && found[length] != '\n') continue;
    memset(line, 0, sizeof *line);
    line->words = (_Atomic uint32_t *)(void *)(pulse->memory + 64 * (1 + at));
    line->sign = (_Atomic uint64_t *)(void *)(pulse->memory + 64 * (1 + at) + 16);
    line->ring = (_Atomic uint64_t *)(void *)(pulse->memory + ring);
    line->records = records;
    line->text = found;
    line->text_bytes = bytes;
    line->period_ns = (int64_t)cox_pulse_double(pulse, entry + 32);
    line->offset_ns = (int64_t)cox_pulse_double(pulse, entry + 40);
    return 0;
  }
  return -1;
}

/* A sign of life. */
static inline void cox_heartbeat(struct cox_line *line) {
  uint32_t signs = atomic_load_explicit(&line->words[0], memory_order_relaxed) + 1;
  atomic_store_explicit(&line->words[0], signs, memory_order_relaxed);
  atomic_thread_fence(memory_order_release);
  cox_pulse_write(line->sign, (double)COX_PULSE_NOW_NS());
  atomic_store_explicit(&line->words[1], signs, memory_order_release);
}

static inline _Atomic uint64_t *cox_record(struct cox_line *line, uint32_t number) {
  return line->ring + 4 * (number & (line->records - 1));
}

/* Step `step` (from 0, in the declared order) is reached. */
static inline void cox_step(struct cox_line *line, uint32_t step) {
  uint32_t count = atomic_load_explicit(&line->words[0], memory_order_relaxed) + 1;
  _Atomic uint64_t *record = cox_record(line, count);
  cox_pulse_write(record, (double)COX_PULSE_NOW_NS());
  cox_pulse_write(record + 1, step);
  atomic_store(&line->words[0], count);
}

/* Number of the step of this name; -1: there is none. */
static inline int cox_step_number(const struct cox_line *line, const char *name) {
  size_t length = strlen(name);
  const char *at = line->text, *end = line->text + line->text_bytes;
  for (int number = -1; at <= end; number++) {
    const char *stop = memchr(at, '\n', end - at);
    if (stop == NULL) stop = end;
    if (number >= 0 && (size_t)(stop - at) == length && memcmp(at, name, length) == 0)
      return number;
    at = stop + 1;
  }
  return -1;
}

/* Ends the pass that runs, before cox_cycle_wait does. */
static inline void cox_cycle_end(struct cox_line *line) {
  if (!line->runs) return;
  line->runs = 0;
  uint32_t pass = atomic_load_explicit(&line->words[0], memory_order_relaxed);
  cox_pulse_write(cox_record(line, pass) + 1, (double)COX_PULSE_NOW_NS());
  atomic_store(&line->words[1], pass);
}

/* Ends the pass that runs and leaves the loop: nothing is due until it is entered again. */
static inline void cox_cycle_leave(struct cox_line *line) {
  cox_cycle_end(line);
  line->entered = 0;
  atomic_store(&line->words[2], atomic_load(&line->words[0]) + 1);
}

static inline uint64_t cox_cycle_skip(struct cox_line *line, int64_t now) {
  if (now < line->due_ns + line->period_ns) return 0;
  uint64_t count = (uint64_t)((now - line->due_ns) / line->period_ns);
  line->due_ns += (int64_t)count * line->period_ns;
  atomic_store_explicit(&line->words[3], atomic_load(&line->words[3]) + (uint32_t)count,
                        memory_order_relaxed);
  return count;
}

/* Ends the pass that runs, sleeps until the next is due, begins it. Due times passed over. */
static inline uint64_t cox_cycle_wait(struct cox_line *line) {
  cox_cycle_end(line);
  int64_t now = COX_PULSE_NOW_NS();
  uint32_t pass = atomic_load_explicit(&line->words[0], memory_order_relaxed) + 1;
  uint64_t skipped = 0;
  if (!line->entered) {
    line->entered = 1;
    line->due_ns = ((now - line->offset_ns) / line->period_ns + 1) * line->period_ns + line->offset_ns;
    atomic_store_explicit(&line->words[2], pass, memory_order_relaxed);
  } else {
    line->due_ns += line->period_ns;
    skipped = cox_cycle_skip(line, now);
  }
  /* A sleep may end early: a signal was handled. */
  while ((now = COX_PULSE_NOW_NS()) < line->due_ns) COX_PULSE_SLEEP_UNTIL(line->due_ns);
  skipped += cox_cycle_skip(line, now);
  line->start_ns = now;
  line->runs = 1;
  _Atomic uint64_t *record = cox_record(line, pass);
  cox_pulse_write(record, (double)now);
  cox_pulse_write(record + 2, (double)line->due_ns);
  cox_pulse_write(record + 3, (double)(int32_t)atomic_load(&line->words[2]));
  atomic_store(&line->words[0], pass);
  return skipped;
}
#endif
