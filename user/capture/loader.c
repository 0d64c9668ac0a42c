// SPDX-License-Identifier: Apache-2.0
/*
 * Loading and attaching. What runs is found out by asking the kernel: try the best, fall back,
 * name the result in source_info.hooks.
 */
#define _GNU_SOURCE
#include "capture/loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "capture/event_check.h"
#include "capture/proc.h"
#include "capture/ring.h"
#include "collect.skel.h"

#define RING_MAIN_BYTES	      (16u << 20)
#define RING_CREDENTIAL_BYTES (1u << 20)
#define RING_SELF_BYTES	      (256u << 10)
#define KERNEL_BTF	      "/sys/kernel/btf/vmlinux"

/* Ways to load, best first. The first that the kernel takes is used. */
static const struct attempt {
	const char *name;
	bool typed_reads, raw_exit;
} attempts[] = {
	{ "tracepoint/tp_btf", true, false },
	{ "tracepoint/tp_btf, helper reads", false, false },
	{ "tracepoint/raw_syscalls, helper reads", false, true },
};
#define ATTEMPTS (sizeof(attempts) / sizeof(attempts[0]))

struct kernel {
	struct source source;
	struct collect *skel;
	struct ring rings[RINGS];
	unsigned long batch[RINGS]; /* take up to here, then look again */
	unsigned long marks[RINGS];
	uint64_t batch_time; /* nothing later than this in the batch */
	enum event_scope scope;
	uint32_t scope_pid;
	struct ring *taken;		 /* ring of the event that source_next gave out last */
	struct event_counters *counters; /* mapped */
	size_t counters_size;
	struct event_counters copy;
	int epoll;
	uint64_t last_event; /* monotonic, as of the last time we had nothing to do */
	bool had_events;
	bool corrupt;
};

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

__attribute__((format(printf, 4, 5))) static int fail(char *err, size_t err_size, int code,
						      const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(err, err_size, format, args);
	va_end(args);
	return code;
}

/* --- taking events -------------------------------------------------------------------------------
 */

