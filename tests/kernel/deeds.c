// SPDX-License-Identifier: Apache-2.0
/*
 * Known deeds: does things a collector must see, and prints one line for each, so that a test can
 * look for exactly that in the chain.
 *
 *   deeds DIR        DIR is an empty directory, absolute
 *   deeds DIR ring   those of an io_uring alone
 *   deeds DIR wait   one of an io_uring that does not end before standard input does
 *
 *   KIND key=value ...    strings in hexadecimal, results as the kernel returned them
 *
 * Every name is used by one deed only. Static, so that no loader opens files of its own.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/openat2.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "ring.h"

static char dir[1024];

static const char *in_dir(const char *name)
{
	static char path[8192];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void say_hex(const char *key, const void *data, size_t len)
{
	printf(" %s=", key);
	for (size_t i = 0; i < len; i++)
		printf("%02x", ((const unsigned char *)data)[i]);
}

static long result_of(long r)
{
	return r < 0 ? -errno : r;
}

static void begin(const char *kind, long result)
{
	printf("%s pid=%d tid=%ld result=%ld", kind, getpid(), syscall(SYS_gettid), result);
}

static void end(void)
{
	putchar('\n');
	fflush(stdout);
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* --- files -------------------------------------------------------------------------------------
 */

static void say_open(const char *call, const char *path, long result, int flags)
{
	begin("open", result);
	printf(" call=%s flags=%d uid=%d", call, flags, geteuid());
	say_hex("path", path, strlen(path));
	end();
	if (result >= 0)
		close((int)result);
}

static void deed_openat(const char *path, int flags)
{
	say_open("openat", path, result_of(syscall(SYS_openat, AT_FDCWD, path, flags, 0600)),
		 flags);
}

static void deed_relative(void)
{
	int at = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long r;

	begin("open", at);
	printf(" call=openat uid=0");
	say_hex("path", dir, strlen(dir));
	end();
	r = result_of(syscall(SYS_openat, at, "relative to a descriptor", O_RDWR | O_CREAT, 0600));
	say_open("openat", in_dir("relative to a descriptor"), r, O_RDWR);
	r = result_of(syscall(SYS_openat, at, "relative and missing", O_RDONLY));
	say_open("openat", in_dir("relative and missing"), r, O_RDONLY);
	close(at);
	if (chdir(dir) < 0)
		die("chdir");
	r = result_of(syscall(SYS_openat, AT_FDCWD, "missing in the working directory", O_RDONLY));
	say_open("openat", in_dir("missing in the working directory"), r, O_RDONLY);
}

/* A path as long as the kernel takes. */
static void deed_long_path(void)
{
	char path[4096], name[256];
	size_t len = strlen(dir);

	memcpy(path, dir, len);
	while (len + 202 < 4000) {
		memset(name, 'a' + (char)(len % 26), 200);
		name[200] = 0;
		len += (size_t)sprintf(path + len, "/%s", name);
		if (mkdir(path, 0700) < 0)
			die("mkdir");
	}
	path[len++] = '/';
	memset(path + len, 'z', 4095 - len);
	path[4095] = 0;
	deed_openat(path, O_RDWR | O_CREAT);
}

/* The 32-bit entry, which a 64-bit program can use too. Static storage lies below 4 GiB. */
static void deed_compat(void)
{
	static char path[8192];
	long r;

	snprintf(path, sizeof(path), "%s", in_dir("by int 80"));
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(5L), "b"((long)path), "c"((long)(O_RDWR | O_CREAT)), "d"(0600L)
			 : "memory", "r8", "r9", "r10", "r11");
	begin("open", r);
	printf(" call=open uid=0 marked=compat");
	say_hex("path", path, strlen(path));
	end();
	if (r >= 0)
		close((int)r);
}

