#!/bin/bash
# Unpacks Debian's exim4-daemon-heavy (and the libraries it needs that are not installed) below a folder and prints the
# command that runs it. Nothing is installed and no daemon starts. The comparisons in tests/oracle use it as a black box.
# Usage: oracle.sh FOLDER. Exit 1: the packages cannot be had; the comparisons are then skipped.
set -euo pipefail

folder=${1:?usage: oracle.sh FOLDER}
command=$folder/exim

if [[ ! -x $command ]]; then
  mkdir -p "$folder/packages" "$folder/root"
  cd "$folder/packages"
  apt-cache show exim4-daemon-heavy >/dev/null 2>&1 || apt-get update -qq >/dev/null 2>&1 || true  # a machine without lists
  # The closure of dependencies, libraries only, without what is installed already.
  mapfile -t wanted < <(apt-cache depends --recurse --no-recommends --no-suggests --no-conflicts --no-breaks \
      --no-replaces --no-enhances exim4-daemon-heavy 2>/dev/null | grep -E '^lib[a-z0-9.+-]+$|^mariadb-common$' | sort -u)
  needed=(exim4-daemon-heavy exim4-base exim4-config libnss-wrapper)
  for package in "${wanted[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || needed+=("$package")
  done
  for package in "${needed[@]}"; do
    apt-get download -qq "$package" >/dev/null 2>&1 || true  # virtual packages have nothing to fetch
  done
  ls exim4-daemon-heavy_*.deb >/dev/null 2>&1 || { echo "oracle.sh: exim4-daemon-heavy cannot be downloaded" >&2; exit 1; }
  for package in *.deb; do dpkg -x "$package" ../root; done
  folder=$(cd .. && pwd)
  arch=$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -dumpmachine)
  chmod u-s ../root/usr/sbin/exim4  # else it ignores where its libraries are
  {
    echo '#!/bin/sh'
    echo "export LD_LIBRARY_PATH=$folder/root/usr/lib/$arch:$folder/root/usr/lib"
    if ! getent passwd Debian-exim >/dev/null; then  # the user the package would make, known to this command alone
      { cat /etc/passwd; echo 'Debian-exim:x:61999:61999::/var/spool/exim4:/usr/sbin/nologin'; } > "$folder/passwd"
      { cat /etc/group; echo 'Debian-exim:x:61999:'; } > "$folder/group"
      echo "export LD_PRELOAD=$folder/root/usr/lib/$arch/libnss_wrapper.so NSS_WRAPPER_PASSWD=$folder/passwd NSS_WRAPPER_GROUP=$folder/group"
    fi
    echo "exec $folder/root/usr/sbin/exim4 \"\$@\""
  } > "$folder/exim"
  chmod +x "$folder/exim"
  command=$folder/exim
fi

"$command" -C /dev/null -bV >/dev/null 2>&1 || { echo "oracle.sh: $command does not start" >&2; exit 1; }
echo "$command"
