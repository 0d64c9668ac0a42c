// SPDX-License-Identifier: Apache-2.0
/*
 * Loading and attaching. What runs is found out by asking the kernel: try the best, fall back,
 * name the result in source_info.hooks.
 */
#define _GNU_SOURCE
#include "capture/loader.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "capture/loader_kernel.h"
#include "capture/proc.h"

#define RING_MAIN_BYTES	      (16u << 20)
#define RING_CREDENTIAL_BYTES (1u << 20)
#define RING_SELF_BYTES	      (256u << 10)
#define KERNEL_BTF	      "/sys/kernel/btf/vmlinux"

/* Ways to load, best first. The first that the kernel takes is used; where programs can be
 * preempted, those that cannot be come first. */
static const struct attempt {
	const char *name;
	enum object { COLLECT, COLLECT_PLAIN, COLLECT_OLD } object;
	bool raw_exit;
} attempts[] = {
	{ "tracepoint/tp_btf", COLLECT, false },
	{ "tracepoint/tp_btf, helper reads", COLLECT_PLAIN, false },
	{ "tracepoint/raw_syscalls", COLLECT, true },
	{ "tracepoint/raw_syscalls, helper reads", COLLECT_PLAIN, true },
};
#define ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

/* The only one before 5.15; no program can be preempted there. */
static const struct attempt old_attempt = { "tracepoint/tp_btf, helper reads only", COLLECT_OLD };

static const struct attempt *attempt_at(size_t i, bool preempts)
{
	return &attempts[preempts ? (i + ATTEMPTS / 2) % ATTEMPTS : i];
}

/* The first complaint of libbpf about a load goes into the error line (those after it say only
 * that there was one); nothing is printed. */
static char complaint[256];

static int keep_complaint(enum libbpf_print_level level, const char *format, va_list args)
{
	if (level != LIBBPF_WARN || complaint[0])
		return 0;
	vsnprintf(complaint, sizeof(complaint), format, args);
	complaint[strcspn(complaint, "\n")] = 0;
	return 0;
}

int kernel_fail(char *err, size_t err_size, int code, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, err_size, format, args);
	va_end(args);
	return code;
}

/* --- loading -------------------------------------------------------------------------------------
 */

/* The objects differ in how they read; what the skeleton describes is the same in all. */
_Static_assert(sizeof(struct collect__rodata) == sizeof(struct collect_plain__rodata) &&
		       sizeof(struct collect__bss) == sizeof(struct collect_plain__bss) &&
		       sizeof(struct collect__rodata) == sizeof(struct collect_old__rodata) &&
		       sizeof(struct collect__bss) == sizeof(struct collect_old__bss),
	       "one set of settings");

static struct collect *open_programs(enum object object)
{
	struct collect *skel = calloc(1, sizeof(*skel));

	if (!skel)
		return NULL;
	if (collect__create_skeleton(skel))
		goto fail;
	if (object == COLLECT_PLAIN)
		skel->skeleton->data = (void *)collect_plain__elf_bytes(&skel->skeleton->data_sz);
	if (object == COLLECT_OLD)
		skel->skeleton->data = (void *)collect_old__elf_bytes(&skel->skeleton->data_sz);
	if (bpf_object__open_skeleton(skel->skeleton, NULL))
		goto fail;
	return skel;
fail:
	collect__destroy(skel);
	return NULL;
}

static bool has(const struct btf *kernel, const char *type, int kind)
{
	return kernel && btf__find_by_name_kind(kernel, type, (__u32)kind) > 0;
}

/* A kernel can be built without what some tracepoints belong to, and older ones have them under
 * another name. The first argument of io_uring_submit_sqe is the request from 6.0 on, which then
 * begins with its operation. */
static void choose_programs(struct collect *skel, const struct attempt *attempt,
			    enum function_hooks functions, bool harden)
{
	struct btf *kernel = btf__load_vmlinux_btf();
	bool rings, named;