static void deed_files(void)
{
	struct open_how how = { .flags = O_RDONLY };
	char too_long[4200];
	long r;

	deed_openat(in_dir("new file"), O_WRONLY | O_CREAT | O_EXCL);
	deed_openat(in_dir("odd \"name\"\n\t\\ \xff\xfe \xe2\x82\xac"), O_RDWR | O_CREAT);
	deed_openat(in_dir("missing"), O_RDONLY);
	deed_openat(in_dir("missing odd \xff\n\""), O_WRONLY);
	r = result_of(syscall(SYS_open, in_dir("by open"), O_RDWR | O_CREAT, 0600));
	say_open("open", in_dir("by open"), r, O_RDWR);
	r = result_of(syscall(SYS_creat, in_dir("by creat"), 0600));
	say_open("creat", in_dir("by creat"), r, O_WRONLY);
	r = result_of(
		syscall(SYS_openat2, AT_FDCWD, in_dir("by creat by openat2"), &how, sizeof(how)));
	say_open("openat2", in_dir("by creat by openat2"), r, O_RDONLY);
	if (symlink("new file", in_dir("a link")) < 0)
		die("symlink");
	r = result_of(syscall(SYS_openat, AT_FDCWD, in_dir("a link"), O_RDONLY));
	say_open("openat", in_dir("new file"), r, O_RDONLY); /* what the link leads to */
	deed_openat(in_dir("new file/below a file"), O_RDONLY);
	if (symlink("loop", in_dir("loop")) < 0)
		die("symlink");
	deed_openat(in_dir("loop"), O_RDONLY);
	deed_compat();
	deed_relative();
	deed_long_path();
	memset(too_long, 'x', sizeof(too_long) - 1);
	too_long[0] = '/';
	too_long[sizeof(too_long) - 1] = 0;
	begin("open", result_of(syscall(SYS_openat, AT_FDCWD, too_long, O_RDONLY)));
	printf(" call=openat uid=0 marked=claimed_truncated");
	say_hex("path", too_long, 4096);
	end();
}

/* --- programs ------------------------------------------------------------------------------------
 */

static void copy_self(const char *to)
{
	char buffer[65536];
	int from = open("/proc/self/exe", O_RDONLY),
	    fd = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	ssize_t n;

	while ((n = read(from, buffer, sizeof(buffer))) > 0) {
		if (write(fd, buffer, (size_t)n) != n)
			die("write");
	}
	close(from);
	close(fd);
}

static void run_program(const char *path, char *const argv[], const char *mark)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		char *none[] = { NULL };

		execve(path, argv, none);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	printf("exec pid=%d tid=%d result=0 argc=", pid, pid);
	for (int i = 0;; i++) {
		if (argv[i])
			continue;
		printf("%d", i);
		break;
	}
	if (mark)
		printf(" marked=%s", mark);
	say_hex("path", path, strlen(path));
	say_hex("cwd", dir, strlen(dir));
	if (!mark) {
		printf(" argv=");
		for (int i = 0; argv[i]; i++) {
			for (const char *p = argv[i]; *p; p++)
				printf("%02x", (unsigned char)*p);
			printf("00");
		}
	}
	end();
	printf("exit pid=%d tid=%d result=%d", pid, pid, status);
	end();
}

static void deed_refused_exec(const char *path)
{
	char *argv[] = { "refused", NULL };

	begin("exec", result_of(execve(path, argv, argv + 1)));
	printf(" marked=unverified");
	say_hex("path", path, strlen(path));
	end();
}

/* What runs is the interpreter, what was asked for the script. */
static void deed_script(void)
{
	char interpreter[4096], script[4096], line[4200];
	char *argv[] = { script, NULL };
	pid_t pid;
	int fd;

	snprintf(interpreter, sizeof(interpreter), "%s/interpreter", dir);
	snprintf(script, sizeof(script), "%s/a script", dir);
	copy_self(interpreter);
	fd = open(script, O_WRONLY | O_CREAT, 0755);
	if (fd < 0 || dprintf(fd, "#!%s --noop\n", interpreter) < 0)
		die(script);
	close(fd);
	pid = fork();
	if (pid == 0) {
		execve(script, argv, argv + 1);
		_exit(99);
	}
	waitpid(pid, NULL, 0);
	printf("exec pid=%d tid=%d result=0 argc=3", pid, pid);
	say_hex("path", interpreter, strlen(interpreter));
	say_hex("claimed", script, strlen(script));
	snprintf(line, sizeof(line), "%s%c--noop%c%s", interpreter, 0, 0, script);
	say_hex("argv", line, strlen(interpreter) + strlen(script) + sizeof("--noop") + 2);
	end();
}

