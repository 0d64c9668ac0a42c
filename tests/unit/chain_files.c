// SPDX-License-Identifier: Apache-2.0
/*
 * A chain's files as they are found: names, segments plain and packed, and the same bytes in both.
 * The calls by which they are looked at are taken over here (this program's symbols come before the
 * C library's).
 */
#include "chain_zip.h"

#include <dlfcn.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sodium.h>

#include "chain/files.h"
#include "chain/published.h"
#include "chain/reader.h"
#include "chain/segment_file.h"

static const char *hidden[2]; /* names that a listing does not tell */
static const char *shown;     /* a name that it tells as well */
static int read_error, lock_error;
static int unread = -1; /* of this descriptor alone */

struct dirent *readdir(DIR *dir)
{
	static struct dirent *(*real)(DIR *);
	static struct dirent more;
	struct dirent *entry;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "readdir");
	if (shown) {
		more.d_type = '.'; /* what stands before the name */
		strcpy(more.d_name, shown);
		shown = NULL;
		return &more;
	}
	do {
		entry = real(dir);
	} while (entry && ((hidden[0] && strcmp(entry->d_name, hidden[0]) == 0) ||
			   (hidden[1] && strcmp(entry->d_name, hidden[1]) == 0)));
	return entry;
}

ssize_t pread(int fd, void *data, size_t len, off_t offset)
{
	static ssize_t (*real)(int, void *, size_t, off_t);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "pread");
	if (read_error && (unread < 0 || fd == unread)) {
		errno = read_error;
		return -1;
	}
	return real(fd, data, len, offset);
}

int flock(int fd, int operation)
{
	static int (*real)(int, int);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "flock");
	if (lock_error) {
		errno = lock_error;
		return -1;
	}
	return real(fd, operation);
}

#ifndef __SANITIZE_ADDRESS__ /* which has its own */
static bool no_memory;
void *__libc_malloc(size_t);

void *malloc(size_t len)
{
	return no_memory ? NULL : __libc_malloc(len);
}
#endif

static int chain_dir;

