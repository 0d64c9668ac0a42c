// SPDX-License-Identifier: Apache-2.0
/* Captured events in a file: all of them come back, and damage is said to be where it is. */
#define _GNU_SOURCE
#include "base_fuzz.h"

#include "../fuzz/event_file.c"

static union {
	struct event e;
	uint8_t bytes[sizeof(struct event) + EVENT_TEXT_MAX];
} room;

static struct event *make_event(uint64_t seq, size_t text)
{
	struct event *e = &room.e;

	memset(e, 0, sizeof(*e));
	e->seq = seq;
	e->run = 0xabc;
	e->kind = (uint8_t)(EVENT_EXEC + seq % (EVENT_KINDS - 1));
	e->ring = (uint8_t)(seq % RINGS);
	e->text[TEXT_PATH] = (uint16_t)(text / 3);
	e->text[TEXT_ARGV] = (uint16_t)(text - text / 3);
	e->size = (uint32_t)(sizeof(*e) + text);
	memset(e + 1, (int)seq, text);
	return e;
}

static const char *path(void)
{
	return test_path("events");
}

/* One event for each size of text, starting with 0. */
static void write_events(size_t count)
{
	struct event_writer *w;

	ck_assert_int_eq(event_writer_open(&w, path()), 0);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(event_writer_put(w, make_event(i, i)), 0);
	ck_assert_int_eq(event_writer_close(w), 0);
}

