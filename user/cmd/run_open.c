// SPDX-License-Identifier: Apache-2.0
/* indelible run, its beginning and its end: the parts of the pipeline, opened in the order in which
 * each needs the ones before. */
#define _GNU_SOURCE
#include "cmd/run.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "capture/event_file.h"
#include "capture/proc.h"
#include "cmd/history.h"
#include "cmd/new_log.h"
#include "cmd/rules.h"

static int open_chain(struct run *r)
{
	char *schema = malloc(SCHEMA_ROOM);
	struct chain_options options = { .dir = r->settings.dir,
					 .name = r->host.name,
					 .segment_bytes = r->settings.segment_bytes,
					 .keeper = KEEPER_PROGRAM };
	struct chain_error err = { 0 };
	ssize_t n;
	int e;

	if (!schema)
		return complain(EXIT_COULD_NOT, "run: out of memory");
	e = history_key(r->settings.dir, r->key, &err);
	if (e == -ENOENT && getrandom(r->key, sizeof(r->key), 0) == sizeof(r->key))
		e = 0; /* a new chain gets a new key */
	if (e) {
		free(schema);
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "run: %s",
				err.text[0] ? err.text : strerror(-e));
	}
	n = history_schema(&r->host, r->key, schema);
	if (n < 0) {
		free(schema);
		return complain(EXIT_COULD_NOT, "run: the schema does not fit");
	}
	options.machine_id = bytes_of_text(r->host.machine_id);
	options.schema = bytes_of(schema, (size_t)n);
	memcpy(options.boot_id, r->host.boot_id, sizeof(options.boot_id));
	e = chain_open(&r->pipeline.chain, &options, &r->opened, &err);
	free(schema);
	if (e)
		return complain(e == -EBADMSG || e == -ESTALE ? EXIT_BAD : EXIT_COULD_NOT,
				"run: %s", err.text[0] ? err.text : strerror(-e));
	return EXIT_GOOD;
}

static int open_model(struct run *r)
{
	struct score_options options;
	struct chain_error err = { 0 };
	struct chain_state s;
	int e;

	memcpy(options.key, r->key, sizeof(options.key));
	e = score_open(&r->pipeline.score, &options);
	if (e)
		return complain(EXIT_COULD_NOT, "run: cannot make the model: %s", strerror(-e));
	chain_get_state(r->pipeline.chain, &s);
	e = history_begin(r->settings.dir, s.next, &r->model_from, &err);
	if (!e)
		e = history_learn(r->pipeline.score, r->settings.dir, r->model_from, s.next, &err);
	if (e)
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT,
				"run: cannot rebuild the model: %s", err.text);
	return EXIT_GOOD;
}

static int open_source(struct run *r)
{
	char err[512];
	int e;

	if (r->settings.events) {
		e = event_file_open(&r->source, r->settings.events);
		if (e == -EBADMSG)
			return complain(EXIT_BAD, "run: %s is no event file of version %d",
					r->settings.events, EVENT_VERSION);
		if (e)
			return complain(EXIT_COULD_NOT, "run: %s: %s", r->settings.events,
					strerror(-e));
		return EXIT_GOOD;
	}
	do {
		if (getrandom(&r->settings.loader.run, sizeof(r->settings.loader.run), 0) < 0)
			return complain(EXIT_COULD_NOT, "run: no randomness: %s", strerror(errno));
	} while (r->settings.loader.run == 0);
	e = rules_read(&r->policy, r->settings.policy, r->settings.all_opens, err, sizeof(err));
	if (e)
		return complain(e == -EINVAL ? EXIT_BAD : EXIT_COULD_NOT, "run: %s", err);
	r->settings.loader.policy = r->policy;
	e = loader_open(&r->source, &r->settings.loader, err, sizeof(err));
	return e ? complain(EXIT_COULD_NOT, "run: %s", err) : EXIT_GOOD;
}

static int look_up(void *ctx, uint32_t pid, struct task_facts *ret)
{
	(void)ctx;
	return proc_read(pid, ret);
}

struct snapshot {
	struct attribute *attribute;
	struct task_facts facts;
};

