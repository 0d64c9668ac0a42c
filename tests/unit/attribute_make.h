/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ATTRIBUTE_MAKE_H
#define ATTRIBUTE_MAKE_H
/* Events as the kernel would send them, a /proc to ask, and an attribution to feed. */
#include "base_test.h"

#include <errno.h>

#include "attribute/attribute.h"

#define SECOND	  1000000000ull
#define BOOT_TIME (1767225600ull * SECOND)
#define HEX	  "4f797c539e6c745de61a93ca3ff892358ecbcaccd8414d5db545c38428142970"
#define ALICE	  1000
#define BOB	  1001

static const char test_passwd[] = "root:x:0:0::/root:/bin/bash\n"
				  "www:x:33:33::/:/usr/sbin/nologin\n"
				  "alice:x:1000:1000::/home/alice:/bin/bash\n"
				  "bob:x:1001:1001::/home/bob:/bin/bash\n";

static struct deed {
	struct event e;
	uint8_t text[EVENT_TEXT_MAX];
} deed;
_Static_assert(offsetof(struct deed, text) == sizeof(struct event), "texts follow the event");

static struct attribute *attribution;
static struct record made;

/* /proc: only these processes are there. */
static struct task_facts tasks[8];
static unsigned int task_count, look_ups;

static int look_up(void *ctx, uint32_t pid, struct task_facts *ret)
{
	ENSURE(ctx == tasks);
	look_ups++;
	for (unsigned int i = 0; i < task_count; i++) {
		if (tasks[i].pid == pid) {
			*ret = tasks[i];
			return 0;
		}
	}
	return -ESRCH;
}

static inline struct task_facts *add_task(uint32_t pid, uint32_t parent, uint64_t start,
					  const char *exe)
{
	struct task_facts *f = &tasks[task_count++];

	memset(f, 0, sizeof(*f));
	f->pid = pid;
	f->parent = parent;
	f->start = start - start % TASK_TICK;
	f->auid = f->session = RECORD_UNSET;
	snprintf(f->exe, sizeof(f->exe), "%s", exe);
	snprintf(f->cgroup, sizeof(f->cgroup), "0::/\n");
	return f;
}

static inline void open_attribution(uint32_t processes, uint32_t threads)
{
	struct attribute_options options = { .passwd = test_path("passwd"),
					     .boot_time = BOOT_TIME,
					     .processes = processes,
					     .threads = threads,
					     .look_up = look_up,
					     .ctx = tasks };

	ck_assert_int_eq(attribute_open(&attribution, &options), 0);
}

static inline void setup(void)
{
	write_test_file(test_path("passwd"), test_passwd, strlen(test_passwd));
	task_count = look_ups = 0;
	open_attribution(0, 0);
}

static inline void teardown(void)
{
	attribute_close(attribution);
	drop_test_dir();
}

/* Start of a process that nobody says more about: any number that its pid gives. */
static inline uint64_t start_of(uint32_t pid)
{
	return pid * SECOND + 1234567;
}

static inline struct event *begin(uint8_t kind, uint32_t pid)
{
	static uint64_t seq;

	memset(&deed.e, 0, sizeof(deed.e));
	seq++;
	deed.e = (struct event){ .seq = seq,
				 .time = 5000 * SECOND + seq,
				 .start = start_of(pid),
				 .cgroup = 1,
				 .comm = "test",
				 .size = sizeof(struct event),
				 .run = 7,
				 .pid = pid,
				 .tid = pid,
				 .parent = 1,
				 .auid = RECORD_UNSET,
				 .session = RECORD_UNSET,
				 .kind = kind };
	return &deed.e;
}

static inline void add_text_bytes(enum event_text slot, const void *data, size_t len)
{
	ENSURE(deed.e.size - sizeof(struct event) + len <= EVENT_TEXT_MAX);
	for (int i = (int)slot + 1; i < TEXTS; i++)
		ENSURE(deed.e.text[i] == 0); /* in their order */
	memcpy((uint8_t *)&deed + deed.e.size, data, len);
	deed.e.text[slot] = (uint16_t)(deed.e.text[slot] + len);
	deed.e.size += (uint32_t)len;
}

static inline void add_text(enum event_text slot, const char *text)
{
	add_text_bytes(slot, text, strlen(text));
}

/* The way the path walk sends it: "/a/b/c" as "c/b/a/". */
static inline void add_walk(enum event_text slot, const char *path)
{
	const char *end = path + strlen(path);

	while (end > path) {
		const char *slash = end;

		while (slash > path && slash[-1] != '/')
			slash--;
		if (end > slash) {
			add_text_bytes(slot, slash, (size_t)(end - slash));
			add_text(slot, "/");
		}
		end = slash > path ? slash - 1 : path;
	}
}

static inline void set_ids(struct event *e, uint32_t uid)
{
	e->cred = (struct event_cred){ uid, uid, uid, uid, uid, uid, uid, uid };
}

static inline const struct record *send_event(void)
{
	attribute_event(attribution, &deed.e, &made);
	return &made;
}

static inline const struct record *do_exec(uint32_t pid, const char *path)
{
	begin(EVENT_EXEC, pid);
	add_walk(TEXT_PATH, path);
	return send_event();
}

static inline const struct record *do_fork(uint32_t pid, uint32_t child)
{
	struct event *e = begin(EVENT_FORK, pid);

	e->fork = (struct event_fork){ .child_start = start_of(child),
				       .child_pid = child,
				       .child_tid = child,
				       .child_parent = pid };
	return send_event();
}

static inline const struct record *do_exit(uint32_t pid)
{
	begin(EVENT_EXIT, pid);
	return send_event();
}

/* A few texts at a time, for messages and comparisons. */
static inline const char *str(struct bytes b)
{
	static char text[4][EVENT_TEXT_MAX + 64];
	static int turn;
	char *p = text[turn++ & 3];

	for (size_t i = 0; i < b.len; i++)
		p[i] = b.data[i] ? (char)b.data[i] : ' ';
	p[b.len] = 0;
	return p;
}

#define ASSERT_BYTES(got, wanted) ck_assert_str_eq(str(got), wanted)

static inline void assert_actor(const struct record *r, int actor, int how, const char *user)
{
	ck_assert_int_eq(r->actor, actor);
	ck_assert_int_eq(r->how, how);
	ASSERT_BYTES(r->user, user);
}

#endif
