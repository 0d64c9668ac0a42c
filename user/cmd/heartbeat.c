// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "cmd/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "capture/counters.h"
#include "cmd/takeup.h"

#define MINUTE 60	     /* heartbeats */
#define FEW    16	     /* events: more are told of at once, status goes by that */
#define TOLD   32	     /* disturbances in one heartbeat; more are told in the next */
#define LATE   3000000000ull /* ns between heartbeats, which should be one second apart */

struct heartbeat {
	struct source *source;
	bool open, all; /* write all counters, not only those that say something new */
	uint64_t number;
	char canary[64];
	enum record_canary canary_state;
	uint64_t canary_seq, canary_cpu;
	struct event_counters *read, *written; /* one a CPU */
	uint64_t (*next)[RINGS];	       /* number after the highest that came, one a CPU */
	uint64_t misses_read, misses_written;
	uint64_t fill[RINGS];
	uint64_t since; /* epoch ns of the last heartbeat */
	uint64_t begun; /* monotonic: the last one, 0 none */
	bool stalled, edited;
	struct source_trouble trouble[TOLD];
	size_t trouble_count;
	uint64_t lost; /* by the kernel, as of the last heartbeat */
};

int heartbeat_open(struct heartbeat **ret, struct source *source)
{
	struct heartbeat *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->source = source;
	h->all = true;
	h->read = calloc(source->info.cpus + 1, sizeof(*h->read));
	h->written = calloc(source->info.cpus + 1, sizeof(*h->written));
	h->next = calloc(source->info.cpus + 1, sizeof(*h->next));
	if (!h->read || !h->written || !h->next) {
		heartbeat_close(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void heartbeat_close(struct heartbeat *h)
{
	if (!h)
		return;
	free(h->read);
	free(h->written);
	free(h->next);
	free(h);
}

static void read_counters(struct heartbeat *h)
{
	for (uint32_t cpu = 0; cpu < h->source->info.cpus; cpu++) {
		const struct event_counters *now = source_counters(h->source, cpu);

		h->edited |= !counters_follow(&h->read[cpu], now, h->next[cpu]);
		h->read[cpu] = *now;
	}
	h->misses_read = source_misses(h->source);
	source_fill(h->source, h->fill);
	source_mark(h->source);
	h->trouble_count = source_check(h->source, h->trouble, TOLD);
	h->open = true;
}

void heartbeat_begin(struct heartbeat *h, uint64_t now)
{
	int fd;

	h->stalled = h->begun && now - h->begun > LATE;
	h->begun = now;
	source_flush(h->source, false);
	/* A file that cannot be: below a name that is no directory. */
	snprintf(h->canary, sizeof(h->canary), "/proc/version/indelible-canary-%08x-%llu",
		 h->source->info.run, (unsigned long long)++h->number);
	h->canary_state = CANARY_LATE;
	fd = open(h->canary, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	read_counters(h);
}

void heartbeat_begin_last(struct heartbeat *h)
{
	h->canary_state = CANARY_NONE;
	h->all = true;
	source_flush(h->source, true);
	read_counters(h);
}

bool heartbeat_is_open(const struct heartbeat *h)
{
	return h->open;
}

bool heartbeat_is_canary(struct heartbeat *h, const struct event *e)
{
	const char *text = (const char *)(e + 1) + e->text[TEXT_PATH];

	if (e->cpu < h->source->info.cpus && e->ring < RINGS && e->seq >= h->next[e->cpu][e->ring])
		h->next[e->cpu][e->ring] = e->seq + 1;
	if (e->ring != RING_SELF || e->kind != EVENT_OPEN || h->canary_state != CANARY_LATE ||
	    e->text[TEXT_CALLER] != strlen(h->canary) ||
	    memcmp(text, h->canary, e->text[TEXT_CALLER]) != 0)
		return false;
	h->canary_state = CANARY_SEEN;
	h->canary_seq = e->seq;
	h->canary_cpu = e->cpu;
	return true;
}

static uint8_t *put_values(uint8_t *p, const struct event_counters *c)
{
	for (int i = 0; i < RINGS; i++)
		p = put_varint(p, c->seq[i]);
	for (int i = 0; i < FAMILIES; i++) {
		p = put_varint(p, c->family[i].sent);
		p = put_varint(p, c->family[i].lost);
		p = put_varint(p, c->family[i].filtered);
		p = put_varint(p, c->family[i].folded);
		p = put_varint(p, c->family[i].withheld);
	}
	return p;
}

int heartbeat_unpack(const struct record *r, struct event_counters *ret)
{
	struct event_counters c = { 0 };
	uint64_t values[RECORD_VALUES];

	_Static_assert(sizeof(values) == sizeof(c.seq) + sizeof(c.family), "each counter is told");

	if (record_unpack(r->values, values, RECORD_VALUES) != RECORD_VALUES)
		return -EBADMSG;
	/* as put_values() wrote them */
	memcpy(c.seq, values, sizeof(c.seq));
	memcpy(c.family, values + RINGS, sizeof(c.family));
	*ret = c;
	return 0;
}

void heartbeat_go_on(struct heartbeat *h, const struct takeup *t)
{
	h->since = takeup_time(t);
	h->misses_written = h->lost = takeup_misses(t);
	for (uint32_t cpu = 0; cpu < h->source->info.cpus; cpu++) {
		h->written[cpu] = *takeup_counters(t, cpu);
		for (int f = 0; f < FAMILIES; f++)
			h->lost += h->written[cpu].family[f].lost;
	}
}

static int write_loss(struct heartbeat *h, struct pipeline *p, struct record *r, uint64_t now)
{
	r->kind = RECORD_LOSS;
	r->run = h->source->info.run;
	r->since = h->since;
	return pipeline_append(p, r, now);
}

/* What is new on a CPU in a family: withheld from a flood, or found no room. */
static int write_losses_of(struct heartbeat *h, struct pipeline *p, uint32_t cpu, uint32_t family,
			   uint64_t time, uint64_t now)
{
	struct record r = {
		.time = time, .cpu = cpu, .lost_family = family, .reason = LOSS_WITHHELD
	};
	uint64_t lost = h->read[cpu].family[family].lost - h->written[cpu].family[family].lost;
	int err = 0;

	r.count = h->read[cpu].family[family].withheld - h->written[cpu].family[family].withheld;
	if (r.count > lost)
		r.count = lost; /* it was counted, the loss not yet */
	lost -= r.count;
	if (r.count)
		err = write_loss(h, p, &r, now);
	r.reason = LOSS_RING_FULL;
	r.count = lost;
	if (r.count && !err)
		err = write_loss(h, p, &r, now);
	return err;
}

static int write_losses(struct heartbeat *h, struct pipeline *p, uint64_t time, uint64_t now)
{
	int err = 0;

	for (uint32_t cpu = 0; cpu < h->source->info.cpus; cpu++) {
		for (uint32_t f = 0; f < FAMILIES && !err; f++)
			err = write_losses_of(h, p, cpu, f, time, now);
	}
	if (!err && h->misses_read != h->misses_written) {
		/* The kernel does not say on which CPU, nor what was skipped. */
		struct record r = { .time = time,
				    .lost_family = FAMILIES,
				    .reason = LOSS_PROGRAM_SKIPPED,
				    .count = h->misses_read - h->misses_written };

		err = write_loss(h, p, &r, now);
	}
	h->misses_written = h->misses_read;
	return err;
}

/* Do records say already what is new on a CPU: a few events up to the numbers given out there, and
 * no more lost? What was sent by family and what was filtered is no evidence and can wait for the
 * next minute. An idle host then writes nothing but heartbeats. */
static bool is_told(const struct heartbeat *h, uint32_t cpu)
{
	const struct event_counters *read = &h->read[cpu], *written = &h->written[cpu];

	if (h->number % MINUTE == 0)
		return memcmp(read, written, sizeof(*read)) == 0;
	for (int i = 0; i < RINGS; i++) {
		if (read->seq[i] != written->seq[i] &&
		    (read->seq[i] > h->next[cpu][i] || read->seq[i] - written->seq[i] > FEW))
			return false;
	}
	for (int f = 0; f < FAMILIES; f++) {
		if (read->family[f].lost != written->family[f].lost)
			return false;
	}
	return true;
}

static int write_counters(struct heartbeat *h, struct pipeline *p, uint64_t time, uint64_t now)
{
	uint8_t values[RECORD_VALUES * VARINT_MAX];
	int err = 0;

	for (uint32_t cpu = 0; cpu < h->source->info.cpus && !err; cpu++) {
		struct record r = { .kind = RECORD_COUNTERS,
				    .time = time,
				    .run = h->source->info.run,
				    .cpu = cpu };

		if (!h->all && is_told(h, cpu))
			continue;
		h->written[cpu] = h->read[cpu];
		r.values = bytes_of(values, (size_t)(put_values(values, &h->read[cpu]) - values));
		err = pipeline_append(p, &r, now);
	}
	h->all = false;
	return err;
}

/* --- what was done to what collects -------------------------------------------------------------
 */

static const struct {
	enum source_harm harm;
	enum record_disturbance reason;
} reasons[] = {
	{ HARM_LINK, DISTURBED_LINK },
	{ HARM_PROGRAM, DISTURBED_PROGRAM },
	{ HARM_RING, DISTURBED_RING },
	{ HARM_SETTINGS, DISTURBED_SETTINGS },
};

static int write_disturbance(struct heartbeat *h, struct pipeline *p, struct record *r,
			     uint64_t now)
{
	r->kind = RECORD_DISTURBED;
	r->run = h->source->info.run;
	r->since = h->since;
	r->count = heartbeat_lost(h) - h->lost;
	return pipeline_append(p, r, now);
}

static int write_trouble(struct heartbeat *h, struct pipeline *p, uint64_t time, uint64_t now)
{
	int err = 0;

	for (size_t i = 0; i < h->trouble_count && !err; i++) {
		const struct source_trouble *t = &h->trouble[i];
		struct record r = { .time = time,
				    .name = bytes_of_text(t->name),
				    .result = t->result };

		for (size_t n = 0; n < sizeof(reasons) / sizeof(reasons[0]); n++) {
			if (reasons[n].harm == t->harm)
				r.reason = reasons[n].reason;
		}
		err = write_disturbance(h, p, &r, now);
	}
	h->trouble_count = 0;
	return err;
}

/* The canary may be lost like any event, or its program skipped; then the kernel says so. */
static bool canary_is_missing(const struct heartbeat *h)
{
	uint64_t lost = 0;

	for (uint32_t cpu = 0; cpu < h->source->info.cpus; cpu++)
		lost += h->read[cpu].family[FAMILY_SELF].lost -
			h->written[cpu].family[FAMILY_SELF].lost;
	return h->canary_state == CANARY_LATE && lost == 0 && h->misses_read == h->misses_written;
}

/* Before LOSS and COUNTERS are, which move on to what was read. */
static int write_disturbances(struct heartbeat *h, struct pipeline *p, uint64_t time, uint64_t now)
{
	const struct {
		bool is_so;
		enum record_disturbance reason;
	} found[] = {
		{ h->stalled, DISTURBED_STALLED },
		{ canary_is_missing(h), DISTURBED_CANARY },
		{ h->edited, DISTURBED_COUNTERS },
	};
	int err = 0;

	for (size_t i = 0; i < sizeof(found) / sizeof(found[0]) && !err; i++) {
		struct record r = { .time = time, .reason = found[i].reason };

		if (found[i].is_so)
			err = write_disturbance(h, p, &r, now);
	}
	h->stalled = h->edited = false;
	return err ? err : write_trouble(h, p, time, now);
}

int heartbeat_finish(struct heartbeat *h, struct pipeline *p, uint64_t time, uint64_t received,
		     uint64_t now)
{
	uint8_t fill[RINGS * VARINT_MAX], *end = fill;
	struct record r = { .kind = RECORD_HEARTBEAT,
			    .time = time,
			    .run = h->source->info.run,
			    .canary = h->canary_state,
			    .misses = h->misses_read,
			    .received = received };
	int err;

	h->open = false;
	if (h->canary_state == CANARY_SEEN) {
		r.canary_seq = h->canary_seq;
		r.canary_cpu = h->canary_cpu;
	}
	for (int i = 0; i < RINGS; i++)
		end = put_varint(end, h->fill[i]);
	r.fill = bytes_of(fill, (size_t)(end - fill));
	err = write_disturbances(h, p, time, now);
	h->lost = heartbeat_lost(h);
	if (!err)
		err = write_losses(h, p, time, now);
	if (!err)
		err = write_counters(h, p, time, now);
	if (!err)
		err = pipeline_append(p, &r, now);
	h->since = time;
	return err;
}

uint64_t heartbeat_lost(const struct heartbeat *h)
{
	uint64_t lost = h->misses_read;

	for (uint32_t cpu = 0; cpu < h->source->info.cpus; cpu++) {
		for (int f = 0; f < FAMILIES; f++)
			lost += h->read[cpu].family[f].lost;
	}
	return lost;
}
