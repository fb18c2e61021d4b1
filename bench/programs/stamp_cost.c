// What a stamp costs in C: the clock and the stores of docs/deadlines.md, without a system call.
// stamp_cost COUNT: prints nanoseconds for a sign, and for the start and the end of a pass.
#include "probe.h"
#include <stdatomic.h>
#include <stdint.h>

struct record {
  volatile double start, end, due, first;
};
static struct {
  _Atomic uint32_t begun, ended;
  volatile uint32_t first, skipped;
  volatile double sign;
} line;
static struct record ring[64];

static void sign(void) {
  uint32_t signs = line.begun + 1;
  atomic_store_explicit(&line.begun, signs, memory_order_release);
  line.sign = (double)now_ns();
  atomic_store_explicit(&line.ended, signs, memory_order_release);
}

static void pass(void) {
  uint32_t number = line.begun + 1;
  struct record *record = &ring[number & 63];
  record->start = (double)now_ns();
  record->due = record->start;
  record->first = 1;
  atomic_store(&line.begun, number);
  record->end = (double)now_ns();
  atomic_store(&line.ended, number);
}

static double cost(void (*stamp)(void), int count) {
  long long began = now_ns();
  for (int left = count; left > 0; left--) stamp();
  return (double)(now_ns() - began) / count;
}

int main(int argc, char **argv) {
  int count = argc > 1 ? atoi(argv[1]) : 0;
  if (count < 1) return 100;
  cost(sign, count);
  printf("%f\n%f\n", cost(sign, count), cost(pass, count));
  return 0;
}
