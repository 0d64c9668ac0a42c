// SPDX-License-Identifier: Apache-2.0
/*
 * A verifier that cannot look says so: no verdict comes from a call that failed, from memory that
 * there was not, or from files that were others a moment ago. The calls by which the verifier reads
 * are taken over here (this program's symbols come before the libraries').
 */
#include "chain_tell.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <sys/file.h>

static struct {
	bool armed;
	int at, count; /* call number `at` fails */
	int error;
	int flock_calls;
	unsigned busy; /* bit n: somebody holds the lock at the n-th look */
	bool no_sodium;
	/* a byte of seals is another one in that read of them */
	int change_at, seals_reads;
	size_t change_byte;
	uint8_t change_by;
	size_t end;	   /* from that read on, seals end there; 0: where they do */
	uint64_t short_by; /* files say that they are shorter than they are */
} look;

static bool fails(void)
{
	if (!look.armed || __atomic_add_fetch(&look.count, 1, __ATOMIC_RELAXED) != look.at)
		return false;
	errno = look.error;
	return true;
}

static bool is_file(int fd, const char *name)
{
	char path[160];

	return disk_path(fd, path) && strcmp(path, path_of("/D/%s", name)) == 0;
}

int openat(int fd, const char *name, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails() ? -1 : (int)syscall(SYS_openat, fd, name, flags, mode);
}

int open(const char *name, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	return fails() ? -1 : (int)syscall(SYS_openat, AT_FDCWD, name, flags, mode);
}

int fstat(int fd, struct stat *ret)
{
	int err = fails() ? -1 : (int)syscall(SYS_newfstatat, fd, "", ret, AT_EMPTY_PATH);

	if (err == 0 && look.short_by && is_file(fd, base.last))
		ret->st_size -= (off_t)look.short_by;
	return err;
}

int fstatat(int fd, const char *name, struct stat *ret, int flags)
{
	return fails() ? -1 : (int)syscall(SYS_newfstatat, fd, name, ret, flags);
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	ssize_t n = fails() ? -1 : syscall(SYS_pread64, fd, data, len, offset);

	if (!look.change_at || n <= 0 || !is_file(fd, FILE_SEALS) ||
	    ++look.seals_reads < look.change_at)
		return n;
	if (look.end && (size_t)(offset + n) > look.end)
		return (size_t)offset < look.end ? (ssize_t)look.end - offset : 0;
	if (look.seals_reads > look.change_at || look.change_byte < (size_t)offset ||
	    look.change_byte >= (size_t)(offset + n))
		return n;
	((uint8_t *)data)[look.change_byte - (size_t)offset] ^= look.change_by;
	if (look.change_byte >= 160 && look.change_byte % 160 >= 8)
		fix_seal_crc((uint8_t *)data + (look.change_byte / 160 * 160 - (size_t)offset));
	return n;
}

struct dirent *readdir(DIR *dir)
{
	static struct dirent *(*real)(DIR *);

	if (!real)
		real = (struct dirent * (*)(DIR *)) dlsym(RTLD_NEXT, "readdir");
	return fails() ? NULL : real(dir);
}

int flock(int fd, int operation)
{
	if (!look.armed)
		return (int)syscall(SYS_flock, fd, operation);
	errno = EWOULDBLOCK;
	return look.busy & 1u << look.flock_calls++ ? -1 : 0;
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, void *(*run)(void *), void *arg)
{
	static int (*real)(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pthread_create");
	return fails() ? EAGAIN : real(thread, attr, run, arg);
}

int sodium_init(void)
{
	static int (*real)(void);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sodium_init");
	return look.no_sodium ? -1 : real();
}

#ifndef __SANITIZE_ADDRESS__ /* which has its own */
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t len)
{
	return fails() ? NULL : __libc_malloc(len);
}

void *calloc(size_t count, size_t len)
{
	return fails() ? NULL : __libc_calloc(count, len);
}

void *realloc(void *old, size_t len)
{
	return fails() ? NULL : __libc_realloc(old, len);
}

void *aligned_alloc(size_t alignment, size_t len)
{
	return fails() ? NULL : __libc_memalign(alignment, len);
}
#endif

/* --- every call ---------------------------------------------------------------------------------
 */

static const char *held_files[3];
static struct chain_verify_options options;

static void no_news(void *ctx, const struct chain_progress *progress)
{
	(void)ctx, (void)progress;
}

static int count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

