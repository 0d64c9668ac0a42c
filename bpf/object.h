/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef OBJECT_H
#define OBJECT_H
/*
 * Calls that a table describes: files (unlink, rename, link, truncate), permissions (chmod, chown,
 * extended attributes), capset, and what changes the kernel or another process (modules, bpf,
 * ptrace, mounts, namespaces, kexec, memfd, io_uring). Where a descriptor names the object, the
 * kernel's file is read; a name is the caller's word for it (EVENT_UNVERIFIED), unless the object
 * set has seen what it led to.
 */
#include "file.h"
#include "object_set.h"
#include "shapes.h"

/* --- names that only the kernel has ------------------------------------------------------------
 */

struct module_name {
	char name[56];
	bool pending;
};

/* the module that the current task has just loaded */
KEPT(modules, struct module_name);

/* Not on kernels without modules: the loader leaves it out there. */
SEC("tp_btf/module_load")
int BPF_PROG(module_loads, struct module *module)
{
	struct task_struct *task = current_task();
	struct module_name *to;

	if (!in_scope(task))
		return 0;
	to = MAKE_KEPT(modules, task);
	if (!to)
		return 0; /* the record goes without the name */
	bpf_core_read(to->name, sizeof(to->name), &module->name);
	to->pending = true;
	return 0;
}

static __always_inline void add_module_name(struct draft *d)
{
	struct module_name *from = FIND_KEPT(modules, d->task);

	if (!from || !from->pending)
		return;
	from->pending = false;
	add_kernel_string(d, TEXT_OTHER, sizeof(from->name), from->name);
}

/* Is the descriptor still what the call made it? Another thread may have put a file of another kind
 * there, whose private data is no program and no map. */
static __always_inline bool is_labelled(struct file *file, const char label[8])
{
	struct dentry *dentry = AS(struct dentry, READ(file, f_path.dentry));
	const unsigned char *name = READ(dentry, d_name.name);
	char found[8] = { 0 };

	bpf_probe_read_kernel(found, sizeof(found), name);
	return *(__u64 *)found == *(const __u64 *)label;
}

#define BPF_NAME 16

/* The name of the program or map that a call has just made. */
static __always_inline void add_bpf_name(struct draft *d, __u32 command, int fd)
{
	struct file *file = file_of(d, fd);
	struct bpf_prog *program;
	struct bpf_prog_aux *aux;
	struct bpf_map *map;

	if (!file)
		return;
	file = AS(struct file, file);
	if (command == BPF_MAP_CREATE && is_labelled(file, "bpf-map")) {
		map = READ(file, private_data);
		add_kernel_string(d, TEXT_OTHER, BPF_NAME, &map->name);
	} else if (command == BPF_PROG_LOAD && is_labelled(file, "bpf-prog")) {
		program = AS(struct bpf_prog, READ(file, private_data));
		aux = READ(program, aux);
		add_kernel_string(d, TEXT_OTHER, BPF_NAME, &aux->name);
	}
}

/* --- one call ----------------------------------------------------------------------------------
 */

static __always_inline void add_object(struct draft *d, int fd)
{
	struct file *file = file_of(d, fd);

	if (file)
		add_file(d, file);
	else
		d->scratch->event.flags |= EVENT_PATH_LOST;
}

/* In the order of their slots, as they stand in the event. */
static __always_inline void add_names(struct draft *d, const struct arguments *args,
				      const volatile struct shape *shape)
{
	if (shape->name)
		add_unverified_name(d, TEXT_CALLER, TEXT_BASE, directory(args, shape->dirfd),
				    argument(args, shape->name));
	if (shape->word && argument(args, shape->word)) {
		d->scratch->event.flags |= EVENT_UNVERIFIED;
		add_caller_string(d, TEXT_ARGV, (void *)argument(args, shape->word));
	}
	if (shape->other && shape->other_dirfd != NOT_PATH) {
		add_unverified_name(d, TEXT_OTHER, TEXT_OTHER_BASE,
				    directory(args, shape->other_dirfd),
				    argument(args, shape->other));
	} else if (shape->other && argument(args, shape->other)) {
		d->scratch->event.flags |= EVENT_UNVERIFIED;
		add_caller_string(d, TEXT_OTHER, (void *)argument(args, shape->other));
	}
}

/*
 * Everything but the numbers. A function of its own, so that the verifier looks at it once: the
 * call and its arguments stand in the scratch, and so does the length of the texts afterwards.
 */
__noinline int fill_object(__u32 slot)
{
	struct scratch *s = scratch_of(slot);
	struct draft d = { .slot = slot, .scratch = s };
	const volatile struct shape *shape;
	__s64 result;
	__u32 call;

	if (!s)
		return 0;
	draft_of_current(&d);
	call = s->event.call;
	result = s->event.result;
	shape = &shapes[BOUND(call, CALL_MASK)];
	if (add_seen(&d, shape->kind)) {
		s->used = d.used;
		return 0;
	}
	if (shape->fd == RESULT) {
		if (result >= 0)
			add_object(&d, result);
	} else if (shape->fd) {
		add_object(&d, argument(&s->args, shape->fd));
	}
	add_names(&d, &s->args, shape);
	if (call == CALL_BPF && result >= 0)
		add_bpf_name(&d, s->args.value[1], result);
	else if (shape->kind == EVENT_MODULE && call != CALL_DELETE_MODULE)
		add_module_name(&d);
	s->used = d.used;
	return 0;
}

static __always_inline bool fill_call(struct draft *d, const volatile struct shape *shape,
				      const struct arguments *args)
{
	struct event_file *to = &d->scratch->event.file;

	fill_object(d->slot);
	d->used = BOUND(d->scratch->used, TEXT_MASK);
	to->argument[0] = shape->number[0] ? argument(args, shape->number[0]) : 0;
	to->argument[1] = shape->number[1] ? argument(args, shape->number[1]) : 0;
	return true;
}

#endif
