// SPDX-License-Identifier: Apache-2.0
#include "score/severity.h"

#include "score/log2.h"
#include "score/params.h"
#include "score/token.h"

#define OBJECT_TEXT  32
#define COUNT(table) (sizeof(table) / sizeof(*(table)))

/* --- what is sensitive ------------------------------------------------------------------------ */

enum group {
	NOTHING,
	HASHES,
	SUDOERS,
	HOST_KEY,
	USER_KEY,
	MEMORY,
	ACCOUNTS,
	SCHEDULE,
	PRELOAD,
	LOGIN_KEYS,
	TRACING,
	CHAIN,
};

static const struct sensitive {
	const char *pattern;
	uint8_t group;
} rooted[] = {
	{ "/etc/shadow", HASHES },
	{ "/etc/shadow-", HASHES },
	{ "/etc/gshadow", HASHES },
	{ "/etc/gshadow-", HASHES },
	{ "/etc/sudoers", SUDOERS },
	{ "/etc/sudoers.d/**", SUDOERS },
	{ "/etc/passwd", ACCOUNTS },
	{ "/etc/group", ACCOUNTS },
	{ "/etc/ssh/ssh_host_*_key", HOST_KEY },
	{ "/etc/ld.so.preload", PRELOAD },
	{ "/etc/cron*", SCHEDULE }, /* crontab */
	{ "/etc/cron*/**", SCHEDULE },
	{ "/var/spool/cron/**", SCHEDULE },
	{ "/proc/*/mem", MEMORY },
	{ "/sys/kernel/tracing/**", TRACING },
	{ "/sys/kernel/debug/tracing/**", TRACING },
	{ "/sys/fs/bpf/**", TRACING },
	{ "/var/lib/indelible/**", CHAIN },
};

/* Below any directory. */
static const struct sensitive anywhere[] = {
	{ "/.ssh/authorized_keys*", LOGIN_KEYS },
	{ "/.ssh/id_*", USER_KEY },
	{ "/indelible-chain/**", CHAIN },
	{ "/indelible-chain.keys/**", CHAIN },
};

static bool matches(const char *pattern, const uint8_t *p, const uint8_t *end)
{
	for (; *pattern; pattern++, p++) {
		if (*pattern == '*') {
			bool deep = pattern[1] == '*';

			pattern += deep ? 2 : 1;
			if (deep && !*pattern)
				return true;
			for (;; p++) {
				if (matches(pattern, p, end))
					return true;
				if (p == end || (!deep && *p == '/'))
					return false;
			}
		}
		if (p == end || *p != (uint8_t)*pattern)
			return false;
	}
	return p == end;
}

bool path_matches(const char *pattern, struct bytes path)
{
	return path.len && matches(pattern, path.data, path.data + path.len);
}

/* Most paths are none: their second byte tells most patterns off. */
static bool begins_alike(const char *pattern, const uint8_t *p, const uint8_t *end)
{
	return p + 1 < end && p[1] == (uint8_t)pattern[1];
}

static const struct sensitive *find_sensitive(struct bytes path)
{
	const uint8_t *p = path.data, *end;

	if (!path.len)
		return NULL;
	end = p + path.len;
	for (size_t i = 0; i < COUNT(rooted); i++)
		if (begins_alike(rooted[i].pattern, p, end) && matches(rooted[i].pattern, p, end))
			return &rooted[i];
	for (; p; p = p + 1 < end ? memchr(p + 1, '/', (size_t)(end - p - 1)) : NULL)
		for (size_t i = 0; i < COUNT(anywhere); i++)
			if (begins_alike(anywhere[i].pattern, p, end) &&
			    matches(anywhere[i].pattern, p, end))
				return &anywhere[i];
	return NULL;
}

const char *sensitive_path(struct bytes path)
{
	const struct sensitive *found = find_sensitive(path);

	return found ? found->pattern : NULL;
}

static enum group group_of(struct bytes path)
{
	const struct sensitive *found = find_sensitive(path);

	return found ? found->group : NOTHING;
}

/* Kinds that do something to a path: an open, or a change to what is there, which counts as
 * written. Rows name the open for all of them. */
