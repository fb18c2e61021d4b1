// silent_probe RESULT LIMIT_US ROUNDS SEED pulse|notify
//
// A supervised program whose contract is a heartbeat within LIMIT_US and whose miss is SIGUSR1. It
// keeps the contract for a while, then gives one last sign and is silent until the signal comes:
// ROUNDS times. Writes to RESULT one line for each silence, the nanoseconds from the moment at
// which it was due to the signal received, and at the end
//
//   signals N silences N own N stray N lost N unanswered N
//
// own: silences that it did not choose, for the machine kept it from running; each is to be signalled
// as well. stray: signals for which there was no silence. lost: silences on purpose without a signal.
// unanswered: own ones without (two that are sent before one is taken are one: signals do not queue).
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include "pulse.h"

#define PATIENCE_NS 3000000000LL
#define WARM_UP_BEATS 50
// Signals for silences of its own come within so many beats.
#define SETTLE_BEATS 100

static struct pulse pulse;
static int by_notify;
static sigset_t usr1;
static long long limit_ns, last_ns;
static int signals, silences, own, stray, lost, unanswered;
// Signals less silences of its own since both were last settled.
static int balance;

// Gives a sign. What was silent for too long by then is a miss that nobody injected.
static void beat(void) {
  long long now = now_ns();
  if (by_notify) {
    notify("WATCHDOG=1");
  } else {
    sign(pulse, 0, now);
  }
  // As long as the sign was held up between its stamp and its memory it was silent.
  if (last_ns != 0 && now_ns() - last_ns > limit_ns) {
    own++;
    balance--;
  }
  last_ns = now;
}

// Whether a signal comes within this time.
static int is_signalled(long long timeout_ns) {
  struct timespec wait = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};
  int signo;
  while ((signo = sigtimedwait(&usr1, NULL, &wait)) < 0 && errno == EINTR) continue;
  if (signo == SIGUSR1) signals++;
  return signo == SIGUSR1;
}

// Returns whether a signal came since the sign: then it may be for the silence after it.
static int keep_on(void) {
  sleep_until(last_ns + limit_ns / 10 + random() % (limit_ns * 3 / 10));
  beat();
  int came = is_signalled(0);
  balance += came;
  return came;
}

// Keeps the contract for so many beats, and until each silence of its own was signalled.
static void keep(int beats) {
  int came = 0;
  for (int i = 0; i < beats; i++) came = keep_on();
  for (int i = 0; i < SETTLE_BEATS && (balance != 0 || came); i++) came = keep_on();
  if (balance > 0) stray += balance;
  if (balance < 0) unanswered -= balance;
  balance = 0;
}

int main(int argc, char **argv) {
  if (argc != 6) return 100;
  limit_ns = atoll(argv[2]) * 1000;
  int rounds = atoi(argv[3]);
  srandom(atoi(argv[4]));
  by_notify = strcmp(argv[5], "notify") == 0;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  if (sigprocmask(SIG_BLOCK, &usr1, NULL) != 0) die("sigprocmask");
  prctl(PR_SET_TIMERSLACK, 1UL);
  if (!by_notify) pulse = open_pulse();
  static long long lateness[1 << 20];
  if (rounds < 1 || rounds > 1 << 20) return 100;
  notify("READY=1");
  beat();
  keep(WARM_UP_BEATS);
  for (int round = 0; round < rounds; round++) {
    keep(2 + random() % 6);
    silences++;
    if (is_signalled(PATIENCE_NS)) {
      lateness[round] = now_ns() - (last_ns + limit_ns);
    } else {
      lost++;
    }
    // The silence ends with the next sign, which is no miss of its own.
    last_ns = 0;
    beat();
  }
  keep(SETTLE_BEATS);
  char temporary[PATH_MAX];
  snprintf(temporary, sizeof temporary, "%s.part", argv[1]);
  FILE *result = fopen(temporary, "w");
  if (result == NULL) die(temporary);
  for (int round = 0; round < rounds; round++) fprintf(result, "%lld\n", lateness[round]);
  fprintf(result, "signals %d silences %d own %d stray %d lost %d unanswered %d\n", signals, silences,
          own, stray, lost, unanswered);
  if (fclose(result) != 0 || rename(temporary, argv[1]) != 0) die(argv[1]);
  return 0;
}
