// SPDX-License-Identifier: Apache-2.0
#include "record/coverage.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define CPUS_MAX 8192 /* no kernel is built for more (NR_CPUS) */
#define HOLES	 64   /* remembered one by one, the latest; of older ones only how many there are */

struct hole {
	uint64_t from, to; /* numbers [from, to) have not come */
};

struct stream {	    /* one ring on one CPU */
	bool known; /* where it stands: always, but for a run whose beginning is gone */
	uint64_t base, lost_base; /* its number and losses when that became known */
	uint64_t next;		  /* highest number seen, plus one */
	uint64_t received;
	uint64_t confirmed; /* numbers that can no longer come: must be counted as lost */
	uint64_t given;	    /* by the counters: numbers given out */
	uint64_t settled;   /* of those, as of the heartbeat before */
	uint64_t lost;
	uint64_t accused; /* missing numbers that were reported as a gap */
	struct hole holes[HOLES];
	unsigned int hole_count, aged; /* the first `aged` were there at the heartbeat before */
	/* Numbers of the holes that found no place, and the end of the last of them. */
	uint64_t crowded, crowded_aged, crowded_end;
};

struct coverage {
	struct stream (*cpus)[RECORD_RINGS];
	uint32_t cpu_count;
	uint32_t run;
	bool running;
	bool joined; /* the run's beginning was pruned */
	bool beaten; /* counters that come now were read after the first record there is */
	bool paused; /* nobody reads the rings; not a window by itself */
	bool again;  /* a START of this run was the last record, */
	bool again_counted;
	uint64_t again_at; /* there */
	bool cut;	   /* START is the first record there is of its run */
	bool counted;	   /* the run has counters; events from a file have none */
	uint64_t misses;   /* of the run */
	uint64_t last_heartbeat;
	struct coverage_result result;
};

int coverage_open(struct coverage **ret)
{
	struct coverage *c = calloc(1, sizeof(*c));

	if (!c)
		return -ENOMEM;
	*ret = c;
	return 0;
}

void coverage_close(struct coverage *c)
{
	if (!c)
		return;
	free(c->cpus);
	free(c);
}

void coverage_join(struct coverage *c)
{
	c->joined = true;
}

__attribute__((format(printf, 4, 5))) static void
report_gap(struct coverage *c, uint64_t index, uint64_t count, const char *format, ...)
{
	va_list args;

	if (!c->result.gap) {
		c->result.gap_from = c->last_heartbeat;
		c->result.gap_to = index;
		va_start(args, format);
		vsnprintf(c->result.why, sizeof(c->result.why), format, args);
		va_end(args);
	}
	c->result.gap += count;
	if (c->result.gap < count)
		c->result.gap = UINT64_MAX; /* never back to none */
}

/* True when the record belongs to the run that is going on. */
static bool fits_run(struct coverage *c, uint64_t index, const struct record *r)
{
	if (c->joined && !c->running) {
		c->running = c->counted = true;
		c->run = r->run;
	}
	if (c->running && r->run == c->run)
		return true;
	report_gap(c, index, 1, "%s of run %08" PRIx32 " outside of it", record_type(r->kind)->name,
		   r->run);
	return false;
}

/* NULL when the CPU number cannot be, or memory is out: *err says so. */
static struct stream *streams_of(struct coverage *c, uint32_t cpu, int *err)
{
	void *grown;

	if (cpu >= CPUS_MAX)
		return NULL;
	if (cpu >= c->cpu_count) {
		grown = realloc(c->cpus, (cpu + 1) * sizeof(*c->cpus));
		if (!grown) {
			*err = -ENOMEM;
			return NULL;
		}
		c->cpus = grown;
		memset(c->cpus + c->cpu_count, 0, (cpu + 1 - c->cpu_count) * sizeof(*c->cpus));
		for (; c->cpu_count <= cpu; c->cpu_count++) {
			for (unsigned int i = 0; i < RECORD_RINGS; i++)
				c->cpus[c->cpu_count][i].known = !c->joined;
		}
	}
	return c->cpus[cpu];
}

static void drop_hole(struct stream *s, unsigned int i)
{
	memmove(s->holes + i, s->holes + i + 1, (s->hole_count - i - 1) * sizeof(*s->holes));
	s->hole_count--;
	if (i < s->aged)
		s->aged--;
}

static void confirm_oldest(struct stream *s)
{
	s->confirmed += s->holes[0].to - s->holes[0].from;
	drop_hole(s, 0);
}

static void add_hole(struct stream *s, uint64_t from, uint64_t to)
{
	if (s->hole_count == HOLES) {
		uint64_t count = s->holes[0].to - s->holes[0].from;

		if (s->aged)
			s->crowded_aged += count;
		else
			s->crowded += count;
		if (s->holes[0].to > s->crowded_end)
			s->crowded_end = s->holes[0].to;
		drop_hole(s, 0);
	}
	s->holes[s->hole_count++] = (struct hole){ from, to };
}

