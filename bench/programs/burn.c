// Takes all of a core that it is given, until it is killed.
int main(void) {
  for (volatile unsigned long turns = 0;; turns++) continue;
}
