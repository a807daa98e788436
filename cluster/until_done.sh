#!/usr/bin/env bash
# until_done.sh FILE COMMAND...: runs the command and fails with status 75 unless FILE is there then.
#
# A training run that is told to stop saves and ends with status 0, which a cluster would take for
# the end of the job: its results.json tells a finished run from one that is to be started again.
set -u
done=$1
shift
pid='' told=''
trap 'if [[ -z $pid ]]; then told=yes; else kill -TERM "$pid" 2>/dev/null; fi' TERM INT
"$@" &
pid=$!
[[ -z $told ]] || kill -TERM "$pid" 2>/dev/null
wait "$pid"
status=$?
while kill -0 "$pid" 2>/dev/null; do # a signal ends `wait`, not the command
  wait "$pid"
  status=$?
done
((status == 0)) || exit "$status"
[[ -e $done ]] && exit 0
echo "stopped before $done was written: to be started again" >&2
exit 75
