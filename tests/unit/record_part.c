// SPDX-License-Identifier: Apache-2.0
/*
 * Coverage gathered in parts is that of the records one by one; how much a part takes; and what
 * happens where there is no memory (this program's allocator comes before the C library's).
 */
#include "record_items.h"

#include <errno.h>

#include "record/coverage_part.h"

/* From its sources: so much at most, and so much before it says that it is nearly full. */
#define FACTS	     (512 * 1024)
#define NEARLY_FACTS (FACTS - 1024)
#define NEARLY_BYTES (4 * 1024 * 1024)

static struct coverage *c;
static struct coverage_part *part;

static void open_both(void)
{
	setup();
	ck_assert_int_eq(coverage_open(&c), 0);
	ck_assert_int_eq(coverage_part_open(&part), 0);
}

static void close_both(void)
{
	coverage_part_close(part);
	coverage_close(c);
}

/* What the bytes of a record decode to, given to the part. */
static int gather(uint64_t index, const struct record *r)
{
	uint8_t bytes[2048];
	ssize_t len = record_encode(r, bytes, sizeof(bytes));
	struct record read;

	ENSURE(len > 0 && !record_decode(bytes_of(bytes, (size_t)len), &read));
	return coverage_part_record(part, index, &read, bytes_of(bytes, (size_t)len));
}

static struct coverage_result end(void)
{
	struct coverage_result result;

	coverage_end(c, false, &result);
	coverage_close(c);
	ck_assert_int_eq(coverage_open(&c), 0);
	return result;
}

/* --- the same -------------------------------------------------------------------------------- */

/* Places may be far from each other, and farther than a part can count in one go. */
static uint64_t place(uint64_t i, uint64_t apart)
{
	return 1000 + i * apart;
}

static struct coverage_result one_by_one(uint64_t apart)
{
	for (size_t i = 0; i < item_count; i++)
		ENSURE(!coverage_record(c, place(i, apart), &items[i].r));
	return end();
}

static struct coverage_result in_parts(uint64_t apart, size_t each)
{
	for (size_t i = 0; i < item_count; i++) {
		ENSURE(!gather(place(i, apart), &items[i].r));
		if (i % each == 0)
			ck_assert_int_eq(coverage_merge(c, part), 0);
	}
	ck_assert_int_eq(coverage_merge(c, part), 0);
	return end();
}

static void compare(void)
{
	static const uint64_t aparts[] = { 1, 1u << 31, UINT32_MAX, 1ull << 32, 1ull << 50 };

	for (size_t i = 0; i < sizeof(aparts) / sizeof(*aparts); i++) {
		struct coverage_result want = one_by_one(aparts[i]);

		for (size_t each = 1; each < 12; each += 5) {
			struct coverage_result got = in_parts(aparts[i], each);

			ck_assert_msg(memcmp(&got, &want, sizeof(want)) == 0,
				      "gap %llu at %llu, not %llu at %llu: %s",
				      (unsigned long long)got.gap, (unsigned long long)got.gap_to,
				      (unsigned long long)want.gap, (unsigned long long)want.gap_to,
				      got.why);
		}
	}
}

START_TEST(parts_make_no_difference)
{
	make_long_run();
	add(RECORD_ARCHIVE);
	add(RECORD_DISTURBED)->reason = DISTURBED_STALLED;
	add(RECORD_DISTURBED)->reason = DISTURBED_LINK;
	compare();
	ck_assert_uint_eq(one_by_one(1).gap, 0);
	ck_assert_uint_eq(one_by_one(1).stalled, 1);
	ck_assert_uint_eq(one_by_one(1).disturbed, 1);
	add_event(1, MAIN_RING, 0); /* after the end */
	compare();
	ck_assert_uint_eq(one_by_one(1).gap, 1);
}
END_TEST

START_TEST(pauses_make_no_difference)
{
	add_start();
	happen(0, MAIN_RING);
	add(RECORD_PAUSE);
	compare();
	ck_assert_uint_eq(one_by_one(1).open, 0);
	add_start();
	add(RECORD_RESUME);
	happen(0, MAIN_RING);
	add_stop();
	compare();
	ck_assert_uint_eq(one_by_one(1).open, 0);
}
END_TEST

/* Of what cannot be nothing is lost on the way. */
START_TEST(strange_rings_stay_strange)
{
	static const uint32_t strange[] = { RECORD_RINGS, 254, 255, 256, 257, 1u << 24 };

	for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
		setup();
		add_start();
		add_event(0, strange[i], 0);
		add_stop();
		compare();
		ck_assert_uint_eq(one_by_one(1).gap, 1);
	}
}
END_TEST

START_TEST(bytes_that_are_no_record)
{
	struct record r = { .kind = RECORD_COUNTERS };
	struct coverage_result result;

	ck_assert_int_eq(coverage_part_record(part, 0, &r, bytes_of_text("\001no")), 0);
	ck_assert_int_eq(coverage_merge(c, part), -EINVAL);
	ck_assert_int_eq(coverage_merge(c, part), 0); /* it is empty */
	result = end();
	ck_assert_uint_eq(result.gap, 0);
}
END_TEST

/* --- how much -------------------------------------------------------------------------------- */

