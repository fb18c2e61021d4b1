// watch_stand_in POLL_MS LIMIT_US COUNT PROGRAM ARG…
//
// What a supervisor does about COUNT heartbeats, and nothing else: the baseline of ours. Makes a
// pulse memory of one line for each child, starts PROGRAM COUNT times with it (ARG `%` becomes
// the child's number), and sends SIGUSR1 when a sign is older than LIMIT_US.
//
// POLL_MS 0: it sleeps until the earliest is due (clock_nanosleep). Else it looks every POLL_MS, as
// supervisors do that check their WatchdogSec once a second. Ends with the last child.
#define _GNU_SOURCE
#include <limits.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include "pulse.h"

#define COUNT_MAX 1000
#define PULSE_BYTES 4096
// It sleeps no longer: children end without a signal to it.
#define REST_NS 1000000000LL

static struct pulse pulses[COUNT_MAX];
static pid_t pids[COUNT_MAX];
// The sign that was last seen, and whether its silence was told.
static double seen[COUNT_MAX];
static int told[COUNT_MAX];
static uint32_t counted[COUNT_MAX];

static int make_pulse(struct pulse *pulse) {
  int fd = memfd_create("pulse", 0);
  if (fd < 0 || ftruncate(fd, PULSE_BYTES) != 0) die("memfd_create");
  *pulse = map_pulse(fd, PULSE_BYTES);
  uint32_t header[] = {0x50584f43, 1, PULSE_BYTES, 1, 2 * LINE_BYTES, 1};
  memcpy(pulse->words, header, sizeof header);
  return fd;
}

static void start(int child, char **argv) {
  int fd = make_pulse(&pulses[child]);
  pids[child] = fork();
  if (pids[child] < 0) die("fork");
  if (pids[child] == 0) {
    char links[128], number[16];
    snprintf(links, sizeof links, "{\"version\":1,\"links\":[],\"pulse\":{\"fd\":%d,\"bytes\":%d}}",
             fd, PULSE_BYTES);
    setenv("COX_LINKS", links, 1);
    snprintf(number, sizeof number, "%d", child);
    for (char **arg = argv; *arg != NULL; arg++) {
      char *mark = strchr(*arg, '%');
      char text[PATH_MAX];
      if (mark == NULL) continue;
      snprintf(text, sizeof text, "%.*s%s%s", (int)(mark - *arg), *arg, number, mark + 1);
      *arg = strdup(text);
    }
    execv(argv[0], argv);
    die(argv[0]);
  }
  close(fd);
}

// Looks at a child; returns when its present silence is too long.
static long long look(int child, long long limit_ns) {
  // Before the sign is read: one that comes meanwhile is not taken for a silence until now.
  long long now = now_ns();
  double last;
  __atomic_load(&pulses[child].doubles[LINE_BYTES / 8 + 2], &last, __ATOMIC_SEQ_CST);
  uint32_t count = __atomic_load_n(&pulses[child].words[LINE_BYTES / 4], __ATOMIC_SEQ_CST);
  if (last == 0) return LLONG_MAX;
  if (last != seen[child]) {
    // Its silence was too long, and over before it was seen. Of several signs it cannot be known.
    int signs = count - counted[child];
    counted[child] = count;
    if (seen[child] != 0 && signs == 1 && !told[child] && last - seen[child] > limit_ns) {
      kill(pids[child], SIGUSR1);
    }
    seen[child] = last;
    told[child] = 0;
  }
  if (told[child]) return now + limit_ns;
  long long due = (long long)last + limit_ns + 1;
  if (now < due) return due;
  told[child] = 1;
  kill(pids[child], SIGUSR1);
  return now + limit_ns;
}

int main(int argc, char **argv) {
  if (argc < 5) return 100;
  long long poll_ns = atoll(argv[1]) * 1000000, limit_ns = atoll(argv[2]) * 1000;
  int count = atoi(argv[3]), live = count, status = 0;
  if (count < 1 || count > COUNT_MAX) return 100;
  unsetenv("NOTIFY_SOCKET");
  for (int child = 0; child < count; child++) start(child, argv + 4);
  prctl(PR_SET_TIMERSLACK, 1UL);
  long long next_poll = now_ns() + poll_ns;
  while (live > 0) {
    long long next = now_ns() + REST_NS;
    for (int child = 0; child < count; child++) {
      if (pids[child] == 0) continue;
      long long due = look(child, limit_ns);
      if (due < next) next = due;
    }
    int ended, how;
    while ((ended = waitpid(-1, &how, WNOHANG)) > 0) {
      for (int child = 0; child < count; child++) {
        if (pids[child] == ended) pids[child] = 0;
      }
      live--;
      if (how != 0) status = 111;
    }
    // A child that has no sign yet gives its first one at any time.
    for (int child = 0; child < count; child++) {
      if (pids[child] != 0 && seen[child] == 0) next = now_ns() + 1000000;
    }
    sleep_until(poll_ns > 0 ? next_poll : next);
    next_poll += poll_ns;
  }
  return status;
}