/* One of the numbers of which only the count is known? Who came twice here upsets the balance. */
static bool fill_crowded(struct stream *s, uint64_t seq)
{
	if (seq >= s->crowded_end || (!s->crowded && !s->crowded_aged))
		return false;
	if (s->crowded_aged)
		s->crowded_aged--;
	else
		s->crowded--;
	return true;
}

/* A number below the highest: it must fill a hole. False when it came before. */
static bool fill_hole(struct stream *s, uint64_t seq)
{
	for (unsigned int i = 0; i < s->hole_count; i++) {
		struct hole *h = &s->holes[i];

		if (seq < h->from || seq >= h->to)
			continue;
		if (seq == h->from && seq + 1 == h->to) {
			drop_hole(s, i);
		} else if (seq == h->from) {
			h->from++;
		} else if (seq + 1 == h->to) {
			h->to--;
		} else { /* split; the later part joins at the end, as young as can be */
			uint64_t end = h->to;

			h->to = seq;
			add_hole(s, seq + 1, end);
		}
		return true;
	}
	return fill_crowded(s, seq);
}

static int on_event(struct coverage *c, uint64_t index, const struct record *r)
{
	struct stream *s;
	int err = 0;

	c->result.events++;
	if (!fits_run(c, index, r))
		return 0;
	if (r->ring >= RECORD_RINGS || r->seq == UINT64_MAX) {
		report_gap(c, index, 1, "cpu %" PRIu32 ": no such ring or number", r->cpu);
		return 0;
	}
	s = streams_of(c, r->cpu, &err);
	if (!s) {
		if (!err)
			report_gap(c, index, 1, "no such CPU: %" PRIu32, r->cpu);
		return err;
	}
	s += r->ring;
	if (!s->known || r->seq < s->base) {
		if (r->seq >= s->next)
			s->next = r->seq + 1;
		return 0;
	}
	if (r->seq >= s->next) {
		if (r->seq > s->next)
			add_hole(s, s->next, r->seq);
		s->next = r->seq + 1;
	} else if (!fill_hole(s, r->seq)) {
		report_gap(c, index, 1, "cpu %" PRIu32 " ring %s: number %" PRIu64 " came twice",
			   r->cpu, record_ring_name(r->ring), r->seq);
		return 0;
	}
	s->received++;
	return 0;
}

static unsigned int ring_of_family(unsigned int family)
{
	static const uint8_t rings[RECORD_FAMILIES] = { 0, 0, 1, 0, 2, 0, 1, 2 };

	return rings[family];
}

/* From here on every number must come or be counted as lost. What is in flight now, or ahead of
 * these counters, is not asked for. */
static void know(struct stream *s, uint64_t given, uint64_t lost)
{
	s->known = true;
	s->base = given > s->next ? given : s->next;
	s->next = s->base;
	s->lost_base = lost;
}

static int on_counters(struct coverage *c, uint64_t index, const struct record *r)
{
	uint64_t values[RECORD_VALUES], lost[RECORD_RINGS] = { 0 };
	struct stream *s;
	int err = 0;

	if (!fits_run(c, index, r))
		return 0;
	if (record_unpack(r->values, values, RECORD_VALUES) != RECORD_VALUES) {
		report_gap(c, index, 1, "cpu %" PRIu32 ": malformed counters", r->cpu);
		return 0;
	}
	s = streams_of(c, r->cpu, &err);
	if (!s) {
		if (!err)
			report_gap(c, index, 1, "no such CPU: %" PRIu32, r->cpu);
		return err;
	}
	for (unsigned int f = 0; f < RECORD_FAMILIES; f++)
		lost[ring_of_family(f)] += values[RECORD_RINGS + RECORD_COUNTS * f + COUNT_LOST];
	for (unsigned int i = 0; i < RECORD_RINGS; i++) {
		if (!s[i].known && c->beaten)
			know(&s[i], values[i], lost[i]);
		if (values[i] < s[i].given || lost[i] < s[i].lost)
			report_gap(c, index, 1, "cpu %" PRIu32 " ring %s: counters went back",
				   r->cpu, record_ring_name(i));
		s[i].given = values[i];
		s[i].lost = lost[i];
	}
	return 0;
}

/* What was in flight at the heartbeat before has come by now, or is lost. */
static void settle(struct coverage *c, uint64_t index, uint32_t cpu, unsigned int ring)
{
	struct stream *s = &c->cpus[cpu][ring];
	uint64_t gone, missing;

	if (!s->known)
		return;
	while (s->aged)
		confirm_oldest(s);
	s->aged = s->hole_count;
	s->confirmed += s->crowded_aged;
	s->crowded_aged = s->crowded;
	s->crowded = 0;
	gone = s->confirmed + (s->settled > s->next ? s->settled - s->next : 0);
	s->settled = s->given;
	missing = gone > s->lost - s->lost_base ? gone - (s->lost - s->lost_base) : 0;
	if (missing <= s->accused)
		return;
	report_gap(c, index, missing - s->accused,
		   "cpu %" PRIu32 " ring %s: %" PRIu64 " numbers never came, %" PRIu64
		   " counted as lost",
		   cpu, record_ring_name(ring), gone, s->lost - s->lost_base);
	s->accused = missing; /* reported once */
}

