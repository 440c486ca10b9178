#!/usr/bin/env bash
# The first process of a machine that is made of namespaces: folders and sshd of its own. When its stdin is closed it
# ends, and with it everything on the machine. Arguments: NAME TMP SHARED, then folders that stay seen although they
# lie in /tmp.
set -euo pipefail
name=$1 tmp=$2 shared=$3
shift 3

hostname "$name"
mount -t tmpfs -o mode=755 none /run
mount -t tmpfs -o mode=1777 none /dev/shm
mkdir /run/sshd
mount --bind "$shared" /srv
mount --bind "$tmp/etc/passwd" /etc/passwd
mount --bind "$tmp/etc/hosts" /etc/hosts
for kept in "$@"; do
  mkdir -p "$tmp/${kept#/tmp/}"
  mount --bind "$kept" "$tmp/${kept#/tmp/}"
done
mount --rbind "$tmp" /tmp
cd /
ip link set lo up
"$(command -v sshd)" -f /tmp/etc/sshd_config -E /tmp/sshd.log </dev/null
echo ready
read -r _ || true # bash reaps orphans meanwhile
