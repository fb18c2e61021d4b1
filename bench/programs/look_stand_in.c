// look_stand_in SECONDS LIMIT_US PID…
//
// Looks at the cycles of these supervised programs as our monitor does, in C: a heap of due times, the
// newest records of each that is due, what is kept settled up to four milliseconds ahead, wake-ups
// 200 microseconds apart. Prints "looks N cpu NANOSECONDS wakes N": the baseline of what looking costs.
#include <limits.h>
#include <sys/prctl.h>
#include "pulse.h"

#define CONTRACTS_MAX 10000
#define AHEAD_NS 4000000
#define AHEAD_MAX 256
#define APART_NS 200000

struct contract {
  struct pulse_cycle cycle;
  uint32_t seen;
  long long expected, late_ns;
};

static struct contract contracts[CONTRACTS_MAX];
static int count;
// A binary heap of contracts by due time.
static int heap[CONTRACTS_MAX];
static long long dues[CONTRACTS_MAX];
static long long missed, looks;

static void sink(int place) {
  for (;;) {
    int least = place, left = 2 * place + 1, right = left + 1;
    if (left < count && dues[heap[left]] < dues[heap[least]]) least = left;
    if (right < count && dues[heap[right]] < dues[heap[least]]) least = right;
    if (least == place) return;
    int moved = heap[place];
    heap[place] = heap[least];
    heap[least] = moved;
    place = least;
  }
}

// Takes in the passes since the last look; returns when to look again.
static long long examine(struct contract *contract, long long now) {
  struct pulse_cycle cycle = contract->cycle;
  looks++;
  uint32_t ended = __atomic_load_n(&cycle.line[1], __ATOMIC_SEQ_CST);
  uint32_t begun = __atomic_load_n(&cycle.line[0], __ATOMIC_SEQ_CST);
  while (contract->seen != begun) {
    double *record = cycle.ring + (++contract->seen & cycle.mask) * RECORD_DOUBLES;
    double start = record[0], end = record[1], due = record[2];
    if (__atomic_load_n(&cycle.line[0], __ATOMIC_SEQ_CST) - contract->seen > cycle.mask - 1) continue;
    if (start - due > contract->late_ns || (contract->seen <= ended && end < start)) missed++;
    contract->expected = (long long)due + cycle.period_ns;
  }
  long long late = contract->expected + contract->late_ns + 1;
  if (late <= now) {
    missed++;
    contract->expected += cycle.period_ns;
    late += cycle.period_ns;
  }
  return late;
}

static void look(long long now) {
  int first = heap[0];
  long long due = examine(&contracts[first], now);
  dues[first] = due > now + 1000 ? due : now + 1000;
  sink(0);
}

// The pulse memory of another process: its COX_LINKS names the descriptor.
static struct pulse pulse_of(const char *pid) {
  static char text[1 << 20];
  char path[64];
  snprintf(path, sizeof path, "/proc/%s/environ", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC), number;
  ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (size < 0) die(path);
  close(fd);
  for (ssize_t i = 0; i < size; i++) {
    if (text[i] == 0) text[i] = '\n';
  }
  text[size] = 0;
  const char *told = strstr(text, "\"pulse\":{");
  long bytes;
  if (told == NULL || sscanf(told, "\"pulse\":{\"fd\":%d,\"bytes\":%ld", &number, &bytes) != 2) {
    fprintf(stderr, "process %s has no pulse memory\n", pid);
    exit(100);
  }
  snprintf(path, sizeof path, "/proc/%s/fd/%d", pid, number);
  if ((fd = open(path, O_RDWR | O_CLOEXEC)) < 0) die(path);
  struct pulse pulse = map_pulse(fd, bytes);
  close(fd);
  return pulse;
}

int main(int argc, char **argv) {
  if (argc < 4) return 100;
  long long late_ns = atoll(argv[2]) * 1000;
  for (int i = 3; i < argc; i++) {
    struct pulse pulse = pulse_of(argv[i]);
    for (int line = 0; line < pulse_lines(pulse); line++) {
      if (count == CONTRACTS_MAX) return 100;
      struct contract *contract = &contracts[count];
      contract->cycle = open_cycle(pulse, line);
      contract->seen = contract->cycle.line[0] - 1;
      contract->late_ns = late_ns;
      heap[count] = count;
      count++;
    }
  }
  prctl(PR_SET_TIMERSLACK, 1UL);
  struct timespec cpu;
  long long start = now_ns(), wakes = 0;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  long long cpu_ns = cpu.tv_sec * 1000000000LL + cpu.tv_nsec;
  while (now_ns() < start + atoll(argv[1]) * 1000000000) {
    long long now = now_ns();
    wakes++;
    while (dues[heap[0]] <= now) look(now);
    for (int ahead = 0; ahead < AHEAD_MAX && dues[heap[0]] <= now + AHEAD_NS; ahead++) {
      int first = heap[0];
      long long due = dues[first];
      look(now);
      if (dues[first] < due + APART_NS) break;
    }
    long long next = dues[heap[0]], apart = now + APART_NS;
    sleep_until(next > apart ? next : apart);
  }
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu);
  cpu_ns = cpu.tv_sec * 1000000000LL + cpu.tv_nsec - cpu_ns;
  printf("looks %lld cpu %lld wakes %lld missed %lld\n", looks, cpu_ns, wakes, missed);
  return 0;
}