	bpf_program__set_autoload(skel->progs.sys_exit, !attempt->raw_exit);
	bpf_program__set_autoload(skel->progs.sys_exit_raw, attempt->raw_exit);
	bpf_program__set_autoload(skel->progs.module_loads,
				  has(kernel, "btf_trace_module_load", BTF_KIND_TYPEDEF));
	rings = has(kernel, "btf_trace_io_uring_complete", BTF_KIND_TYPEDEF) &&
		has(kernel, "io_cmd_data", BTF_KIND_STRUCT);
	named = has(kernel, "btf_trace_io_uring_submit_req", BTF_KIND_TYPEDEF);
	bpf_program__set_autoload(skel->progs.io_uring_submits, rings && named);
	bpf_program__set_autoload(skel->progs.io_uring_submits_6_0, rings && !named);
	bpf_program__set_autoload(skel->progs.io_uring_submits_5_14,
				  !rings && kernel_shows_requests(kernel));
	bpf_program__set_autoload(skel->progs.io_uring_completes, rings);
	bpf_program__set_autoload(skel->progs.io_uring_flush, rings);
	if (!rings)
		bpf_map__set_max_entries(skel->maps.requests, 1);
	kernel_choose_object_set(skel, kernel, functions);
	kernel_choose_harden(skel, harden);
	btf__free(kernel);
}

static int set_up(struct kernel *k, const struct loader_options *o, const struct attempt *attempt,
		  enum function_hooks functions, char *err, size_t err_size)
{
	int cpus = libbpf_num_possible_cpus();
	size_t ring = o->ring_bytes ? o->ring_bytes : RING_MAIN_BYTES;
	struct collect *skel = k->skel;
	uint32_t parent;

	if (cpus < 1)
		return kernel_fail(err, err_size, -ENOTSUP, "cannot count the processors");
	k->source.info.cpus = (uint32_t)cpus;
	skel->rodata->run_id = o->run;
	skel->bss->self_pid = getpid();
	skel->rodata->scope = o->scope;
	skel->rodata->main_ring_size = (__u32)ring;
	if (getrandom((void *)(uintptr_t)&skel->rodata->fold_secret,
		      sizeof(skel->rodata->fold_secret), 0) < 0)
		return kernel_fail(err, err_size, -errno, "no randomness: %s", strerror(errno));
	if (o->scope == SCOPE_TREE) {
		uint64_t start;

		if (proc_parent(o->pid, &parent, &start))
			return kernel_fail(err, err_size, -ESRCH, "no process %u", o->pid);
		skel->rodata->scope_pid = (int)o->pid;
		skel->rodata->scope_start = start;
		skel->rodata->scope_start_end = start + TASK_TICK;
	}
	if (o->scope == SCOPE_CGROUP) {
		uint64_t id = 0;
		uint32_t level = 0;
		int e = kernel_find_cgroup(o->cgroup, &id, &level);

		if (e)
			return kernel_fail(err, err_size, e, "%s is no cgroup of the v2 hierarchy",
					   o->cgroup);
		skel->rodata->scope_cgroup = id;
		skel->rodata->scope_level = level;
	}
	choose_programs(skel, attempt, functions, o->harden);
	kernel_choose_old(skel, k->old, o->scope == SCOPE_TREE);
	bpf_map__set_max_entries(skel->maps.counters, (__u32)cpus);
	bpf_map__set_max_entries(skel->maps.scratches, (__u32)cpus * PROGRAMS_PER_CPU);
	bpf_map__set_max_entries(skel->maps.shares, (__u32)cpus * SHARES_PER_CPU);
	bpf_map__set_max_entries(skel->maps.folds, (__u32)cpus * FOLDS_PER_CPU);
	bpf_map__set_max_entries(skel->maps.ring_main, (__u32)ring);
	bpf_map__set_max_entries(skel->maps.ring_credential, RING_CREDENTIAL_BYTES);
	bpf_map__set_max_entries(skel->maps.ring_self, RING_SELF_BYTES);
	return 0;
}

