# Sets the timer slack of the program that it becomes: no standard tool does. Threads and programs
# that it starts have the same (prctl(2), PR_SET_TIMERSLACK).
#
#   /bin/sh timer_slack_shim.sh NANOSECONDS PROGRAM ARGUMENT…
#
# Fixed text: whatever comes from a configuration arrives as arguments and is executed as it is.
# The shell adds PWD to the environment, and leaves out variables whose names are none to it.
echo "$1" > "/proc/$$/timerslack_ns" || exit 111
shift
exec "$@"
