"""Run by drgn on a dump of a guest's memory: prints what drgn finds, one JSON object per line.

usage: drgn -q -c DUMP -s VMLINUX list.drgn.py

Mappings of files are found from the files: by the tree of mappings that each inode has (i_mmap), which introspection does
not look at; of the others drgn of Debian 12 only knows how many there are.
"""

import json

from drgn import NULL
from drgn.helpers.linux.fs import d_path, for_each_file
from drgn.helpers.linux.list import list_for_each_entry
from drgn.helpers.linux.pid import for_each_task
from drgn.helpers.linux.rbtree import rbtree_inorder_for_each_entry


def show(kind, **fields):
    print(json.dumps({"kind": kind, **fields}))


def text(content):
    return content.decode("utf-8", "replace")


leaders = {}  # of memories
for task in for_each_task(prog):
    tgid = task.tgid.value_()
    show("thread", pid=tgid, tid=task.pid.value_(), name=text(task.comm.string_()), task=hex(task.value_()))
    if task.pid.value_() != tgid:
        continue
    show("process", pid=tgid, ppid=task.real_parent.tgid.value_(), name=text(task.comm.string_()),
         task=hex(task.value_()), uid=task.real_cred.uid.val.value_(), euid=task.real_cred.euid.val.value_())
    if task.mm:
        leaders.setdefault(task.mm.value_(), []).append(tgid)
        show("count", pid=tgid, mappings=task.mm.map_count.value_())
    if task.files:
        for fd, file in for_each_file(task):
            show("file", pid=tgid, fd=fd, position=file.f_pos.value_(), file=hex(file.value_()),
                 name=text(d_path(file.f_path)))

for super_block in list_for_each_entry("struct super_block", prog["super_blocks"].address_of_(), "s_list"):
    for inode in list_for_each_entry("struct inode", super_block.s_inodes.address_of_(), "i_sb_list"):
        for area in rbtree_inorder_for_each_entry("struct vm_area_struct",
                                                  inode.i_mapping.i_mmap.rb_root.address_of_(), "shared.rb"):
            for pid in leaders.get(area.vm_mm.value_(), []):
                show("mapping", pid=pid, start=hex(area.vm_start.value_()), end=hex(area.vm_end.value_()),
                     offset=hex(area.vm_pgoff.value_() * 4096), name=text(d_path(area.vm_file.f_path)))
