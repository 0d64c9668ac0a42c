// SPDX-License-Identifier: Apache-2.0
/*
 * Days of ordinary work, as a kernel sees it: every program start is a burst of opens, a search
 * along PATH and some short children; and what a stranger does in between.
 */
#include <errno.h>
#include <sys/socket.h>

#include "score/alert.h"
#include "score_make.h"

#define DAYS   6
#define SEARCH 4 /* directories of PATH before the one that has it */

struct world {
	struct score *score;
	uint64_t index, time, seed, process;
	unsigned alerts;
	struct record alert;
};

struct worker {
	const char *user;
	uint8_t actor;
	unsigned programs, commands; /* it knows; it runs in a day */
};

static const struct worker workers[] = {
	{ "alice", ACTOR_HUMAN, 40, 900 },	  { "bob", ACTOR_HUMAN, 25, 600 },
	{ "carol", ACTOR_HUMAN, 30, 700 },	  { "dave", ACTOR_HUMAN, 60, 500 },
	{ "", ACTOR_UNKNOWN, 20, 400 },		  { "cron.service", ACTOR_SERVICE, 6, 300 },
	{ "web.service", ACTOR_SERVICE, 0, 500 },
};
#define WORKERS (sizeof(workers) / sizeof(*workers))

static void open_world(struct world *w)
{
	*w = (struct world){ .time = EPOCH, .seed = 5 };
	ck_assert_int_eq(score_open(&w->score, &test_options), 0);
}

static int feed(struct world *w, const struct worker *worker, struct record r)
{
	int alert;

	r.actor = worker->actor;
	r.seq = w->index;
	r.start = w->process;
	r.time = w->time += SECOND / 2000;
	alert = score_record(w->score, w->index++, &r, &w->alert);
	w->alerts += (unsigned)alert;
	return alert;
}

/* The shell tries each directory. */
static int search(struct world *w, const struct worker *worker, const char *name)
{
	int alerts = 0;

	for (int i = 0; i < SEARCH; i++) {
		char path[64];
		struct record r;

		snprintf(path, sizeof(path), "/opt/path%d/bin/%s", i, name);
		r = make_exec(worker->user, path, 0);
		r.result = -ENOENT;
		r.flags = RECORD_UNVERIFIED;
		alerts += feed(w, worker, r);
	}
	return alerts;
}

/* Every program has its own dozens of files, and looks for some that are not there. */
static int load(struct world *w, const struct worker *worker, unsigned program)
{
	unsigned files = 5 + program * 7 % 45;
	int alerts = 0;

	for (unsigned i = 0; i < files; i++) {
		char path[64];
		struct record r;

		snprintf(path, sizeof(path), "/usr/lib/app%u/part%u/x", program, i);
		r = make_open(worker->user, path, O_RDONLY, 0);
		r.result = i % 3 ? 3 : -ENOENT;
		alerts += feed(w, worker, r);
	}
	return alerts;
}

static int run(struct world *w, const struct worker *worker, unsigned program)
{
	char name[32], path[64];
	int alerts;

	snprintf(name, sizeof(name), "app%u", program);
	snprintf(path, sizeof(path), "/usr/bin/%s", name);
	w->process++;
	alerts = search(w, worker, name);
	alerts += feed(w, worker, make_exec(worker->user, path, 0));
	return alerts + load(w, worker, program);
}

/* A build: hundreds of processes of five programs within seconds. */
static void build(struct world *w, const struct worker *worker)
{
	for (unsigned i = 0; i < 200; i++)
		run(w, worker, 900 + i % 5);
}

static void serve(struct world *w, const struct worker *worker)
{
	char path[64];

	snprintf(path, sizeof(path), "/srv/www/page%u", (unsigned)(chance(&w->seed) % 50));
	feed(w, worker, make_open(worker->user, path, O_RDONLY, 0));
	feed(w, worker, make_open(worker->user, "/var/log/web/access", O_WRONLY, 0));
}

