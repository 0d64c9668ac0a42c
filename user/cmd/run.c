// SPDX-License-Identifier: Apache-2.0
/* indelible run: keep the pipeline going, end it cleanly. (How it is opened: run_open.c.) */
#define _GNU_SOURCE
#include "cmd/run.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/membarrier.h>

#include "capture/event_file.h"
#include "cmd/rules.h"
#include "output/output.h"

#define SECOND	     1000000000ull
#define BATCH	     64	  /* events between looks at the clock */
#define IDLE_WAIT_MS 1000 /* longest sleep */

static volatile sig_atomic_t stop_signal;

static void on_signal(int number)
{
	stop_signal = number;
}

/* --- what the person sees
 * ------------------------------------------------------------------------- */

static void clear_status(struct run *r)
{
	if (r->status_shown)
		fputs("\r\033[K", stdout);
	r->status_shown = false;
}

static void print_alert(void *ctx, uint64_t index, const struct record *alert)
{
	struct run *r = ctx;
	struct output_context context = { 0 };
	struct output_entry entry = { index, NULL, alert, &context };
	struct buffer line = { 0 };

	clear_status(r);
	output_text(&line, &entry);
	if (line.data)
		fputs(line.data, stdout);
	fflush(stdout);
	buffer_free(&line);
}

static void print_status(struct run *r)
{
	struct chain_state s;

	chain_get_state(r->pipeline.chain, &s);
	clear_status(r);
	printf("%" PRIu64 " events (%" PRIu64 "/s), %" PRIu64 " lost, %" PRIu64
	       " entries, seal %" PRIu64 " over %" PRIu64 ", %" PRIu64 " alerts",
	       r->received, r->received - r->last_received, heartbeat_lost(r->heartbeat), s.next,
	       s.seal, s.sealed, r->pipeline.alerts);
	r->last_received = r->received;
	r->status_shown = true;
	fflush(stdout);
}

/* Once a minute, for whoever keeps this output: verify --held takes SIZE:ROOT. */
static void print_seal(struct run *r)
{
	struct chain_state s;

	if (r->settings.quiet)
		return;
	chain_get_state(r->pipeline.chain, &s);
	clear_status(r);
	printf("seal %" PRIu64 " %" PRIu64 " ", s.seal, s.sealed);
	for (int i = 0; i < CHAIN_HASH; i++)
		printf("%02x", s.root[i]);
	printf("\n");
	fflush(stdout);
}

static void print_start(const struct run *r)
{
	if (r->settings.quiet)
		return;
	printf("indelible %s: hooks %s, kernel %s, scope %s\n"
	       "chain %s%s, key %s\n"
	       "verifier key (keep a copy off this host): %s\n",
	       INDELIBLE_VERSION, r->source->info.hooks, r->host.kernel, r->settings.scope_text,
	       r->settings.dir, r->opened.created ? " (new)" : "", r->opened.fingerprint,
	       r->opened.vkey);
	if (r->opened.recovered)
		printf("recovered: the last run did not end cleanly; %" PRIu64
		       " unsealed entries kept, %" PRIu64 " torn bytes left behind\n",
		       r->opened.adopted, r->opened.dead);
	fflush(stdout);
}

/* --- what is said of the run itself
 * ------------------------------------------------------------------ */

static int append_resume(struct run *r, uint64_t time)
{
	uint8_t fill[RINGS * VARINT_MAX], *end = fill;
	struct record resume = { .kind = RECORD_RESUME, .time = time, .run = r->source->info.run };
	uint64_t waiting[RINGS];

	source_fill(r->source, waiting);
	for (int i = 0; i < RINGS; i++)
		end = put_varint(end, waiting[i]);
	resume.fill = bytes_of(fill, (size_t)(end - fill));
	return pipeline_append(&r->pipeline, &resume, clock_monotonic());
}

static int append_start(struct run *r)
{
	struct chain_state s;
	int e;
	struct record start = { .kind = RECORD_START,
				.run = r->source->info.run,
				.pid = (uint32_t)getpid(),
				.cpus = r->source->info.cpus,
				.boot_time = r->boot_time };

	chain_get_state(r->pipeline.chain, &s);
	start.time = clock_epoch();
	start.model_from = r->model_from;
	memcpy(start.boot_id, r->host.boot_id, sizeof(start.boot_id));
	start.host = bytes_of_text(r->host.full_name);
	start.kernel = bytes_of_text(r->host.kernel);
	start.version = bytes_of_text(INDELIBLE_VERSION);
	start.hooks = bytes_of_text(r->source->info.hooks);
	start.scope = bytes_of_text(r->settings.scope_text);
	start.programs = bytes_of_text(r->source->info.programs);
	e = pipeline_append(&r->pipeline, &start, clock_monotonic());
	return e || !r->takeup ? e : append_resume(r, start.time);
}

