#!/bin/bash
# Installs the mail servers that remex is measured beside into root folders of their own below a folder, so that packages which
# exclude each other stand side by side and the machine's own mail setup is left alone. Nothing in them is started.
# Usage: peers.sh FOLDER. Needs root, debootstrap and Debian's archive; what is ready is left alone. Exit 1: cannot be had.
set -euo pipefail

folder=${1:?usage: peers.sh FOLDER}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
log=$folder/peers.log
exec 9>"$folder/.lock"
flock 9

fail() { tail -5 "$log" >&2; echo "peers.sh: $1; the whole output is in $log" >&2; exit 1; }

[[ $(id -u) == 0 ]] || { echo "peers.sh: root folders can be made by root only" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "peers.sh: debootstrap is not installed" >&2; exit 1; }

if [[ ! -e $folder/base/.ready ]]; then
  rm -rf "$folder/base"
  # shellcheck disable=SC2016
  archive=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | grep -v security | head -1)
  debootstrap --variant=minbase --include=ca-certificates bookworm "$folder/base" "${archive:-http://deb.debian.org/debian}" >>"$log" 2>&1 ||
    fail "the base of Debian 12 cannot be unpacked"
  printf '#!/bin/sh\nexit 101\n' >"$folder/base/usr/sbin/policy-rc.d"  # no service starts while it is installed
  chmod 755 "$folder/base/usr/sbin/policy-rc.d"
  cp /etc/resolv.conf "$folder/base/etc/resolv.conf"
  chroot "$folder/base" apt-get update -qq >>"$log" 2>&1 || fail "the package lists cannot be had"
  touch "$folder/base/.ready"
fi

# The server and what it signs with.
packages() {
  case $1 in
    exim) echo exim4-daemon-heavy exim4-base exim4-config ;;
    postfix) echo postfix opendkim ;;
    opensmtpd) echo opensmtpd opensmtpd-filter-dkimsign ;;
  esac
}

for peer in exim postfix opensmtpd; do
  root=$folder/$peer
  if [[ ! -e $root/.ready ]]; then
    rm -rf "$root"
    cp -a "$folder/base" "$root"
    rm "$root/.ready"
  elif [[ $(cat "$root/.ready") == "$(packages "$peer")" ]]; then
    continue
  fi
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  # shellcheck disable=SC2046
  chroot "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C apt-get install -y -q --no-install-recommends $(packages "$peer") \
    >>"$log" 2>&1 || fail "the packages of $peer cannot be installed"
  chroot "$root" sh -c 'getent passwd vmail || { groupadd -g 5000 vmail && useradd -u 5000 -g 5000 -d /srv/mail vmail; }' >>"$log" 2>&1
  echo '127.0.0.1 localhost bench.test' >"$root/etc/hosts"
  packages "$peer" >"$root/.ready"
done
