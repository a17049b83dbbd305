#!/bin/sh
# Puts the image's root file system together: the binary, the libraries that it is linked to, the certificates that it
# trusts, and one user. Everything but the binary is from the Debian that this runs on.
#
#   rootfs.sh BINARY FOLDER
set -eu
binary=$1 root=$2

mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/var/lib/dpkg/status.d" "$root/usr/share/doc" "$root/data"
strip --strip-all -o "$root/usr/local/bin/doorward" "$binary"

# Since 2.34 the look-up of names is in libc itself, so what the binary is linked to is all there is to bring along.
ldd "$binary" | grep -o '/[^ ]*' | while read -r library; do
    mkdir -p "$root$(dirname "$library")"
    cp -L "$library" "$root$library"
done
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp -L /etc/os-release "$root/etc/"
# Where scanners look for what an image without a package manager is made of.
for package in libc6 libgcc-s1 ca-certificates; do
    dpkg-query --status "$package" >"$root/var/lib/dpkg/status.d/$package"
    mkdir -p "$root/usr/share/doc/$package"
    cp "/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/"
done

echo 'doorward:x:65532:65532:Doorward:/data:/sbin/nologin' >"$root/etc/passwd"
echo 'doorward:x:65532:' >"$root/etc/group"
chmod 0700 "$root/data"
