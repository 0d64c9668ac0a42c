// SPDX-License-Identifier: Apache-2.0
/* Every row of the severity table fires on its deed, and not on its harmless twin. */
#include <errno.h>

#include "score/severity.h"
#include "score_make.h"

static uint64_t fired; /* rows, over all of a test */

static bool fires(const struct record *record, const char *name)
{
	struct severity met[SEVERITY_MAX];
	size_t count = severity_of(record, met);
	bool found = false;

	for (size_t i = 0; i < count; i++) {
		fired |= 1ull << met[i].row;
		if (!strcmp(severity_name(met[i].row), name)) {
			ck_assert_int_gt(met[i].bits, 0);
			found = true;
		}
	}
	return found;
}

static bool quiet(const struct record *record)
{
	struct severity met[SEVERITY_MAX];

	return severity_of(record, met) == 0;
}

static struct record opened(const char *path, uint32_t flags)
{
	return make_open("alice", path, flags, EPOCH);
}

static void check_files(void)
{
	static const struct {
		const char *path;
		uint32_t flags;
		const char *name;
	} deeds[] = {
		{ "/var/lib/indelible/segment.1", O_WRONLY, "wrote to the audit chain" },
		{ "/home/a/indelible-chain/1.seg", O_RDWR, "wrote to the audit chain" },
		{ "/etc/ld.so.preload", O_WRONLY | O_CREAT, "wrote the preload list" },
		{ "/etc/shadow", O_WRONLY, "wrote password hashes" },
		{ "/etc/shadow", O_RDONLY, "read password hashes" },
		{ "/etc/gshadow-", O_RDONLY, "read password hashes" },
		{ "/etc/passwd", O_WRONLY | O_APPEND, "wrote accounts" },
		{ "/etc/sudoers.d/90-x", O_WRONLY, "wrote sudo rules" },
		{ "/etc/sudoers", O_RDONLY, "read sudo rules" },
		{ "/etc/ssh/ssh_host_ed25519_key", O_RDONLY, "read a host key" },
		{ "/root/.ssh/id_ed25519", O_RDONLY, "read a private key" },
		{ "/home/bob/.ssh/id_rsa", O_RDONLY, "read a private key" },
		{ "/root/.ssh/authorized_keys", O_WRONLY, "wrote login keys" },
		{ "/etc/cron.d/x", O_WRONLY, "wrote schedules" },
		{ "/etc/crontab", O_RDWR, "wrote schedules" },
		{ "/var/spool/cron/crontabs/root", O_WRONLY, "wrote schedules" },
		{ "/proc/812/mem", O_RDWR, "wrote a process's memory" },
		{ "/proc/812/mem", O_RDONLY, "read a process's memory" },
		{ "/sys/kernel/tracing/tracing_on", O_WRONLY, "changed kernel tracing" },
		{ "/sys/fs/bpf/prog", O_RDONLY, "looked at kernel tracing" },
	};

	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		struct record r = opened(deeds[i].path, deeds[i].flags);

		ck_assert_msg(fires(&r, deeds[i].name), "%s", deeds[i].path);
	}
}

static void check_programs(void)
{
	struct record r = make_exec("alice", "/memfd:x", EPOCH);

	r.flags = RECORD_PSEUDO;
	ck_assert(fires(&r, "ran a program from memory"));
	r.actor = ACTOR_CONTAINER;
	ck_assert(fires(&r, "ran a program from memory"));
	r = make_exec("alice", "/home/alice/x", EPOCH);
	r.flags = RECORD_DELETED;
	ck_assert(fires(&r, "ran a deleted program"));
	r = make_exec("alice", "/dev/shm/x", EPOCH);
	ck_assert(fires(&r, "ran from a directory all can write"));
	r = make_exec("alice", "/home/alice/sh", EPOCH);
	r.cred.euid = 0;
	ck_assert(fires(&r, "became root by an unknown program"));
}

static void check_ids(void)
{
	struct record r = make_event(RECORD_SETUID, "alice", EPOCH);

	r.exe = bytes_of_text("/home/alice/x");
	r.cred = (struct record_cred){ 0 };
	ck_assert(fires(&r, "became root without the right to"));
	r.old_cred.effective = 1 << 7;
	ck_assert(fires(&r, "became root by capability"));
}

static struct record called(uint8_t kind, uint64_t call, uint64_t first, uint64_t second)
{
	struct record r = make_event(kind, "alice", EPOCH);

	r.exe = bytes_of_text("/home/alice/x");
	r.call = call;
	r.argument[0] = first;
	r.argument[1] = second;
	return r;
}