/* Which way of loading this kernel takes. */
static int try_all(struct kernel *k, const struct loader_options *o, enum function_hooks functions,
		   char *err, size_t err_size)
{
	static const char *const with[] = { [FUNCTIONS_NONE] = "",
					    [FUNCTIONS_FENTRY] = "object/fentry + ",
					    [FUNCTIONS_LSM] = "object/lsm + " };
	bool preempts = !k->old && kernel_preempts_programs();
	int e = -ENOTSUP;

	for (size_t i = 0; i < (k->old ? 1 : ATTEMPTS); i++) {
		const struct attempt *attempt = k->old ? &old_attempt : attempt_at(i, preempts);

		k->skel = open_programs(attempt->object);
		if (!k->skel)
			return kernel_fail(err, err_size, -ENOMEM,
					   "cannot open the kernel programs");
		e = set_up(k, o, attempt, functions, err, err_size);
		if (!e)
			e = kernel_pin_reuse(k, err, err_size);
		if (e)
			return e;
		complaint[0] = 0;
		e = collect__load(k->skel);
		if (!e) {
			snprintf(k->source.info.hooks, sizeof(k->source.info.hooks), "%s%s",
				 with[functions], attempt->name);
			return 0;
		}
		collect__destroy(k->skel);
		k->skel = NULL;
		if (e == -EPERM)
			break; /* the same answer for all */
	}
	return kernel_fail(err, err_size, e, "the kernel refused every hook set (%s): %s",
			   strerror(-e), complaint);
}

/* The object set where it can be had, unless the caller wants one of the two. */
static int load(struct kernel *k, const struct loader_options *o, char *err, size_t err_size)
{
	enum function_hooks functions = FUNCTIONS_NONE;
	int e = -ENOTSUP;

	if (o->hooks != HOOKS_TRACEPOINT && !k->old)
		functions = kernel_function_hooks();
	if (functions != FUNCTIONS_NONE)
		e = try_all(k, o, functions, err, err_size);
	else if (o->hooks == HOOKS_OBJECT)
		kernel_fail(
			err, err_size, e,
			"this kernel lets no program watch its functions (fentry, LSM): the object "
			"set cannot be had");
	if (e && o->hooks != HOOKS_OBJECT)
		e = try_all(k, o, FUNCTIONS_NONE, err, err_size);
	if (e == -EPERM && geteuid() != 0)
		return kernel_fail(err, err_size, e,
				   "loading kernel programs needs root (CAP_BPF, CAP_PERFMON, "
				   "CAP_SYS_PTRACE)");
	return e;
}

static int open_rings(struct kernel *k)
{
	struct bpf_map *maps[RINGS] = { k->skel->maps.ring_main, k->skel->maps.ring_credential,
					k->skel->maps.ring_self };
	struct epoll_event event = { .events = EPOLLIN };
	int err;

	k->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (k->epoll < 0)
		return -errno;
	for (int i = 0; i < RINGS; i++) {
		err = ring_open(&k->rings[i], bpf_map__fd(maps[i]), bpf_map__max_entries(maps[i]));
		if (err)
			return err;
		k->rings[i].keeps = k->pin.dir != NULL;
		if (epoll_ctl(k->epoll, EPOLL_CTL_ADD, bpf_map__fd(maps[i]), &event) < 0)
			return -errno;
	}
	k->counters_size = k->source.info.cpus * sizeof(*k->counters);
	k->counters = mmap(NULL, k->counters_size, PROT_READ, MAP_SHARED,
			   bpf_map__fd(k->skel->maps.counters), 0);
	if (k->counters == MAP_FAILED) {
		k->counters = NULL;
		return -errno;
	}
	return 0;
}

static void describe_programs(struct kernel *k)
{
	char *to = k->source.info.programs, *end = to + sizeof(k->source.info.programs);
	struct bpf_program *program;

	bpf_object__for_each_program(program, k->skel->obj)
	{
		struct bpf_prog_info info;
		int n;

		if (kernel_ask_program(k, program, &info))
			continue;
		n = snprintf(to, (size_t)(end - to), "%s:%u:%02x%02x%02x%02x%02x%02x%02x%02x\n",
			     bpf_program__name(program), info.id, info.tag[0], info.tag[1],
			     info.tag[2], info.tag[3], info.tag[4], info.tag[5], info.tag[6],
			     info.tag[7]);
		if (n < 0 || n >= end - to)
			break;
		to += n;
	}
}

