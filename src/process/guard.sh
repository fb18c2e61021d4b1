#!/bin/sh
# The guard: parent of the supervisor, child subreaper of everything (set before this
# script was executed), or PID 1 of a container.
#
#   guard.sh RUN_DIR CGROUP_DIR|pidns|- start SUPERVISOR ARGUMENT…
#   guard.sh RUN_DIR CGROUP_DIR|- adopt PID
#
# `start` runs the supervisor. `adopt` has it as a child already, from before this script was
# executed: it tells its exit status on descriptor 8 and cannot be waited for by this shell.
#
# With `pidns` the supervisor is an `unshare` that runs another guard as the init of a PID
# namespace.
#
# Forwards signals, reaps what is orphaned, and when the supervisor has ended, however
# that came about, kills whatever is left. Exits as the supervisor did, with 128+n when
# signal n killed it. For dash and busybox: builtins alone, but for sleep, rm and rmdir.

run_dir=$1
cgroup=$2
inside=
if [ "$cgroup" = pidns ]; then
  inside=1
  cgroup=-
fi
mode=$3
shift 3

# 10 ms a pass: ten seconds. What survives that cannot be killed at all.
passes_max=1000
supervisor=
waiting=
interrupted=
forward() {
  interrupted=1
  # A shell makes its background jobs ignore INT and QUIT, so a supervisor without its own
  # handlers yet would not hear them; it has these once it listens on its socket.
  case $1 in
    INT | QUIT) if [ -S "$run_dir/control.sock" ]; then as=$1; else as=TERM; fi ;;
    *) as=$1 ;;
  esac
  if [ -n "$inside" ]; then as=TERM; fi
  if [ -n "$supervisor" ]; then
    pass_on "$as"
  else
    waiting="$waiting $as"
  fi
}
pass_on() {
  if [ -n "$inside" ]; then
    pass_inside "$1"
  else
    await_exec
    kill -s "$1" "$supervisor" 2>/dev/null
  fi
}
# A child that has not become the supervisor yet still has the traps of this shell, in which a
# signal would be lost: until then it has this shell's arguments as well. (`read` passes over the
# NULs between them, and finds no newline at their end.)
await_exec() {
  own=
  { read -r own < "/proc/$$/cmdline"; } 2>/dev/null
  pass=0
  while [ "$pass" -lt "$passes_max" ]; do
    arguments=
    { read -r arguments < "/proc/$supervisor/cmdline"; } 2>/dev/null
    if [ "$arguments" != "$own" ] || [ -z "$own" ]; then return; fi
    sleep 0.01
    pass=$((pass + 1))
  done
}
# Past `unshare`, which it would kill, to the guard inside. An init is deaf to a signal that it
# has no trap for yet: bit 14 of SigCgt, in the fourth digit from the right, is its TERM.
pass_inside() {
  pass=0
  while [ "$pass" -lt "$passes_max" ] && kill -0 "$supervisor" 2>/dev/null; do
    inner=
    { read -r inner < "/proc/$supervisor/task/$supervisor/children"; } 2>/dev/null
    inner=${inner%% *}
    caught=
    while read -r key value; do
      if [ "$key" = SigCgt: ]; then caught=$value; fi
    done 2>/dev/null < "/proc/${inner:-none}/status"
    case $caught in
      *[4567cdef]???)
        kill -s "$1" "$inner" 2>/dev/null
        return
        ;;
    esac
    sleep 0.01
    pass=$((pass + 1))
  done
}
# Whether a process exists and is no zombie.
is_alive() {
  stat=
  { read -r stat < "/proc/$1/stat"; } 2>/dev/null
  # The name in parentheses may hold anything; the state follows the last of them.
  stat=${stat##*) }
  case $stat in '' | Z* | X*) return 1 ;; esac
  return 0
}
for signal in TERM INT HUP QUIT USR1 USR2; do
  # shellcheck disable=SC2064 -- the name is to be filled in now.
  trap "forward $signal" "$signal"
done

if [ "$mode" = adopt ]; then
  supervisor=$1
  # Ends when the supervisor does: with the status that it told, with 137 when it was cut
  # short (which signal it was cannot be known). A signal to the whole group is not for it.
  (
    trap '' TERM HUP USR1 USR2
    status=
    IFS= read -r status <&8
    # It told its status as the last thing that it did; the end of the pipe is its own end.
    IFS= read -r rest <&8
    pass=0
    while [ "$pass" -lt "$passes_max" ] && is_alive "$supervisor"; do
      sleep 0.001
      pass=$((pass + 1))
    done
    exit "${status:-137}"
  ) &
  awaited=$!
  exec 8<&-