static void deed_programs(void)
{
	static char big[140000];
	char named[4096], *many[1100];
	char *odd[] = {
		"--noop",      "new\nline",    "quote \" and '", "\xff\xfe not UTF-8", "",
		"back\\slash", "\xe2\x82\xac", "\033[31mred",	 "last one",	       NULL
	};
	char *long_argument[] = { "--noop", big, NULL };

	snprintf(named, sizeof(named), "%s/a named program", dir);
	copy_self(named);
	run_program(named, odd, NULL);
	memset(big, 'B', 131071); /* MAX_ARG_STRLEN with its NUL */
	run_program(named, long_argument, "argv_truncated");
	for (int i = 0; i < 1099; i++)
		many[i] = i ? "argument" : "--noop";
	many[1099] = NULL;
	run_program(named, many, "argv_truncated");
	deed_script();
	deed_refused_exec(in_dir("no such program"));
	deed_refused_exec(in_dir("new file")); /* no permission to run it */
}

static void deed_ends(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0)
		_exit(7);
	waitpid(pid, &status, 0);
	printf("exit pid=%d tid=%d result=%d", pid, pid, status);
	end();
	pid = fork();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("exit pid=%d tid=%d result=%d", pid, pid, status);
	end();
	begin("fork", 0);
	printf(" child=%d", pid);
	end();
}

/* --- credentials
 * ---------------------------------------------------------------------------------- */

struct ids {
	uid_t r, e, s;
};

static struct ids uids(void)
{
	struct ids i;

	getresuid(&i.r, &i.e, &i.s);
	return i;
}

static void say_setid(const char *call, long result, struct ids old)
{
	struct ids now = uids();

	begin("setuid", result);
	printf(" call=%s old_uid=%u old_euid=%u old_suid=%u new_uid=%u new_euid=%u new_suid=%u\n",
	       call, old.r, old.e, old.s, now.r, now.e, now.s);
	fflush(stdout);
}

