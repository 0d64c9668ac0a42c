// SPDX-License-Identifier: Apache-2.0
#include "attribute/attribute.h"

#include <errno.h>
#include <stdlib.h>

#include "attribute/object.h"
#include "attribute/process.h"
#include "attribute/repeat.h"
#include "attribute/users.h"
#include "base/table.h"

/* What the wire says and what the disk says are the same numbers. */
_Static_assert((int)EVENT_PATH_TRUNCATED == RECORD_PATH_TRUNCATED &&
		       (int)EVENT_PATH_LOST == RECORD_PATH_LOST &&
		       (int)EVENT_ARGV_TRUNCATED == RECORD_ARGV_TRUNCATED &&
		       (int)EVENT_ARGV_LOST == RECORD_ARGV_LOST &&
		       (int)EVENT_UNVERIFIED == RECORD_UNVERIFIED &&
		       (int)EVENT_FD_SHARED == RECORD_FD_SHARED &&
		       (int)EVENT_BIND_MOUNT == RECORD_BIND_MOUNT &&
		       (int)EVENT_DETACHED == RECORD_DETACHED &&
		       (int)EVENT_PSEUDO == RECORD_PSEUDO && (int)EVENT_DELETED == RECORD_DELETED &&
		       (int)EVENT_COMPAT == RECORD_COMPAT &&
		       (int)EVENT_CALLER_TRUNCATED == RECORD_CLAIM_TRUNCATED &&
		       (int)EVENT_CALLER_LOST == RECORD_CLAIM_LOST,
	       "flags");
_Static_assert((int)CALL_OPEN_BY_HANDLE_AT == RECORD_CALL_OPEN_BY_HANDLE_AT &&
		       (int)CALL_CONNECT == RECORD_CALL_CONNECT &&
		       (int)CALL_SETGROUPS == RECORD_CALL_SETGROUPS &&
		       (int)CALL_CAPSET == RECORD_CALL_CAPSET &&
		       (int)CALL_IO_URING_ENTER == RECORD_CALL_IO_URING_ENTER &&
		       (int)CALL_SOCKETCALL == RECORD_CALLS,
	       "calls");
_Static_assert((int)RINGS == RECORD_RINGS && (int)FAMILIES == RECORD_FAMILIES, "counters");

#define ANCESTORS_MAX 64 /* asked for in a row: /proc may tell of a loop */

struct thread {		/* keyed by tid */
	uint64_t start; /* of its process: a reused number is another thread */
	struct record_cred cred;
	uint32_t auid;
	bool guessed; /* from /proc, which may have been ahead of the events */
};

struct attribute {
	struct attribute_options options;
	struct users *users;
	struct table *processes, *threads;
	struct repeats *repeats;
	struct task_facts facts; /* room for look_up */
	struct object_texts texts;
	char comm[16];
	struct record
		login; /* a change of the login uid that the last event showed; kind 0: none */
};

int attribute_open(struct attribute **ret, const struct attribute_options *options)
{
	struct attribute *a = calloc(1, sizeof(*a));
	int err;

	if (!a)
		return -ENOMEM;
	a->options = *options;
	if (options->processes == 1)
		a->options.processes = 2; /* who forks and who is made */
	err = users_open(&a->users, options->passwd ? options->passwd : "/etc/passwd");
	if (!err)
		err = table_open(&a->processes,
				 a->options.processes ? a->options.processes : ATTRIBUTE_PROCESSES,
				 sizeof(struct process), process_drop);
	if (!err)
		err = table_open(&a->threads,
				 options->threads ? options->threads : ATTRIBUTE_THREADS,
				 sizeof(struct thread), NULL);
	if (!err)
		err = repeats_open(&a->repeats);
	if (err) {
		attribute_close(a);
		return err;
	}
	*ret = a;
	return 0;
}

void attribute_close(struct attribute *a)
{
	if (!a)
		return;
	table_close(a->processes);
	table_close(a->threads);
	repeats_close(a->repeats);
	users_close(a->users);
	free(a);
}

void attribute_set_boot_time(struct attribute *a, uint64_t boot_time)
{
	a->options.boot_time = boot_time;
}

