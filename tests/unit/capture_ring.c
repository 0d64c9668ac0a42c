// SPDX-License-Identifier: Apache-2.0
/* The consumer of a BPF ring buffer against a producer in plain memory, laid out as
 * kernel/bpf/ringbuf.c maps it: consumer page, producer page, the data twice. */
#define _GNU_SOURCE
#include "base_test.h"

#include <errno.h>
#include <limits.h>
#include <linux/bpf.h>
#include <sys/mman.h>

#include "capture/ring.h"

#define SIZE   4096
#define HEADER 8

static struct ring ring;
static int fd;
static uint8_t *file; /* all of it, writable: the kernel's view */
static unsigned long *producer;
static size_t page;

static void setup(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	fd = memfd_create("ring", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(fd, (off_t)(2 * page + 2 * SIZE)), 0);
	file = mmap(NULL, 2 * page + 2 * SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(file, MAP_FAILED);
	producer = (void *)(file + page);
	ck_assert_int_eq(ring_open(&ring, fd, SIZE), 0);
}

static void teardown(void)
{
	ring_close(&ring);
	munmap(file, 2 * page + 2 * SIZE);
	close(fd);
}

/* One byte of data, in both mappings. */
static void put_byte(unsigned long position, uint8_t byte)
{
	file[2 * page + position % SIZE] = byte;
	file[2 * page + SIZE + position % SIZE] = byte;
}

static void put_header(unsigned long position, uint32_t len, uint32_t bits)
{
	uint32_t word = len | bits;

	for (int i = 0; i < 4; i++) {
		put_byte(position + (unsigned long)i, (uint8_t)(word >> (8 * i)));
		put_byte(position + 4 + (unsigned long)i, 0xee); /* page offset: not ours */
	}
}

static size_t room_of(uint32_t len)
{
	return (HEADER + len + 7) & ~(size_t)7;
}

/* What bpf_ringbuf_reserve and _commit do; where the record is. */
static unsigned long produce(uint32_t len, uint8_t fill, uint32_t bits)
{
	unsigned long at = *producer;

	put_header(at, len, bits);
	for (uint32_t i = 0; i < len; i++)
		put_byte(at + HEADER + i, fill);
	*producer = at + room_of(len);
	return at;
}

static const uint8_t *peek(size_t *len)
{
	*len = 77;
	return ring_peek(&ring, ring_end(&ring), len);
}

static void assert_next(uint32_t len, uint8_t fill)
{
	size_t got;
	const uint8_t *p = peek(&got);

	ENSURE(p && got == len);
	for (uint32_t i = 0; i < len; i++)
		ENSURE(p[i] == fill);
}

static void assert_nothing(void)
{
	size_t len;

	ck_assert_ptr_null(peek(&len));
	ck_assert_uint_eq(len, 77);
}

static unsigned long consumer(void)
{
	return *(unsigned long *)file;
}

START_TEST(empty_ring_gives_nothing)
{
	ck_assert_uint_eq(ring_end(&ring), 0);
	assert_nothing();
	ck_assert_uint_eq(consumer(), 0);
}
END_TEST

START_TEST(records_come_in_order_and_go_back_when_released)
{
	produce(13, 1, 0);
	produce(0, 0, 0);
	produce(8, 2, 0);
	assert_next(13, 1);
	assert_next(13, 1); /* looking takes nothing */
	ck_assert_uint_eq(consumer(), 0);
	ring_release(&ring);
	ck_assert_uint_eq(consumer(), 24);
	assert_next(0, 0);
	ring_release(&ring);
	ck_assert_uint_eq(consumer(), 32);
	assert_next(8, 2);
	ring_release(&ring);
	ck_assert_uint_eq(consumer(), ring_end(&ring));
	assert_nothing();
}
END_TEST

START_TEST(a_busy_record_stops_all_behind_it)
{
	unsigned long at = produce(8, 1, BPF_RINGBUF_BUSY_BIT);

	produce(8, 2, 0);
	assert_nothing();
	ck_assert_uint_eq(consumer(), 0);
	put_header(at, 8, 0); /* committed */
	assert_next(8, 1);
	ring_release(&ring);
	assert_next(8, 2);
}
END_TEST

START_TEST(a_discarded_record_is_skipped)
{
	produce(100, 9, BPF_RINGBUF_DISCARD_BIT);
	produce(0, 9, BPF_RINGBUF_DISCARD_BIT);
	produce(8, 1, 0);
	produce(16, 9, BPF_RINGBUF_DISCARD_BIT);
	assert_next(8, 1);
	ck_assert_uint_eq(consumer(), room_of(100) + room_of(0)); /* their room is free already */
	ring_release(&ring);
	assert_nothing();
	ck_assert_uint_eq(consumer(), ring_end(&ring));
}
END_TEST

START_TEST(a_discarded_record_that_is_still_busy_stops)
{
	produce(8, 9, BPF_RINGBUF_BUSY_BIT | BPF_RINGBUF_DISCARD_BIT);
	produce(8, 1, 0);
	assert_nothing();
	ck_assert_uint_eq(consumer(), 0);
}
END_TEST

START_TEST(nothing_is_taken_at_or_behind_the_limit)
{
	unsigned long second;
	size_t len;

	produce(8, 1, 0);
	second = produce(8, 2, 0);
	ck_assert_ptr_null(ring_peek(&ring, 0, &len));
	ck_assert_ptr_nonnull(ring_peek(&ring, second, &len));
	ring_release(&ring);
	ck_assert_ptr_null(ring_peek(&ring, second, &len));
	ck_assert_ptr_null(ring_peek(&ring, second + 15, &len)); /* would go beyond it */
	ck_assert_uint_eq(ring.held, 0);
	ck_assert_ptr_nonnull(ring_peek(&ring, second + 16, &len));
	ck_assert_uint_eq(len, 8);
}
END_TEST

START_TEST(discarded_records_behind_the_limit_are_left)
{
	unsigned long second;
	size_t len;

	produce(8, 9, BPF_RINGBUF_DISCARD_BIT);
	second = produce(8, 9, BPF_RINGBUF_DISCARD_BIT);
	ck_assert_ptr_null(ring_peek(&ring, second, &len));
	ck_assert_uint_eq(consumer(), second);
}
END_TEST

START_TEST(records_go_around_the_end)
{
	uint64_t seed = 1;
	size_t taken = 0;

	for (uint32_t i = 0; i < 20000; i++) {
		uint32_t len = (uint32_t)chance_below(&seed, 1000);
		bool is_discarded = chance_below(&seed, 5) == 0;

		produce(len, (uint8_t)i, is_discarded ? BPF_RINGBUF_DISCARD_BIT : 0);
		if (is_discarded) {
			ENSURE(!peek(&(size_t){ 0 }));
			continue;
		}
		assert_next(len, (uint8_t)i);
		ring_release(&ring);
		ENSURE(consumer() == *producer);
		taken++;
	}
	ck_assert_uint_gt(taken, 15000);
	ck_assert_uint_gt(consumer(), 1000 * SIZE);
}
END_TEST

START_TEST(positions_may_wrap)
{
	unsigned long near_end = ULONG_MAX - 63;

	ring_close(&ring);
	*(unsigned long *)file = *producer = near_end;
	ck_assert_int_eq(ring_open(&ring, fd, SIZE), 0); /* goes on where the last one stopped */
	ck_assert_uint_eq(ring.position, near_end);
	produce(40, 3, 0);
	assert_next(40, 3);
	ring_release(&ring);
	ck_assert_uint_eq(consumer(), near_end + 48);
}
END_TEST

START_TEST(open_takes_up_where_the_consumer_stopped)
{
	produce(8, 1, 0);
	produce(8, 2, 0);
	assert_next(8, 1);
	ring_release(&ring);
	ring_close(&ring);
	ck_assert_int_eq(ring_open(&ring, fd, SIZE), 0);
	assert_next(8, 2);
}
END_TEST

START_TEST(what_is_kept_is_there_for_the_next_one)
{
	ring.keeps = true;
	produce(8, 1, 0);
	produce(8, 2, 0);
	produce(8, 3, 0);
	for (uint8_t i = 1; i <= 3; i++) {
		assert_next(8, i);
		ring_release(&ring);
	}
	ck_assert_uint_eq(consumer(), 0);
	ck_assert(!ring_guard(&ring));
	ring_give_back(&ring, 16);
	ck_assert_uint_eq(consumer(), 16);
	assert_nothing();
	ring_close(&ring);
	ck_assert_int_eq(ring_open(&ring, fd, SIZE), 0);
	assert_next(8, 2);
	*(unsigned long *)file = 0; /* somebody else */
	ck_assert(ring_guard(&ring));
	ck_assert_uint_eq(consumer(), 16);
}
END_TEST

static void set_consumer(unsigned long position)
{
	*(unsigned long *)file = position;
}

/* Forward and back, seen by a look or by the next release; ours is put there again. */
START_TEST(a_second_consumer_is_noticed)
{
	ck_assert(!ring_guard(&ring));
	for (int i = 0; i < 3; i++) {
		unsigned long at = ring.position;

		produce(8, 1, 0);
		produce(8, 2, 0);
		assert_next(8, 1);
		ring_release(&ring);
		ck_assert(!ring_guard(&ring));
		set_consumer(i == 0 ? at : at + 32);
		if (i == 2) {
			assert_next(8, 2);
			ring_release(&ring);
		}
		ck_assert(ring_guard(&ring));
		ck_assert_uint_eq(consumer(), at + (i == 2 ? 32 : 16));
		ck_assert(!ring_guard(&ring)); /* told once */
		if (i < 2) {
			assert_next(8, 2);
			ring_release(&ring);
		}
	}
}
END_TEST

START_TEST(what_was_written_over_is_skipped)
{
	ck_assert(!ring_skip_overrun(&ring));
	produce(SIZE - HEADER, 1, 0);
	ck_assert(!ring_skip_overrun(&ring)); /* full to the last byte */
	set_consumer(ring_end(&ring));
	produce(0, 0, 0);
	ck_assert(ring_skip_overrun(&ring));
	ck_assert_uint_eq(consumer(), SIZE + HEADER);
	ck_assert(ring_guard(&ring));
	produce(8, 3, 0);
	assert_next(8, 3);
}
END_TEST

START_TEST(what_cannot_be_mapped_is_an_error)
{
	struct ring r = { .size = 5 };
	int small = memfd_create("small", MFD_CLOEXEC);

	ck_assert_int_eq(ring_open(&r, -1, SIZE), -EBADF);
	close(small);
	ck_assert_int_eq(ring_open(&r, small, SIZE), -EBADF);
	ck_assert_uint_eq(r.size, 5);
	memset(&r, 0, sizeof(r));
	ring_close(&r); /* never opened */
	ring_close(&ring);
	ring_close(&ring);
}
END_TEST

int main(void)
{
	const TTest *tests[] = {
		empty_ring_gives_nothing,
		records_come_in_order_and_go_back_when_released,
		a_busy_record_stops_all_behind_it,
		a_discarded_record_is_skipped,
		a_discarded_record_that_is_still_busy_stops,
		nothing_is_taken_at_or_behind_the_limit,
		discarded_records_behind_the_limit_are_left,
		records_go_around_the_end,
		positions_may_wrap,
		open_takes_up_where_the_consumer_stopped,
		what_is_kept_is_there_for_the_next_one,
		a_second_consumer_is_noticed,
		what_was_written_over_is_skipped,
		what_cannot_be_mapped_is_an_error,
	};

	return RUN_TESTS_WITH("capture_ring", tests, setup, teardown);
}
