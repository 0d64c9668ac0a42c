// SPDX-License-Identifier: Apache-2.0
/* Numbers of the kernel's interfaces as words. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "output/output.h"

struct word {
	uint32_t value;
	const char *name;
};

static void put_word(struct buffer *to, const struct word *words, size_t count, uint32_t value)
{
	for (size_t i = 0; i < count; i++) {
		if (words[i].value == value) {
			buffer_text(to, words[i].name);
			return;
		}
	}
	buffer_print(to, "%u", value);
}

void output_family(struct buffer *to, uint32_t family)
{
	static const struct word words[] = {
		{ 0, "unspec" },     { 1, "unix" },	{ 2, "inet" },
		{ 10, "inet6" },     { 16, "netlink" }, { 17, "packet" },
		{ 31, "bluetooth" }, { 38, "alg" },	{ 40, "vsock" },
	};

	put_word(to, words, sizeof(words) / sizeof(words[0]), family);
}

void output_protocol(struct buffer *to, uint32_t protocol)
{
	static const struct word words[] = {
		{ 0, "none" },	  { 1, "icmp" },   { 6, "tcp" },       { 17, "udp" },
		{ 58, "icmpv6" }, { 132, "sctp" }, { 136, "udplite" }, { 262, "mptcp" },
	};

	put_word(to, words, sizeof(words) / sizeof(words[0]), protocol);
}

/* Kernel values for x86-64 (include/uapi/asm-generic/fcntl.h): O_LARGEFILE and others differ from
 * what a 64-bit C library shows. */
static const struct word open_words[] = {
	{ 00000100, "O_CREAT" },     { 00000200, "O_EXCL" },	  { 00000400, "O_NOCTTY" },
	{ 00001000, "O_TRUNC" },     { 00002000, "O_APPEND" },	  { 00004000, "O_NONBLOCK" },
	{ 00010000, "O_DSYNC" },     { 00020000, "O_ASYNC" },	  { 00040000, "O_DIRECT" },
	{ 00100000, "O_LARGEFILE" }, { 00200000, "O_DIRECTORY" }, { 00400000, "O_NOFOLLOW" },
	{ 01000000, "O_NOATIME" },   { 02000000, "O_CLOEXEC" },	  { 04000000, "O_SYNC" },
	{ 010000000, "O_PATH" },     { 020000000, "O_TMPFILE" },
};
#define OPEN_WORDS (sizeof(open_words) / sizeof(open_words[0]))
#define OPEN_MODE  3

const char *output_open_flag(unsigned int i, uint32_t flags, bool *ret_set)
{
	static const char *const modes[] = { "O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE" };

	*ret_set = true;
	if (i == 0)
		return modes[flags & OPEN_MODE];
	if (i > OPEN_WORDS)
		return NULL;
	*ret_set = (flags & open_words[i - 1].value) != 0;
	return open_words[i - 1].name;
}

uint32_t output_open_rest(uint32_t flags)
{
	flags &= ~(uint32_t)OPEN_MODE;
	for (size_t i = 0; i < OPEN_WORDS; i++)
		flags &= ~open_words[i].value;
	return flags;
}

/* linux/bpf.h, enum bpf_cmd */
static void put_bpf_command(struct buffer *to, uint64_t value)
{
	static const char *const names[] = {
		"map_create",	     "map_lookup_elem",
		"map_update_elem",   "map_delete_elem",
		"map_get_next_key",  "prog_load",
		"obj_pin",	     "obj_get",
		"prog_attach",	     "prog_detach",
		"prog_test_run",     "prog_get_next_id",
		"map_get_next_id",   "prog_get_fd_by_id",
		"map_get_fd_by_id",  "obj_get_info_by_fd",
		"prog_query",	     "raw_tracepoint_open",
		"btf_load",	     "btf_get_fd_by_id",
		"task_fd_query",     "map_lookup_and_delete_elem",
		"map_freeze",	     "btf_get_next_id",
		"map_lookup_batch",  "map_lookup_and_delete_batch",
		"map_update_batch",  "map_delete_batch",
		"link_create",	     "link_update",
		"link_get_fd_by_id", "link_get_next_id",
		"enable_stats",	     "iter_create",
		"link_detach",	     "prog_bind_map",
		"token_create",
	};

	if (value < sizeof(names) / sizeof(names[0]))
		buffer_text(to, names[value]);
	else
		buffer_print(to, "%llu", (unsigned long long)value);
}

static void put_ptrace_request(struct buffer *to, uint64_t value)
{
	static const struct word words[] = { { 0, "write" },
					     { 16, "attach" },
					     { 0x4206, "seize" } };

	put_word(to, words, sizeof(words) / sizeof(words[0]), (uint32_t)value);
}

/* CLONE_NEW* of linux/sched.h, and what else unshare(2) takes apart. */
static void put_namespaces(struct buffer *to, uint64_t value)
{
	static const struct word words[] = {
		{ 0x00000080, "time" }, { 0x00000200, "fs" },	   { 0x00000400, "files" },
		{ 0x00020000, "mnt" },	{ 0x00040000, "sysvsem" }, { 0x02000000, "cgroup" },
		{ 0x04000000, "uts" },	{ 0x08000000, "ipc" },	   { 0x10000000, "user" },
		{ 0x20000000, "pid" },	{ 0x40000000, "net" },
	};
	const char *between = "";

	if (!value)
		buffer_text(to, "any"); /* setns: whatever the descriptor is */
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (!(value & words[i].value))
			continue;
		buffer_print(to, "%s%s", between, words[i].name);
		value &= ~(uint64_t)words[i].value;
		between = "|";
	}
	if (value)
		buffer_print(to, "%s0x%llx", between, (unsigned long long)value);
}