static bool is_of_path(uint8_t kind)
{
	return kind == RECORD_OPEN || (kind >= RECORD_UNLINK && kind <= RECORD_XATTR);
}

/* What it was done to; of two names the one that matters. */
static struct bytes object_of(const struct record *r)
{
	struct bytes path = fact_path(r);

	return r->other.len && is_of_path(r->kind) && group_of(path) == NOTHING ? r->other : path;
}

static unsigned access_of(const struct record *r)
{
	return r->kind == RECORD_OPEN ? fact_access(r) : ACCESS_WRITE;
}

/* --- who may ---------------------------------------------------------------------------------- */

/* Programs whose work it is to read credentials or to become root, where the system keeps them. */
static const char *const known_programs[] = {
	"sudo",	       "su",	      "sshd",	      "sshd-session",
	"sshd-auth",   "login",	      "cron",	      "crond",
	"atd",	       "at",	      "crontab",      "passwd",
	"chage",       "chsh",	      "chfn",	      "gpasswd",
	"newgrp",      "unix_chkpwd", "unix_update",  "pkexec",
	"polkitd",     "doas",	      "runuser",      "polkit-agent-helper-1",
	"mount",       "umount",      "fusermount",   "fusermount3",
	"newuidmap",   "newgidmap",   "systemd",      "systemd-executor",
	"useradd",     "userdel",     "usermod",      "dbus-daemon-launch-helper",
	"groupadd",    "groupdel",    "groupmod",     "gdm-session-worker",
	"chpasswd",    "visudo",      "snap-confine", "sddm-helper",
	"ssh-keysign", "ping",
};
static const char *const key_programs[] = { "ssh",   "ssh-add",	    "ssh-agent", "ssh-keygen",
					    "scp",   "sftp",	    "sshd",	 "ssh-keysign",
					    "rsync", "sshd-session" };

static bool is_one_of(struct bytes program, const char *const *names, size_t count)
{
	static const char *const places[] = { "/usr/bin/", "/usr/sbin/",    "/bin/", "/sbin/",
					      "/usr/lib/", "/usr/libexec/", "/lib/" };
	struct bytes name = path_base(program);
	bool placed = false;

	for (size_t i = 0; i < COUNT(places); i++)
		placed = placed || path_has_prefix(program, places[i]);
	for (size_t i = 0; placed && i < count; i++)
		if (bytes_equal(name, bytes_of_text(names[i])))
			return true;
	return false;
}

static bool is_known(struct bytes program)
{
	return is_one_of(program, known_programs, COUNT(known_programs));
}

static bool handles_keys(struct bytes program)
{
	return is_one_of(program, key_programs, COUNT(key_programs));
}

/* --- conditions ------------------------------------------------------------------------------- */

static bool if_not_known(const struct record *r)
{
	return !is_known(r->exe);
}

static bool if_not_for_keys(const struct record *r)
{
	struct bytes path = object_of(r);

	return !handles_keys(r->exe) &&
	       !(path.len > 4 && !memcmp(path.data + path.len - 4, ".pub", 4));
}

/* Of another process: a debugger opens its victim's, a run-time sometimes its own. */
static bool if_of_another(const struct record *r)
{
	struct label own = { 0 };

	label_add(&own, "/proc/");
	label_add_number(&own, r->pid);
	label_add(&own, "/mem");
	return !bytes_equal(fact_path(r), bytes_of(own.data, own.len)) &&
	       !path_matches("/proc/self/mem", fact_path(r));
}

static bool if_memfd(const struct record *r)
{
	return r->result >= 0 && r->flags & RECORD_PSEUDO;
}

static bool if_deleted(const struct record *r)
{
	return r->result >= 0 && r->flags & RECORD_DELETED && !(r->flags & RECORD_PSEUDO);
}

static bool if_writable(const struct record *r)
{
	return path_is_writable(fact_program(r));
}

static bool gained_root(const struct record *r)
{
	return r->result >= 0 && r->cred.euid == 0 && r->old_cred.euid != 0;
}

static bool if_root_by_program(const struct record *r)
{
	return gained_root(r) && !is_known(fact_program(r));
}