static void setup(void)
{
	use_test_dir();
	ck_assert_int_eq(mkdir(chain_path, 0700), 0);
	chain_dir = open(chain_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(chain_dir, 0);
}

static void teardown(void)
{
	close(chain_dir);
	drop_test_dir();
}

static struct file_list list(void)
{
	struct file_list ret;

	ck_assert_int_eq(list_files(chain_dir, &ret), 0);
	return ret;
}

static void assert_range(uint64_t first, uint64_t last)
{
	struct file_list l = list();

	ck_assert_uint_eq(l.first, first);
	ck_assert_uint_eq(l.last, last);
}

static int descriptors(void)
{
	int n = dup(0);

	close(n); /* the lowest that is free */
	return n;
}

/* --- names ----------------------------------------------------------------------------------- */

START_TEST(counts)
{
	struct file_list l;

	spew(SEG2, "", 0);
	spew(ZIP2, "", 0);
	spew(ZIP3, "", 0);
	spew(SEG4, "", 0);
	l = list();
	ck_assert_uint_eq(l.count, 4);
	ck_assert_uint_eq(l.packed, 2);
	ck_assert_uint_eq(l.first, 2);
	ck_assert_uint_eq(l.last, 4);
	ck_assert_uint_eq(l.stray, 0);
	spew("seals.tmp", "", 0);
	spew(".tmp", "", 0);
	ck_assert_uint_eq(list().stray, 0);
	shown = "tmp"; /* what is before it is no part of it */
	ck_assert_uint_eq(list().stray, 1);
}
END_TEST

/* What a listing misses, because it is packed meanwhile, is looked for: at both ends. */
START_TEST(missed)
{
	static const char *const names[] = { SEG2, ZIP2, SEG5, "0000000000000005.segz" };

	spew(SEG3, "", 0);
	spew(SEG4, "", 0);
	assert_range(3, 4);
	for (int i = 0; i < 4; i++) {
		spew(names[i], "", 0);
		hidden[0] = names[i];
		assert_range(i < 2 ? 2 : 3, i < 2 ? 4 : 5);
		unlink(file_path(names[i]));
	}
	/* several, one after the other; but nothing beyond a gap */
	for (const char *name = "126789"; *name; name++)
		spew(path_of("../D/000000000000000%c.seg", *name), "", 0);
	hidden[0] = SEG1;
	hidden[1] = SEG2;
	unlink(file_path(SEG5));
	unlink(file_path(SEG3));
	unlink(file_path(SEG4));
	assert_range(6, 9);
	spew(SEG3, "", 0);
	assert_range(1, 9);
	hidden[0] = "0000000000000009.seg";
	hidden[1] = "0000000000000008.seg";
	assert_range(1, 9);
}
END_TEST

/* There is no number 0, and none behind the last. */
START_TEST(ends_of_numbers)
{
	spew("0000000000000000.seg", "", 0);
	assert_range(0, 0);
	spew(SEG1, "", 0);
	assert_range(1, 1);
	hidden[0] = SEG1; /* none is seen: none is there */
	assert_range(0, 0);
	spew("ffffffffffffffff.seg", "", 0);
	assert_range(UINT64_MAX, UINT64_MAX);
}
END_TEST

START_TEST(no_regular_files)
{
	uint64_t size;

	ck_assert_int_eq(mkdir(file_path("sub"), 0700), 0);
	ck_assert_int_eq(symlink("seals", file_path("link")), 0);
	ck_assert_int_eq(mkfifo(file_path("pipe"), 0600), 0);
	ck_assert_int_eq(open_regular(chain_dir, "sub", O_RDWR, &size), -EINVAL);
	ck_assert_int_eq(open_regular(chain_dir, "sub", O_RDONLY, &size), -EINVAL);
	ck_assert_int_eq(open_regular(chain_dir, "link", O_RDONLY, &size), -EINVAL);
	ck_assert_int_eq(open_regular(chain_dir, "pipe", O_RDONLY, &size), -EINVAL);
	ck_assert_int_eq(open_regular(chain_dir, "pipe", O_WRONLY, &size), -EINVAL);
	ck_assert_int_eq(open_regular(chain_dir, "none", O_RDONLY, &size), -ENOENT);
}
END_TEST

START_TEST(locks)
{
	ck_assert_int_eq(chain_is_live(chain_path), 0);
	ck_assert_int_eq(chain_is_live(file_path("none")), -ENOENT);
	lock_error = EWOULDBLOCK;
	ck_assert_int_eq(chain_is_live(chain_path), 1);
	lock_error = ENOLCK;
	ck_assert_int_eq(chain_is_live(chain_path), -ENOLCK);
}
END_TEST

/* Whatever is no note by its size or its kind is none; what is not there is not there. */
START_TEST(no_notes)
{
	uint8_t *text, *big = calloc(1, NOTE_MAX + 1);
	struct note note;

	spew("big", big, NOTE_MAX + 1);
	spew("bad", "x\n", 2);
	free(big);
	ck_assert_int_eq(read_note(file_path("big"), &note, &text, &chain_err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "big is no signed note"));
	ck_assert_int_eq(read_note(chain_path, &note, &text, &chain_err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "D is no signed note"));
	ck_assert_int_eq(read_note(file_path("bad"), &note, &text, &chain_err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "bad: line "));
	ck_assert_int_eq(read_note(file_path("none"), &note, &text, &chain_err), -ENOENT);
	ck_assert_ptr_nonnull(strstr(chain_err.text, "No such file"));
}
END_TEST

/* --- a segment ------------------------------------------------------------------------------- */

static uint8_t *noise(size_t len)
{
	uint8_t *data = malloc(len + 1);

	srand(5);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)rand();
	return data;
}

static void put_header(uint8_t *data, uint64_t number)
{
	struct segment_header header = { .number = number };

	segment_header_encode(&header, data);
}

