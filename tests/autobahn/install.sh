#!/bin/sh
# sh tests/autobahn/install.sh FOLDER [MIRROR]: installs the Autobahn test suite and leaves the command FOLDER/wstest.
#
# The suite runs on Python 2.7 alone, which Debian 11 was the last to have. So this puts a small Debian 11 into FOLDER
# (0.5 GB), and the suite into that. To be run as root on Linux, with debootstrap (apt-get install debootstrap). MIRROR is
# a Debian mirror, for when the usual one has Debian 11 no more.
set -eu
[ $# -ge 1 ] || { sed -n '2p' "$0" >&2; exit 2; }
here=$(dirname "$0")
mkdir -p "$1"
folder=$(cd "$1" && pwd)
debootstrap --variant=minbase --include=python2.7,virtualenv bullseye "$folder" ${2:+"$2"}
# The certificates of this machine, in case its network has some of its own.
certificates=/etc/ssl/certs/ca-certificates.crt
mkdir -p "$folder/etc/ssl/certs"
cp "$certificates" "$folder$certificates"
cp "$here/requirements.txt" "$folder/"
chroot "$folder" virtualenv --python=python2.7 /autobahn
chroot "$folder" /autobahn/bin/pip install --no-deps --require-hashes --cert "$certificates" --requirement /requirements.txt
# The suite sees the folder that it is called in as /mnt.
cat >"$folder/wstest" <<END
#!/bin/sh
exec unshare --mount sh -c 'mount --bind . "\$0/mnt" && exec chroot "\$0" env -C /mnt /autobahn/bin/wstest "\$@"' \\
    '$folder' "\$@"
END
chmod +x "$folder/wstest"
"$folder/wstest" --autobahnversion