START_TEST(full_of_events)
{
	struct coverage_result result;

	add_start();
	add_event(0, MAIN_RING, 0);
	for (int round = 0; round < 2; round++) { /* empty as at first when it was merged */
		/* there is room for the index that they are counted from, twice */
		for (size_t i = 1; i < FACTS - 1; i++) {
			int want = i + 1 < NEARLY_FACTS ? 0 : 1;

			ENSURE(gather(i, &items[1].r) == want);
		}
		ck_assert_int_eq(gather(FACTS - 1, &items[1].r), -ENOBUFS);
		ck_assert_int_eq(coverage_merge(c, part), 0);
		result = end();
		ck_assert_uint_eq(result.events, FACTS - 2);
		ck_assert_uint_eq(result.gap, FACTS - 2); /* without a run */
	}
}
END_TEST

START_TEST(full_of_bytes)
{
	uint8_t bytes[2048];
	ssize_t len;

	add_start();
	items[0].r.kind = RECORD_START;
	len = record_encode(&items[0].r, bytes, sizeof(bytes));
	ck_assert_int_gt(len, 0);
	for (int round = 0; round < 2; round++) {
		for (size_t n = (size_t)len; n < NEARLY_BYTES; n += (size_t)len)
			ENSURE(gather(0, &items[0].r) == 0);
		ck_assert_int_eq(gather(0, &items[0].r), 1);
		ck_assert_int_eq(coverage_merge(c, part), 0);
		end();
	}
}
END_TEST

/* What is not looked at takes no place. */
START_TEST(full_of_nothing)
{
	const uint8_t kinds[] = { RECORD_ARCHIVE, RECORD_PRUNE };

	for (size_t i = 0; i < 2 * FACTS; i++) {
		struct record r = { .kind = kinds[i % 2] };

		ENSURE(coverage_part_record(part, i, &r, bytes_of_text("\001")) == 0);
	}
}
END_TEST

/* --- without memory -------------------------------------------------------------------------- */

#ifndef __SANITIZE_ADDRESS__ /* which has its own */
static struct {
	bool armed;
	int at, count; /* call number `at` fails */
	int left;      /* what was taken and not given back */
} memory;

void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void __libc_free(void *);

static bool fails(void)
{
	return memory.armed && memory.count++ == memory.at;
}

static void *taken(void *data)
{
	memory.left += memory.armed && data;
	return data;
}

void *malloc(size_t len)
{
	return taken(fails() ? NULL : __libc_malloc(len));
}

void *calloc(size_t count, size_t len)
{
	return taken(fails() ? NULL : __libc_calloc(count, len));
}

void *realloc(void *old, size_t len)
{
	void *grown = fails() ? NULL : __libc_realloc(old, len);

	memory.left += memory.armed && grown && !old;
	return grown;
}

void free(void *data)
{
	memory.left -= memory.armed && data;
	__libc_free(data);
}

/* All that a verifier does, as far as it gets. */
static int use_all(void)
{
	struct coverage_result result;
	struct coverage_part *p = NULL;
	struct coverage *all = NULL;
	uint8_t bytes[512];
	int err = coverage_open(&all);

	if (err == 0)
		err = coverage_part_open(&p);
	for (size_t i = 0; err == 0 && i < item_count; i++) {
		ssize_t len = record_encode(&items[i].r, bytes, sizeof(bytes));

		err = coverage_part_record(p, i, &items[i].r, bytes_of(bytes, (size_t)len));
		if (err == 0 && i % 20 == 19)
			err = coverage_merge(all, p);
	}
	if (err == 0)
		err = coverage_merge(all, p);
	if (err == 0) {
		coverage_end(all, false, &result);
		err = result.gap || result.events != 40 ? -EBADMSG : 0;
	}
	coverage_part_close(p);
	coverage_close(all);
	return err;
}

/* Each call that asks for memory gets none once: that is the answer, and all is given back. */
START_TEST(every_failure_is_told)
{
	int err = -ENOMEM;

	make_long_run();
	for (int at = 0; err == -ENOMEM; at++) {
		memset(&memory, 0, sizeof(memory));
		memory.armed = true;
		memory.at = at;
		err = use_all();
		memory.armed = false;
		ck_assert_int_eq(err, memory.count > at ? -ENOMEM : 0);
		ck_assert_int_eq(memory.left, 0);
	}
	ck_assert_int_ge(memory.at, 6);
}
END_TEST

/* The first record that there is no memory for ends it, also where the next ones need none. */
START_TEST(a_failure_in_the_middle_is_told)
{
	for (int kind = 0; kind < 3; kind++) {
		struct record *r;

		setup();
		add_start();
		if (kind == 0) {
			add_event(0, MAIN_RING, 0);
		} else if (kind == 1) {
			add_counters_of(0, &kernel[0]);
		} else {
			r = add(RECORD_HEARTBEAT);
			r->canary = CANARY_SEEN;
		}
		add(RECORD_STOP);
		for (size_t i = 0; i < item_count; i++)
			ENSURE(!gather(i, &items[i].r));
		memset(&memory, 0, sizeof(memory));
		memory.armed = true;
		ck_assert_int_eq(coverage_merge(c, part), -ENOMEM);
		memory.armed = false;
		ck_assert_uint_eq(end().gap, 0); /* no word on the records */
	}
}
END_TEST
#endif

START_TEST(none_is_closed)
{
	coverage_part_close(NULL);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		parts_make_no_difference,
		pauses_make_no_difference,
		strange_rings_stay_strange,
		bytes_that_are_no_record,
		full_of_events,
		full_of_bytes,
		full_of_nothing,
#ifndef __SANITIZE_ADDRESS__
		every_failure_is_told,
		a_failure_in_the_middle_is_told,
#endif
		none_is_closed,
	};

	return RUN_TESTS_WITH("record_part", tests, open_both, close_both);
}
