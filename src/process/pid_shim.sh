# Tells a program its own pid where a protocol wants that, as nobody knows it before it runs:
# LISTEN_PID of sd_listen_fds(3), WATCHDOG_PID of sd_watchdog_enabled(3). This shell becomes that
# program.
#
#   /bin/sh pid_shim.sh PROGRAM ARGUMENT…
#
# Fixed text: whatever comes from a configuration arrives as arguments and is executed as it is.
# The shell adds PWD to the environment, and leaves out variables whose names are none to it.
if [ -n "${LISTEN_FDS-}" ]; then
  LISTEN_PID=$$
  export LISTEN_PID
fi
if [ -n "${WATCHDOG_USEC-}" ]; then
  WATCHDOG_PID=$$
  export WATCHDOG_PID
fi
exec "$@"