static void check_calls(void)
{
	static const struct {
		uint8_t kind;
		uint64_t call, first, second;
		const char *name;
	} deeds[] = {
		{ RECORD_CHMOD, RECORD_CALL_CHMOD, 04755, 0, "made a program run as its owner" },
		{ RECORD_MODULE, RECORD_CALL_FINIT_MODULE, 0, 0, "loaded a kernel module" },
		{ RECORD_MODULE, RECORD_CALL_DELETE_MODULE, 0, 0, "removed a kernel module" },
		{ RECORD_BPF, RECORD_CALL_BPF, 5, 0, "put a program into the kernel" },
		{ RECORD_BPF, RECORD_CALL_BPF, 14, 0, "took hold of others' kernel programs" },
		{ RECORD_PTRACE, RECORD_CALL_PTRACE, 16, 77, "took hold of another process" },
		{ RECORD_KEXEC, RECORD_CALL_KEXEC_LOAD, 0, 0, "put another kernel in place" },
		{ RECORD_SIGNAL, 0, 9, 77, "sent the collector a signal" },
	};

	for (size_t i = 0; i < sizeof(deeds) / sizeof(*deeds); i++) {
		struct record r =
			called(deeds[i].kind, deeds[i].call, deeds[i].first, deeds[i].second);

		ck_assert_msg(fires(&r, deeds[i].name), "%s", deeds[i].name);
		if (deeds[i].kind == RECORD_MODULE && deeds[i].call == RECORD_CALL_FINIT_MODULE) {
			r.actor = ACTOR_SERVICE;
			ck_assert(fires(&r, deeds[i].name));
		}
	}
}

static void check_login(void)
{
	struct record r = { .kind = RECORD_LOGINUID, .id = 1000, .auid = 1001, .time = EPOCH };

	ck_assert(fires(&r, "changed whom it was logged in as"));
	r.id = RECORD_UNSET;
	ck_assert(quiet(&r));
	r = called(RECORD_LOGIN, 0, 0, 0);
	ck_assert(quiet(&r));
	r.result = 7;
	ck_assert(fires(&r, "was refused a login"));
}

/* Whatever changes what is there counts as writing it, by either of two names. */
START_TEST(changes_of_sensitive_files)
{
	static const uint8_t kinds[] = { RECORD_UNLINK,	  RECORD_RENAME, RECORD_LINK, RECORD_XATTR,
					 RECORD_TRUNCATE, RECORD_CHMOD,	 RECORD_CHOWN };

	for (size_t i = 0; i < sizeof(kinds); i++) {
		struct record r = called(kinds[i], 0, 0, 0);

		ck_assert(quiet(&r));
		r.path = bytes_of_text("/etc/shadow");
		ck_assert(fires(&r, "wrote password hashes"));
		r.path = bytes_of_text("/etc/motd");
		ck_assert(quiet(&r));
		r.other = bytes_of_text("/etc/sudoers.d/x");
		ck_assert(fires(&r, "wrote sudo rules"));
		r.exe = bytes_of_text("/usr/sbin/visudo");
		ck_assert(quiet(&r));
	}
}
END_TEST

START_TEST(harmless_calls_are_quiet)
{
	struct record quiet_ones[] = {
		called(RECORD_CHMOD, RECORD_CALL_CHMOD, 0755, 0),
		called(RECORD_BPF, RECORD_CALL_BPF, 0, 0),
		called(RECORD_SIGNAL, 0, 15, 77),
		called(RECORD_MOUNT, RECORD_CALL_MOUNT, 0, 0),
	};
	struct record r = called(RECORD_PTRACE, RECORD_CALL_PTRACE, 16, 0);

	for (size_t i = 0; i < sizeof(quiet_ones) / sizeof(*quiet_ones); i++)
		ck_assert_msg(quiet(&quiet_ones[i]), "%zu", i);
	r.argument[1] = r.pid;
	ck_assert(quiet(&r));
	r = called(RECORD_BPF, RECORD_CALL_BPF, 5, 0);
	r.ring = RECORD_RING_SELF;
	ck_assert(quiet(&r));
	r = called(RECORD_MODULE, RECORD_CALL_FINIT_MODULE, 0, 0);
	r.exe = bytes_of_text("/usr/bin/kmod");
	ck_assert(quiet(&r));
}
END_TEST

