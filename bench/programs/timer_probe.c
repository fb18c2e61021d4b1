// timer_probe COUNT PERIOD_US
//
// How late a timer is on this machine: sleeps until COUNT absolute times, PERIOD_US apart, and
// prints by how many nanoseconds it woke later. As cyclictest does it, without its options.
#include <sys/prctl.h>
#include "pulse.h"

int main(int argc, char **argv) {
  if (argc != 3) return 100;
  int count = atoi(argv[1]);
  long long period_ns = atoll(argv[2]) * 1000;
  prctl(PR_SET_TIMERSLACK, 1UL);
  long long due = now_ns() + period_ns;
  for (int i = 0; i < count; i++) {
    sleep_until(due);
    long long late = now_ns() - due;
    printf("%lld\n", late);
    due += period_ns * (1 + late / period_ns);
  }
  return 0;
}
