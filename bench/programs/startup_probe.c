// startup_probe FIFO COUNT PROGRAM [ARG…]
//
// Starts PROGRAM, waits for COUNT stamps, prints the nanoseconds from just before the fork to the
// last stamp, then ends PROGRAM with SIGTERM and waits for it.
#include <signal.h>
#include <sys/wait.h>
#include "probe.h"

int main(int argc, char **argv) {
  if (argc < 4) return 100;
  int fd = open_fifo(argv[1]);
  int count = atoi(argv[2]);
  long long start = now_ns(), last = 0;
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    // Ours is for the number alone.
    dup2(2, 1);
    execvp(argv[3], argv + 3);
    die(argv[3]);
  }
  for (int i = 0; i < count; i++) {
    struct stamp stamp = next_stamp(fd, 30000);
    if (stamp.ns > last) last = stamp.ns;
  }
  printf("%lld\n", last - start);
  kill(child, SIGTERM);
  int status;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
  return 0;
}
