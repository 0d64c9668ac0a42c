// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "attribute/process.h"

#include "attribute/place.h"

void process_drop(void *value)
{
	struct process *p = value;

	text_drop(p->exe);
	text_drop(p->via);
	text_drop(p->container);
	text_drop(p->unit);
	text_drop(p->user);
}

void process_fork(struct process *child, const struct process *maker, uint32_t pid, uint64_t start,
		  uint32_t parent)
{
	struct process copy = *maker;

	text_share(copy.exe);
	text_share(copy.via);
	text_share(copy.container);
	text_share(copy.unit);
	text_share(copy.user);
	copy.pid = pid;
	copy.start = start;
	copy.start_rounded = false;
	copy.parent = parent;
	process_drop(child);
	*child = copy;
}

static struct bytes base_name(struct bytes path)
{
	const uint8_t *slash = path.len ? memrchr(path.data, '/', path.len) : NULL;

	return slash ? bytes_of(slash + 1, path.len - (size_t)(slash + 1 - path.data)) : path;
}

/* Programs in a via, '\0' between them. */
static size_t count_programs(struct bytes via)
{
	size_t n = via.len ? 1 : 0;

	for (size_t i = 0; i < via.len; i++)
		n += via.data[i] == 0;
	return n;
}

/* Where program number i begins. */
static size_t program_offset(struct bytes via, size_t i)
{
	size_t at = 0;

	while (i) {
		if (via.data[at++] == 0)
			i--;
	}
	return at;
}

static struct text *extend_via(const struct text *text, struct bytes program)
{
	struct bytes via = text_bytes(text);
	uint8_t room[VIA_PROGRAMS * 256], *p = room;
	size_t n = count_programs(via);
	size_t last = n ? program_offset(via, n - 1) : 0;
	struct bytes latest = n ? bytes_of(via.data + last, via.len - last) : via;

	if (program.len > 255)
		program.len = 255;
	/* A name read while it was changed, or a broken event file, may hold a NUL. */
	if (program.len)
		program.len = strnlen((const char *)program.data, program.len);
	if (program.len == 0 || bytes_equal(latest, program))
		return text_share((struct text *)(uintptr_t)text);
	if (n == VIA_PROGRAMS) { /* the third goes: who began and who came last tell most */
		size_t third = program_offset(via, 2), fourth = program_offset(via, 3);

		p = put_bytes(p, via.data, third);
		p = put_bytes(p, via.data + fourth, via.len - fourth);
	} else {
		p = put_bytes(p, via.data, via.len);
	}
	if (n)
		p = put_u8(p, 0);
	p = put_bytes(p, program.data, program.len);
	return text_make(bytes_of(room, (size_t)(p - room)));
}

void process_exec(struct process *p, struct bytes exe)
{
	struct text *via = extend_via(p->via, base_name(text_bytes(p->exe)));

	text_drop(p->via);
	p->via = via;
	if (!bytes_equal(text_bytes(p->exe), exe)) {
		text_drop(p->exe);
		p->exe = text_make(exe);
	}
	p->kernel_thread = false; /* a usermode helper is no longer one */
	p->named = false;
}

void process_move(struct process *p, uint64_t cgroup, struct bytes cgroups)
{
	struct place place = place_of(cgroups);

	text_drop(p->container);
	text_drop(p->unit);
	p->container = text_make(place.container);
	p->unit = text_make(place.unit);
	p->cgroup = cgroup;
	p->named = false;
}

static bool is_login_program(struct bytes exe)
{
	static const char *const paths[] = {
		"/usr/sbin/sshd",
		"/usr/bin/sshd",
		"/usr/lib/openssh/sshd-session",
		"/usr/lib/ssh/sshd-session",
		"/usr/libexec/openssh/sshd-session",
		"/usr/libexec/ssh/sshd-session",
		"/usr/libexec/sshd-session",
		"/usr/bin/login",
		"/bin/login",
		"/usr/bin/su",
		"/bin/su",
		"/usr/sbin/runuser",
		"/usr/bin/runuser",
		"/sbin/runuser",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		if (bytes_equal(exe, bytes_of_text(paths[i])))
			return true;
	}
	return false;
}

void process_set_id(struct process *p, const struct users *users, const struct record_cred *before,
		    const struct record_cred *after)
{
	/* su never changes who it is: an account that calls it stays that account. */
	uint32_t who = before->uid ? before->uid : after->uid;

	if (before->euid != 0 || after->uid != after->euid || after->uid != after->suid)
		return; /* not for good */
	if (p->container)
		return; /* its programs and numbers are its own, and may be made to look like ours
			 */
	if (p->login != RECORD_UNSET || !is_login_program(text_bytes(p->exe)) ||
	    !users_can_log_in(users, who))
		return;
	p->login = who;
	p->named = false;
}

static void set_actor(struct process *p, uint8_t actor, uint8_t how, struct text *user)
{
	text_share(user);
	text_drop(p->user);
	p->user = user;
	p->actor = actor;
	p->how = how;
}

void process_name(struct process *p, struct users *users, uint32_t auid)
{
	unsigned int names = users_generation(users);

	if (p->named && p->auid == auid && p->names == names)
		return;
	p->auid = auid;
	p->names = names;
	p->named = true;
	if (auid != RECORD_UNSET)
		set_actor(p, ACTOR_HUMAN, HOW_LOGINUID, users_name(users, auid));
	else if (p->login != RECORD_UNSET)
		set_actor(p, ACTOR_HUMAN, HOW_ANCESTOR, users_name(users, p->login));
	else if (p->container)
		set_actor(p, ACTOR_CONTAINER, HOW_CONTAINER, NULL);
	else if (p->unit)
		set_actor(p, ACTOR_SERVICE, HOW_UNIT, p->unit);
	else if (p->kernel_thread)
		set_actor(p, ACTOR_KERNEL, HOW_KERNEL, NULL);
	else
		set_actor(p, ACTOR_UNKNOWN, HOW_GUESS, NULL);
}