/* One call after the other fails: an error, or what is told when nothing fails. */
static int fail_every_call(int error)
{
	struct chain_report good, report;
	int errors = 0, descriptors = count_descriptors();

	memset(&look, 0, sizeof(look));
	ck_assert_int_eq(chain_verify(&options, &good, &chain_err), 0);
	for (int at = 1;; at++) {
		int code;

		look = (typeof(look)){ .armed = true, .at = at, .error = error };
		code = chain_verify(&options, &report, &chain_err);
		look.armed = false;
		ck_assert_int_eq(count_descriptors(), descriptors);
		if (code) {
			ck_assert_msg(code == -error || code == -ENOMEM || code == -EAGAIN,
				      "call %d: %s", at, strerror(-code));
			errors++;
		} else {
			ck_assert_msg(memcmp(&good, &report, sizeof(good)) == 0, "call %d: %s", at,
				      tell(&report));
		}
		if (look.count < at)
			break;
	}
	return errors;
}

static void hold_checkpoint(const char *name)
{
	const struct file *note = image_file(&base.image, "checkpoint");

	spew(name, note->data, note->len);
	held_files[0] = file_path(name);
	held_files[1] = NULL;
	options.checkpoints = held_files;
}

static void setup(void)
{
	make_base(BASE_RECOVERED);
	memset(&look, 0, sizeof(look));
	options = (struct chain_verify_options){ .dir = chain_path,
						 .threads = 1,
						 .progress = no_news };
	hold_checkpoint("../held");
}

START_TEST(no_call_that_failed_is_believed)
{
	ck_assert_int_gt(fail_every_call(EIO), 30);
	options.threads = 4;
	ck_assert_int_gt(fail_every_call(EIO), 30);
	options.checkpoints = NULL;
	options.progress = NULL;
	unlink(file_path("seals"));
	ck_assert_int_gt(fail_every_call(EACCES), 5);
}
END_TEST

START_TEST(no_libsodium)
{
	struct chain_report report;

	look.no_sodium = true;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), -ENOSYS);
	ck_assert_str_eq(chain_err.text, "libsodium does not start");
	look.no_sodium = false;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	ck_assert_str_eq(chain_err.text, "");
	ck_assert_int_eq(chain_verify(&options, &report, NULL), 0);
}
END_TEST

/* A writer that was there at the beginning, or came since. */
START_TEST(lock_is_looked_at_twice)
{
	for (unsigned busy = 0; busy < 4; busy++) {
		struct chain_report report;

		look = (typeof(look)){ .armed = true, .busy = busy };
		ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
		look.armed = false;
		ck_assert_int_eq(report.live, busy != 0);
	}
}
END_TEST

/* A file that has grown since it was opened has no bytes that do not count. */
START_TEST(file_grows)
{
	struct chain_report good, report;

	ck_assert_int_eq(chain_verify(&options, &good, &chain_err), 0);
	look.short_by = 20;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	look.short_by = 0;
	ck_assert_int_eq(memcmp(&report, &good, sizeof(good)), 0);
}
END_TEST

/* --- seals that are others when they are read again ---------------------------------------------
 */

/* What was told before, or that they changed: 1. */
static int check_change(const struct chain_report *good)
{
	struct chain_report report;

	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	if (memcmp(good, &report, sizeof(report)) == 0)
		return 0;
	ck_assert_int_eq(report.found, CHAIN_TAMPER);
	ck_assert_msg(strcmp(report.why, "seals changed while they were read") == 0, "%s",
		      tell(&report));
	return 1;
}

/* What was checked at first is what everything is held to, or the verifier says that it was not. */
START_TEST(seals_change)
{
	struct chain_report good;
	int reads, changed = 0, cut = 0;

	options.checkpoints = NULL;
	look.change_at = 1000;
	ck_assert_int_eq(chain_verify(&options, &good, &chain_err), 0);
	reads = look.seals_reads;
	ck_assert_int_eq(reads, 7); /* header, seals; again for the walk; for each of 4 segments */
	for (int at = 3; at <= reads; at++) {
		for (size_t byte = 160; byte < 160 * 10; byte += 4) {
			look = (typeof(look)){ .change_at = at,
					       .change_byte = byte,
					       .change_by = 1 };
			changed += check_change(&good);
		}
		for (size_t byte = 0; byte < 160 * 10; byte += 80) {
			look = (typeof(look)){ .change_at = at, .end = byte + 1 };
			cut += check_change(&good);
		}
	}
	/* All of what the walk reads; of what a segment reads, the seals it needs. */
	ck_assert_int_eq(changed, 861);
	ck_assert_int_eq(cut, 100);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_unreadable");
	TCase *tcase = tcase_create("unreadable");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, drop_base);
	tcase_add_test(tcase, no_call_that_failed_is_believed);
	tcase_add_test(tcase, no_libsodium);
	tcase_add_test(tcase, lock_is_looked_at_twice);
	tcase_add_test(tcase, file_grows);
	tcase_add_test(tcase, seals_change);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