/* Without a uid of 0 to go back to or the capability, the kernel refuses: so this is not it. */
static bool if_root_from_nothing(const struct record *r)
{
	const uint64_t cap_setuid = 1 << 7;

	return gained_root(r) && r->old_cred.uid != 0 && r->old_cred.suid != 0 &&
	       !(r->old_cred.effective & cap_setuid);
}

static bool if_root_by_call(const struct record *r)
{
	return gained_root(r) && !if_root_from_nothing(r) && !is_known(r->exe) &&
	       (r->old_cred.uid != 0 && r->old_cred.suid != 0);
}

/* What a program of that mode runs as is its owner or group, whoever calls it. */
static bool if_made_setid(const struct record *r)
{
	return r->argument[0] & 06000 && !is_known(r->exe);
}

static bool if_loaded(const struct record *r)
{
	static const char *const loaders[] = { "kmod", "modprobe", "systemd-modules-load",
					       "systemd-udevd", "udevadm" };

	return r->call != RECORD_CALL_DELETE_MODULE && !is_one_of(r->exe, loaders, COUNT(loaders));
}

static bool if_removed(const struct record *r)
{
	return r->call == RECORD_CALL_DELETE_MODULE;
}

/* What the collector itself does stands in a ring of its own. */
static bool is_collector(const struct record *r)
{
	return r->ring == RECORD_RING_SELF;
}

static bool if_bpf_takes_hold(const struct record *r)
{
	const uint64_t load = 5, attach = 8, open_tracepoint = 17, link = 28;

	return !is_collector(r) && (r->argument[0] == load || r->argument[0] == attach ||
				    r->argument[0] == open_tracepoint || r->argument[0] == link);
}

/* Somebody reaches for the programs and maps of others, by their numbers. */
static bool if_bpf_of_others(const struct record *r)
{
	const uint64_t program = 13, map = 14, link = 30, detach = 34;

	return !is_collector(r) && (r->argument[0] == program || r->argument[0] == map ||
				    r->argument[0] == link || r->argument[0] == detach);
}

static bool if_of_another_process(const struct record *r)
{
	return r->argument[1] != r->pid;
}

static bool if_wrong_password(const struct record *r)
{
	const uint64_t authenticate = 0;

	return r->argument[0] == authenticate && r->result != 0;
}

/* Set once, at the login: who was logged in and is another now means to hide. */
static bool if_changed_again(const struct record *r)
{
	return r->id != RECORD_UNSET;
}

/* Not the ones that ask it to end in order: a service manager does that. */
static bool if_by_force(const struct record *r)
{
	const uint64_t hup = 1, interrupt = 2, term = 15, cont = 18;

	return r->argument[0] != hup && r->argument[0] != interrupt && r->argument[0] != term &&
	       r->argument[0] != cont;
}

static bool if_stalled(const struct record *r)
{
	return r->reason == DISTURBED_STALLED;
}

static bool if_tampered(const struct record *r)
{
	return r->reason != DISTURBED_STALLED;
}

/* --- the table -------------------------------------------------------------------------------- */

#define WHO(actor) (1u << (actor))
#define ANYONE	   (~0u)
#define PEOPLE	   (WHO(ACTOR_HUMAN) | WHO(ACTOR_UNKNOWN))
#define OTHERS	   (~PEOPLE)

#define READ  ACCESS_READ
#define WRITE ACCESS_WRITE

/*
 * A row is met by a record of the kind, by such an actor, on a path of the group with such access,
 * if the condition holds. Of rows with one name the first that is met counts. 60 bits alarm alone
 * (LIMIT is 58), 30 with one more, 10 in company.
 */