/* The raw call: the C library's would make every thread do it. */
#define DEED_SETID(call, ...)                                                                      \
	do {                                                                                       \
		struct ids old = uids();                                                           \
		long r = result_of(syscall(SYS_##call, __VA_ARGS__));                              \
		say_setid(#call, r, old);                                                          \
	} while (0)

static void deed_credentials(void)
{
	gid_t groups[] = { 4242, 4243 };
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		DEED_SETID(setgroups, 2, groups);
		DEED_SETID(setresgid, 4242, 4242, 4242);
		DEED_SETID(setresuid, -1, 4242, -1);
		DEED_SETID(setfsuid, 4242);
		deed_openat(in_dir("new file"), O_RDWR); /* EACCES: not ours */
		DEED_SETID(setresuid, 4242, 4242, 4242);
		DEED_SETID(setuid, 0);
		DEED_SETID(setresuid, 0, 0, 0);
		DEED_SETID(setreuid, 0, 0);
		DEED_SETID(setgid, 0);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* --- the network
 * ---------------------------------------------------------------------------------- */

static void say_connect(const char *family, long result, const void *address, size_t len, int port,
			const char *mark)
{
	begin("connect", result);
	printf(" family=%s port=%d", family, port);
	if (mark)
		printf(" marked=%s", mark);
	say_hex("addr", address, len);
	end();
}

static void deed_tcp(int family, int type, int is_open)
{
	struct sockaddr_in6 a6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in a4 = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr *a = family == AF_INET ? (void *)&a4 : (void *)&a6;
	socklen_t len = family == AF_INET ? sizeof(a4) : sizeof(a6);
	int server = socket(family, type, 0), client = socket(family, type, 0), port;
	const char *text = family == AF_INET ? "127.0.0.1" : "::1";
	long r;

	if (server < 0 || bind(server, a, len) < 0 || getsockname(server, a, &len) < 0)
		die("bind");
	if (type == SOCK_STREAM && is_open && listen(server, 1) < 0)
		die("listen");
	port = ntohs(family == AF_INET ? a4.sin_port : a6.sin6_port);
	if (!is_open)
		close(server); /* nobody listens there now */
	r = result_of(connect(client, a, len));
	say_connect(family == AF_INET ? "inet" : "inet6", r, text, strlen(text), port, NULL);
	close(client);
	if (is_open)
		close(server);
}

/* A connection without a connect: the one after it must not get its address. */
static void deed_fast_open(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int server = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);

	errno = 0;
	if (server < 0 || bind(server, (void *)&a, len) < 0 ||
	    getsockname(server, (void *)&a, &len) < 0 || listen(server, 1) < 0)
		die("bind");
	if (sendto(client, "x", 1, MSG_FASTOPEN, (void *)&a, len) < 0 && errno != EOPNOTSUPP)
		die("sendto");
	if (errno != EOPNOTSUPP)
		say_connect("inet", -EINPROGRESS, "127.0.0.1", 9, ntohs(a.sin_port), NULL);
	close(client);
	close(server);
	deed_tcp(AF_INET, SOCK_DGRAM, 1);
}

static void deed_unix(const char *name, size_t len, int is_bound, int listens, const char *mark)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (name[0] != 0));
	char text[200];
	long r;

	memcpy(a.sun_path, name, len);
	if (is_bound && bind(server, (void *)&a, size) < 0)
		die("bind");
	if (listens && listen(server, 1) < 0)
		die("listen");
	r = result_of(connect(client, (void *)&a, size));
	memcpy(text, name, len);
	if (!name[0])
		text[0] = '@';
	say_connect("unix", r, text, len, 0, mark);
	close(client);
	close(server);
}

static void deed_network(void)
{
	deed_tcp(AF_INET, SOCK_STREAM, 1);
	deed_tcp(AF_INET, SOCK_STREAM, 0);
	deed_tcp(AF_INET6, SOCK_STREAM, 1);
	deed_tcp(AF_INET6, SOCK_STREAM, 0);
	deed_tcp(AF_INET, SOCK_DGRAM, 1);
	deed_tcp(AF_INET6, SOCK_DGRAM, 1);
	deed_fast_open();
	deed_unix("listens here", 12, 1, 1, NULL); /* relative to DIR: names must fit 108 bytes */
	deed_unix("bound but deaf", 14, 1, 0, "unverified");
	deed_unix("no such socket", 14, 0, 0, "unverified");
	deed_unix("\0indelible deeds", 16, 1, 1, NULL);
	say_connect("unspec", result_of(connect(-1, NULL, 0)), "", 0, 0, "unverified");
}

/* --- threads
 * -------------------------------------------------------------------------------------- */

/* One thread alone gives up root; the others keep it. */
static void *thread_deeds(void *arg)
{
	DEED_SETID(setresuid, 4244, 4244, 4244);
	DEED_SETID(setresuid, 0, 0, 0);
	begin("open", result_of(syscall(SYS_openat, AT_FDCWD, in_dir("by creat"), O_RDONLY)));
	printf(" call=openat uid=%d", geteuid());
	say_hex("path", in_dir("by creat"), strlen(in_dir("by creat")));
	end();
	return arg;
}

static void deed_threads(void)
{
	pthread_t thread;
	pid_t pid;

	fflush(stdout);
	pid = fork(); /* shares its descriptors with its thread: flagged */
	if (pid == 0) {
		pthread_create(&thread, NULL, thread_deeds, NULL);
		pthread_join(thread, NULL);
		begin("open",
		      result_of(syscall(SYS_openat, AT_FDCWD, in_dir("by open"), O_RDONLY)));
		printf(" call=openat uid=%d", geteuid());
		say_hex("path", in_dir("by open"), strlen(in_dir("by open")));
		end();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

/* --- what changes files, permissions, the kernel, other processes
 * ---------------------------------------------------------------------------------- */

static void say_path(const char *key, const char *path)
{
	say_hex(key, path, strlen(path));
}

/* One deed with a path: what in_dir() gave last may be `path`. */
static void say_change(const char *kind, const char *call, long result, const char *path)
{
	begin(kind, result);
	printf(" call=%s", call);
	if (path)
		say_path("path", path);
}

/* The call, then its line up to the path; the caller adds what else it has and ends it. */
#define DEED(kind, call, path, ...)                                                                \
	say_change(kind, #call, result_of(syscall(SYS_##call, __VA_ARGS__)), path)

static void make_file(const char *name)
{
	int fd = open(in_dir(name), O_WRONLY | O_CREAT, 0600);

	if (fd < 0)
		die(name);
	close(fd);
}

/* A path of its own for each name: in_dir() has room for one. */
static const char *path_of(const char *name)
{
	return strdup(in_dir(name));
}

/* As a process of its own: what it opens besides is no deed of another. */
static void in_child(void (*deed)(void))
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		deed();
		_exit(0);
	}
	waitpid(pid, NULL, 0);
}

static void deed_names(void)
{
	const char *a = path_of("change a"), *b = path_of("change b"), *c = path_of("change c");
	const char *sub = path_of("change sub"), *missing = path_of("change missing");
	int at = open(dir, O_RDONLY | O_DIRECTORY);

	make_file("change a");
	DEED("rename", rename, a, a, b);
	say_path("new_path", b);
	end();
	DEED("rename", renameat2, b, at, "change b", at, "change a", 0);
	say_path("new_path", a);
	end();
	DEED("rename", renameat, missing, AT_FDCWD, missing, AT_FDCWD, b);
	say_path("new_path", b);
	end();
	DEED("link", link, a, a, b);
	say_path("new_path", b);
	end();
	DEED("link", linkat, a, at, "change a", at, "change c", 0);
	say_path("new_path", c);
	end();
	DEED("unlink", unlink, b, b);
	end();
	DEED("unlink", unlinkat, c, at, "change c", 0);
	end();
	DEED("unlink", unlink, missing, missing);
	end();
	DEED("link", symlink, NULL, "what it says", b);
	say_path("new_path", b);
	say_path("link_target", "what it says");
	end();
	DEED("link", symlinkat, NULL, "what it says too", at, "change c");
	say_path("new_path", c);
	say_path("link_target", "what it says too");
	end();
	mkdir(sub, 0700);
	DEED("unlink", rmdir, sub, sub);
	end();
	close(at);
}

static void deed_permissions(void)
{
	const char *a = path_of("change a"), *missing = path_of("change missing");
	int at = open(dir, O_RDONLY | O_DIRECTORY), fd = open(a, O_RDWR);
	static char path[4096];
	long r;

	DEED("truncate", truncate, a, a, 5000000000L);
	printf(" length=5000000000");
	end();
	DEED("truncate", ftruncate, a, fd, 11);
	printf(" length=11 verified=1");
	end();
	DEED("chmod", chmod, a, a, 0640);
	printf(" new_mode=0640");
	end();
	DEED("chmod", fchmod, a, fd, 04755);
	printf(" new_mode=4755 verified=1");
	end();
	DEED("chmod", fchmodat, a, at, "change a", 0600);
	printf(" new_mode=0600");
	end();
	deed_refused_exec("/nonexistent/not what was changed before");
	snprintf(path, sizeof(path), "%s", a); /* below 4 GiB, as a 32-bit call needs it */
	__asm__ volatile("int $0x80"
			 : "=a"(r)
			 : "a"(15L), "b"((long)path), "c"(0604L)
			 : "memory", "r8", "r9", "r10", "r11");
	say_change("chmod", "chmod", r, a);
	printf(" new_mode=0604 marked=compat");
	end();
	DEED("chown", chown, a, a, 4242, -1);
	printf(" owner=4242 group=4294967295");
	end();
	DEED("chown", lchown, missing, missing, 1, 2);
	printf(" owner=1 group=2");
	end();
	DEED("chown", fchown, a, fd, 4243, 4244);
	printf(" owner=4243 group=4244 verified=1");
	end();
	DEED("chown", fchownat, a, at, "change a", 0, 0, 0);
	printf(" owner=0 group=0");
	end();
	DEED("chown", fchownat, a, fd, "", 0, 1, AT_EMPTY_PATH);
	printf(" owner=0 group=1");
	end();
	DEED("xattr", setxattr, a, a, "trusted.indelible", "v", 1, 0);
	say_path("name", "trusted.indelible");
	end();
	DEED("xattr", fsetxattr, a, fd, "trusted.indelible.fd", "v", 1, 0);
	say_path("name", "trusted.indelible.fd");
	end();
	DEED("xattr", removexattr, a, a, "trusted.indelible");
	say_path("name", "trusted.indelible");
	end();
	DEED("xattr", lsetxattr, missing, missing, "security.capability", "v", 1, 0);
	say_path("name", "security.capability");
	end();
	close(fd);
	close(at);
}

static void deed_capset(void)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct caps[2];

	syscall(SYS_capget, &head, caps);
	caps[0].effective &= ~1u; /* CAP_CHOWN */
	caps[0].permitted &= ~1u;
	DEED("capset", capset, NULL, &head, caps);
	printf(" dropped=1");
	end();
	caps[0].permitted |= 1;
	DEED("capset", capset, NULL, &head, caps);
	end();
}

static void say_serve(const char *kind, const char *call, long result, const char *address,
		      int port)
{
	begin(kind, result);
	printf(" call=%s port=%d", call, port);
	say_path("addr", address);
	end();
}

static void deed_serve_tcp(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct sockaddr_in peer;
	int server = socket(AF_INET, SOCK_STREAM, 0), second = socket(AF_INET, SOCK_STREAM, 0);
	int client = socket(AF_INET, SOCK_STREAM, 0), port;
	socklen_t len = sizeof(a), peer_len = sizeof(peer);
	long r = result_of(bind(server, (void *)&a, len));

	getsockname(server, (void *)&a, &len);
	port = ntohs(a.sin_port);
	say_serve("bind", "bind", r, "127.0.0.1", port);
	say_serve("listen", "listen", result_of(listen(server, 1)), "127.0.0.1", port);
	say_serve("bind", "bind", result_of(bind(second, (void *)&a, len)), "127.0.0.1", port);
	if (connect(client, (void *)&a, len) < 0)
		die("connect");
	r = result_of(syscall(SYS_accept4, server, &peer, &peer_len, 0));
	say_serve("accept", "accept4", r, "127.0.0.1", ntohs(peer.sin_port));
	if (r >= 0)
		close((int)r);
	fcntl(server, F_SETFL, O_NONBLOCK);
	syscall(SYS_accept, server, NULL, NULL); /* nobody there: not recorded */
	close(server);
	close(second);
	close(client);
}

static void deed_serve_unix(void)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX, .sun_path = "served here" };
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	long r = result_of(bind(server, (void *)&a, sizeof(a)));

	say_serve("bind", "bind", r, "served here", 0);
	say_serve("listen", "listen", result_of(listen(server, 1)), "served here", 0);
	close(server);
}

