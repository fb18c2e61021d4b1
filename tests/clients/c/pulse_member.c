// pulse_member FD: stamps pulse memory FD as tests/clients/pulse_clients_test.ts has it, by a clock
// that stands still but for sleeps.
#include <stdint.h>
static int64_t clock_ns = 10050;
#define COX_PULSE_NOW_NS() clock_ns
#define COX_PULSE_SLEEP_UNTIL(at_ns) (clock_ns = (at_ns))
#include "coxswain_pulse.h"
#include <stdio.h>

int main(int argc, char **argv) {
  struct cox_pulse pulse;
  struct cox_line alive, sample, boot, none;
  if (argc != 2 || cox_pulse_open(&pulse, atoi(argv[1])) != 0) return 100;
  if (cox_line_find(&pulse, COX_HEARTBEATS, "", &alive) != 0) return 101;
  if (cox_line_find(&pulse, COX_CYCLES, "sample", &sample) != 0) return 102;
  if (cox_line_find(&pulse, COX_STEPS, "boot", &boot) != 0) return 103;
  if (cox_line_find(&pulse, COX_CYCLES, "sam", &none) == 0) return 104;
  if (cox_step_number(&boot, "close") != -1) return 105;
  cox_heartbeat(&alive);
  uint64_t skipped[4];
  skipped[0] = cox_cycle_wait(&sample);
  clock_ns += 300;
  skipped[1] = cox_cycle_wait(&sample);
  clock_ns += 3500;
  skipped[2] = cox_cycle_wait(&sample);
  clock_ns += 20;
  cox_cycle_end(&sample);
  clock_ns += 20;
  cox_cycle_leave(&sample);
  clock_ns += 5000;
  skipped[3] = cox_cycle_wait(&sample);
  cox_heartbeat(&alive);
  cox_step(&boot, cox_step_number(&boot, "open"));
  clock_ns += 7;
  cox_step(&boot, cox_step_number(&boot, "read"));
  for (int at = 0; at < 4; at++) printf("%d ", (int)skipped[at]);
  printf("%d\n", (int)clock_ns);
  return 0;
}
