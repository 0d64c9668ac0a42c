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

/* --- which of them are recorded ----------------------------------------------------------------
 */

/* What reads and writes maps, and what only asks: the daily work of whoever uses bpf. */
#define BPF_DAILY                                                                                  \
	(1ull << BPF_MAP_LOOKUP_ELEM | 1ull << BPF_MAP_UPDATE_ELEM | 1ull << BPF_MAP_DELETE_ELEM | \
	 1ull << BPF_MAP_GET_NEXT_KEY | 1ull << BPF_PROG_TEST_RUN | 1ull << BPF_PROG_GET_NEXT_ID | \
	 1ull << BPF_MAP_GET_NEXT_ID | 1ull << BPF_BTF_GET_NEXT_ID |                               \
	 1ull << BPF_LINK_GET_NEXT_ID | 1ull << BPF_OBJ_GET_INFO_BY_FD |                           \
	 1ull << BPF_MAP_LOOKUP_AND_DELETE_ELEM | 1ull << BPF_MAP_LOOKUP_BATCH |                   \
	 1ull << BPF_MAP_LOOKUP_AND_DELETE_BATCH | 1ull << BPF_MAP_UPDATE_BATCH |                  \
	 1ull << BPF_MAP_DELETE_BATCH)

#define PTRACE_ATTACH 16
#define PTRACE_SEIZE  0x4206

/* ptrace goes on with many requests once it is attached; what it takes is the attaching. */
static __always_inline bool is_wanted(enum event_call call, const struct arguments *args)
{
	__u64 first = args->value[1];

	if (call == CALL_BPF)
		return (__u32)first > 63 || !(BPF_DAILY >> (__u32)first & 1);
	if (call == CALL_PTRACE)
		return first == PTRACE_ATTACH || first == PTRACE_SEIZE;
	return true;
}

/* --- names that only the kernel has ------------------------------------------------------------
 */

struct module_name {
	char name[56];
	bool pending;
};

struct { /* the module that the current task has just loaded */
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct module_name);
} modules SEC(".maps");

/* Not on kernels without modules: the loader leaves it out there. */
SEC("tp_btf/module_load")
int BPF_PROG(module_loads, struct module *module)
{
	struct task_struct *task = current_task();
	struct module_name *to;

	if (!in_scope(task))
		return 0;
	to = bpf_task_storage_get(&modules, task, 0, BPF_LOCAL_STORAGE_GET_F_CREATE);
	if (!to)
		return 0; /* the record goes without the name */
	bpf_core_read(to->name, sizeof(to->name), &module->name);
	to->pending = true;
	return 0;
}

static __always_inline void add_module_name(struct draft *d)
{
	struct module_name *from = bpf_task_storage_get(&modules, d->task, 0, 0);

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

static __always_inline __u64 argument(const struct arguments *args, __u8 number)
{
	return args->value[number & 7];
}

static __always_inline void add_object(struct draft *d, int fd)
{
	struct file *file = file_of(d, fd);

	if (file)
		add_file(d, file);
	else
		d->scratch->event.flags |= EVENT_PATH_LOST;
}

static __always_inline int directory(const struct arguments *args, __u8 number)
{
	return number ? (int)argument(args, number) : AT_FDCWD;
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
	d.task = current_task();
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

static __always_inline void on_object(enum event_call call, const struct arguments *args,
				      __s64 result, __u32 compat)
{
	const volatile struct shape *shape = &shapes[BOUND(call, CALL_MASK)];
	struct event_file *to;
	struct draft d;

	if (!is_wanted(call, args))
		return;
	if (shape->family == FAMILY_FILE || shape->family == FAMILY_PERMISSION)
		take_seen(current_task(), call, args);
	if (!event_begin(&d, PROGRAM_SYS_EXIT, BOUND(shape->family, FAMILIES - 1), shape->kind,
			 call, result))
		return;
	d.scratch->event.flags |= compat;
	fill_object(d.slot);
	d.used = BOUND(d.scratch->used, TEXT_MASK);
	to = &d.scratch->event.file;
	to->argument[0] = shape->number[0] ? argument(args, shape->number[0]) : 0;
	to->argument[1] = shape->number[1] ? argument(args, shape->number[1]) : 0;
	event_send(&d);
}

#endif
