// SPDX-License-Identifier: Apache-2.0
/* Any run of whole events becomes records that fit the chain. One input is many events: a header
 * each, as event.h has it, with the texts behind it; what would be no whole event is made one. */
#include "attribute/attribute.h"
#include "capture/event_check.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static union {
	struct event e;
	uint8_t bytes[sizeof(struct event) + EVENT_TEXT_MAX];
} room;

/* The next event of the input; the bytes used, 0 when there are too few for another. */
static size_t next_event(const uint8_t *data, size_t size)
{
	struct event *e = &room.e;
	size_t texts = 0, left;

	if (size < sizeof(*e))
		return 0;
	left = size - sizeof(*e);
	memcpy(e, data, sizeof(*e));
	e->kind = (uint8_t)(EVENT_EXEC + e->kind % EVENT_CONNECT);
	e->ring %= RINGS;
	e->call %= CALLS;
	e->flags &= (1u << EVENT_FLAGS) - 1;
	e->pid %= 16; /* who meets again */
	e->tid %= 16;
	e->start %= 4;
	if (e->kind == EVENT_FORK) {
		e->fork.child_pid %= 16;
		e->fork.child_tid %= 16;
		e->fork.child_start %= 4;
	}
	for (int i = 0; i < TEXTS; i++) {
		if (texts + e->text[i] > left || texts + e->text[i] > EVENT_TEXT_MAX)
			e->text[i] = 0;
		texts += e->text[i];
	}
	memcpy(e + 1, data + sizeof(*e), texts);
	e->size = (uint32_t)(sizeof(*e) + texts);
	CHECK(event_is_whole(e, e->size));
	return e->size;
}

static int ask_anything(void *ctx, uint32_t pid, struct task_facts *ret)
{
	(void)ctx;
	memset(ret, 0, sizeof(*ret));
	ret->pid = pid;
	ret->parent = pid * 7 % 16;
	snprintf(ret->exe, sizeof(ret->exe), "/bin/%u", pid);
	snprintf(ret->cgroup, sizeof(ret->cgroup), "0::/system.slice/%u.service\n", pid);
	return pid % 2 ? 0 : -1;
}

static void check_record(const struct record *r)
{
	static uint8_t encoded[RECORD_MAX];
	struct record back;
	ssize_t n = record_encode(r, encoded, sizeof(encoded));

	CHECK(n > 0);
	CHECK(record_decode(bytes_of(encoded, (size_t)n), &back) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attribute_options options = { .processes = 8,
					     .threads = 8,
					     .look_up = ask_anything };
	struct attribute *attribute;
	struct record record, binding;
	size_t used;

	CHECK(attribute_open(&attribute, &options) == 0);
	while ((used = next_event(data, size))) {
		attribute_event(attribute, &room.e, &record);
		while (attribute_next_binding(attribute, &binding))
			check_record(&binding);
		check_record(&record);
		data += used;
		size -= used;
	}
	attribute_close(attribute);
	return 0;
}