/* What cannot be opened leaves nothing open, and says why. */
START_TEST(cannot_be_opened)
{
	uint8_t head[SEGMENT_HEADER_MIN];
	struct segment segment;
	struct rlimit limit, none;
	int lowest = descriptors();
	const char *why;

	put_header(head, 7);
	spew(SEG1, head, sizeof(head));
	ck_assert_int_eq(segment_open(chain_dir, 1, &segment, &why), -EBADMSG);
	ck_assert_str_eq(why, "segment header has another number than the file name");
	ck_assert_int_eq(segment.fd, -1);
	ck_assert_int_eq(descriptors(), lowest);
	spew(SEG1, head, sizeof(head) - 1);
	ck_assert_int_eq(segment_open(chain_dir, 1, &segment, &why), -EBADMSG);
	ck_assert_int_eq(descriptors(), lowest);
	read_error = EIO;
	ck_assert_int_eq(segment_open(chain_dir, 1, &segment, &why), -EIO);
	ck_assert_str_eq(why, "segment cannot be read");
	read_error = 0;
	ck_assert_int_eq(descriptors(), lowest);
	spew(ZIP2, "INDSEGZ1", 8);
	ck_assert_int_eq(segment_open(chain_dir, 2, &segment, &why), -EBADMSG);
	ck_assert_str_eq(why, "packed segment is cut short");
	ck_assert_int_eq(segment.fd, -1);
	ck_assert_int_eq(descriptors(), lowest);
	ck_assert_int_eq(segment_open(chain_dir, 3, &segment, &why), -ENOENT);
	ck_assert_str_eq(why, "segment is missing");
	ck_assert_int_eq(mkdir(file_path(SEG4), 0700), 0);
	ck_assert_int_eq(segment_open(chain_dir, 4, &segment, &why), -EINVAL);
	ck_assert_str_eq(why, "segment is not a regular file");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	ck_assert_int_eq(segment_open(chain_dir, 1, &segment, &why), -EMFILE);
	ck_assert_str_eq(why, "segment cannot be opened");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
}
END_TEST

static struct segment open_plain(uint64_t number)
{
	struct segment segment;
	const char *why;

	ck_assert_int_eq(segment_open_plain(chain_dir, number, &segment, &why), 0);
	return segment;
}

/* Of any part of it, and of no more. */
START_TEST(hash)
{
	static const size_t lens[] = { 0, 1, 16383, 16384, 16385, 40000, 49999, 50000, 60000 };
	size_t all = 50000;
	uint8_t *data = noise(all), want[32], got[32];
	struct segment segment;

	spew(SEG1, data, all);
	segment = open_plain(1);
	for (size_t at = 0; at < 20001; at += 10000)
		for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
			size_t len = lens[i] < all - at ? lens[i] : all - at;

			crypto_hash_sha256(want, data + at, len);
			ck_assert_int_eq(segment_hash(&segment, at, lens[i], got), 0);
			ck_assert_mem_eq(got, want, 32);
		}
	ck_assert_int_eq(segment_read(&segment, got, 1, UINT64_MAX), 0);
	ck_assert_int_eq(segment_read(&segment, got, 1, all), 0);
	read_error = EIO;
	ck_assert_int_eq(segment_hash(&segment, 0, all, got), -EIO);
	read_error = 0;
	segment_close(&segment);
	free(data);
}
END_TEST

/* --- both forms ------------------------------------------------------------------------------ */

#define AT_ONCE (64u << 10) /* so much is compared */

static int compare(const char **why)
{
	*why = "untouched";
	return segment_compare(chain_dir, 1, why);
}

static void spew_zip(uint8_t *data, size_t len, size_t bad)
{
	size_t packed;
	uint8_t *zipped = zip(data, len, 6, 0, &packed);

	if (bad)
		zipped[bad] ^= 1;
	spew(ZIP1, zipped, packed);
	free(zipped);
}

static const size_t sizes[] = { 1000,	     AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE - 1,
				2 * AT_ONCE, 200000 };

static void differ(void)
{
	const char *why;

	ck_assert_int_eq(compare(&why), -EBADMSG);
	ck_assert_str_eq(why, "plain and packed segment differ");
}