static int add_task(void *ctx, uint32_t pid)
{
	struct snapshot *s = ctx;

	if (!proc_read(pid, &s->facts))
		attribute_task(s->attribute, &s->facts);
	return 0;
}

/* The rings are open: whoever starts from here on is an event, all others are in /proc. */
static int open_attribution(struct run *r)
{
	struct attribute_options options = { .boot_time = r->boot_time };
	struct snapshot *snapshot;
	int e;

	if (!r->settings.events)
		options.look_up = look_up;
	e = attribute_open(&r->attribute, &options);
	if (e)
		return complain(EXIT_COULD_NOT, "run: no process table: %s", strerror(-e));
	if (r->settings.events)
		return EXIT_GOOD;
	snapshot = malloc(sizeof(*snapshot));
	if (!snapshot)
		return complain(EXIT_COULD_NOT, "run: out of memory");
	snapshot->attribute = r->attribute;
	proc_each(add_task, snapshot);
	free(snapshot);
	return EXIT_GOOD;
}

/* Collecting goes on without it. */
static void open_control(struct run *r)
{
	struct control_calls calls = { .ctx = r };
	int error;

	if (r->policy)
		calls.set_policy = run_set_policy;
	error = control_start(&r->control, r->settings.dir, &calls);

	if (error)
		complain(0,
			 "run: archive, prune and policy cannot reach us: no socket in %s.keys: %s",
			 r->settings.dir, strerror(-error));
}

static int other_log(const struct run *r)
{
	return complain(EXIT_COULD_NOT,
			"run: the programs in %s collect for another log than %s; to begin "
			"anew, remove the directory with all that is in it",
			r->settings.loader.pin, r->settings.dir);
}

static int open_takeup(struct run *r)
{
	struct chain_error err = { 0 };
	int e = takeup_open(&r->takeup, r->settings.dir, r->source->info.run, r->source->info.cpus,
			    &err);

	if (e == -ENOENT)
		return other_log(r);
	if (e)
		return complain(e == -EBADMSG ? EXIT_BAD : EXIT_COULD_NOT, "run: %s",
				err.text[0] ? err.text : strerror(-e));
	heartbeat_go_on(r->heartbeat, r->takeup);
	return EXIT_GOOD;
}

int run_open(struct run *r)
{
	char err[512];
	int e = host_read(&r->host);

	if (e)
		return complain(EXIT_COULD_NOT, "run: cannot tell which boot this is: %s",
				strerror(-e));
	r->boot_time = clock_boot_time();
	e = open_source(r);
	if (!e && heartbeat_open(&r->heartbeat, r->source))
		e = complain(EXIT_COULD_NOT, "run: out of memory");
	if (!e && r->settings.save_events) {
		int error = event_writer_open(&r->saved, r->settings.save_events);

		if (error)
			e = complain(EXIT_COULD_NOT, "run: %s: %s", r->settings.save_events,
				     strerror(-error));
	}
	if (!e && r->settings.new_log && r->source->info.taken_up)
		e = other_log(r);
	if (!e && r->settings.new_log)
		e = begin_new_log(r->settings.dir, &r->host, r->settings.quiet);
	if (!e)
		e = open_chain(r);
	if (!e && r->source->info.taken_up)
		e = open_takeup(r);
	if (!e)
		e = open_model(r);
	if (!e)
		open_control(r);
	if (!e) {
		const char *why;
		uint32_t keeper;

		chain_restarts(r->pipeline.chain, &why, &keeper);
		source_set_keeper(r->source, keeper);
	}
	if (!e && source_start(r->source, err, sizeof(err)))
		e = complain(EXIT_COULD_NOT, "run: %s", err);
	return e ? e : open_attribution(r);
}

void run_close(struct run *r)
{
	struct chain_error err;

	if (event_writer_close(r->saved))
		complain(0, "run: %s could not be written whole", r->settings.save_events);
	control_stop(r->control);
	packer_stop(&r->packer);
	takeup_close(r->takeup);
	source_close(r->source);
	policy_free(r->policy);
	attribute_close(r->attribute);
	heartbeat_close(r->heartbeat);
	score_close(r->pipeline.score);
	/* Still open when something else failed: that is no crash. A stopped chain is let go. */
	chain_close(r->pipeline.chain, clock_monotonic(), &err);
}
