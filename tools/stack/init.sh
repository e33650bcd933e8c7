#!/bin/busybox sh
# The guest's first process: the host's root, read-only, under a layer in memory; then the command that the host wrote.
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /proc /host /layer /newroot
mount -t proc proc /proc

for module in /modules/*; do
  insmod "$module"
done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
mount -t tmpfs layer /layer
mkdir /layer/files /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/files,workdir=/layer/work overlay /newroot

mkdir -p /newroot/mnt
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 out /newroot/mnt
mount -t proc proc /newroot/proc
umount /proc
exec switch_root /newroot /bin/busybox sh /mnt/command
