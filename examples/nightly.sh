#!/bin/sh
# What lies in a folder goes to a peer, each file once: for cron, which mails what it says when it fails.
#
#   PATH=/home/me/.local/bin:/usr/bin:/bin
#   30 2 * * *  /home/me/nightly.sh archive /data/night /home/me/nightly
#
# The last folder keeps the journal, a log, and a report for each day. A run that was killed, or found the peer
# down, is made up for by the next one: the journal knows what has been sent, and lets one run at a time use it.
set -eu
if [ $# -ne 3 ]; then
    echo "usage: nightly.sh PEER FOLDER STATE" >&2
    exit 2
fi
peer=$1 folder=$2 state=$3
report=$state/$(date +%F).csv

if [ -d "$folder" ] && [ -z "$(find "$folder" -type f -print -quit)" ]; then
    exit 0 # a night without files is no fault
fi

umask 077 # names of files can tell of patients
mkdir -p "$state"
status=0
dcmtools store --quiet --retries 5 --journal "$state/journal" --report "$report" --log-file "$state/log" \
    "$peer" "$folder" > /dev/null || status=$? # stdout has what the report has

case $status in
    0) ;;
    4) echo "nightly: no association with $peer; the next run sends what is missing" >&2 ;;
    *) echo "nightly: status $status; $report has what became of each file, $state/log the messages" >&2 ;;
esac
exit "$status"