/* What is recorded from here on. */
static int append_policy(struct run *r, const struct control_peer *peer, uint64_t now)
{
	struct record config = { .kind = RECORD_CONFIG,
				 .time = clock_epoch(),
				 .run = r->source->info.run,
				 .uid = peer->uid,
				 .pid = peer->pid,
				 .policy = policy_text(r->policy) };

	return pipeline_append(&r->pipeline, &config, now);
}

int run_set_policy(void *ctx, const char *path, const struct control_peer *peer, uint64_t now,
		   char *why, size_t why_size)
{
	struct run *r = ctx;
	struct policy *policy;
	int e = rules_read(&policy, path, false, why, why_size);

	if (e)
		return e;
	e = source_set_policy(r->source, policy, why, why_size);
	if (e) {
		policy_free(policy);
		return e;
	}
	policy_free(r->policy);
	r->policy = policy;
	return append_policy(r, peer, now);
}

/* --- the loop
 * ------------------------------------------------------------------------------------- */

static int append_event(struct run *r, const struct event *e, uint64_t now)
{
	struct record record, binding;
	int err;

	if (r->takeup && takeup_has(r->takeup, e))
		return 0;
	r->received++;
	if (heartbeat_is_canary(r->heartbeat, e))
		return 0;
	if (r->saved)
		event_writer_put(r->saved, e); /* its error is kept for the end */
	attribute_event(r->attribute, e, &record);
	if (record.kind == RECORD_OPEN && record.result >= 0)
		source_saw_library(r->source, record.pid, record.path);
	while (attribute_next_binding(r->attribute, &binding)) {
		binding.time = record.time;
		err = pipeline_append(&r->pipeline, &binding, now);
		if (err)
			return err;
	}
	return pipeline_append(&r->pipeline, &record, now);
}

/* Take events until none is ready or it is time to look at the clock. */
static int take_events(struct run *r, uint64_t now, int *ret_taken)
{
	const struct event *e;
	int n = 0, err = 0;

	while (!err && n < BATCH && (e = source_next(r->source))) {
		err = append_event(r, e, now);
		n++;
	}
	*ret_taken = n;
	return err;
}

/* The keeper was ended by somebody, or stood still: that is for the record. */
static int record_keeper(struct run *r, uint64_t now)
{
	struct record keeper = { .kind = RECORD_KEEPER,
				 .time = clock_epoch(),
				 .run = r->source->info.run };
	const char *why;
	unsigned restarts = chain_restarts(r->pipeline.chain, &why, &keeper.pid);

	if (restarts == r->restarts)
		return 0;
	r->restarts = restarts;
	keeper.count = restarts;
	keeper.name = bytes_of_text(why);
	source_set_keeper(r->source, keeper.pid);
	return pipeline_append(&r->pipeline, &keeper, now);
}

static int keep_beating(struct run *r, uint64_t now)
{
	if (!heartbeat_is_open(r->heartbeat) && now >= r->next_heartbeat) {
		r->next_heartbeat = now + SECOND;
		r->boot_time = clock_boot_time();
		attribute_set_boot_time(r->attribute, r->boot_time);
		attribute_refresh(r->attribute);
		heartbeat_begin(r->heartbeat, now);
	}
	if (heartbeat_is_open(r->heartbeat) && source_drained(r->source)) {
		takeup_close(r->takeup); /* what waited for us has been taken */
		r->takeup = NULL;
		return heartbeat_finish(r->heartbeat, &r->pipeline, clock_epoch(), r->received,
					now);
	}
	return 0;
}

/* Written is what outlives us. */
static void note_written(struct run *r)
{
	struct chain_state s;

	if (!source_goes_on(r->source))
		return;
	chain_get_state(r->pipeline.chain, &s);
	source_note(r->source, s.next, s.written);
}

static int sleep_until_due(struct run *r, uint64_t now)
{
	uint64_t due = chain_due(r->pipeline.chain), wait;

	if (r->next_heartbeat < due)
		due = r->next_heartbeat;
	if (control_due(r->control) < due)
		due = control_due(r->control);
	wait = due > now ? (due - now) / 1000000 + 1 : 0;
	return source_wait(r->source, wait > IDLE_WAIT_MS ? IDLE_WAIT_MS : (int)wait);
}

static void pack_segments(struct run *r, uint64_t now)
{
	const char *trouble = packer_serve(&r->packer, r->pipeline.chain, now);

	if (!trouble)
		return;
	clear_status(r);
	complain(0, "run: %s", trouble);
}