static size_t padded(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* Events that can be read, which must be the first ones; where the damage is said to be. */
static size_t read_events(uint64_t *ret_damage)
{
	const struct event *e;
	struct source *source;
	size_t n = 0;

	ck_assert_int_eq(event_file_open(&source, path()), 0);
	while ((e = source_next(source))) {
		make_event(n, n);
		ENSURE(e->size == room.e.size && !memcmp(e, &room, e->size));
		n++;
	}
	ck_assert_ptr_null(source_next(source)); /* and stays so */
	ck_assert_int_eq(source_wait(source, 100000), -ENODATA);
	*ret_damage = event_file_damage(source);
	source_close(source);
	return n;
}

static void assert_events(size_t count, uint64_t damage)
{
	uint64_t got;

	ck_assert_uint_eq(read_events(&got), count);
	ck_assert_uint_eq(got, damage);
}

static uint8_t image[65536];
static size_t image_len;

static void load(void)
{
	int fd = open(path(), O_RDONLY | O_CLOEXEC);

	image_len = (size_t)read(fd, image, sizeof(image));
	close(fd);
}

static void store(size_t len)
{
	write_test_file(path(), image, len);
}

START_TEST(what_was_written_is_read)
{
	struct source *source;

	write_events(40);
	assert_events(40, 0);
	ck_assert_int_eq(event_file_open(&source, path()), 0);
	ck_assert_uint_eq(source->info.run, 0xabc);
	ck_assert_uint_eq(source->info.cpus, 0); /* no counters */
	ck_assert_str_eq(source->info.hooks, "file");
	source_close(source);
}
END_TEST

START_TEST(the_largest_event_fits)
{
	struct event_writer *w;
	struct source *source;
	const struct event *e;

	ck_assert_int_eq(event_writer_open(&w, path()), 0);
	event_writer_put(w, make_event(0, EVENT_TEXT_MAX));
	ck_assert_int_eq(event_writer_close(w), 0);
	ck_assert_int_eq(event_file_open(&source, path()), 0);
	e = source_next(source);
	ck_assert_ptr_nonnull(e);
	ck_assert_uint_eq(e->size, sizeof(*e) + EVENT_TEXT_MAX);
	ck_assert_mem_eq(e, &room, e->size);
	source_close(source);
}
END_TEST

START_TEST(a_file_of_no_events_is_good)
{
	write_events(0);
	assert_events(0, 0);
}
END_TEST

START_TEST(a_file_answers_as_a_source_does)
{
	char err[8] = "kept";
	uint64_t fill[RINGS] = { 1, 2, 3 };
	struct source *source;

	write_events(1);
	ck_assert_int_eq(event_file_open(&source, path()), 0);
	ck_assert_int_eq(source_start(source, err, sizeof(err)), 0);
	ck_assert_str_eq(err, "kept");
	ck_assert_int_eq(source_wait(source, 100000), 1);
	source_mark(source);
	ck_assert(source_drained(source));
	ck_assert_uint_eq(source_counters(source, 5)->seq[0], 0);
	ck_assert_uint_eq(source_misses(source), 0);
	source_fill(source, fill);
	ck_assert_uint_eq(fill[0] + fill[1] + fill[2], 0);
	ck_assert_int_eq(source_stop(source), 0);
	source_close(source);
	source_close(NULL);
}
END_TEST

START_TEST(what_is_no_event_file_is_refused)
{
	struct source *source = (void *)1;

	ck_assert_int_eq(event_file_open(&source, test_path("missing")), -ENOENT);
	ck_assert_int_eq(event_file_open(&source, test_dir()), -EBADMSG);
	ck_assert_int_eq(mkfifo(test_path("fifo"), 0600), 0);
	ck_assert_int_eq(event_file_open(&source, test_path("fifo")), -EBADMSG);
	write_events(2);
	load();
	for (size_t len = 0; len < 8; len++) {
		store(len);
		ck_assert_int_eq(event_file_open(&source, path()), -EBADMSG);
	}
	for (size_t i = 0; i < 8; i++) { /* magic, version, the zero */
		image[i]++;
		store(image_len);
		ck_assert_int_eq(event_file_open(&source, path()), -EBADMSG);
		image[i]--;
	}
	ck_assert_ptr_eq(source, (void *)1);
	ck_assert_uint_eq(image[6], EVENT_VERSION);
}
END_TEST

START_TEST(a_file_cut_anywhere_keeps_the_events_before)
{
	size_t end[6] = { 8 };

	write_events(5);
	load();
	for (size_t i = 0; i < 5; i++)
		end[i + 1] = end[i] + padded(sizeof(struct event) + i);
	ck_assert_uint_eq(end[5], image_len);
	for (size_t len = 8; len <= image_len; len++) {
		size_t whole = 0;

		while (whole < 5 && end[whole + 1] <= len)
			whole++;
		store(len);
		assert_events(whole, len == end[whole] ? 0 : end[whole]);
	}
}
END_TEST

/* Overwrite a field of the third event; it and what follows is not believed. */
#define ASSERT_DAMAGING(field, value)                                                              \
	do {                                                                                       \
		struct event *e = (void *)(image + third);                                         \
                                                                                                   \
		write_events(5);                                                                   \
		load();                                                                            \
		e->field = (value);                                                                \
		store(image_len);                                                                  \
		assert_events(2, third);                                                           \
	} while (0)

START_TEST(a_damaged_event_in_the_middle_is_found)
{
	size_t third = 8 + 2 * sizeof(struct event) + 8;

	ASSERT_DAMAGING(size, 0);
	ASSERT_DAMAGING(size, sizeof(struct event) - 1);
	ASSERT_DAMAGING(size, e->size + 1);
	ASSERT_DAMAGING(size, e->size - 1);
	ASSERT_DAMAGING(size, UINT32_MAX);
	ASSERT_DAMAGING(kind, 0);
	ASSERT_DAMAGING(kind, EVENT_KINDS);
	ASSERT_DAMAGING(kind, 255);
	ASSERT_DAMAGING(ring, RINGS);
	ASSERT_DAMAGING(call, CALLS);
	ASSERT_DAMAGING(call, UINT32_MAX);
	ASSERT_DAMAGING(flags, 1u << EVENT_FLAGS);
	ASSERT_DAMAGING(flags, 1u << 31);
	ASSERT_DAMAGING(text[TEXT_PATH], e->text[TEXT_PATH] + 1);
	ASSERT_DAMAGING(text[TEXT_BASE], UINT16_MAX);
	ASSERT_DAMAGING(text[TEXT_ARGV], 0);
}
END_TEST

START_TEST(an_event_is_as_long_as_it_says)
{
	struct event *e = make_event(3, 10);

	e->size++; /* also where the texts fit */
	ck_assert(!event_is_whole(e, e->size - 1u));
	e->size--;
	ck_assert(event_is_whole(e, e->size));
	ck_assert(!event_is_whole(e, e->size + 1u));
	ck_assert(!event_is_whole(e, e->size - 1u));
	ck_assert(!event_is_whole(e, 0));
	ck_assert(!event_is_whole(e, SIZE_MAX));
}
END_TEST

START_TEST(padding_is_zeros)
{
	size_t third = 8 + 2 * sizeof(struct event) + 8, end;

	write_events(5);
	load();
	end = third + sizeof(struct event) + 2; /* six bytes of padding */
	for (size_t i = 0; i < 6; i++) {
		image[end + i] = 1;
		store(image_len);
		assert_events(2, third);
		image[end + i] = 0;
	}
}
END_TEST

START_TEST(a_writer_says_what_went_wrong)
{
	struct event_writer *w;

	ck_assert_int_eq(event_writer_open(&w, test_path("missing/events")), -ENOENT);
	ck_assert_int_eq(event_writer_close(NULL), 0);
	ck_assert_int_eq(event_writer_open(&w, "/dev/full"), 0);
	for (int i = 0; i < 100; i++)
		event_writer_put(w, make_event(0, 1000));
	ck_assert_int_lt(event_writer_put(w, make_event(0, 0)), 0);
	ck_assert_int_lt(event_writer_close(w), 0);
	ck_assert_int_eq(event_writer_open(&w, "/dev/full"), 0);
	ck_assert_int_lt(event_writer_close(w), 0); /* also when only the end failed */
}
END_TEST

START_TEST(captured_arguments_are_for_the_owner_alone)
{
	struct stat st;

	umask(0);
	write_events(1);
	ck_assert_int_eq(stat(path(), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(writing_replaces_what_was_there)
{
	write_events(5);
	write_events(1);
	assert_events(1, 0);
}
END_TEST

START_TEST(no_file_breaks_it)
{
	write_events(8);
	load();
	fuzz_around(LLVMFuzzerTestOneInput, image, image_len, 4000);
	memset(image + 8, 0, sizeof(image) - 8);
	fuzz_around(LLVMFuzzerTestOneInput, image, 1000, 1000);
	fuzz_noise(LLVMFuzzerTestOneInput, 1000, 500);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		what_was_written_is_read,
		the_largest_event_fits,
		a_file_of_no_events_is_good,
		a_file_answers_as_a_source_does,
		what_is_no_event_file_is_refused,
		a_file_cut_anywhere_keeps_the_events_before,
		a_damaged_event_in_the_middle_is_found,
		an_event_is_as_long_as_it_says,
		padding_is_zeros,
		a_writer_says_what_went_wrong,
		captured_arguments_are_for_the_owner_alone,
		writing_replaces_what_was_there,
		no_file_breaks_it,
	};

	return RUN_TESTS_WITH("capture_event_file", tests, NULL, drop_test_dir);
}