/* Whatever the size: a byte in any place, more bytes, fewer bytes. */
START_TEST(the_same)
{
	size_t len = sizes[_i], at[] = { 0, len / 2, AT_ONCE - 1, AT_ONCE, len - 1 };
	uint8_t *data = noise(len + AT_ONCE + 1);
	struct segment plain, packed;
	const char *why;

	put_header(data, 1);
	spew_zip(data, len, 0);
	ck_assert_int_eq(segment_open(chain_dir, 1, &packed, &why), 0);
	spew(SEG1, data, len);
	plain = open_plain(1);
	why = "untouched";
	ck_assert_int_eq(segment_same(&plain, &packed, &why), 0);
	ck_assert_str_eq(why, "untouched");
	segment_close(&plain);
	segment_close(&packed);
	unlink(file_path(ZIP1));
	ck_assert_int_eq(compare(&why), 0); /* there are not both */
	spew_zip(data, len, 0);
	ck_assert_int_eq(compare(&why), 0);
	for (size_t i = 0; i < 5; i++) {
		if (at[i] >= len)
			continue;
		data[at[i]] ^= 0x10;
		spew(SEG1, data, len);
		differ();
		data[at[i]] ^= 0x10;
	}
	for (size_t i = 0; i < 3; i++) {
		size_t more = (size_t[]){ 1, 100, AT_ONCE }[i];

		spew(SEG1, data, len + more);
		differ();
		if (more < len) {
			spew(SEG1, data, len - more);
			differ();
		}
	}
	unlink(file_path(SEG1));
	ck_assert_int_eq(compare(&why), 0);
	free(data);
}
END_TEST

/* The packed one has to be whole, and readable. */
START_TEST(not_whole)
{
	size_t len = sizes[_i];
	uint8_t *data = noise(len);
	struct segment plain, packed;
	const char *why;
	int lowest;

	put_header(data, 1);
	spew(SEG1, data, len);
	spew_zip(data, len, 8);
	ck_assert_int_eq(compare(&why), -EBADMSG);
	ck_assert_str_eq(why, "bad crc of a packed segment");
	spew_zip(data, len, 33); /* the stream's head */
	ck_assert_int_eq(compare(&why), -EBADMSG);
	ck_assert_str_ne(why, "untouched");
	ck_assert_str_ne(why, "plain and packed segment differ");
	lowest = descriptors();
	spew_zip(data, len, 0);
	unlink(file_path(SEG1));
	ck_assert_int_eq(segment_open(chain_dir, 1, &packed, &why), 0);
	spew(SEG1, data, len);
	plain = open_plain(1);
	read_error = EIO;
	ck_assert_int_eq(segment_same(&plain, &plain, &why), -EIO);
	unread = plain.fd; /* of a plain one that cannot be read nothing is known */
	ck_assert_int_eq(segment_same(&plain, &packed, &why), -EIO);
	read_error = 0;
	ck_assert_int_eq(segment_same(&plain, &packed, &why), 0);
#ifndef __SANITIZE_ADDRESS__
	no_memory = true; /* not for long: checking needs some, too */
	int err = segment_same(&plain, &packed, &why);
	no_memory = false;
	ck_assert_int_eq(err, -ENOMEM);
#endif
	segment_close(&plain);
	segment_close(&packed);
	ck_assert_int_eq(mkdir(file_path(SEG2), 0700), 0);
	ck_assert_int_eq(segment_compare(chain_dir, 2, &why), -EINVAL);
	ck_assert_int_eq(descriptors(), lowest);
	free(data);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chain_files");
	TCase *tcase = tcase_create("files");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, counts);
	tcase_add_test(tcase, missed);
	tcase_add_test(tcase, ends_of_numbers);
	tcase_add_test(tcase, no_regular_files);
	tcase_add_test(tcase, locks);
	tcase_add_test(tcase, no_notes);
	tcase_add_test(tcase, cannot_be_opened);
	tcase_add_test(tcase, hash);
	tcase_add_loop_test(tcase, the_same, 0, sizeof(sizes) / sizeof(*sizes));
	tcase_add_loop_test(tcase, not_whole, 0, sizeof(sizes) / sizeof(*sizes));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