void attribute_refresh(struct attribute *a)
{
	users_refresh(a->users);
}

bool attribute_next_binding(struct attribute *a, struct record *ret)
{
	struct record r = { .kind = RECORD_USER };

	if (a->login.kind) {
		*ret = a->login;
		a->login.kind = 0;
		return true;
	}
	if (!users_next_binding(a->users, &r.id, &r.name))
		return false;
	*ret = r;
	return true;
}

/* --- processes
 * ------------------------------------------------------------------------------------ */

static struct record_cred cred_of(const struct event_cred *from, uint64_t effective,
				  uint64_t permitted)
{
	return (struct record_cred){ from->uid,	 from->gid,   from->suid,  from->sgid, from->euid,
				     from->egid, from->fsuid, from->fsgid, effective,  permitted };
}

/* True when the table's entry is the process of this start time. */
static bool is_same(struct process *p, uint64_t start)
{
	if (p->start == start)
		return true;
	if (!p->start_rounded || p->start != start - start % TASK_TICK)
		return false;
	p->start = start;
	p->start_rounded = false;
	return true;
}

static void begin_process(struct process *p, uint32_t pid, uint32_t parent, uint64_t start)
{
	process_drop(p);
	memset(p, 0, sizeof(*p));
	p->pid = pid;
	p->parent = parent;
	p->start = start;
	p->auid = p->session = p->login = RECORD_UNSET;
}

static void adopt_facts(struct attribute *a, struct process *p, const struct task_facts *f)
{
	const struct process *parent;

	begin_process(p, f->pid, f->parent, f->start);
	p->start_rounded = true;
	p->session = f->session;
	p->exe = text_make(bytes_of_text(f->exe));
	p->kernel_thread = !f->exe[0] && (f->pid == 2 || f->parent == 2);
	process_move(p, 0, bytes_of_text(f->cgroup));
	parent = table_find(a->processes, f->parent);
	if (parent && parent != p) {
		struct process inherited = { .exe = text_share(parent->exe),
					     .via = text_share(parent->via) };

		process_exec(&inherited, text_bytes(p->exe));
		p->via = text_share(inherited.via);
		process_drop(&inherited);
		p->login = parent->login;
	}
}

/* Whoever led to a process must be known before it is taken from /proc. Oldest first. */
static void adopt_ancestors(struct attribute *a, uint32_t pid, int depth)
{
	struct task_facts *f;

	if (pid == 0 || depth == ANCESTORS_MAX || !a->options.look_up ||
	    table_find(a->processes, pid))
		return;
	f = malloc(sizeof(*f));
	if (!f)
		return;
	if (!a->options.look_up(a->options.ctx, pid, f)) {
		adopt_ancestors(a, f->parent, depth + 1);
		adopt_facts(a, table_get(a->processes, pid), f);
	}
	free(f);
}

/* Events know better, and so does what they say of a later thread of that number. */
static void guess_cred(struct attribute *a, const struct task_facts *f)
{
	struct thread *t = table_find(a->threads, f->pid);

	if (t && t->start >= f->start)
		return;
	t = table_get(a->threads, f->pid);
	t->start = f->start;
	t->cred = cred_of(&f->cred, f->effective, f->permitted);
	t->auid = f->auid;
	t->guessed = true;
}

void attribute_task(struct attribute *a, const struct task_facts *f)
{
	const struct process *known = table_find(a->processes, f->pid);

	if (!known || known->start < f->start) {
		adopt_ancestors(a, f->parent, 0);
		adopt_facts(a, table_get(a->processes, f->pid), f);
	}
	guess_cred(a, f);
}

/* What /proc says of the process of an event; false when it is gone or its number is another's. */
static bool ask_proc(struct attribute *a, const struct event *e)
{
	return a->options.look_up && !a->options.look_up(a->options.ctx, e->pid, &a->facts) &&
	       a->facts.start == e->start - e->start % TASK_TICK;
}

/* The process of an event; made up from the event and /proc when the table does not know it. */
static struct process *process_of(struct attribute *a, const struct event *e)
{
	struct process *p = table_find(a->processes, e->pid);