static int attach(struct kernel *k, char *err, size_t err_size)
{
	struct bpf_object_skeleton *s = k->skel->skeleton;

	for (int i = 0; i < s->prog_cnt; i++) {
		struct bpf_program *program = *s->progs[i].prog;

		if (!bpf_program__autoload(program) || program == k->skel->progs.pam_asked ||
		    program == k->skel->progs.pam_answered ||
		    program == k->skel->progs.fold_flush ||
		    program == k->skel->progs.mark_members ||
		    program == k->skel->progs.io_uring_flush)
			continue;
		*s->progs[i].link = kernel_attach_pinned(k, program);
		if (!*s->progs[i].link)
			return kernel_fail(err, err_size, -errno,
					   "the kernel refused to attach %s: %s",
					   bpf_program__name(program), strerror(errno));
	}
	return 0;
}

int kernel_start(struct source *source, char *err, size_t err_size)
{
	struct kernel *k = (struct kernel *)source;
	int e;

	k->skel->bss->self_pid = getpid();
	e = attach(k, err, err_size);
	if (!e) {
		kernel_guard_links(k);
		kernel_probe_login(k);
		e = kernel_harden(k);
		if (e)
			kernel_fail(err, err_size, e, "cannot harden: %s", strerror(-e));
	}
	if (!e && k->scope == SCOPE_TREE) {
		e = kernel_mark_descendants(k, k->scope_pid);
		if (e)
			kernel_fail(err, err_size, e, "cannot mark the descendants of %u: %s",
				    k->scope_pid, strerror(-e));
	}
	return e;
}

int loader_open(struct source **ret, const struct loader_options *o, char *err, size_t err_size)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int e;

	if (!k)
		return kernel_fail(err, err_size, -ENOMEM, "out of memory");
	k->epoll = k->pin.lock = -1;
	k->source.ops = &kernel_ops;
	k->scope = o->scope;
	k->scope_pid = o->pid;
	k->harden = o->harden;
	k->source.info.run = o->run;
	libbpf_set_print(keep_complaint);
	e = access(KERNEL_BTF, R_OK) < 0 ? -ENOTSUP : 0;
	if (e) {
		kernel_fail(err, err_size, e, "this kernel does not describe itself: no %s",
			    KERNEL_BTF);
		goto fail;
	}
	k->old = kernel_is_old();
	if (k->old && kernel_is_too_old()) {
		e = kernel_fail(err, err_size, -ENOTSUP,
				"this kernel is too old: its programs cannot do what came with "
				"Linux 5.10");
		goto fail;
	}
	if (k->old && (o->harden || o->pin)) {
		e = kernel_fail(err, err_size, -ENOTSUP,
				"%s cannot be had on kernels before Linux 5.15",
				o->harden ? "--harden" : "--pin");
		goto fail;
	}
	if (o->harden && !kernel_asks_programs()) {
		e = kernel_fail(
			err, err_size, -ENOTSUP,
			"--harden needs bpf among the LSMs of this kernel "
			"(cat /sys/kernel/security/lsm), or it lets no program watch at all");
		goto fail;
	}
	e = kernel_pin_begin(k, o->pin, err, err_size);
	if (!e)
		e = load(k, o, err, err_size);
	if (!e)
		e = kernel_pin_maps(k, err, err_size);
	if (e || !k->skel)
		goto fail;
	e = open_rings(k);
	if (e) {
		kernel_fail(err, err_size, e, "cannot map the rings: %s", strerror(-e));
		goto fail;
	}
	e = kernel_seal_maps(k);
	if (e) {
		kernel_fail(err, err_size, e, "cannot freeze the counters: %s", strerror(-e));
		goto fail;
	}
	e = kernel_set_policy(&k->source, o->policy, err, err_size);
	if (e)
		goto fail;
	describe_programs(k);
	malloc_trim(0); /* loading takes many times the memory that is needed afterwards */
	*ret = &k->source;
	return 0;
fail:
	source_close(&k->source);
	return e;
}