START_TEST(every_row_fires)
{
	struct record loss = { .kind = RECORD_LOSS, .count = 5000, .time = EPOCH };
	struct record keeper = { .kind = RECORD_KEEPER, .count = 1, .time = EPOCH };
	struct record stalled = { .kind = RECORD_DISTURBED, .reason = DISTURBED_STALLED };
	struct record tampered = { .kind = RECORD_DISTURBED, .reason = DISTURBED_LINK };

	fired = 0;
	check_files();
	check_programs();
	check_ids();
	check_calls();
	check_login();
	ck_assert(fires(&loss, "events were lost"));
	ck_assert(fires(&keeper, "the process that seals was ended"));
	ck_assert(fires(&stalled, "the collector stood still"));
	ck_assert(fires(&tampered, "the collector was tampered with"));
	tampered.result = -1; /* what could not be put right is no attempt */
	ck_assert(fires(&tampered, "the collector was tampered with"));
	for (size_t row = 0; severity_name(row); row++)
		ck_assert_msg(fired >> row & 1, "row %zu (%s)", row, severity_name(row));
}
END_TEST

START_TEST(harmless_twins_are_quiet)
{
	struct record r = opened("/etc/passwd", O_RDONLY);

	ck_assert(quiet(&r));
	r = opened("/etc/shadowy", O_RDONLY);
	ck_assert(quiet(&r));
	r = opened("/etc/ssh/ssh_host_rsa_key.pub", O_RDONLY);
	ck_assert(quiet(&r));
	r = opened("/var/lib/indelible/segment.1", O_RDONLY);
	ck_assert(quiet(&r));
	r = opened("/proc/4242/mem", O_RDWR); /* its own */
	ck_assert(quiet(&r));
	r = opened("/etc/shadow", O_RDONLY);
	r.exe = bytes_of_text("/usr/bin/sudo");
	ck_assert(quiet(&r));
	r.exe = bytes_of_text("/tmp/sudo"); /* the name alone is nothing */
	ck_assert(fires(&r, "read password hashes"));
	r.actor = ACTOR_SERVICE; /* backups */
	ck_assert(quiet(&r));
	r = opened("/home/alice/.ssh/id_rsa", O_RDONLY);
	r.exe = bytes_of_text("/usr/bin/ssh");
	ck_assert(quiet(&r));
	r = make_exec("alice", "/usr/bin/sudo", EPOCH);
	r.cred.euid = 0;
	ck_assert(quiet(&r));
	r = make_event(RECORD_SETUID, "alice", EPOCH);
	r.cred.euid = 0;
	r.old_cred.suid = 0; /* goes back to what it was */
	ck_assert(quiet(&r));
}
END_TEST

START_TEST(attempts_weigh_less)
{
	struct record r = opened("/etc/shadow", O_RDONLY);
	struct severity done[SEVERITY_MAX], tried[SEVERITY_MAX];
	const char *says = "T1003.008 read password hashes: /etc/shadow failed unverified";

	ck_assert_uint_eq(severity_of(&r, done), 1);
	r.result = -EACCES;
	r.flags = RECORD_UNVERIFIED;
	ck_assert_uint_eq(severity_of(&r, tried), 1);
	ck_assert_int_eq(tried[0].bits, done[0].bits / 4);
	ck_assert(
		bytes_equal(bytes_of(tried[0].text.data, tried[0].text.len), bytes_of_text(says)));
}
END_TEST

START_TEST(patterns)
{
	static const struct {
		const char *pattern, *path;
		bool match;
	} cases[] = {
		{ "/etc/shadow", "/etc/shadow", true },
		{ "/etc/shadow", "/etc/shadow2", false },
		{ "/etc/cron*", "/etc/cron.d/x", false },
		{ "/etc/cron*/**", "/etc/cron.d/x", true },
		{ "/proc/*/mem", "/proc/1/mem", true },
		{ "/proc/*/mem", "/proc/1/task/1/mem", false },
		{ "/**/.ssh/id_*", "/root/.ssh/id_rsa", true },
		{ "/**/.ssh/id_*", "/a/b/c/.ssh/id_rsa", true },
		{ "/**/.ssh/id_*", "/a/.ssh/id_dir/x", false },
		{ "/a*b*c", "/aXbYbZc", true },
		{ "/a*b*c", "/aXbYb", false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_msg(path_matches(cases[i].pattern, bytes_of_text(cases[i].path)) ==
				      cases[i].match,
			      "%s on %s", cases[i].pattern, cases[i].path);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		every_row_fires, harmless_twins_are_quiet,   attempts_weigh_less,
		patterns,	 changes_of_sensitive_files, harmless_calls_are_quiet
	};

	return run_tests("score_severity", tests, sizeof(tests) / sizeof(*tests));
}