	if (p && is_same(p, e->start))
		return p;
	if (!ask_proc(a, e)) {
		p = table_get(a->processes, e->pid);
		begin_process(p, e->pid, e->parent, e->start);
		return p;
	}
	adopt_ancestors(a, a->facts.parent, 0);
	p = table_get(a->processes, e->pid);
	adopt_facts(a, p, &a->facts);
	p->start = e->start;
	p->start_rounded = false;
	/* Touched later than its parent: the child that it may be making must not evict it. */
	return table_find(a->processes, e->pid);
}

/* A process that changed its cgroup, or whose place nobody has looked up. */
static void follow_cgroup(struct attribute *a, struct process *p, const struct event *e)
{
	if (p->cgroup == e->cgroup)
		return;
	if (ask_proc(a, e))
		process_move(p, e->cgroup, bytes_of_text(a->facts.cgroup));
	else
		p->cgroup = e->cgroup; /* gone already: keep what it had from its parent */
}

static bool is_same_thread(struct thread *t, uint64_t start)
{
	return t && (t->start == start || t->start == start - start % TASK_TICK);
}

/* Credential before the event; sets the flag when nobody knows. */
static struct record_cred old_cred_of(struct attribute *a, const struct event *e, struct record *r)
{
	struct thread *t = table_find(a->threads, e->tid);

	if (is_same_thread(t, e->start)) {
		if (t->guessed)
			r->flags |= RECORD_OLD_CRED_GUESSED;
		return t->cred;
	}
	/* A thread that has been silent so far has what its process had. */
	t = table_find(a->threads, e->pid);
	r->flags |= RECORD_OLD_CRED_GUESSED;
	return is_same_thread(t, e->start) ? t->cred : r->cred;
}

static void set_thread(struct attribute *a, uint32_t tid, uint64_t start, const struct record *r)
{
	struct thread *t = table_get(a->threads, tid);

	t->start = start;
	t->cred = r->cred;
	t->auid = r->auid;
	t->guessed = false;
}

/* No call of its own changes a login uid (a file in /proc does): the next event tells. */
static void follow_login(struct attribute *a, const struct event *e, const struct record *r)
{
	struct thread *t = table_find(a->threads, e->tid);

	if (!is_same_thread(t, e->start) || t->auid == e->auid)
		return;
	a->login = (struct record){ .kind = RECORD_LOGINUID,
				    .time = r->time,
				    .pid = r->pid,
				    .tid = r->tid,
				    .start = r->start,
				    .id = t->auid,
				    .auid = r->auid,
				    .session = r->session,
				    .comm = r->comm,
				    .exe = r->exe };
}

static void on_fork(struct attribute *a, const struct event *e, struct process *p, struct record *r)
{
	r->child_pid = e->fork.child_pid;
	r->child_tid = e->fork.child_tid;
	r->child_parent = e->fork.child_parent;
	r->child_start = e->fork.child_start;
	set_thread(a, r->child_tid, r->child_start, r);
	if (r->child_pid == r->child_tid) {
		struct process maker = *p; /* table_get may move what p points to */

		process_fork(table_get(a->processes, r->child_pid), &maker, r->child_pid,
			     r->child_start, r->child_parent);
	}
}

/* --- the record
 * ----------------------------------------------------------------------------------- */

/* Did the call name the uid for all that it sets? Not groups, not seteuid() back to root. */
static bool sets_uid_for_good(const struct record *r)
{
	static const uint8_t counts[CALLS] = {
		[RECORD_CALL_SETUID] = 1, [RECORD_CALL_SETREUID] = 2, [RECORD_CALL_SETRESUID] = 3
	};

	for (int i = 0; i < counts[r->call]; i++) {
		if (r->argument[i] != r->cred.uid)
			return false;
	}
	return counts[r->call] > 0 && r->result == 0;
}

