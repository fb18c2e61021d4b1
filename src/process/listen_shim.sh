# Hands listening sockets over as sd_listen_fds(3) describes: LISTEN_PID must be the pid of the
# program that takes them, which nobody knows before it runs. This shell becomes that program.
#
#   /bin/sh listen_shim.sh PROGRAM ARGUMENT…
#
# Fixed text: whatever comes from a configuration arrives as arguments and is executed as it is.
# The shell adds PWD to the environment, and leaves out variables whose names are none to it.
LISTEN_PID=$$
export LISTEN_PID
exec "$@"