static const struct row {
	uint8_t kind, bits;
	uint32_t who;
	uint8_t group, access;
	bool (*condition)(const struct record *record);
	const char *technique, *name;
} rows[] = {
	{ RECORD_OPEN, 64, ANYONE, CHAIN, WRITE, NULL, "T1070.002", "wrote to the audit chain" },
	{ RECORD_OPEN, 64, ANYONE, PRELOAD, WRITE, NULL, "T1574.006", "wrote the preload list" },
	{ RECORD_OPEN, 60, PEOPLE, HASHES, WRITE, if_not_known, "T1098", "wrote password hashes" },
	{ RECORD_OPEN, 60, PEOPLE, HASHES, READ, if_not_known, "T1003.008",
	  "read password hashes" },
	{ RECORD_OPEN, 60, PEOPLE, ACCOUNTS, WRITE, if_not_known, "T1136.001", "wrote accounts" },
	{ RECORD_OPEN, 60, PEOPLE, SUDOERS, WRITE, if_not_known, "T1548.003", "wrote sudo rules" },
	{ RECORD_OPEN, 22, PEOPLE, SUDOERS, READ, if_not_known, "T1548.003", "read sudo rules" },
	{ RECORD_OPEN, 60, PEOPLE, HOST_KEY, READ, if_not_for_keys, "T1552.004",
	  "read a host key" },
	{ RECORD_OPEN, 32, PEOPLE, USER_KEY, READ, if_not_for_keys, "T1552.004",
	  "read a private key" },
	{ RECORD_OPEN, 32, PEOPLE, LOGIN_KEYS, WRITE, if_not_for_keys, "T1098.004",
	  "wrote login keys" },
	{ RECORD_OPEN, 32, PEOPLE, SCHEDULE, WRITE, if_not_known, "T1053.003", "wrote schedules" },
	{ RECORD_OPEN, 64, ANYONE, MEMORY, WRITE, if_of_another, "T1055.009",
	  "wrote a process's memory" },
	{ RECORD_OPEN, 60, PEOPLE, MEMORY, READ, if_of_another, "T1003.007",
	  "read a process's memory" },
	{ RECORD_OPEN, 32, ANYONE, TRACING, WRITE, NULL, "T1562.001", "changed kernel tracing" },
	{ RECORD_OPEN, 10, PEOPLE, TRACING, READ, NULL, "T1082", "looked at kernel tracing" },
	{ RECORD_EXEC, 60, PEOPLE, NOTHING, 0, if_memfd, "T1620", "ran a program from memory" },
	{ RECORD_EXEC, 28, OTHERS, NOTHING, 0, if_memfd, "T1620", "ran a program from memory" },
	{ RECORD_EXEC, 28, ANYONE, NOTHING, 0, if_deleted, "T1070.004", "ran a deleted program" },
	{ RECORD_EXEC, 16, ANYONE, NOTHING, 0, if_writable, "T1059",
	  "ran from a directory all can write" },
	{ RECORD_EXEC, 60, ANYONE, NOTHING, 0, if_root_by_program, "T1548.001",
	  "became root by an unknown program" },
	{ RECORD_SETUID, 64, ANYONE, NOTHING, 0, if_root_from_nothing, "T1068",
	  "became root without the right to" },
	{ RECORD_SETUID, 32, ANYONE, NOTHING, 0, if_root_by_call, "T1548",
	  "became root by capability" },
	{ RECORD_CHMOD, 32, ANYONE, NOTHING, 0, if_made_setid, "T1548.001",
	  "made a program run as its owner" },
	{ RECORD_MODULE, 60, PEOPLE, NOTHING, 0, if_loaded, "T1547.006", "loaded a kernel module" },
	{ RECORD_MODULE, 28, OTHERS, NOTHING, 0, if_loaded, "T1547.006", "loaded a kernel module" },
	{ RECORD_MODULE, 28, PEOPLE, NOTHING, 0, if_removed, "T1562.001",
	  "removed a kernel module" },
	{ RECORD_BPF, 28, PEOPLE, NOTHING, 0, if_bpf_takes_hold, "T1014",
	  "put a program into the kernel" },
	{ RECORD_BPF, 28, PEOPLE, NOTHING, 0, if_bpf_of_others, "T1562.001",
	  "took hold of others' kernel programs" },
	{ RECORD_PTRACE, 32, PEOPLE, NOTHING, 0, if_of_another_process, "T1055.008",
	  "took hold of another process" },
	{ RECORD_KEXEC, 60, ANYONE, NOTHING, 0, NULL, "T1542", "put another kernel in place" },
	{ RECORD_SIGNAL, 60, ANYONE, NOTHING, 0, if_by_force, "T1562.001",
	  "sent the collector a signal" },
	{ RECORD_LOGIN, 10, ANYONE, NOTHING, 0, if_wrong_password, "T1110", "was refused a login" },
	{ RECORD_LOGINUID, 60, ANYONE, NOTHING, 0, if_changed_again, "T1134",
	  "changed whom it was logged in as" },
	{ RECORD_LOSS, 60, ANYONE, NOTHING, 0, NULL, "T1562.006", "events were lost" },
	{ RECORD_KEEPER, 60, ANYONE, NOTHING, 0, NULL, "T1562.001",
	  "the process that seals was ended" },
	{ RECORD_DISTURBED, 60, ANYONE, NOTHING, 0, if_tampered, "T1562.001",
	  "the collector was tampered with" },
	{ RECORD_DISTURBED, 30, ANYONE, NOTHING, 0, if_stalled, "T1562.001",
	  "the collector stood still" },
};
_Static_assert(COUNT(rows) <= 64, "rows met are remembered as 64 bits");