static uint8_t kind_of(const struct event *e)
{
	static const uint8_t kinds[EVENT_KINDS] = {
		[EVENT_EXEC] = RECORD_EXEC,	    [EVENT_FORK] = RECORD_FORK,
		[EVENT_EXIT] = RECORD_EXIT,	    [EVENT_OPEN] = RECORD_OPEN,
		[EVENT_SETID] = RECORD_SETUID,	    [EVENT_CONNECT] = RECORD_CONNECT,
		[EVENT_UNLINK] = RECORD_UNLINK,	    [EVENT_RENAME] = RECORD_RENAME,
		[EVENT_LINK] = RECORD_LINK,	    [EVENT_TRUNCATE] = RECORD_TRUNCATE,
		[EVENT_CHMOD] = RECORD_CHMOD,	    [EVENT_CHOWN] = RECORD_CHOWN,
		[EVENT_XATTR] = RECORD_XATTR,	    [EVENT_CAPSET] = RECORD_CAPSET,
		[EVENT_BIND] = RECORD_BIND,	    [EVENT_LISTEN] = RECORD_LISTEN,
		[EVENT_ACCEPT] = RECORD_ACCEPT,	    [EVENT_MODULE] = RECORD_MODULE,
		[EVENT_BPF] = RECORD_BPF,	    [EVENT_PTRACE] = RECORD_PTRACE,
		[EVENT_MOUNT] = RECORD_MOUNT,	    [EVENT_NAMESPACE] = RECORD_NAMESPACE,
		[EVENT_KEXEC] = RECORD_KEXEC,	    [EVENT_MEMFD] = RECORD_MEMFD,
		[EVENT_IO_URING] = RECORD_IO_URING, [EVENT_SIGNAL] = RECORD_SIGNAL,
		[EVENT_LOGIN] = RECORD_LOGIN,	    [EVENT_REPEAT] = RECORD_REPEAT,
	};

	return kinds[e->kind];
}

/* Fields that every event has, but for who it is. */
static void copy_head(const struct attribute *a, const struct event *e, struct record *r)
{
	memset(r, 0, sizeof(*r));
	r->kind = kind_of(e);
	r->time = a->options.boot_time + e->time;
	r->run = e->run;
	r->cpu = e->cpu;
	r->ring = e->ring;
	r->seq = e->seq;
	r->flags = e->flags;
	r->call = e->call;
	r->result = e->result;
	r->pid = e->pid;
	r->tid = e->tid;
	r->ppid = e->parent;
	r->start = e->start;
	r->auid = e->auid;
	r->session = e->session;
	r->cgroup = e->cgroup;
	r->mount_ns = e->mount_ns;
	r->cred = cred_of(&e->cred, e->effective, e->permitted);
	r->comm = bytes_of(e->comm, strnlen(e->comm, sizeof(e->comm)));
}

static void copy_who(struct attribute *a, struct process *p, struct record *r)
{
	process_name(p, a->users, r->auid);
	r->exe = text_bytes(p->exe);
	r->via = text_bytes(p->via);
	r->container = text_bytes(p->container);
	r->user = text_bytes(p->user);
	r->actor = p->actor;
	r->how = p->how;
	r->acting_as = text_bytes(users_name(a->users, r->cred.euid));
}

void attribute_event(struct attribute *a, const struct event *e, struct record *ret)
{
	struct process *p = process_of(a, e);
	struct record *r = ret;

	copy_head(a, e, r);
	p->session = e->session;
	follow_cgroup(a, p, e);
	object_describe(&a->texts, e, r);
	if (e->kind == EVENT_REPEAT)
		repeats_describe(a->repeats, e, a->options.boot_time, r);
	else
		repeats_keep(a->repeats, e, r);
	if (e->kind == EVENT_EXEC || e->kind == EVENT_SETID || e->kind == EVENT_CAPSET)
		r->old_cred = old_cred_of(a, e, r);
	if (e->kind == EVENT_EXEC && e->result == 0)
		process_exec(p, r->path);
	else if (e->kind == EVENT_SETID && sets_uid_for_good(r))
		process_set_id(p, a->users, &r->old_cred, &r->cred);
	copy_who(a, p, r);
	follow_login(a, e, r);
	set_thread(a, e->tid, e->start, r);
	if (e->kind == EVENT_FORK)
		on_fork(a, e, p, r);
}
