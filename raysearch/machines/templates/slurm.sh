#!/bin/bash
# raysearch on Slurm: Ray on all nodes of the job, a study on Ray. Written by `raysearch cluster slurm`; submit with
# sbatch, in a folder that all nodes see. Submitted again, or requeued, it goes on with the same study.
#SBATCH --job-name=@NAME@
#SBATCH --nodes=@NODES@
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=@CPUS@
#SBATCH --time=@TIME@
#SBATCH --output=@NAME@-%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
@MORE@
# USR1 comes 120 s before the time is up: the study is saved and the job put back into the queue. TERM (scancel, a
# preemption) saves it too and ends; a job that was preempted is requeued by Slurm itself.
#
# `ray symmetric-run` does part of this. It is not used here because it refuses a node on which another job's Ray runs
# and in the end stops every Ray of that node, and because it passes no signal on.
set -euo pipefail
umask 077
export PATH=@BIN@:$PATH
cd "${SLURM_SUBMIT_DIR:-.}"

READY_S=${READY_S:-300} # how long Ray may take to be up on all nodes
N_NODES=${SLURM_JOB_NUM_NODES:-@NODES@}
N_CPUS=${SLURM_CPUS_PER_TASK:-@CPUS@}
SHARED=$PWD/.raysearch-$SLURM_JOB_ID # token and address: files of this user alone that all nodes see
export SHARED N_CPUS READY_S
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH=$SHARED/token RAY_USAGE_STATS_ENABLED=0
export RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S=0 # at the end nothing runs any more; Ray would wait 30 s for it

say() { echo "$(date +%T) $*"; }

# shellcheck disable=SC2329 # called on the nodes
start_ray() { # on every node; the first one is the head. All ports are free ones, so that jobs can share nodes
  local scratch ip port ray attempt status stopped=''
  local -a options=(--block --disable-usage-stats --num-cpus="$N_CPUS" --num-gpus=@GPUS@)
  scratch=$(mktemp -d "/tmp/rs-$SLURM_JOB_ID-XXXX") # short, as Ray's sockets lie there, and no other job's
  options+=(--temp-dir="$scratch" --min-worker-port=0 --max-worker-port=0)
  if [ "$SLURM_PROCID" = 0 ]; then
    ip=$(getent ahostsv4 "$(hostname)" | awk '$1 !~ /^127\./ {print $1; exit}')
    ip=${ip:-$(hostname -I | awk '{print $1}')}
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])')
    options+=(--head --node-ip-address="$ip" --port=0 --ray-client-server-port="$port" --include-dashboard=false)
  else
    while [ ! -s "$SHARED/address" ]; do
      [ "$SECONDS" -lt "$READY_S" ] || { echo "$(hostname): no head after $READY_S s" >&2 && exit 1; }
      sleep 0.2
    done
    options+=(--address="$(cat "$SHARED/address")")
  fi
  # A start can fail (a slow disk is enough) and Ray tries none again, hence the three attempts of a node that joins.
  for attempt in 1 2 3; do
    status=0
    ray start "${options[@]}" &
    ray=$!
    trap 'stopped=yes; kill -TERM "$ray" 2>/dev/null || true' TERM INT
    if [ "$SLURM_PROCID" = 0 ]; then
      while [ ! -s "$scratch/ray_current_cluster" ] && kill -0 "$ray" 2>/dev/null; do sleep 0.2; done
      [ ! -s "$scratch/ray_current_cluster" ] ||
        { cp "$scratch/ray_current_cluster" "$SHARED/address.part" && mv "$SHARED/address.part" "$SHARED/address"; }
    fi
    while kill -0 "$ray" 2>/dev/null; do
      wait "$ray" || status=$? # a signal ends the wait, not Ray
    done
    [ "$status" != 0 ] && [ -z "$stopped" ] && [ "$SLURM_PROCID" != 0 ] && [ "$SECONDS" -lt "$READY_S" ] || break
    echo "$(hostname): ray start ended with $status, attempt $attempt of 3" >&2
  done
  rm -rf "$scratch"
  exit "$status"
}

nodes='' driver='' signal=''
finish() { # ends this job's Ray and no other
  [ -z "$driver" ] || kill -TERM "$driver" 2>/dev/null || true
  if [ -n "$nodes" ]; then
    kill -TERM "$nodes" 2>/dev/null || true
    wait "$nodes" || true
  fi
  rm -rf "$SHARED"
}
# shellcheck disable=SC2329 # called by traps
stop() {
  signal=$1
  say "$1: saving the study"
  [ -z "$driver" ] || kill -TERM "$driver" 2>/dev/null || true
}
trap finish EXIT
trap 'stop USR1' USR1
trap 'stop TERM' TERM INT

rm -rf "$SHARED" # what an earlier run of this job left behind
mkdir "$SHARED"
head -c 32 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$SHARED/token"
{
  declare -f start_ray
  echo start_ray
} >"$SHARED/node.sh"
say "starting Ray on $N_NODES nodes"
srun --nodes="$N_NODES" --ntasks="$N_NODES" --ntasks-per-node=1 --cpus-per-task="$N_CPUS" \
  bash "$SHARED/node.sh" >"@NAME@-$SLURM_JOB_ID-ray.log" 2>&1 &
nodes=$!

attend() { # waits for the process $driver; its exit status, or 69 if Ray ends before it
  local status=0 ended=''
  while kill -0 "$driver" 2>/dev/null; do
    if [ -z "$ended" ] && ! kill -0 "$nodes" 2>/dev/null; then
      ended=yes
      say "Ray has ended, see @NAME@-$SLURM_JOB_ID-ray.log"
      kill -TERM "$driver" 2>/dev/null || true
    fi
    sleep 1 &
    wait $! || true # a signal is heard at once
  done
  wait "$driver" || status=$?
  driver=''
  if [ -n "$ended" ]; then status=69; fi
  return "$status"
}

while [ ! -s "$SHARED/address" ] && kill -0 "$nodes" 2>/dev/null && [ -z "$signal" ] && [ "$SECONDS" -lt "$READY_S" ]; do
  sleep 0.2
done
address=$(cat "$SHARED/address" 2>/dev/null || echo 127.0.0.1:1)
status=143
if [ -z "$signal" ]; then
  status=0
  raysearch cluster wait --nodes "$N_NODES" --address "$address" --timeout "$READY_S" &
  driver=$!
  attend || status=$?
  [ "$status" = 0 ] || [ -n "$signal" ] || tail -n 5 "@NAME@-$SLURM_JOB_ID-ray.log"
fi
if [ "$status" = 0 ] && [ -z "$signal" ]; then
  raysearch @COMMAND@ --address "$address" &
  driver=$!
  attend || status=$?
fi
finish
trap - EXIT
if [ "$signal" = USR1 ] && [ "$status" != 0 ]; then
  say "back into the queue"
  scontrol requeue "$SLURM_JOB_ID"
fi
exit "$status"