const char *severity_name(size_t row)
{
	return row < COUNT(rows) ? rows[row].name : NULL;
}

/* A few lost events are an accident, hundreds are a blindfold: 8 bits for each doubling. */
static int32_t loss_bits(const struct record *record, int32_t most)
{
	int32_t bits = 8 * log2_q10(record->count);

	return bits < most ? bits : most;
}

static bool is_attempt(const struct record *record)
{
	return record->result < 0 && !record_is_of_host(record->kind);
}

static int32_t bits_of(const struct row *row, const struct record *record)
{
	int32_t bits = row->bits * BIT;

	if (record->kind == RECORD_LOSS)
		return loss_bits(record, bits);
	return is_attempt(record) ? bits / 4 : bits;
}

/* What it was done to, as coarse as a habit is: any process's memory, any program in /tmp. */
static void add_object(struct label *text, const struct record *record)
{
	bool of_path = is_of_path(record->kind);
	struct bytes path = of_path ? object_of(record) : fact_program(record);

	if (!path.len)
		return;
	label_add(text, ": ");
	if (of_path || path_is_writable(path))
		label_add_class(text, record, path);
	else
		label_add_bytes(text, path, OBJECT_TEXT);
}

/* Small losses become a habit of their own, not one of large ones. */
static void add_magnitude(struct label *text, uint64_t count)
{
	uint64_t least = 1;

	while (count / 10 >= least)
		least *= 10;
	label_add(text, ": at least ");
	label_add_number(text, least);
}

static void fill(struct severity *to, size_t at, const struct record *record)
{
	to->row = (uint8_t)at;
	to->halvings = record_is_of_host(record->kind) ? 0 : HALVINGS_ALL;
	to->bits = bits_of(&rows[at], record);
	to->text.len = 0;
	label_add(&to->text, rows[at].technique);
	label_add(&to->text, " ");
	label_add(&to->text, rows[at].name);
	if (record->kind == RECORD_LOSS)
		add_magnitude(&to->text, record->count);
	else
		add_object(&to->text, record);
	if (is_attempt(record))
		label_add(&to->text, " failed");
	if (record->flags & RECORD_UNVERIFIED)
		label_add(&to->text, " unverified");
}

/* Rows of a path are met by its group; a change to any other path only by rows of its own kind. */
static bool is_met(const struct row *row, const struct record *record, enum group group)
{
	bool of_path = row->kind == RECORD_OPEN;

	if (of_path ? !is_of_path(record->kind) || group == NOTHING : row->kind != record->kind)
		return false;
	if (of_path && (row->group != group || !(row->access & access_of(record))))
		return false;
	return row->who & WHO(record->actor & 31) && (!row->condition || row->condition(record));
}

size_t severity_of(const struct record *record, struct severity ret[SEVERITY_MAX])
{
	enum group group = is_of_path(record->kind) ? group_of(object_of(record)) : NOTHING;
	bool path_met = false;
	size_t met = 0;

	if (record->kind == RECORD_OPEN && group == NOTHING)
		return 0;
	for (size_t at = 0; at < COUNT(rows) && met < SEVERITY_MAX; at++) {
		bool of_path = rows[at].kind == RECORD_OPEN;

		/* read and written: the worse row stands first */
		if ((of_path && path_met) || !is_met(&rows[at], record, group))
			continue;
		fill(&ret[met++], at, record);
		path_met |= of_path;
	}
	return met;
}