static uint64_t boottime(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/*
 * Three rings drain at different speeds, and a task's events may stand in different ones. Take
 * only what is older than the moment before the ends were read: whatever such an event follows
 * from was written out before it and lies before the ends, so picking the oldest head keeps every
 * task's events in order.
 */
static void begin_batch(struct kernel *k)
{
	k->batch_time = boottime();
	for (int i = 0; i < RINGS; i++)
		k->batch[i] = ring_end(&k->rings[i]);
}

static const struct event *take_oldest(struct kernel *k)
{
	const struct event *best = NULL;
	struct ring *from = NULL;

	for (int i = 0; i < RINGS; i++) {
		struct ring *r = &k->rings[i];
		const struct event *e;
		size_t len;

		if (r->position >= k->batch[i])
			continue;
		e = ring_peek(r, k->batch[i], &len);
		if (!e && r->position < k->batch[i])
			return NULL; /* being written: what stands behind it must wait too */
		if (!e)
			continue;
		if (!event_is_whole(e, len)) {
			k->corrupt = true;
			return NULL;
		}
		if (e->time <= k->batch_time && (!best || e->time < best->time)) {
			best = e;
			from = r;
		}
	}
	k->taken = from;
	return best;
}

static const struct event *kernel_next(struct source *source)
{
	struct kernel *k = (struct kernel *)source;
	const struct event *e;

	if (k->taken)
		ring_release(k->taken);
	k->taken = NULL;
	e = take_oldest(k);
	if (!e) {
		begin_batch(k);
		e = take_oldest(k);
	}
	k->had_events |= e != NULL;
	return e;
}

static bool anything_waits(const struct kernel *k)
{
	for (int i = 0; i < RINGS; i++) {
		if (ring_end(&k->rings[i]) != k->rings[i].position)
			return true;
	}
	return false;
}

/* A woken consumer costs the waking program 2.6 us: while events come, look again every so often
 * instead; after a quiet spell, sleep until woken. */
#define POLL_NS	 1000000
#define QUIET_NS 50000000

static bool is_busy(struct kernel *k)
{
	struct timespec t;
	uint64_t now;

	clock_gettime(CLOCK_MONOTONIC, &t);
	now = (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
	if (k->had_events)
		k->last_event = now;
	k->had_events = false;
	return now - k->last_event < QUIET_NS;
}

static int kernel_wait(struct source *source, int timeout_ms)
{
	struct kernel *k = (struct kernel *)source;
	struct timespec nap = { .tv_nsec = POLL_NS };
	struct epoll_event event;
	int n = 0;

	if (k->corrupt)
		return -EBADMSG;
	if (timeout_ms > 0 && is_busy(k)) {
		nanosleep(&nap, NULL);
		return anything_waits(k);
	}
	/* Announce the sleep before the last look, so that nothing falls in between. An event
	 * whose program read the flag just before is found at the time-out. */
	__atomic_store_n(&k->skel->bss->asleep, 1, __ATOMIC_SEQ_CST);
	if (!anything_waits(k))
		n = epoll_wait(k->epoll, &event, 1, timeout_ms);
	__atomic_store_n(&k->skel->bss->asleep, 0, __ATOMIC_RELAXED);
	return n < 0 && errno != EINTR ? -errno : anything_waits(k);
}

static void kernel_mark(struct source *source)
{
	struct kernel *k = (struct kernel *)source;

	for (int i = 0; i < RINGS; i++)
		k->marks[i] = ring_end(&k->rings[i]);
}

static bool kernel_drained(struct source *source)
{
	struct kernel *k = (struct kernel *)source;

	for (int i = 0; i < RINGS; i++) {
		unsigned long at = k->rings[i].position;

		if (k->taken == &k->rings[i])
			at += k->rings[i].held;
		if (at < k->marks[i])
			return false;
	}
	return true;
}

static const struct event_counters *kernel_counters(struct source *source, uint32_t cpu)
{
	struct kernel *k = (struct kernel *)source;
	const volatile uint64_t *from = (const volatile void *)&k->counters[cpu];
	uint64_t *to = (void *)&k->copy;

	for (size_t i = 0; i < sizeof(k->copy) / sizeof(*to); i++)
		to[i] = from[i];
	return &k->copy;
}

static uint64_t kernel_misses(struct source *source)
{
	struct kernel *k = (struct kernel *)source;
	struct bpf_program *program;
	uint64_t sum = 0;

	bpf_object__for_each_program(program, k->skel->obj)
	{
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);

		if (bpf_program__autoload(program) &&
		    !bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
			sum += info.recursion_misses;
	}
	return sum;
}

static void kernel_fill(struct source *source, uint64_t ret[RINGS])
{
	struct kernel *k = (struct kernel *)source;

	for (int i = 0; i < RINGS; i++)
		ret[i] = ring_end(&k->rings[i]) - k->rings[i].position;
}

static int kernel_stop(struct source *source)
{
	struct kernel *k = (struct kernel *)source;

	/* Closing a tracepoint link waits until no program runs any more. */
	collect__detach(k->skel);
	return 0;
}

static void kernel_set_keeper(struct source *source, uint32_t pid)
{
	((struct kernel *)source)->skel->bss->keeper_pid = (int)pid;
}

static void kernel_close(struct source *source)
{
	struct kernel *k = (struct kernel *)source;

	for (int i = 0; i < RINGS; i++)
		ring_close(&k->rings[i]);
	if (k->counters)
		munmap(k->counters, k->counters_size);
	if (k->epoll >= 0)
		close(k->epoll);
	collect__destroy(k->skel);
	free(k);
}

/* --- scope ---------------------------------------------------------------------------------------
 */

struct family_tree {
	uint32_t root;
	int map, added;
};

static bool descends_from(uint32_t pid, uint32_t root)
{
	uint64_t start;

	for (int depth = 0; pid > 1 && depth < 4096; depth++) {
		if (pid == root)
			return true;
		if (proc_parent(pid, &pid, &start))
			return false;
	}
	return false;
}

static int mark_member(void *ctx, uint32_t pid)
{
	struct family_tree *tree = ctx;
	uint8_t yes = 1, marked;
	int fd;

	if (pid == tree->root || !descends_from(pid, tree->root))
		return 0;
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (fd < 0)
		return 0; /* gone */
	if (bpf_map_lookup_elem(tree->map, &fd, &marked) &&
	    !bpf_map_update_elem(tree->map, &fd, &yes, BPF_ANY))
		tree->added++;
	close(fd);
	return 0;
}

/*
 * The programs run already, so a child forked by a marked process is marked by the kernel; look
 * again until a whole pass finds nobody new. (A descendant whose parent dies before the parent was
 * marked is missed: it has become somebody else's child.)
 */
static int mark_descendants(struct kernel *k, uint32_t root)
{
	struct family_tree tree = { root, bpf_map__fd(k->skel->maps.members), 0 };
	int err = 0;

	do {
		tree.added = 0;
		err = proc_each(mark_member, &tree);
	} while (!err && tree.added);
	return err;
}

/* The id of a v2 cgroup is its inode number; its depth is counted up to the mount. */
static int find_cgroup(const char *path, uint64_t *ret_id, uint32_t *ret_level)
{
	struct stat st, up;
	char name[4096 + 64];
	uint32_t level = 0;

	snprintf(name, sizeof(name), "%s/cgroup.controllers", path);
	if (stat(path, &st) < 0 || !S_ISDIR(st.st_mode) || access(name, F_OK) < 0)
		return -ENOENT;
	*ret_id = st.st_ino;
	snprintf(name, sizeof(name), "%s", path);
	for (;;) {
		if (strlen(name) + 3 >= sizeof(name))
			return -ENAMETOOLONG;
		strcat(name, "/..");
		if (stat(name, &up) < 0)
			return -errno;
		if (up.st_dev != st.st_dev)
			break;
		level++;
	}
	*ret_level = level;
	return 0;
}

/* --- loading -------------------------------------------------------------------------------------
 */

/* The two objects differ in how they read; what the skeleton describes is the same in both. */
_Static_assert(sizeof(struct collect__rodata) == sizeof(struct collect_plain__rodata) &&
		       sizeof(struct collect__bss) == sizeof(struct collect_plain__bss),
	       "one set of settings");

static struct collect *open_programs(bool typed_reads)
{
	struct collect *skel = calloc(1, sizeof(*skel));

	if (!skel)
		return NULL;
	if (collect__create_skeleton(skel))
		goto fail;
	if (!typed_reads)
		skel->skeleton->data = (void *)collect_plain__elf_bytes(&skel->skeleton->data_sz);
	if (bpf_object__open_skeleton(skel->skeleton, NULL))
		goto fail;
	return skel;
fail:
	collect__destroy(skel);
	return NULL;
}

static int set_up(struct kernel *k, const struct loader_options *o, const struct attempt *attempt,
		  char *err, size_t err_size)
{
	int cpus = libbpf_num_possible_cpus();
	size_t ring = o->ring_bytes ? o->ring_bytes : RING_MAIN_BYTES;
	struct collect *skel = k->skel;
	uint32_t parent;

	if (cpus < 1)
		return fail(err, err_size, -ENOTSUP, "cannot count the processors");
	k->source.info.cpus = (uint32_t)cpus;
	skel->rodata->run_id = o->run;
	skel->rodata->self_pid = getpid();
	skel->rodata->scope = o->scope;
	if (o->scope == SCOPE_TREE) {
		uint64_t start;

		if (proc_parent(o->pid, &parent, &start))
			return fail(err, err_size, -ESRCH, "no process %u", o->pid);
		skel->rodata->scope_pid = (int)o->pid;
		skel->rodata->scope_start = start;
		skel->rodata->scope_start_end = start + TASK_TICK;
	}
	if (o->scope == SCOPE_CGROUP) {
		uint64_t id = 0;
		uint32_t level = 0;
		int e = find_cgroup(o->cgroup, &id, &level);

		if (e)
			return fail(err, err_size, e, "%s is no cgroup of the v2 hierarchy",
				    o->cgroup);
		skel->rodata->scope_cgroup = id;
		skel->rodata->scope_level = level;
	}
	bpf_program__set_autoload(skel->progs.sys_exit, !attempt->raw_exit);
	bpf_program__set_autoload(skel->progs.sys_exit_raw, attempt->raw_exit);
	bpf_map__set_max_entries(skel->maps.counters, (__u32)cpus);
	bpf_map__set_max_entries(skel->maps.scratches, (__u32)cpus * PROGRAMS_PER_CPU);
	bpf_map__set_max_entries(skel->maps.ring_main, (__u32)ring);
	bpf_map__set_max_entries(skel->maps.ring_credential, RING_CREDENTIAL_BYTES);
	bpf_map__set_max_entries(skel->maps.ring_self, RING_SELF_BYTES);
	return 0;
}

/* Which way of loading this kernel takes. */
static int load(struct kernel *k, const struct loader_options *o, char *err, size_t err_size)
{
	int e = -ENOTSUP;

	for (size_t i = 0; i < ATTEMPTS; i++) {
		k->skel = open_programs(attempts[i].typed_reads);
		if (!k->skel)
			return fail(err, err_size, -ENOMEM, "cannot open the kernel programs");
		e = set_up(k, o, &attempts[i], err, err_size);
		if (e)
			return e;
		complaint[0] = 0;
		e = collect__load(k->skel);
		if (!e) {
			snprintf(k->source.info.hooks, sizeof(k->source.info.hooks), "%s",
				 attempts[i].name);
			return 0;
		}
		collect__destroy(k->skel);
		k->skel = NULL;
		if (e == -EPERM)
			break; /* the same answer for all */
	}
	if (e == -EPERM && geteuid() != 0)
		return fail(err, err_size, e,
			    "loading kernel programs needs root (CAP_BPF, CAP_PERFMON, "
			    "CAP_SYS_PTRACE)");
	return fail(err, err_size, e, "the kernel refused every hook set (%s): %s", strerror(-e),
		    complaint);
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
		struct bpf_prog_info info = { 0 };
		__u32 len = sizeof(info);
		int n;

		if (!bpf_program__autoload(program) ||
		    bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &len))
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

		if (!bpf_program__autoload(program))
			continue;
		*s->progs[i].link = bpf_program__attach(program);
		if (!*s->progs[i].link)
			return fail(err, err_size, -errno, "the kernel refused to attach %s: %s",
				    bpf_program__name(program), strerror(errno));
	}
	return 0;
}

