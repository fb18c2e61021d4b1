// cycle_keeper
//
// A supervised program that keeps all cycles that its configuration declares: each pass begins when
// it is due, and ends at once. One thread, as many as it is given.
#include <limits.h>
#include <sys/prctl.h>
#include "pulse.h"

#define CYCLES_MAX 64
// From one wake-up to the next, at least: with one for each pass, twenty of these take both CPUs of a
// small machine, and what is measured is who waits for them.
#define APART_NS 1000000

int main(void) {
  struct pulse pulse = open_pulse();
  struct pulse_cycle cycles[CYCLES_MAX];
  long long dues[CYCLES_MAX];
  int count = pulse_lines(pulse);
  if (count < 1 || count > CYCLES_MAX) return 100;
  prctl(PR_SET_TIMERSLACK, 1UL);
  for (int i = 0; i < count; i++) {
    cycles[i] = open_cycle(pulse, i);
    long long period = cycles[i].period_ns, offset = cycles[i].offset_ns;
    dues[i] = ((now_ns() - offset) / period + 1) * period + offset;
  }
  for (;;) {
    long long next = LLONG_MAX, now = now_ns();
    for (int i = 0; i < count; i++) {
      if (dues[i] <= now) {
        // Due times that were slept through are left out.
        long long missed = (now - dues[i]) / cycles[i].period_ns;
        dues[i] += missed * cycles[i].period_ns;
        begin_pass(cycles[i], now, dues[i]);
        end_pass(cycles[i], now_ns());
        dues[i] += cycles[i].period_ns;
      }
      if (dues[i] < next) next = dues[i];
    }
    sleep_until(next > now + APART_NS ? next : now + APART_NS);
  }
}
