/* 64 bytes one way over ZeroMQ's ipc://, two processes, PUSH and PULL.
 * zmq_one_way PATH COUNT: prints messages a second at the receiver, after the first tenth. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { BYTES = 64, SECONDS_MAX = 60 };

static double now_s(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  long count = atol(argv[2]);
  char address[256], buffer[BYTES] = {7};
  snprintf(address, sizeof address, "ipc://%s", argv[1]);
  int bound[2];
  if (pipe(bound) != 0) return 1;
  pid_t child = fork();
  if (child < 0) return 1;
  // A run that hangs ends with SIGALRM, on both sides, and not with the bench.
  alarm(SECONDS_MAX);
  void *context = zmq_ctx_new(), *socket = zmq_socket(context, child == 0 ? ZMQ_PUSH : ZMQ_PULL);
  if (child == 0) {
    // Who connects before the other is there hangs now and then.
    if (read(bound[0], buffer, 1) != 1) return 1;
    if (zmq_connect(socket, address) != 0) return 1;
    for (long i = 0; i < count; i++)
      if (zmq_send(socket, buffer, BYTES, 0) != BYTES) return 1;
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
  }
  if (zmq_bind(socket, address) != 0 || write(bound[1], buffer, 1) != 1) return 1;
  double from = 0;
  for (long i = 0; i < count; i++) {
    if (zmq_recv(socket, buffer, BYTES, 0) != BYTES) return 1;
    if (i == count / 10) from = now_s();
  }
  printf("%f\n", (double)(count - count / 10) / (now_s() - from));
  int status;
  waitpid(child, &status, 0);
  return status == 0 ? 0 : 1;
}