static void deed_mounts(void)
{
	const char *place = path_of("change place");
	int self = open("/proc/self/ns/uts", O_RDONLY);

	mkdir(place, 0700);
	DEED("namespace", unshare, NULL, CLONE_NEWNS | CLONE_NEWUTS);
	printf(" namespaces=mnt|uts");
	end();
	DEED("namespace", setns, NULL, self, CLONE_NEWUTS);
	printf(" namespaces=uts marked=pseudo");
	end();
	DEED("mount", mount, "/", "none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
	say_path("source", "none");
	printf(" call_flags=0x%x", MS_REC | MS_PRIVATE);
	end();
	DEED("mount", mount, place, "a source", place, "tmpfs", MS_NOSUID, "size=4k");
	say_path("source", "a source");
	say_path("fs_type", "tmpfs");
	printf(" call_flags=0x%x", MS_NOSUID);
	end();
	DEED("mount", umount2, place, place, MNT_DETACH);
	printf(" call_flags=0x2");
	end();
	DEED("mount", move_mount, place, -1, "no source", AT_FDCWD, place, 0);
	end();
	DEED("mount", pivot_root, place, place, "/nowhere");
	say_path("source", "/nowhere");
	end();
	DEED("mount", chroot, dir, dir);
	end();
	close(self);
}

static void deed_kernel(void)
{
	union bpf_attr map = { .map_type = BPF_MAP_TYPE_ARRAY,
			       .key_size = 4,
			       .value_size = 4,
			       .max_entries = 1,
			       .map_name = "deeds_map" };
	union bpf_attr program = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER };
	const char *a = path_of("change a");
	int fd = open(a, O_RDONLY);
	char ring[256] = { 0 };
	long r;

	r = result_of(syscall(SYS_bpf, BPF_MAP_CREATE, &map, sizeof(map)));
	say_change("bpf", "bpf", r, NULL);
	printf(" command=map_create");
	if (r >= 0)
		say_path("name", "deeds_map");
	end();
	DEED("bpf", bpf, NULL, BPF_PROG_LOAD, &program, sizeof(program));
	printf(" command=prog_load");
	end();
	r = result_of(syscall(SYS_memfd_create, "a memfd", 1));
	say_change("memfd", "memfd_create", r, NULL);
	say_path("name", "a memfd");
	printf(" call_flags=0x1 marked=pseudo");
	end();
	DEED("io_uring", io_uring_setup, NULL, 7, ring);
	printf(" entries=7");
	end();
	DEED("module", init_module, NULL, ring, sizeof(ring), "init=1");
	say_path("parameters", "init=1");
	end();
	DEED("module", finit_module, a, fd, "finit=1", 0);
	say_path("parameters", "finit=1");
	end();
	DEED("module", delete_module, NULL, "indelible_no_such_module", O_NONBLOCK);
	say_path("name", "indelible_no_such_module");
	end();
	DEED("kexec", kexec_load, NULL, 0L, 0L, NULL, 0x8000L);
	printf(" call_flags=0x8000");
	end();
	DEED("kexec", kexec_file_load, a, fd, -1, 5L, "word", 0x8000L);
	printf(" call_flags=0x8000");
	say_path("command_line", "word");
	end();
	close(fd);
}

