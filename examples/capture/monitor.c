/* Says once a second how many readings came, how many were missed, and how old the oldest was. */
#include <stdlib.h>
#include "coxswain.h"

#define READING(number, array) number(f64, t) array(f32, axis, 3)
COX_STRUCT(reading, READING)

int main(void) {
  struct cox_consumer readings;
  if (cox_consumer_connect(&readings, "readings", reading_schema) != COX_OK) {
    fprintf(stderr, "monitor: %s\n", readings.fault);
    return 100;
  }
  setvbuf(stdout, NULL, _IOLBF, 0);
  struct cox_sample sample;
  enum cox_result found;
  unsigned long long count = 0, missed = 0, wrong = 0;
  uint64_t told = cox_now_ns(), oldest = 0;
  double last = -1;
  while ((found = cox_receive(&readings, &sample, -1)) == COX_SAMPLE) {
    uint64_t now = cox_now_ns();
    const struct reading *reading = (const void *)sample.data;
    double t = reading->t;
    if (now - sample.stamp_ns > oldest) oldest = now - sample.stamp_ns;
    missed += sample.missed;
    count++;
    if (cox_release(&readings, &sample) == COX_OK) {
      if (t <= last && sample.missed == 0 && t != 0) wrong++;
      last = t;
    }
    if (now - told < 1000000000) continue;
    told = now;
    printf("%llu readings, %llu missed, %llu out of order, the oldest %llu us old\n", count, missed,
           wrong, (unsigned long long)oldest / 1000);
    count = missed = oldest = 0;
  }
  return found == COX_ENDED ? 0 : 111;
}