static void settle_all(struct coverage *c, uint64_t index)
{
	for (uint32_t cpu = 0; cpu < c->cpu_count; cpu++) {
		for (unsigned int ring = 0; ring < RECORD_RINGS; ring++)
			settle(c, index, cpu, ring);
	}
	c->last_heartbeat = index;
}

static int on_heartbeat(struct coverage *c, uint64_t index, const struct record *r)
{
	if (!fits_run(c, index, r))
		return 0;
	/* The canary is an event whose record the heartbeat is. */
	if (r->canary == CANARY_SEEN) {
		struct record canary = { .kind = RECORD_OPEN,
					 .run = r->run,
					 .ring = RECORD_RINGS - 1,
					 .cpu = r->canary_cpu < CPUS_MAX ? (uint32_t)r->canary_cpu
									 : CPUS_MAX,
					 .seq = r->canary_seq };

		c->result.events--;
		if (on_event(c, index, &canary))
			return -ENOMEM;
	}
	if (r->misses > c->misses)
		c->misses = r->misses;
	settle_all(c, index);
	c->beaten = true;
	return 0;
}

/* The programs are off and the rings are drained: given = received + lost, exactly. */
static void balance(struct coverage *c, uint64_t index)
{
	for (uint32_t cpu = 0; cpu < c->cpu_count; cpu++) {
		for (unsigned int ring = 0; ring < RECORD_RINGS; ring++) {
			const struct stream *s = &c->cpus[cpu][ring];
			uint64_t found =
				s->base + s->received + (s->lost - s->lost_base) + s->accused;

			/* More, where the beginning is gone: what was in flight then is lost. */
			if (found == s->given || !s->known || (s->base && found > s->given))
				continue;
			report_gap(c, index, found > s->given ? found - s->given : s->given - found,
				   "cpu %" PRIu32 " ring %s: %" PRIu64 " given out, %" PRIu64
				   " received, %" PRIu64 " lost",
				   cpu, record_ring_name(ring), s->given, s->received, s->lost);
		}
	}
}

static void end_run(struct coverage *c)
{
	for (uint32_t cpu = 0; cpu < c->cpu_count; cpu++) {
		for (unsigned int ring = 0; ring < RECORD_RINGS; ring++)
			c->result.lost += c->cpus[cpu][ring].lost;
	}
	c->result.lost += c->misses;
	c->cpu_count = 0;
	c->misses = 0;
	c->running = c->joined = c->paused = false;
}

static void begin_run(struct coverage *c, uint64_t index, uint32_t run, bool counted)
{
	if (c->running) {
		c->result.open++;
		end_run(c);
	}
	c->cut = c->joined;
	c->running = true;
	c->joined = false;
	c->run = run;
	c->counted = counted;
	c->last_heartbeat = index;
}

/* A START of the run that is going on: with RESUME right behind it another collector goes on,
 * without it numbers begin anew. */
static void settle_start(struct coverage *c, bool resumed)
{
	if (c->again && !resumed)
		begin_run(c, c->again_at, c->run, c->again_counted);
	c->again = false;
}

int coverage_record(struct coverage *c, uint64_t index, const struct record *r)
{
	settle_start(c, (r->kind == RECORD_RESUME || r->kind == RECORD_START) && r->run == c->run);
	if (record_is_event(r->kind))
		return on_event(c, index, r);
	switch (r->kind) {
	case RECORD_START:
		c->again = c->running && c->run == r->run;
		if (c->again) {
			c->again_at = index;
			c->again_counted = r->cpus > 0;
		} else {
			begin_run(c, index, r->run, r->cpus > 0);
		}
		break;
	case RECORD_RESUME:
		c->joined |= c->cut && c->cpu_count == 0;
		c->paused = false;
		break;
	case RECORD_PAUSE:
		c->paused = fits_run(c, index, r);
		break;
	case RECORD_DISTURBED:
		if (r->reason == DISTURBED_STALLED)
			c->result.stalled++;
		else if (c->result.disturbed++ == 0)
			c->result.disturbed_at = index;
		break;
	case RECORD_COUNTERS:
		return on_counters(c, index, r);
	case RECORD_HEARTBEAT:
		return on_heartbeat(c, index, r);
	case RECORD_STOP:
		if (!fits_run(c, index, r))
			break;
		if (c->counted)
			balance(c, index);
		end_run(c);
		break;
	default:
		break;
	}
	return 0;
}

void coverage_end(struct coverage *c, bool live, struct coverage_result *ret)
{
	settle_start(c, false);
	if (c->running) {
		if (!live && !c->paused)
			c->result.open++;
		end_run(c);
	}
	*ret = c->result;
}
