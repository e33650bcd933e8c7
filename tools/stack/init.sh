#!/bin/busybox sh
# The guest's first process: the host's root, read-only, under a layer in memory; then the command that the host wrote.
export PATH=/bin
/bin/busybox --install -s /bin
mkdir -p /proc /host /layer /root
mount -t proc proc /proc

for module in /modules/*; do
  insmod "$module"
done
mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=512000,cache=loose host /host
mount -t tmpfs layer /layer
mkdir /layer/files /layer/work
mount -t overlay -o lowerdir=/host,upperdir=/layer/files,workdir=/layer/work overlay /root

mkdir -p /root/mnt
mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 out /root/mnt
mount -t proc proc /root/proc
umount /proc
exec switch_root /root /bin/busybox sh /mnt/command