static int loop(struct run *r)
{
	uint64_t now = clock_monotonic(), end = UINT64_MAX;
	int err, taken;

	if (r->settings.seconds)
		end = now + r->settings.seconds * SECOND;
	r->next_seal = now + 60 * SECOND;
	while (!stop_signal && now < end) {
		err = take_events(r, now, &taken);
		now = clock_monotonic();
		if (!err && !r->settings.events)
			err = keep_beating(r, now);
		if (!err)
			err = chain_tick(r->pipeline.chain, now);
		if (!err)
			err = record_keeper(r, now);
		if (err)
			return err;
		note_written(r);
		control_serve(r->control, r->pipeline.chain, now);
		if (!r->settings.no_pack)
			pack_segments(r, now);
		if (r->terminal && !r->settings.quiet && now >= r->next_status) {
			r->next_status = now + SECOND;
			print_status(r);
		}
		if (now >= r->next_seal) {
			r->next_seal = now + 60 * SECOND;
			print_seal(r);
		}
		if (taken)
			continue;
		err = sleep_until_due(r, now);
		if (err == -ENODATA)
			return 0;
		if (err < 0)
			return err;
		now = clock_monotonic();
	}
	return 0;
}

/* --- the end
 * -------------------------------------------------------------------------------------- */

/* The programs are off, but one may still be in the middle: wait until all have left. */
static void let_programs_finish(void)
{
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) < 0)
		usleep(100000);
}

static int drain(struct run *r)
{
	int err, taken;

	heartbeat_begin_last(r->heartbeat);
	do {
		err = take_events(r, clock_monotonic(), &taken);
		if (!err)
			err = chain_tick(r->pipeline.chain, clock_monotonic());
	} while (!err && ((taken && !source_goes_on(r->source)) || !source_drained(r->source)));
	return err ? err
		   : heartbeat_finish(r->heartbeat, &r->pipeline, clock_epoch(), r->received,
				      clock_monotonic());
}

static int end_run(struct run *r)
{
	struct record stop = { .kind = source_goes_on(r->source) ? RECORD_PAUSE : RECORD_STOP,
			       .run = r->source->info.run };
	uint64_t now;
	int err = 0;

	source_stop(r->source);
	let_programs_finish();
	if (!r->settings.events)
		err = drain(r);
	now = clock_monotonic();
	stop.time = clock_epoch();
	stop.received = r->received;
	if (!err)
		err = pipeline_append_digest(&r->pipeline, stop.time, now);
	return err ? err : pipeline_append(&r->pipeline, &stop, now);
}

static int report_stopped_chain(struct run *r, int err)
{
	const char *why = chain_stop_reason(r->pipeline.chain);

	clear_status(r);
	return complain(EXIT_COULD_NOT,
			"run: stopped: %s; what was sealed stays, start again to recover",
			*why ? why : strerror(-err));
}

static int collect(struct run *r)
{
	struct chain_error err = { 0 };
	struct chain *chain;
	struct chain_state s;
	const struct control_peer self = { geteuid(), (uint32_t)getpid() };
	int e = append_start(r);

	if (!e && r->policy)
		e = append_policy(r, &self, clock_monotonic());
	if (!e)
		e = loop(r);
	if (!e)
		e = end_run(r);
	if (e)
		return report_stopped_chain(r, e);
	clear_status(r);
	chain = r->pipeline.chain;
	r->pipeline.chain = NULL;
	chain_get_state(chain, &s);
	e = chain_close(chain, clock_monotonic(), &err);
	if (e)
		return complain(EXIT_COULD_NOT, "run: the chain could not be closed: %s",
				err.text[0] ? err.text : strerror(-e));
	source_note(r->source, s.next, s.next); /* all of it is on the disk */
	if (!r->settings.quiet)
		printf("closed: %" PRIu64 " events, %" PRIu64 " lost, %" PRIu64 " entries, %" PRIu64
		       " alerts\n",
		       r->received, r->heartbeat ? heartbeat_lost(r->heartbeat) : 0, s.next,
		       r->pipeline.alerts);
	if (r->settings.events && event_file_damage(r->source))
		return complain(EXIT_BAD, "run: %s: damaged at offset %" PRIu64, r->settings.events,
				event_file_damage(r->source));
	return EXIT_GOOD;
}

int cmd_run(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_signal };
	struct run *r = calloc(1, sizeof(*r));
	int e;

	if (!r)
		return complain(EXIT_COULD_NOT, "run: out of memory");
	if (!settings_parse(argc, argv, &r->settings)) {
		free(r);
		return EXIT_COULD_NOT;
	}
	packer_init(&r->packer, r->settings.dir);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	signal(SIGPIPE, SIG_IGN);  /* nobody reads what we print: go on collecting */
	prctl(PR_SET_DUMPABLE, 0); /* no core, no debugger of the same user */
	signal(SIGXFSZ, SIG_IGN);  /* a file size limit is a full disk, not a death */
	r->terminal = isatty(STDOUT_FILENO);
	r->pipeline.on_alert = print_alert;
	r->pipeline.ctx = r;
	e = run_open(r);
	if (!e) {
		/* Keep up with floods; where that is not allowed, the counters will tell. */
		setpriority(PRIO_PROCESS, 0, -10);
		print_start(r);
		e = collect(r);
	}
	run_close(r);
	free(r);
	return e;
}