/* --- an io_uring ------------------------------------------------------------------------------
 */

static void deed_ring_open(struct ring *ring, const char *name, const char *path, int flags)
{
	struct io_uring_sqe entry = entry_of(IORING_OP_OPENAT, name, NULL);
	long r;

	entry.open_flags = (unsigned)flags;
	entry.len = 0600;
	r = ask(ring, &entry);
	begin("open", r);
	printf(" call=io_uring_enter flags=%d uid=%d %s=1", flags, geteuid(),
	       r < 0 ? "unresolved" : "resolved");
	say_path("path", path);
	end();
	if (r >= 0)
		close((int)r);
}

static void deed_ring_change(struct ring *ring, const char *kind, int operation, const char *name,
			     const char *path, const char *other)
{
	struct io_uring_sqe entry = entry_of(operation, name, other);

	if (operation == IORING_OP_SYMLINKAT)
		entry.len = 0;
	say_change(kind, "io_uring_enter", ask(ring, &entry), path);
	if (other)
		say_path("new_path", other);
	if (operation == IORING_OP_SYMLINKAT)
		say_path("link_target", name);
	end();
}

static void deed_io_uring(void)
{
	const char *a = path_of("change ring a"), *b = path_of("change ring b");
	const char *c = path_of("change ring c"), *missing = path_of("change ring missing");
	struct io_uring_sqe entry;
	struct ring ring;
	int table = -1;

	if (!open_ring(&ring, 4) || chdir(dir) < 0)
		return;
	deed_ring_open(&ring, a, a, O_RDWR | O_CREAT);
	deed_ring_open(&ring, "change ring a", a, O_RDONLY);
	deed_ring_open(&ring, "change ring missing", missing, O_RDONLY);
	deed_ring_change(&ring, "rename", IORING_OP_RENAMEAT, a, a, b);
	deed_ring_change(&ring, "rename", IORING_OP_RENAMEAT, missing, missing, b);
	deed_ring_change(&ring, "link", IORING_OP_LINKAT, b, b, c);
	deed_ring_change(&ring, "link", IORING_OP_SYMLINKAT, "what a ring says", NULL, a);
	deed_ring_change(&ring, "unlink", IORING_OP_UNLINKAT, "change ring b", b, NULL);
	deed_ring_change(&ring, "unlink", IORING_OP_UNLINKAT, "change ring b", b, NULL);
	/* Into the ring's own table: the name alone is known. */
	if (syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &table, 1) < 0)
		die("io_uring_register");
	entry = entry_of(IORING_OP_OPENAT, "change ring c", NULL);
	entry.file_index = 1;
	begin("open", ask(&ring, &entry));
	printf(" call=io_uring_enter flags=0 unresolved=1 marked=unverified");
	say_path("path", c);
	end();
	/* A request that says nothing when it succeeds: its end is not seen. */
	entry = entry_of(IORING_OP_UNLINKAT, c, NULL);
	entry.flags = IOSQE_CQE_SKIP_SUCCESS;
	submit(&ring, &entry);
	for (int i = 0; i < 10000 && access(c, F_OK) == 0; i++)
		usleep(1000);
	say_change("unlink", "io_uring_enter", -EINPROGRESS, c);
	end();
	close(ring.fd);
}