static int kernel_start(struct source *source, char *err, size_t err_size)
{
	struct kernel *k = (struct kernel *)source;
	int e = attach(k, err, err_size);

	if (!e && k->scope == SCOPE_TREE) {
		e = mark_descendants(k, k->scope_pid);
		if (e)
			fail(err, err_size, e, "cannot mark the descendants of %u: %s",
			     k->scope_pid, strerror(-e));
	}
	return e;
}

static const struct source_ops kernel_ops = {
	.next = kernel_next,
	.wait = kernel_wait,
	.counters = kernel_counters,
	.mark = kernel_mark,
	.drained = kernel_drained,
	.misses = kernel_misses,
	.fill = kernel_fill,
	.start = kernel_start,
	.stop = kernel_stop,
	.set_keeper = kernel_set_keeper,
	.close = kernel_close,
};

int loader_open(struct source **ret, const struct loader_options *o, char *err, size_t err_size)
{
	struct kernel *k = calloc(1, sizeof(*k));
	int e;

	if (!k)
		return fail(err, err_size, -ENOMEM, "out of memory");
	k->epoll = -1;
	k->source.ops = &kernel_ops;
	k->scope = o->scope;
	k->scope_pid = o->pid;
	k->source.info.run = o->run;
	libbpf_set_print(keep_complaint);
	e = access(KERNEL_BTF, R_OK) < 0 ? -ENOTSUP : 0;
	if (e) {
		fail(err, err_size, e, "this kernel does not describe itself: no %s", KERNEL_BTF);
		goto fail;
	}
	/* The newest helper that every way of loading calls. */
	if (libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_task_pt_regs, NULL) ==
	    0) {
		e = fail(err, err_size, -ENOTSUP,
			 "this kernel is too old: its programs cannot call bpf_task_pt_regs, which "
			 "came with Linux 5.15");
		goto fail;
	}
	e = load(k, o, err, err_size);
	if (e || !k->skel)
		goto fail;
	e = open_rings(k);
	if (e) {
		fail(err, err_size, e, "cannot map the rings: %s", strerror(-e));
		goto fail;
	}
	describe_programs(k);
	*ret = &k->source;
	return 0;
fail:
	source_close(&k->source);
	return e;
}
