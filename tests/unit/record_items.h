/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RECORD_ITEMS_H
#define RECORD_ITEMS_H
/* A chain as far as coverage looks at it, and the kernel that counts beside it. */
#include "base_test.h"

#include "record/coverage.h"

#define CPUS	  3
#define ITEMS_MAX 4096
#define RUN	  0xabc

/* A chain, as far as coverage looks at it. */
static struct item {
	struct record r;
	uint8_t values[RECORD_VALUES * VARINT_MAX];
} items[ITEMS_MAX];
static size_t item_count;

static struct kernel { /* what the kernel would say */
	uint64_t seq[RECORD_RINGS];
	uint64_t lost[RECORD_FAMILIES];
} kernel[CPUS];

enum { PROCESS, FILES, CREDENTIAL, NETWORK, SELF, PERMISSION, KERNEL, LOGIN };
enum { MAIN_RING, CREDENTIAL_RING, SELF_RING };

static inline void setup(void)
{
	item_count = 0;
	memset(kernel, 0, sizeof(kernel));
}

static inline struct record *add(uint8_t kind)
{
	struct record *r = &items[item_count].r;

	ck_assert_uint_lt(item_count, ITEMS_MAX);
	item_count++;
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	r->run = RUN;
	return r;
}

static inline void add_start(void)
{
	add(RECORD_START)->cpus = CPUS;
}

static inline void add_event(uint32_t cpu, uint32_t ring, uint64_t seq)
{
	struct record *r = add(ring == CREDENTIAL_RING ? RECORD_SETUID : RECORD_OPEN);

	r->cpu = cpu;
	r->ring = ring;
	r->seq = seq;
}

/* The next event of that ring and CPU. */
static inline void happen(uint32_t cpu, uint32_t ring)
{
	add_event(cpu, ring, kernel[cpu].seq[ring]++);
}

static const uint8_t rings[RECORD_FAMILIES] = { [CREDENTIAL] = CREDENTIAL_RING,
						[SELF] = SELF_RING,
						[KERNEL] = CREDENTIAL_RING,
						[LOGIN] = SELF_RING };

static inline void lose(uint32_t cpu, uint32_t family)
{
	kernel[cpu].seq[rings[family]]++;
	kernel[cpu].lost[family]++;
}

static inline void add_counters_of(uint32_t cpu, const struct kernel *k)
{
	struct record *r = add(RECORD_COUNTERS);
	uint8_t *from = items[item_count - 1].values, *p = from;

	for (int i = 0; i < RECORD_RINGS; i++)
		p = put_varint(p, k->seq[i]);
	for (int i = 0; i < RECORD_FAMILIES; i++) {
		p = put_varint(p, 0); /* sent and filtered: nobody asks */
		p = put_varint(p, k->lost[i]);
		for (int count = COUNT_FILTERED; count < RECORD_COUNTS; count++)
			p = put_varint(p, 12345);
	}
	r->cpu = cpu;
	r->values = bytes_of(from, (size_t)(p - from));
}

static inline void add_counters(void)
{
	for (uint32_t cpu = 0; cpu < CPUS; cpu++)
		add_counters_of(cpu, &kernel[cpu]);
}

static inline void beat(void)
{
	add_counters();
	add(RECORD_HEARTBEAT);
}

static inline void add_stop(void)
{
	beat();
	add(RECORD_STOP);
}

#define NOBODY SIZE_MAX

/* The verdict on the chain without one item, or with one twice. */
static inline struct coverage_result judge_but(size_t without, size_t twice, bool live)
{
	struct coverage_result result;
	struct coverage *c;

	ck_assert_int_eq(coverage_open(&c), 0);
	for (size_t i = 0; i < item_count; i++) {
		if (i != without)
			ENSURE(!coverage_record(c, i, &items[i].r));
		if (i == twice)
			ENSURE(!coverage_record(c, i, &items[i].r));
	}
	coverage_end(c, live, &result);
	coverage_close(c);
	return result;
}

static inline struct coverage_result judge(void)
{
	return judge_but(NOBODY, NOBODY, false);
}

/* The same of a pruned chain, which begins with item `from`. */
static inline struct coverage_result judge_from(size_t from, size_t without, size_t twice)
{
	struct coverage_result result;
	struct coverage *c;

	ck_assert_int_eq(coverage_open(&c), 0);
	coverage_join(c);
	for (size_t i = from; i < item_count; i++) {
		if (i != without)
			ENSURE(!coverage_record(c, i, &items[i].r));
		if (i == twice)
			ENSURE(!coverage_record(c, i, &items[i].r));
	}
	coverage_end(c, false, &result);
	coverage_close(c);
	return result;
}

static inline void assert_result(struct coverage_result r, uint64_t events, uint64_t lost,
				 uint64_t open, uint64_t gap)
{
	ck_assert_msg(r.gap == gap, "gap %llu, not %llu: %s", (unsigned long long)r.gap,
		      (unsigned long long)gap, r.why);
	ck_assert_uint_eq(r.events, events);
	ck_assert_uint_eq(r.lost, lost);
	ck_assert_uint_eq(r.open, open);
	ck_assert_int_eq(r.why[0] != 0, gap != 0);
}

static inline void make_long_run(void)
{
	add_start();
	for (int i = 0; i < 40; i++) {
		happen((uint32_t)i % CPUS, (uint32_t)i % 2);
		if (i % 5 == 0)
			lose((uint32_t)i % CPUS, FILES);
		if (i % 4 == 3)
			beat();
	}
	add_stop();
}

static inline bool is_event_item(size_t i)
{
	return record_is_event(items[i].r.kind);
}

#endif