static void deed_ring_refused(void)
{
	const char *path = path_of("new file");
	struct ring ring;

	if (!open_ring(&ring, 4) || syscall(SYS_setresuid, 4242, 4242, 4242) < 0)
		return;
	deed_ring_open(&ring, path, path, O_RDWR);
}

static void deed_ring_waits(void)
{
	struct io_uring_sqe entry;
	struct ring ring;
	const char *path;

	if (!open_ring(&ring, 4))
		return;
	path = path_of("change ring fifo");
	if (mkfifo(path, 0600) < 0)
		die(path);
	entry = entry_of(IORING_OP_OPENAT, path, NULL);
	entry.flags = IOSQE_ASYNC;
	submit(&ring, &entry);
	say_open("io_uring_enter", path, -EINPROGRESS, O_RDONLY);
	while (getchar() != EOF)
		;
}

/* Killed before anybody opened the other end, which a thread of the ring's waits for. */
static void deed_ring_killed(void)
{
	const char *path = path_of("change ring fifo");
	struct io_uring_sqe entry = entry_of(IORING_OP_OPENAT, path, NULL);
	struct ring ring;
	int ready[2];
	pid_t pid;
	char byte;

	entry.flags = IOSQE_ASYNC;
	if (pipe(ready) < 0 || mkfifo(path, 0600) < 0 || !open_ring(&ring, 4))
		return;
	close(ring.fd);
	pid = fork();
	if (pid == 0) {
		open_ring(&ring, 4);
		submit(&ring, &entry);
		if (write(ready[1], "x", 1) == 1)
			pause();
		_exit(1);
	}
	if (read(ready[0], &byte, 1) != 1)
		die("read");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	printf("open pid=%d tid=%d call=io_uring_enter unfinished=1", pid, pid);
	say_path("path", path);
	end();
}

