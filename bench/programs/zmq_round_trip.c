/* 64 bytes there and back over ZeroMQ's ipc://, two processes, PAIR sockets.
 * zmq_round_trip PATH RESULT: prints the median round trip in microseconds to RESULT. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

enum { BYTES = 64, WARM_UP = 2000, ROUNDS = 10000 };

static double now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e6 + t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  char address[256], buffer[BYTES] = {7};
  snprintf(address, sizeof address, "ipc://%s", argv[1]);
  pid_t child = fork();
  if (child < 0) return 1;
  void *context = zmq_ctx_new(), *socket = zmq_socket(context, ZMQ_PAIR);
  if (child == 0) {
    if (zmq_connect(socket, address) != 0) return 1;
    for (int i = 0; i < WARM_UP + ROUNDS; i++) {
      if (zmq_recv(socket, buffer, BYTES, 0) != BYTES) return 1;
      if (zmq_send(socket, buffer, BYTES, 0) != BYTES) return 1;
    }
    zmq_close(socket);
    zmq_ctx_term(context);
    return 0;
  }
  if (zmq_bind(socket, address) != 0) return 1;
  static double times[ROUNDS];
  for (int i = 0; i < WARM_UP + ROUNDS; i++) {
    double from = now_us();
    if (zmq_send(socket, buffer, BYTES, 0) != BYTES) return 1;
    if (zmq_recv(socket, buffer, BYTES, 0) != BYTES) return 1;
    if (i >= WARM_UP) times[i - WARM_UP] = now_us() - from;
  }
  int status;
  waitpid(child, &status, 0);
  if (status != 0) return 1;
  qsort(times, ROUNDS, sizeof *times, compare);
  FILE *result = fopen(argv[2], "w");
  if (result == NULL) return 1;
  fprintf(result, "%f\n", times[ROUNDS / 2]);
  return fclose(result) == 0 ? 0 : 1;
}
