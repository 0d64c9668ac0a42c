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

#include "chain/pack.h"

static struct {
	bool armed;
	int at, count; /* call number `at` fails, */
	bool rest;     /* and all after it */
	int error;
	int flock_calls;
	unsigned busy; /* bit n: somebody holds the lock at the n-th look */
	bool no_sodium;
	long online; /* processors; 0: as many as there are */
	/* a byte of this file is another one in that read of it */
	const char *file;
	int change_at, reads;
	size_t change_byte;
	uint8_t change_by;
	size_t end;	   /* from that read on, seals end there; 0: where they do */
	uint64_t short_by; /* files say that they are shorter than they are */
} look;

static bool fails(void)
{
	int count;

	if (!look.armed)
		return false;
	count = __atomic_add_fetch(&look.count, 1, __ATOMIC_RELAXED);
	if (count < look.at || (count > look.at && !look.rest))
		return false;
	errno = look.error;
	return true;
}

static bool is_file(int fd, const char *name)
{
	char path[160];

	return disk_path(fd, path) && strncmp(path, "/D/", 3) == 0 && strcmp(path + 3, name) == 0;
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

	if (!look.change_at || n <= 0 || !is_file(fd, look.file) || ++look.reads < look.change_at)
		return n;
	if (look.end && (size_t)(offset + n) > look.end)
		return (size_t)offset < look.end ? (ssize_t)look.end - offset : 0;
	if (look.reads > look.change_at || look.change_byte < (size_t)offset ||
	    look.change_byte >= (size_t)(offset + n))
		return n;
	((uint8_t *)data)[look.change_byte - (size_t)offset] ^= look.change_by;
	if (is_file(fd, FILE_SEALS) && look.change_byte % 160 >= 8)
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

long sysconf(int name)
{
	static long (*real)(int);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "sysconf");
	return look.online && name == _SC_NPROCESSORS_ONLN ? look.online : real(name);
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

/* What is given is not zero. */
static void *dirty(void *data, size_t len)
{
	return data ? memset(data, 0xa5, len) : NULL;
}

void *malloc(size_t len)
{
	return dirty(fails() ? NULL : __libc_malloc(len), len);
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
	return dirty(fails() ? NULL : __libc_memalign(alignment, len), len);
}
#endif

/* --- every call ---------------------------------------------------------------------------------
 */

static const char *held_files[2];
static char held_path[256];
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
static int fail_calls(int error, bool rest)
{
	struct chain_report good, report;
	int errors = 0, descriptors = count_descriptors();

	memset(&look, 0, sizeof(look));
	ck_assert_int_eq(chain_verify(&options, &good, &chain_err), 0);
	for (int at = 1;; at++) {
		int code;

		look = (typeof(look)){ .armed = true, .at = at, .rest = rest, .error = error };
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

static int fail_every_call(int error)
{
	fail_calls(error, true);
	return fail_calls(error, false);
}

static void hold_checkpoint(const char *name)
{
	const struct file *note = image_file(&base.image, "checkpoint");

	spew(name, note->data, note->len);
	snprintf(held_path, sizeof(held_path), "%s", file_path(name));
	held_files[0] = held_path;
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

static void pack(void)
{
	struct chain_packed packed;

	ck_assert_int_eq(chain_pack(chain_path, &packed, &chain_err), 0);
	ck_assert_uint_eq(packed.segments, 3);
}

START_TEST(no_call_that_failed_is_believed)
{
	ck_assert_int_gt(fail_every_call(EIO), 30);
	options.threads = 4;
	ck_assert_int_gt(fail_every_call(EIO), 30);
}
END_TEST

START_TEST(no_call_on_packed_ones)
{
	pack();
	ck_assert_int_gt(fail_every_call(EIO), 30);
	put_back(image_file(&base.image, SEG2)); /* both are there */
	ck_assert_int_gt(fail_every_call(EIO), 30);
}
END_TEST

START_TEST(no_call_where_something_is_missing)
{
	options.checkpoints = NULL;
	options.progress = NULL;
	unlink(file_path(SEG1));
	ck_assert_int_gt(fail_every_call(EIO), 30);
	unlink(file_path(SEG2));
	unlink(file_path(SEG3));
	ck_assert_int_gt(fail_every_call(EIO), 30);
	unlink(file_path("seals"));
	ck_assert_int_gt(fail_every_call(EACCES), 5);
}
END_TEST

/* More seals than are read at once: in one segment, passed over, and left when entries end. */
START_TEST(no_call_among_many_seals)
{
	struct chain *chain = open_chain(NULL);
	struct file_list list;
	int fd;

	for (uint64_t i = 0; i < 70; i++)
		append_sealed(chain, "\020x", i * 100 * MS);
	close_chain(chain, 7001 * MS);
	close_chain(open_chain(NULL), 0);
	options.checkpoints = NULL;
	ck_assert_int_gt(fail_every_call(EIO), 15);
	for (unsigned long long n = 1; n < 6; n++)
		rename(file_path(path_of("%016llx.seg", n)), file_path(path_of("%llu", n)));
	ck_assert_int_gt(fail_every_call(EIO), 15);
	fd = open(chain_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_eq(list_files(fd, &list), 0);
	close(fd);
	ck_assert_uint_eq(list.first, 6);
	for (unsigned long long n = 6; n <= list.last; n++)
		unlink(file_path(path_of("%016llx.seg", n)));
	for (unsigned long long n = 1; n < 4; n++)
		rename(file_path(path_of("%llu", n)), file_path(path_of("%016llx.seg", n)));
	ck_assert_int_gt(fail_every_call(EIO), 15);
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

/* --- threads: as many as asked for, or as there are processors; no more than segments
 * --------------
 */

static int parts;

static void *open_part(void *ctx)
{
	parts++;
	return ctx;
}

static int take_part(void *part, const struct chain_entry *entry)
{
	(void)part, (void)entry;
	return 0;
}

/* Each thread has a segment under way, and two are ready. */
static void expect_parts(unsigned threads, long online, int want)
{
	struct chain_report report;

	look = (typeof(look)){ .online = online };
	options.threads = threads;
	options.watch = (struct chain_watch){ &parts, open_part, NULL, take_part, NULL };
	parts = 0;
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	ck_assert_int_eq(parts, want);
}

static void *no_part(void *ctx)
{
	(void)ctx;
	return NULL;
}

START_TEST(no_room_for_a_part)
{
	struct chain_report report;

	options.watch = (struct chain_watch){ NULL, no_part, NULL, take_part, NULL };
	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), -ENOMEM);
}
END_TEST

START_TEST(threads)
{
	expect_parts(0, 3, 5);
	expect_parts(0, 1, 1);
	expect_parts(0, -1, 1);
	expect_parts(0, 1000, 6);
	expect_parts(2, 3, 4);
	expect_parts(5, 3, 6);
	for (unsigned long long n = 5; n < 80; n++)
		spew(path_of("%016llx.seg", n), "", 0);
	expect_parts(1000, 1, 66);
	expect_parts(64, 1, 66);
	expect_parts(63, 1, 65);
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
static int check_change(const struct chain_report *good, const char *why)
{
	struct chain_report report;

	ck_assert_int_eq(chain_verify(&options, &report, &chain_err), 0);
	if (memcmp(good, &report, sizeof(report)) == 0)
		return 0;
	ck_assert_int_eq(report.found, CHAIN_TAMPER);
	ck_assert_uint_lt(report.entries, good->entries);
	ck_assert_msg(!why || strcmp(report.why, why) == 0, "%s", tell(&report));
	return 1;
}

/* What was checked at first is what everything is held to, or the verifier says that it was not. */
START_TEST(seals_change)
{
	static const char changed_seals[] = "seals changed while they were read";
	static const uint8_t fields[] = { 0, 4, 8, 16, 24, 32, 64, 96 };
	struct chain_report good;
	int reads, changed = 0, cut = 0;

	options.checkpoints = NULL;
	look.file = FILE_SEALS;
	look.change_at = 1000;
	ck_assert_int_eq(chain_verify(&options, &good, &chain_err), 0);
	reads = look.reads;
	ck_assert_int_eq(reads, 7); /* header, seals; again for the walk; for each of 4 segments */
	for (int at = 3; at <= reads; at++) {
		for (size_t i = 0; i < 9 * sizeof(fields); i++) {
			look = (typeof(look)){ .file = FILE_SEALS,
					       .change_at = at,
					       .change_byte = 160 * (1 + i / sizeof(fields)) +
							      fields[i % sizeof(fields)],
					       .change_by = 1 };
			changed += check_change(&good, changed_seals);
		}
		for (size_t byte = 0; byte < 160 * 10; byte += 80) {
			look = (typeof(look)){ .file = FILE_SEALS,
					       .change_at = at,
					       .end = byte + 1 };
			cut += check_change(&good, changed_seals);
		}
	}
	/* All of what the walk reads; of what a segment reads, the seals it needs. */
	ck_assert_int_eq(changed, 180);
	ck_assert_int_eq(cut, 100);
}
END_TEST

/* A packed one is read again where dead bytes are looked at: never an error, never another verdict
 * than TAMPER. */
START_TEST(packed_bytes_change)
{
	static const char name[] = "0000000000000003.segz";
	struct chain_report good;
	int reads, changed = 0;
	struct stat st;

	pack();
	ck_assert_int_eq(stat(file_path(name), &st), 0);
	look = (typeof(look)){ .file = name, .change_at = 1000 };
	ck_assert_int_eq(chain_verify(&options, &good, &chain_err), 0);
	reads = look.reads;
	ck_assert_int_eq(reads, 3);
	for (int at = 1; at <= reads; at++) {
		for (size_t byte = 0; byte < (size_t)st.st_size; byte++) {
			look = (typeof(look)){ .file = name,
					       .change_at = at,
					       .change_byte = byte,
					       .change_by = 0x10 };
			changed += check_change(&good, NULL);
		}
	}
	ck_assert_int_gt(changed, st.st_size);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_unreadable");
	TCase *tcase = tcase_create("unreadable");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, drop_base);
	tcase_add_test(tcase, no_call_that_failed_is_believed);
	tcase_add_test(tcase, no_call_on_packed_ones);
	tcase_add_test(tcase, no_call_where_something_is_missing);
	tcase_add_test(tcase, no_call_among_many_seals);
	tcase_add_test(tcase, no_libsodium);
	tcase_add_test(tcase, no_room_for_a_part);
	tcase_add_test(tcase, threads);
	tcase_add_test(tcase, lock_is_looked_at_twice);
	tcase_add_test(tcase, file_grows);
	tcase_add_test(tcase, seals_change);
	tcase_add_test(tcase, packed_bytes_change);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