static void deed_ring_connect(struct ring *ring, int type, const struct sockaddr_in *to)
{
	struct sockaddr_un name = { .sun_family = AF_UNIX, .sun_path = "no socket for a ring" };
	struct io_uring_sqe entry = { .opcode = IORING_OP_CONNECT,
				      .fd = socket(to ? AF_INET : AF_UNIX, type, 0),
				      .addr = to ? (unsigned long)to : (unsigned long)&name,
				      .off = to ? sizeof(*to) : sizeof(name) };

	begin("connect", ask(ring, &entry));
	printf(" call=io_uring_enter family=%s port=%d", to ? "inet" : "unix",
	       to ? ntohs(to->sin_port) : 0);
	if (to)
		printf(" verified=1");
	say_path("addr", to ? "127.0.0.1" : name.sun_path);
	end();
	close(entry.fd);
}

static void deed_ring_connects(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int server = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t len = sizeof(a);
	struct ring ring;

	if (!open_ring(&ring, 4))
		return;
	if (bind(server, (void *)&a, len) < 0 || getsockname(server, (void *)&a, &len) < 0 ||
	    listen(server, 1) < 0)
		die("bind");
	deed_ring_connect(&ring, SOCK_STREAM, &a);
	close(server);
	deed_ring_connect(&ring, SOCK_STREAM, &a); /* refused */
	a.sin_port = htons(9);
	deed_ring_connect(&ring, SOCK_DGRAM, &a);
	deed_ring_connect(&ring, SOCK_STREAM, NULL);
	close(ring.fd);
}

static void deed_rings(void)
{
	in_child(deed_io_uring);
	in_child(deed_ring_refused);
	in_child(deed_ring_killed);
	in_child(deed_ring_connects);
}

static void deed_ptrace(void)
{
	pid_t pid = fork();
	char byte = 'x';
	struct iovec from = { &byte, 1 }, to = { &byte, 1 };

	if (pid == 0) {
		pause();
		_exit(0);
	}
	DEED("ptrace", process_vm_writev, NULL, pid, &from, 1L, &to, 1L, 0L);
	printf(" target_pid=%d request=write", pid);
	end();
	DEED("ptrace", ptrace, NULL, PTRACE_ATTACH, pid, 0L, 0L);
	printf(" target_pid=%d request=attach", pid);
	end();
	waitpid(pid, NULL, 0);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	DEED("ptrace", ptrace, NULL, 0x4206, pid, 0L, 0L);
	printf(" target_pid=%d request=seize", pid);
	end();
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(int argc, char **argv)
{
	if ((argc > 0 && strcmp(argv[0], "--noop") == 0) ||
	    (argc == 3 && strcmp(argv[1], "--noop") == 0)) /* of a script */
		return 0;
	if (argc < 2 || argc > 3 || argv[1][0] != '/') {
		fprintf(stderr, "usage: deeds DIR [ring|wait]\n");
		return 2;
	}
	snprintf(dir, sizeof(dir), "%s", argv[1]);
	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (argc == 3 && strcmp(argv[2], "wait") == 0) {
		deed_ring_waits();
		return 0;
	}
	if (argc == 3) {
		make_file("new file");
		deed_rings();
		return 0;
	}
	deed_files();
	deed_programs();
	deed_ends();
	deed_credentials();
	deed_network();
	deed_threads();
	in_child(deed_names);
	in_child(deed_permissions);
	in_child(deed_capset);
	in_child(deed_serve_tcp);
	in_child(deed_serve_unix);
	in_child(deed_mounts);
	in_child(deed_kernel);
	in_child(deed_ptrace);
	deed_rings();
	return 0;
}