else
  # The shell gives a background job /dev/null as its input before it looks at `<&0`, so the
  # input goes there by way of another descriptor; the lock has a number above 9.
  exec 9<&0
  "$@" <&9 9<&- &
  supervisor=$!
  awaited=$supervisor
  exec 9<&-
fi
for signal in $waiting; do pass_on "$signal"; done

# A signal ends `wait` early, with a status of its own; then it is asked again. The shell keeps
# the status of a child until it has told it, and then knows the child no more: 127. (Whether
# the child is still there says nothing: dash reaps after every builtin.)
status=
while :; do
  interrupted=
  wait "$awaited"
  answer=$?
  if [ "$answer" = 127 ] && [ -n "$status" ]; then break; fi
  status=$answer
  if [ -z "$interrupted" ]; then break; fi
done

# Nothing may cut the clean-up short.
trap '' TERM INT HUP QUIT USR1 USR2

killed=0

# Whether anything lives in the crew's cgroup. Zombies do not count.
populated() {
  while read -r key value; do
    if [ "$key" = populated ]; then [ "$value" = 1 ] && return 0 || return 1; fi
  done < "$cgroup/cgroup.events"
  return 1
}

# Whether a thread of the supervisor is left. The last one takes its memory along, which for large
# mailboxes is a matter of many milliseconds, while the process itself is a zombie already.
is_ending() {
  for task in "/proc/$supervisor/task"/*; do
    if is_alive "${task#/proc/}"; then return 0; fi
  done
  return 1
}

if [ "$cgroup" != - ] && [ -e "$cgroup/cgroup.kill" ]; then
  # A supervisor that has just ended well has left nobody, and may be there itself a moment longer.
  pass=0
  while [ "$status" -lt 128 ] && is_ending && [ "$pass" -lt "$passes_max" ]; do
    sleep 0.01
    pass=$((pass + 1))
  done
  pass=0
  while [ "$status" -lt 128 ] && populated && [ "$pass" -lt 10 ]; do
    sleep 0.002
    pass=$((pass + 1))
  done
  pass=0
  while populated && [ "$pass" -lt "$passes_max" ]; do
    killed=1
    echo 1 > "$cgroup/cgroup.kill"
    sleep 0.01
    pass=$((pass + 1))
  done
  for part in "$cgroup"/*/; do rmdir "$part" 2>/dev/null; done
  rmdir "$cgroup" 2>/dev/null
fi

# Kills each child that is no zombie. Orphans become children of this shell one generation
# after the other, so it takes passes; two clean ones in a row are the end.
kill_children() {
  found=1
  # The file has no newline at its end: `read` fails, and has read all the same.
  children=
  read -r children < "/proc/$$/task/$$/children"
  for child in $children; do
    if is_alive "$child"; then
      kill -s KILL "$child" 2>/dev/null && found=0 && killed=1
    fi
  done
  return "$found"
}

if [ -r "/proc/$$/task/$$/children" ]; then
  pass=0
  clean=0
  while [ "$clean" -lt 2 ] && [ "$pass" -lt "$passes_max" ]; do
    if kill_children; then clean=0; else clean=$((clean + 1)); fi
    # Also lets this shell reap: it waits for every child while it waits for one.
    [ "$clean" -lt 2 ] && sleep 0.01
    pass=$((pass + 1))
  done
  if [ "$clean" -lt 2 ]; then
    echo "cox: guard: some processes survive SIGKILL: $children" >&2
  fi
else
  echo "cox: guard: cannot read /proc/$$/task/$$/children: orphans may survive" >&2
fi

# A supervisor that ended well has removed these.
for socket in "$run_dir/control.sock" "$run_dir"/notify/*; do
  if [ -e "$socket" ]; then rm -f "$socket"; fi
done
# As long as the cgroup could not be removed, the next run is to know of it.
if [ -e "$run_dir/cgroup" ] && ! [ -d "$cgroup" ]; then rm -f "$run_dir/cgroup"; fi

if [ "$killed" = 1 ]; then
  echo "cox: guard: the supervisor ended (status $status) and left processes; they were killed" >&2
fi
exit "$status"
