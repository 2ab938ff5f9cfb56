# A job that takes two seconds. Its processes ignore TERM, so a stop does not interrupt it.
set -eu
trap '' TERM
echo "the job is done" >/data/job.running
sleep 2
mv /data/job.running /data/job.done