static void put_signal(struct buffer *to, uint64_t value)
{
	const char *name = value < 65 ? sigabbrev_np((int)value) : NULL;

	if (name)
		buffer_print(to, "SIG%s", name);
	else
		buffer_print(to, "%llu", (unsigned long long)value);
}

/* enum event_login */
static void put_login_action(struct buffer *to, uint64_t value)
{
	static const struct word words[] = { { 0, "authenticate" },
					     { 1, "account" },
					     { 2, "open_session" },
					     { 3, "close_session" },
					     { 4, "change_password" } };

	put_word(to, words, sizeof(words) / sizeof(words[0]), (uint32_t)value);
}

static void put_new_mode(struct buffer *to, uint64_t value)
{
	buffer_print(to, "%04llo", (unsigned long long)value);
}

static void put_bits(struct buffer *to, uint64_t value)
{
	buffer_print(to, "0x%llx", (unsigned long long)value);
}

bool output_number(struct buffer *to, const char *field, uint64_t value)
{
	static const struct {
		const char *field;
		void (*put)(struct buffer *to, uint64_t value);
	} rows[] = {
		{ "command", put_bpf_command },	  { "request", put_ptrace_request },
		{ "namespaces", put_namespaces }, { "signal", put_signal },
		{ "action", put_login_action },	  { "new_mode", put_new_mode },
		{ "call_flags", put_bits },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (strcmp(rows[i].field, field) == 0) {
			rows[i].put(to, value);
			return true;
		}
	}
	return false;
}

const char *output_loss_reason(uint32_t reason)
{
	static const char *const words[] = {
		[LOSS_RING_FULL] = "ring full",
		[LOSS_PROGRAM_SKIPPED] = "program skipped",
		[LOSS_WITHHELD] = "withheld from a flood",
	};

	return reason < sizeof(words) / sizeof(words[0]) ? words[reason] : "?";
}

const char *output_disturbance(uint32_t reason)
{
	static const char *const names[DISTURBANCES] = {
		"stood still", "canary missing",  "link detached",   "program replaced",
		"ring moved",  "counters edited", "settings edited",
	};

	return reason < DISTURBANCES ? names[reason] : "?";
}

void output_errno(struct buffer *to, int number)
{
	const char *name = strerrorname_np(number);

	if (name)
		buffer_text(to, name);
	else
		buffer_print(to, "E%d", number);
}

/* security/_pam_types.h */
void output_pam_result(struct buffer *to, uint32_t result)
{
	static const char *const names[] = {
		"SUCCESS",
		"OPEN_ERR",
		"SYMBOL_ERR",
		"SERVICE_ERR",
		"SYSTEM_ERR",
		"BUF_ERR",
		"PERM_DENIED",
		"AUTH_ERR",
		"CRED_INSUFFICIENT",
		"AUTHINFO_UNAVAIL",
		"USER_UNKNOWN",
		"MAXTRIES",
		"NEW_AUTHTOK_REQD",
		"ACCT_EXPIRED",
		"SESSION_ERR",
		"CRED_UNAVAIL",
		"CRED_EXPIRED",
		"CRED_ERR",
		"NO_MODULE_DATA",
		"CONV_ERR",
		"AUTHTOK_ERR",
		"AUTHTOK_RECOVERY_ERR",
		"AUTHTOK_LOCK_BUSY",
		"AUTHTOK_DISABLE_AGING",
		"TRY_AGAIN",
		"IGNORE",
		"ABORT",
		"AUTHTOK_EXPIRED",
		"MODULE_UNKNOWN",
		"BAD_ITEM",
		"CONV_AGAIN",
		"INCOMPLETE",
	};

	if (result < sizeof(names) / sizeof(names[0]))
		buffer_print(to, "PAM_%s", names[result]);
	else
		buffer_print(to, "PAM_%u", result);
}

void output_time(struct buffer *to, uint64_t epoch_ns)
{
	time_t seconds = (time_t)(epoch_ns / 1000000000);
	struct tm tm;
	char text[32];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buffer_print(to, "%s.%09uZ", text, (unsigned int)(epoch_ns % 1000000000));
}

void output_address(struct buffer *to, const struct record *r)
{
	char text[INET6_ADDRSTRLEN];

	if (r->family == 2 && r->address.len == 4) {
		buffer_text(to, inet_ntop(AF_INET, r->address.data, text, sizeof(text)));
	} else if (r->family == 10 && r->address.len == 16) {
		buffer_text(to, inet_ntop(AF_INET6, r->address.data, text, sizeof(text)));
	} else if (r->family == 1 && r->address.len && r->address.data[0] == 0) {
		buffer_text(to, "@"); /* as ss(8) and unix(7) write an abstract name */
		buffer_add(to, r->address.data + 1, r->address.len - 1);
	} else if (r->family == 1) {
		buffer_add(to, r->address.data, r->address.len);
	} else {
		for (size_t i = 0; i < r->address.len; i++)
			buffer_print(to, "%02x", r->address.data[i]);
	}
}