/* Mostly the first programs of one's list; people's lists overlap by half. */
static void work(struct world *w, const struct worker *worker)
{
	unsigned first = 20 * (unsigned)(worker - workers);
	uint64_t a, b;

	if (!worker->programs) {
		serve(w, worker);
		return;
	}
	a = chance(&w->seed) % worker->programs;
	b = chance(&w->seed) % worker->programs;
	run(w, worker, first + (unsigned)(a < b ? a : b));
}

static void live_day(struct world *w, unsigned day)
{
	w->time = EPOCH + (day * 24ull + 8) * HOUR;
	for (unsigned i = 0; i < 1000; i++) {
		w->time += 30 * SECOND;
		for (size_t k = 0; k < WORKERS; k++)
			if (i * workers[k].commands / 1000 != (i + 1) * workers[k].commands / 1000)
				work(w, &workers[k]);
		if (i % 400 == 100)
			build(w, &workers[0]);
	}
	/* something new a day, with all that it opens */
	run(w, &workers[day % 4], 2000 + day);
}

static void live(struct world *w, unsigned days)
{
	for (unsigned day = 0; day < days; day++)
		live_day(w, day);
}

START_TEST(days_of_work_raise_nothing)
{
	struct world w;
	char line[1024] = "";

	open_world(&w);
	for (unsigned day = 0; day < 2 * DAYS && !w.alerts; day++)
		live_day(&w, day);
	if (w.alerts)
		alert_explain(&w.alert, line, sizeof(line));
	ck_assert_msg(w.alerts == 0, "%s", line);
	score_close(w.score);
}
END_TEST

/* Nothing that the severity table knows: only what alice never did. */
static int intrude(struct world *w, unsigned number)
{
	static const uint8_t address[4] = { 203, 0, 113, 9 };
	struct record r = make_event(RECORD_CONNECT, "alice", 0);
	int alerts = run(w, &workers[0], 3000 + number);

	r.family = AF_INET;
	r.address = bytes_of(address, 4);
	r.port = 4444;
	alerts += feed(w, &workers[0], r);
	w->time += 5 * SECOND;
	return alerts;
}

START_TEST(a_stranger_after_the_baseline_is_noticed)
{
	struct world w;
	unsigned number = 0;

	open_world(&w);
	live(&w, DAYS);
	while (number < 20 && !intrude(&w, number))
		number++;
	ck_assert_uint_lt(number, 20);
	ck_assert(bytes_equal(w.alert.entity, bytes_of_text("alice")));
	score_close(w.score);
}
END_TEST

/* The same programs as in the test above, on the first day. */
START_TEST(the_first_day_is_quiet_but_for_severity)
{
	struct record r = make_open("", "/etc/ld.so.preload", O_WRONLY | O_CREAT, 0);
	struct world w;
	char line[1024];

	open_world(&w);
	for (unsigned number = 0; number < 40; number++)
		ck_assert_int_eq(intrude(&w, number), 0);
	ck_assert_int_eq(feed(&w, &workers[4], r), 1); /* its first event of all */
	ck_assert_int_gt(alert_explain(&w.alert, line, sizeof(line)), 0);
	ck_assert_ptr_nonnull(strstr(line, "wrote the preload list"));
	ck_assert_ptr_nonnull(strstr(line, "; baseline 0/2,000;"));
	score_close(w.score);
}
END_TEST

/* Bits of a whole program start, and what an hour gives back. */
START_TEST(one_process_says_little)
{
	struct world w;

	open_world(&w);
	live(&w, DAYS);
	w.process++;
	for (unsigned program = 0; program < 40; program++) /* execs without a fork */
		ck_assert_int_eq(load(&w, &workers[0], 4000 + program), 0);
	for (unsigned hour = 0; hour < 3; hour++) {
		w.time += HOUR;
		ck_assert_int_eq(load(&w, &workers[0], 5000 + hour), 0);
	}
	score_close(w.score);
}
END_TEST

int main(void)
{
	const TTest *tests[] = { days_of_work_raise_nothing,
				 a_stranger_after_the_baseline_is_noticed,
				 the_first_day_is_quiet_but_for_severity, one_process_says_little };

	return run_tests("score_days", tests, sizeof(tests) / sizeof(*tests));
}
