// keeper RESULT LIMIT_US PERIOD_US
//
// A supervised program that keeps its heartbeat: one sign every PERIOD_US, by absolute times. At
// SIGTERM it writes to RESULT what it knows of itself:
//
//   signs N own N longest NANOSECONDS
//
// own: silences of more than LIMIT_US, for the machine did not run it; those are no false misses. Of
// a sign that the machine held up between its stamp and its memory the silence was as long as that.
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include "pulse.h"

static volatile sig_atomic_t is_told_to_end;

static void end(int signo) {
  (void)signo;
  is_told_to_end = 1;
}

int main(int argc, char **argv) {
  if (argc != 4) return 100;
  long long limit_ns = atoll(argv[2]) * 1000, period_ns = atoll(argv[3]) * 1000;
  struct sigaction action = {.sa_handler = end};
  if (sigaction(SIGTERM, &action, NULL) != 0) die("sigaction");
  struct pulse pulse = open_pulse();
  prctl(PR_SET_TIMERSLACK, 1UL);
  long long last = now_ns(), due = last, longest = 0;
  long signs = 1, own = 0;
  sign(pulse, 0, last);
  notify("READY=1");
  while (!is_told_to_end) {
    due += period_ns;
    sleep_until(due);
    long long now = now_ns();
    sign(pulse, 0, now);
    long long gap = now_ns() - last;
    signs++;
    if (gap > limit_ns) own++;
    if (gap > longest) longest = gap;
    last = now;
    // Who was not run for long gives one sign and not all that are missing.
    if (now - due > period_ns) due = now;
  }
  char temporary[PATH_MAX];
  snprintf(temporary, sizeof temporary, "%s.part", argv[1]);
  FILE *result = fopen(temporary, "w");
  if (result == NULL) die(temporary);
  fprintf(result, "signs %ld own %ld longest %lld\n", signs, own, longest);
  if (fclose(result) != 0 || rename(temporary, argv[1]) != 0) die(argv[1]);
  return 0;
}
